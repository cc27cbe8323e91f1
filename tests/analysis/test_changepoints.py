"""Rates under a known truth, with fixed seeds; and the exact edges."""

import numpy as np
import pytest

from analysis import changepoints

RUNS = 200


def series(stages, *steps):
    """Levels: each step is (position, size in sd)."""
    levels = np.zeros(stages)
    for position, size in steps:
        levels[position:] += size
    return levels


def rates(levels, truth=(), *, runs=RUNS, seed=1, draw=None):
    """Shares of series of stages' means around `levels`: any: with steps or a
    slope; right: as many steps as there are, each set of positions with the
    true one; slope: called a drift; covered: of the sets."""
    rng = np.random.default_rng(seed)
    draw = draw or (lambda rng, n: rng.normal(size=n))
    found = {"any": 0, "right": 0, "slope": 0, "covered": 0}
    sets = 0
    for _ in range(runs):
        one = changepoints.find(levels + draw(rng, len(levels)))
        found["any"] += bool(one.steps or one.slope)
        found["slope"] += one.slope is not None
        if truth and len(one.steps) == len(truth):
            inside = [step.earliest <= position <= step.latest
                      for step, position in zip(one.steps, truth)]
            found["right"] += all(inside)
            found["covered"] += sum(inside)
            sets += len(inside)
    shares = {name: count / runs for name, count in found.items()}
    shares["covered"] = found["covered"] / sets if sets else float("nan")
    return shares


def shifted(rng, n):
    """Five boots per stage, and a shift of the same size for each kernel."""
    return rng.normal(size=n) + rng.normal(size=(n, 5)).mean(axis=1)


@pytest.mark.parametrize("stages", [12, 20, 36])
@pytest.mark.parametrize("draw", [
    None, shifted, lambda rng, n: rng.standard_t(3, size=n),
    lambda rng, n: rng.exponential(size=n)])
def test_no_change_raises_few_alarms(stages, draw):
    found = rates(np.zeros(stages), runs=400, draw=draw)
    print(f"{stages} stages: {found['any']:.3f} false alarms")
    assert found["any"] <= 0.08


@pytest.mark.parametrize("stages, size, least", [
    (12, 3, 0.70), (20, 2, 0.65), (36, 2, 0.95)])
def test_one_step_is_found(stages, size, least):
    found = rates(series(stages, (stages // 2, size)), [stages // 2])
    print(f"{stages} stages, {size} sd: {found}")
    assert found["any"] >= least
    assert found["covered"] >= 0.88
    assert found["slope"] <= 0.15


@pytest.mark.parametrize("steps, right, slope", [
    (((12, 2), (24, -2)), 0.75, 0.02), (((12, 3), (24, 3)), 0.40, 0.55)])
def test_two_steps_are_found(steps, right, slope):
    """Two steps up are much like a drift, and may be called one."""
    found = rates(series(36, *steps), [position for position, _ in steps],
                  runs=100)
    print(f"36 stages, {steps}: {found}")
    assert found["any"] >= 0.95
    assert found["right"] >= right
    assert found["slope"] <= slope


@pytest.mark.parametrize("rise, least", [(4, 0.80), (8, 0.90)])
def test_a_drift_is_no_single_step(rise, least):
    found = rates(np.linspace(0, rise, 36), runs=100)
    print(f"drift by {rise} sd: {found}")
    assert found["slope"] >= least


def test_sizes_are_those_of_the_levels():
    values = series(20, (7, 0.03)) + np.tile([0.001, -0.001], 10)
    step, = changepoints.find(values).steps
    assert (step.earliest, step.position, step.latest) == (7, 7, 7)
    assert step.low < 0.03 < step.high < 0.033
    assert step.size == pytest.approx(0.03, abs=0.001)


def test_an_exact_step():
    step, = changepoints.find(series(12, (4, 1.0))).steps
    assert (step.position, step.size, step.low) == (4, 1.0, 1.0)


def test_edges():
    assert changepoints.find(np.zeros(11)) is None
    assert changepoints.find(np.ones(12)).p == 1.0
    same = np.random.default_rng(7).normal(size=30) + series(30, (15, 3))
    assert changepoints.find(same) == changepoints.find(same)
    # One stage that stands out is for the contrast of two stages.
    spike = np.random.default_rng(8).normal(size=30)
    spike[11] += 20
    assert not changepoints.find(spike).steps
