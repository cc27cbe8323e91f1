"""`klab bisect` on real kernels: faults planted in series of Debian's 6.12 are
found by themselves, and boots that the study has had are used.

After test_series.py, whose lab gets more studies by this."""

import json

import pytest

from conftest import ROOT, SERIES, Lab

STUDIES = ROOT / "configs" / "studies"
METRIC = ("--metric", "hackbench-processes/time")


def bisect(lab: Lab, *words: str, study=SERIES, code: int = 0) -> dict:
    """The result of a bisect, which has to end with that exit code."""
    done = lab.klab("bisect", str(study), "--json", *words)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_patch_that_does_not_boot(series):
    found = bisect(series, "--config", "nort", "--broken", "--bad", "6")
    assert found["verdict"] == "found"
    assert found["first"]["stage"] == found["last"]["stage"] == "6"
    assert found["confirmation"]["confirmed"]
    assert found["boots"] + found["fresh_boots"] <= 8


def test_the_patch_of_three_percent(series):
    """Stage 3, which does not build, and 6, which does not boot, lie between."""
    found = bisect(series, "--config", "nort", *METRIC)
    assert found["verdict"] == "found"
    assert found["first"]["stage"] == found["last"]["stage"] == "5"
    assert found["probability"] >= 0.95
    assert found["confirmation"]["confirmed"]
    low, high = found["effect"]["low"], found["effect"]["high"]
    assert 0 < low < 0.035 < high < 0.1, found["effect"]


def test_the_patch_that_costs_under_rt_alone(series):
    found = bisect(series, "--config", "rt", *METRIC, "--good", "5")
    assert found["verdict"] == "found"
    assert found["first"]["stage"] == found["last"]["stage"] == "8"
    assert found["confirmation"]["confirmed"]


def test_two_patches_are_not_one(series):
    """Under rt, patch 5 costs its 3 % and patch 8 its 6 %."""
    found = bisect(series, "--config", "rt", *METRIC, code=1)
    assert found["verdict"] == "no-step"
    assert [found[end]["stage"] for end in ("first", "last")] == ["5", "8"]
    three, six = (step["change"] for step in found["steps"])
    assert 0.015 < three < 0.045 < six < 0.09
    assert found["effect"]["change"] == pytest.approx(
        (1 + three) * (1 + six) - 1, abs=0.02)


def test_what_is_spread_evenly_is_no_single_step(series):
    found = bisect(series, *METRIC, study=STUDIES / "series-even.yaml", code=1)
    assert found["verdict"] == "no-step"
    assert 0.05 < found["effect"]["change"] < 0.12


@pytest.mark.parametrize("words", [("--broken", "--bad", "6"), METRIC])
def test_it_is_asked_again(series, words):
    """The record has it, so nothing is booted."""
    first = bisect(series, "--config", "nort", *words)
    before = series.rows("SELECT count(*), max(started) FROM boot")
    assert bisect(series, "--config", "nort", *words) == first
    assert series.rows("SELECT count(*), max(started) FROM boot") == before
