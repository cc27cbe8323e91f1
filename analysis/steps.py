"""Each stage against the one before: which of them changed a metric.

A verdict compares with the baseline, so a patch that costs 3 % shows in its
own stage and in all later ones.  Here it shows once.  Simulated with 12 stages
of five boots, a change of three standard deviations is named, and no other
stage, in 77 % of studies, one of five in 93 %; without a change, 4 % of
studies name one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Iterable

from . import latency, stats
from .model import (EQUIVALENT, IMPROVED, INCONCLUSIVE, NOT_APPLICABLE,
                    REGRESSED, SAME, TIMES, Group, Row)

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


@dataclass(eq=False)
class Step:
    """From one stage with a value to the next one: what the stages after
    `before` up to that of `row` changed together.

    skipped: those between that have no value.  change and its intervals (95 %;
    narrow 90 %) are fractions of the stage before, or in the metric's unit if
    absolute; None where the boots are too few.  verdict is REGRESSED,
    IMPROVED, EQUIVALENT, SAME or INCONCLUSIVE.
    """

    group: Group
    before: Row
    row: Row
    skipped: list[Row] = field(default_factory=list)
    effect: Effect | None = None
    change: float | None = None
    interval: tuple[float, float] | None = None
    narrow: tuple[float, float] | None = None
    absolute: bool = False
    q: float | None = None
    verdict: str = INCONCLUSIVE

    @property
    def p(self) -> float | None:
        return self.effect.p if self.effect else None

    @property
    def changed(self) -> bool:
        return self.verdict in (REGRESSED, IMPROVED)


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


def steps(effects: Effects) -> list[Step]:
    """One step per stage with a value, but for the first; not judged yet."""
    found: list[Step] = []
    before: Row | None = None
    skipped: list[Row] = []
    for row in effects.group.rows:
        if row not in effects.usable:
            skipped.append(row)
            continue
        if before is not None:
            found.append(_step(effects, before, row, skipped))
        before, skipped = row, []
    return found


def _step(effects: Effects, before: Row, row: Row,
          skipped: list[Row]) -> Step:
    group = effects.group
    effect = effects.of(before, row)
    found = Step(group, before, row, skipped, effect)
    if effect is None:
        return found
    found.absolute = not group.log and size(before) is None
    wide, slim = effect.half(), effect.half(1 - 2 * ALPHA)
    found.change, *ends = (
        fraction(group, effect.estimate + half, before)
        for half in (0.0, -wide, wide, -slim, slim))
    found.interval, found.narrow = (ends[0], ends[1]), (ends[2], ends[3])
    return found


def judge(found: list[Step], margin: float) -> None:
    """Fill q, over the steps of primary metrics and over all others, and the
    verdicts: a change needs q < 5 %, an interval beyond the margin, and to be
    larger than the A/A noise.  What fresh boots have refuted is no change."""
    for primary in (True, False):
        family = [step for step in found if step.group.primary == primary
                  and step.p is not None]
        for step, q in zip(family, stats.benjamini_hochberg(
                [step.p for step in family])):
            step.q = q
    for step in found:
        if step.effect is not None:
            step.verdict = _verdict(step, margin)


def _verdict(step: Step, margin: float) -> str:
    if step.effect.same:
        return SAME
    low, high = bounds(step.group, step.before, margin)
    side = int(step.interval[0] > high) - int(step.interval[1] < low)
    noisy = step.effect.contrast is not None and (
        abs(step.effect.estimate) <= floor(step.group))
    open_claim = any(row.waiting or row.confirmed is False
                     for row in (step.before, step.row))
    if side and not noisy and not open_claim and (
            step.q is None or step.q < ALPHA):
        worse = (side > 0) == (step.group.better == "lower")
        return REGRESSED if worse else IMPROVED
    inside = step.narrow[0] >= low and step.narrow[1] <= high
    return EQUIVALENT if inside else INCONCLUSIVE
