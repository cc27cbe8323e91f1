"""By how much one kernel differs from another in a group: what verdicts, steps
and interactions have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Iterable

from . import latency, stats
from .model import NOT_APPLICABLE, SAME, TIMES, Group, Row

ALPHA = 0.05


@dataclass
class Effect:
    """What one kernel has more than another, on the scale of the comparison:
    logarithms if the group's, else the metric's unit.

    contrast None: exact, there is no variance.  same: the two are one kernel.
    slack widens each end of an interval, for values rounded to steps wider
    than their spread.  weight: see Row.
    """

    estimate: float
    contrast: stats.Contrast | None = None
    same: bool = False
    slack: float = 0.0
    weight: float = 1.0

    @property
    def p(self) -> float | None:
        if self.contrast is None:
            return None
        return min(1.0, self.contrast.p() / self.weight)

    @property
    def method(self) -> str:
        if self.contrast is not None:
            return self.contrast.method
        return SAME if self.same else "rounded" if self.slack else "exact"

    def half(self, level: float = 1 - ALPHA) -> float:
        """Half the width of the interval."""
        if self.contrast is None:
            return self.slack
        return self.slack + self.contrast.half(
            1 - (1 - level) * self.weight)


def usable(group: Group) -> list[Row]:
    """The rows that can be compared: with values, which are not refused (such
    as maxima) and which no limit has judged already."""
    return [row for row in group.rows if row.found is not None
            and row.verdict != NOT_APPLICABLE and not row.limited]


def one_per_key(rows: Iterable[Row]) -> list[Row]:
    """The first of the kernels with equal code: they share their boots."""
    found: dict[str | None, Row] = {}
    for row in rows:
        found.setdefault(row.key, row)
    return list(found.values())


class Effects:
    """The contrasts of one group, each computed once."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.usable = usable(group)
        self.lenders = one_per_key(row for row in self.usable if row.lends)
        self.known: dict[tuple[int, int], Effect | None] = {}

    def of(self, before: Row, row: Row) -> Effect | None:
        """row less before; None if their boots are too few to tell."""
        key = before.stage, row.stage
        if key not in self.known:
            self.known[key] = self._compute(before, row)
        return self.known[key]

    def _compute(self, before: Row, row: Row) -> Effect | None:
        if row.key and row.key == before.key:
            return Effect(0.0, same=True)
        few = min(before.found.n, row.found.n)
        if few < 2:
            return None
        others = [one for one in self.lenders
                  if one.key not in (before.key, row.key)]
        weight = min(before.weight, row.weight)
        if self.group.tail is not None:
            contrast = latency.contrast(*map(self._counts, (before, row)),
                                        list(map(self._counts, others)))
            return contrast and Effect(contrast.estimate, contrast,
                                       weight=weight)
        if not stats.exact(before.found, row.found,
                           [one.found for one in others]):
            contrast = stats.contrast(before.found, row.found,
                                      [one.found for one in others])
            return contrast and Effect(
                contrast.estimate, contrast, weight=weight,
                slack=_slack(self.group, before, row))
        return Effect(row.found.mean - before.found.mean,
                      slack=_slack(self.group, before, row))

    def _counts(self, row: Row) -> latency.Exceedances:
        return self.group.tail.of(row.boots[:len(row.first)])


def _slack(group: Group, before: Row, row: Row) -> float:
    """What rounding may hide, on the scale of the comparison."""
    if group.unit not in TIMES:
        return 0.0
    step = stats.coarseness(before.first, row.first)
    return math.log1p(step / abs(before.mean)) if group.log else step


def size(before: Row) -> float | None:
    """What an estimate on the plain scale is divided by to be a fraction; None
    if the stage before is about 0."""
    low, high = before.mean_interval or (before.mean, before.mean)
    return abs(before.mean) if low > 0 or high < 0 else None


def fraction(group: Group, estimate: float, before: Row) -> float:
    """An estimate as a fraction of the stage before; in the metric's unit if
    that is about 0."""
    if group.log:
        return math.expm1(min(estimate, 700.0))
    return estimate / (size(before) or 1.0)


def bounds(group: Group, before: Row, margin: float) -> tuple[float, float]:
    """The margin (a fraction) below and above no change, as fraction() counts
    it."""
    if group.log:
        return 1 / (1 + margin) - 1, margin
    if size(before) is None:
        margin *= abs(before.mean)
    return -margin, margin


def floor(group: Group) -> float:
    """What the baseline's boots differ by among themselves, on the scale of
    the comparison; 0 if that is not known."""
    return group.noise.floor if group.noise else 0.0


def distance(change: float) -> float:
    """How far a ratio less 1 is from none, by logarithm: twice and half are
    equally far."""
    return abs(math.log(max(1 + change, 1e-9)))


def side(interval: tuple[float, float], within: tuple[float, float]) -> int:
    """On which side of the bounds an interval lies: 1, -1, or 0."""
    return int(interval[0] > within[1]) - int(interval[1] < within[0])


def spread(group: Group, effect: Effect, before: Row
           ) -> tuple[float, tuple[float, float], tuple[float, float]]:
    """The change, its 95 % and its 90 % interval, as fraction() counts."""
    wide, slim = effect.half(), effect.half(1 - 2 * ALPHA)
    change, low, high, narrow_low, narrow_high = (
        fraction(group, effect.estimate + half, before)
        for half in (0.0, -wide, wide, -slim, slim))
    return change, (low, high), (narrow_low, narrow_high)


def fill_q(tests: Iterable[Any]) -> None:
    """Fill q of what has a p and a group: those of primary metrics are one
    family, all others another."""
    tests = [one for one in tests if one.p is not None]
    for primary in (True, False):
        family = [one for one in tests if one.group.primary == primary]
        for one, q in zip(family, stats.benjamini_hochberg(
                [one.p for one in family])):
            one.q = q
