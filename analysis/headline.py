"""The one sentence that a reader needs, from a judgement.

What is broken comes first, then what kernels report on their consoles and how
many boots they fail, then what became slower; at the end the configs under
which all is well.
"""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from typing import Any

from . import claims, findings, text, verdicts
from .effects import distance
from .findings import Finding
from .interactions import Interaction, Part, is_series
from .steps import Step
from .summary import counts
from .verdicts import Group, Judgement, Row

#: So many things are said; the rest are counted.
MOST = 4
#: Characters of a cause.
CAUSE = 90


def sentence(judgement: Judgement) -> str:
    """What was found, and what to do next."""
    told = [*_broken(judgement), *_reported(judgement), *_failed(judgement),
            *_changed(judgement)]
    ran = judgement.boots["ok"] + judgement.boots["bad"] > 0
    if not told:
        return _no_regression(judgement) if ran else _nothing_ran(judgement)
    more = [f"{len(told) - MOST} more below"] if len(told) > MOST else []
    rest = _calm(judgement) if ran else ["nothing has been measured yet"]
    return "; ".join([*told[:MOST], *more, *rest]) + "."


def _nothing_ran(judgement: Judgement) -> str:
    boots = judgement.boots
    if boots["lab"]:
        return (f"The lab itself failed in {text.plural(boots['lab'], 'boot')}"
                ", so nothing is known of the kernels yet: see the failures, "
                "then run it again.")
    return "Nothing has been measured yet: run the study."


def _configs(judgement: Judgement) -> list[str]:
    return list(dict.fromkeys(group.config for group in judgement.groups))


def _under(judgement: Judgement, configs: list[str]) -> str:
    """' under rt and debug', or '' if that is all there is."""
    known = _configs(judgement)
    if len(known) < 2:
        return ""
    if len(configs) == len(known) > 2:
        return " under every config"
    return " under " + _and([text.plain(name) for name in configs])


def _on(judgement: Judgement, group: Group) -> str:
    """' on icount-2cpu', or '' if there is one machine."""
    if len({one.machine for one in judgement.groups}) < 2:
        return ""
    return f" on {text.plain(group.machine)}"


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


# What is broken

def _broken(judgement: Judgement) -> list[str]:
    """A clause per kernel and way to break, earlier stages first."""
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for group, row in judgement.rows():
        if row.verdict != verdicts.BROKEN:
            continue
        cause = _cause(row)
        one = found.setdefault((row.stage, cause), {
            "row": row, "cause": cause, "places": defaultdict(dict)})
        one["places"][group.config][group.workload] = None
    return [_broken_clause(judgement, **found[key]) for key in sorted(
        found, key=lambda key: key[0])]


def _cause(row: Row) -> str:
    """Without the boot, which differs, and what followed from it."""
    cause = text.plain(row.reason or "").rstrip(".")
    if cause.endswith(")") and " (boot " in cause:
        cause = cause[:cause.rindex(" (boot ")]
    cause = cause.split("; then: ")[0]
    return (cause if len(cause) <= CAUSE
            else cause[:CAUSE - 2].rstrip(" ,;:.") + "..")


def _broken_clause(judgement: Judgement, row: Row, cause: str,
                   places: dict[str, dict[str, None]]) -> str:
    where = _under(judgement, list(places))
    if cause.startswith("does not build"):
        why = cause.removeprefix("does not build").removeprefix(": ")
        return f"{text.plain(row.full)} does not build{where}" + (
            f" ({why})" if why else "")
    broken = list(dict.fromkeys(name for found in places.values()
                                for name in found))
    known = {group.workload for group in judgement.groups}
    what = ("every workload" if len(broken) == len(known) > 2
            else _and([text.plain(name) for name in broken]))
    return f"{text.plain(row.full)} breaks {what}{where} ({cause})"


# What kernels report

def _reported(judgement: Judgement) -> list[str]:
    """Kernels that run but report something that the baseline does not."""
    broken = {(group.config, row.stage) for group, row in judgement.rows()
              if row.verdict == verdicts.BROKEN}
    told = []
    for one in judgement.found.causes():
        places = [place for place in one.places if not place.in_base
                  and (place.config, place.first) not in broken]
        if places:
            told.append(_reported_clause(judgement, one, places))
    return told


def _reported_clause(judgement: Judgement, one: Finding,
                     places: list[findings.Place]) -> str:
    first = min(place.first for place in places)
    places = [place for place in places if place.first == first]
    brought = next((row.full for _, row in judgement.rows()
                    if row.stage == first), f"stage {first}")
    hit, of = (sum(values) for values in zip(
        *((place.boots, place.of) for place in places)))
    return (f"{text.plain(brought)} brings {findings.name_of(one)}"
            f"{_under(judgement, [place.config for place in places])}, in "
            f"{hit} of {text.plural(of, 'boot')}: {findings.line_of(one)}")


# What fails some of its boots

def _failed(judgement: Judgement) -> list[str]:
    """A clause per kernel and place that fails more boots than the baseline,
    unless what it reports has been told."""
    told = {(place.config, stage) for one in judgement.found.causes()
            for place in one.places if not place.in_base
            for stage in place.seen}
    found: dict[tuple, tuple[Group, Row]] = {}
    for group, row in judgement.rows():
        if (row.twin is None and group.fails_more(row)
                and (group.config, row.stage) not in told):
            found.setdefault((row.stage, *group.place), (group, row))
    return [_failed_clause(judgement, *one) for one in sorted(
        found.values(), key=lambda gr: gr[1].stage)]


def _failed_clause(judgement: Judgement, group: Group, row: Row) -> str:
    words = ", ".join(text.plain(word) for word in dict.fromkeys(row.sick))
    return (f"{text.plain(row.full)} fails {len(row.sick)} of "
            f"{text.plural(row.planned, 'boot')} of "
            f"{text.plain(group.workload)}"
            f"{_under(judgement, [group.config])}{_on(judgement, group)} "
            f"({words})")


# What changed

def _changed(judgement: Judgement) -> list[str]:
    """Which stage made it worse; where no single stage can be named, which
    kernel is worst."""
    rows = [(g, r) for g, r in judgement.rows()
            if r.verdict == verdicts.REGRESSED or r.limited]
    rows = [(g, r) for g, r in rows if g.primary] or rows
    steps = _worse_steps(judgement, rows[0][0].primary if rows else True)
    stepped = {id(part.group) for one in steps for part in one.parts}
    rest = [(g, r) for g, r in rows if r.limited or id(g) not in stepped]
    told = [_step_clause(judgement, one) for one in steps]
    if rest:
        told.append(_worst(judgement, rest)
                    + ("" if steps else ": look there first"))
    if steps and not rows:
        told.append("no kernel is worse than "
                    + text.plain(judgement.base_name))
    return told


@dataclasses.dataclass
class _Worse:
    """What one stage made worse in one metric: a part per config; only: it is
    known not to under the other configs."""

    parts: list[Step | Part]
    only: bool = False

    @property
    def size(self) -> float:
        return max(abs(part.effect.estimate) for part in self.parts)


def _worse_steps(judgement: Judgement, primary: bool) -> list[_Worse]:
    """What single stages made worse, the largest change first."""
    found = judgement.attribution
    if found is None:
        return []
    told: dict[tuple, _Worse] = {}
    for one in found.interactions:
        parts = one.only() if one.claimed else []
        if (parts and is_series(one.group) and one.group.primary == primary
                and all(p.group.worse(p.change) for p in parts)):
            told[_what(one)] = _Worse(parts, only=True)
    for step in found.steps:
        if (step.verdict == verdicts.REGRESSED
                and step.group.primary == primary):
            one = told.setdefault(_what(step), _Worse([]))
            if not one.only:
                one.parts.append(step)
    return sorted(told.values(), key=lambda one: one.size, reverse=True)


def _what(one: Step | Interaction) -> tuple:
    return (one.group.machine, one.group.workload, one.group.metric,
            one.row.stage)


def _step_clause(judgement: Judgement, one: _Worse) -> str:
    part = one.parts[0]
    who = text.plain(part.row.full)
    skipped = getattr(part, "skipped", [])
    if skipped:
        who = f"one of stages {skipped[0].stage} to {part.row.stage}"
    what = text.plain(f"{part.group.workload} {part.group.metric}")
    configs = [p.group.config for p in one.parts]
    where = (" only under " + _and([text.plain(name) for name in configs])
             if one.only else _under(judgement, configs))
    return (f"{who} makes {what} {_by(one.parts)}{where}"
            f"{_on(judgement, part.group)}")


def _by(parts: list[Step | Part]) -> str:
    """'3.4 % higher [+2.6, +4.3] %', or '3.4 to 7.1 % higher' of several."""
    word = "higher" if parts[0].change > 0 else "lower"
    if any(not part.group.log for part in parts):
        return word
    largest = max(part.change for part in parts)
    if largest > text.FACTOR_FROM:
        most = "up to " if len(parts) > 1 else ""
        return f"{most}{text.times(largest)} times as high"
    sizes = [text.percent(size).strip("+ %") for size in sorted(
        abs(part.change) for part in parts)]
    if len(parts) > 1:
        return f"{' to '.join(dict.fromkeys([sizes[0], sizes[-1]]))} % {word}"
    sure = ("" if parts[0].effect.method == "exact"
            else f" {text.interval(parts[0].interval)}")
    return f"{sizes[0]} % {word}{sure}"


def _size(row: Row) -> float:
    """How large a change is, so that changes of several metrics sort."""
    if row.change is None:
        return math.inf
    return distance(row.change)


def _worst(judgement: Judgement, found: list[tuple[Group, Row]]) -> str:
    group, row = max(found, key=lambda gr: _size(gr[1]))
    more = ""
    if len(found) > 1:
        more = (f", and {text.plural(len(found) - 1, 'more comparison')} "
                "regressed")
    return (f"{_change_of(group, row, text.plain(judgement.base_name))}"
            f"{_under(judgement, [group.config])}{_on(judgement, group)}"
            f"{_sure(row)}{more}")


def _change_of(group: Group, row: Row, base: str) -> str:
    what, kernel = (text.plain(f"{group.workload} {group.metric}"),
                    text.plain(row.full))
    if row.limited:
        return f"{what} is beyond its limit on {kernel}"
    if row.change is None:
        word = "higher" if row.difference[0] > 0 else "lower"
        return f"{what} is {word} on {kernel} than on {base}"
    if row.interval and text.is_factor(row.interval):
        return (f"{what} is {text.times(row.change)} times as high on "
                f"{kernel} as on {base}")
    word = "higher" if row.change > 0 else "lower"
    size = text.percent(abs(row.change)).lstrip("+")
    return f"{what} is {size} {word} on {kernel} than on {base}"


def _sure(row: Row) -> str:
    if row.method == "exact":
        return " (exact: every boot agrees)"
    if row.interval is None:
        return ""
    return f" (95 % interval {text.interval_words(row.interval)})"


# Where all is well

def _calm(judgement: Judgement) -> list[str]:
    """The configs under which no kernel is broken or reports anything, and all
    primary metrics are shown to lie within the margin."""
    loud = {place.config for one in judgement.found.causes()
            for place in one.places if not place.in_base}
    loud |= {group.config for group, row in judgement.rows()
             if group.fails_more(row)}
    calm, latency = [], False
    for config in _configs(judgement):
        groups = [group for group in judgement.groups
                  if group.primary and group.config == config]
        words = {row.verdict for group in groups for row in group.rows
                 if row is not group.base} - {verdicts.NOT_APPLICABLE}
        if (config not in loud and verdicts.EQUIVALENT in words
                and words <= {verdicts.EQUIVALENT, verdicts.SAME}):
            calm.append(config)
            latency |= any(group.latency for group in groups)
    if not calm:
        return []
    what = "change of a primary metric" if latency else "throughput change"
    margin = f"{100 * judgement.study['min_effect']:g} %"
    return [f"no {what} above {margin}{_under(judgement, calm)}"]


def _no_regression(judgement: Judgement) -> str:
    open_rows = [(g, r) for g, r in judgement.rows()
                 if r.verdict == verdicts.INCONCLUSIVE]
    found = counts(judgement)
    unfit = found.pop(verdicts.NOT_APPLICABLE, 0)
    compared = sum(found.values())
    better = _improved(judgement)
    start = "Nothing regressed"
    if better:
        start += f", {', '.join(better[:3])} improved"
        start += " and others" if len(better) > 3 else ""
    if not compared and unfit:
        return "Nothing was compared: what is not applicable says why."
    if not compared:
        return ("There is only the baseline, so nothing was compared: add a "
                "kernel to the study.")
    if not open_rows:
        return _settled(judgement, start)
    which = (f"{len(open_rows)} of {compared} comparisons" if compared > 1
             else "the only comparison")
    return (f"{start}, but {which} could not be decided: "
            f"{_what_next(judgement, open_rows)}.")


def _improved(judgement: Judgement) -> list[str]:
    return list(dict.fromkeys(
        text.plain(row.full) for _, row in judgement.rows()
        if row.verdict == verdicts.IMPROVED))


def _settled(judgement: Judgement, start: str) -> str:
    found = counts(judgement)
    if set(found) <= {verdicts.EQUIVALENT, verdicts.SAME}:
        return ("No metric differs from "
                f"{text.plain(judgement.base_name)} by as much as "
                f"{100 * judgement.study['min_effect']:g} %: there is "
                "nothing to do.")
    return start + ": there is nothing to do."


def _what_next(judgement: Judgement,
               open_rows: list[tuple[Group, Row]]) -> str:
    waiting = any(row.reason == claims.WAITING for _, row in open_rows)
    if judgement.boots["open"] or waiting:
        return "let the run end first"
    more = [r.more_boots for _, r in open_rows if r.more_boots is not None]
    more = sorted(m for m in more if m <= verdicts.WORTH_IT)
    if not more:
        return "more boots would not settle them, see their reasons"
    half = more[(len(more) - 1) // 2]
    return (f"about {text.plural(int(half), 'more boot')} per kernel would "
            f"settle {'half of them' if len(more) > 1 else 'that'}")
