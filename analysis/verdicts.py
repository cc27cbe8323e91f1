"""One verdict per (kernel, config, machine, workload, metric).

A change is claimed only if its false discovery rate is below 5 %, its 95 %
interval lies beyond the study's margin (min_effect), and it is larger than what
the baseline's own boots differ by (noise.py).  A claim is called regressed or
improved when fresh boots repeat it (claims.py).  "equivalent" is claimed only
if the 90 % interval lies within the margin, which is the two one-sided tests at
5 % (Schuirmann, J. Pharmacokin. Biopharm. 15, 1987).  All else is inconclusive
and says what would settle it.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter

import numpy as np
import pandas as pd

from . import cells, claims, findings, gate, latency, load, noise, stats
from .effects import ALPHA, bounds, floor, one_per_key, side, size
from .errors import BadRequest
from .model import (BASELINE, BROKEN, EQUIVALENT, IMPROVED, INCONCLUSIVE,
                    NOT_APPLICABLE, REGRESSED, SAME, TIMES, Estimate, Group,
                    Judgement, Row)
from .stats import Sample

#: More boots than that nobody will wait for.
WORTH_IT = 1000


def find_stage(lab: load.Lab, wanted: str | None) -> tuple[int, str]:
    """The baseline: by name, else by number; None is the study's own."""
    stages = {int(s.idx): str(s.word) for s in lab.stages.itertuples()}
    if wanted is None:
        index = int(lab.study["baseline"])
        if index not in stages:
            raise BadRequest(f"the study's baseline is stage {index}, which "
                             "it does not have; name one with --base")
        return index, stages[index]
    named = [index for index, name in stages.items() if name == wanted]
    if len(named) > 1:
        raise BadRequest(f"{len(named)} stages are called '{wanted}': give "
                         "the number: " + ", ".join(map(str, named)))
    if not named and wanted.isdigit() and int(wanted) in stages:
        named = [int(wanted)]
    if not named:
        known = ", ".join(f"{name} ({i})" for i, name in stages.items())
        raise BadRequest(f"no stage '{wanted}' in this study; it has: "
                         + (known or "none"))
    return named[0], stages[named[0]]


def judge(lab: load.Lab, base: str | None = None,
          force: bool = False) -> Judgement:
    """decide(), and explain: which stage brought a change and under which
    config only, and what drifted."""
    from . import attribution, drift
    found = decide(lab, base, force)
    found.attribution = attribution.attribute(found.groups, margin_of(lab))
    found.drifts = drift.check(lab)
    return found


def decide(lab: load.Lab, base: str | None = None,
           force: bool = False) -> Judgement:
    """Judge every cell of a study against a baseline stage.

    Raises BadRequest if there is no such stage, or if boots ran under
    conditions that differ in what matters, unless forced.
    """
    index, name = find_stage(lab, base)
    forced = gate.check(lab, force)
    groups = cells.groups(lab, index)
    margin = margin_of(lab)
    rules = lab.rules
    if index != int(lab.study["baseline"]):
        # Fresh boots are those of the study's own baseline.
        rules = dataclasses.replace(rules, confirm=False)
    for group in groups:
        _measure(group, index, margin)
    families = _discover(groups)
    for group in groups:
        _claim(group, margin)
        claims.settle(group, ALPHA)
        for row in group.rows:
            _decide(group, row, margin, rules.confirm)
    found = Judgement(lab.study, index, name, groups, families,
                      _count_boots(lab.cells), _count_outcomes(lab.cells),
                      findings.group(lab, index), forced, rules)
    found.fresh = claims.plan(found, lab.cells)
    claims.tell_open(found)
    return found


def margin_of(lab: load.Lab) -> float:
    """The change, as a fraction, below which nobody cares."""
    return max(float(lab.study["min_effect"]), 0.0)


def select(judgement: Judgement, metric: str) -> Judgement:
    """Only one metric: its name, or 'workload/metric' or 'workload metric'.

    The families stay those of the whole study, so no verdict changes with
    what is shown.  Raises BadRequest if there is no such metric.
    """
    def matches(group: Group) -> bool:
        return metric in (group.metric, f"{group.workload}/{group.metric}",
                          f"{group.workload} {group.metric}")

    groups = [group for group in judgement.groups if matches(group)]
    if not groups:
        known = dict.fromkeys(f"{g.workload}/{g.metric}"
                              for g in judgement.groups)
        raise BadRequest(f"no metric '{metric}' in this study; it has: "
                         + (", ".join(known) or "none"))
    return dataclasses.replace(judgement, groups=groups)


def _count_boots(cells: pd.DataFrame) -> dict[str, int]:
    states = cells.drop_duplicates("boot").state
    count = {"planned": len(states)}
    for state in ("ok", "bad", "lab"):
        count[state] = int((states == state).sum())
    count["open"] = (count["planned"] - count["ok"] - count["bad"]
                     - count["lab"])
    return count


def _count_outcomes(cells: pd.DataFrame) -> dict[str, int]:
    ended = cells[cells.state.isin(["ok", "bad", "lab"])]
    return dict(Counter(ended.drop_duplicates("boot").outcome))


# The comparison

def _measure(group: Group, base: int, margin: float) -> None:
    """Means, changes and p values of one group."""
    for row in group.rows:
        bad = sum(not math.isfinite(value) for value in row.values)
        if bad and not row.limited:
            row.verdict = INCONCLUSIVE
            row.reason = (f"{bad} of {row.n} boots gave no finite value: "
                          "a mean would mean nothing")
        elif row.values and not row.first and not row.limited:
            row.reason = "only boots that repeat a claim gave a value"
    usable = [row for row in group.rows if row.first
              and all(map(math.isfinite, row.values))]
    # The rates of rare events are compared by their ratio.
    rare = group.tail is not None
    group.log = rare or all(min(row.values) > 0 for row in usable)
    if not group.log:
        group.notes.append("values of 0 or below: compared on the plain "
                           "scale")
    scale = np.log if group.log and not rare else np.asarray
    for row in usable:
        values = scale(np.array(row.values))
        row.sample = Sample.of(values)
        row.found = Sample.of(values[:len(row.first)])
        row.again = Sample.of(values[len(row.first):]) if row.fresh else None
    kernels = {row.key: row.found for row in one_per_key(usable)}
    lends = dict(zip(kernels, stats.lenders(list(kernels.values()))))
    for row in usable:
        row.lends = lends[row.key]
    for row in usable:
        _describe(group, row, usable)
    group.base = next((row for row in group.rows if row.stage == base), None)
    _against(group, usable)
    if group.base is not None and group.base.found is not None and not rare:
        group.noise = _noise(group, usable, scale, margin)


def _noise(group: Group, usable: list[Row], scale,
           margin: float) -> noise.Noise | None:
    others = [row.found.n for row in usable if row.key != group.base.key]
    if not others:
        return None
    margin = (math.log1p(margin) if group.log
              else margin * abs(group.base.found.mean))
    boots = scale(np.array(group.base.first))
    each = min(int(np.median(others)), len(boots) // 2)
    return noise.measure(boots, each, margin, ALPHA)


def _others(rows: list[Row], *known: Row) -> list[Row]:
    """The kernels, none of the known, that may lend their variance: one per
    key, since kernels of equal key share boots."""
    keys = {row.key for row in known}
    return one_per_key(row for row in rows
                       if row.lends and row.key not in keys)


def _describe(group: Group, row: Row, usable: list[Row]) -> None:
    values = np.array(row.values)
    mean = float(values.sum()) / row.n
    if row.n > 1 and mean > 0:
        row.cv = math.sqrt(Sample.of(values / mean).var)
    if group.tail is not None:
        counts = group.tail.of(row.boots)
        row.mean = 1e6 * counts.seen / counts.samples
        return
    row.mean = math.exp(row.sample.mean) if group.log else row.sample.mean
    half = stats.mean_interval(row.sample, [other.found for other
                                            in _others(usable, row)])
    if half is not None and row.n > 1:
        row.mean_interval = (_exp(group, row.sample.mean - half),
                             _exp(group, row.sample.mean + half))


def _exp(group: Group, value: float) -> float:
    return math.exp(min(value, 700.0)) if group.log else value


def _against(group: Group, usable: list[Row]) -> None:
    base = group.base
    if base is not None and base.found is not None:
        base.verdict = BASELINE
        base.reason = base.reason if base.limited else None
    for row in group.rows:
        if row is base or row.verdict in (BROKEN, NOT_APPLICABLE):
            continue
        if (base is not None and row.key and row.key == base.key
                and not row.limited):
            row.verdict, row.reason = SAME, None
        elif row.found is not None and not row.limited:
            _compare(group, row, usable)


def _compare(group: Group, row: Row, usable: list[Row]) -> None:
    base = group.base
    if base is None or base.found is None:
        why = "is not in this cell" if base is None else (
            base.reason or "has no value")
        row.reason = f"nothing to compare with: the baseline: {why}"
        return
    few = min(base.found.n, row.found.n)
    if few < 2:
        row.more_boots = 2 - few
        row.reason = "one boot has no spread: at least 2 per kernel, better 5"
        return
    others = _others(usable, base, row)
    contrast = None
    if group.tail is not None or not stats.exact(
            base.found, row.found, [one.found for one in others]):
        contrast = _contrast(group, row, "found", others)
    if contrast is None and group.tail is not None:
        row.reason = latency.nothing_seen(group.tail.of(row.boots))
        return
    if contrast is None and few < stats.EXACT_FROM:
        row.more_boots = stats.EXACT_FROM - few
        row.reason = (f"the boots agree to the last digit, but {few} are too "
                      "few to call that exact")
        return
    if group.unit in TIMES:
        row.coarse = stats.coarseness(base.first, row.first)
    row.claimed = row.whole = _estimate(group, row, "found", contrast)
    if contrast:
        row.p = min(1.0, contrast.p() / row.weight)
    # On a wall clock boots of other rounds ran at other times.
    if row.fresh or base.fresh and group.clock == "exact":
        row.whole = _estimate(group, row, "sample",
                              _contrast(group, row, "sample", others))
    if base.again and row.again and min(base.again.n, row.again.n) > 1:
        row.repeated = _estimate(group, row, "again",
                                 _contrast(group, row, "again", others))


def _contrast(group: Group, row: Row, part: str,
              others: list[Row]) -> stats.Contrast | None:
    """A kernel less the baseline: of the boots before any fresh ones (part is
    "found"), of those ("again") or of all ("sample")."""
    if group.tail is None:
        return stats.contrast(getattr(group.base, part), getattr(row, part),
                              [other.found for other in others])

    def counts(of: Row, part: str) -> latency.Exceedances:
        first = len(of.first)
        return group.tail.of({"found": of.boots[:first], "sample": of.boots,
                              "again": of.boots[first:]}[part])

    return latency.contrast(counts(group.base, part), counts(row, part),
                            [counts(other, "found") for other in others])


def _estimate(group: Group, row: Row, part: str,
              contrast: stats.Contrast | None) -> Estimate:
    """How a kernel differs from the baseline, from those of its boots.

    contrast None: both are constant, and the change is exact.
    """
    estimate = contrast.estimate if contrast else (
        getattr(row, part).mean - getattr(group.base, part).mean)
    absolute = not group.log and size(group.base) is None
    method = contrast.method if contrast else (
        "rounded" if row.coarse else "exact")
    wide = contrast.half(1 - ALPHA * row.weight) if contrast else 0.0
    slim = contrast.half(1 - 2 * ALPHA * row.weight) if contrast else 0.0
    unit = 1.0 if absolute or group.log else abs(group.base.mean)
    change, low, high, narrow_low, narrow_high = (
        math.expm1(min(estimate + half, 700.0)) if group.log
        else (estimate + half) / unit
        for half in (0.0, -wide, wide, -slim, slim))
    step = row.coarse / (1.0 if absolute else abs(group.base.mean))
    return Estimate(change, (low - step, high + step),
                    (narrow_low - step, narrow_high + step), absolute,
                    contrast, method)


def _discover(groups: list[Group]) -> dict[str, int]:
    """Fill q: one family for the primary metrics, one for the rest."""
    sizes = {}
    for name, primary in (("primary", True), ("other", False)):
        tests: dict[tuple, list[Row]] = {}
        for i, group in enumerate(groups):
            for row in group.rows:
                if group.primary == primary and row.p is not None:
                    tests.setdefault((i, row.key), []).append(row)
        found = stats.benjamini_hochberg([rows[0].p
                                          for rows in tests.values()])
        for rows, q in zip(tests.values(), found):
            for row in rows:
                row.q = q
        sizes[name] = len(tests)
    return sizes


def _claim(group: Group, margin: float) -> None:
    """Fill which rows claim a change."""
    for row in group.rows:
        found = row.claimed
        if found is None or row.q is not None and row.q >= ALPHA:
            continue
        beyond = side(found.interval, bounds(group, group.base, margin))
        row.noisy = bool(beyond and found.contrast and abs(
            found.contrast.estimate) <= floor(group))
        row.claim = 0 if row.noisy else beyond


def _decide(group: Group, row: Row, margin: float, confirm: bool) -> None:
    if row.limited:
        return
    if row.twin is not None and row is not group.base:
        row.verdict, row.reason, row.more_boots = SAME, None, None
        return
    if row.claimed is None:
        return
    whole, within = row.whole, bounds(group, group.base, margin)
    beyond = side(whole.interval, within)
    sure = row.claim and (row.confirmed or not confirm)
    if sure and beyond == row.claim:
        row.verdict = REGRESSED if group.worse(row.claim) else IMPROVED
        row.reason = None
    elif row.claim and confirm and row.confirmed is None:
        row.verdict, row.reason = INCONCLUSIVE, claims.WAITING
        row.waiting = True
    elif whole.narrow[0] >= within[0] and whole.narrow[1] <= within[1]:
        row.verdict, row.reason = EQUIVALENT, None
        if whole.method == "exact" and whole.change == 0:
            row.reason = "equal in every boot"
    else:
        row.verdict = INCONCLUSIVE
        _explain(group, row, margin, beyond)
    if row.claim and confirm and row.confirmed is False:
        claims.tell_refuted(row)


def _about(boots: float) -> float:
    """Rounded up to two digits: it is an estimate."""
    if boots <= 0 or math.isinf(boots):
        return boots
    step = 10.0 ** max(math.floor(math.log10(boots)) - 1, 0)
    return math.ceil(boots / step) * step


def _explain(group: Group, row: Row, margin: float, beyond: int) -> None:
    """Say what would settle an inconclusive row; beyond: on which side of the
    margin the interval of all its boots lies."""
    if row.coarse:
        row.more_boots = math.inf
        row.reason = (f"reported in steps of {row.coarse:g} {group.unit}, "
                      "wider than the spread: more boots will not tell")
        return
    contrast = row.whole.contrast
    if contrast is None:
        row.more_boots = math.inf
        row.reason = "the exact change lies on the margin"
        return
    if group.log:
        margin = math.log1p(margin)
    elif not row.whole.absolute:
        margin *= abs(group.base.mean)
    # An estimate on the margin may well be off it: half a margin is assumed.
    distance = max(abs(abs(contrast.estimate) - margin), margin / 2)
    needed = stats.boots_needed(contrast.sd, distance)
    row.more_boots = max(1.0, _about(needed - min(row.n, group.base.n)))
    if row.more_boots > WORTH_IT:
        row.reason = ("the spread over boots is too large for the margin: "
                      f"over {WORTH_IT:,} more boots would be needed to tell")
    elif row.q is not None and row.q >= ALPHA and row.p < ALPHA:
        row.reason = (f"alone it would count (p = {row.p:.2g}), but not "
                      "among so many comparisons")
    elif row.q is not None and row.q >= ALPHA and beyond:
        row.reason = ("beyond the margin with the baseline's fresh boots, but "
                      "q is of the boots before them, and not below 5 %")
    elif row.claim and row.confirmed:
        row.reason = ("repeated by fresh boots, but in all boots together it "
                      "may lie within the margin")
    elif row.noisy:
        row.reason = ("beyond the margin, but the baseline's own boots differ "
                      "as much among themselves (A/A)")
