"""The tables of verdicts, with their small interval plots."""

from __future__ import annotations

import math
from typing import Any

from .. import load, table, text, verdicts
from ..verdicts import Group, Judgement, Row
from .names import title, where

#: A sign next to each verdict, so that none is told by colour alone.
SIGNS = {verdicts.REGRESSED: "\u25bc", verdicts.IMPROVED: "\u25b2",
         verdicts.EQUIVALENT: "=", verdicts.INCONCLUSIVE: "?",
         verdicts.SAME: "\u2261", verdicts.NOT_APPLICABLE: "\u2013",
         verdicts.BROKEN: "\u00d7", verdicts.BASELINE: "\u25cf"}
FOREST = 168


def places(lab: load.Lab, judgement: Judgement) -> list[dict[str, Any]]:
    """One table per config and machine."""
    places: dict[tuple, dict[str, Any]] = {}
    for group in judgement.groups:
        place = places.setdefault((group.config, group.machine), {
            "title": where(judgement, group), "primary": [], "other": [],
            "machine": lab.machine(group.machine)})
        place["primary" if group.primary else "other"].append(
            _block(group, verdicts.margin_of(lab)))
    return list(places.values())


def _block(group: Group, margin: float) -> dict[str, Any]:
    scale = table.scale_of(group)
    reach = _reach(group, margin)
    return {"title": title(group), "unit": scale.unit,
            "better": group.better, "notes": table.reasons(group),
            "axis": _axis(group, reach),
            "band": 2 * _forest_x(group, margin, reach) - FOREST
            if reach else 0,
            "rows": [_row(group, row, scale, reach) for row in group.rows]}


def _row(group: Group, row: Row, scale: text.Scale,
         reach: float | None) -> dict[str, Any]:
    change, interval = table.change_of(row, scale)
    mean = scale.show(row.mean)
    return {"kernel": row.kernel, "n": table.count_of(row), "mean": mean,
            "cv": text.spread(row.cv), "change": text.typeset(change),
            "interval": text.typeset(interval), "q": text.rate(row.q),
            "verdict": row.verdict,
            "more": f"as {row.twin.word}" if row.same_as != row.verdict
            else table.boots_more(row),
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
    low, high = (f"x{1 + end:.2g}" if factor else f"{100 * end:+.0f} %"
                 if reach >= 0.05 else f"{100 * end:+.2g} %"
                 for end in (low, reach))
    return text.typeset(low), "\u00d71" if factor else "0", text.typeset(high)


def _forest_x(group: Group, value: float, reach: float) -> float:
    half = FOREST / 2
    place = _along(group, value) / _along(group, reach)
    return round(half + min(max(place, -1.0), 1.0) * (half - 6), 1)


def _forest(group: Group, row: Row,
            reach: float | None) -> dict[str, float] | None:
    if reach is None or row.interval is None:
        return None
    low, at, high = (_forest_x(group, value, reach) for value in
                     (row.interval[0], row.change, row.interval[1]))
    edge = _along(group, reach) * 1.0001
    return {"low": low, "high": high, "at": at,
            "beyond_low": _along(group, row.interval[0]) < -edge,
            "beyond_high": _along(group, row.interval[1]) > edge}
