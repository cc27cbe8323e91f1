"""What a page embeds for programs: the comparison, and what was run.

It is the object of klab compare --json (table.py says what is in it), but what
is equal in many rows is said once, since a page is mailed and kept:

    groups   config, machine, clock, workload, metric, unit, better, primary
    stages   stage, kernel, title
    rows     as there, but with "group", an index into groups, and "stage" for
             all that these two tell; keys that would be null are left out
    attribution   steps and change_points name their group the same way

and figures that were computed have seven digits.  Besides:

    kernels, machines   what was run
"""

from __future__ import annotations

from typing import Any

from .. import load, table
from ..verdicts import Judgement
from . import runs

PLACE = ("config", "machine", "workload", "metric")
GROUP = ("config", "machine", "clock", "workload", "metric", "unit", "better",
         "primary")
STAGE = ("stage", "kernel", "title")
KERNEL = ("stage", "name", "config", "state", "release", "source", "package",
          "version", "sha256", "kernel_key", "key", "identity", "error",
          "errors")


def data(lab: load.Lab, judgement: Judgement) -> dict[str, Any]:
    found = table.as_json(judgement)
    groups = [{key: getattr(group, key) for key in GROUP}
              for group in judgement.groups]
    numbers = {tuple(group[key] for key in PLACE): at
               for at, group in enumerate(groups)}
    stages = {row["stage"]: {key: row[key] for key in STAGE}
              for row in found["rows"]}
    known = (set(GROUP) | set(STAGE)) - {"stage"}
    found["rows"] = [_one(row, numbers, known) for row in found["rows"]]
    changes = found["attribution"]
    for name in ("steps", "change_points"):
        changes[name] = [_one(one, numbers, set(PLACE))
                         for one in changes[name]]
    changes["interactions"] = _short(changes["interactions"])
    return {**found, "groups": groups,
            "stages": [stages[stage] for stage in sorted(stages)],
            "kernels": [_short({key: kernel[key] for key in KERNEL})
                        for kernel in runs.kernels(lab)],
            "machines": runs.records(lab.machines)}


def _one(row: dict[str, Any], numbers: dict[tuple, int],
         known: set[str]) -> dict[str, Any]:
    """A row that says its group by number."""
    return {"group": numbers[tuple(row[key] for key in PLACE)],
            **{key: _short(value) for key, value in row.items()
               if value is not None and key not in known}}


def _short(value: Any) -> Any:
    """Seven digits of a computed figure, and no null; the values of boots,
    which stand in lists of their own, stay as they are."""
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()
                if inner is not None}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_short(inner) for inner in value]
    return value
