"""What was measured: the groups of a study with the values of their rows, and
why a value is not there."""

from __future__ import annotations

import dataclasses
import operator
import re
from typing import Any

import pandas as pd

from . import latency, load, sequential, stats, text
from .model import (BROKEN, INCONCLUSIVE, NOT_APPLICABLE, REGRESSED, Group,
                    Row)

NO_METRONOME = ("no metronome: on more than one vCPU the latencies are those "
                "of QEMU's turns")
MAXIMUM = "a maximum is shown, not judged: it has no distribution to compare"
UNREPORTED = "no boot reported this metric"


@dataclasses.dataclass
class Why:
    """What is known of values that are not there: latencies by boot, reasons
    by boot and metric, and by stage why a workload cannot run."""
    totals: dict[str, int]
    missing: dict[tuple[str, str], str]
    unfit: dict[int, str | None]


def groups(lab: load.Lab, base: int) -> list[Group]:
    """The groups with the values of their rows, not judged yet; base is the
    stage whose latencies say what is a long one."""
    derived = latency.derive(lab, base)
    metrics = _both(lab.metrics, derived.metrics)
    missing = {**lab.missing, **derived.missing}
    cells = _by_place(lab.cells, ("config", "machine", "workload"))
    samples = _by_place(_both(lab.samples, derived.samples),
                        ("config", "machine", "workload", "metric"))
    totals = dict(load.wakeups(lab.counts))
    machines = {str(name): lab.machine(name) for name in lab.machines.name}
    stages = list(lab.stages.itertuples())
    variants = {(v.stage, v.config): v for v in lab.variants.itertuples()}
    found = []
    for config, machine, workload in _all_places(lab, cells):
        planned = cells.get((config, machine, workload), {})
        unfit = {stage.idx: lab.unfit.get((stage.idx, config, machine,
                                           workload)) for stage in stages}
        for m in metrics[metrics.workload == workload].itertuples():
            group = Group(config, machine, workload, m.name, m.unit, m.better,
                          bool(m.is_primary), bool(m.is_latency),
                          str(machines[machine]["clock"]),
                          str(machines[machine]["accel"]),
                          tail=derived.tails.get((config, machine, workload,
                                                  m.name)))
            _fill(group, stages, variants, planned,
                  samples.get((config, machine, workload, m.name), {}),
                  Why(totals, missing, unfit))
            _tell_look(group, lab.rules, planned)
            _refuse(group, machines[machine], lab.rules)
            # What cannot run anywhere is told once.
            if group.primary or not all(unfit.values()):
                found.append(group)
    # Primary metrics of a place first; sorted() keeps the study's order.
    order = {key: i for i, key in enumerate(dict.fromkeys(
        (g.config, g.machine) for g in found))}
    return sorted(found, key=lambda g: (order[g.config, g.machine],
                                         not g.primary))


def _both(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([one, other], ignore_index=True) if len(other) else one


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
                  splats=sum(cell.outcome == "splat" for cell in cells),
                  sick=[str(cell.outcome) for cell in cells
                        if cell.state == "bad"])
        found = sorted(samples.get(stage.idx, []), key=_is_fresh)
        row.values = [sample.value for sample in found]
        row.boots = [sample.boot for sample in found]
        row.fresh = sum(map(_is_fresh, found))
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
        row.values, row.boots, row.fresh = [], [], 0
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


def _is_fresh(sample: Any) -> bool:
    """Is it of a boot that repeats a claim?"""
    return sample.role == "confirm"


def _tell_look(group: Group, rules: load.Rules,
               planned: dict[int, list[Any]]) -> None:
    """Fill which look at its boots a kernel has come to, and what it costs."""
    for row in group.rows:
        seeds = {cell.seed for cell in planned.get(row.stage, [])
                 if cell.role == "sample"}
        row.looked = len(seeds)
        row.weight = sequential.weight(rules.min, rules.max, len(seeds))


def _refuse(group: Group, machine: dict[str, Any], rules: load.Rules) -> None:
    """Mark what must not be judged at all."""
    reason = None
    if group.latency and turns_show(machine):
        reason = NO_METRONOME
    elif group.latency and re.search(r"(^|_)max(imum)?($|_)", group.metric):
        reason = MAXIMUM
    limit = rules.limits.get((group.workload, group.metric))
    for row in group.rows:
        if reason and row.values:
            row.verdict, row.reason = NOT_APPLICABLE, reason
        if limit is not None and row.values and reason != NO_METRONOME:
            _gate(group, row, limit, reason)


def _gate(group: Group, row: Row, limit: float, reason: str | None) -> None:
    """What a limit of the user's says of one kernel."""
    worse = operator.gt if group.better == "lower" else operator.lt
    beyond = [(value, boot) for value, boot in zip(row.values, row.boots)
              if worse(value, limit)]
    if beyond:
        value, boot = (max if group.better == "lower" else min)(beyond)
        row.limited, row.verdict = True, REGRESSED
        row.reason = (f"{_told(group, value)} in boot {boot} is beyond the "
                      f"limit of {_told(group, limit)}, and so are "
                      f"{len(beyond)} of {row.n} boots")
    elif reason == MAXIMUM:
        row.reason = (f"within the limit of {_told(group, limit)} in all "
                      f"{row.n} boots")


def _told(group: Group, value: float) -> str:
    """'134.246 M instr': six digits, in the unit of the group's table."""
    scale = text.Scale(group.unit, [sum(row.values) / row.n
                                    for row in group.rows if row.values],
                       group.clock == "exact")
    return f"{float(f'{value * scale.factor:.6g}'):,.10g} {scale.unit}"
