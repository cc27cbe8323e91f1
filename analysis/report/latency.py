"""Latency histograms."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from .. import load, plots, text
from ..cells import turns_show
from ..verdicts import Judgement
from .names import several_configs


def histograms(lab: load.Lab, judgement: Judgement) -> list[dict[str, Any]]:
    """Boots and CPUs of a kernel are added up: this shows, it judges not."""
    if lab.counts.empty:
        return []
    cells = lab.cells[lab.cells.state == "ok"]
    merged = cells.merge(lab.counts, on="boot")
    several = several_configs(judgement)
    figures = []
    for (config, machine, workload, metric), frame in merged.groupby(
            ["config", "machine", "workload", "metric"], sort=False):
        clock = lab.machine(machine).get("clock", "")
        where = f"{config} on {machine}" if several else machine
        kernels = [_kernel_histogram(stage, frame[frame.stage == stage.idx])
                   for stage in lab.stages.itertuples()
                   if (frame.stage == stage.idx).any()]
        unit = text.on_exact_clock("us") if clock == "exact" else "us"
        base = [i for i, k in enumerate(kernels)
                if k["stage"] == judgement.base]
        figures.append({
            "title": f"{workload} {metric}", "where": where,
            "base": bool(base),
            "refused": turns_show(lab.machine(machine)),
            "plot": plots.histogram(
                f"h{len(figures)}", f"{workload} {metric}, {where}: latency "
                "histogram per kernel", unit, kernels,
                base[0] if base else None)})
    return figures


def _kernel_histogram(stage: Any, frame: pd.DataFrame) -> dict[str, Any]:
    counts: Counter[int] = Counter()
    for found in frame["counts"]:
        counts.update(found or {})
    overflow = int(frame.overflow.sum())
    total = sum(counts.values()) + overflow
    boots = frame.boot.nunique()
    highest = max((us for us, n in counts.items() if n), default=None)
    most = ("" if highest is None else f"highest bucket {highest:,} us, "
            if not overflow else "")
    return {"stage": int(stage.idx), "title": text.plain(stage.name),
            "counts": dict(counts), "overflow": overflow,
            "limit": int(frame.limit_us.max()),
            "note": f"{most}{text.plural(total, 'latency', 'latencies')} in "
                    f"{text.plural(boots, 'boot')}"}
