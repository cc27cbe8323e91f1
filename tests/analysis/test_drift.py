"""Rates under a known truth, with fixed seeds; and what is not warned of."""

import json

import numpy as np
import pandas as pd
import pytest

import labs
from analysis import drift, load

RUNS = 200
COLUMNS = ["stage", "config", "machine", "workload", "metric", "seed", "role",
           "boot", "value", "started"]


def lab_of(rng, kernels=4, boots=5, metrics=4, *, slope=0.0, busy=0.0,
           levels=None, clock="wall", draw=None, stamp=None):
    """Kernels in random order within each block of one boot each.

    slope: over the whole run, and busy: on the third fifth of it, both in sd
    (1 %) of a boot.
    """
    order = np.concatenate([rng.permutation(kernels) for _ in range(boots)])
    n = len(order)
    course = slope * np.arange(n) / (n - 1)
    course[2 * n // 5:3 * n // 5] += busy
    levels = np.zeros(kernels) if levels is None else levels
    draw = draw or (lambda rng, n: rng.normal(size=n))
    rows = []
    for m in range(metrics):
        values = 1e9 * np.exp(0.01 * (course + draw(rng, n)) + levels[order])
        for i, (stage, value) in enumerate(zip(order, values)):
            when = stamp(i) if stamp else f"{i // 60:02}:{i % 60:02}"
            seed = int((order[:i] == stage).sum()) + 1
            rows.append((int(stage), "default", "kvm", f"w{m}", "time", seed,
                         "sample", f"b{i}", float(value), when))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    empty = pd.DataFrame()
    return load.Lab(
        study={"name": "demo", "baseline": 0}, stages=empty,
        configs=pd.DataFrame({"name": ["default"]}), variants=empty,
        machines=pd.DataFrame({"name": ["kvm"], "clock": [clock]}),
        metrics=pd.DataFrame({"workload": [f"w{m}" for m in range(metrics)],
                              "name": "time", "is_primary": 1}),
        cells=frame, samples=frame, counts=empty, findings=empty)


def rate(runs=RUNS, seed=1, **options):
    """The share of studies that get a warning."""
    rng = np.random.default_rng(seed)
    return sum(bool(drift.check(lab_of(rng, **options)))
               for _ in range(runs)) / runs


@pytest.mark.parametrize("kernels, boots", [(3, 3), (4, 5), (12, 3)])
@pytest.mark.parametrize("draw", [
    None, lambda rng, n: rng.standard_t(3, size=n)])
def test_no_drift_raises_few_warnings(kernels, boots, draw):
    found = rate(kernels=kernels, boots=boots, draw=draw,
                 levels=np.arange(kernels) * 0.1)
    print(f"{kernels} kernels, {boots} boots: {found:.3f} of studies warned")
    assert found <= 0.03


@pytest.mark.parametrize("options, least", [
    ({"slope": 4.0}, 0.90), ({"slope": 3.0, "kernels": 12}, 0.95),
    ({"busy": 4.0}, 0.80)])
def test_a_drift_is_warned_of(options, least):
    found = rate(runs=100, **options)
    print(f"{options}: {found:.2f} of studies warned")
    assert found >= least


def test_the_sentence_names_it():
    rng = np.random.default_rng(3)
    one = drift.check(lab_of(rng, kernels=5, boots=6, slope=8.0))[0]
    assert one.steady
    assert one.size == pytest.approx(0.08, abs=0.02)
    assert one.base == pytest.approx(0.08, abs=0.04)
    assert one.sentence.startswith(
        "machine 'kvm': w0 time drifted by +")
    assert "% from the first boot to the last, whatever the kernel (p " in (
        one.sentence)
    assert "; the baseline's own 6 boots: +" in one.sentence
    assert "klab gc --forget demo" in one.sentence
    json.dumps(drift.as_json([one]), allow_nan=False)


def test_a_busy_while_is_not_steady():
    rng = np.random.default_rng(3)
    one = drift.check(lab_of(rng, kernels=6, boots=5, busy=8.0))[0]
    assert not one.steady
    assert "between parts of the run" in one.sentence


def test_an_exact_clock_does_not_drift():
    rng = np.random.default_rng(3)
    assert drift.check(lab_of(rng, slope=20.0, clock="exact")) == []


def test_what_is_too_little_is_not_warned_of():
    rng = np.random.default_rng(3)
    assert drift.check(lab_of(rng, kernels=1, boots=5, slope=50.0)) == []
    assert drift.check(lab_of(rng, kernels=10, boots=1, slope=50.0)) == []
    assert drift.check(lab_of(rng, kernels=2, boots=2, slope=50.0)) == []


def test_equal_and_missing_start_times():
    rng = np.random.default_rng(3)
    assert drift.check(lab_of(rng, slope=9.0, stamp=lambda i: "x")) == []
    assert drift.check(lab_of(rng, slope=9.0, stamp=lambda i: None)) == []
    pairs = drift.check(lab_of(rng, slope=9.0, kernels=6, boots=6,
                               stamp=lambda i: f"{i // 2:03}"))
    assert len(pairs) == 4


def test_constants_and_infinities():
    rng = np.random.default_rng(3)
    lab = lab_of(rng, slope=9.0)
    lab.samples["value"] = 5.0
    assert drift.check(lab) == []
    lab = lab_of(rng, slope=9.0)
    lab.samples.loc[3, "value"] = np.inf
    assert drift.check(lab)


def test_values_around_zero():
    rng = np.random.default_rng(3)
    lab = lab_of(rng, metrics=1, slope=9.0, kernels=6)
    lab.samples["value"] = np.log(lab.samples["value"] / 1e9)
    one, = drift.check(lab)
    assert np.isfinite(one.size)


def test_boots_that_repeat_a_claim_are_left_out():
    rng = np.random.default_rng(3)
    lab = lab_of(rng, kernels=6, boots=6)
    late = lab.samples.index >= 18
    lab.samples.loc[late, "value"] *= 1.5
    lab.samples.loc[late, "role"] = "confirm"
    assert drift.check(lab) == []


def test_a_real_lab(tmp_path):
    lab = labs.LabMaker(tmp_path)
    lab.machine("kvm", clock="wall", accel="kvm")
    lab.metric()
    for seed in range(1, 7):
        for stage in (0, 1):
            i = 2 * seed + stage
            lab.boot(stage, seed, {"time": 1e6 + 1e4 * i + i % 3},
                     machine="kvm", started=f"2026-01-01T00:{i:02}:00Z")
    one, = drift.check(load.load(lab.done(), "demo"))
    assert one.size == pytest.approx(0.11, abs=0.01)


def test_an_empty_lab(tmp_path):
    lab = labs.LabMaker(tmp_path)
    lab.machine("kvm", clock="wall")
    lab.metric()
    assert drift.check(load.load(lab.done(), "demo")) == []
