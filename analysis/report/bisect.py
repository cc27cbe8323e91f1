"""The page of a bisect: what was found, how sure that is, and how it came
about."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import bisect_words, bisects, lines, plots, text
from ..bisect_words import clipped
from ..bisects import BAD, GOOD, INFRA, UNTESTABLE, VALUE, WEAK, Record, Seen
from ..errors import Problem
from . import bisect_facts, files, html, posterior
from .bisect_facts import Facts

#: So many patches of a range are shown.
PATCHES = 5
#: Characters of what a boot says, in a table.
SAYS = 120
#: Of what is likely, left out at either end.
TAIL = 0.025

#: Why the search wanted a boot.
WHYS = {"calibrate": "to know the end", "search": "tells most",
        "weak": "told too little", "infra": "was lost", "doubt": "in doubt"}
#: What was seen: class of the style sheet, sign, word.
SIGHTS = {GOOD: ("good", "\u25cb", "good"), BAD: ("bad", "\u25cf", "bad"),
          UNTESTABLE: ("untestable", "\u00d7", "cannot be tested"),
          INFRA: ("infra", "!", "lost by the lab"),
          WEAK: ("weak", "~", "says nothing"),
          VALUE: ("value", "\u25c7", "between the ends")}

# ---- writing ----

def write(db: str | Path, lab: str | Path, name: str) -> Path:
    """Write a bisect's page, reports/NAME/index.html, and those of the
    searches that it went on with; the path of the first.

    Published by rename.  Raises BadRequest if nothing can be said of its
    record, and CannotWork.
    """
    for part in bisects.parts(Path(lab), name):
        _write(db, Path(lab), part)
    return _write(db, Path(lab), name)


def _write(db: str | Path, lab: Path, name: str) -> Path:
    record = bisects.read(lab, name)
    path = lab / "reports" / name / "index.html"
    html.publish(path, render(record, bisect_facts.read(db, record), lab))
    return path


def render(record: Record, known: Facts, lab: Path) -> str:
    """The page as text."""
    told = bisect_words.outcome(record)
    sights = _sights(record)
    judged = {number: sight[0] for number, sight in sights.items()}
    code = html.script("page")
    figure = _values(record, known)
    return html.environment().get_template("bisect.html.j2").render(
        style=html.style("page", "index", "plots", "run", "bisect"),
        script=code, policy=html.policy(code), record=record,
        name=record.name, told=told, nouns=bisect_words.nouns(record),
        facts=_facts(record, known, lab), picture=posterior.picture(
            record, judged),
        sights=[sight for sight in SIGHTS.values()
                if sight[0] in judged.values()],
        order=_order(record, known, lab, sights), figure=figure,
        cost=bisect_facts.cost(record, known),
        rounds=_rounds(record, known, lab),
        confirmation=[one for one in (
            bisect_words.confirmation_words(record),
            bisect_words.undo_words(record)) if one],
        patches=_patches(record, lab), commands=_commands(record, lab),
        log=files.link(lab, f"bisects/{record.name}/log.jsonl"),
        parts=_parts(record, lab), generated=html.now())


# ---- facts ----

def _facts(record: Record, known: Facts, lab: Path) -> list[dict[str, str]]:
    setup = record.setup
    one, many = bisect_words.nouns(record)
    good, bad = bisect_words.ends(record)
    study = _study(record, lab)
    clock = {"exact": "exact clock"}.get(known.clock, "" if not known.clock
                                         else f"wall clock, {known.accel}")
    machine = lines.string(setup, "machine")
    modes = list(dict.fromkeys(step.mode for step in record.steps))
    of = bisects.whole_of(record.name)
    pairs = [
        ("Part of", of if of != record.name else "",
         f"../{quote(of, safe='')}/index.html"),
        ("Study", study["name"], study["href"]),
        ("Looked for", bisect_words.what(record), ""),
        ("Config", bisect_words.config(record), ""),
        ("Machine", f"{machine}, {clock}" if clock else machine, ""),
        ("Good end", good, ""), ("Bad end", bad, ""),
        ("Candidates", text.plural(len(record.kernels) - 1, one, many), ""),
        ("Search", {("exact",): "halving", ("noisy",): "by probability",
                    ("exact", "noisy"): "halving, then by probability: the "
                    "boots contradicted plain halving"}.get(tuple(modes), ""),
         ""),
        ("Ended" if record.result or record.refused else "So far",
         bisects.ended(lab, record.name), "")]
    return [{"term": term, "words": clipped(words, 3 * SAYS), "href": href}
            for term, words, href in pairs if words]


def _study(record: Record, lab: Path) -> dict[str, str]:
    """What the study is called, and the link to its report, if it is there."""
    name = bisects.study_of(record.name)
    page = f"reports/{name}/index.html"
    there = name not in ("", ".", "..") and "/" not in name and files.below(
        lab, page)
    path = lines.string(record.setup, "study")
    return {"name": f"{name} ({path})" if path else name,
            "href": f"../{quote(name, safe='')}/index.html" if there else ""}


# ---- what was seen ----

def _sights(record: Record) -> dict[int, tuple[str, str, str]]:
    """How each boot is to be judged, by its number: a value goes with the end
    whose level it is near."""
    levels = record.last.levels if record.last else {}
    good, bad = levels.get("good"), levels.get("bad")
    found = {}
    for one in record.seen:
        found[one.number] = SIGHTS[one.what]
        if one.what != VALUE or one.value is None or one.value <= 0 or (
                good is None or bad is None or good == bad):
            continue
        # From 0, the good level, to 1, the bad one.
        place = (math.log(one.value) - good) / (bad - good)
        if place < 0.25 or place > 0.75:
            sign = SIGHTS[BAD if place > 0.5 else GOOD]
            found[one.number] = (sign[0], sign[1], f"like the {sign[2]} end")
    return found


def _scale(record: Record, known: Facts) -> text.Scale:
    values = [one.value for one in record.seen] + [
        one.value for part in record.confirmations for one in part]
    return text.Scale(lines.string(record.criterion, "unit"), values,
                      known.clock == "exact")


def _order(record: Record, known: Facts, lab: Path,
           sights: dict[int, tuple[str, str, str]]) -> list[dict[str, Any]]:
    """One row per boot, or per build where builds decide."""
    scale = _scale(record, known)
    begun: set[int] = set()
    said: dict[str, int] = {}
    made = []
    for one in record.seen:
        kernel = record.kernels[one.kernel]
        first = one.kernel not in begun
        begun.add(one.kernel)
        # What a base is is no subject.
        subject = kernel.subject if one.kernel else ""
        made.append({
            "number": one.number, "sight": sights[one.number],
            "kernel": clipped(kernel.stage, SAYS),
            "subject": clipped(subject, SAYS),
            "commit": text.plain(kernel.commit[:12])
            if _is_range(record) else "",
            "build": _build(record, known, one) if first else "",
            "seed": one.seed, "boot": text.plain(one.boot),
            "fresh": one.fresh,
            "value": f"{scale.show(one.value)} {scale.unit}"
            if one.value is not None else "",
            "says": clipped(one.says, SAYS), "whole": text.plain(one.says),
            "as": said.get(one.says) if one.says else None,
            "why": _why(record, one), "likely": _likeliest(record, one),
            "left": _left(record, one),
            "wall": _wall(one.wall_s, known, one.boot),
            "console": files.console(lab, one.boot) if one.boot else "",
            "repeat": f"klab reproduce {shlex.quote(one.boot)}"
            if one.boot else ""})
        said.setdefault(one.says, one.number)
    return made


def _is_range(record: Record) -> bool:
    """Are the candidates commits of the user's own?"""
    return record.setup.get("range") is True


def _why(record: Record, one: Seen) -> str:
    if one.fresh:
        return "denied what was found"
    if one.before is None:
        return ""
    return WHYS.get(one.before.why, text.plain(one.before.why))


def _build(record: Record, known: Facts, one: Seen) -> str:
    """Of the first boot of a kernel: was it built for that?"""
    built = known.builds.get(_index(record, one.kernel))
    if built is None or built["state"] == "none":
        return ""
    if built["state"] == "broken":
        return "does not build"
    if built["wall_ms"] is None:
        return "already there"
    return f"built in {text.duration(built['wall_ms'])}"


def _index(record: Record, kernel: int) -> int:
    """The number of a kernel's stage in the study."""
    listed = record.setup["kernels"][kernel]
    found = lines.whole(listed, "idx", 1 << 31) if isinstance(
        listed, dict) else None
    return kernel if found is None else found


def _wall(seconds: float | None, known: Facts, boot: str) -> str:
    if seconds is None and known.boots.get(boot, {}).get("wall_ms"):
        seconds = known.boots[boot]["wall_ms"] / 1000
    return "" if seconds is None else text.duration(1000 * seconds)


def _likeliest(record: Record, one: Seen) -> str:
    """'7: 50.0 %', '3 to 5: 33.3 %'."""
    step = one.after
    if step is None or not step.first:
        return ""
    first, last = (clipped(record.kernels[at].stage, 40)
                   for at in (step.first, step.last))
    words = first if step.first == step.last else f"{first} to {last}"
    return f"{words}: {bisect_words.chance(step.probability)}"


def _left(record: Record, one: Seen) -> str:
    """'3 to 5': where it is in 95 of 100 cases; '' if that is one place."""
    if one.after is None or not one.after.first:
        return ""
    shares = sorted(one.after.posterior.items())
    tail = TAIL * sum(share for _, share in shares)
    ends = []
    for way in (shares, reversed(shares)):
        gone = 0.0
        for at, share in way:
            gone += share
            if gone > tail:
                ends.append(at)
                break
    if len(ends) < 2 or ends[0] == ends[1]:
        return ""
    return " to ".join(clipped(record.kernels[at].stage, 40) for at in ends)


# ---- the values ----

def _values(record: Record, known: Facts) -> dict[str, Any] | None:
    """The plot of a metric: every boot's value of each kernel that was
    booted, and the level that it is thought to have."""
    if not record.is_metric or record.last is None:
        return None
    scale = _scale(record, known)
    found: dict[str, list[float]] = {}
    order: dict[str, tuple[float, str]] = {}
    for one in record.seen:
        if one.value is not None and not one.fresh:
            kernel = record.kernels[one.kernel]
            found.setdefault(kernel.stage, []).append(one.value)
            order[kernel.stage] = (one.kernel, "")
    _add_fresh(record, found, order)
    if not found:
        return None
    levels = _level(record)
    rows = [{"title": text.plain(stage),
             "values": [value * scale.factor for value in found[stage]],
             "mean": levels(order[stage][0], found[stage]) * scale.factor,
             "interval": None,
             "note": text.plain(order[stage][1])
             or f"{len(found[stage])}"}
            for stage in sorted(found, key=lambda one: order[one])]
    good = levels(0, found.get(record.kernels[0].stage, [math.nan]))
    title = bisect_words.metric(record)
    plot = plots.points(
        "values", f"{title}: every boot's value of each kernel, and the level "
        "that it is thought to have", rows,
        base=good * scale.factor if math.isfinite(good) else None,
        margin=lines.number(record.criterion, "min_effect") or 0.0)
    drawn = plots.draw([plot])
    return {"title": title, "unit": scale.unit,
            "svg": html.markup(drawn["values"])}


def _add_fresh(record: Record, values: dict[str, list[float]],
               order: dict[str, tuple[float, str]]) -> None:
    """Values of confirmations; the bad end without what was found comes
    last."""
    index = {kernel.stage: kernel.index for kernel in record.kernels}
    told = set()
    for one in (one for part in record.confirmations for one in part):
        if one.value is None or (one.stage, one.boot) in told:
            continue
        told.add((one.stage, one.boot))
        values.setdefault(one.stage, []).append(one.value)
        order.setdefault(one.stage, (index.get(
            one.stage, len(record.kernels)), ""))


def _level(record: Record) -> Any:
    """A function from kernel and its values to its level: that of its side
    where there is one step, else its own mean."""
    step = record.last
    good, bad = step.levels["good"], step.levels["bad"]
    one_step = step.verdict in ("found", "range") and bool(step.first) and (
        good is not None and bad is not None and max(good, bad) < 700)

    def level(kernel: float, values: list[float]) -> float:
        inside = kernel < len(record.kernels)
        if one_step and inside and (kernel < step.first
                                    or kernel >= step.last):
            return math.exp(good if kernel < step.first else bad)
        return sum(values) / len(values)

    return level


# ---- confirmation, patches, commands ----

SIDES = {"culprit": "with it", "parent": "without it",
         "tip": "the bad end", "without": "the bad end without it",
         "alone": "the good end with it", "good": "the good end"}


def _rounds(record: Record, known: Facts,
            lab: Path) -> list[list[dict[str, Any]]]:
    """The boots of each confirmation."""
    scale = _scale(record, known)
    return [[{
        "side": SIDES.get(one.side, text.plain(one.side)),
        "boot": text.plain(one.boot),
        "stage": clipped(one.stage, SAYS), "seed": one.seed,
        "sight": SIGHTS[VALUE][:2] + ("",) if one.what == VALUE
        else SIGHTS.get(one.what, ("", "", text.plain(one.what))),
        "value": f"{scale.show(one.value)} {scale.unit}"
        if one.value is not None else "",
        "says": clipped(one.says, SAYS), "whole": text.plain(one.says),
        "as": None,
        "console": files.console(lab, one.boot) if one.boot else "",
        "repeat": f"klab reproduce {shlex.quote(one.boot)}"
        if one.boot else ""} for one in part] for part in record.confirmations]


def _patches(record: Record, lab: Path) -> dict[str, Any]:
    """The patches that are to blame, those that git has."""
    told = bisect_words.likely(record)
    verdict = lines.string(record.result, "verdict")
    if told is None or verdict not in ("found", "range") or (
            bisect_words.is_config(record)):
        return {"shown": [], "more": 0}
    blamed = record.kernels[told[0]:told[1] + 1]
    shown = []
    for kernel in blamed[:PATCHES]:
        words, cut = files.patch(lab, kernel.commit)
        if words:
            shown.append({"id": f"patch-{kernel.index}", "text": words,
                          "cut": cut, "name": bisect_words.candidate(
                              record, kernel.index)})
    return {"shown": shown, "more": len(blamed[PATCHES:])}


def _parts(record: Record, lab: Path) -> list[dict[str, Any]]:
    """The searches that it went on with."""
    found = []
    for name in bisects.parts(lab, record.name):
        try:
            clauses = bisect_words.outcome(bisects.outline(lab, name)).clauses
        except Problem as error:
            clauses = [str(error)]
        found.append({"name": name, "clauses": clauses,
                      "href": f"../{quote(name, safe='')}/index.html"})
    return found


def _commands(record: Record, lab: Path) -> list[tuple[str, str]]:
    """Pairs of what a command does and the command."""
    path = bisects.path_of(lab, record.name)
    git = path.parent / "git-bisect.log"
    study = lines.string(record.setup, "study")
    pairs = [("goes through the record again, without a kernel",
              f"klab bisect --replay {shlex.quote(str(path))}")]
    if study:
        pairs.append(("prints the record of the study's latest bisect",
                      f"klab bisect {shlex.quote(study)} --log"))
    if git.is_file():
        pairs.append(("tells git, in the source's repository",
                      f"git bisect replay {shlex.quote(str(git))}"))
    pairs.append(("drops it, with its boots and its record",
                  f"klab gc --forget {shlex.quote(record.name)}"))
    return pairs
