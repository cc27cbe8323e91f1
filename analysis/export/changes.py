"""What each stage of a series changed, shorter than attribution's sentences:
one paragraph per stage, a line per metric, with the configs side by side."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from .. import attribution, text
from ..attribution import Attribution
from ..interactions import Interaction, is_series
from ..model import Group, Row


@dataclass
class Stage:
    """One stage and, in words, what it changed: (metric and direction) to the
    changes by place.  only: those of which no other config has the change."""

    row: Row
    changes: dict[str, dict[str, str]] = field(default_factory=dict)
    only: set[str] = field(default_factory=set)

    def lines(self) -> list[str]:
        """'hackbench time, worse: nort +3.0 % [+2.4, +3.6] %'"""
        return [f"{what}: " + ", ".join(
            f"{place} {size}".strip() for place, size in places.items())
            + (" (no other config)" if what in self.only else "")
            for what, places in self.changes.items()]


def of(found: Attribution, shown: list[Group]) -> tuple[list[Stage],
                                                        list[str]]:
    """The stages that changed one of the groups that are shown, in order, and
    sentences on what that does not tell."""
    known = set(map(id, shown))
    steps = [one for one in found.steps
             if one.changed and id(one.group) in known]
    crossed = [one for one in found.interactions
               if one.claimed and id(one.group) in known]
    stages: dict[int, Stage] = {}
    for step in steps:
        _add(stages, shown, step.group, step.row, step.change, step.interval,
             step.absolute)
    told = [one for one in crossed if _add_only(stages, shown, one)]
    stepped = {id(step.group) for step in steps}
    rest = attribution.lines(dataclasses.replace(
        found,
        steps=[one for one in found.steps
               if not one.changed and id(one.group) in known],
        interactions=[one for one in crossed if one not in told],
        levels=[one for one in found.levels if id(one.group) in known
                and id(one.group) not in stepped]))
    return [stages[key] for key in sorted(stages)], rest


def _add_only(stages: dict[int, Stage], shown: list[Group],
              one: Interaction) -> bool:
    """Add what only some configs of a series have; else say so."""
    if not one.only() or not is_series(one.group):
        return False
    for part in one.only():
        what = _add(stages, shown, part.group, part.row, part.change,
                    part.interval, not part.group.log)
        stages[part.row.stage].only.add(what)
    return True


def _add(stages: dict[int, Stage], shown: list[Group], group: Group, row: Row,
         change: float, interval: tuple[float, float], absolute: bool) -> str:
    word = "worse" if group.worse(change) else "better"
    what = text.plain(f"{group.workload} {group.metric}, {word}")
    size = (f"{change:+.4g} {text.plain(group.unit)}" if absolute else
            f"{text.percent(change)} {text.interval(interval)}")
    places = stages.setdefault(row.stage, Stage(row)).changes.setdefault(
        what, {})
    places.setdefault(_place(group, shown), size)
    return what


def _place(group: Group, shown: list[Group]) -> str:
    parts = []
    if len({one.config for one in shown}) > 1:
        parts.append(text.plain(group.config))
    if len({one.machine for one in shown}) > 1:
        parts.append(f"on {text.plain(group.machine)}")
    return " ".join(parts)
