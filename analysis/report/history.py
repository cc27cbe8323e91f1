"""The history page of a study whose kernels are releases: each metric over
them, and what changed from one to the next."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from .. import load, plots, releases, text, verdicts
from ..effects import distance
from ..model import Group, Judgement, Row
from ..releases import History, Release
from ..steps import Step
from . import html
from .names import SIGNS, several_configs, title, where

#: Points of the lines, and what they are called: no line is told by colour
#: alone.  gnuplot's numbers.
SHAPES = ((7, "\u25cf"), (6, "\u25cb"), (5, "\u25a0"), (4, "\u25a1"),
          (9, "\u25b2"), (8, "\u25b3"))
#: Of steps, in the order of a reader's interest.
ORDER = (verdicts.REGRESSED, verdicts.IMPROVED, verdicts.INCONCLUSIVE,
         verdicts.EQUIVALENT, verdicts.SAME)
#: Flavours that a plot has lines for.
LINES = len(SHAPES)
#: Characters of a release's name at an axis.
TICK = 12
#: Larger ratios are drawn as values.
MOST = 1e6


def write(lab: load.Lab, judgement: Judgement, folder: Path) -> Path | None:
    """Write history.html into a study's folder; None, and none is left there,
    if its kernels are no releases.  Raises CannotWork."""
    path = folder / "history.html"
    if not releases.flavours(lab):
        path.unlink(missing_ok=True)
        return None
    html.publish(path, render(lab, judgement))
    return path


def render(lab: load.Lab, judgement: Judgement) -> str:
    """The page as text."""
    margin = verdicts.margin_of(lab)
    found = releases.history(lab, judgement, margin)
    figures = _figures(judgement, found, margin)
    svg = plots.draw([one["plot"] for one in figures])
    for one in figures:
        # Rebuilt from allowed elements by plots.py, so safe as it is.
        one["svg"] = html.markup(svg[one["plot"].name])
    told = [_told(judgement, found, step) for step in sorted(
        found.steps, key=lambda step: _place(found, step))]
    claimed = [one for one in told
               if one["verdict"] in (verdicts.REGRESSED, verdicts.IMPROVED)]
    tally = {word: sum(one["verdict"] == word for one in told
                       if one["primary"]) for word in ORDER}
    return html.environment().get_template("history.html.j2").render(
        style=html.style("page", "plots", "index"), policy=html.policy(""),
        study=lab.study, signs=SIGNS, figures=figures,
        tally={word: number for word, number in tally.items() if number},
        claimed=claimed, steps=told, most=LINES,
        fresh=any(row.fresh for step in found.steps
                  for row in (step.before, step.row)),
        forced=judgement.forced,
        headline=_headline(found, claimed),
        words=found.words, flavours=[
            {"name": name or "plain", "colour": i,
             "shape": SHAPES[i][1] if i < LINES else "",
             "releases": [one.word for one in line]}
            for i, (name, line) in enumerate(found.flavours.items())],
        several=len(found.flavours) > 1,
        exact=any(g.clock == "exact" for g in judgement.groups),
        margin=f"{100 * margin:g} %",
        generated=html.now())


def _headline(found: History, claimed: list[dict[str, Any]]) -> str:
    """What a reader wants to know first."""
    tests = sum(step.p is not None for step in found.steps)
    if not found.steps:
        return "Fewer than two releases have been measured yet."
    if not claimed:
        return (f"No change from one release to the next is claimed, of "
                f"{text.plural(tests, 'test')}.")
    shown = [one for one in claimed if one["primary"]] or claimed
    which = "primary" if shown[0]["primary"] else "secondary"
    worst = max(shown, key=lambda one: one["size"])
    worse = sum(one["verdict"] == verdicts.REGRESSED for one in shown)
    return (f"{text.plural(len(shown), 'change')} of {which} metrics from one "
            f"release to the next, {worse} for the worse; the largest: "
            f"{text.plain(worst['what'])} "
            f"{worst['change']} from {text.plain(worst['from'])} to "
            f"{text.plain(worst['to'])}.")


def _flavour(found: History, stage: int) -> tuple[int, Any]:
    """The number of a stage's flavour, and its release."""
    return next((i, one) for i, line in enumerate(found.flavours.values())
                for one in line if one.stage == stage)


def _place(found: History, step: Step) -> tuple:
    """Where a step stands in a list: by release, the largest first."""
    number, release = _flavour(found, step.row.stage)
    return (number, release.order, not step.group.primary, -_size(step))


def _size(step: Step) -> float:
    if step.change is None:
        return 0.0
    if step.absolute:
        return math.inf
    return distance(step.change)


def _told(judgement: Judgement, found: History, step: Step) -> dict[str, Any]:
    """A row of the table."""
    group = step.group
    change, interval = "", ""
    if step.change is not None and step.absolute:
        unit = text.plain(group.unit)
        change = f"{step.change:+.4g} {unit}"
        interval = "[{:+.4g}, {:+.4g}]".format(*step.interval)
    elif step.change is not None:
        change = text.percent(step.change)
        interval = text.interval(step.interval)
    if step.effect and step.effect.method == "exact":
        interval = ""
    names = list(found.flavours)
    return {"what": title(group), "where": where(judgement, group),
            "flavour": names[_flavour(found, step.row.stage)[0]] or "plain",
            "from": step.before.word, "to": step.row.word,
            "skipped": [row.word for row in step.skipped],
            "change": text.typeset(change),
            "interval": text.typeset(interval), "q": _sure(step),
            "verdict": step.verdict, "primary": group.primary,
            "size": _size(step),
            "boots": (len(step.before.first), len(step.row.first))}


def _sure(step: Step) -> str:
    """Its q, or by which method it was compared if that gives none."""
    if step.q is not None or step.effect is None:
        return text.rate(step.q)
    return "" if step.effect.same else step.effect.method


def _figures(judgement: Judgement, found: History,
             margin: float) -> list[dict[str, Any]]:
    figures = []
    for group in judgement.groups:
        lines = [releases.line(line, group.rows)
                 for line in list(found.flavours.values())[:LINES]]
        values = [row.mean for line in lines for _, row in line]
        if max(map(len, lines)) < 2 or not all(map(math.isfinite, values)):
            continue
        # In percent of the first, unless that is about 0.
        relative = group.log and all(
            line[0][1].mean > max(values) / MOST for line in lines if line)
        figures.append({
            "title": title(group), "where": where(judgement, group),
            "several": several_configs(judgement),
            "better": group.better, "primary": group.primary,
            "unit": "" if relative else text.plain(group.unit),
            "plot": _plot(f"h{len(figures)}", judgement, group, found, lines,
                          100 * margin if relative else 0.0)})
    return figures


def _plot(name: str, judgement: Judgement, group: Group, found: History,
          lines: list[list[tuple[Release, Row]]],
          margin: float) -> plots.Plot:
    """Lines over releases; margin: in percent, 0 if the values are not
    relative to the first of their line."""
    changed = {step.row.stage: SIGNS[step.verdict] for step in found.steps
               if step.group is group and step.changed}
    texts = {f"@x{i}": plots.clip(text.plain(word), TICK)
             for i, word in enumerate(found.words)}
    drawn = [_points(found, line, bool(margin)) for line in lines]
    values = [y for rows in drawn for _, y, _, _ in rows]
    reach = max(max(values) - min(values), 2 * margin
                or abs(max(values)) * 0.004) or 1.0
    low, high = min(values) - 0.5 * reach, max(values) + 0.5 * reach
    # gnuplot 5.4 crashes on labels of which none is to be drawn.
    claims: list[tuple] = [(0, low, "@none", 1)]
    texts["@none"] = ""
    for i, (line, rows) in enumerate(zip(lines, drawn)):
        for (release, _), (x, _, _, top) in zip(line, rows):
            if release.stage in changed:
                mark = f"@claim{len(claims)}"
                texts[mark] = changed[release.stage]
                claims.append((x, min(top, high - 0.12 * reach), mark,
                               11 + i))
    sign = plots.percent if margin else "{:,.10g}".format
    label = (f"{title(group)}, {where(judgement, group)}: mean of each release "
             "with its 95 % interval" + (", as a change from the first"
                                         if margin else ""))
    return plots.Plot(name, "history.gp", label, {
        "last": len(found.words) - 1, "low": low, "high": high,
        "margin": margin, "lines": len(lines),
        "colours": " ".join(str(11 + i) for i in range(len(lines))),
        "shapes": " ".join(str(SHAPES[i][0]) for i in range(len(lines))),
        "turned": int(len(found.words) > 7
                      or max(map(len, found.words)) > 8),
        "xmarks": ", ".join(f'"@x{i}" {i}' for i in range(len(found.words))),
        "ymarks": ", ".join(f'"{sign(at)}" {at:.10g}'
                            for at in plots.ticks(low, high, 5))},
        {"claims": claims, **{
            str(i): [(x, y, max(bottom, low), min(top, high))
                     for x, y, bottom, top in rows]
            or [(0, "NaN", "NaN", "NaN")]
            for i, rows in enumerate(drawn)}}, texts)


def _points(found: History, line: list[tuple[Release, Row]],
            relative: bool) -> list[tuple[int, float, float, float]]:
    """Place, mean and interval of each release: in percent of the first, or in
    the metric's unit."""
    rows = []
    for release, row in line:
        values = (row.mean, *(row.mean_interval or (row.mean, row.mean)))
        if relative:
            values = tuple(100 * (value / line[0][1].mean - 1)
                           for value in values)
        rows.append((found.place(release), *values))
    return rows
