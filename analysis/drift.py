"""Did a machine with a wall clock get faster or slower while a study ran?

Kernels take turns, so a drift does not look like a change of one of them, but
it widens every interval, and hides what is smaller than itself.  An exact
clock does not drift.

Values against the order in which boots started, each kernel's own level
removed: a linear trend (t test), and what is left between consecutive parts
of the run (F test), for a machine that was busy for a while.  Both are tests
in one linear model, an analysis of covariance (Scheffe, The Analysis of
Variance, 1959, ch. 6); Benjamini-Hochberg over all of a study, at 1 %.
Simulated with 3 to 12 kernels at 3 and 5 boots, normal and heavy-tailed, of
studies of four metrics without a drift at most 1.3 % get a warning.

Boots that repeat a claim are left out: they are of kernels chosen for extreme
values, and what is less extreme later is no drift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from . import load, stats, text

ALPHA = 0.01
#: Fewer boots are never warned of.
LEAST = 6
#: Fewer degrees of freedom than that are no test.
LEAST_DF = 3
PARTS = 5


@dataclass
class Drift:
    """A warning.

    size: from the first boot to the last as fitted, or, if not steady, from
    the lowest to the highest part of the run; a fraction (of the mean where
    values are not all above 0).  base: how the baseline's own boots moved from
    first to last, None for fewer than three; boots is their number.  p is
    corrected for all tests of the study.
    """

    config: str
    machine: str
    workload: str
    metric: str
    steady: bool
    size: float
    p: float
    base: float | None
    boots: int
    sentence: str = ""


@dataclass
class Series:
    """The boots of one metric in one place, in the order of their starts.

    order: 0 .. n - 1, equal for boots that started together; kernel: an index
    per boot; y: values on the scale of the comparison.
    """

    place: tuple[str, str, str, str]
    order: np.ndarray
    kernel: np.ndarray
    base: np.ndarray
    y: np.ndarray
    log: bool
    mean: float

    def off(self) -> np.ndarray:
        """Each boot less the mean of its kernel, a fraction."""
        levels = np.bincount(self.kernel, self.y) / np.bincount(self.kernel)
        off = self.y - levels[self.kernel]
        return np.expm1(off) if self.log else off / self.mean

    def fraction(self, size: float) -> float:
        return math.expm1(size) if self.log else size / self.mean


def check(lab: load.Lab) -> list[Drift]:
    """What to warn of: at most one drift per config, machine, workload and
    primary metric; none on exact clocks."""
    found: list[tuple[Series, bool, float, float]] = []
    for one in all_series(lab):
        trend, parts = _trend(one), _parts(one)
        found += [(one, True, *trend)] if trend else []
        found += [(one, False, *parts)] if parts else []
    told: dict[tuple, Drift] = {}
    for (one, steady, size, _), q in zip(found, stats.benjamini_hochberg(
            [p for *_, p in found])):
        if q < ALPHA and one.place not in told:
            base, boots = _sentinel(one)
            told[one.place] = Drift(*one.place, steady, one.fraction(size), q,
                                    base, boots)
    several = lab.configs.name.nunique() > 1
    for one in told.values():
        one.sentence = _sentence(one, several, lab.study["name"])
    return list(told.values())


# The boots, in order

def all_series(lab: load.Lab) -> list[Series]:
    """All that is tested: none on exact clocks."""
    wall = set(lab.machines.name[lab.machines.clock != "exact"])
    primary = lab.metrics[lab.metrics.is_primary.astype(bool)]
    wanted = set(zip(primary.workload, primary.name))
    samples = lab.samples[lab.samples.machine.isin(wall)
                          & (lab.samples.role != "confirm")]
    if samples.empty:
        return []
    started = dict(zip(lab.cells.boot, lab.cells.started))
    samples = samples.assign(started=samples.boot.map(started))
    samples = samples[samples.started.notna()
                      & np.isfinite(samples.value.astype(float))]
    keys = ["config", "machine", "workload", "metric"]
    found = []
    for place, frame in samples.groupby(keys, sort=False):
        if place[2:] in wanted:
            # Stages of one kernel share their boots.
            one = _series(place, frame.drop_duplicates("boot"),
                          int(lab.study["baseline"]))
            found += [one] if one else []
    return found


def _series(place: tuple, frame: pd.DataFrame, base: int) -> Series | None:
    """None if there are too few boots, or no order."""
    frame = frame[frame.groupby("stage").stage.transform("size") > 1]
    # Boots that started together share a place: their names are no order.
    order = frame.started.astype(str).rank(method="average").to_numpy() - 1
    values = frame.value.to_numpy(dtype=float)
    if len(frame) < LEAST or np.ptp(order) == 0 or np.ptp(values) == 0:
        return None
    log = bool((values > 0).all())
    mean = abs(float(values.mean()))
    if not log and mean == 0:
        return None
    sort = np.argsort(order, kind="stable")
    kernel = np.unique(frame.stage.astype(int), return_inverse=True)[1]
    return Series(place, order[sort], kernel[sort],
                   (frame.stage == base).to_numpy(dtype=bool)[sort],
                   np.log(values)[sort] if log else values[sort], log, mean)


# The tests

def _fit(one: Series, *more: np.ndarray) -> tuple[np.ndarray, float, int]:
    """Least squares on each kernel's level and more columns: coefficients of
    these, the sum of squares that is left, and its degrees of freedom."""
    levels = np.eye(one.kernel.max() + 1)[one.kernel]
    design = np.column_stack([levels, *more])
    found, _, rank, _ = np.linalg.lstsq(design, one.y, rcond=None)
    left = one.y - design @ found
    return found[levels.shape[1]:], float(left @ left), len(one.y) - int(rank)


def _trend(one: Series) -> tuple[float, float] | None:
    """Size over the run and p of a linear trend."""
    from scipy.special import fdtrc
    (slope,), squares, df = _fit(one, one.order)
    _, before, full = _fit(one)
    if df < LEAST_DF or full == df:
        return None
    p = fdtrc(1, df, (before - squares) / max(squares / df, 1e-300))
    return float(slope) * float(np.ptp(one.order)), float(p)


def _count_parts(one: Series) -> int:
    return min(PARTS, len(one.y) // (int(one.kernel.max()) + 1))


def _divide(one: Series) -> tuple[np.ndarray, np.ndarray]:
    """Consecutive parts of the run: which one each boot is in, as a number and
    as a row of zeros and a one."""
    count = _count_parts(one)
    part = np.minimum((one.order * count / len(one.y)).astype(int), count - 1)
    return part, np.eye(count)[part]


def _parts(one: Series) -> tuple[float, float] | None:
    """Size and p of what differs between parts of the run beyond a trend."""
    from scipy.special import fdtrc
    if _count_parts(one) < 3:
        return None
    _, columns = _divide(one)
    _, before, more = _fit(one, one.order)
    _, squares, df = _fit(one, one.order, columns)
    if df < LEAST_DF or more == df:
        return None
    p = fdtrc(more - df, df, (before - squares) / (more - df)
              / max(squares / df, 1e-300))
    levels, _, _ = _fit(one, columns)
    return float(np.ptp(levels)), float(p)


def fitted(one: Series, steady: bool) -> list[tuple[float, float]]:
    """What the tests fit to a series: order and a fraction, of the two ends of
    a trend or of the corners of the parts, around 0."""
    if steady:
        (slope,), _, _ = _fit(one, one.order)
        middle = float(one.order.mean())
        return [(float(at), one.fraction(float(slope) * (float(at) - middle)))
                for at in (one.order.min(), one.order.max())]
    part, columns = _divide(one)
    levels, _, _ = _fit(one, columns)
    levels = levels - levels[part].mean()
    return [(float(at), one.fraction(float(level)))
            for i, level in enumerate(levels)
            for at in (one.order[part == i].min(), one.order[part == i].max())]


def _sentinel(one: Series) -> tuple[float | None, int]:
    """How the baseline's own boots moved over the run, and their number."""
    x, y = one.order[one.base], one.y[one.base]
    if len(x) < 3 or np.ptp(x) == 0:
        return None, len(x)
    slope = float(np.polyfit(x, y, 1)[0])
    return one.fraction(slope * float(np.ptp(one.order))), len(x)


# In words

def _sentence(one: Drift, several: bool, study: str) -> str:
    config = f" under {text.plain(one.config)}" if several else ""
    what = text.plain(f"{one.workload} {one.metric}")
    moved = (f"drifted by {text.percent(one.size)} from the first boot to the "
             "last" if one.steady else f"moved by {text.percent(one.size)} "
             "between parts of the run")
    base = "" if one.base is None else (
        f"; the baseline's own {one.boots} boots: {text.percent(one.base)}")
    p = "< 0.0001" if one.p < 1e-4 else f"= {one.p:.2g}"
    return (f"machine '{text.plain(one.machine)}': {what}{config} {moved}, "
            f"whatever the kernel (p {p}{base}): small changes are hidden; "
            "look for other load, heat or a changing clock speed, and boot "
            f"again (klab gc --forget {text.plain(study)}, then klab run)")


def as_json(found: list[Drift]) -> list[dict[str, Any]]:
    """config, machine, workload, metric, steady, size and base (fractions), p,
    boots (of the baseline), sentence."""
    return [dict(vars(one)) for one in found]
