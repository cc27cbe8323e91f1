"""Fixtures of the scenarios."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Iterator

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import kit  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
    """What is left out, for lack of root, is told by name."""
    config.option.reportchars += "s"


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """The programs are there; `make check-scenario` builds them."""
    for path in (kit.program(), kit.BUILD / "agent", kit.BUILD / "fake_qemu"):
        assert path.exists(), f"{path} is not built: run make check-scenario"


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder with a name of its own."""
    path = Path(tempfile.mkdtemp(prefix="klab-test-", dir=kit.roomy_memory()))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def bench(folder: Path) -> Iterator[kit.Bench]:
    """A folder with a lab, checked for processes that were left behind."""
    with kit.bench_in(folder) as made:
        yield made
        assert not kit.processes_of(folder), "processes left behind"
