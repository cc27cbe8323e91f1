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
