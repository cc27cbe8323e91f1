"""The tables of verdicts, with their small interval plots and the boots behind
each row."""

from __future__ import annotations

import math
from typing import Any

from .. import load, summary, table, text, verdicts
from ..verdicts import Group, Judgement, Row
from .heatmap import classes
from .names import title, where

#: Half the width of an interval plot, in pixels, and what its ends keep free
#: for arrowheads.
HALF, FREE = 84, 6
#: Characters of a patch's subject in a row; the heatmap has all of it.
SUBJECT = 100
#: Studies with no more rows than these show those of all primary metrics at
#: once.
OPEN_ROWS = 300


def places(lab: load.Lab, judgement: Judgement) -> list[dict[str, Any]]:
    """One entry per config and machine, with a table per metric."""
    places: dict[tuple, dict[str, Any]] = {}
    boots = _boots(lab)
    names = {row.stage: _name(row) for _, row in judgement.rows()}
    only = any(group.primary for group in judgement.groups)
    rows = sum(len(group.rows) for group in judgement.groups
               if group.primary or not only)
    for number, group in enumerate(judgement.groups):
        place = places.setdefault((group.config, group.machine), {
            "title": where(judgement, group), "primary": [], "other": []})
        block = _block(number, group, verdicts.margin_of(lab), boots, names)
        block["open"] = (group.primary or not only) and rows <= OPEN_ROWS
        place["primary" if group.primary else "other"].append(block)
    return list(places.values())


def choices(judgement: Judgement) -> dict[str, list[str]]:
    """What the rows can be filtered by."""
    groups = judgement.groups
    found = [*summary.counts(judgement), *({verdicts.BASELINE} & {
        row.verdict for _, row in judgement.rows()})]
    return {"config": list(dict.fromkeys(g.config for g in groups)),
            "workload": list(dict.fromkeys(g.workload for g in groups)),
            "verdict": found}


def _boots(lab: load.Lab) -> dict[tuple, list[dict[str, str]]]:
    """The boots of every cell: id, and what went wrong, if anything did."""
    found: dict[tuple, list[dict[str, str]]] = {}
    cells = lab.cells
    for stage, config, machine, workload, boot, state, outcome in zip(
            cells.stage, cells.config, cells.machine, cells.workload,
            cells.boot, cells.state, cells.outcome):
        bad = state in ("bad", "lab") or outcome == "splat"
        found.setdefault((stage, config, machine, workload), []).append({
            "id": text.plain(boot), "outcome": text.plain(outcome) if bad
            else "" if state == "ok" else "not done"})
    return found


def _name(row: Row) -> str:
    """The stage with its subject, cut where no screen is that wide."""
    name = text.plain(f"{row.word} {row.title}" if row.title else row.kernel)
    return name if len(name) <= SUBJECT else name[:SUBJECT - 2].rstrip() + ".."


def _block(number: int, group: Group, margin: float,
           boots: dict[tuple, list[dict[str, str]]],
           names: dict[int, str]) -> dict[str, Any]:
    scale = table.scale_of(group)
    reach = _reach(group, margin)
    rows = [_row(group, row, scale, reach) for row in group.rows]
    for found, row in zip(rows, group.rows):
        found |= {"name": names[row.stage],
                  "boots": boots.get((row.stage, *group.place), [])}
    tally = [row.verdict for row in group.rows]
    return {"group": number, "title": title(group), "unit": scale.unit,
            "better": group.better, "notes": table.reasons(group),
            "config": group.config, "workload": group.workload,
            "machine": group.machine, "metric": group.metric,
            "primary": group.primary,
            "tally": [(word, tally.count(word)) for word in summary.ORDER
                      if word in tally],
            "strip": [classes(group, row, margin) for row in group.rows],
            "axis": _axis(group, reach),
            "band": 2 * _forest_x(group, margin, reach) if reach else 0,
            "rows": rows}


def _row(group: Group, row: Row, scale: text.Scale,
         reach: float | None) -> dict[str, Any]:
    change, interval = table.change_of(row, scale)
    return {"stage": row.stage, "n": table.count_of(row),
            "mean": scale.show(row.mean),
            "cv": text.spread(row.cv), "change": text.typeset(change),
            "interval": text.typeset(interval), "q": text.rate(row.q),
            "verdict": row.verdict,
            "more": text.plain(f"as {row.twin.word}")
            if row.same_as != row.verdict else table.boots_more(row),
            "forest": _forest(group, row, reach)}


def _reach(group: Group, margin: float) -> float | None:
    """How far the small interval plots of a group go up, as a fraction; they
    go down by the same factor (on the plain scale: by the same amount)."""
    rows = [row for row in group.rows if row.interval]
    if not rows:
        return None
    largest = max(_along(group, abs(_along(group, row.change)), back=True)
                  for row in rows)
    widest = max(_along(group, abs(_along(group, end)), back=True)
                 for row in rows for end in row.interval)
    reach = max(min(widest, 2.5 * largest + 2 * margin), 1.5 * margin, 1e-6)
    size = 10.0 ** math.floor(math.log10(reach))
    return next(size * k for k in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
                if size * k >= reach * 0.999)


def _along(group: Group, value: float, back: bool = False) -> float:
    """From a change to its place on the axis, or back: ratios by logarithm,
    so that twice and half are equally far."""
    if not group.log:
        return value
    if back:
        return math.expm1(min(value, 20.0))
    return math.log(max(1 + value, 1e-9))


def _axis(group: Group, reach: float | None) -> tuple[str, ...]:
    """What the ends and the middle of the axis are called."""
    if reach is None:
        return ()
    low = -_along(group, reach)
    low = math.expm1(low) if group.log else low
    factor = reach > text.FACTOR_FROM
    digits = ".0f" if reach >= 0.05 else ".2g"
    low, high = (f"x{float(f'{1 + end:.2g}'):g}" if factor
                 else f"{100 * end:+{digits}} %" for end in (low, reach))
    return text.typeset(low), "\u00d71" if factor else "0", text.typeset(high)


def _forest_x(group: Group, value: float, reach: float) -> float:
    """Where a change is drawn: pixels to the right of no change."""
    place = _along(group, value) / _along(group, reach)
    return round(min(max(place, -1.0), 1.0) * (HALF - FREE), 1)


def _forest(group: Group, row: Row,
            reach: float | None) -> dict[str, str] | None:
    """The dot, and the bar with an arrowhead where it goes on, as a path."""
    if reach is None or row.interval is None:
        return None
    low, at, high = (_forest_x(group, value, reach) for value in
                     (row.interval[0], row.change, row.interval[1]))
    edge = _along(group, reach) * 1.0001
    path = f"M{low:g} 0H{high:g}"
    if _along(group, row.interval[0]) < -edge:
        path += f"M{5 - HALF} -4l-5 4l5 4"
    if _along(group, row.interval[1]) > edge:
        path += f"M{HALF - 5} -4l5 4l-5 4"
    return {"path": path, "at": f"{at:g}"}
