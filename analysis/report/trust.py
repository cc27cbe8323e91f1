"""How far the verdicts can be trusted: noise, false alarms, what would have
been seen, and what drifted while it was measured."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import drift, load, plots, stats, summary, table, text, verdicts
from ..effects import ALPHA, floor, size
from ..model import BASELINE, Group, Judgement, Row
from .names import several_configs, title, where


def of(lab: load.Lab, judgement: Judgement) -> dict[str, Any]:
    """lines: sentences; metrics: a row per group; drifts: figures, with those
    that are a warning marked; exact: is there a machine that cannot drift, and
    wall: one that can."""
    margin = verdicts.margin_of(lab)
    clocks = set(lab.machines.clock)
    # One metric's rows stand together.
    order = list(dict.fromkeys(map(title, judgement.groups)))
    groups = sorted((g for g in judgement.groups if any(r.n for r in g.rows)),
                    key=lambda g: order.index(title(g)))
    return {"lines": summary.trust(judgement),
            "metrics": [_metric(judgement, group, margin)
                        for group in groups],
            "drifts": _drifts(lab, judgement),
            "exact": "exact" in clocks, "wall": bool(clocks - {"exact"})}


# Per metric

def _metric(judgement: Judgement, group: Group,
            margin: float) -> dict[str, Any]:
    base = group.base
    known = group.noise
    return {
        "title": title(group), "where": where(judgement, group),
        "primary": group.primary, "boots": _boots(group),
        "spread": text.spread(base.cv) if base else "",
        "floor": _amount(group, floor(group)) if known else "",
        "alarms": f"{100 * known.alarms:.1f} %" if known else "",
        "detectable": _detectable_words(group, margin)}


def _boots(group: Group) -> str:
    """'5', '3 to 5', '5, baseline 10': boots of a kernel that were compared,
    before those that repeat a claim."""
    base = len(group.base.first) if group.base else 0
    counts = sorted({len(row.first) for row in group.rows
                     if row.first and row.twin is None
                     and row is not group.base}) or [base]
    words = (str(counts[0]) if len(counts) == 1
             else f"{counts[0]} to {counts[-1]}")
    return words if counts == [base] else f"{words}, baseline {base}"


def detectable(group: Group, margin: float) -> float | None:
    """The change of a typical kernel that would be claimed in 80 of 100
    studies, on the scale of the comparison: its interval lies beyond the
    margin and it is larger than the A/A floor.  0: every boot agrees, so any
    change beyond the margin is; None where nothing was compared.

    One comparison alone is meant, before its false discovery rate and before
    fresh boots: among many, or to be repeated, it has to be larger.  Simulated
    with 2 to 10 kernels at 3 to 10 boots, 80 % of such changes are claimed
    where all share their variance, and 68 to 80 % with the tests of who may.
    """
    compared = [row for row in group.rows if row.claimed is not None
                and row.twin is None and row.verdict != BASELINE]
    found = [row for row in compared if row.claimed.contrast is not None]
    if not found:
        return 0.0 if compared else None
    if group.log:
        margin = math.log1p(margin)
    elif not found[0].claimed.absolute:
        margin *= abs(group.base.mean)
    return float(np.median([
        max(stats.detectable(row.claimed.contrast, margin + _slack(group, row),
                             1 - ALPHA * row.weight),
            stats.detectable(row.claimed.contrast, floor(group), 0.0))
        for row in found]))


def _slack(group: Group, row: Row) -> float:
    """What rounding may hide, on the scale of the comparison."""
    return (math.log1p(row.coarse / group.base.mean) if group.log
            else row.coarse)


def _detectable_words(group: Group, margin: float) -> str:
    found = detectable(group, margin)
    if found is None:
        return ""
    return _amount(group, found) if found else (
        f"any beyond {100 * margin:g} %")


def _amount(group: Group, value: float) -> str:
    """A difference on the scale of the comparison, without its sign."""
    if group.log:
        value = math.expm1(min(value, 700.0))
    elif group.base is not None and size(group.base):
        value /= size(group.base)
    else:
        scale = table.scale_of(group)
        return f"{value * scale.factor:.4g} {scale.unit}"
    return text.percent(value).lstrip("+")


# Drift

def _drifts(lab: load.Lab, judgement: Judgement) -> list[dict[str, Any]]:
    """A figure per config, machine and primary metric with a wall clock,
    warnings first."""
    warned = {(one.config, one.machine, one.workload, one.metric): one
              for one in judgement.drifts}
    several = several_configs(judgement)
    figures = []
    for one in drift.all_series(lab):
        config, machine, workload, metric = one.place
        told = warned.get(one.place)
        place = f"{config} on {machine}" if several else machine
        figures.append({
            "title": f"{workload} {metric}", "where": place,
            "warning": told.sentence if told else None,
            "plot": _plot(f"d{len(figures)}", f"{workload} {metric}, {place}",
                          one, told)})
    return sorted(figures, key=lambda figure: figure["warning"] is None)


def _plot(name: str, label: str, one: drift.Series,
          told: drift.Drift | None) -> plots.Plot:
    off = 100 * one.off()
    low, high = min(float(off.min()), -0.01), max(float(off.max()), 0.01)
    low, high = low - 0.08 * (high - low), high + 0.08 * (high - low)
    fit = [(at, 100 * value)
           for at, value in drift.fitted(one, told.steady)] if told else []
    return plots.Plot(
        name, "drift.gp", f"{label}: every boot less its kernel's mean, in "
        "the order of their starts", {
            "last": float(one.order.max()), "low": low, "high": high,
            "marks": ", ".join(f'"{plots.percent(at)}" {at:g}'
                               for at in plots.ticks(low, high, 5))},
        {"points": _pairs(one.order[~one.base], off[~one.base]),
         "base": _pairs(one.order[one.base], off[one.base]), "fit": fit},
        {"@order": "boots in the order of their starts"})


def _pairs(x: np.ndarray, y: np.ndarray) -> list[tuple]:
    return [(f"{a:g}", f"{b:.6g}") for a, b in zip(x, y)]
