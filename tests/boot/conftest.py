"""Real boots of real kernels: nothing here is faked.

One lab is filled once for the whole session; the tests look at it and add to it.
Packages come from the mirror of the system's own apt.
"""

import json
import pathlib
import sqlite3
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
KLAB = ROOT / "klab"
SERIES = ROOT / "configs" / "studies" / "series.yaml"

STUDY = """\
study: real
source:
  suite: bookworm
  debian-image:
    - {name: "6.1", package: linux-image-amd64}
    - {name: "6.12-rt", package: linux-image-6.12-rt-amd64}
machines: [icount-1cpu, icount-2cpu]
workloads:
  - hackbench-threads
  - cyclictest: {load: hackbench}
boots: 2
"""


class Lab:
    """A lab folder and the klab that works on it."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.path = folder / "lab"

    def klab(self, *words: str) -> subprocess.CompletedProcess:
        """Runs klab; output is text."""
        command = [str(KLAB), "--lab", str(self.path), *words]
        return subprocess.run(command, capture_output=True, text=True,
                              timeout=1800, check=False)

    def study(self, name: str, text: str) -> str:
        """Writes a study file and returns its path."""
        path = self.folder / f"{name}.yaml"
        path.write_text(text)
        return str(path)

    def rows(self, sql: str, *values) -> list[tuple]:
        """All rows of a query on lab.db."""
        with sqlite3.connect(f"file:{self.path}/lab.db?mode=ro", uri=True) as db:
            return db.execute(sql, values).fetchall()

    def spec(self, boot: str) -> dict:
        """The stored spec of a boot."""
        return json.loads((self.path / "boots" / boot / "spec.json").read_text())


@pytest.fixture(scope="session")
def filled(tmp_path_factory) -> Lab:
    """A lab with the study above done; its result is in .done."""
    lab = Lab(tmp_path_factory.mktemp("real"))
    lab.done = lab.klab("run", lab.study("real", STUDY))
    return lab


@pytest.fixture(scope="session")
def series(tmp_path_factory) -> Lab:
    """A lab with the study of planted faults done; its result is in .done, the
    verdicts by (config, stage) in .rows_of."""
    lab = Lab(tmp_path_factory.mktemp("series"))
    lab.done = lab.klab("run", str(SERIES))
    compared = lab.klab("compare", "--json", "--metric", "time", "series")
    assert compared.returncode == 1, compared.stderr + lab.done.stderr
    lab.table = json.loads(compared.stdout)
    lab.rows_of = {(row["config"], row["stage"]): row
                   for row in lab.table["rows"]}
    return lab
