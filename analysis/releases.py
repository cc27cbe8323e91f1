"""Studies whose kernels are releases: their order, and what changed from one
to the next.

Kernels of a series follow from each other because a series is an order.  For
others the order is that of their versions, among kernels of one flavour: a
kernel with PREEMPT_RT is no successor of one without.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from . import load
from .effects import Effects
from .model import Judgement, Row
from .steps import Step, judge, steps

#: Fewer kernels are no history.
LEAST = 3
VERSION = re.compile(r"v?(\d{1,6}(?:\.\d{1,6})+)(?:[-~]?rc(\d{1,6}))?")
#: What stands between version and flavour: the number of an ABI, of a Debian
#: release, of commits since a tag.
PACKAGING = re.compile(
    r"^(?:[-.~+](?:\d+|deb\d+\w*|bpo\d+|g[0-9a-f]{6,40}|dirty)(?![^-.~+]))*")


@dataclass(frozen=True)
class Release:
    """One kernel: its stage, and what orders it among those of its flavour.

    order: numbers of the version, of the release candidate, and of what comes
    behind.
    """

    stage: int
    word: str
    flavour: str
    order: tuple[tuple[int, ...], int, tuple[int, ...]]


@dataclass
class History:
    """flavours: name to its releases, oldest first.  steps: judged, of all
    groups, each flavour for itself."""

    flavours: dict[str, list[Release]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        """The versions of all flavours, oldest first, as the study calls
        them; those of equal version once, by the first flavour's name."""
        found: dict[tuple, str] = {}
        for releases in self.flavours.values():
            for one in releases:
                found.setdefault(one.order, one.word)
        return [found[order] for order in sorted(found)]

    def place(self, release: Release) -> int:
        """Its place among words."""
        return sorted({one.order for releases in self.flavours.values()
                       for one in releases}).index(release.order)


def parse(stage: int, word: str, release: str | None,
          version: str | None) -> Release | None:
    """What a kernel's release (uname -r) and its package's version say; None
    if that is no version.

    A Debian kernel's release may end in .0, and only its package tells the
    point release.
    """
    found = VERSION.match(release or "")
    if found is None:
        return None
    rest = (release or "")[found.end():]
    flavour = re.sub(PACKAGING, "", rest).strip("-+.~")
    packaging = rest[:len(rest) - len(flavour)]
    behind = tuple(map(int, re.findall(r"\d{1,9}", re.sub(
        "-g[0-9a-f]+", "", packaging))))
    exact = VERSION.match(version or "")
    numbers = _numbers(found[1])
    if exact and _numbers(exact[1])[:2] == numbers[:2]:
        numbers = _numbers(exact[1])
    # A candidate comes before its release.
    candidate = found[2] or (exact[2] if exact else None)
    return Release(stage, word, flavour,
                   (numbers, int(candidate) if candidate else 1 << 30,
                    behind))


def _numbers(words: str) -> tuple[int, ...]:
    """6.1 and 6.1.0 are one version."""
    found = [int(word) for word in words.split(".")]
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)


def flavours(lab: load.Lab) -> dict[str, list[Release]]:
    """The releases of a study by flavour, oldest first; none if its kernels
    are no releases, or too few of them."""
    if lab.stages.title.notna().any():
        return {}
    words = dict(zip(lab.stages.idx, lab.stages.word))
    found: dict[int, Release] = {}
    for variant in lab.variants.itertuples():
        one = parse(int(variant.stage), str(words[variant.stage]),
                    variant.release, variant.version)
        if one is not None:
            found.setdefault(one.stage, one)
    by_flavour: dict[str, list[Release]] = {}
    for one in found.values():
        by_flavour.setdefault(one.flavour, []).append(one)
    if len(found) < LEAST or max(
            len({one.order for one in releases})
            for releases in by_flavour.values()) < 2:
        return {}
    return {name: sorted(releases, key=lambda one: (one.order, one.stage))
            for name, releases in by_flavour.items()}


def history(lab: load.Lab, judgement: Judgement, margin: float) -> History:
    """What changed from release to release, judged as the steps of a series
    are: corrected for the number of all steps, of primary metrics and of
    others."""
    found = History(flavours(lab))
    for group in judgement.groups:
        effects = Effects(group)
        rows = {row.stage: row for row in group.rows}
        for releases in found.flavours.values():
            order = [rows[one.stage] for one in releases
                     if one.stage in rows]
            found.steps += steps(effects, order)
    judge(found.steps, margin)
    return found


def line(releases: list[Release], rows: list[Row]
         ) -> list[tuple[Release, Row]]:
    """The releases with a value, oldest first."""
    known = {row.stage: row for row in rows if row.mean is not None}
    return [(one, known[one.stage]) for one in releases
            if one.stage in known]
