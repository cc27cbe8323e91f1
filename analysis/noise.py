"""A/A: what a lab would say of a kernel against itself.

The baseline's boots are split at random into two kernels, again and again.
What differs then is noise, whatever its distribution, and what is called a
change is a false alarm.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

SPLITS = 1000
#: Fewer boots of the baseline have too few different splits.
LEAST = 10
QUANTILE = 0.99


@dataclass
class Noise:
    """What random splits of the baseline's boots showed.

    boots of the baseline, split so often into two kernels of `each` boots.
    floor: 99 % of the splits differ by no more than that (on the scale of the
    comparison: logarithms, or the metric's unit).  alarms: the share of splits
    that the test would have called a change, without that floor.
    """

    boots: int
    each: int
    splits: int
    floor: float
    alarms: float


def measure(values: np.ndarray, each: int, margin: float,
            alpha: float) -> Noise | None:
    """Split one kernel's values (one per boot, on the scale of the comparison;
    margin on the same) into two kernels of `each` boots.

    None if they are fewer than 10, or than two kernels' worth.  The test is
    the pooled t test of two kernels at level alpha, and its interval must lie
    beyond the margin.
    """
    if each < 2 or len(values) < max(LEAST, 2 * each):
        return None
    order = _orders(len(values), each)
    a, b = values[order[:, :each]], values[order[:, each:]]
    change = b.mean(axis=1) - a.mean(axis=1)
    variance = (a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / 2
    half = _quantile(alpha, 2 * each - 2) * np.sqrt(variance * 2 / each)
    return Noise(len(values), each, SPLITS,
                 float(np.quantile(np.abs(change), QUANTILE,
                                   method="higher")),
                 float(np.mean(np.abs(change) - half > margin)))


@functools.lru_cache
def _orders(boots: int, each: int) -> np.ndarray:
    """Random splits, the same every time: one per line, first one kernel's
    boots, then the other's."""
    rng = np.random.default_rng(boots)
    return rng.random((SPLITS, boots)).argsort(axis=1)[:, :2 * each]


@functools.lru_cache
def _quantile(alpha: float, df: int) -> float:
    from scipy.special import stdtrit
    return float(stdtrit(df, 1 - alpha / 2))
