"""Which stage changed what, under which config: steps, levels, interactions.

Each answers another question, and each is a family of tests of its own:
steps         does this stage differ from the one before?  (steps.py)
levels        where in 12 stages and more does the level change?  Finds what is
              too small for a single step.  (changepoints.py)
interactions  does it depend on the config?  (interactions.py)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import changepoints, interactions as crossed, text
from .changepoints import Found
from .effects import ALPHA, Effects, fill_q, size, usable
from .interactions import Interaction, Part, is_series
from .model import SAME, Group, Row
from .steps import Step, judge, steps

#: Sentences of each kind on a terminal.
SHOWN = 8


@dataclass
class Levels:
    """Change points of one group.  stages: a row per distinct kernel with
    values, in order: positions are indices into it.  q: of any change at all,
    among all groups of its kind."""

    group: Group
    stages: list[Row]
    found: Found
    q: float = 1.0

    @property
    def p(self) -> float:
        return self.found.p

    @property
    def sure(self) -> bool:
        return self.q < ALPHA


@dataclass
class Attribution:
    """All that was tested, claimed or not."""

    steps: list[Step] = field(default_factory=list)
    levels: list[Levels] = field(default_factory=list)
    interactions: list[Interaction] = field(default_factory=list)
    margin: float = 0.0


def attribute(groups: list[Group], margin: float) -> Attribution:
    """Explain judged groups; margin: the study's min_effect, a fraction.

    Stages of a series get steps and levels; kernels that are no series get
    neither.  Interactions need two configs.
    """
    effects = [Effects(group) for group in groups]
    found = [step for one in effects if is_series(one.group)
             for step in steps(one)]
    judge(found, margin)
    levels = [one for group in groups
              if (one := change_points(group)) is not None]
    fill_q(levels)
    return Attribution(found, levels, crossed.interactions(effects, margin),
                       margin)


def change_points(group: Group) -> Levels | None:
    """The levels of one group; None below 12 distinct kernels with values, for
    kernels that are no series and for rates of rare events."""
    if group.tail is not None or not group.log or not is_series(group):
        return None
    stages: list[Row] = []
    for row in usable(group):
        if not (stages and row.key and row.key == stages[-1].key):
            stages.append(row)
    if len({row.key for row in stages}) < changepoints.LEAST:
        return None
    found = changepoints.find(np.array([row.found.mean for row in stages]))
    return found and Levels(group, stages, found)


# In words

def lines(found: Attribution) -> list[str]:
    """Sentences for a terminal; none if nothing is claimed."""
    several = _Several(found)
    told = [one for one in found.interactions if one.claimed]
    known = {(one.group.machine, one.group.workload, one.group.metric,
              one.row.stage) for one in told}
    changed = [step for step in found.steps if step.changed and (
        step.group.machine, step.group.workload, step.group.metric,
        step.row.stage) not in known]
    return [*_some([_crossed_line(one, several) for one in told],
                   "interaction"),
            *_some([_step_line(step, several) for step in changed], "step"),
            *_some([line for one in found.levels
                    if (line := _level_line(one, found.margin, several))],
                   "change of level")]


class _Several:
    """What has to be named, since there are several of it."""

    def __init__(self, found: Attribution) -> None:
        groups = ([step.group for step in found.steps]
                  + [part.group for one in found.interactions
                     for part in one.parts])
        self.configs = len({group.config for group in groups}) > 1
        self.machines = len({group.machine for group in groups}) > 1

    def place(self, group: Group, config: bool = True) -> str:
        """' under rt on icount-2cpu'"""
        parts = []
        if config and self.configs:
            parts.append(f" under {text.plain(group.config)}")
        if self.machines:
            parts.append(f" on {text.plain(group.machine)}")
        return "".join(parts)


def _some(told: list[str], what: str) -> list[str]:
    more = len(told) - SHOWN
    if more <= 0:
        return told
    return [*told[:SHOWN], f"and {text.plural(more, f'more {what}')}, see "
            "--json"]


def _name(group: Group) -> str:
    return text.plain(f"{group.workload} {group.metric}")


def _size(change: float, interval: tuple[float, float], unit: str | None,
          exact: bool) -> str:
    """'+3.1 % [+2.4, +3.8] %', '+3.1 % (exact)', '+12 us [+10, +14] us'."""
    if unit is not None:
        low, high = interval
        ends = "(exact)" if exact else f"[{low:+.4g}, {high:+.4g}] {unit}"
        return f"{change:+.4g} {unit} {ends}"
    return text.percent(change) + " " + (
        "(exact)" if exact else text.interval(interval))


def _unit(group: Group, before: Row) -> str | None:
    """None if changes are fractions."""
    absolute = not group.log and size(before) is None
    return text.plain(group.unit) if absolute else None


def _verb(group: Group, change: float, several: bool = False) -> str:
    worse = group.worse(change)
    return ("worsen" if worse else "improve") + ("" if several else "s")


def _subject(row: Row, skipped: list[Row] = ()) -> str:
    """"stage 5 'subject'", or "stages 3 to 5 together (3, 4: no value)"."""
    if not skipped:
        return text.plain(row.full)
    names = ", ".join(str(one.stage) for one in skipped[:4])
    names += ", .." if len(skipped) > 4 else ""
    return (f"stages {skipped[0].stage} to {row.stage} together "
            f"({names} {'has' if len(skipped) == 1 else 'have'} no value)")


def _step_line(step: Step, several: _Several) -> str:
    by = _size(step.change, step.interval, _unit(step.group, step.before),
               step.effect.method == "exact")
    return (f"{_subject(step.row, step.skipped)} "
            f"{_verb(step.group, step.change, bool(step.skipped))} "
            f"{_name(step.group)} by {by}"
            f"{several.place(step.group)}, against stage {step.before.stage}")


def _part_words(part: Part) -> str:
    """'same kernel', or the change."""
    if part.effect.same:
        return SAME
    return _size(part.change, part.interval, _unit(part.group, part.before),
                 part.effect.method == "exact")


def _crossed_line(one: Interaction, several: _Several) -> str:
    place = several.place(one.group, config=False)
    only = one.only()
    between = [row for row in one.group.rows
               if one.before.stage < row.stage < one.row.stage]
    between = between if is_series(one.group) else []
    subject = _subject(one.row, between)
    if only:
        names = " and ".join(text.plain(part.config) for part in only)
        rest = ", ".join(f"{text.plain(part.config)}: {_part_words(part)}"
                         for part in one.parts if part not in only)
        sizes = " and ".join(_part_words(part) for part in only)
        verbs = {_verb(part.group, part.change, bool(between))
                 for part in only}
        verb = (verbs.pop() if len(verbs) == 1
                else "change" if between else "changes")
        return (f"{subject} {verb} {_name(one.group)} by {sizes} only under "
                f"{names}{place} ({rest})")
    parts = ", ".join(f"{text.plain(part.config)} {_part_words(part)}"
                      for part in one.parts)
    return (f"what {subject} {'do' if between else 'does'} to "
            f"{_name(one.group)}{place} depends on the config: {parts}")


def _level_line(one: Levels, margin: float, several: _Several) -> str | None:
    """Only levels that differ by more than the margin are told."""
    if not one.sure:
        return None
    found, stages = one.found, one.stages
    what = f"{_name(one.group)}{several.place(one.group)}"
    least = math.log1p(margin)
    if found.slope is not None:
        if abs(found.slope.size) <= least:
            return None
        return (f"{what}: no single step: it drifts by "
                f"{text.percent(math.expm1(found.slope.size))} from stage "
                f"{stages[0].stage} to stage {stages[-1].stage}")
    told = [_level(step, stages) for step in found.steps
            if abs(step.size) > least]
    if not told:
        return None
    if len(told) == 1:
        return f"{what}: one change of level, {told[0]}"
    return (f"{what}: no single step but {len(told)} changes of level: "
            + "; ".join(told))


def _level(step: changepoints.Step, stages: list[Row]) -> str:
    first, last = stages[step.earliest].stage, stages[step.latest].stage
    span = f" (95 %: {first} to {last})" if first != last else ""
    return (f"at stage {stages[step.position].stage}{span} by "
            f"{text.percent(math.expm1(step.size))} "
            f"{text.interval(_percents(step))}")


def _percents(step: changepoints.Step) -> tuple[float, float]:
    return math.expm1(step.low), math.expm1(step.high)


# As JSON

def as_json(found: Attribution) -> dict[str, Any]:
    """Fractions as in table.as_json; numbers that are not finite are null.

    steps          config, machine, workload, metric, stage, against, skipped
                   (stages), change, low, high (in the metric's unit if
                   absolute), p, q, method, verdict
    change_points  per group of 12 kernels and more: config, machine, workload,
                   metric, p, q (of any change), drift (fraction, or null),
                   points: stage, earliest, latest, change, low, high
    interactions   machine, workload, metric, stage, against, p, q, method,
                   claimed, difference, low, high (between the configs on the
                   two sides of the widest gap), only (configs), configs:
                   config, change, low, high, state
    """
    return {"steps": [_step_json(step) for step in found.steps],
            "change_points": [_levels_json(one) for one in found.levels],
            "interactions": [_crossed_json(one) for one in
                             found.interactions]}


def _finite(found: dict[str, Any]) -> dict[str, Any]:
    return {key: None if isinstance(value, float) and not math.isfinite(value)
            else value for key, value in found.items()}


def _place(group: Group) -> dict[str, str]:
    return {"config": group.config, "machine": group.machine,
            "workload": group.workload, "metric": group.metric}


def _step_json(step: Step) -> dict[str, Any]:
    low, high = step.interval or (None, None)
    return _finite({
        **_place(step.group), "stage": step.row.stage,
        "against": step.before.stage,
        "skipped": [row.stage for row in step.skipped],
        "change": step.change, "low": low, "high": high,
        "absolute": step.absolute, "p": step.p, "q": step.q,
        "method": step.effect.method if step.effect else None,
        "verdict": step.verdict})


def _levels_json(one: Levels) -> dict[str, Any]:
    slope, stages = one.found.slope, one.stages
    return {**_place(one.group), "p": one.found.p, "q": one.q,
            "drift": math.expm1(slope.size) if slope else None,
            "points": [_finite({
                "stage": stages[step.position].stage,
                "earliest": stages[step.earliest].stage,
                "latest": stages[step.latest].stage,
                "change": math.expm1(step.size),
                "low": _percents(step)[0], "high": _percents(step)[1]})
                for step in one.found.steps]}


def _crossed_json(one: Interaction) -> dict[str, Any]:
    place = _place(one.group)
    del place["config"]
    return _finite({
        **place, "stage": one.row.stage, "against": one.before.stage,
        "p": one.p, "q": one.q, "method": one.method, "claimed": one.claimed,
        "difference": one.size, "low": one.low, "high": one.high,
        "only": [part.config for part in one.only()] if one.claimed else [],
        "configs": [_finite({
            "config": part.config, "change": part.change,
            "low": part.interval[0], "high": part.interval[1],
            "state": SAME if part.effect.same else part.state})
            for part in one.parts]})
