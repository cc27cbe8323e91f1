"""Rates under a known truth, with fixed seeds; and what a lab's histograms
become."""

import math

import numpy as np
import pandas as pd
import pytest

import labs
from analysis import latency, load, stats
from analysis.latency import Exceedances, Histograms

RUNS = 500
WIDTH = 250


def boots_of(rng, runs, boots, samples, spread, tail=1.0):
    """runs x boots x (WIDTH + 1) histograms, the last bucket being overflow.

    Latencies are lognormal around 20 us; a boot's are longer or shorter as a
    whole, by `spread` (sd of the logarithm).  tail: factor on the probability
    of each latency beyond the true p99.8.
    """
    from scipy.special import ndtr
    edges = np.log(np.arange(1, WIDTH + 1) / 20.0)
    shift = spread * rng.normal(size=(runs, boots, 1))
    below = ndtr((edges - shift) / 0.35)
    share = np.diff(below, axis=2, prepend=0.0, append=1.0)
    share[..., 55:] *= tail
    share /= share.sum(axis=2, keepdims=True)
    return rng.multinomial(samples, share)


def histograms(found):
    return Histograms(found[:, :-1].astype(float), found[:, -1].astype(float))


def exceedances(found, us):
    return Exceedances(found[:, us + 1:].sum(axis=1).astype(float),
                       found.sum(axis=1).astype(float))


def tail_rates(runs, boots, tail, *, spread=0.05, samples=40000, kernels=4,
               pick=0.9999, seed=1):
    """How often kernel 1 of several is called different at 5 %: by klab's
    contrast, and by pooling latencies as if each were independent.  The
    threshold is frozen from kernel 0's boots each time."""
    rng = np.random.default_rng(seed)
    sets = [boots_of(rng, runs, boots, samples, spread, tail if k == 1 else 1)
            for k in range(kernels)]
    ours = pooled = 0
    for run in range(runs):
        found = [one[run] for one in sets]
        limit = latency.threshold(histograms(found[0]), pick)
        over = [exceedances(one, limit.us) for one in found]
        contrast = latency.contrast(over[0], over[1], over[2:])
        ours += contrast is not None and contrast.p() < 0.05
        pooled += _pooled_p(over[0], over[1]) < 0.05
    return ours / runs, pooled / runs


def _pooled_p(a, b):
    if a.seen + b.seen == 0:
        return 1.0
    shared = (a.seen + b.seen) / (a.samples + b.samples)
    z = (b.seen / b.samples - a.seen / a.samples) / math.sqrt(
        shared * (1 / a.samples + 1 / b.samples))
    return math.erfc(abs(z) / math.sqrt(2))


@pytest.mark.parametrize("boots", [3, 5, 10])
@pytest.mark.parametrize("pick", [0.999, 0.9999])
def test_an_unchanged_tail_raises_few_alarms(boots, pick):
    """Boots differ: pooling their latencies would alarm, klab does not."""
    ours, pooled = tail_rates(RUNS, boots, 1.0, pick=pick)
    print(f"{latency.name_of(pick)}, {boots} boots: {ours:.3f} false alarms, "
          f"{pooled:.3f} by pooling latencies")
    assert ours <= 0.07
    assert pooled > (0.4 if pick == 0.999 else 0.1)


@pytest.mark.parametrize("boots, pick, least", [
    (3, 0.999, 0.75), (5, 0.999, 0.92), (5, 0.9999, 0.40),
    (10, 0.9999, 0.75)])
def test_a_doubled_tail_is_found(boots, pick, least):
    power, _ = tail_rates(RUNS, boots, 2.0, pick=pick, spread=0.02)
    print(f"{latency.name_of(pick)}, {boots} boots: doubled tail found in "
          f"{power:.2f}")
    assert power >= least


def test_one_kernel_whose_boots_differ_hides_no_change():
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(RUNS):
        wild = [Exceedances(rng.poisson(20 * rng.lognormal(0, 1.5, size=5)
                                        ).astype(float), np.full(5, 1e5))]
        calm = [Exceedances(rng.poisson(mean, size=5).astype(float),
                            np.full(5, 1e5)) for mean in (20, 40, 20, 20)]
        found += latency.contrast(calm[0], calm[1],
                                  calm[2:] + wild).p() < 0.05
    assert found / RUNS > 0.9


def coverage(runs, boots, share, *, spread=0.05, samples=6000, seed=2):
    """How often 95 % intervals hold the truth: klab's, of what it says it
    estimates, and the percentile bootstrap over boots; and how often klab's
    has an upper end."""
    from scipy.special import ndtri
    rng = np.random.default_rng(seed)
    sets = boots_of(rng, runs, boots, samples, spread)
    typical = 20 * math.exp(0.35 * ndtri(share))
    pooled = 20 * math.exp(math.hypot(0.35, spread) * ndtri(share))
    ours = plain = bounded = 0
    for found in sets:
        one = latency.quantile(histograms(found), share)
        true = typical if one.method == "t over boots" else pooled
        bounded += one.high is not None
        ours += one.low <= true and (one.high is None or true <= one.high)
        low, high = _bootstrap(found, share, rng)
        plain += low <= pooled <= high + 1
    return ours / runs, plain / runs, bounded / runs


def _bootstrap(found, share, rng):
    draws = rng.multinomial(len(found), np.full(len(found), 1 / len(found)),
                            size=200)
    below = np.cumsum(draws @ found, axis=1)
    each = (below >= np.ceil(share * below[:, -1:])).argmax(axis=1)
    return np.percentile(each, [2.5, 97.5])


@pytest.mark.parametrize("boots", [3, 5, 10])
@pytest.mark.parametrize("share, samples", [(0.999, 6000), (0.9999, 12000)])
def test_a_quantile_interval_holds_the_truth(boots, share, samples):
    ours, plain, bounded = coverage(300, boots, share, samples=samples)
    print(f"{latency.name_of(share)}, {boots} boots: coverage {ours:.2f} "
          f"({bounded:.2f} with an upper end), bootstrap {plain:.2f}")
    assert ours >= 0.92
    assert plain < 0.97


def flat(boots, counts, overflow=0):
    return Histograms(np.tile(np.array(counts, dtype=float), (boots, 1)),
                      np.full(boots, float(overflow)))


def test_threshold_takes_what_the_samples_suffice_for():
    counts = [0] * 4 + [9000, 980, 15, 4, 1]
    assert latency.threshold(flat(3, counts)) == latency.Threshold(7, 0.9999)
    few = latency.threshold(flat(2, counts))
    assert (few.us, few.quantile) == (6, 0.999)
    assert few.reason == ("p99.99 takes 29,956 latencies of the baseline, and "
                          "there are 20,000: p99.9 is taken instead")
    fewer = latency.threshold(flat(1, [0, 90, 10]))
    assert fewer.us is None
    assert "not estimable: p99.99 takes 29,956" in fewer.reason
    assert latency.threshold(flat(0, [])).us is None


def test_threshold_beyond_the_last_bucket():
    found = latency.threshold(flat(3, [9000, 950], 50))
    assert (found.us, found.quantile) == (1, 0.99)
    assert "p99.99 of the baseline lies beyond the histogram" in found.reason
    assert latency.threshold(flat(3, [9000, 500], 500)).us is None


def test_quantile_says_when_it_is_not_estimable():
    assert latency.quantile(flat(2, [0, 1000]), 0.999).reason == (
        "not estimable: p99.9 takes 2,995 latencies, and there are 2,000")
    beyond = latency.quantile(flat(3, [0, 9900], 100), 0.999)
    assert beyond.estimate is None
    assert "beyond the histogram's last bucket, 1 us" in beyond.reason
    assert latency.quantile(flat(0, []), 0.99).estimate is None
    assert latency.quantile(flat(1, [0, 0, 0, 5000]), 0.99).low is None


def test_quantile_of_equal_boots():
    found = latency.quantile(flat(3, [0, 0, 0, 5000]), 0.999)
    assert found.method == "t over boots"
    assert found.low <= found.estimate == 3 <= found.high


def counted(over, total=10000):
    return Exceedances(np.array(over, dtype=float),
                       np.full(len(over), float(total)))


def test_no_exceedance_is_a_bound_and_no_contrast():
    none = counted([0, 0, 0])
    assert latency.contrast(none, none, [counted([1, 2, 3])]) is None
    assert latency.nothing_seen(none, none) == (
        "no exceedance in 60,000 latencies: the rate is below 50 per million")
    assert latency.contrast(counted([3]), counted([3, 4]), []) is None


def test_none_against_many():
    found = latency.contrast(counted([0, 0, 0]), counted([30, 35, 33]), [])
    assert found.p() < 0.05
    assert found.estimate == pytest.approx(math.log(98.5 / 0.5))
    again = latency.contrast(counted([30, 35, 33]), counted([0, 0, 0]), [])
    assert again.estimate == pytest.approx(-found.estimate)


def test_more_samples_are_a_lower_rate():
    a, b = counted([10, 12, 11]), counted([20, 24, 22], 20000)
    assert latency.contrast(a, b, []).estimate == pytest.approx(0)


def lab_of(tmp_path, tail=(), *, seeds=(1, 2, 3), **histogram):
    """Kernel 1 has `tail` more latencies at each boot."""
    lab = labs.LabMaker(tmp_path)
    lab.machine()
    lab.metric("cyclictest", "p99", "us", latency=True)
    for stage in (0, 1):
        for seed in seeds:
            boot = lab.boot(stage, seed, {"p99": 5}, workload="cyclictest")
            for cpu in (0, 1):
                counts = {4: 15000, 5: 30, 9: 1}
                counts.update(tail if stage else ())
                lab.histogram(boot, "latency", cpu, counts, **histogram)
    return load.load(lab.done(), "demo")


def test_derived_rows_look_like_those_of_the_lab(tmp_path):
    lab = lab_of(tmp_path, {30: 12})
    found = latency.derive(lab, 0)
    assert list(found.metrics.columns) == list(lab.metrics.columns)
    assert set(found.samples.columns) == set(lab.samples.columns)
    assert found.metrics.iloc[0].to_dict() == {
        "workload": "cyclictest", "name": "exceedances", "unit": "per million",
        "better": "lower", "is_primary": 1, "is_latency": 1}
    values = found.samples.groupby("stage").value.mean()
    assert values[0] == pytest.approx(1e6 * 1 / 15031)
    assert values[1] == pytest.approx(1e6 * 13 / 15043)
    tail = found.tails["default", "icount-1cpu", "cyclictest", "exceedances"]
    assert (tail.threshold.us, tail.threshold.quantile) == (5, 0.9999)
    boots = list(lab.cells.boot[lab.cells.stage == 1])
    assert list(tail.of(boots).over) == [26, 26, 26]
    assert tail.of([]).seen == 0


def test_overflow_is_beyond_the_threshold(tmp_path):
    found = latency.derive(lab_of(tmp_path, overflow=3), 0)
    over = {counts for tail in found.tails.values()
            for counts in tail.counts.values()}
    assert over == {(8, 2 * 15034)}


def test_more_boots_never_move_the_threshold(tmp_path):
    lab = lab_of(tmp_path, seeds=(1, 2, 3, 4, 5))
    lab.rules = load.Rules(min=3, max=5)
    few = lab.counts.boot.isin(lab.cells.boot[lab.cells.seed <= 3])
    lab.counts.loc[~few, "counts"] = [{400: 6000}] * int((~few).sum())
    tail, = latency.derive(lab, 0).tails.values()
    assert tail.threshold.us == 5


def test_what_has_no_threshold_says_why(tmp_path):
    lab = lab_of(tmp_path / "none")
    lab.cells = lab.cells[lab.cells.stage == 1]
    found = latency.derive(lab, 0)
    assert found.samples.empty
    assert set(found.missing.values()) == {
        "no threshold: the baseline has no histogram"}


def test_an_unreadable_histogram_is_left_out(tmp_path):
    lab = lab_of(tmp_path)
    lab.counts.at[0, "counts"] = None
    found = latency.derive(lab, 0)
    assert lab.counts.boot[0] not in set(found.samples.boot)
    assert len(found.samples) == 5


def test_a_lab_without_histograms(tmp_path):
    lab = load.load(labs.simple(tmp_path, {"old": [1, 2], "new": [1, 2]}),
                    "demo")
    found = latency.derive(lab, 0)
    assert found.metrics.empty and found.samples.empty and not found.tails
    assert isinstance(found.metrics, pd.DataFrame)


def test_the_samples_of_a_quantile_are_those_of_stats():
    assert latency.name_of(0.9999) == "p99.99"
    assert stats.samples_for_quantile(0.9999) == 29956
