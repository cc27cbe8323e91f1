"""A plot per metric: every boot of every kernel."""

from __future__ import annotations

import math
from typing import Any

from .. import attribution, plots, table, text
from ..attribution import Attribution
from ..interactions import Interaction
from ..model import BROKEN, SAME, Group, Judgement, Row
from . import series
from .names import several_configs, title, where

#: More kernels than that are drawn along an axis, series or not.
FEW = 12


def plots_of(judgement: Judgement) -> list[dict[str, Any]]:
    """Figures in the order of the groups.  Of a series of patches and of many
    stages: one per machine, workload and metric, with a panel per config; of
    a handful of kernels: one per group."""
    figures: list[dict[str, Any]] = []
    along: dict[tuple, list[Group]] = {}
    for group in judgement.groups:
        if not any(math.isfinite(v) for r in group.rows for v in r.values):
            continue
        if not attribution.is_series(group) and len(group.rows) <= FEW:
            figures.append(_dots(judgement, group, f"p{len(figures)}"))
            continue
        key = group.machine, group.workload, group.metric
        if key not in along:
            figures.append({"groups": along.setdefault(key, [])})
        along[key].append(group)
    for i, figure in enumerate(figures):
        if "groups" in figure:
            figure.update(_series(judgement, figure["groups"], f"p{i}"))
    return figures


def _dots(judgement: Judgement, group: Group, name: str) -> dict[str, Any]:
    scale = table.scale_of(group)
    label = f"{title(group)}, {where(judgement, group)}"
    return {"title": title(group), "where": where(judgement, group),
            "unit": scale.unit, "better": group.better, "wide": False,
            "primary": group.primary, "changes": [],
            "plot": _points(name, label, group, scale,
                            float(judgement.study["min_effect"]))}


def _points(name: str, label: str, group: Group, scale: text.Scale,
            margin: float) -> plots.Plot:
    kernels = [{"title": text.plain(row.kernel),
                "values": [_shown(v, scale) for v in row.values],
                "mean": _shown(row.mean, scale),
                "interval": _ends(row, scale),
                "note": _change(row, scale) or (
                    row.verdict if row.verdict == BROKEN else "")}
               for row in group.rows]
    base = group.base.mean if group.base and group.log else None
    return plots.points(name, f"{label}: every boot's value per kernel, with "
                        "mean and 95 % interval", kernels,
                        base=_shown(base, scale), margin=margin)


def _change(row: Row, scale: text.Scale) -> str:
    """Beside the plot, where the unit, if there is one, is above it."""
    change = table.change_of(row, scale)[0]
    return text.typeset(change.split(" ")[0] if row.difference else change)


def _shown(value: float | None, scale: text.Scale) -> float | None:
    return None if value is None else value * scale.factor


def _ends(row: Row, scale: text.Scale) -> tuple[float, float] | None:
    if row.mean_interval is None:
        return None
    low, high = row.mean_interval
    return low * scale.factor, high * scale.factor


# Along the stages

def _series(judgement: Judgement, groups: list[Group],
            name: str) -> dict[str, Any]:
    one = groups[0]
    scale = text.Scale(one.unit, [row.mean for group in groups
                                  for row in group.rows],
                       one.clock == "exact")
    found = judgement.attribution or Attribution()
    several = several_configs(judgement)
    panels = [_panel(group, scale, found, several) for group in groups]
    names = None if attribution.is_series(one) else {
        row.stage: text.plain(row.word or row.kernel)
        for group in groups for row in group.rows}
    label = (f"{title(one)} on {one.machine}: mean, 95 % interval and every "
             "boot's value per stage" + (", a panel per config" if several
                                         else ""))
    return {"title": title(one), "where": one.machine, "unit": scale.unit,
            "better": one.better, "primary": one.primary, "wide": True,
            "series": {**series.shape(panels), "groups": [
                judgement.groups.index(group) for group in groups]},
            "changes": _told(groups, panels, found),
            "plot": series.plot(name, label, panels,
                                float(judgement.study["min_effect"]), names)}


def _panel(group: Group, scale: text.Scale, found: Attribution,
           several: bool) -> series.Panel:
    base = group.base.mean if group.base and group.log else None
    known = {row.stage: row for row in group.rows}
    stages = [_stage(known[i], scale) if i in known else series.Stage(i)
              for i in range(min(known), max(known) + 1)]
    crossed = [one.row.stage for one in found.interactions if one.claimed
               and any(part.group is group for part in one.parts)]
    note = "" if base is None else (
        f"baseline {scale.show(base)} {scale.unit}")
    return series.Panel(text.plain(group.config) if several else "",
                        note if several else "", _shown(base, scale), stages,
                        _changes(group, found), crossed)


def _stage(row: Row, scale: text.Scale) -> series.Stage:
    of = row.twin if row.verdict == SAME and row.twin else row
    return series.Stage(row.stage, _shown(of.mean, scale), _ends(of, scale),
                        [_shown(v, scale) for v in row.values],
                        of is not row, row.verdict == BROKEN)


def _changes(group: Group, found: Attribution) -> dict[int, float]:
    """Where the level changes, and what single steps change apart from that:
    stage to a fraction."""
    changes: dict[int, float] = {}
    least = math.log1p(found.margin)
    for one in found.levels:
        if one.group is group and one.sure:
            changes.update((one.stages[step.position].stage,
                            math.expm1(step.size))
                           for step in one.found.steps
                           if abs(step.size) > least)
    for step in found.steps:
        if step.group is group and step.changed and not step.absolute:
            changes.setdefault(step.row.stage, step.change)
    return dict(sorted(changes.items()))


def _told(groups: list[Group], panels: list[series.Panel],
          found: Attribution) -> list[dict[str, Any]]:
    """What stands below a figure: one line per stage that changes something,
    with the configs under which it does."""
    several = len(groups) > 1
    lines: dict[int, dict[str, Any]] = {}
    rows = {row.stage: row for group in groups for row in group.rows}
    for group, panel in zip(groups, panels):
        for stage, change in panel.changes.items():
            line = lines.setdefault(stage, {"stage": stage, "parts": [],
                                            "crossed": None})
            config = f"{text.plain(group.config)} " if several else ""
            line["parts"].append(config + text.typeset(text.percent(change)))
    ids = {id(group) for group in groups}
    for one in found.interactions:
        if one.claimed and id(one.group) in ids:
            lines.setdefault(one.row.stage, {
                "stage": one.row.stage, "parts": []})["crossed"] = (
                _crossed(one))
    for stage, line in lines.items():
        line["title"] = rows[stage].title or rows[stage].word
    return [lines[stage] for stage in sorted(lines)]


def _crossed(one: Interaction) -> str:
    """'only under rt: rt +6.8 %, nort +0.4 %'"""
    only = [part.config for part in one.only()]
    start = ("only under " + " and ".join(map(text.plain, only)) if only
             else "depends on the config")
    if not one.group.log:
        return start
    return f"{start}: " + ", ".join(
        f"{text.plain(part.config)} " + (
            SAME if part.effect.same
            else text.typeset(text.percent(part.change)))
        for part in one.parts)
