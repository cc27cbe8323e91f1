"""The one sentence that a reader needs, from a judgement."""

from __future__ import annotations

import math
from collections import Counter

from . import claims, findings, noise, text, verdicts
from .findings import Finding
from .verdicts import Group, Judgement, Row

#: Verdicts in the order of a reader's interest.
ORDER = (verdicts.BROKEN, verdicts.REGRESSED, verdicts.IMPROVED,
         verdicts.INCONCLUSIVE, verdicts.EQUIVALENT, verdicts.SAME,
         verdicts.NOT_APPLICABLE)


def counts(judgement: Judgement,
           primary: bool | None = None) -> dict[str, int]:
    """Rows per verdict, in ORDER, without the baseline and without zeros;
    only those of primary (True) or secondary (False) metrics if asked."""
    found = Counter(row.verdict for group, row in judgement.rows()
                    if primary in (None, group.primary))
    return {name: found[name] for name in ORDER if found[name]}


def tally(judgement: Judgement) -> str:
    """'primary metrics: 2 regressed, 1 equivalent; secondary: 3 improved',
    or '' if nothing was compared."""
    parts = []
    for name, primary in (("primary metrics", True), ("secondary", False)):
        found = counts(judgement, primary)
        if found:
            parts.append(f"{name}: " + ", ".join(
                f"{number} {word}" for word, number in found.items()))
    return "; ".join(parts)


#: What fresh boots said of a claim.  A kernel that follows has the change of
#: the one before it, which is confirmed.
REPEATED = (
    (lambda row: row.confirmed and row.repeated, "confirmed by fresh boots"),
    (lambda row: row.confirmed and not row.repeated,
     "the same as of a confirmed kernel before"),
    (lambda row: row.confirmed is False, "not confirmed by fresh boots"),
    (lambda row: row.confirmed is None, "not repeated yet"))


def trust(judgement: Judgement) -> list[str]:
    """Lines on how far the verdicts can be trusted: what the lab would say of
    the baseline against itself, and which claims fresh boots repeated."""
    lines = [_noise(judgement)]
    claimed = [row for _, row in judgement.rows()
               if row.claim and row.twin is None]
    if claimed and judgement.rules.confirm:
        told = [(sum(bool(is_so(row)) for row in claimed), words)
                for is_so, words in REPEATED]
        lines.append(f"{text.plural(len(claimed), 'claimed change')}: "
                     + ", ".join(f"{number} {words}" for number, words in told
                                 if number))
    elif claimed:
        lines.append(f"{text.plural(len(claimed), 'claimed change')}, none "
                     "repeated on fresh boots (compare: confirm)")
    return lines


def _noise(judgement: Judgement) -> str:
    """The A/A line, of the primary metrics."""
    known = [group.noise for group in judgement.groups
             if group.primary and group.noise is not None]
    if not known:
        return ("A/A: false alarms not measured, that takes "
                f"{noise.LEAST} boots of the baseline at first (compare: aa)")
    alarms = sum(one.alarms for one in known) / len(known)
    each = " or ".join(f"{n} against {n}" for n in
                       sorted({one.each for one in known}))
    return (f"A/A: of {known[0].splits:,} random splits of the baseline's "
            f"boots, {each}, {100 * alarms:.1f} % look like a change"
            + (f" (mean of {len(known)} metrics)" if len(known) > 1 else ""))


def headline(judgement: Judgement) -> str:
    """What was found, and what to do next: one sentence."""
    if judgement.boots["ok"] + judgement.boots["bad"] == 0:
        return _nothing_ran(judgement)
    rows = judgement.rows()
    broken = _kernels(rows, verdicts.BROKEN)
    if broken:
        return _broken(judgement, broken)
    news = [one for one in judgement.found.causes() if one.new]
    if news:
        return _reported(judgement, news)
    found = [(g, r) for g, r in rows
             if r.verdict == verdicts.REGRESSED or r.limited]
    found = [(g, r) for g, r in found if g.primary] or found
    if found:
        return _regressed(judgement, found)
    return _no_regression(judgement)


def _nothing_ran(judgement: Judgement) -> str:
    boots = judgement.boots
    if boots["lab"]:
        return (f"The lab itself failed in {text.plural(boots['lab'], 'boot')}"
                ", so nothing is known of the kernels yet: see the failures, "
                "then run it again.")
    return "Nothing has been measured yet: run the study."


def _kernels(rows: list[tuple[Group, Row]], verdict: str) -> list[str]:
    return list(dict.fromkeys(text.plain(row.full) for _, row in rows
                              if row.verdict == verdict))


def _broken(judgement: Judgement, broken: list[str]) -> str:
    group, row = next((g, r) for g, r in judgement.rows()
                      if r.verdict == verdicts.BROKEN)
    others = len(broken) - 1
    more = f"; {text.plural(others, 'more kernel')} broken" if others else ""
    reason = text.plain(row.reason).rstrip(".")
    where = _place(judgement, group)
    if row.key is None:
        return f"{broken[0]} {reason}{where}{more}."
    return (f"{broken[0]} did not get through "
            f"{text.plain(group.workload)}{where}: {reason}; look at its "
            f"console first{more}.")


def _reported(judgement: Judgement, news: list[Finding]) -> str:
    """Kernels that run but report something that the baseline does not."""
    one = news[0]
    place = min((p for p in one.places if not p.in_base),
                key=lambda p: p.first)
    brought = next((row.full for _, row in judgement.rows()
                    if row.stage == place.first), f"stage {place.first}")
    several = len({g.config for g in judgement.groups}) > 1
    config = f" under {text.plain(place.config)}" if several else ""
    others = len(news) - 1
    more = f"; {text.plural(others, 'more finding')}" if others else ""
    regressed = counts(judgement).get(verdicts.REGRESSED, 0)
    more += (f"; {text.plural(regressed, 'comparison')} regressed"
             if regressed else "")
    return (f"{text.plain(brought)} brings {findings.name_of(one)}{config}, "
            f"in {findings.boots_of(place)}: {findings.line_of(one)}{more}.")


def _size(row: Row) -> float:
    """How large a change is, so that changes of several metrics sort."""
    if row.change is None:
        return math.inf
    return abs(math.log(max(1 + row.change, 1e-9)))


def _brought(judgement: Judgement) -> dict[tuple[int, int], float]:
    """The size of what a stage itself made worse, by group and stage: later
    ones only have it too."""
    if judgement.attribution is None:
        return {}
    return {(id(step.group), step.row.stage): abs(step.effect.estimate)
            for step in judgement.attribution.steps
            if step.verdict == verdicts.REGRESSED}


def _regressed(judgement: Judgement, found: list[tuple[Group, Row]]) -> str:
    brought = _brought(judgement)
    group, row = max(found, key=lambda gr: (
        brought.get((id(gr[0]), gr[1].stage), 0.0), _size(gr[1])))
    more = ""
    if len(found) > 1:
        more = (f", and {text.plural(len(found) - 1, 'more comparison')} "
                "regressed")
    return (f"{_change_of(group, row, text.plain(judgement.base_name))}"
            f"{_place(judgement, group)}{_sure(row)}{more}: look there first.")


def _change_of(group: Group, row: Row, base: str) -> str:
    what, kernel = (text.plain(f"{group.workload} {group.metric}"),
                    text.plain(row.full))
    if row.limited:
        return f"{what} is beyond its limit on {kernel}"
    if row.change is None:
        word = "higher" if row.difference[0] > 0 else "lower"
        return f"{what} is {word} on {kernel} than on {base}"
    if row.interval and text.is_factor(row.interval):
        size = text.percent(row.change, factor=True).strip(">x")
        return f"{what} is {size} times as high on {kernel} as on {base}"
    word = "higher" if row.change > 0 else "lower"
    size = text.percent(abs(row.change)).lstrip("+")
    return f"{what} is {size} {word} on {kernel} than on {base}"


def _place(judgement: Judgement, group: Group) -> str:
    configs = {g.config for g in judgement.groups}
    return f" under {text.plain(group.config)}" if len(configs) > 1 else ""


def _sure(row: Row) -> str:
    if row.method == "exact":
        return " (exact: every boot agrees)"
    if row.interval is None:
        return ""
    return f" (95 % interval {text.interval_words(row.interval)})"


def _no_regression(judgement: Judgement) -> str:
    open_rows = [(g, r) for g, r in judgement.rows()
                 if r.verdict == verdicts.INCONCLUSIVE]
    found = counts(judgement)
    unfit = found.pop(verdicts.NOT_APPLICABLE, 0)
    compared = sum(found.values())
    better = _kernels(judgement.rows(), verdicts.IMPROVED)
    start = "Nothing regressed"
    if better:
        start += f", {', '.join(better[:3])} improved"
        start += " and others" if len(better) > 3 else ""
    if not compared and unfit:
        return ("Nothing was compared: what is not applicable says why.")
    if not compared:
        return ("There is only the baseline, so nothing was compared: add a "
                "kernel to the study.")
    if not open_rows:
        return _settled(judgement, start)
    which = (f"{len(open_rows)} of {compared} comparisons" if compared > 1
             else "the only comparison")
    return (f"{start}, but {which} could not be decided: "
            f"{_what_next(judgement, open_rows)}.")


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
