"""What a study wants next: more boots where it cannot decide yet, fresh boots
where it claims a change.

`klab run` asks after each round of boots, until the answer is nothing.  The
answer follows from what is in the database alone, so a run that was interrupted
comes to the same ones again.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from . import load, sequential, text, verdicts
from .claims import Wish
from .model import BASELINE, INCONCLUSIVE, Group, Judgement, Row


def next_boots(judgement: Judgement) -> tuple[list[Wish], str]:
    """The boots of the next round, and why, in one sentence; none if the
    study has what it asked for."""
    wishes = _undecided(judgement)
    if wishes:
        kernels = len({(w.config, w.machine, w.workload, w.stage)
                       for w in wishes if w.stage != judgement.base})
        return wishes, (f"{_cells(kernels)} not decided yet: "
                        f"{_boots(wishes)}")
    plan = judgement.fresh
    if not plan.wishes:
        return [], ""
    return plan.wishes, (f"{text.plural(plan.kernels, 'change')} claimed: "
                         f"{_boots(plan.wishes)} to repeat "
                         + ("it" if plan.kernels == 1 else "them"))


def _cells(number: int) -> str:
    return f"{text.plural(number, 'comparison')} {'is' if number == 1 else 'are'}"


def _boots(wishes: list[Wish]) -> str:
    return text.plural(sum(wish.boots for wish in wishes), "more boot"
                       if wishes[0].role == "sample" else "fresh boot")


def answer(lab: load.Lab) -> dict[str, Any]:
    """What `klab run` reads: the boots it wants, why, and the verdicts so
    far."""
    judgement = verdicts.decide(lab)
    wishes, why = next_boots(judgement)
    return {"boots": [dataclasses.asdict(wish) for wish in wishes],
            "why": why,
            "verdicts": [_verdict(judgement, group, row)
                         for group, row in judgement.rows()]}


def _verdict(judgement: Judgement, group: Group, row: Row) -> dict[str, Any]:
    """A row of the table verdict."""
    low, high = row.interval or (None, None)
    found = {
        "stage": row.stage, "config": group.config, "machine": group.machine,
        "workload": group.workload, "metric": group.metric,
        "base": judgement.base, "verdict": row.verdict, "reason": row.reason,
        "value": row.mean, "unit": group.unit, "change": row.change,
        "low": low, "high": high, "p": row.p, "q": row.q, "boots": row.n,
        "more_boots": row.more_boots, "method": row.method,
    }
    return {key: text.finite(value) for key, value in found.items()}


# Adaptive boots

def _undecided(judgement: Judgement) -> list[Wish]:
    """Boots of the next look of each kernel that is not decided yet, and of
    the baseline, which is looked at as often as any of them."""
    rules = judgement.rules
    if rules.max <= rules.min:
        return []
    wanted: dict[tuple[str, str, str], dict[int, tuple[int, int]]] = {}
    for group in judgement.groups:
        if group.base is None or group.base.found is None:
            continue
        for row in group.rows:
            if not group.primary or _decided(row, rules.until, group):
                continue
            look = sequential.following(rules.min, rules.max, row.looked)
            if look is not None:
                stages = wanted.setdefault(group.place, {})
                stages[row.stage] = (row.looked, look)
    for group in judgement.groups:
        stages = wanted.get(group.place)
        if stages and group.base is not None:
            most = max(look for _, look in stages.values())
            for row in group.rows if group.clock != "exact" else [group.base]:
                # Where time is real, they go on together: in one block.
                if row.found is not None and row.twin is None and (
                        row.looked < most):
                    stages.setdefault(row.stage, (row.looked, most))
    return [Wish(stage, *place, "sample", have + 1, look)
            for place, stages in wanted.items()
            for stage, (have, look) in sorted(stages.items())]


def _decided(row: Row, until: float | None, group: Group) -> bool:
    """Would more boots be of no use?"""
    if row.verdict == BASELINE or row.found is None or row.twin is not None:
        return True
    if row.claim or row.verdict != INCONCLUSIVE:
        return True
    if row.more_boots is not None and math.isinf(row.more_boots):
        return True
    return until is not None and row.claimed is not None and (
        _width(group, row) <= until)


def _width(group: Group, row: Row) -> float:
    """Half the width of the interval, as a fraction of the baseline."""
    found = row.claimed
    low, high = found.interval
    if found.absolute or group.log and low <= -1:
        return math.inf
    if group.log:
        return math.expm1((math.log1p(high) - math.log1p(low)) / 2)
    return (high - low) / 2
