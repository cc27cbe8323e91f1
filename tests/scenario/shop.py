"""A Bench where kernels are built: the user's repository, a series, a study."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import fake_tree
import kit

ONE_CONFIG = "configs: { nort: { base: tiny, fragments: [virt] } }\n"
TWO_CONFIGS = """\
configs:
  nort:     { base: tiny, fragments: [virt] }
  lockstat: { extends: nort, set: { DEBUG_KERNEL: y, LOCK_STAT: y } }
"""


class Run:
    """How a klab run ended, and what it did."""

    def __init__(self, result: kit.Result) -> None:
        self.code, self.out, self.err = result.code, result.out, result.err
        self.errors = result.errors()
        #: (stage, config) of kernels that were built, in order.
        self.built = re.findall(r"^build \w+: stage (\S+), config (\S+): ok",
                                self.err, re.M)
        self.broken = re.findall(
            r"^build: stage (\S+), config (\S+): does not build", self.err,
            re.M)
        #: (stage, config) of boots.
        self.booted = re.findall(r"^boot \w+: (\S+), (\S+), icount", self.err,
                                 re.M)


class Shop:
    """Call order: patches into series, study(), run()."""

    def __init__(self, bench: kit.Bench) -> None:
        self.bench = bench
        self.dir = bench.dir
        self.lab = bench.lab
        self.series = fake_tree.Series(bench.dir / "series")

    def study(self, name: str = "s", *, source: str = "git: linux",
              series: str | None = "./series", configs: str = ONE_CONFIG,
              more: str = "") -> Path:
        lines = f"series: {series}\n" if series else ""
        return self.bench.write(
            f"{name}.yaml",
            f"study: {name}\nsource: {{ {source} }}\n{lines}{configs}"
            "machines: [icount-1cpu]\nworkloads: [boot]\nboots: 1\n"
            f"{more}")

    def run(self, study: Path, *words: str, code: int = kit.DONE,
            **how: Any) -> Run:
        run = Run(self.bench.klab("run", "-j2", *words, study, **how))
        assert run.code == code, run.err
        return run

    # ---- what came of it ----

    def variants(self, study: str = "s") -> dict[tuple[int, str], str]:
        """State by stage and config."""
        return {(stage, config): state for stage, config, state in
                self.bench.rows(
                    "SELECT v.stage, v.config, v.state FROM variant v JOIN "
                    "study s ON s.id = v.study WHERE s.name = ?", study)}

    def outcomes(self, study: str = "s") -> dict[tuple[int, str], str]:
        """Outcome of the boot by stage and config."""
        return {(stage, config): outcome for stage, config, outcome in
                self.bench.rows(
                    "SELECT c.stage, c.config, b.outcome FROM cell c JOIN "
                    "study s ON s.id = c.study JOIN boot b ON b.id = c.boot "
                    "WHERE s.name = ?", study)}

    def all_well(self, stages: int, configs: int = 1, study: str = "s"
                 ) -> None:
        """So many kernels, each of them built and booted."""
        assert set(self.variants(study).values()) == {"ready"}
        assert len(self.variants(study)) == stages * configs
        assert set(self.outcomes(study).values()) == {"ok"}
        assert len(self.outcomes(study)) == stages * configs
        assert list(self.lab.glob("obj/*.building")) == []
        assert list(self.lab.glob("obj/*.old.*")) == []
        assert list(self.lab.glob("kernels/.new.*")) == []

    def manifests(self) -> dict[str, dict[str, Any]]:
        """By key."""
        return {path.parent.name: json.loads(path.read_text()) for path in
                self.lab.glob("kernels/*/manifest.json")}

    def log_of(self, stage: int, config: str = "nort") -> str:
        """What make said, from the log that the lab keeps."""
        (state, key, log), = self.bench.rows(
            "SELECT state, kernel_key, log FROM variant WHERE stage = ? AND "
            "config = ?", stage, config)
        path = self.lab / (log if state == "broken"
                           else f"kernels/{key}/build.log.zst")
        return subprocess.run(["zstdcat", path], check=True,
                              capture_output=True).stdout.decode()

    # ---- builds that wait ----

    def build_path(self) -> Path:
        """A folder that builds have first in their PATH, read-only."""
        folder = self.dir / "tools"
        folder.mkdir(exist_ok=True)
        self.bench.env["KLAB_BUILD_PATH"] = f"{folder}:/usr/bin:/bin"
        return folder

    def gate(self) -> tuple[kit.Events, kit.Gate, str]:
        """What tells that a build has begun, what lets it go on, and commands
        for Series.hook() that do both."""
        folder = self.build_path()
        events = kit.Events(folder / "begun")
        gate = kit.Gate(folder / "go")
        self.bench.fifos += [events, gate]
        return events, gate, (f"echo 1 1 >{events.path}\n"
                              f"dd if={gate.path} bs=1 count=1 status=none")

    def program(self, name: str, text: str) -> Path:
        """A program that klab finds first in its PATH."""
        folder = self.dir / "bin"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(text)
        path.chmod(0o755)
        self.bench.env["PATH"] = f"{folder}:{os.environ['PATH']}"
        return path
