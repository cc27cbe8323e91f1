"""One verdict per (kernel, config, machine, workload, metric).

A change is claimed only if its false discovery rate is below 5 % and its 95 %
interval lies beyond the study's margin (min_effect).  "equivalent" is claimed
only if the 90 % interval lies within the margin, which is the two one-sided
tests at 5 % (Schuirmann, J. Pharmacokin. Biopharm. 15, 1987).  All else is
inconclusive and says what would settle it.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from . import findings, gate, load, stats
from .errors import BadRequest
from .stats import Sample

BASELINE = "baseline"
REGRESSED = "regressed"
IMPROVED = "improved"
EQUIVALENT = "equivalent"
INCONCLUSIVE = "inconclusive"
SAME = "same kernel"
NOT_APPLICABLE = "not applicable"
BROKEN = "broken"

ALPHA = 0.05
#: Equal values in so many boots are taken for a deterministic metric.
EXACT_FROM = 3
#: More boots than that nobody will wait for.
WORTH_IT = 1000
TIMES = ("ns", "us", "ms", "s")
NO_METRONOME = ("no metronome: on more than one vCPU the latencies are those "
                "of QEMU's turns")
MAXIMUM = "a maximum is shown, not judged: it has no distribution to compare"


@dataclass(eq=False)
class Row:
    """What is known of one kernel in one group.

    values are in the metric's unit, one per boot; mean, its interval and cv
    (standard deviation / mean) are None where they would mean nothing.
    change and its interval are fractions of the baseline (0.01 is 1 %); where
    the baseline cannot be told from 0 they are None, and difference holds
    them in the metric's unit.  more_boots is per kernel; inf: no number of
    boots would do.  title is the subject of the stage's patch, if it has one;
    word what the study calls the stage; twin an earlier stage with the same
    code, which has the same boots.  splats: boots that ran, but with findings.
    """

    stage: int
    kernel: str
    key: str | None
    planned: int
    failed: int
    values: list[float] = field(default_factory=list)
    boots: list[str] = field(default_factory=list)
    mean: float | None = None
    mean_interval: tuple[float, float] | None = None
    cv: float | None = None
    change: float | None = None
    interval: tuple[float, float] | None = None
    difference: tuple[float, float, float] | None = None
    p: float | None = None
    q: float | None = None
    method: str | None = None
    verdict: str = INCONCLUSIVE
    reason: str | None = None
    more_boots: float | None = None
    sample: Sample | None = None
    lends: bool = True
    narrow: tuple[float, float] | None = None
    contrast: stats.Contrast | None = None
    coarse: float = 0.0
    title: str | None = None
    word: str = ""
    twin: Row | None = None
    splats: int = 0

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def same_as(self) -> str:
        """'same kernel as 3', or the verdict alone."""
        if self.verdict == SAME and self.twin is not None:
            return f"{SAME} as {self.twin.word}"
        return self.verdict

    @property
    def full(self) -> str:
        """For a sentence: with the whole subject of its patch."""
        if not self.title:
            return self.kernel
        return f"stage {self.stage} '{self.title}'"


@dataclass(eq=False)
class Group:
    """All kernels under one config, machine, workload and metric."""

    config: str
    machine: str
    workload: str
    metric: str
    unit: str
    better: str
    primary: bool
    latency: bool
    clock: str
    accel: str = "icount"
    log: bool = True
    notes: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    base: Row | None = None


@dataclass
class Judgement:
    """The verdicts of a study against one baseline.

    families: number of tests in the primary and in the second family.
    boots: distinct boots by state: planned, ok, bad, lab, open.
    outcomes: distinct boots by outcome, of those that have ended.
    found: what the kernels said on their consoles.
    forced: sentences on why these boots should not have been compared.
    """

    study: dict[str, Any]
    base: int
    base_name: str
    groups: list[Group]
    families: dict[str, int]
    boots: dict[str, int]
    outcomes: dict[str, int]
    found: findings.Findings
    forced: list[str] = field(default_factory=list)

    def rows(self) -> list[tuple[Group, Row]]:
        return [(group, row) for group in self.groups for row in group.rows]

    def virtual(self) -> bool:
        """Are there times by the wall clock of a virtual machine?"""
        return any(group.clock != "exact" and group.accel != "metal"
                   and group.unit in TIMES for group in self.groups)

    def worse(self) -> bool:
        """Did anything regress, or break that worked before, or does a
        kernel report something that is not harmless?"""
        return bool(self.found.groups) or any(
            row.verdict == REGRESSED or row.verdict == BROKEN
            and _works(group) for group, row in self.rows())


def _works(group: Group) -> bool:
    return group.base is not None and group.base.n > 0


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
    """Judge every cell of a study against a baseline stage.

    Raises BadRequest if there is no such stage, or if boots ran under
    conditions that differ in what matters, unless forced.
    """
    index, name = find_stage(lab, base)
    forced = gate.check(lab, force)
    groups = _groups(lab)
    margin = margin_of(lab)
    for group in groups:
        _measure(group, index)
    families = _discover(groups)
    for group in groups:
        for row in group.rows:
            if row.change is not None or row.difference is not None:
                _decide(group, row, margin)
            if row.twin is not None and row is not group.base:
                row.verdict, row.reason, row.more_boots = SAME, None, None
    return Judgement(lab.study, index, name, groups, families,
                     _count_boots(lab.cells), _count_outcomes(lab.cells),
                     findings.group(lab, index), forced)


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


# What was measured

@dataclasses.dataclass
class Why:
    """What is known of values that are not there: latencies by boot, reasons
    by boot and metric, and by stage why a workload cannot run."""
    totals: dict[str, int]
    missing: dict[tuple[str, str], str]
    unfit: dict[int, str | None]


def _groups(lab: load.Lab) -> list[Group]:
    """The groups with the values of their rows, not judged yet."""
    cells = _by_place(lab.cells, ("config", "machine", "workload"))
    samples = _by_place(lab.samples,
                        ("config", "machine", "workload", "metric"))
    totals = dict(load.wakeups(lab.counts))
    machines = {str(name): lab.machine(name) for name in lab.machines.name}
    stages = list(lab.stages.itertuples())
    variants = {(v.stage, v.config): v for v in lab.variants.itertuples()}
    groups = []
    for config, machine, workload in _all_places(lab, cells):
        planned = cells.get((config, machine, workload), {})
        unfit = {stage.idx: lab.unfit.get((stage.idx, config, machine,
                                           workload)) for stage in stages}
        for m in lab.metrics[lab.metrics.workload == workload].itertuples():
            group = Group(config, machine, workload, m.name, m.unit, m.better,
                          bool(m.is_primary), bool(m.is_latency),
                          str(machines[machine]["clock"]),
                          str(machines[machine]["accel"]))
            _fill(group, stages, variants, planned,
                  samples.get((config, machine, workload, m.name), {}),
                  Why(totals, lab.missing, unfit))
            _refuse(group, machines[machine])
            # What cannot run anywhere is told once.
            if group.primary or not all(unfit.values()):
                groups.append(group)
    # Primary metrics of a place first; sorted() keeps the study's order.
    order = {key: i for i, key in enumerate(dict.fromkeys(
        (g.config, g.machine) for g in groups))}
    return sorted(groups, key=lambda g: (order[g.config, g.machine],
                                         not g.primary))


def _all_places(lab: load.Lab,
                cells: dict[tuple, Any]) -> dict[tuple, None]:
    """Where something was measured, or would have been if a kernel had
    built, in the study's order."""
    places = dict.fromkeys(cells)
    places.update(dict.fromkeys(place[1:] for place in lab.unfit))
    broken = set(lab.variants.config[lab.variants.state == "broken"])
    for config in lab.configs.name:
        if config in broken:
            places.update(dict.fromkeys(
                (config, machine, workload)
                for machine in lab.machines.name
                for workload in dict.fromkeys(lab.metrics.workload)))
    return places


def _by_place(frame: pd.DataFrame, keys: tuple[str, ...]
              ) -> dict[tuple, dict[int, list[Any]]]:
    """The rows of a frame by keys, then by stage, in the frame's order.

    Plain lists: thousands of small frames would take a second.
    """
    places: dict[tuple, dict[int, list[Any]]] = {}
    columns = zip(*(frame[key] for key in keys))
    for place, row in zip(columns, frame.itertuples()):
        places.setdefault(place, {}).setdefault(row.stage, []).append(row)
    return places


def _fill(group: Group, stages: list[Any], variants: dict[tuple, Any],
          planned: dict[int, list[Any]],
          samples: dict[int, list[Any]], why: Why) -> None:
    first: dict[str, Row] = {}
    for stage in stages:
        cells = planned.get(stage.idx, [])
        variant = variants.get((stage.idx, group.config))
        unfit = why.unfit[stage.idx]
        if variant is None or not (cells or unfit) and (
                variant.state == "ready"):
            continue
        row = Row(int(stage.idx), stage.name, variant.key, len(cells),
                  sum(cell.state in ("bad", "lab") for cell in cells),
                  title=stage.title, word=stage.word,
                  splats=sum(cell.outcome == "splat" for cell in cells))
        found = samples.get(stage.idx, [])
        row.values = [sample.value for sample in found]
        row.boots = [sample.boot for sample in found]
        if not found:
            row.verdict, row.reason = (
                (NOT_APPLICABLE, unfit) if unfit
                else _absent(variant, cells))
        _tell_missing(group, row, cells, why.missing)
        _explain_missing(group, row, cells, why.totals)
        if row.key:
            row.twin = first.setdefault(row.key, row)
            row.twin = None if row.twin is row else row.twin
        group.rows.append(row)
    if all(row.reason == UNREPORTED for row in group.rows):
        for row in group.rows:
            row.verdict = NOT_APPLICABLE


UNREPORTED = "no boot reported this metric"


def _absent(variant: Any, cells: list[Any]) -> tuple[str, str]:
    """Why a kernel has no value: verdict and reason."""
    states = [cell.state for cell in cells]
    if "ok" in states:
        return INCONCLUSIVE, UNREPORTED
    if variant.state == "broken":
        return BROKEN, f"does not build: {variant.error}"
    if variant.error:
        return NOT_APPLICABLE, f"no kernel: {variant.error}"
    for state, verdict, say in (("bad", BROKEN, ""),
                                ("lab", INCONCLUSIVE,
                                 "the lab failed, not the kernel: ")):
        if state in states:
            boot = cells[states.index(state)]
            why = boot.reason or boot.outcome
            return verdict, f"{say}{why} (boot {boot.boot})"
    if "running" in states:
        return INCONCLUSIVE, "its boots have not ended"
    if variant.state == "todo":
        return INCONCLUSIVE, "not built yet"
    return INCONCLUSIVE, "not run yet"


def _tell_missing(group: Group, row: Row, cells: list[Any],
                  missing: dict[tuple[str, str], str]) -> None:
    """Say why boots that ran to their end gave no value."""
    boots = [cell.boot for cell in cells if cell.state == "ok"]
    why = [missing[boot, group.metric] for boot in boots
           if (boot, group.metric) in missing]
    if not why:
        return
    row.reason = f"no value in {len(why)} of {len(boots)} boots: {why[0]}"
    if not row.values:
        row.verdict = NOT_APPLICABLE


def quantile_of(metric: str) -> float | None:
    """p99 is 0.99, p999 and p99_9 are 0.999; None for other names."""
    found = re.fullmatch(r"p(\d{2})[._]?(\d*)", metric)
    return float("0." + found[1] + found[2]) if found else None


def _explain_missing(group: Group, row: Row, cells: list[Any],
                     totals: dict[str, int]) -> None:
    """Say why ok boots of a latency quantile have no value.

    A boot with too few latencies has no such quantile.  One with enough had
    it among the overflows: then the other boots' mean would be too low, so
    the row has none.
    """
    quantile = quantile_of(group.metric) if group.latency else None
    if not quantile:
        return
    missing = ({cell.boot for cell in cells if cell.state == "ok"}
               - set(row.boots))
    if not missing:
        return
    least = stats.samples_for_quantile(quantile)
    beyond = sum(totals.get(boot, 0) >= least for boot in missing)
    if beyond:
        row.values, row.boots = [], []
        row.verdict, row.reason = INCONCLUSIVE, (
            f"in {beyond} of {len(cells)} boots it lies beyond the "
            "histogram's last bucket, so a mean would be too low")
        return
    row.reason = (f"not estimable in {len(missing)} of {len(cells)} boots: "
                  f"it takes {least:,} latencies")
    if not row.values:
        row.verdict = NOT_APPLICABLE


def turns_show(machine: dict[str, Any]) -> bool:
    """Are latencies on this machine those of QEMU's turns?"""
    return (machine.get("clock") == "exact" and machine["vcpus"] > 1
            and machine["metronome_us"] == 0)


def _refuse(group: Group, machine: dict[str, Any]) -> None:
    """Mark what must not be judged at all."""
    reason = None
    if group.latency and turns_show(machine):
        reason = NO_METRONOME
    elif group.latency and re.search(r"(^|_)max(imum)?($|_)", group.metric):
        reason = MAXIMUM
    if reason:
        for row in group.rows:
            if row.values:
                row.verdict, row.reason = NOT_APPLICABLE, reason


# The comparison

def _measure(group: Group, base: int) -> None:
    """Means, changes and p values of one group."""
    for row in group.rows:
        bad = sum(not math.isfinite(value) for value in row.values)
        if bad:
            row.verdict = INCONCLUSIVE
            row.reason = (f"{bad} of {row.n} boots gave no finite value: "
                          "a mean would mean nothing")
    usable = [row for row in group.rows if row.values
              and all(map(math.isfinite, row.values))]
    group.log = all(min(row.values) > 0 for row in usable)
    if not group.log:
        group.notes.append("values of 0 or below: compared on the plain "
                           "scale")
    scale = np.log if group.log else np.asarray
    for row in usable:
        row.sample = Sample.of(scale(np.array(row.values)))
    kernels = {row.key: row.sample for row in usable}
    lends = dict(zip(kernels, stats.lenders(list(kernels.values()))))
    for row in usable:
        row.lends = lends[row.key]
    for row in usable:
        _describe(group, row, usable)
    _against(group, usable, base)


def _others(rows: list[Row], *known: Row) -> list[Sample]:
    """The samples, of kernels that are none of the known, that may lend
    their variance: one per key, since kernels of equal key share boots."""
    keys = {row.key for row in known}
    found = {row.key: row.sample for row in rows
             if row.lends and row.key not in keys}
    return list(found.values())


def _describe(group: Group, row: Row, usable: list[Row]) -> None:
    values = np.array(row.values)
    back = math.exp if group.log else float
    row.mean = back(row.sample.mean)
    if row.n > 1 and np.mean(values) > 0:
        row.cv = 0.0 if np.ptp(values) == 0 else float(
            np.std(values / np.mean(values), ddof=1))
    half = stats.mean_interval(row.sample, _others(usable, row))
    if half is not None and row.n > 1:
        row.mean_interval = (_exp(group, row.sample.mean - half),
                             _exp(group, row.sample.mean + half))


def _exp(group: Group, value: float) -> float:
    return math.exp(min(value, 700.0)) if group.log else value


def _against(group: Group, usable: list[Row], index: int) -> None:
    base = next((row for row in group.rows if row.stage == index), None)
    group.base = base
    if base is not None and base.sample is not None:
        base.verdict, base.reason = BASELINE, None
    for row in group.rows:
        if row is base or row.verdict in (BROKEN, NOT_APPLICABLE):
            continue
        if base is not None and row.key and row.key == base.key:
            row.verdict, row.reason = SAME, None
        elif row.sample is not None:
            _compare(group, row, base, usable)


def _compare(group: Group, row: Row, base: Row | None,
             usable: list[Row]) -> None:
    if base is None or base.sample is None:
        why = "is not in this cell" if base is None else (
            base.reason or "has no value")
        row.reason = f"nothing to compare with: the baseline: {why}"
        return
    few = min(base.n, row.n)
    if few < 2:
        row.more_boots = 2 - few
        row.reason = "one boot has no spread: at least 2 per kernel, better 5"
        return
    constant = base.sample.var == 0 and row.sample.var == 0
    contrast = None if constant and few >= EXACT_FROM else stats.contrast(
        base.sample, row.sample, _others(usable, base, row))
    if contrast is None and few < EXACT_FROM:
        row.more_boots = EXACT_FROM - few
        row.reason = (f"the boots agree to the last digit, but {few} are too "
                      "few to call that exact")
        return
    _estimate(group, row, base, contrast)


def _estimate(group: Group, row: Row, base: Row,
              contrast: stats.Contrast | None) -> None:
    """Fill change, intervals, p and method.

    contrast None: both kernels are constant, and the change is exact.
    """
    row.contrast = contrast
    estimate = row.sample.mean - base.sample.mean
    row.p = contrast.p() if contrast else None
    row.coarse = _coarseness(group, row, base)
    row.method = contrast.method if contrast else (
        "rounded" if row.coarse else "exact")
    wide = contrast.half() if contrast else 0.0
    slim = contrast.half(0.90) if contrast else 0.0
    unit = abs(base.mean) if _has_size(group, base) else 1.0
    change, low, high, narrow_low, narrow_high = (
        math.expm1(min(estimate + half, 700.0)) if group.log
        else (estimate + half) / unit
        for half in (0.0, -wide, wide, -slim, slim))
    step = row.coarse / unit
    row.narrow = (narrow_low - step, narrow_high + step)
    if _has_size(group, base):
        row.change, row.interval = change, (low - step, high + step)
    else:
        row.difference = (change, low - step, high + step)


def _has_size(group: Group, base: Row) -> bool:
    """Is the baseline away from 0, so that percent of it mean something?"""
    if group.log:
        return True
    low, high = base.mean_interval or (base.mean, base.mean)
    return low > 0 or high < 0


def _coarseness(group: Group, row: Row, base: Row) -> float:
    """The step by which each end of the interval is widened.

    Times that were rounded to steps wider than their spread do not average
    out: 4, 4, 4 against 5, 5, 5 us can be any difference from 0 to 2 us.
    """
    if group.unit not in TIMES:
        return 0.0
    values = np.array(base.values + row.values)
    step = stats.resolution(values)
    spread = max(np.std(base.values, ddof=1), np.std(row.values, ddof=1))
    return step if spread < step / 2 else 0.0


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


def _decide(group: Group, row: Row, margin: float) -> None:
    if row.change is not None:
        change, (low, high) = row.change, row.interval
    else:
        change, low, high = row.difference
        margin *= abs(group.base.mean)
    floor = 1 / (1 + margin) - 1 if group.log else -margin
    sure = row.q is None or row.q < ALPHA
    if sure and (low > margin or high < floor):
        worse = (change > 0) == (group.better == "lower")
        row.verdict, row.reason = REGRESSED if worse else IMPROVED, None
    elif row.narrow[0] >= floor and row.narrow[1] <= margin:
        row.verdict, row.reason = EQUIVALENT, None
        if row.method == "exact" and change == 0:
            row.reason = "equal in every boot"
    else:
        row.verdict = INCONCLUSIVE
        _explain(group, row, change, margin)


def _about(boots: float) -> float:
    """Rounded up to two digits: it is an estimate."""
    if boots <= 0 or math.isinf(boots):
        return boots
    step = 10.0 ** max(math.floor(math.log10(boots)) - 1, 0)
    return math.ceil(boots / step) * step


def _explain(group: Group, row: Row, change: float, margin: float) -> None:
    """Say what would settle an inconclusive row."""
    if row.coarse:
        row.more_boots = math.inf
        row.reason = (f"reported in steps of {row.coarse:g} {group.unit}, "
                      "wider than the spread: more boots will not tell")
        return
    if row.contrast is None:
        row.more_boots = math.inf
        row.reason = "the exact change lies on the margin"
        return
    if group.log:
        margin = math.log1p(margin)
    elif row.change is not None:
        margin *= abs(group.base.mean)
    # An estimate on the margin may well be off it: half a margin is assumed.
    distance = max(abs(abs(row.contrast.estimate) - margin), margin / 2)
    needed = stats.boots_needed(row.contrast.sd, distance)
    row.more_boots = max(1.0, _about(needed - min(row.n, group.base.n)))
    if row.more_boots > WORTH_IT:
        row.reason = ("the spread over boots is too large for the margin: "
                      f"over {WORTH_IT:,} more boots would be needed to tell")
    elif row.q is not None and row.q >= ALPHA and row.p < ALPHA:
        row.reason = (f"alone it would count (p = {row.p:.2g}), but not "
                      "among so many comparisons")
