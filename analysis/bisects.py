"""Records of bisects, lab/bisects/NAME/log.jsonl, as runner/bisect/journal.h
has them.

What is in them comes from trees and guests, and a record may have been cut by
a kill, damaged, or written by another klab: whatever is not as it should be is
left out, and said.
"""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import BadRequest
from .lines import member, number, string, whole

#: Of the setup line: a record of a later one is not read.
VERSION = 1
#: Bytes of a record; klab reads no more either.
RECORD_MAX = 256 << 20
#: Names of a bisect, and what it is called after: study_of(); and of the
#: searches that one between configs goes on with.
NAME = re.compile(r"([A-Za-z0-9._+-]+)-bisect-[0-9a-f]{8}")
PART = re.compile(rf"({NAME.pattern})-([0-9]{{1,9}})")
STUDY_NAME_MAX = 80

#: What was seen of a kernel that says something of it.
VALUE, GOOD, BAD, UNTESTABLE, INFRA = (
    "value", "good", "bad", "untestable", "infra")
#: A boot that says nothing, after which there is another one.
WEAK = "weak"
#: Seeds above are of fresh boots.
SEED_FRESH = 300_000


class Unreadable(BadRequest):
    """A record of which nothing can be said."""


class NotBegun(Unreadable):
    """A record that has no line yet."""


@dataclass
class Kernel:
    """One that the bisect may boot; all but the first have a candidate, which
    is what was added to the one before it."""

    index: int
    stage: str
    subject: str
    commit: str
    weight: float


@dataclass
class Step:
    """What the search made of all that was seen before it.

    kernel: which one it wants next, None at the end; first, last: the
    likeliest candidates, 0 if there are none; posterior: by candidate, what
    is below 0.0001 is left out; good, bad, effect, low, high, spread: of a
    metric logarithms, of a break shares, None if not known.
    """

    verdict: str
    why: str
    mode: str
    kernel: int | None
    first: int
    last: int
    probability: float
    posterior: dict[int, float]
    levels: dict[str, float | None]
    runs: int


@dataclass
class Seen:
    """One boot, or one build that says something.

    value: in the metric's unit; before: the step that asked for it; after:
    the step that followed from it, None if there is none or several were seen
    at once; fresh: it is a confirmation's that was given back to the search.
    """

    number: int
    kernel: int
    what: str
    value: float | None
    seed: int | None
    boot: str
    says: str
    wall_s: float | None
    fresh: bool
    before: Step | None = None
    after: Step | None = None


@dataclass
class Fresh:
    """A boot of a confirmation.  side: culprit and parent; tip (the bad end)
    and without (that without what was found); alone (the good end with it)
    and good."""

    side: str
    stage: str
    seed: int | None
    boot: str
    what: str
    value: float | None
    says: str


@dataclass
class Record:
    """A bisect, as far as it came.

    start: the first step, before anything was seen; confirmations: each a
    list of boots, all but the last denied what was found; result: its line,
    {} if there is none; last: the last step; refused: why there was nothing
    to search, or ''; trouble: what is wrong with the file, or ''.
    """

    name: str
    setup: dict[str, Any] = field(default_factory=dict)
    kernels: list[Kernel] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    start: Step | None = None
    last: Step | None = None
    steps: list[Step] = field(default_factory=list)
    confirmations: list[list[Fresh]] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    refused: str = ""
    trouble: str = ""

    @property
    def criterion(self) -> dict[str, Any]:
        return member(self.setup, "criterion")

    @property
    def is_metric(self) -> bool:
        return string(self.criterion, "kind") == "metric"


# ---- the files ----

def names(lab: Path) -> list[str]:
    """The bisects of a lab that have a record, the latest first."""
    found = []
    try:
        folders = list((lab / "bisects").iterdir())
    except OSError:
        return []
    for folder in folders:
        if not NAME.fullmatch(folder.name):
            continue
        try:
            found.append(((folder / "log.jsonl").stat().st_mtime_ns,
                          folder.name))
        except OSError:
            continue
    return [name for _, name in sorted(found, reverse=True)]


def study_of(name: str) -> str:
    """The first STUDY_NAME_MAX characters of the study that a bisect, or a
    part of one, is of; '' if that is no name of a bisect."""
    found = NAME.fullmatch(whole_of(name))
    return found[1] if found else ""


def whole_of(name: str) -> str:
    """The bisect that one is a part of, else itself."""
    found = PART.fullmatch(name)
    return found[1] if found else name


def of_study(lab: Path, study: str) -> list[str]:
    """The bisects of a study, the latest first."""
    return [name for name in names(lab)
            if study_of(name) == study[:STUDY_NAME_MAX]]


def is_bisect(lab: Path, name: str) -> bool:
    """Is there a record of one, or of a part of one, of that name?"""
    return bool(NAME.fullmatch(name) or PART.fullmatch(name)) and (
        path_of(lab, name).is_file())


def parts(lab: Path, name: str) -> list[str]:
    """The searches that a bisect went on with, in order."""
    try:
        found = [PART.fullmatch(path.name)
                 for path in (lab / "bisects").iterdir()]
    except OSError:
        return []
    return [one[0] for one in sorted(
        (one for one in found if one and one[1] == name
         and path_of(lab, one[0]).is_file()), key=lambda one: int(one[3]))]


def path_of(lab: Path, name: str) -> Path:
    return lab / "bisects" / name / "log.jsonl"


def ended(lab: Path, name: str) -> str:
    """When the record was last added to."""
    try:
        when = path_of(lab, name).stat().st_mtime
        return datetime.datetime.fromtimestamp(
            when, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    except (OSError, ValueError, OverflowError):
        return ""


def _raw(lab: Path, name: str) -> list[bytes]:
    """The lines of a record; one that was cut by a kill is not among them.
    Raises Unreadable."""
    path = path_of(lab, name)
    try:
        with open(path, "rb") as file:
            found = file.read(RECORD_MAX + 1)
    except OSError as error:
        raise Unreadable(f"the record '{path}' cannot be read: "
                         f"{error.strerror}") from None
    if len(found) > RECORD_MAX:
        raise Unreadable(f"the record '{path}' is larger than "
                         f"{RECORD_MAX >> 20} MiB: klab writes none that "
                         "large")
    return found.split(b"\n")[:-1]


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def read(lab: Path, name: str) -> Record:
    """A whole record.  Raises Unreadable if it has no setup."""
    lines = _raw(lab, name)
    record = _begin(lab, name, lines)
    for at, raw in enumerate(lines[1:], 2):
        line = _parse(raw)
        if line is None:
            record.trouble = (
                f"line {at} of the record is damaged: it is shown up to there")
            break
        _take(record, line)
    return record


def outline(lab: Path, name: str) -> Record:
    """A record's setup, and its last step or its result: enough to say what
    came of it.  Raises Unreadable."""
    lines = _raw(lab, name)
    record = _begin(lab, name, lines)
    for raw in reversed(lines[1:]):
        line = _parse(raw)
        if line is None:
            record.trouble = "the record is damaged"
            continue
        if string(line, "t") in ("step", "refused", "result"):
            _take(record, line)
            break
    return record


def _begin(lab: Path, name: str, lines: list[bytes]) -> Record:
    path = path_of(lab, name)
    if not lines:
        raise NotBegun(
            f"the record '{path}' is empty: the bisect was refused or "
            "interrupted before its ends were there, and the same command "
            "says why")
    setup = _parse(lines[0])
    if setup is None or setup.get("t") != "setup":
        raise Unreadable(f"the record '{path}' is damaged: its first line is "
                         "no setup of a bisect")
    version = number(setup, "version")
    if version is not None and version > VERSION:
        raise Unreadable(f"the record '{path}' is of a newer klab (version "
                         f"{version:g}, this one knows {VERSION}): use that "
                         "one")
    listed = setup.get("kernels")
    listed = listed if isinstance(listed, list) else []
    kernels = [_kernel(i, one if isinstance(one, dict) else {})
               for i, one in enumerate(listed)]
    if len(kernels) < 2:
        raise Unreadable(f"the record '{path}' is damaged: its setup names no "
                         "kernels")
    return Record(name, setup, kernels)


def _kernel(index: int, line: dict[str, Any]) -> Kernel:
    return Kernel(index, string(line, "stage") or str(index),
                  string(line, "subject"), string(line, "commit"),
                  number(line, "weight") or 0.0)


# ---- lines ----

def boot_id(line: dict[str, Any]) -> str:
    """The name of a boot, which is one of a folder as well."""
    found = string(line, "boot")
    return found if re.fullmatch("[0-9A-Za-z_-]{1,64}", found) else ""


def _take(record: Record, line: dict[str, Any]) -> None:
    """Lines of kinds that are not known are passed over."""
    kind = string(line, "t")
    if kind == "step":
        _take_step(record, _step(record, line))
    elif kind == "event":
        _take_event(record, line, string(line, "what"))
    elif kind == WEAK:
        _take_event(record, line, WEAK)
    elif kind == "confirm":
        _take_confirm(record, line)
    elif kind == "refused":
        record.refused = string(line, "says")
    elif kind == "result":
        record.result = line


def _step(record: Record, line: dict[str, Any]) -> Step:
    top = len(record.kernels) - 1
    first, last = whole(line, "first", top), whole(line, "last", top)
    if not first or not last or first > last:
        first = last = 0
    return Step(string(line, "verdict"), string(line, "why"),
                string(line, "mode"), whole(line, "kernel", top), first, last,
                number(line, "probability") or 0.0, _posterior(line, top),
                {key: number(line, key) for key in (
                    "good", "bad", "spread", "effect", "low", "high")},
                whole(line, "runs", 1 << 30) or 0)


def _posterior(line: dict[str, Any], top: int) -> dict[int, float]:
    found: dict[int, float] = {}
    listed = line.get("posterior")
    for pair in listed if isinstance(listed, list) else []:
        if isinstance(pair, list) and len(pair) == 2:
            pair = {"candidate": pair[0], "share": pair[1]}
            candidate = whole(pair, "candidate", top)
            share = number(pair, "share")
            if candidate and share is not None and 0 <= share <= 1.000001:
                found[candidate] = min(share, 1.0)
    return found


def _take_step(record: Record, step: Step) -> None:
    """A step that follows a build says more of what was seen before that."""
    record.steps.append(step)
    record.last = step
    if record.seen:
        record.seen[-1].after = step
    elif record.start is None:
        record.start = step


def _take_event(record: Record, line: dict[str, Any], what: str) -> None:
    kernel = whole(line, "kernel", len(record.kernels) - 1)
    if kernel is None or what not in (VALUE, GOOD, BAD, UNTESTABLE, INFRA,
                                      WEAK):
        return
    seed = whole(line, "seed", 1 << 31)
    fresh = seed is not None and seed > SEED_FRESH
    boot, value = boot_id(line), _value(line)
    if fresh and not boot:
        boot, value = _confirmed(record, record.kernels[kernel].stage, seed)
    record.seen.append(Seen(
        len(record.seen) + 1, kernel, what, value, seed, boot,
        string(line, "says"), number(line, "wall_s"), fresh,
        next((step for step in reversed(record.steps)
              if step.kernel == kernel), None)))


def _value(line: dict[str, Any]) -> float | None:
    """What was measured; there are no logarithms of what klab does not
    compare."""
    found = number(line, "measured")
    return found if found is not None and 1e-100 < found < 1e100 else None


def _confirmed(record: Record, stage: str,
               seed: int) -> tuple[str, float | None]:
    """Boot and value of a confirmation's boot."""
    for one in record.confirmations[-1] if record.confirmations else []:
        if (one.stage, one.seed) == (stage, seed):
            return one.boot, one.value
    return "", None


def _take_confirm(record: Record, line: dict[str, Any]) -> None:
    one = Fresh(string(line, "side"), string(line, "stage"),
                whole(line, "seed", 1 << 31), boot_id(line),
                string(line, "what"), _value(line), string(line, "says"))
    rounds = record.confirmations
    if not rounds or _given_back(record):
        rounds.append([])
    # A kill, or a failure of the lab, may have one done twice.
    rounds[-1] = [was for was in rounds[-1] if
                  (was.side, was.stage, was.seed, was.boot)
                  != (one.side, one.stage, one.seed, one.boot)] + [one]


def _given_back(record: Record) -> bool:
    """Were the boots of the last round given back to the search?"""
    boots = {one.boot for one in record.confirmations[-1] if one.boot}
    return any(one.fresh and one.boot in boots for one in record.seen)
