"""klab bisect: what is said of fresh boots, and what the lab's own failures do
to them."""

from __future__ import annotations

import pytest

import kit
from shop import Shop
from test_bisect import BROKEN, METRIC, SIX, Hunt


@pytest.fixture
def hunt(shop: Shop) -> Hunt:
    return Hunt(shop)


# ---- the lab fails ----

@pytest.mark.parametrize("words, play, lost", [
    (["--broken=panic"], "/bad=panic", (300001, 300002)),
    (["--metric", METRIC], "ok", (300001, 300002, 300004, 300005))])
def test_fresh_boots_that_the_lab_fails(
        hunt: Hunt, words: list[str], play: str, lost: tuple[int, ...]) -> None:
    """That is no result: with a lab that works the same command has one."""
    study = hunt.patches(*SIX, "bad-slow9-7", "bad-slow9-8", "bad-slow9-9")
    dying = " ".join(f"{seed}=die" for seed in lost)
    run = hunt.bisect(study, *words, play=f"{dying} {play}", code=kit.LAB)
    assert "the lab failed too many of the fresh boots" in run.err
    assert "run the same command again" in run.err
    assert run.out == ""
    assert "result" not in [line["t"] for line in hunt.record()]
    before = {line["boot"] for line in hunt.record() if line["t"] == "event"
              and "boot" in line}
    run = hunt.bisect(study, *words, play=play)
    assert run.out.startswith("patch 7: ")
    assert "\nconfirmed on fresh boots" in run.out
    assert before == {line["boot"] for line in hunt.record()
                      if line["t"] == "event" and "boot" in line}
