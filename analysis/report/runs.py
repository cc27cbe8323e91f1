"""What was run: kernels, workloads, boots, and the time they took."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .. import load, text


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return frame.to_dict("records")


def workloads(lab: load.Lab) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for m in lab.metrics.itertuples():
        workload = found.setdefault(m.workload, {"name": m.workload,
                                                 "primary": [], "other": []})
        workload["primary" if m.is_primary else "other"].append(m.name)
    return list(found.values())


def boots(lab: load.Lab) -> list[dict[str, Any]]:
    """One row per boot, with the stages that share it."""
    names = dict(zip(lab.stages.idx, lab.stages.name))
    several = lab.cells.config.nunique() > 1
    rows: dict[str, dict[str, Any]] = {}
    for cell in lab.cells.itertuples():
        row = rows.setdefault(cell.boot, {
            "id": cell.boot, "kernels": [], "machine": cell.machine,
            "config": cell.config if several else "",
            "workload": cell.workload, "seed": cell.seed,
            "state": cell.state or "open",
            "outcome": cell.outcome if cell.state not in (None, "running")
            else "not done",
            "wall": text.duration(cell.wall_ms) if cell.wall_ms else "",
            "repeat": f"klab reproduce {cell.boot}"})
        name = names.get(cell.stage, str(cell.stage))
        if name not in row["kernels"]:
            row["kernels"].append(name)
    return list(rows.values())


def time(lab: load.Lab) -> dict[str, str]:
    """Host time: the sum over boots, and from first start to last end."""
    boots = lab.cells.drop_duplicates("boot")
    wall_ms = pd.to_numeric(boots.wall_ms).fillna(0)
    wall = wall_ms.sum()
    starts = pd.to_datetime(boots.started, errors="coerce", utc=True)
    ends = starts + pd.to_timedelta(wall_ms, unit="ms")
    span = (ends.max() - starts.min()).total_seconds() * 1000
    return {"sum": text.duration(wall) if wall else "",
            "span": text.duration(span) if span == span else "",
            "first": "" if starts.isna().all()
            else starts.min().strftime("%Y-%m-%d %H:%M UTC")}


def kernels(lab: load.Lab) -> list[dict[str, Any]]:
    """One row per stage and config; same names an earlier stage whose code
    it has, or is ''."""
    names = dict(zip(lab.stages.idx, lab.stages.name))
    several = lab.variants.config.nunique() > 1
    first: dict[tuple[str, str], str] = {}
    rows = []
    for variant in records(lab.variants):
        name = names[variant["stage"]]
        twin = first.setdefault((variant["config"], variant["key"]), name) \
            if variant["key"] else name
        rows.append({**variant, "name": name,
                     "config": variant["config"] if several else "",
                     "same": twin if twin != name else ""})
    return rows
