"""How others decide that a kernel is faster or slower, to be compared with
klab on the same simulated boots.

Each rule is written anew from the project's public description, or from what
its source does where that says more; the docstring says which. All take the
boots of the baseline and of one other kernel (one value each) and answer
whether they call it changed: 1 larger, -1 smaller, 0 no. None corrects for the
number of comparisons: none of these projects does.
"""

from __future__ import annotations

import math
from typing import Callable

import numpy as np

Rule = Callable[[np.ndarray, np.ndarray], int]

#: Normal quantile of a two-sided 95 % interval.
Z = 1.959964


def _sign(a: np.ndarray, b: np.ndarray) -> int:
    return 1 if np.mean(b) > np.mean(a) else -1


def welch(a: np.ndarray, b: np.ndarray, level: float = 0.05) -> int:
    """The plain two-sided Welch test (Biometrika 34, 1947) at 5 %."""
    if min(len(a), len(b)) < 2:
        return 0
    va, vb = np.var(a, ddof=1) / len(a), np.var(b, ddof=1) / len(b)
    if va + vb == 0:
        return 0 if np.mean(a) == np.mean(b) else _sign(a, b)
    from scipy.special import stdtr
    df = (va + vb) ** 2 / (va ** 2 / (len(a) - 1) + vb ** 2 / (len(b) - 1))
    t = abs(np.mean(b) - np.mean(a)) / math.sqrt(va + vb)
    return _sign(a, b) if 2 * stdtr(df, -t) < level else 0


def mmtests(a: np.ndarray, b: np.ndarray) -> int:
    """mmtests: two intervals that do not overlap.

    compare-mmtests.pl --print-significance marks a row when the difference of
    the means exceeds the sum of the half intervals that face each other
    (cidiff in bin/lib/MMTests/Stat.pm, github.com/gormanm/mmtests at 638401e).
    The interval of the default summary is _calc_meanci there: the mean and
    1.96 standard deviations of the values to each side; it is not divided by
    the root of their number.
    """
    return _apart(a, b, 1.0, 1.0)


def interval_overlap(a: np.ndarray, b: np.ndarray) -> int:
    """What is mostly understood by overlapping intervals: of the means, with
    1.96 standard errors.  No project's rule; the kind one reading of the
    above."""
    return _apart(a, b, len(a) ** -0.5, len(b) ** -0.5)


def _apart(a: np.ndarray, b: np.ndarray, scale_a: float,
           scale_b: float) -> int:
    if min(len(a), len(b)) < 2:
        return 0
    reach = Z * (scale_a * np.std(a, ddof=1) + scale_b * np.std(b, ddof=1))
    return _sign(a, b) if abs(np.mean(b) - np.mean(a)) > reach else 0


def lkp(a: np.ndarray, b: np.ndarray) -> int:
    """LKP (0-day): a gap between the ranges.

    lib/changed_stat.rb and lib/stats.rb, github.com/intel/lkp-tests: from
    three runs of each the ranges must be disjoint, with a gap wider than half
    of the distance of the medians (gap_distance 2); with fewer, wider than five
    times the wider range (distance 5), and one side must have three.  Then the ratio
    of the medians must exceed 1.01 for a figure that counts as performance.
    """
    if max(len(a), len(b)) < 3 or not min(len(a), len(b)):
        return 0
    low, high = (a, b) if np.min(b) > np.max(a) else (b, a)
    gap = np.min(high) - np.max(low)
    # The element in the middle, the upper of two.
    middle_low, middle_high = (np.sort(x)[len(x) // 2] for x in (low, high))
    if min(len(a), len(b)) < 3:
        wide = gap > 5 * max(np.ptp(a), np.ptp(b))
    else:
        wide = gap > (middle_high - middle_low) / 2
    if gap <= 0 or not wide or middle_high <= 1.01 * middle_low:
        return 0
    return 1 if high is b else -1


def rustc_perf(history: np.ndarray) -> Rule:
    """rustc-perf: a change beyond a fence around what earlier commits did.

    docs/comparison-analysis.md, github.com/rust-lang/rustc-perf: a relative
    change is significant if it exceeds Q3 + 3 IQR of the sizes of the changes
    between neighbours in the history (of 50 to 100 commits,
    site/src/comparison.rs); 0.2 % where there is no history.

    history: one value for each earlier commit, in order.  As there, a commit's
    value is one number: here the mean of its boots, in the history as well.
    """
    fence = 0.002
    if len(history) >= 50:
        moves = np.sort(np.abs(np.diff(history)) / history[:-1])
        half = len(moves) // 2
        q1, q3 = np.median(moves[:half]), np.median(moves[-half:])
        fence = q3 + 3 * (q3 - q1)

    def rule(a: np.ndarray, b: np.ndarray) -> int:
        if not (len(a) and len(b)):
            return 0
        change = np.mean(b) / np.mean(a) - 1
        return _sign(a, b) if abs(change) >= fence else 0

    return rule


def pooled_iterations(a: np.ndarray, b: np.ndarray) -> int:
    """Welch's test at 5 % with every iteration inside a boot as a replicate,
    which is what `perf stat -r` invites to; give it those values."""
    return welch(a, b)


RULES: dict[str, Rule] = {
    "Welch 5 %": welch, "mmtests": mmtests,
    "interval overlap": interval_overlap, "LKP": lkp}
