"""One browser and a few reports for all tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Iterator

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "analysis"),
                str(Path(__file__).parent)]

import axe  # noqa: E402
import samples  # noqa: E402
from analysis import report  # noqa: E402
from chrome import Chrome  # noqa: E402


@pytest.fixture(scope="session")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """The browser; ends, with all its processes, at the last test."""
    made = Chrome(tmp_path_factory.mktemp("chrome"))
    yield made
    made.quit()


def write(db: Path, study: str, name: str) -> Path:
    """The report of a study, in reports/NAME of its lab."""
    return report.write(db, db.parent, study, db.parent / "reports" / name)[0]


@pytest.fixture(scope="session")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a series of 36 stages."""
    folder = tmp_path_factory.mktemp("series")
    return write(samples.series(folder), "series", "series")


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory,
          series: Path) -> list[Path]:
    """One page of each kind: report, index, history, bisects."""
    folder = tmp_path_factory.mktemp("releases")
    path = write(samples.releases(folder), "releases", "releases")
    lab = series.parents[2] / "lab.db"
    samples.judge(lab)
    bisects = samples.bisects(lab.parent)
    index = report.write_index(lab, series.parents[1])
    return [series, index, path.parent / "history.html", *bisects]


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a lab where strangers chose all words."""
    folder = tmp_path_factory.mktemp("hostile")
    study = samples.HOSTILE["tags"]
    return write(samples.hostile(folder, study), study, "hostile")


@pytest.fixture(scope="session")
def hostile_pages(tmp_path_factory: pytest.TempPathFactory,
                  hostile: Path) -> list[Path]:
    """One page of each kind, the report first."""
    folder = tmp_path_factory.mktemp("hostile-releases")
    path = write(samples.releases(folder, tuple(samples.HOSTILE.values())),
                 "releases", "releases")
    lab = hostile.parents[2] / "lab.db"
    samples.add_studies(lab, hostile.parents[1])
    bisects = samples.hostile_bisects(lab.parent)
    return [hostile, report.write_index(lab, hostile.parents[1]),
            path.parent / "history.html", *bisects]


@pytest.fixture(scope="session")
def axe_source() -> str:
    """The code of axe-core."""
    return axe.source(ROOT / os.environ.get("KLAB_BUILD", "build"))
