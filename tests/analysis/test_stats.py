"""Rates under a known truth, with fixed seeds; and the exact edges."""

import math

import numpy as np
import pytest

from analysis import stats
from analysis.stats import Sample

RUNS = 600


def studies(seed, kernels, boots, *, shift=0.0, sds=None):
    """RUNS groups: kernel 1 is shifted against kernel 0 (in sd of 1)."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(RUNS, kernels, boots))
    values *= np.array(sds or [1.0] * kernels)[:, None]
    values[:, 1] += shift
    for group in values:
        yield [Sample.of(kernel) for kernel in group]


def rejections(groups, level):
    """How often kernel 1 is called different from kernel 0."""
    found = [compare(g).p() < level for g in groups]
    return sum(found) / len(found)


def compare(group):
    """Kernel 1 against kernel 0, as verdicts.py does it."""
    lends = stats.lenders(group)
    return stats.contrast(group[0], group[1], [
        one for one, may in zip(group[2:], lends[2:]) if may])


@pytest.mark.parametrize("kernels", [2, 4, 12])
@pytest.mark.parametrize("boots", [3, 5])
def test_no_effect_raises_few_alarms(kernels, boots):
    rate = rejections(studies(1, kernels, boots), 0.05)
    assert rate < 0.075


@pytest.mark.parametrize("kernels", [2, 4, 12])
def test_one_noisy_kernel_raises_few_alarms(kernels):
    sds = [1.0] * kernels
    sds[1] = 4.0
    rate = rejections(studies(2, kernels, 5, sds=sds), 0.05)
    assert rate < 0.10


def test_sharing_the_variance_alone_would_raise_many():
    """What the F test is for: without it the alarms are a third."""
    sds = [1.0] * 12
    sds[1] = 4.0
    alarms = 0
    for group in studies(2, 12, 5, sds=sds):
        var, df = stats.pooled(group)
        shared = stats.Contrast(group[1].mean - group[0].mean,
                                math.sqrt(var * 2 / 5), df, 1, "")
        alarms += shared.p() < 0.05
    assert alarms / RUNS > 0.2


@pytest.mark.parametrize("shift, least", [(3.0, 0.80), (5.0, 0.99)])
def test_power_at_five_boots(shift, least):
    assert rejections(studies(3, 4, 5, shift=shift), 0.01) >= least


@pytest.mark.parametrize("kernels", [4, 12])
def test_another_noisy_kernel_hides_no_change(kernels):
    sds = [1.0] * kernels
    sds[-1] = 5.0
    assert rejections(studies(9, kernels, 5, shift=5.0, sds=sds), 0.01) > 0.9


@pytest.mark.parametrize("kernels", [4, 12])
def test_a_quiet_pair_among_noisy_kernels(kernels):
    sds = [1.0, 1.0] + [5.0] * (kernels - 2)
    assert rejections(studies(10, kernels, 5, shift=5.0, sds=sds), 0.01) > 0.9
    assert rejections(studies(11, kernels, 5, sds=sds), 0.05) < 0.075


def test_interval_covers_the_truth():
    covered = 0
    for group in studies(4, 4, 3, shift=2.0):
        found = compare(group)
        covered += abs(found.estimate - 2.0) <= found.half()
    assert 0.93 <= covered / RUNS <= 0.985


def test_boots_needed_gives_the_power_it_promises():
    needed = math.ceil(stats.boots_needed(1.0, 1.0))
    rate = rejections(studies(5, 2, needed, shift=1.0), 0.05)
    assert 0.75 <= rate <= 0.86
    assert stats.boots_needed(1.0, 0.0) == math.inf


def test_benjamini_hochberg_keeps_the_false_discovery_rate():
    """20 real effects in 200 tests: of what is claimed, few are false."""
    rng = np.random.default_rng(6)
    shares = []
    for _ in range(100):
        p = rng.uniform(size=200)
        p[:20] = rng.uniform(0, 1e-4, size=20)
        claimed = np.array(stats.benjamini_hochberg(list(p))) < 0.05
        shares.append(claimed[20:].sum() / max(claimed.sum(), 1))
    assert np.mean(shares) < 0.05
    assert stats.benjamini_hochberg([]) == []


def test_no_spread_is_no_contrast():
    constant, other = Sample.of(np.full(3, 0.1)), Sample.of(np.full(3, 0.3))
    assert constant.var == 0
    assert stats.contrast(constant, other, []) is None
    one = Sample.of(np.array([1.0]))
    assert stats.contrast(one, other, []) is None
    assert stats.mean_interval(one, []) is None


@pytest.mark.parametrize("values, step", [
    ([3, 4, 12], 1.0), ([0.5, 1.2], 0.1), ([0.945, 0.9], 0.001),
    ([0.12345, 1], 0.0), ([812345678.0, 3.0], 1.0)])
def test_resolution(values, step):
    assert stats.resolution(np.array(values, dtype=float)) == step


@pytest.mark.parametrize("quantile, least", [
    (0.999, 2995), (0.9999, 29956), (0.99999, 299572)])
def test_samples_for_quantile(quantile, least):
    assert stats.samples_for_quantile(quantile) == least
