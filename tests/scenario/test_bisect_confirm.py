"""klab bisect: what is said of fresh boots, and what the lab's own failures do
to them."""

from __future__ import annotations

import pytest

import kit
from shop import Shop
from test_bisect import BROKEN, GUILTY, METRIC, SIX, Hunt


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


def test_fresh_boots_of_which_some_are_lost(hunt: Hunt) -> None:
    """Figures beside the numbers of boots would not add up otherwise."""
    study = hunt.patches(*SIX, *BROKEN)
    run = hunt.bisect(study, "--broken=panic", play="300001=die /bad=panic")
    assert "\nconfirmed on fresh boots, 2 of it and 2 of its parent (2 told " \
        "nothing): 1 and 0 are broken\n" in run.out


# ---- the bad end without the patch ----

@pytest.mark.parametrize("play, what", [
    ("/s7x=300001=exit /s7x=300002=exit", "2 boots with it and 2 without (4 "
     "told nothing): "),
    ("/s7x=300001=ok", "1 boot with it and 1 without: 0 and 0 are broken\n")])
def test_bad_end_that_tells_nothing(hunt: Hunt, play: str, what: str) -> None:
    """It did not break on fresh boots itself: that is no word against the
    patch."""
    for tag in SIX[:3]:
        hunt.series.tag(tag)
    hunt.series.edit("mm: guilty", *GUILTY)
    study = hunt.patches("s5", "s6", "s7x")
    run = hunt.bisect(study, "--broken=panic", play=f"{play} /bad=panic")
    assert run.out.startswith("patch 4: mm: guilty\n")
    assert "\nwhether the bad end without it is cured cannot be told, " \
        + what in run.out
    assert "not cured" not in run.out
