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
    """One row per kernel, config, machine and workload, with its boots; a
    boot that several stages share is there once, with all of them."""
    words = dict(zip(lab.stages.idx, lab.stages.word))
    several = lab.cells.config.nunique() > 1
    stages: dict[str, dict[int, None]] = {}
    cells: dict[str, Any] = {}
    for cell in lab.cells.itertuples():
        stages.setdefault(cell.boot, {})[cell.stage] = None
        cells.setdefault(cell.boot, cell)
    rows: dict[tuple, dict[str, Any]] = {}
    for boot, cell in cells.items():
        place = (cell.stage, cell.config, cell.machine, cell.workload)
        row = rows.setdefault(place, {
            "stages": {}, "machine": cell.machine, "workload": cell.workload,
            "config": cell.config if several else "", "boots": []})
        row["stages"].update(stages[boot])
        row["boots"].append({
            "id": boot, "seed": cell.seed, "state": cell.state or "open",
            "outcome": cell.outcome if cell.state not in (None, "running")
            else "not done",
            "wall": text.duration(cell.wall_ms) if cell.wall_ms else ""})
    for row in rows.values():
        row["kernels"] = [words.get(stage, str(stage))
                          for stage in sorted(row.pop("stages"))]
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
