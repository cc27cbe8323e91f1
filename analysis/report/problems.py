"""What went wrong: findings on consoles, boots and builds that failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import findings, load, text
from ..findings import Finding
from ..verdicts import Judgement
from . import files
from .runs import kernels as all_kernels

#: So many failures are shown with their console; the rest are in the list.
FAILURES = 25
EXCERPT = 20_000
#: So many patches are shown.
PATCHES = 10


class Patches:
    """The patches of stages that broke something: each is shown once, and
    then linked to."""

    def __init__(self, lab: load.Lab, folder: Path):
        self.folder = folder
        self.titles = dict(zip(lab.stages.idx, lab.stages.title))
        self.variants: dict[int, list[Any]] = {}
        for variant in lab.variants.itertuples():
            self.variants.setdefault(variant.stage, []).append(variant)
        self.shown: dict[int, dict[str, Any]] = {}

    def of(self, stage: int) -> dict[str, Any] | None:
        """The patch of a stage; None if it has none or it is not known."""
        if not self.titles.get(stage):
            return None
        if stage in self.shown:
            # text '': it stands further up.
            return {**self.shown[stage], "text": ""} if (
                self.shown[stage]["text"]) else None
        words, cut = "", False
        if sum(bool(one["text"]) for one in self.shown.values()) < PATCHES:
            words, cut = files.patch(self.folder, self._commit(stage))
        self.shown[stage] = {"id": f"patch-{stage}", "text": words,
                             "cut": cut}
        return self.shown[stage] if words else None

    def _commit(self, stage: int) -> object:
        for variant in self.variants.get(stage, []):
            commit = files.manifest(self.folder, variant).get("commit")
            if commit:
                return commit
        return None


def reported(lab: load.Lab, judgement: Judgement, folder: Path,
             patches: Patches) -> dict[str, Any]:
    """What the kernels reported on their consoles, a block per signature."""
    found = judgement.found
    causes = found.causes()
    return {"shown": [_block(lab, one, folder, patches)
                      for one in causes[:FAILURES]],
            "more": len(causes[FAILURES:]),
            "harmless": text.harmless(found.harmless, found.harmless_boots)
            if found.harmless else ""}


def _block(lab: load.Lab, one: Finding, folder: Path,
           patches: Patches) -> dict[str, Any]:
    words = dict(zip(lab.stages.idx, lab.stages.word))
    titles = dict(zip(lab.stages.idx, lab.stages.title))
    several = lab.cells.config.nunique() > 1
    # Of what is new, the baseline's places tell nothing.
    first = min((place for place in one.places
                 if not (one.new and place.in_base)),
                key=lambda place: place.first)
    return {
        "kind": one.kind, "function": one.function, "new": one.new,
        "signature": one.signature,
        "line": findings.line_of(one), "then": one.then,
        "first": {"word": words.get(first.first, str(first.first)),
                  "title": titles.get(first.first) or "",
                  "config": first.config if several else ""},
        "places": [{
            "text": findings.where_of(place, several, words),
            "on": ", ".join(dict.fromkeys(f"{workload} on {machine}"
                                          for machine, workload
                                          in place.where))}
                   for place in one.places],
        "excerpt": one.excerpt[:EXCERPT], "boot": one.boot,
        "console": files.console(folder, str(one.boot)),
        "decode": f"klab decode {one.boot}",
        "repeat": f"klab reproduce {one.boot}",
        "patch": patches.of(first.first) if one.new else None,
        "count": one.count, "boots": one.boots}


def failures(lab: load.Lab, folder: Path,
             patches: Patches) -> dict[str, Any]:
    """Boots that failed, and kernels that did not build."""
    rows = lab.cells[lab.cells.state.isin(["bad", "lab"])]
    rows = rows.drop_duplicates("boot")
    # Findings show what these said.
    told = set(lab.findings.boot[~lab.findings.harmless.astype(bool)])
    several = lab.cells.config.nunique() > 1
    names = {stage.idx: _whole(stage) for stage in lab.stages.itertuples()}
    groups: dict[tuple, list[Any]] = {}
    for cell in rows.itertuples():
        groups.setdefault((cell.stage, cell.config, cell.machine, cell.state,
                           cell.outcome, cell.detail, cell.reason),
                          []).append(cell)
    shown = [_failed(cells, names, several, folder, told)
             for cells in list(groups.values())[:FAILURES]]
    builds = _builds(lab, folder, patches)
    return {"shown": shown, "builds": builds, "more": sum(
        map(len, list(groups.values())[FAILURES:]))}


def _failed(cells: list[Any], names: dict[int, str], several: bool,
            folder: Path, told: set[str]) -> dict[str, Any]:
    """Boots of one kernel that failed for one reason; the first is shown,
    unless a finding shows it already."""
    cell = cells[0]
    workloads = list(dict.fromkeys(one.workload for one in cells))
    return {"kernel": names.get(cell.stage, str(cell.stage)),
            "machine": cell.machine, "config": cell.config if several else "",
            "workloads": workloads, "boots": len(cells),
            "seed": cell.seed, "id": cell.boot, "outcome": cell.outcome,
            "detail": cell.detail if cell.detail != cell.outcome else "",
            "reason": cell.reason or "", "lab": cell.state == "lab",
            "excerpt": "" if cell.boot in told
            else (cell.excerpt or "")[-EXCERPT:], "told": cell.boot in told,
            "stacks": _stacks(folder, cell),
            "console": files.console(folder, str(cell.boot)),
            "path": str(folder / "boots" / str(cell.boot) / "console.log"),
            "repeat": f"klab reproduce {cell.boot}"}


def _whole(stage: Any) -> str:
    """'35 mm: the whole subject'."""
    return f"{stage.word} {stage.title}" if stage.title else str(stage.word)


def _builds(lab: load.Lab, folder: Path,
            patches: Patches) -> list[dict[str, Any]]:
    """Kernels that there are not, equal ones of a stage once."""
    names = {stage.idx: _whole(stage) for stage in lab.stages.itertuples()}
    found: dict[tuple, dict[str, Any]] = {}
    for kernel in all_kernels(lab):
        if not kernel["error"]:
            continue
        one = found.setdefault(
            (kernel["stage"], kernel["state"], kernel["error"]),
            {**kernel, "name": names[kernel["stage"]], "configs": [],
             "logs": []})
        if kernel["config"]:
            one["configs"].append(kernel["config"])
        if kernel["log"]:
            one["logs"].append({
                "config": kernel["config"],
                "href": files.link(folder, str(kernel["log"])),
                "show": f"zstdcat {folder / kernel['log']}"})
    for one in found.values():
        one["patch"] = patches.of(one["stage"]) if (
            one["state"] == "broken") else None
        one["everywhere"] = len(one["configs"]) == len(lab.configs) > 1
    return list(found.values())


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
