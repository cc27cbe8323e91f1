"""From a claim to a verdict: what changed is measured again on fresh boots.

Among many comparisons the claimed changes are the ones that luck made largest,
so a claim is tested once more on boots that had no part in it (a one-sided test
at 5 %, of the kernel and of the baseline).  Where a stage and the stages after
it differ from the baseline by the same change, only the first of them is booted
again: the others are boots of their own already, and their interval is then
taken against all of the baseline's boots, the fresh ones too.

The fresh boots of a study are limited by its budget.  Primary metrics come
first, then regressions, then the larger changes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pandas as pd

from . import text
from .model import Group, Judgement, Row

#: Seeds of fresh boots start after this number.
FIRST_SEED = 200000
#: Fresh boots of a kernel: as many as made the claim, within these limits.
LEAST, MOST = 3, 10

WAITING = ("a change is claimed, but fresh boots have not repeated it yet: "
           "let klab run go on")
FAILED = ("a change is claimed, but the fresh boots that should repeat it "
          "gave no values: see what became of them")
TOO_DEAR = ("a change is claimed, but to repeat it would take {need}, and the "
            "study's budget has {left} left of {budget} (compare: confirm)")


@dataclass(frozen=True)
class Wish:
    """Boots that somebody wants: of a stage under a config on a machine with
    a workload, the seeds first to last."""

    stage: int
    config: str
    machine: str
    workload: str
    role: str
    first: int
    last: int

    @property
    def boots(self) -> int:
        return self.last - self.first + 1


@dataclass
class Plan:
    """wishes: fresh boots that are in no cell yet.  kernels: how many claims
    they repeat.  dear: rows and the boots that they would need, for which the
    budget, of which `left` is left, has no room; failed: rows whose fresh boots
    gave nothing."""

    wishes: list[Wish] = field(default_factory=list)
    kernels: int = 0
    dear: list[tuple[Row, int]] = field(default_factory=list)
    left: int = 0
    failed: list[Row] = field(default_factory=list)


def settle(group: Group, alpha: float) -> None:
    """Fill which claims of a group are confirmed, refuted, or open."""
    for before, row in _pairs(group):
        if not row.claim:
            continue
        if row.repeated is not None:
            row.confirmed = _repeats(row, alpha)
        elif _same_claim(before, row) and before.confirmed:
            row.confirmed = True


def _pairs(group: Group) -> list[tuple[Row | None, Row]]:
    """Each compared kernel with the one before it."""
    rows = [row for row in group.rows
            if row.claimed is not None and row.twin is None]
    return list(zip([None, *rows], rows))


def _same_claim(before: Row | None, row: Row) -> bool:
    """Is it the change that the kernel before it has already?"""
    if before is None or before.claim != row.claim:
        return False
    low, high = before.claimed.interval
    return low <= row.claimed.change <= high


def _repeats(row: Row, alpha: float) -> bool:
    """Do the fresh boots alone say that it lies on the claimed side?"""
    again = row.repeated
    if again.change * row.claim <= 0:
        return False
    return again.contrast is None or again.contrast.p() / 2 < alpha


def plan(judgement: Judgement, cells: pd.DataFrame) -> Plan:
    """The fresh boots that the claims of a judgement still need."""
    found = Plan()
    if not judgement.rules.confirm:
        return found
    have = _have(cells)
    ended = _have(cells[cells.state.isin(["ok", "bad", "lab"])])
    left = found.left = judgement.rules.budget - sum(have.values())
    for group, row in _in_order(judgement, ended):
        base = (*group.place, judgement.base)
        place = (*group.place, row.stage)
        boots = _boots(row)
        need = {at: boots - have[at] for at in (place, base)}
        if need[place] <= 0:
            found.failed += [row] if ended[place] >= boots else []
            continue
        cost = sum(max(0, more) for more in need.values())
        if cost > left:
            found.dear.append((row, cost))
            continue
        left = found.left = left - cost
        found.kernels += 1
        for at, more in need.items():
            if more > 0:
                found.wishes.append(_wish(at, have[at], more))
                have[at] = boots
    return found


def _wish(at: tuple[str, str, str, int], have: int, more: int) -> Wish:
    config, machine, workload, stage = at
    first = FIRST_SEED + have + 1
    return Wish(stage, config, machine, workload, "confirm", first,
                first + more - 1)


def _have(cells: pd.DataFrame) -> Counter[tuple[str, str, str, int]]:
    """Fresh boots that are planned, by config, machine, workload, stage."""
    fresh = cells[cells.role == "confirm"]
    return Counter(zip(fresh.config, fresh.machine, fresh.workload,
                       fresh.stage))


def _boots(row: Row) -> int:
    """So many fresh boots repeat its claim."""
    return max(LEAST, min(MOST, row.looked))


def _in_order(judgement: Judgement,
              ended: Counter[tuple[str, str, str, int]]
              ) -> list[tuple[Group, Row]]:
    """The claims that need boots of their own, the most wanted first; ended:
    fresh boots that have, by config, machine, workload and stage."""
    open_claims = []
    for group in judgement.groups:
        for before, row in _pairs(group):
            # On a wall clock all are repeated in one round, at one time.
            follows = (group.clock == "exact" and _same_claim(before, row)
                       and before.confirmed is None
                       and ended[*group.place, before.stage] < _boots(before))
            if row.claim and row.confirmed is None and not follows:
                open_claims.append((group, row))

    def wanted(claim: tuple[Group, Row]) -> tuple[bool, bool, float]:
        group, row = claim
        return (not group.primary, not group.worse(row.claim),
                -abs(row.claimed.change))

    return sorted(open_claims, key=wanted)


def tell_open(judgement: Judgement) -> None:
    """Say of the claims that are not repeated why they are not."""
    wanted = judgement.fresh
    for row, need in wanted.dear:
        row.reason = TOO_DEAR.format(
            need=text.plural(need, "boot"), left=wanted.left,
            budget=text.plural(judgement.rules.budget, "boot"))
    for row in wanted.failed:
        row.reason = FAILED
    # What follows one that is too dear is not repeated either.
    for group in judgement.groups:
        for before, row in _pairs(group):
            if row.reason == WAITING and _same_claim(before, row) and (
                    before.confirmed is None):
                row.reason = before.reason


def tell_refuted(row: Row) -> None:
    """Say that a claim did not come again."""
    again = row.repeated
    sides = [f"{100 * value:+.2g}" for value in (row.claimed.change,
                                                 again.change)]
    unit = "" if again.absolute else " %"
    row.reason = (f"a change of {sides[0]}{unit} was claimed, but in fresh "
                  f"boots it is {sides[1]}{unit}: not confirmed"
                  + (f"; {row.reason}" if row.reason else ""))
