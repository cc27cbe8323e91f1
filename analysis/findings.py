"""What the kernels said on their consoles, grouped over boots.

Findings with one signature (kind and function, see runner/console/console.h)
are one group, whatever boot, stage or config they are from.  What the study
calls harmless is counted and left out.  A finding that is the consequence of
another in each of its boots, as the panic after an oops, is told with that one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from . import load, text

#: Boots that show what a kernel says.
JUDGED = ("ok", "bad")


@dataclass
class Place:
    """Where a group was seen, under one config.

    stages: those with a judged boot, number to (distinct boots with the
    finding, distinct boots); where: machine and workload of those with it;
    first: the stage where it appears first; in_base: also in the baseline.
    """

    config: str
    stages: dict[int, tuple[int, int]]
    where: list[tuple[str, str]]
    in_base: bool

    @property
    def seen(self) -> list[int]:
        return [stage for stage, (hit, _) in self.stages.items() if hit]

    @property
    def first(self) -> int:
        return self.seen[0]

    @property
    def boots(self) -> int:
        return sum(hit for hit, _ in self.stages.values())

    @property
    def of(self) -> int:
        """Boots of the stages where it was seen."""
        return sum(all_ for hit, all_ in self.stages.values() if hit)


@dataclass
class Finding:
    """One group; line, detail, excerpt and boot are of its first boot.

    count: reports in all boots; then: lines of its consequences, in order;
    consequence: it is one itself, wherever it was seen.
    """

    signature: str
    kind: str
    function: str
    offset: int | None
    line: str
    detail: str
    excerpt: str
    boot: str
    fatal: bool
    consequence: bool
    count: int = 0
    boots: int = 0
    places: list[Place] = field(default_factory=list)
    then: list[str] = field(default_factory=list)

    @property
    def new(self) -> bool:
        """Is it somewhere where the baseline has it not?"""
        return any(not place.in_base for place in self.places)

    @property
    def first(self) -> int:
        return min(place.first for place in self.places)


@dataclass
class Findings:
    """All of a study.

    groups: first causes before consequences, new ones before those that the
    baseline has, too, then by first stage.  harmless: what was left out:
    groups, and the distinct boots that have one.  boots: distinct boots that
    ran to their end and have a finding in groups.
    """

    groups: list[Finding]
    harmless: int
    harmless_boots: int
    boots: int

    def causes(self) -> list[Finding]:
        """What a list shows: consequences are told with their cause."""
        return [group for group in self.groups if not group.consequence]


def group(lab: load.Lab, base: int) -> Findings:
    """The findings of a study; base is the number of the baseline stage."""
    harmless = lab.findings[lab.findings.harmless.astype(bool)]
    news = lab.findings[~lab.findings.harmless.astype(bool)]
    judged = _judged(lab.cells)
    found: dict[str, list[Any]] = {}
    for row in news.itertuples():
        found.setdefault(row.signature, []).append(row)
    groups = [_group(rows, judged, base) for rows in found.values()]
    _tell_consequences(news, {one.signature: one for one in groups})
    groups.sort(key=lambda one: (one.consequence, not one.new, one.first))
    ran = set(lab.cells.boot[lab.cells.state == "ok"])
    return Findings(groups, harmless.signature.nunique(),
                    harmless.boot.nunique(), len(ran & set(news.boot)))


def _judged(cells: pd.DataFrame) -> dict[str, dict[int, set[str]]]:
    """Config to stage to its boots that were judged, in the study's order."""
    found: dict[str, dict[int, set[str]]] = {}
    for cell in cells[cells.state.isin(JUDGED)].itertuples():
        found.setdefault(cell.config, {}).setdefault(
            cell.stage, set()).add(cell.boot)
    return {config: dict(sorted(stages.items()))
            for config, stages in found.items()}


def _group(rows: list[Any], judged: dict[str, dict[int, set[str]]],
           base: int) -> Finding:
    # By stage first: the boot that is shown is of the stage that brought it.
    rows = sorted(rows, key=lambda row: (row.stage, row.seed, row.cell,
                                         row.idx))
    first = rows[0]
    hits: dict[str, dict[int, set[str]]] = {}
    where: dict[str, dict[tuple[str, str], None]] = {}
    counts: dict[tuple[str, int], int] = {}
    for row in rows:
        hits.setdefault(row.config, {}).setdefault(
            row.stage, set()).add(row.boot)
        where.setdefault(row.config, {})[row.machine, row.workload] = None
        counts[row.boot, row.idx] = row.count
    made = Finding(first.signature, first.kind, first.function or "",
                   first.offset, first.line, first.detail or "",
                   first.excerpt or "", first.boot,
                   any(row.is_fatal for row in rows),
                   all(row.is_consequence for row in rows),
                   sum(counts.values()), len({boot for boot, _ in counts}))
    for config, stages in hits.items():
        made.places.append(Place(
            config,
            {stage: (len(stages.get(stage, ())), len(boots))
             for stage, boots in judged[config].items()},
            list(where[config]), base in stages))
    return made


def _tell_consequences(rows: pd.DataFrame,
                       groups: dict[str, Finding]) -> None:
    cause = None
    for row in rows.drop_duplicates(["boot", "idx"]).itertuples():
        if not row.is_consequence:
            cause = row
        elif cause is not None and cause.boot == row.boot:
            then = groups[cause.signature].then
            if row.line not in then:
                then.append(row.line)


# In words

def stages_of(place: Place, words: dict[int, str]) -> str:
    """'from 29 on', 'at 35', 'at 3 to 5', 'at 3, 7', 'at all stages'; words:
    what the study calls its stages."""
    every, seen = list(place.stages), place.seen
    named = [text.plain(words.get(stage, stage)) for stage in seen]
    start = every.index(seen[0])
    in_a_row = every[start:start + len(seen)] == seen
    if len(seen) == 1:
        return f"at {named[0]}"
    if seen == every:
        return "at all stages"
    if in_a_row and seen[-1] == every[-1]:
        return f"from {named[0]} on"
    if in_a_row and len(seen) > 2:
        return f"at {named[0]} to {named[-1]}"
    if len(named) > 6:
        return f"at {', '.join(named[:5])} and {len(named) - 5} more"
    return "at " + ", ".join(named)


def boots_of(place: Place) -> str:
    """'8 of 8 boots'."""
    return f"{place.boots} of {text.plural(place.of, 'boot')}"


def where_of(place: Place, several: bool, words: dict[int, str]) -> str:
    """'from 29 on under lockdep, in 8 of 8 boots'; several: there is more
    than one config, so it is named."""
    config = f" under {text.plain(place.config)}" if several else ""
    also = ", also in the baseline" if place.in_base else ""
    return (f"{stages_of(place, words)}{config}, in {boots_of(place)}{also}")


def name_of(finding: Finding) -> str:
    """'lockdep-circular in flush_all', for a list."""
    if not finding.function:
        return text.plain(finding.kind)
    return text.plain(f"{finding.kind} in {finding.function}")


def line_of(finding: Finding) -> str:
    """The first line with what else one wants to know."""
    if not finding.detail:
        return text.plain(finding.line)
    return text.plain(f"{finding.line} ({finding.detail})")


def as_json(found: Findings) -> list[dict[str, Any]]:
    """See table.py's docstring."""
    return [{
        "signature": one.signature, "kind": one.kind,
        "function": one.function or None, "offset": one.offset,
        "line": one.line, "detail": one.detail or None,
        "first_stage": one.first, "new": one.new, "fatal": one.fatal,
        "consequence": one.consequence, "then": one.then,
        "count": one.count, "boots": one.boots, "boot": one.boot,
        "excerpt": one.excerpt,
        "places": [{
            "config": place.config, "first_stage": place.first,
            "boots": place.boots, "of": place.of, "in_baseline": place.in_base,
            "where": [{"machine": machine, "workload": workload}
                      for machine, workload in place.where],
            "stages": [{"stage": stage, "boots": hit, "of": all_}
                       for stage, (hit, all_) in place.stages.items()],
        } for place in one.places]} for one in found.groups]
