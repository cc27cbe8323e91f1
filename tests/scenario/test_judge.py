"""klab judge: what it says of a commit, and what is no commit of a kernel."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import fake_tree
import kit
from shop import Shop
from test_bisect import Hunt, commits


@pytest.fixture
def hunt(shop: Shop) -> Hunt:
    return Hunt(shop)


@pytest.mark.parametrize("boots, play, said", [
    (2, "1=panic 2=exit", "bad: panic: "),
    (2, "1=exit 2=panic", "bad: panic: "),
    (1, "1=exit", "untestable: workload-failed: "),
    (1, "ok", "good: 1 boot does not show it\n"),
    (2, "ok", "good: 2 boots do not show it\n")])
def test_reason(hunt: Hunt, tmp_path: Path, boots: int, play: str,
                said: str) -> None:
    """It is that of a boot that counts."""
    repo = commits(tmp_path / "linux")
    run = hunt.bench.klab("judge", "--broken=panic", f"--boots={boots}",
                          hunt.study(series=""), play=play, cwd=repo.path)
    assert run.out.startswith(said), run.out + run.err


# ---- where it is called ----

def test_folder_below_the_top(hunt: Hunt, tmp_path: Path) -> None:
    """As git's own commands it looks above."""
    repo = commits(tmp_path / "linux", "bad1")
    run = hunt.bench.klab("judge", "--broken=panic", hunt.study(series=""),
                          play="/bad=panic", cwd=repo.path / "mm")
    assert run.code == 1, run.err
    assert run.out.startswith("bad: panic: ")


def test_other_work_tree(hunt: Hunt, tmp_path: Path) -> None:
    repo = commits(tmp_path / "linux", "bad1")
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "other"),
             "v1")
    run = hunt.bench.klab("judge", "--broken=panic", hunt.study(series=""),
                          play="/bad=panic", cwd=tmp_path / "other")
    assert run.code == 0, run.err


@pytest.mark.parametrize("how", ["--broken", "--broken=build"])
def test_repository_that_is_no_kernel(hunt: Hunt, tmp_path: Path,
                                      how: str) -> None:
    """None of its commits is skipped, and none is bad: git has to stop."""
    for words in ["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]:
        subprocess.run(["git", "-C", tmp_path, *words], check=True,
                       env=os.environ | fake_tree.IDENTITY)
    run = hunt.bench.klab("judge", how, hunt.study(series=""), cwd=tmp_path)
    assert run.code == 128 + kit.USER
    assert run.out == ""
    assert f"the commit that is checked out in '{tmp_path}' has no Kconfig" \
        in run.one_error()


def test_no_repository(hunt: Hunt, tmp_path: Path) -> None:
    run = hunt.bench.klab("judge", "--broken", hunt.study(series=""),
                          cwd=tmp_path)
    assert run.code == 128 + kit.USER
    assert "the current folder has no commit to judge: git: not a git " \
        "repository" in run.one_error()
