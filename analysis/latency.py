"""Tail latency from whole histograms: thresholds, exceedances, quantiles.

The replicate is the boot.  The latencies of a boot share its timers' phases
and its noise, so pooling them as if each were independent calls a change in
5 to 80 % of runs without one, the more the longer the boots.

The metric is the number of latencies over a threshold, per million.  The
threshold is frozen: the baseline's p99.99 over the boots that every study of
that kind has, so that more boots never move it.  What fell beyond a
histogram's last bucket is longer than its limit, and counts.

Kernels are compared by the ratio of their rates.  Counts over a threshold are
Poisson if latencies are independent, and wider where boots differ: one factor
for a group, at least 1, widens them (quasi-Poisson: Wedderburn, Biometrika 61,
1974; McCullagh and Nelder, Generalized Linear Models, 1989, ch. 4.5), and it
is an estimate, hence a t statistic.  Simulated with boots whose latencies
differ by 0 to 10 % as a whole, at three, five and ten boots of 40,000
latencies, false alarms at 5 % are 1 to 6 %.  A doubled tail is found in five
boots that differ by 2 % with a power of 0.97 over p99.9, and of 0.50 over
p99.99, where a boot has four exceedances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from . import load, stats
from .stats import LEVEL, Contrast

METRIC = "exceedances"
UNIT = "per million"
#: Of the threshold, the first of them that can be estimated.
QUANTILES = (0.9999, 0.999, 0.99)


@dataclass
class Histograms:
    """Boots of one kernel, all CPUs of a boot together.

    counts: boots x microseconds; overflow: per boot, what was longer than all
    of them.
    """

    counts: np.ndarray
    overflow: np.ndarray

    @property
    def boots(self) -> int:
        return len(self.overflow)

    @property
    def totals(self) -> np.ndarray:
        """Latencies per boot."""
        return self.counts.sum(axis=1) + self.overflow


@dataclass
class Threshold:
    """What is too long, in microseconds: latencies above us count.

    quantile: which one of the baseline's it is.  us None: it cannot be
    estimated, and reason says why; else reason says why it is not the first
    choice, if so.
    """

    us: int | None
    quantile: float | None = None
    reason: str | None = None


@dataclass
class Exceedances:
    """Of one kernel, per boot: latencies over the threshold, and all."""

    over: np.ndarray
    total: np.ndarray

    @cached_property
    def seen(self) -> float:
        return float(self.over.sum())

    @cached_property
    def samples(self) -> float:
        return float(self.total.sum())

    @cached_property
    def pearson(self) -> tuple[float, int]:
        """Pearson's statistic over boots, and its degrees of freedom."""
        if self.seen == 0 or len(self.over) < 2:
            return 0.0, 0
        expected = self.seen / self.samples * self.total
        return (float(((self.over - expected) ** 2 / expected).sum()),
                len(self.over) - 1)


@dataclass
class Tail:
    """Exceedances in one config, machine and workload.

    counts: boot to latencies over the threshold, and all of them.
    """

    threshold: Threshold
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)

    def of(self, boots: list[str]) -> Exceedances:
        """Of boots that all have a count."""
        found = np.array([self.counts[boot] for boot in boots], dtype=float)
        return Exceedances(*found.reshape(-1, 2).T)


@dataclass
class Derived:
    """Exceedances as metrics: rows as those of lab.metrics and lab.samples,
    reasons as those of lab.missing.

    tails: by config, machine, workload and metric.
    """

    metrics: pd.DataFrame
    samples: pd.DataFrame
    missing: dict[tuple[str, str], str]
    tails: dict[tuple[str, str, str, str], Tail]


def name_of(quantile: float) -> str:
    """0.9999 is 'p99.99'."""
    return f"p{100 * quantile:.10g}"


# Quantiles

def _bucket(counts: np.ndarray, overflow: float,
            quantile: float) -> int | None:
    """The microsecond that a share `quantile` of the latencies does not
    exceed; None if it lies beyond the last bucket."""
    below = np.cumsum(counts)
    want = math.ceil(quantile * (below[-1] + overflow) - 1e-9)
    found = int(np.searchsorted(below, want))
    return found if found < len(below) else None


def threshold(base: Histograms, quantile: float = QUANTILES[0]) -> Threshold:
    """Freeze a threshold from the baseline's boots: the quantile, or the
    largest of p99.9 and p99 for which there are latencies enough and which
    lies within the histogram."""
    if not base.boots:
        return Threshold(None, reason="the baseline has no histogram")
    total, why = float(base.totals.sum()), None
    counts, beyond = base.counts.sum(axis=0), float(base.overflow.sum())
    for one in dict.fromkeys((quantile, *QUANTILES)):
        if one > quantile:
            continue
        least = stats.samples_for_quantile(one)
        us = _bucket(counts, beyond, one) if total >= least else None
        if us is not None:
            return Threshold(us, one, why and f"{why}: {name_of(one)} is "
                             "taken instead")
        why = why or (
            f"{name_of(one)} of the baseline lies beyond the histogram's last "
            f"bucket, {len(counts) - 1} us" if total >= least else
            f"{name_of(one)} takes {least:,} latencies of the baseline, and "
            f"there are {total:,.0f}")
    return Threshold(None, reason=f"not estimable: {why}")


@dataclass
class Quantile:
    """A quantile with its 95 % interval, in microseconds.

    high None: it may lie beyond the last bucket.  estimate None: not
    estimable, and reason says why; the interval may be missing alone.
    """

    estimate: float | None
    low: float | None = None
    high: float | None = None
    method: str = ""
    reason: str | None = None


def quantile(found: Histograms, share: float) -> Quantile:
    """A quantile of one kernel's latencies.

    If every boot has enough of them, that of a typical boot: the mean of the
    boots' quantiles and its t interval, both on logarithms.  Else that of all
    boots together: what it is not significantly off, where the counts above
    it are quasi-Poisson over boots (Woodruff's interval, J. Am. Stat. Assoc.
    47, 1952, by inverting that test).

    A bootstrap over boots is too narrow with few boots.  Simulated coverage
    of 95 % intervals at 3, 5 and 10 boots that differ by 5 % as a whole: p99.9
    of 6,000 latencies a boot: 0.96, 0.97, 0.97, where the percentile bootstrap
    has 0.77, 0.87, 0.96; p99.99 of 12,000, which takes all boots together:
    1.00, 1.00, 0.99 (the bootstrap 0.63, 0.83, 0.93), but with an upper end at
    ten boots only.
    """
    least, total = stats.samples_for_quantile(share), found.totals.sum()
    if not found.boots or total < least:
        return Quantile(None, reason=f"not estimable: {name_of(share)} takes "
                        f"{least:,} latencies, and there are {total:,.0f}")
    pooled = _bucket(found.counts.sum(axis=0), float(found.overflow.sum()),
                     share)
    each = [_bucket(*one, share) if sum(one[0]) + one[1] >= least else None
            for one in zip(found.counts, found.overflow)]
    if None not in each:
        return _typical(np.array(each, dtype=float))
    if pooled is None:
        return Quantile(None, reason="not estimable: it lies beyond the "
                        f"histogram's last bucket, {found.counts.shape[1] - 1}"
                        " us")
    if found.boots < 2:
        return Quantile(pooled, method="one boot")
    return _inverted(found, share, pooled)


def _typical(each: np.ndarray) -> Quantile:
    """From the boots' own quantiles: whole microseconds, rounded down."""
    from scipy.special import stdtrit
    logs = np.log(each + 0.5)
    middle = float(np.exp(logs.mean()) - 0.5)
    if np.ptp(each) == 0:
        middle = float(each[0])
    if len(each) < 2:
        return Quantile(middle, method="one boot")
    half = (stdtrit(len(each) - 1, 0.5 + LEVEL / 2)
            * logs.std(ddof=1) / math.sqrt(len(each)))
    low, high = ((middle + 0.5) * math.exp(end) for end in (-half, half))
    return Quantile(middle, max(low - 0.5, 0.0), high + 0.5, "t over boots")


def _inverted(found: Histograms, share: float, pooled: int) -> Quantile:
    from scipy.special import stdtrit
    totals = found.totals[:, None].astype(float)
    over = totals - np.cumsum(found.counts, axis=1)
    seen = over.sum(axis=0)
    expected = seen / totals.sum() * totals
    squares = np.divide((over - expected) ** 2, expected, where=expected > 0,
                        out=np.zeros_like(over)).sum(axis=0)
    wider = np.maximum(squares / (found.boots - 1), 1.0)
    # Nothing seen still is an expectation of up to a few: Haldane's half.
    seen = np.maximum(seen, 0.5)
    t = (np.log(seen / ((1 - share) * totals.sum()))
         / np.sqrt(wider / seen))
    limit = stdtrit(found.boots - 1, 0.5 + LEVEL / 2)
    inside = np.flatnonzero(t <= limit)
    outside = np.flatnonzero(t < -limit)
    low = float(inside[0]) if len(inside) else None
    high = float(outside[0] + 1) if len(outside) else None
    return Quantile(pooled, low, high, "quasi-Poisson over boots")


# Exceedances

def dispersion(kernels: list[Exceedances]) -> tuple[float, int]:
    """By how much counts vary more than Poisson ones, in variance, and the
    degrees of freedom (0: nothing known)."""
    return _ratio(sum(one.pearson[0] for one in kernels),
                  sum(one.pearson[1] for one in kernels))


def _ratio(squares: float, df: int) -> tuple[float, int]:
    return (squares / df, df) if df else (0.0, 0)


def contrast(base: Exceedances, other: Exceedances,
             others: list[Exceedances]) -> Contrast | None:
    """Compare two kernels' rates: the estimate is the logarithm of other's
    over base's.

    others: the group's other kernels, whose boots tell how much boots differ.
    As with times, a kernel whose boots differ far more lends that to nobody.
    Where one kernel has no exceedance, half of one is added to both for the
    estimate (Haldane, Ann. Hum. Genet. 20, 1956).  The standard error is the
    one that makes t the score statistic: Wald's would call 0 against 98
    exceedances chance at three boots.  None if neither kernel has any, or one
    has one boot.
    """
    few = min(len(base.over), len(other.over))
    if few < 2 or base.seen + other.seen == 0:
        return None
    squares, df = (sum(part) for part in zip(
        *(one.pearson for one in others))) if others else (0.0, 0)
    lent = [one for one in others if not stats.noisier(
        *_ratio(*one.pearson), _ratio(max(squares - one.pearson[0], 0.0),
                                      df - one.pearson[1]),
        stats.NOISIER / len(others))]
    pair = dispersion([base, other])
    if not stats.noisier(*pair, dispersion(lent)):
        pair = dispersion([base, other, *lent])
    wider = max(pair[0], 1.0)
    more = 0.5 if 0 in (base.seen, other.seen) else 0.0
    a, b = base.seen + more, other.seen + more
    estimate = math.log(b / other.samples) - math.log(a / base.samples)
    se = math.sqrt(wider * (1 / a + 1 / b))
    score = _score(base, other)
    if estimate * score > 0:
        se = abs(estimate / score) * math.sqrt(wider)
    per_boot = math.sqrt(1 / len(base.over) + 1 / len(other.over))
    return Contrast(estimate, se, pair[1], se / per_boot, "quasi-Poisson t")


def _score(base: Exceedances, other: Exceedances) -> float:
    """How far other's exceedances are from its share of both kernels', in
    standard errors of Poisson counts: normal under equal rates, also where one
    kernel has none."""
    share = other.samples / (base.samples + other.samples)
    seen = base.seen + other.seen
    return ((other.seen - seen * share)
            / math.sqrt(seen * share * (1 - share)))


def nothing_seen(*kernels: Exceedances) -> str:
    """What no exceedance at all means: with 95 % probability the rate is
    below 3 / samples (Hanley and Lippman-Hand, JAMA 249, 1983)."""
    samples = sum(one.samples for one in kernels)
    return (f"no exceedance in {samples:,.0f} latencies: the rate is below "
            f"{3e6 / max(samples, 1.0):.3g} {UNIT}")


# From a lab

class _Counts:
    """The histograms of a lab by boot and metric, one per CPU.

    Those of the baseline become arrays; of all others two sums are wanted,
    and that is twice as fast on the dictionaries as they are.
    """

    def __init__(self, counts: pd.DataFrame) -> None:
        self.rows: dict[tuple[str, str], list[Any]] = {}
        unread = set()
        for row in counts.itertuples(index=False):
            key = row.boot, row.metric
            self.rows.setdefault(key, []).append(row)
            if row.counts is None:
                unread.add(key)
        for key in unread:
            del self.rows[key]

    def histograms(self, boots: list[str], metric: str) -> Histograms:
        """As wide as the widest of them; boots without one are left out."""
        found = [self.rows[boot, metric] for boot in boots
                 if (boot, metric) in self.rows]
        width = max((row.limit_us for rows in found for row in rows),
                    default=0)
        counts = np.zeros((len(found), width))
        for i, row in ((i, row) for i, rows in enumerate(found)
                       for row in rows):
            counts[i, list(row.counts)] += list(row.counts.values())
        return Histograms(counts, np.array(
            [float(sum(row.overflow for row in rows)) for rows in found]))

    def over(self, boot: str, metric: str, limit: int) -> tuple[int, int]:
        """How many latencies of a boot are longer, and how many it has."""
        above = every = 0
        for row in self.rows[boot, metric]:
            above += row.overflow + sum(
                [n for us, n in row.counts.items() if us > limit])
            every += row.overflow + sum(row.counts.values())
        return int(above), int(every)

    def within(self, boot: str, metric: str, us: int) -> bool:
        """Does this threshold lie below the last bucket of all its CPUs?"""
        return all(row.limit_us > us for row in self.rows[boot, metric])


def histograms(lab: load.Lab, boots: list[str],
               metric: str = "latency") -> Histograms:
    """The histograms of some boots, in their order; those that have none, or
    none that can be read, are left out."""
    wanted = lab.counts.boot.isin(boots) & (lab.counts.metric == metric)
    return _Counts(lab.counts[wanted]).histograms(boots, metric)


def derive(lab: load.Lab, base: int) -> Derived:
    """The exceedances of every boot with a latency histogram, over its
    config's, machine's and workload's threshold.

    base: the stage that sets the thresholds, by its boots with role sample
    and a seed within the study's minimum.  The metric is primary; it is
    called `exceedances`, or HISTOGRAM-exceedances where a workload has
    histograms of several kinds.
    """
    cells = lab.cells[lab.cells.state == "ok"]
    counts = _Counts(lab.counts)
    kinds = _kinds(cells, counts, set(zip(lab.metrics.workload,
                                          lab.metrics.name)))
    tails: dict[tuple[str, str, str, str], Tail] = {}
    missing: dict[tuple[str, str], str] = {}
    rows: list[tuple] = []
    places: dict[tuple[str, str, str], list[Any]] = {}
    for cell in cells.itertuples():
        places.setdefault((cell.config, cell.machine, cell.workload),
                          []).append(cell)
    for place, found in places.items():
        for kind, name in kinds.get(place[2], {}).items():
            boots = [c.boot for c in found if c.stage == base
                     and c.role == "sample" and c.seed <= lab.rules.min]
            tail = Tail(threshold(counts.histograms(boots, kind)))
            _count(tail, kind, name, found, counts, missing)
            tails[(*place, name)] = tail
            rows += [(c.stage, *place, name, c.seed, c.role, c.boot,
                      1e6 * tail.counts[c.boot][0] / tail.counts[c.boot][1])
                     for c in found if c.boot in tail.counts]
    return Derived(_metrics(kinds), pd.DataFrame(rows, columns=[
        "stage", "config", "machine", "workload", "metric", "seed", "role",
        "boot", "value"]), missing, tails)


def _kinds(cells: pd.DataFrame, counts: _Counts,
           taken: set[tuple[str, str]]) -> dict[str, dict[str, str]]:
    """By workload: the histograms' metric to the name of its exceedances.
    taken: workloads and the names that their own metrics have."""
    of_boot: dict[str, set[str]] = {}
    for boot, kind in counts.rows:
        of_boot.setdefault(boot, set()).add(kind)
    found: dict[str, set[str]] = {}
    for boot, workload in zip(cells.boot, cells.workload):
        if boot in of_boot:
            found.setdefault(workload, set()).update(of_boot[boot])
    return {workload: {kind: METRIC if len(kinds) == 1
                       and (workload, METRIC) not in taken
                       else f"{kind}-{METRIC}" for kind in sorted(kinds)}
            for workload, kinds in found.items()}


def _count(tail: Tail, kind: str, name: str, cells: list[Any],
           counts: _Counts, missing: dict[tuple[str, str], str]) -> None:
    """Fill a tail's counts, and why a boot has none."""
    us = tail.threshold.us
    boots = [cell.boot for cell in cells if (cell.boot, kind) in counts.rows]
    if us is None:
        missing.update(((boot, name), f"no threshold: {tail.threshold.reason}")
                       for boot in boots)
        return
    for boot in dict.fromkeys(boots):
        over, total = counts.over(boot, kind, us)
        if not counts.within(boot, kind, us):
            missing[boot, name] = (f"the threshold of {us} us lies beyond the "
                                   "last bucket of its histogram")
        elif total:
            tail.counts[boot] = over, total


def _metrics(kinds: dict[str, dict[str, str]]) -> pd.DataFrame:
    rows = [(workload, name, UNIT, "lower", 1, 1)
            for workload, names in kinds.items() for name in names.values()]
    return pd.DataFrame(rows, columns=["workload", "name", "unit", "better",
                                       "is_primary", "is_latency"])
