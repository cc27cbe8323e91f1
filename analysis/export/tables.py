"""CSV as RFC 4180 has it: a header, CR LF, quotes where needed, UTF-8.

A text that a spreadsheet would take for a formula (it starts with = + - or @)
gets an apostrophe in front; numbers are left alone, also negative ones.  What
has no value, and what is not finite, is an empty cell.  Texts have one line:
control characters become '?'.
"""

from __future__ import annotations

import csv
import io
from typing import Any, Iterable

from .. import load, table, text
from ..verdicts import Judgement

#: What starts a formula, also in the full width of East Asian type.
FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20"

#: The columns of a verdict; table.py says what they mean.  forced: were boots
#: compared that should not be?
VERDICT = ("study", "stage", "name", "title", "config", "machine", "clock",
           "workload", "metric", "unit", "better", "primary", "baseline", "verdict",
           "reason", "boots", "n", "mean", "mean_low", "mean_high", "cv",
           "change", "low", "high", "difference", "difference_low",
           "difference_high", "p", "q", "method", "fresh", "confirmed",
           "more_boots", "splats", "same_as", "forced")

SAMPLE = ("study", "stage", "name", "title", "config", "machine", "clock",
          "vcpus", "workload", "metric", "unit", "better", "primary", "role", "seed",
          "boot", "outcome", "kernel", "release", "value", "forced")


def verdicts(lab: load.Lab, judgement: Judgement) -> str:
    """A row per stage, config, machine, workload and metric."""
    words = dict(zip(lab.stages.idx, lab.stages.word))
    return _text(VERDICT, judgement, (
        {**row, "name": words.get(row["stage"]), "baseline": judgement.base}
        for row in table.as_json(judgement)["rows"]))


def samples(lab: load.Lab, judgement: Judgement) -> str:
    """A row per boot and metric: the values that the verdicts are of.  A boot
    that several stages share, since their code is equal, is a row of each."""
    return _text(SAMPLE, judgement, _samples(lab, judgement))


def _samples(lab: load.Lab, judgement: Judgement) -> Iterable[dict[str, Any]]:
    cells = {(cell.stage, cell.config, cell.machine, cell.workload,
              cell.boot): cell for cell in lab.cells.itertuples()}
    kernels = {(v.stage, v.config): v for v in lab.variants.itertuples()}
    vcpus = dict(zip(lab.machines.name, lab.machines.vcpus))
    for group, row in judgement.rows():
        kernel = kernels[row.stage, group.config]
        for boot, value in zip(row.boots, row.values):
            cell = cells[row.stage, *group.place, boot]
            yield {
                "stage": row.stage, "name": row.word, "title": row.title,
                "config": group.config, "machine": group.machine,
                "clock": group.clock, "vcpus": vcpus.get(group.machine),
                "workload": group.workload, "metric": group.metric,
                "unit": group.unit, "better": group.better,
                "primary": group.primary, "role": cell.role,
                "seed": cell.seed, "boot": boot, "outcome": cell.outcome,
                "kernel": kernel.key, "release": kernel.release,
                "value": value}


def _text(columns: tuple[str, ...], judgement: Judgement,
          rows: Iterable[dict[str, Any]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    same = {"study": judgement.study["name"],
            "forced": bool(judgement.forced)}
    for row in rows:
        known = {**row, **same}
        writer.writerow(_cell(known[column]) for column in columns)
    return out.getvalue()


def _cell(value: Any) -> str:
    value = text.finite(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        plain = text.plain(value)
        return "'" + plain if plain.lstrip()[:1] in tuple(FORMULA) else plain
    return repr(value) if isinstance(value, float) else str(value)
