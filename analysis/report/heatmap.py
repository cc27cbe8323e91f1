"""The heatmap: how every stage changed every primary metric, at a glance.

A column is a config on a machine under a workload, a row a stage.  How large a
change is gives a cell its shade, in steps of the study's margin; the mark and
the words in it say the same without colour.
"""

from __future__ import annotations

import math
from typing import Any, Iterable

from .. import load, table, text, verdicts
from ..effects import distance
from ..verdicts import Group, Judgement, Row
from .names import SIGNS, title

#: Shades begin at these multiples of the margin.
STEPS = (1, 2, 5, 20)
#: The margin of a study that has none.
MARGIN = 0.01
#: So many columns fit beside the subjects on a laptop's screen; up to ROOMY
#: they need not be narrow.
COLUMNS = 24
ROOMY = 12


def heatmap(lab: load.Lab, judgement: Judgement) -> dict[str, Any]:
    """tables: as many as the columns need; limits: where each shade begins,
    in percent; narrow: whether the columns are many."""
    columns = _columns(judgement)
    parts = list(_split(columns))
    limits = [100 * limit for limit in _limits(verdicts.margin_of(lab))]
    return {"tables": [_table(lab, judgement, part) for part in parts],
            "limits": [f"{limit:.3g}" for limit in limits],
            "narrow": max(map(len, parts), default=0) > ROOMY,
            "brought": bool(_brought(judgement)), "marks": _marks(columns)}


def shown(groups: list[Group]) -> list[Group]:
    """The groups that stand for their workloads: their primary metrics, or
    the first one where there is none."""
    primary = {group.workload for group in groups if group.primary}
    first: dict[str, str] = {}
    for group in groups:
        first.setdefault(group.workload, group.metric)
    return [group for group in groups if group.primary
            or group.workload not in primary
            and group.metric == first[group.workload]]


def shade(group: Group, row: Row, margin: float) -> str:
    """'w1' to 'w4' for a change for the worse, 'b1' to 'b4' for the better,
    '' for one within the margin or unknown."""
    if row.limited:
        return f"w{len(STEPS)}"
    found = row.difference[0] if row.difference else row.change
    if not found:
        return ""
    if row.difference:
        # There is no percentage of 0: the verdict alone says if it counts.
        step = 2 * (row.verdict in (verdicts.REGRESSED, verdicts.IMPROVED))
    else:
        step = sum(_far(group, found) >= _far(group, limit) * (1 - 1e-9)
                   for limit in _limits(margin))
    return f"{'w' if group.worse(found) else 'b'}{step}" if step else ""


def classes(group: Group, row: Row, margin: float) -> str:
    """What the style sheet goes by: the verdict, and the shade where one
    shows."""
    word = row.verdict.replace(" ", "-")
    found = shade(group, row, margin)
    return f"{word} {found}" if found else word


def _limits(margin: float) -> list[float]:
    return [step * (margin or MARGIN) for step in STEPS]


def _far(group: Group, change: float) -> float:
    """How far a change is from none: ratios by logarithm."""
    return distance(change) if group.log else abs(change)


def _columns(judgement: Judgement) -> list[tuple[int, Group]]:
    """Number and group, by workload and metric, then machine, then config, in
    the study's order."""
    chosen = {id(group) for group in shown(judgement.groups)}
    found = [(number, group) for number, group
             in enumerate(judgement.groups) if id(group) in chosen]
    orders = [_order(group.workload for _, group in found),
              _order((group.workload, group.metric) for _, group in found),
              _order(group.machine for _, group in found),
              _order(group.config for _, group in found)]
    return sorted(found, key=lambda one: (
        orders[0][one[1].workload],
        orders[1][one[1].workload, one[1].metric],
        orders[2][one[1].machine], orders[3][one[1].config]))


def _order(names: Iterable[Any]) -> dict[Any, int]:
    return {name: at for at, name in enumerate(dict.fromkeys(names))}


def _split(columns: list[tuple[int, Group]]):
    """Columns in tables that fit, where it can be without tearing apart a
    metric."""
    part: list[tuple[int, Group]] = []
    for metric in _runs(columns, lambda group: (group.workload, group.metric)):
        if part and len(part) + len(metric) > COLUMNS:
            yield part
            part = []
        part += metric
        while len(part) > COLUMNS:
            yield part[:COLUMNS]
            part = part[COLUMNS:]
    if part:
        yield part


def _runs(columns: list[tuple[int, Group]], key) -> list[list]:
    found: list[list] = []
    for column in columns:
        if found and key(found[-1][0][1]) == key(column[1]):
            found[-1].append(column)
        else:
            found.append([column])
    return found


def _table(lab: load.Lab, judgement: Judgement,
           columns: list[tuple[int, Group]]) -> dict[str, Any]:
    margin = verdicts.margin_of(lab)
    brought = _brought(judgement)
    groups = [(number, group, {row.stage: row for row in group.rows},
               table.scale_of(group)) for number, group in columns]
    rows = []
    for stage in lab.stages.itertuples():
        cells = [_cell(number, group, at.get(stage.idx), scale, margin,
                       (number, stage.idx) in brought)
                 for number, group, at, scale in groups]
        if any(cells):
            rows.append({"stage": int(stage.idx), "cells": cells,
                         "word": text.plain(stage.word),
                         "title": text.plain(stage.title or ""),
                         "base": stage.idx == judgement.base})
    # The first column of a metric stands a little apart from the one before.
    starts = {run[0][0] for run in _runs(columns, title)}
    for row in rows:
        for cell in filter(None, row["cells"]):
            cell["first"] = cell["group"] in starts
    return {"heads": _heads(judgement, columns),
            "firsts": [number in starts for number, _ in columns],
            "rows": rows, "what": ", ".join(dict.fromkeys(
                title(group) for _, group in columns))}


def _heads(judgement: Judgement,
           columns: list[tuple[int, Group]]) -> list[list[dict[str, Any]]]:
    """The rows of the head: metrics, and machines and configs where there are
    several."""
    heads = [[{"text": title(group), "span": len(run), "first": True,
               "more": f"{title(group)}: {table.scale_of(group).unit}, "
                       f"{group.better} is better"}
              for run in _runs(columns, title) for _, group in run[:1]]]
    starts = {run[0][0] for run in _runs(columns, title)}
    for name in ("machine", "config"):
        if len({getattr(group, name) for group in judgement.groups}) > 1:
            runs = _runs(columns, lambda group, name=name: (
                title(group), group.machine, getattr(group, name)))
            heads.append([{"text": getattr(run[0][1], name),
                           "span": len(run), "more": getattr(run[0][1], name),
                           "first": run[0][0] in starts} for run in runs])
    return heads


def _cell(number: int, group: Group, row: Row | None, scale: text.Scale,
          margin: float, brought: bool) -> dict[str, Any] | None:
    """None where nothing was planned."""
    if row is None:
        return None
    change = table.change_of(row, scale)[0]
    if row is group.base:
        value, words = _brief(row.mean, scale), scale.show(row.mean)
    else:
        value, words = _short(row, change), change
    said = ", ".join(filter(None, (
        row.verdict, text.typeset(words),
        "this stage brought it" if brought else "",
        "with findings" if row.splats else "")))
    return {"group": number, "to": f"c-{number}-{row.stage}",
            "config": group.config, "workload": group.workload,
            "class": classes(group, row, margin) + (
                " brought" if brought else ""),
            "mark": SIGNS[row.verdict], "sick": bool(row.splats or row.sick),
            "value": text.typeset(value), "said": said}


def _brief(mean: float | None, scale: text.Scale) -> str:
    """A mean in three digits: '134', '9.00', '2.41M'."""
    if mean is None or not math.isfinite(mean):
        return ""
    value, letter = mean * scale.factor, ""
    if abs(value) >= 9999.5:
        for letter in "kMG":
            value /= 1000
            if abs(value) < 999.5:
                break
    value = float(f"{value:.{4 if abs(value) >= 999.5 else 3}g}")
    digits = math.floor(math.log10(abs(value))) if value else 2
    return f"{value:.{min(max(2 - digits, 0), 3)}f}{letter}"


def _short(row: Row, change: str) -> str:
    """A change in percent or as a factor, as briefly as it can be said; what
    is known in the metric's unit only has no place among percents."""
    if row.difference:
        return ""
    if row.change is None or not change.endswith(" %"):
        return change
    percent = 100 * row.change
    decimals = 1 if abs(percent) < 9.95 else 0
    value = f"{percent:+.{decimals}f}"
    return "0" if float(value) == 0 else value


def _brought(judgement: Judgement) -> set[tuple[int, int]]:
    """Group and stage of what changed against the stage before."""
    if judgement.attribution is None:
        return set()
    numbers = {id(group): at for at, group in enumerate(judgement.groups)}
    return {(numbers[id(step.group)], step.row.stage)
            for step in judgement.attribution.steps
            if step.changed and id(step.group) in numbers}


def _marks(columns: list[tuple[int, Group]]) -> list[str]:
    """The verdicts that occur, in the order in which they are explained."""
    found = {row.verdict for _, group in columns for row in group.rows}
    return [word for word in SIGNS if word in found]
