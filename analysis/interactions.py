"""Does a stage change a metric under one config and not under another?

Two verdicts that differ prove nothing: 3.1 % with q = 0.04 under one config
and 2.6 % with q = 0.06 under the other are the same.  So the changes
themselves are compared: Cochran's Q over the configs (Biometrics 10, 1954),
with Welch's correction for variances that are estimates (Biometrika 38, 1951).
With two configs that is a t test of the difference of two changes.  Where the
stage is the same kernel under a config, or its metric is exact, the change is
known, and the others are tested against it.

In a series, the change is that from the stage before: the contrast with the
baseline shows an interaction again in all later stages.  Simulated with 12
stages and two configs, of which one has a change of four standard deviations
in one stage, steps name that stage alone in 81 % of studies, contrasts with
the baseline in none.  Where nothing differs, 2 % of studies claim that
something does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Iterator

from . import stats
from .effects import (ALPHA, Effect, Effects, bounds, fill_q, floor, fraction,
                      side, spread)
from .model import Group, Row

CHANGED = "changed"
NONE = "none"
OPEN = "open"
#: Differences of exact changes by rounding errors.
TINY = 1e-9


@dataclass
class Part:
    """The change under one config: a fraction of the stage before (or in the
    metric's unit, see steps.fraction), with its 95 % interval.  state is
    CHANGED (beyond the margin), NONE (within, or the same kernel) or OPEN."""

    group: Group
    before: Row
    row: Row
    effect: Effect
    change: float
    interval: tuple[float, float]
    state: str

    @property
    def config(self) -> str:
        return self.group.config


@dataclass(eq=False)
class Interaction:
    """What one stage changes under several configs.

    parts: one per config that can tell, in the study's order.  p, q: that all
    changes are equal; None if they are known exactly.  size, low and high: by
    how much the configs above the widest gap between two changes exceed those
    below, a fraction (or in the metric's unit); estimate: on the scale of the
    comparison.
    """

    parts: list[Part]
    p: float | None
    method: str
    q: float | None = None
    estimate: float = 0.0
    size: float = 0.0
    low: float = 0.0
    high: float = 0.0
    claimed: bool = False

    @property
    def group(self) -> Group:
        return self.parts[0].group

    @property
    def row(self) -> Row:
        return self.parts[0].row

    @property
    def before(self) -> Row:
        return self.parts[0].before

    def only(self) -> list[Part]:
        """The parts that change, if all others are known not to."""
        found = [part for part in self.parts if part.state == CHANGED]
        rest = [part for part in self.parts if part.state == NONE]
        return found if rest and len(found) + len(rest) == len(
            self.parts) else []


@dataclass
class _Grid:
    """Groups of one machine, workload and metric, by config."""

    groups: list[Effects] = field(default_factory=list)

    def series(self) -> bool:
        """Is each stage the one before and a patch?"""
        return is_series(self.groups[0].group)


def is_series(group: Group) -> bool:
    """Is each stage the one before and a patch?"""
    return any(row.title for row in group.rows)


def interactions(all_effects: list[Effects],
                 margin: float) -> list[Interaction]:
    """All tests that can be made, with their q: one family of the primary
    metrics, one of the others."""
    grids: dict[tuple, _Grid] = {}
    for effects in all_effects:
        group = effects.group
        grids.setdefault((group.machine, group.workload, group.metric,
                          group.log), _Grid()).groups.append(effects)
    found = []
    for grid in grids.values():
        if len(grid.groups) > 1:
            for chosen in _places(grid):
                found += _interaction(chosen, margin)
    fill_q(found)
    for one in found:
        _claim(one, margin)
    return found


def _places(grid: _Grid) -> Iterator[list[tuple[Effects, Row, Row]]]:
    """For each stage the configs that have it, each with the row before: the
    latest that all of them have, or the baseline."""
    rows = [{row.stage: row for row in one.usable} for one in grid.groups]
    series = grid.series()
    for stage in sorted(set().union(*rows)):
        having = [i for i, one in enumerate(rows) if stage in one]
        if series:
            before = [other for other in set.intersection(
                *(set(rows[i]) for i in having)) if other < stage]
            first = max(before, default=None)
        else:
            base = grid.groups[0].group.base
            first = base.stage if base is not None else None
            having = [i for i in having if first in rows[i]]
        if first is not None and first != stage and len(having) > 1:
            yield [(grid.groups[i], rows[i][first], rows[i][stage])
                   for i in having]


def _interaction(chosen: list[tuple[Effects, Row, Row]],
                 margin: float) -> list[Interaction]:
    """One test, or none if fewer than two configs can tell."""
    parts, seen = [], set()
    for effects, before, row in chosen:
        effect = effects.of(before, row)
        # Configs may share their kernels, and so their boots.
        if effect is None or (before.key, row.key) in seen:
            continue
        if not effect.same:
            seen.add((before.key, row.key))
        parts.append(_part(effects.group, before, row, effect, margin))
    if len(parts) < 2 or all(part.effect.same for part in parts):
        return []
    p, method = _differ([part.effect for part in parts])
    found = Interaction(parts, p, method)
    _measure(found)
    return [found]


def _part(group: Group, before: Row, row: Row, effect: Effect,
          margin: float) -> Part:
    change, interval, narrow = spread(group, effect, before)
    within = bounds(group, before, margin)
    state = OPEN
    if effect.same or narrow[0] >= within[0] and narrow[1] <= within[1]:
        state = NONE
    elif side(interval, within):
        state = CHANGED
    return Part(group, before, row, effect, change, interval, state)


def _differ(effects: list[Effect]) -> tuple[float | None, str]:
    """p of equal changes (None: known exactly), and how it was found."""
    exact = [one.estimate for one in effects if one.contrast is None]
    rest = [one.contrast for one in effects if one.contrast is not None]
    weight = min(one.weight for one in effects)
    if not rest or exact and max(exact) - min(exact) > TINY:
        return None, "exact"
    if exact:
        return min(1.0, _against(exact[0], rest) / weight), "t against exact"
    return min(1.0, _welch(rest) / weight), (
        "t of the difference" if len(rest) == 2 else "Welch's F")


def _against(known: float, rest: list[stats.Contrast]) -> float:
    """Of all being equal to a known change.  Each t statistic becomes the
    normal one of equal p, and their squares add up to chi-squared."""
    from scipy.special import chdtrc, ndtri, stdtr
    total = 0.0
    for one in rest:
        p = stdtr(one.df, -abs(one.estimate - known) / one.se)
        total += float(ndtri(max(p, 1e-300))) ** 2
    return float(chdtrc(len(rest), total))


def _welch(rest: list[stats.Contrast]) -> float:
    from scipy.special import fdtrc
    weights = [one.se ** -2 for one in rest]
    total, k = sum(weights), len(rest)
    mean = sum(w * one.estimate for w, one in zip(weights, rest)) / total
    q = sum(w * (one.estimate - mean) ** 2 for w, one in zip(weights, rest))
    unsure = sum((1 - w / total) ** 2 / one.df
                 for w, one in zip(weights, rest)) / (k * k - 1)
    f = q / (k - 1) / (1 + 2 * (k - 2) * unsure)
    return float(fdtrc(k - 1, 1 / (3 * unsure), f))


def _split(parts: list[Part]) -> tuple[list[Part], list[Part]]:
    """At the widest gap between two changes: those below, those above."""
    order = sorted(parts, key=lambda part: part.effect.estimate)
    gaps = [b.effect.estimate - a.effect.estimate
            for a, b in zip(order, order[1:])]
    cut = gaps.index(max(gaps)) + 1
    return order[:cut], order[cut:]


def _measure(found: Interaction) -> None:
    """Fill size, low and high."""
    from scipy.special import stdtrit
    estimate = variance = slack = unsure = 0.0
    for sign, parts in zip((-1, 1), _split(found.parts)):
        for part in parts:
            one = part.effect
            estimate += sign * one.estimate / len(parts)
            slack += one.slack / len(parts)
            if one.contrast is not None:
                own = (one.contrast.se / len(parts)) ** 2
                variance += own
                unsure += own ** 2 / one.contrast.df
    half, found.estimate = slack, estimate
    if variance:
        weight = min(part.effect.weight for part in found.parts)
        half += math.sqrt(variance) * float(stdtrit(
            variance ** 2 / unsure, 1 - ALPHA / 2 * weight))
    found.size, found.low, found.high = (
        fraction(found.group, estimate + end, found.before)
        for end in (0.0, -half, half))


def _claim(found: Interaction, margin: float) -> None:
    """A claim needs q < 5 %, and configs that differ by more than the margin
    and the A/A noise; fresh boots must not have refuted a change."""
    _, ceiling = bounds(found.group, found.before, margin)
    sure = found.q < ALPHA if found.q is not None else found.method == "exact"
    noise = 0.0 if found.p is None else max(floor(part.group)
                                            for part in found.parts)
    unsettled = any(part.row.unsettled or part.before.unsettled
                    for part in found.parts)
    found.claimed = (sure and not unsettled and found.estimate > noise
                     and found.low > max(ceiling, TINY))
