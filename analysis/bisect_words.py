"""What came of a bisect, in words: for its page, for the report of its study
and for the list of all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from . import text
from .bisects import Record, Step
from .lines import member, number, string, strings, whole

#: How a kernel may be broken, after 'which'.
BREAKS = {"any": "is broken", "build": "does not build",
          "boot": "does not come to its end", "panic": "panics",
          "hang": "hangs", "workload": "fails its workload"}
#: Why there is no single step, and why it gave up.
SPREAD = {"drift": "the change is spread over the {many}",
          "two-steps": "two {many} change it, likeliest {likely}"}
GAVE_UP = {"budget": "so many boots do not tell",
           "infra": "the lab failed too often"}
#: Characters of a subject in a sentence, and of what klab said.
SUBJECT, SAYS = 120, 600
FOUND, RANGE, NO_STEP, GAVE, ENDS, OPEN = (
    "found", "range", "no single step", "gave up", "nothing to search",
    "not ended")
VERDICTS = {"found": FOUND, "range": RANGE, "no-step": NO_STEP,
            "gave-up": GAVE, "ends": ENDS}


@dataclass
class Outcome:
    """What came of it.  word: one of the above; tone: bad (something is to
    blame), open or good; clauses: sentences without their stops, the first
    one says it all; confirmed: by fresh boots, None if there were none."""

    word: str
    tone: str
    clauses: list[str]
    confirmed: bool | None = None


def nouns(record: Record) -> tuple[str, str]:
    """What a candidate is: a patch, a commit, an option, a kernel."""
    axis = string(record.setup, "axis")
    if axis == "config":
        return "option", "options"
    if axis not in ("", "stages"):
        return "candidate", "candidates"
    if record.setup.get("range") is True:
        return "commit", "commits"
    if any(one.subject for one in record.kernels[1:]):
        return "patch", "patches"
    return "kernel", "kernels"


def chance(share: float | None) -> str:
    """'97.3 %'; what is not quite certain is not told as certain."""
    if share is None:
        return ""
    if 0.9995 <= share < 1 - 1e-9:
        return ">99.9 %"
    if 0 < share < 0.0005:
        return "<0.1 %"
    even = share == 0 or share >= 1 - 1e-9
    return f"{100 * share:.{0 if even else 1}f} %"


def metric(record: Record) -> str:
    """'hackbench/time'."""
    return (f"{clipped(string(record.criterion, 'workload'))}/"
            f"{clipped(string(record.criterion, 'metric'))}")


def what(record: Record) -> str:
    """What is looked for: 'hackbench/time, worse by 1 % or more', 'a kernel
    that panics'."""
    found = record.criterion
    kind = string(found, "kind")
    if kind == "metric":
        least = number(found, "min_effect")
        name = metric(record)
        return name if least is None else (
            f"{name}, worse by {100 * least:g} % or more")
    if kind == "signature":
        return f"a kernel with finding {clipped(string(found, 'signature'))}"
    return "a kernel that " + BREAKS.get(kind,
                                         f"is broken ({clipped(kind)})")


def broken(record: Record) -> str:
    """'panics', 'has finding 0123'."""
    found = record.criterion
    kind = string(found, "kind")
    if kind == "signature":
        return f"has finding {clipped(string(found, 'signature'))}"
    return BREAKS.get(kind, "is broken")


def is_config(record: Record) -> bool:
    """Is it between two configs?"""
    return string(record.setup, "axis") == "config"


def config(record: Record) -> str:
    """'rt'; 'nort to rt, stage 5' where it is between the two."""
    between = strings(record.setup, "between")
    if not is_config(record) or len(between) != 2:
        return clipped(string(record.setup, "config"))
    at = string(record.setup, "at")
    return clipped(" to ".join(between)) + (
        f", stage {clipped(at)}" if at else "")


def candidate(record: Record, at: int) -> str:
    """'7 (mm: be slow)'; '0123456789ab (mm: be slow)' of the user's commits;
    of an option its name alone."""
    kernel = record.kernels[at]
    subject = clipped(kernel.subject)
    if nouns(record)[0] == "option" and subject:
        return subject
    is_commit = record.setup.get("range") is True and kernel.commit
    name = clipped(kernel.commit[:12] if is_commit else kernel.stage)
    return f"{name} ({subject})" if subject else name


def clipped(words: str, most: int = SUBJECT) -> str:
    """Plain, and cut where a stranger made it long."""
    words = text.plain(words)
    return words if len(words) <= most else words[:most - 1] + "\u2026"


def span(record: Record, first: int, last: int) -> str:
    """'patch 7 (mm: be slow)', 'one of patches 3 to 5'."""
    one, many = nouns(record)
    if first == last:
        name = candidate(record, first)
        return name if is_config(record) else f"{one} {name}"
    return (f"one of {many} {candidate(record, first)} to "
            f"{candidate(record, last)}")


def change(effect: dict[str, Any]) -> str:
    """'+3.0 % (95 %: +2.1 to +3.9 %)'; '' if it is not known."""
    size, low, high = (number(effect, key) for key in (
        "change", "low", "high"))
    if size is None:
        return ""
    words = text.percent(size)
    if low is not None and high is not None:
        low_words, high_words = text.percent(low), text.percent(high)
        words += f" (95 %: {low_words} to {high_words})"
    return text.typeset(words)


def outcome(record: Record) -> Outcome:
    """What came of it, so far."""
    verdict = string(record.result, "verdict")
    if not verdict and record.refused:
        return Outcome(ENDS, "open", [
            _capital(clipped(record.refused, SAYS))])
    if not verdict and record.last is not None and (
            record.last.verdict == "ends"):
        return Outcome(ENDS, "open", [_ends(record, record.last)])
    if not verdict:
        return Outcome(OPEN, "open", _open(record))
    word = VERDICTS.get(verdict)
    if word is None:
        return Outcome(clipped(verdict), "open", [
            f"It ended with '{clipped(verdict)}', which this klab does not "
            "know"])
    clauses = [{FOUND: _found, RANGE: _range, NO_STEP: _no_step,
                GAVE: _gave_up}.get(word, _nothing)(record)]
    confirmation = member(record.result, "confirmation")
    confirmed = confirmation.get("confirmed") is True if confirmation else None
    clauses += [one for one in (
        _effect(record), _enough(record), confirmation_words(record),
        undo_words(record, brief=True)) if one]
    if word in (FOUND, RANGE):
        return Outcome(word, "bad" if confirmed is not False else "open",
                       clauses, confirmed)
    return Outcome(word, "open", clauses, confirmed)


def likely(record: Record) -> tuple[int, int] | None:
    """First and last of what the result names."""
    top = len(record.kernels) - 1
    ends = [whole(member(record.result, key), "patch", top)
            for key in ("first", "last")]
    if not ends[0] or not ends[1]:
        return None
    return ends[0], ends[1]


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _blame(record: Record, more: str) -> str:
    parts = _parts(record)
    if parts:
        return (_capital(_options(parts)) + ", with a probability of "
                f"{chance(number(record.result, 'probability'))}" + more)
    found = likely(record)
    if found is None:
        return "Something is to blame, but the record does not say what"
    return (_capital(span(record, *found)) + " is to blame, with a "
            f"probability of {chance(number(record.result, 'probability'))}"
            + more)


def _parts(record: Record) -> list[dict[str, Any]]:
    found = record.result.get("options")
    return [one for one in found if isinstance(one, dict)
            and strings(one, "lines")
            ] if is_config(record) and isinstance(found, list) else []


def option_sets(record: Record) -> list[list[str]]:
    """What a search between configs found: options that make the difference
    together, each as the lines that could not be told apart."""
    return [strings(one, "lines") for one in _parts(record)]


def _option(part: dict[str, Any]) -> str:
    """The option that was asked for, or as many as it may be."""
    lines = strings(part, "lines")
    if len(lines) == 1:
        return clipped(lines[0])
    rest = f"{clipped(lines[0])} (and {len(lines) - 1} "
    return {"range": f"one of {len(lines)} options between which nothing can be "
                     f"tested ({clipped(', '.join(lines))})",
            "group": rest + "not told apart from it)"}.get(
                string(part, "as"), rest + "that Kconfig couples to it)")


def _options(parts: list[dict[str, Any]]) -> str:
    names = [_option(part) for part in parts]
    if len(names) == 1:
        return f"{names[0]} is to blame"
    return (f"{', '.join(names[:-1])} and {names[-1]} are to blame, all of "
            "them together")


def _enough(record: Record) -> str:
    """What a search between configs says of its options in the good one."""
    enough = record.result.get("enough")
    if option_sets(record) and "untold" in member(
            record.result, "together"):
        return "In the good config alone it cannot be tested"
    if not option_sets(record) or not isinstance(enough, bool):
        return ""
    needs = strings(record.result, "needs")
    together = member(record.result, "together")
    words = "That is all it takes"
    if enough and together.get("partial") is True:
        words = "That makes most of it, and not all"
    elif not enough:
        words = "In the good config that is not enough for it"
    return words + (f", with what it needs: {clipped(', '.join(needs))}"
                    if needs else "")


def _found(record: Record) -> str:
    since = "with it" if is_config(record) else "from it on"
    return _blame(record, "" if record.is_metric else
                  f": {since} the kernel {broken(record)}")


def _range(record: Record) -> str:
    return _blame(record, ": nothing between them can be tested")


def _no_step(record: Record) -> str:
    found = likely(record)
    words = SPREAD.get(string(record.result, "why"), "")
    return "No single step" + (": " + words.format(
        many=nouns(record)[1],
        likely="not known" if found is None else " and ".join(
            candidate(record, at) for at in found)) if words else "")


def _gave_up(record: Record) -> str:
    why = GAVE_UP.get(string(record.result, "why"),
                      "the boots contradict a single step")
    found = likely(record)
    return f"Gave up: {why}" + ("" if found is None else (
        f"; likely {span(record, *found)}, "
        f"{chance(number(record.result, 'probability'))}"))


def _nothing(record: Record) -> str:
    return "There was nothing to search"


def _effect(record: Record) -> str:
    effect = member(record.result, "effect")
    words = change(effect)
    if not record.is_metric or not words:
        return ""
    one_step = string(record.result, "verdict") in ("found", "range")
    return f"{metric(record)} {words}" + (
        "" if one_step else " from the good end to the bad one")


def _boots(record: Record, told: dict[str, Any], names: str) -> str:
    """'+3.0 %, 3 boots of each', '1 of 1 boots of it and 0 of 1 of its
    parent are broken'."""
    says = clipped(string(told, "says"), SAYS)
    if says:
        return says
    boots = whole(told, "boots", 1 << 30) or 0
    if record.is_metric:
        return (f"{change(told)}, {text.plural(boots, 'boot')} of each"
                + _share(record, told))
    bad = [whole(told, key, 1 << 30) or 0
           for key in ("culprit_bad", "parent_bad")]
    return names.format(bad[0], bad[1], boots)


def _share(record: Record, told: dict[str, Any]) -> str:
    """How much of the ends' difference it is, where that is not all."""
    share = number(told, "share")
    if told.get("partial") is not True or share is None:
        return ""
    return (f", {100 * share:.0f} % of what the ends differ by: there is more "
            f"than this {nouns(record)[0]}")


def confirmation_words(record: Record) -> str:
    """What the fresh boots say; '' if there were none."""
    told = member(record.result, "confirmation")
    if not told:
        if string(record.criterion, "kind") == "build" and (
                string(record.result, "verdict") in ("found", "range")):
            return "A build is no matter of chance: nothing was booted"
        return ""
    word = "Confirmed" if told.get("confirmed") is True else "Not confirmed"
    return f"{word} on fresh boots: " + _boots(
        record, told, "{0} of {2} with it broken, {1} of {2} without")


def undo_words(record: Record, brief: bool = False) -> str:
    """What the bad end without it says; '' if that was not tried.  brief:
    without the reason why it cannot be taken back."""
    told = member(record.result, "without")
    if not told:
        return ""
    if told.get("clean") is False:
        words = "It cannot be taken back from the bad end"
        return words if brief else (
            f"{words}: {clipped(string(told, 'says'), SAYS)}")
    if string(record.criterion, "kind") == "build":
        return "The bad end without it " + (
            "builds" if told.get("confirmed") is True else "does not build")
    word = "cured" if told.get("confirmed") is True else "not cured"
    words = f"The bad end without it is {word}: "
    # It did not break on these boots itself.
    if string(told, "says") or told.get("culprit_bad") == 0:
        words = "Whether the bad end without it is cured cannot be told: "
    return words + _boots(
        record, told, "{0} of {2} with it broken, {1} of {2} without")


def _open(record: Record) -> list[str]:
    first = ("Not ended: it is at work, or was interrupted, and the same "
             "command goes on with it")
    last = record.last
    if last is None or not last.first:
        return [first]
    return [first, f"So far likely {span(record, last.first, last.last)}, "
                   f"{chance(last.probability)}"]


# ---- nothing to search ----

def ends(record: Record) -> tuple[str, str]:
    """The good end and the bad one: 'base', '35 (mm: the last)'; "config
    'rt'".  What a base is is no subject."""
    between = strings(record.setup, "between")
    if is_config(record) and len(between) == 2:
        return tuple(f"config '{clipped(one)}'" for one in between)
    last = len(record.kernels) - 1
    return clipped(record.kernels[0].stage), candidate(record, last)


def _ends(record: Record, step: Step) -> str:
    good, bad = ends(record)
    if step.why == "same-code":
        return (f"Nothing to search: {good} and {bad} are the same kernel, "
                "code for code")
    if step.why == "nobody":
        return (f"Nothing to search: no {nouns(record)[0]} between {good} and "
                f"{bad} changes the kernel")
    if step.why == "end":
        said = next((one for one in reversed(record.seen) if one.says), None)
        if said is None:
            return "Nothing to search: an end says nothing of it"
        which = f"bad end, {bad}" if said.kernel else f"good end, {good}"
        return (f"Nothing to search: the {which}, says nothing of it: "
                + clipped(said.says, SAYS))
    return _levels(record, step, good, bad)


def _levels(record: Record, step: Step, good: str, bad: str) -> str:
    swapped = step.why == "swapped"
    if not record.is_metric:
        if swapped:
            return (f"The ends are swapped: {good}, the good one, "
                    f"{broken(record)}, and {bad}, the bad one, does not")
        if step.why == "both-bad":
            return (f"Nothing to search: the good end, {good}, "
                    f"{broken(record)} as well")
        return (f"Nothing to search: no boot of the bad end, {bad}, "
                f"{broken(record)}")
    words = change({key: _fraction(step.levels[source]) for key, source in (
        ("change", "effect"), ("low", "low"), ("high", "high"))})
    told = f", {words} after {text.plural(step.runs, 'boot')}" if words else ""
    return ("The ends are swapped: it gets better" if swapped else
            "Nothing to search: the ends do not differ enough") + (
        f": {what(record)}, from {good} to {bad}{told}")


def _fraction(logarithm: float | None) -> float | None:
    """The change that a difference of logarithms is."""
    if logarithm is None or logarithm > 700:
        return None
    return math.expm1(logarithm)
