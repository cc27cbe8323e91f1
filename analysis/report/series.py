"""One metric over the stages of a series: a panel per config."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .. import plots, text

WIDTH, LEFT, RIGHT = 1080, 66, 1012
#: Numbers of stages that fit under the axis.
TICKS = 40
#: Panels share one scale of percent unless one has to be so many times as high
#: as another.
COMMON = 4.0
COLOURS = 6
#: What the name of a change takes, in pixels.
NAME_PIXELS = 90
#: How far the boots of a stage are from its middle at most, in pixels.
ASIDE = 7.0


@dataclass
class Stage:
    """What is drawn of one stage, in the shown unit.

    mean None: no value.  same: it shares the boots of another, so it has no
    points of its own.
    """

    stage: int
    mean: float | None = None
    interval: tuple[float, float] | None = None
    values: list[float] = field(default_factory=list)
    same: bool = False
    broken: bool = False


@dataclass
class Panel:
    """One config.  base: the baseline's mean, None where percent of it mean
    nothing; changes: stage to a fraction of the one before; crossed: stages
    whose change depends on the config."""

    title: str
    note: str
    base: float | None
    stages: list[Stage]
    changes: dict[int, float] = field(default_factory=dict)
    crossed: list[int] = field(default_factory=list)


def size_of(panels: list[Panel]) -> tuple[int, int]:
    """Pixels of each panel, and of what is above it."""
    high = 176 if len(panels) == 1 else 128 if len(panels) == 2 else 100
    return high, 10 if len(panels) == 1 and not panels[0].title else 27


def shape(panels: list[Panel]) -> dict[str, int]:
    """Where the stages are in the plot, for those who point at it."""
    every = [one.stage for panel in panels for one in panel.stages]
    panel, head = size_of(panels)
    return {"left": LEFT, "right": RIGHT, "panel": panel, "head": head,
            "first": min(every), "last": max(every)}


def plot(name: str, label: str, panels: list[Panel], margin: float,
         names: dict[int, str] | None) -> plots.Plot:
    """margin: a fraction of the baseline; names: of the stages, None if their
    numbers do."""
    high, head = size_of(panels)
    foot = 76 if names else 26
    numbers: dict[str, float | str] = {
        "height": len(panels) * (head + high) + foot, "panels": len(panels),
        "panel": high, "head": head, "width": WIDTH, "left": LEFT,
        "right": RIGHT,
        "colours": " ".join(str(11 + i % COLOURS)
                            for i in range(len(panels)))}
    every = [one.stage for panel in panels for one in panel.stages]
    numbers.update(first=min(every), last=max(every))
    files: dict[str, list[tuple]] = {}
    texts: dict[str, str] = {}
    numbers.update(_stages(min(every), max(every), names, texts))
    for i, (panel, ends) in enumerate(zip(panels, _ranges(panels))):
        numbers.update(_numbers(i, panel, ends, margin, high))
        files.update(_files(i, panel, ends))
        texts[f"@title{i}"] = plots.clip(panel.title, 60)
        texts[f"@note{i}"] = panel.note
        texts.update((f"@change{i}_{k}",
                      f"{stage}: {text.typeset(text.percent(change))}")
                     for k, (stage, change)
                     in enumerate(panel.changes.items(), 1))
    return plots.Plot(name, "series.gp", label, numbers, files, texts)


def _stages(first: int, last: int, names: dict[int, str] | None,
            texts: dict[str, str]) -> dict[str, float | str]:
    every = math.ceil((last - first + 1) / TICKS)
    shown = [n for n in range(first, last + 1)
             if names is None and n % every == 0 or names and n in names]
    if names:
        texts.update((f"@stage{n}", plots.clip(names[n], 14)) for n in shown)
    return {"turned": int(bool(names)), "stages": ", ".join(
        f'"@stage{n}" {n}' if names else f'"{n}" {n}' for n in shown)}


def _ranges(panels: list[Panel]) -> list[tuple[float, float]]:
    """From where to where each panel goes: with room for all boots, and for
    intervals unless they are far wider."""
    found = [_range(panel) for panel in panels]
    if len(panels) < 2 or not all(panel.base for panel in panels):
        return found
    parts = [(low / panel.base - 1, high / panel.base - 1)
             for (low, high), panel in zip(found, panels)]
    sizes = [high - low for low, high in parts]
    if max(sizes) > COMMON * min(sizes):
        return found
    low, high = min(p[0] for p in parts), max(p[1] for p in parts)
    return [(panel.base * (1 + low), panel.base * (1 + high))
            for panel in panels]


def _range(panel: Panel) -> tuple[float, float]:
    values = [v for one in panel.stages for v in one.values
              if math.isfinite(v)]
    ends = [v for one in panel.stages for v in (one.interval or ())] + values
    values += [panel.base] if panel.base else []
    if not values:
        return 0.0, 1.0
    reach = max((max(values) - min(values)) * 0.35,
                abs(max(values)) * 0.004) or 1.0
    low = max(min([*ends, *values]), min(values) - reach)
    high = min(max([*ends, *values]), max(values) + reach)
    # Room above for the names of changes.
    return low - (high - low) * 0.1 - reach * 0.02, (
        high + (high - low) * (0.28 if panel.changes else 0.06))


def _numbers(i: int, panel: Panel, ends: tuple[float, float], margin: float,
             high: int) -> dict[str, float | str]:
    base, most = panel.base, high // 25
    percents = [] if not base else plots.ticks(
        100 * (ends[0] / base - 1), 100 * (ends[1] / base - 1), most)
    return {
        f"low{i}": ends[0], f"high{i}": ends[1], f"base{i}": base or 0,
        f"band{i}": (base or 0) * margin,
        f"marks{i}": ", ".join(f'"{at:,.10g}" {at:.10g}'
                               for at in plots.ticks(*ends, most)),
        f"percents{i}": ", ".join(f'"{plots.percent(at)}" {at:g}'
                                  for at in percents),
        f"changes{i}": " ".join(map(str, panel.changes)),
        f"rows{i}": " ".join(map(str, _rows(panel))),
        f"broken{i}": " ".join(str(one.stage) for one in panel.stages
                               if one.broken),
        f"crossed{i}": " ".join(map(str, panel.crossed))}


def _files(i: int, panel: Panel,
           ends: tuple[float, float]) -> dict[str, list[tuple]]:
    low, high = ends
    stages = [one.stage for one in panel.stages]
    aside = min(0.3, ASIDE * (max(stages) - min(stages) + 1) / WIDTH)
    line: list[tuple] = []
    for one in panel.stages:
        if one.mean is None:
            line.append(())
            continue
        bottom, top = one.interval or (one.mean, one.mean)
        line.append((one.stage, one.mean, max(bottom, low), min(top, high)))
    return {
        str(i): line,
        f"p{i}": [(round(one.stage + aside * _spread(j, len(one.values)), 3),
                   value)
                  for one in panel.stages if not one.same
                  for j, value in enumerate(one.values)
                  if math.isfinite(value)],
        f"s{i}": [(one.stage, one.mean) for one in panel.stages
                  if one.same and one.mean is not None]}


def _spread(index: int, count: int) -> float:
    """-1 to 1, so that equal boots lie side by side."""
    return 2 * index / (count - 1) - 1 if count > 1 else 0.0


def _rows(panel: Panel) -> list[int]:
    """In which row the name of each change stands: one that would run into
    the one before goes below it."""
    stages = [one.stage for one in panel.stages]
    near = NAME_PIXELS * (max(stages) - min(stages) + 1) / WIDTH
    rows: list[int] = []
    before: int | None = None
    for stage in panel.changes:
        close = before is not None and stage - before < near
        rows.append((rows[-1] + 1) % 3 if close else 0)
        before = stage
    return rows
