"""Each stage against the one before: which of them changed a metric.

A verdict compares with the baseline, so a patch that costs 3 % shows in its
own stage and in all later ones.  Here it shows once.  Simulated with 12 stages
of five boots, a change of three standard deviations is named, and no other
stage, in 77 % of studies, one of five in 93 %; without a change, 4 % of
studies name one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .effects import (ALPHA, Effect, Effects, bounds, fill_q, floor, side, size,
                      spread)
from .model import (EQUIVALENT, IMPROVED, INCONCLUSIVE, REGRESSED, SAME, Group,
                    Row)


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


def steps(effects: Effects, rows: list[Row] | None = None) -> list[Step]:
    """One step per stage with a value, but for the first; not judged yet.

    rows: those of the group to go through, in order; all of them unless given.
    """
    found: list[Step] = []
    before: Row | None = None
    skipped: list[Row] = []
    for row in effects.group.rows if rows is None else rows:
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
    found.change, found.interval, found.narrow = spread(group, effect, before)
    return found


def judge(found: list[Step], margin: float) -> None:
    """Fill q, over the steps of primary metrics and over all others, and the
    verdicts: a change needs q < 5 %, an interval beyond the margin, and to be
    larger than the A/A noise.  What fresh boots have refuted is no change."""
    fill_q(found)
    for step in found:
        if step.effect is not None:
            step.verdict = _verdict(step, margin)


def _verdict(step: Step, margin: float) -> str:
    if step.effect.same:
        return SAME
    within = bounds(step.group, step.before, margin)
    beyond = side(step.interval, within)
    noisy = step.effect.contrast is not None and (
        abs(step.effect.estimate) <= floor(step.group))
    unsettled = step.before.unsettled or step.row.unsettled
    if beyond and not noisy and not unsettled and (
            step.q is None or step.q < ALPHA):
        return REGRESSED if step.group.worse(beyond) else IMPROVED
    inside = step.narrow[0] >= within[0] and step.narrow[1] <= within[1]
    return EQUIVALENT if inside else INCONCLUSIVE
