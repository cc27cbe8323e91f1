"""A judgement as a table for the terminal, and as JSON.

The JSON is one object, and these keys stay:

    klab_compare  1, the version of this structure
    study         name
    baseline      {"stage": number, "name": text}
    min_effect    fraction; 0.01 is 1 %
    headline      the finding in one sentence
    worse         true if something regressed, or broke that worked before, or
                  there are findings
    forced        sentences: boots were compared that should not be (--force)
    boots         {"planned", "ok", "bad", "lab", "open"}: distinct boots
    outcomes      {outcome: distinct boots}: ok, splat, workload-failed, panic,
                  hang, no-boot, infra
    findings      list of what the kernels reported on their consoles, one
                  object per signature (kind and function):
        signature, kind, function         function is null if there is none
        offset, line, detail, excerpt     of its first boot, named by boot
        first_stage                       the stage that brought it
        new                               not (everywhere) in the baseline
        fatal                             the kernel did not go on
        consequence                       of another one, in all of its boots
        then                              lines of its consequences
        count, boots                      reports, and distinct boots
        places                            per config: {"config", "first_stage",
                                          "boots", "of": judged boots of the
                                          stages that have it, "in_baseline",
                                          "where": [{"machine", "workload"}],
                                          "stages": [{"stage", "boots", "of"}]}
    harmless      {"findings", "boots"}: what the study calls so
    families      {"primary", "other"}: tests behind the q values
    summary       {verdict: number of rows}
    rules         {"min", "max", "until", "confirm", "budget", "aa"}: by which
                  the study asks for boots
    noise         what random splits of the baseline's boots showed, one object
                  per group that has at least 10 of them: config, machine,
                  workload, metric, boots, each (boots of the two halves),
                  splits, floor (99 % differ by no more; a fraction of the
                  baseline, or in unit if it is about 0), alarms (the share
                  that would be called a change without that floor)
    attribution   which stages brought a change, and where only some configs
                  have it: see attribution.as_json()
    drift         warnings of trends over the run: see drift.as_json()
    rows          list, one object per kernel and group:
        stage, kernel                     number and name
        title                             subject of its patch, or null
        same_as                           number of an earlier stage with the
                                          same code, or null
        config, machine, clock, workload, metric, unit, better, primary
        boots                             planned for this cell
        n                                 boots with a value
        splats                            of these, boots with findings
        mean, mean_low, mean_high, cv     in unit; cv is a fraction
        change, low, high                 fractions of the baseline, with the
                                          95 % interval; null if unknown or
                                          the baseline is about 0
        difference, difference_low, difference_high
                                          in unit, only if the baseline is
                                          about 0
        p, q, method                      null where nothing was tested
        verdict                           a word of verdicts.py
        reason                            sentence or null
        fresh                             boots of n that repeat a claim
        confirmed                         whether they do; null if no change is
                                          claimed, or not known yet
        more_boots                        per kernel; null if not applicable
                                          or if more would not help
        values                            one per boot, in unit, null where
                                          not finite
        boot_ids                          in the order of values

Numbers that are not finite are null.
"""

from __future__ import annotations

import dataclasses
import math
import textwrap
from typing import Any

from . import attribution, drift, findings, headline, summary, text, verdicts
from .verdicts import Group, Judgement, Row

WIDTH = 100
INDENT = 2
HEADINGS = ("n", "mean", "CV", "change", "95 % interval", "q", "verdict")
SICK = "boots with findings: these may be the figures of a sick kernel"
COLOURS = {verdicts.REGRESSED: "1;31", verdicts.BROKEN: "1;31",
           verdicts.IMPROVED: "32", verdicts.INCONCLUSIVE: "33",
           verdicts.EQUIVALENT: "", verdicts.SAME: "2",
           verdicts.NOT_APPLICABLE: "2", verdicts.BASELINE: "2"}


def as_json(judgement: Judgement) -> dict[str, Any]:
    """The structure that the module's docstring describes."""
    return {
        "klab_compare": 1,
        "study": judgement.study["name"],
        "baseline": {"stage": judgement.base, "name": judgement.base_name},
        "min_effect": judgement.study["min_effect"],
        "headline": headline.sentence(judgement),
        "worse": judgement.worse(),
        "forced": judgement.forced,
        "boots": judgement.boots,
        "outcomes": judgement.outcomes,
        "findings": findings.as_json(judgement.found),
        "harmless": {"findings": judgement.found.harmless,
                     "boots": judgement.found.harmless_boots},
        "families": judgement.families,
        "summary": summary.counts(judgement),
        "rules": _rules_json(judgement),
        "noise": _noise_json(judgement),
        "attribution": attribution.as_json(judgement.attribution),
        "drift": drift.as_json(judgement.drifts),
        "rows": [row_as_json(group, row) for group, row in judgement.rows()],
    }


def _rules_json(judgement: Judgement) -> dict[str, Any]:
    rules = dataclasses.asdict(judgement.rules)
    del rules["limits"]
    return rules


def _noise_json(judgement: Judgement) -> list[dict[str, Any]]:
    return [{"config": group.config, "machine": group.machine,
             "workload": group.workload, "metric": group.metric,
             **dataclasses.asdict(group.noise), "floor": floor_of(group)}
            for group in judgement.groups if group.noise is not None]


def floor_of(group: Group) -> float:
    """The A/A floor as changes are shown: a fraction of the baseline, or in
    the metric's unit where that is about 0."""
    if group.log:
        return math.expm1(group.noise.floor)
    about_0 = any(row.difference for row in group.rows)
    return group.noise.floor / (1.0 if about_0 else abs(group.base.mean))


def row_as_json(group: Group, row: Row) -> dict[str, Any]:
    """One of `rows` of the module's docstring."""
    unknown = (None, None)
    low, high = row.interval or unknown
    mean_low, mean_high = row.mean_interval or unknown
    difference = row.difference or (None, None, None)
    found = {
        "stage": row.stage, "kernel": row.kernel, "title": row.title,
        "same_as": row.twin.stage if row.twin else None, "config": group.config,
        "machine": group.machine, "clock": group.clock,
        "workload": group.workload, "metric": group.metric,
        "unit": group.unit, "better": group.better,
        "primary": group.primary, "boots": row.planned, "n": row.n,
        "splats": row.splats,
        "mean": row.mean, "mean_low": mean_low, "mean_high": mean_high,
        "cv": row.cv, "change": row.change, "low": low, "high": high,
        "difference": difference[0], "difference_low": difference[1],
        "difference_high": difference[2], "p": row.p, "q": row.q,
        "method": row.method, "fresh": row.fresh,
        "confirmed": row.confirmed if row.claim else None, "verdict": row.verdict, "reason": row.reason,
        "more_boots": row.more_boots,
    }
    found = {key: text.finite(value) for key, value in found.items()}
    found["values"] = [text.finite(value) for value in row.values]
    found["boot_ids"] = row.boots
    return found


def render(judgement: Judgement, colour: bool,
           words: dict[int, str] | None = None) -> str:
    """The table, ending in a newline; words: what the study calls its
    stages."""
    paint = _painter(colour)
    blocks = [(group, _cells(group)) for group in judgement.groups]
    widths = _widths(judgement, [cells for _, cells in blocks])
    lines = [_title(judgement, paint), *_forced_lines(judgement, paint)]
    place = None
    for group, cells in blocks:
        if (group.config, group.machine) != place:
            place = group.config, group.machine
            lines += ["", *_place(judgement, group, paint),
                      paint(_line(("", *HEADINGS), widths).rstrip(), "2")]
        lines.append(paint(_heading(group), "1"))
        for row, texts in zip(group.rows, cells):
            lines.append(_row_line(row, texts, widths, paint))
        lines += _reason_lines(group, paint)
    lines += _attribution_lines(judgement, paint)
    lines += _finding_lines(judgement, words or {}, paint)
    return "\n".join([*lines, "", *_footer(judgement, paint)]) + "\n"


def _painter(colour: bool):
    def paint(words: str, code: str) -> str:
        return f"\033[{code}m{words}\033[0m" if colour and code else words
    return paint


def _title(judgement: Judgement, paint) -> str:
    study = judgement.study
    return (paint(text.plain(study["name"]), "1")
            + f": against {text.plain(judgement.base_name)}, margin "
            f"{100 * study['min_effect']:g} %")


def _place(judgement: Judgement, group: Group, paint) -> list[str]:
    several = len({g.config for g in judgement.groups}) > 1
    config = f"config {text.plain(group.config)}, " if several else ""
    return [paint(f"{config}machine {text.plain(group.machine)}, "
                  f"{group.clock} clock", "1")]


def _heading(group: Group) -> str:
    scale = scale_of(group)
    kind = "" if group.primary else ", secondary"
    return (text.plain(f"{group.workload} {group.metric}") + ", "
            f"{scale.unit} ({group.better} is better{kind})")


def scale_of(group: Group) -> text.Scale:
    """The unit and decimals for all rows of a group."""
    return text.Scale(group.unit, [row.mean for row in group.rows],
                      group.clock == "exact")


def _cells(group: Group) -> list[tuple[str, ...]]:
    scale = scale_of(group)
    return [(text.plain(row.kernel), count_of(row), scale.show(row.mean),
             text.spread(row.cv), *change_of(row, scale), text.rate(row.q),
             _verdict(row)) for row in group.rows]


def count_of(row: Row) -> str:
    """Boots with a value, of those planned: '3' or '2/3'."""
    return str(row.n) if row.n == row.planned else f"{row.n}/{row.planned}"


def change_of(row: Row, scale: text.Scale) -> tuple[str, str]:
    """The change and its interval: in percent, or where the baseline is about
    0 in the metric's unit, which both then say."""
    if row.difference:
        change, low, high = (f"{value * scale.factor:+.4g}" if value else "0"
                             for value in row.difference)
        return f"{change} {scale.unit}", f"[{low}, {high}] {scale.unit}"
    factor = row.interval is not None and text.is_factor(row.interval)
    return text.percent(row.change, factor), text.interval(row.interval)


def boots_more(row: Row) -> str:
    """How many more boots would settle a row; '' if none that is worth it."""
    if row.more_boots is None or row.more_boots > verdicts.WORTH_IT:
        return ""
    return f"~{text.plural(int(row.more_boots), 'more boot')}"


def _verdict(row: Row) -> str:
    more = boots_more(row)
    if row.verdict == verdicts.INCONCLUSIVE and more:
        return f"inconclusive: {more}"
    if row.verdict in (verdicts.REGRESSED, verdicts.BROKEN):
        return row.verdict.upper()
    return text.plain(row.same_as)


def _widths(judgement: Judgement,
            blocks: list[list[tuple[str, ...]]]) -> list[int]:
    rows = [("", *HEADINGS), *(texts for cells in blocks for texts in cells)]
    return [max(len(texts[i]) for texts in rows)
            for i in range(len(HEADINGS) + 1)]


def _line(texts: tuple[str, ...], widths: list[int]) -> str:
    columns = [texts[0].ljust(widths[0])]
    columns += [words.rjust(width)
                for words, width in zip(texts[1:-1], widths[1:-1])]
    return " " * INDENT + "  ".join([*columns, texts[-1]])


def _row_line(row: Row, texts: tuple[str, ...], widths: list[int],
              paint) -> str:
    line = _line((*texts[:-1], ""), widths)
    return (line + paint(texts[-1], COLOURS[row.verdict])).rstrip()


def reasons(group: Group) -> list[str]:
    """The notes of a group, each reason once with the kernels it is for."""
    found: dict[str, list[str]] = {}
    for row in group.rows:
        if row.reason:
            found.setdefault(row.reason, []).append(text.plain(row.kernel))
    for row in group.rows:
        if row.splats and row.values:
            found.setdefault(SICK, []).append(text.plain(row.kernel))
    return [text.plain(note) for note in group.notes] + [
        f"{_names(names, group)}: {text.plain(reason)}"
        for reason, names in found.items()]


def _reason_lines(group: Group, paint) -> list[str]:
    return [paint(part, "2") for line in reasons(group)
            for part in textwrap.wrap(line, WIDTH, initial_indent="    ",
                                      subsequent_indent="      ")]


def _names(names: list[str], group: Group) -> str:
    compared = [row for row in group.rows if row is not group.base]
    if len(names) >= len(compared) > 1:
        return "all"
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more"
                                   if len(names) > 3 else "")


def _forced_lines(judgement: Judgement, paint) -> list[str]:
    if not judgement.forced:
        return []
    told = [f"{text.FORCED}:", *judgement.forced]
    return [paint(part, "1;31") for words in told
            for part in textwrap.wrap(text.plain(words), WIDTH,
                                      subsequent_indent="  ")]


def _attribution_lines(judgement: Judgement, paint) -> list[str]:
    """Which stages brought what, and what drifted."""
    found = (attribution.lines(judgement.attribution)
             if judgement.attribution else [])
    lines = ["", paint("what changed, and where", "1")] if found else []
    lines += [part for line in found for part in _wrapped(line)]
    if judgement.drifts:
        lines += ["", paint("drift", "1;33")]
    return lines + [part for one in judgement.drifts
                    for part in _wrapped(one.sentence)]


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(text.plain(line), WIDTH, initial_indent="  ",
                         subsequent_indent="    ")


def _finding_lines(judgement: Judgement, words: dict[int, str],
                   paint) -> list[str]:
    """What the kernels reported, one block each."""
    found = judgement.found
    several = len({p.config for one in found.groups for p in one.places}
                  | {g.config for g in judgement.groups}) > 1
    lines = ["", paint("findings", "1")] if found.causes() else []
    for one in found.causes():
        lines.append("  " + paint(findings.name_of(one), "1;31" if one.new
                                  else "33"))
        lines += ["    " + findings.where_of(place, several, words)
                  for place in one.places]
        told = [findings.line_of(one), *(f"then: {text.plain(line)}"
                                         for line in one.then[:3])]
        told.append(f"first in boot {text.plain(one.boot)}")
        lines += [paint(part, "2") for line in told
                  for part in textwrap.wrap(line, WIDTH,
                                            initial_indent="    ",
                                            subsequent_indent="      ")]
    if found.harmless:
        lines += ["", paint(text.harmless(found.harmless,
                                          found.harmless_boots), "2")]
    return lines


def _footer(judgement: Judgement, paint) -> list[str]:
    lines = []
    times = {group.clock for group in judgement.groups
             if group.unit in verdicts.TIMES}
    if "exact" in times:
        lines.append(text.EXACT_CLOCK)
    if judgement.virtual():
        lines.append(text.VIRTUAL_CLOCK)
    lines.append("mean: geometric; CV: standard deviation / mean over boots; "
                 "q: false discovery rate")
    lines.append(boots_of(judgement))
    lines += summary.trust(judgement)
    found = summary.tally(judgement)
    if found:
        lines.append(found)
    lines = [paint(line, "2") for line in lines]
    return lines + textwrap.wrap(headline.sentence(judgement), WIDTH)


def boots_of(judgement: Judgement) -> str:
    """'8 of 9 boots ok, 1 failed (1 panic)'"""
    boots = judgement.boots
    parts = [f"{boots['ok']} of {text.plural(boots['planned'], 'boot')} ok"]
    if judgement.found.boots:
        parts[0] += f" ({judgement.found.boots} with findings)"
    if boots["bad"]:
        parts.append(f"{boots['bad']} failed ({bad_words(judgement)})")
    for state, words in (("lab", "lost by the lab"), ("open", "not done")):
        if boots[state]:
            parts.append(f"{boots[state]} {words}")
    return ", ".join(parts)


def bad_words(judgement: Judgement) -> str:
    """'3 panic, 1 hang': what became of the boots that failed."""
    return ", ".join(f"{number} {text.plain(word)}"
                     for word, number in judgement.outcomes.items()
                     if word not in ("ok", "splat", "infra"))
