"""What went wrong: findings on consoles, boots and builds that failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import findings, load, text
from ..verdicts import Judgement
from .runs import kernels as all_kernels

#: So many failures are shown with their console; the rest are in the list.
FAILURES = 25
EXCERPT = 20_000


def reported(lab: load.Lab, judgement: Judgement) -> dict[str, Any]:
    """What the kernels reported on their consoles, a block per signature."""
    words = dict(zip(lab.stages.idx, lab.stages.word))
    titles = dict(zip(lab.stages.idx, lab.stages.title))
    found = judgement.found
    several = lab.cells.config.nunique() > 1
    shown = [{"kind": one.kind, "function": one.function, "new": one.new,
              "line": findings.line_of(one), "then": one.then,
              "places": [{
                  "text": findings.where_of(place, several, words),
                  "title": titles.get(place.first) or "",
                  "word": words.get(place.first, str(place.first)),
                  "on": ", ".join(dict.fromkeys(
                      f"{workload} on {machine}"
                      for machine, workload in place.where))}
                         for place in one.places],
              "excerpt": one.excerpt[:EXCERPT], "boot": one.boot,
              "decode": f"klab decode {one.boot}",
              "count": one.count, "boots": one.boots}
             for one in found.causes()[:FAILURES]]
    return {"shown": shown, "more": len(found.causes()) - len(shown),
            "harmless": text.harmless(found.harmless, found.harmless_boots)
            if found.harmless else ""}


def failures(lab: load.Lab, folder: Path) -> dict[str, Any]:
    names = dict(zip(lab.stages.idx, lab.stages.name))
    rows = lab.cells[lab.cells.state.isin(["bad", "lab"])]
    rows = rows.drop_duplicates("boot")
    shown = [{"kernel": names.get(cell.stage, str(cell.stage)),
              "machine": cell.machine, "config": cell.config,
              "workload": cell.workload, "seed": cell.seed, "id": cell.boot,
              "outcome": cell.outcome, "detail": cell.detail
              if cell.detail != cell.outcome else "",
              "reason": cell.reason or "",
              "lab": cell.state == "lab",
              "excerpt": (cell.excerpt or "")[-EXCERPT:],
              "stacks": _stacks(folder, cell),
              "console": str(folder / "boots" / str(cell.boot)
                             / "console.log"),
              "repeat": f"klab reproduce {cell.boot}"}
             for cell in rows.head(FAILURES).itertuples()]
    builds = [{**kernel, "log": str(folder / kernel["log"])
               if kernel["log"] else ""}
              for kernel in all_kernels(lab) if kernel["error"]]
    return {"shown": shown, "more": len(rows) - len(shown),
            "builds": builds}


def _stacks(folder: Path, cell: Any) -> str:
    """What the CPUs of a boot that hung were at, or ''."""
    if cell.outcome != "hang":
        return ""
    try:
        with open(folder / "boots" / str(cell.boot) / "stacks.txt",
                  errors="replace") as file:
            return file.read(EXCERPT)
    except OSError:
        return ""
