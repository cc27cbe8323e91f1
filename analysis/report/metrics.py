"""A plot per metric: every boot of every kernel."""

from __future__ import annotations

import math
from typing import Any

from .. import plots, table, text, verdicts
from ..verdicts import Group, Judgement
from .names import title, where


def plots_of(judgement: Judgement) -> list[dict[str, Any]]:
    figures = []
    for group in judgement.groups:
        if not any(math.isfinite(v) for r in group.rows for v in r.values):
            continue
        scale = table.scale_of(group)
        label = f"{title(group)}, {where(judgement, group)}"
        figures.append({
            "title": title(group), "where": where(judgement, group),
            "unit": scale.unit, "better": group.better,
            "primary": group.primary,
            "plot": _points(f"p{len(figures)}", label, group, scale,
                            float(judgement.study["min_effect"]))})
    return figures


def _points(name: str, label: str, group: Group, scale: text.Scale,
            margin: float) -> plots.Plot:
    def shown(value: float | None) -> float | None:
        return None if value is None else value * scale.factor

    kernels = [{"title": text.plain(row.kernel),
                "values": [shown(v) for v in row.values],
                "mean": shown(row.mean),
                "interval": row.mean_interval and tuple(
                    shown(end) for end in row.mean_interval),
                "note": text.typeset(table.change_of(row, scale)[0]) or (
                    row.verdict if row.verdict == verdicts.BROKEN else "")}
               for row in group.rows]
    base = group.base.mean if group.base and group.log else None
    return plots.points(name, f"{label}: every boot's value per kernel, with "
                        "mean and 95 % interval", kernels, base=shown(base),
                        margin=margin)
