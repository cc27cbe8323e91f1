"""Latencies: which share of them is longer than x, a stage against the
baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Iterable

from .. import ccdf, latency, load, plots, stats, text
from ..cells import turns_show
from ..latency import METRIC
from ..model import TIMES, Group
from ..verdicts import Judgement
from .names import where

#: Quantiles of the table, where there are latencies enough.
QUANTILES = (0.99, 0.999, 0.9999, 0.99999)
#: Where the logarithmic axes begin at the lowest.
LEAST_US, LEAST_SHARE = 0.5, 1e-12
#: A limit further away than that is not drawn.
MOST_US = 1e9
#: More CPUs than that are no picture.
CPUS = 16


@dataclass
class _Kernel:
    """One stage in one place: all its latencies, and those of each CPU."""

    stage: int
    title: str
    all: ccdf.Curve
    cpus: list[ccdf.Curve]
    boots: list[str]


def figures(lab: load.Lab, judgement: Judgement) -> list[dict[str, Any]]:
    """One per config, machine, workload and histogram.  Boots and CPUs of a
    kernel are added up: this shows, it judges not."""
    if lab.counts.empty:
        return []
    rows: dict[tuple[str, str], list[Any]] = {}
    for row in lab.counts.itertuples(index=False):
        rows.setdefault((row.boot, row.metric), []).append(row)
    kinds: dict[str, dict[str, None]] = {}
    for boot, kind in rows:
        kinds.setdefault(boot, {})[kind] = None
    places: dict[tuple, dict[int, dict[str, None]]] = {}
    for cell in lab.cells[lab.cells.state == "ok"].itertuples():
        for kind in kinds.get(cell.boot, ()):
            place = cell.config, cell.machine, cell.workload, kind
            places.setdefault(place, {}).setdefault(
                int(cell.stage), {})[cell.boot] = None
    made = []
    for place, stages in places.items():
        kernels = [_kernel(stage, place[3], list(stages[stage.idx]), rows)
                   for stage in lab.stages.itertuples()
                   if stage.idx in stages]
        kernels = [one for one in kernels if one is not None]
        if kernels:
            made.append(_figure(f"h{len(made)}", lab, judgement, place,
                                kernels))
    return made


def _kernel(stage: Any, kind: str, boots: list[str],
            rows: dict[tuple[str, str], list[Any]]) -> _Kernel | None:
    found = [row for boot in boots for row in rows.get((boot, kind), ())]
    every = ccdf.curve(found)
    if every is None or not every.samples:
        return None
    cpus = sorted({row.cpu for row in found})
    each = [ccdf.curve(row for row in found if row.cpu == cpu)
            for cpu in cpus] if 1 < len(cpus) <= CPUS else []
    return _Kernel(int(stage.idx), text.plain(stage.name), every,
                   [one for one in each if one and one.samples], boots)


def _figure(name: str, lab: load.Lab, judgement: Judgement, place: tuple,
            kernels: list[_Kernel]) -> dict[str, Any]:
    config, machine, workload, kind = place
    groups = [g for g in judgement.groups if g.place == place[:3]]
    tail = next((g for g in groups if g.tail is not None and g.metric in (
        METRIC, f"{kind}-{METRIC}")), None)
    base = next((k for k in kernels if k.stage == judgement.base), None)
    shown = _notable(groups, tail, kernels, judgement.base)
    title = f"{workload} {kind}"
    there = where(judgement, groups[0]) if groups else machine
    exact = lab.machine(machine).get("clock") == "exact"
    unit = text.on_exact_clock("us") if exact else "us"
    lines, levels = _limits(lab, workload, tail, unit)
    return {
        "title": title, "where": there, "shown": shown,
        "refused": turns_show(lab.machine(machine)),
        "per_cpu": max(len(k.cpus) for k in kernels),
        "stages": [{"stage": k.stage, "title": k.title} for k in kernels
                   if k is not base],
        "table": _table(lab, kind, tail, kernels, unit),
        "kernels": [{"stage": k.stage, "title": k.title, "base": k is base}
                    for k in ([base] if base else [])
                    + [k for k in kernels if k is not base]],
        "plot": _plot(name, f"{title}, {there}: share of latencies longer "
                      "than x, baseline and one stage", unit, kernels, base,
                      shown, lines, levels)}


def _notable(groups: list[Group], tail: Group | None,
             kernels: list[_Kernel], base: int) -> int | None:
    """The stage that is shown at first: that of the worst claimed change of
    the tail, else of another latency, else the last one."""
    there = {k.stage for k in kernels if k.stage != base}
    for one in [tail, *(g for g in groups if g.latency and g is not tail)]:
        claims = [] if one is None else [
            row for row in one.rows if row.stage in there and row.twin is None
            and (row.claim or row.limited)]
        if claims:
            return max(claims, key=lambda row: _badness(one, row)).stage
    return max(there, default=None)


def _badness(group: Group, row: Any) -> tuple:
    change = row.whole.change if row.whole else 0.0
    return row.limited, group.worse(change), abs(change)


#: Where something is drawn across, and its words.
Marked = list[tuple[float, str]]


def _limits(lab: load.Lab, workload: str, tail: Group | None,
            unit: str) -> tuple[Marked, Marked]:
    """What is drawn across, if there is a place for it: (us, words) and
    (share, words)."""
    lines, levels = [], []
    threshold = tail.tail.threshold if tail else None
    if threshold is not None and threshold.us is not None:
        lines.append((float(threshold.us), f"{threshold.us:,} {unit}, "
                      f"{latency.name_of(threshold.quantile)} of the "
                      "baseline"))
    known = {(m.workload, m.name): m for m in lab.metrics.itertuples()}
    for (whose, metric), limit in lab.rules.limits.items():
        found = known.get((whose, metric))
        if whose != workload:
            continue
        if found is not None and found.is_latency and found.unit in TIMES:
            us = limit * text.NANOSECONDS[found.unit] / 1e3
            lines.append((us, f"limit {text.plain(metric)} {us:,.6g} {unit}"))
        elif tail is not None and metric == tail.metric:
            levels.append((limit / 1e6, f"limit {text.plain(metric)} "
                           f"{limit:,.6g} {latency.UNIT}"))
    return ([one for one in lines if LEAST_US <= one[0] <= MOST_US],
            [one for one in levels if LEAST_SHARE <= one[0] <= 1])


# The plot

def _plot(name: str, label: str, unit: str, kernels: list[_Kernel],
          base: _Kernel | None, shown: int | None, lines: Marked,
          levels: Marked) -> plots.Plot:
    low, high = _range(kernels, lines)
    bottom = 10.0 ** math.floor(math.log10(min(
        [0.5 / k.all.samples for k in kernels]
        + [level / 2 for level, _ in levels])))
    files: dict[str, list[tuple]] = {}
    floors, curves, ends, sides = [], [], [], []
    texts = {"@us": f"latency, {unit}"}
    classes: dict[int | str, str] = {}
    for one in [k for k in kernels if k is not base] + (
            [base] if base else []):
        looks = "base" if one is base else f"pick s{one.stage}" + (
            " on" if one.stage == shown else "")
        files[f"f{len(floors)}"] = [(low, one.all.unseen),
                                    (high, one.all.unseen)]
        floors.append(f"floor {looks}")
        for curve, more in [*((cpu, " cpu") for cpu in one.cpus),
                            (one.all, "")]:
            files[f"c{len(curves)}"] = ccdf.vertices(
                curve, low, bottom)
            curves.append(f"curve{more} {looks}")
        if one.all.overflow:
            ends.append((one.all.limit,
                         max(one.all.overflow / one.all.samples, bottom)))
            of = " of the baseline" if one is base else ""
            texts[f"@end{len(ends)}"] = (
                f"{one.all.overflow:,}{of} beyond {one.all.limit:,} {unit} "
                "\u25b6")
            sides.append("-1" if one is base else "1")
            classes[f"@end{len(ends)}"] = looks
    for kind, drawn in (("line", lines), ("level", levels)):
        texts.update((f"@{kind}{i}", words)
                     for i, (_, words) in enumerate(drawn, 1))
    classes.update(enumerate(floors + curves, 1))
    return plots.Plot(name, "ccdf.gp", label, {
        "low": low, "high": high, "bottom": bottom, "floors": len(floors),
        "curves": len(curves), "lines": _list(us for us, _ in lines),
        "levels": _list(share for share, _ in levels),
        "endx": _list(us for us, _ in ends),
        "endy": _list(share for _, share in ends), "sides": " ".join(sides),
        "xmarks": plots.log_marks(low, high), "ymarks": ", ".join(
            f'"{_share(k)}" 1e{k}'
            for k in range(round(math.log10(bottom)), 1))},
        files, texts, classes)


def _list(numbers: Iterable[float]) -> str:
    # gnuplot's real() does not read 1e-05, but 1.0e-05.
    return " ".join(f"{number:.7e}" for number in numbers)


def _range(kernels: list[_Kernel], lines: Marked) -> tuple[float, float]:
    """From just below the shortest latency or what is drawn across to just
    above the longest."""
    first = min([float(k.all.steps[0][0] if k.all.steps else k.all.limit)
                 for k in kernels] + [us for us, _ in lines])
    last = max([float(k.all.limit if k.all.overflow else k.all.highest)
                for k in kernels] + [us for us, _ in lines])
    low = max(first * 0.85, LEAST_US)
    return low, max(last * 1.12, low * 4)


def _share(power: int) -> str:
    """1 %, 100 and 1 per million, 1e-8."""
    if power >= -3:
        return f"{10.0 ** (power + 2):g} %%"
    return f"{10.0 ** (power + 6):g} ppm" if power >= -7 else f"1e{power}"


# The numbers next to it

def _table(lab: load.Lab, kind: str, tail: Group | None,
           kernels: list[_Kernel], unit: str) -> list[dict[str, Any]]:
    """Rows: a title and a text per kernel (stage to text)."""
    rows: dict[str, dict[int, str]] = {}
    most = max(k.all.samples for k in kernels)
    # The first that nobody has latencies enough for is shown too.
    shares = QUANTILES[:2 + sum(stats.samples_for_quantile(one) <= most
                                for one in QUANTILES[1:])]

    def tell(title: str, kernel: _Kernel, words: str) -> None:
        rows.setdefault(title, {})[kernel.stage] = words

    for one in kernels:
        every = one.all
        tell("latencies", one, f"{every.samples:,}")
        tell("boots", one, f"{len(one.boots)}")
        found = latency.histograms(lab, one.boots, kind)
        for share in shares:
            tell(f"{latency.name_of(share)}, {unit}", one, _quantile(
                latency.quantile(found, share)))
        tell(f"longest, {unit}", one, f"{every.highest:,}"
             if not every.overflow and every.highest is not None else
             f"over {every.limit:,}")
        us = tail.tail.threshold.us if tail else None
        if us is not None:
            seen = [tail.tail.counts[b] for b in one.boots
                    if b in tail.tail.counts]
            over, total = (sum(n) for n in zip(*seen)) if seen else (0, 0)
            tell(f"over {us:,} {unit}, per million", one, _rate(over, total))
    return [{"title": title, "cells": cells} for title, cells in rows.items()]


def _quantile(found: latency.Quantile) -> str:
    if found.estimate is None:
        return "not estimable"
    if found.low is None and found.high is None:
        return _digits(found.estimate)
    low, high = ("?" if end is None else _digits(end)
                 for end in (found.low, found.high))
    return f"{_digits(found.estimate)} [{low}, {high}]"


def _rate(over: int, total: int) -> str:
    if not total:
        return ""
    if not over:
        return f"none: below {_digits(1e6 * ccdf.UNSEEN / total, 3)}"
    return _digits(1e6 * over / total)


def _digits(value: float, most: int = 4) -> str:
    """'1,234', '12,340', '0.01234': never with an exponent, unless tiny."""
    return f"{float(f'{value:.{most}g}'):,.10g}"
