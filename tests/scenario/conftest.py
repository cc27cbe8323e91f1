"""Fixtures of the scenarios."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Iterator

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import fake_tree  # noqa: E402
import kit  # noqa: E402
from shop import Shop  # noqa: E402


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


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that somebody is at work in."""
    path = tmp_path_factory.mktemp("tree") / "linux"
    fake_tree.Repository(path).make_dirty()
    return path


@pytest.fixture
def shop(bench: kit.Bench, repository: Path) -> Iterator[Shop]:
    """A shop with a copy of that repository, in which, whatever happens, each
    file stays as it is."""
    linux = bench.dir / "linux"
    shutil.copytree(repository, linux, symlinks=True)
    (bench.dir / "home").mkdir()
    bench.env["HOME"] = str(bench.dir / "home")
    bench.env["CCACHE_DIR"] = str(bench.dir / "ccache")
    before = fake_tree.snapshot(linux)
    yield Shop(bench)
    bench.no_process_left()
    assert fake_tree.snapshot(linux) == before
