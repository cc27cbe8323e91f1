"""What a judgement is made of: verdicts, rows, groups.  Nothing here computes.

A group is all kernels under one config, machine, workload and metric; a row is
one kernel in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .load import Rules
from .stats import Contrast, Sample

if TYPE_CHECKING:
    from .attribution import Attribution
    from .claims import Plan
    from .drift import Drift
    from .findings import Findings
    from .latency import Tail
    from .noise import Noise

BASELINE = "baseline"
REGRESSED = "regressed"
IMPROVED = "improved"
EQUIVALENT = "equivalent"
INCONCLUSIVE = "inconclusive"
SAME = "same kernel"
NOT_APPLICABLE = "not applicable"
BROKEN = "broken"

TIMES = ("ns", "us", "ms", "s")


@dataclass(eq=False)
class Row:
    """What is known of one kernel in one group.

    values are in the metric's unit, one per boot, and the last `fresh` of them
    are of boots that repeat a claim; mean, its interval and cv (standard
    deviation / mean) are None where they would mean nothing.

    How it differs from the baseline: claimed by the boots before any fresh
    ones (p and q are of that), repeated by the fresh ones alone, whole by all;
    sample, found and again are the values behind these three.  claim is the
    side on which claimed lies beyond the margin (1: larger, -1: smaller, 0:
    neither), confirmed whether fresh boots say so too (None: not known).  It
    is noisy, and no claim, if the baseline's own boots differ as much.
    looked is after how many boots it was last looked at, weight the share of
    the error which that look may spend (1: it is the only one).

    more_boots is per kernel; inf: no number of boots would do.  coarse is the
    step in which values were rounded, if it matters.  title is the subject of
    the stage's patch, if it has one; word what the study calls the stage; twin
    an earlier stage with the same code, which has the same boots.  splats:
    boots that ran, but with findings; sick: the outcomes of those that the
    kernel failed.  limited: beyond a limit of the user's.
    waiting: a claim that fresh boots have to repeat, and have not.
    """

    stage: int
    kernel: str
    key: str | None
    planned: int
    failed: int
    values: list[float] = field(default_factory=list)
    boots: list[str] = field(default_factory=list)
    mean: float | None = None
    mean_interval: tuple[float, float] | None = None
    cv: float | None = None
    whole: Estimate | None = None
    p: float | None = None
    q: float | None = None
    verdict: str = INCONCLUSIVE
    reason: str | None = None
    more_boots: float | None = None
    sample: Sample | None = None
    lends: bool = True
    coarse: float = 0.0
    title: str | None = None
    word: str = ""
    twin: Row | None = None
    splats: int = 0
    fresh: int = 0
    found: Sample | None = None
    again: Sample | None = None
    claimed: Estimate | None = None
    claim: int = 0
    noisy: bool = False
    confirmed: bool | None = None
    repeated: Estimate | None = None
    weight: float = 1.0
    looked: int = 0
    limited: bool = False
    waiting: bool = False
    sick: list[str] = field(default_factory=list)

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def first(self) -> list[float]:
        """The values before any fresh ones."""
        return self.values[:len(self.values) - self.fresh]

    @property
    def change(self) -> float | None:
        """A fraction of the baseline (0.01 is 1 %); None if it is about 0."""
        return None if self._absolute() else self.whole.change

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of change."""
        return None if self._absolute() else self.whole.interval

    @property
    def difference(self) -> tuple[float, float, float] | None:
        """Where the baseline is about 0: the change and its interval, in the
        metric's unit."""
        if self.whole is None or not self.whole.absolute:
            return None
        return (self.whole.change, *self.whole.interval)

    @property
    def method(self) -> str | None:
        return None if self.whole is None else self.whole.method

    def _absolute(self) -> bool:
        return self.whole is None or self.whole.absolute

    @property
    def unsettled(self) -> bool:
        """Does it claim a change that fresh boots have not repeated?"""
        return self.waiting or self.confirmed is False

    @property
    def same_as(self) -> str:
        """'same kernel as 3', or the verdict alone."""
        if self.verdict == SAME and self.twin is not None:
            return f"{SAME} as {self.twin.word}"
        return self.verdict

    @property
    def full(self) -> str:
        """For a sentence: with the whole subject of its patch."""
        if not self.title:
            return self.kernel
        return f"stage {self.stage} '{self.title}'"


@dataclass
class Estimate:
    """A change with its intervals.

    Fractions of the baseline; in the metric's unit if absolute (the baseline
    is about 0).  interval is the one that the row's look at its boots earns
    (95 %, or wider), narrow that of the two one-sided tests (90 %, or wider).
    contrast None: every boot agrees, and the change is exact.
    """

    change: float
    interval: tuple[float, float]
    narrow: tuple[float, float]
    absolute: bool
    contrast: Contrast | None
    method: str


@dataclass(eq=False)
class Group:
    """All kernels under one config, machine, workload and metric.

    noise: what the baseline's boots differ by among themselves; None if they
    are too few to tell.  tail: the counts, where the metric is a rate of rare
    events.
    """

    config: str
    machine: str
    workload: str
    metric: str
    unit: str
    better: str
    primary: bool
    latency: bool
    clock: str
    accel: str = "icount"
    log: bool = True
    notes: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    base: Row | None = None
    noise: Noise | None = None
    tail: Tail | None = None

    @property
    def place(self) -> tuple[str, str, str]:
        """Where its boots run: config, machine and workload."""
        return self.config, self.machine, self.workload

    def worse(self, change: float) -> bool:
        """Is a change of that sign for the worse?"""
        return (change > 0) == (self.better == "lower")

    def works(self) -> bool:
        """Has the baseline a value here?"""
        return self.base is not None and self.base.n > 0

    def fails_more(self, row: Row) -> bool:
        """Did the kernel fail a larger share of its boots than the baseline?"""
        if row is self.base or row.verdict == BROKEN or not row.sick:
            return False
        return self.base is None or (len(row.sick) * self.base.planned
                                     > len(self.base.sick) * row.planned)


@dataclass
class Judgement:
    """The verdicts of a study against one baseline.

    rules: how the study wants its boots judged.  families: number of tests in
    the primary and in the second family.  boots: distinct boots by state:
    planned, ok, bad, lab, open.  outcomes: distinct boots by outcome, of those
    that have ended.  found: what the kernels said on their consoles.  forced:
    sentences on why these boots should not have been compared.  fresh: the
    boots that its claims still need.  attribution
    and drifts: None and empty until verdicts.judge() fills them.
    """

    study: dict[str, Any]
    base: int
    base_name: str
    groups: list[Group]
    families: dict[str, int]
    boots: dict[str, int]
    outcomes: dict[str, int]
    found: Findings
    forced: list[str] = field(default_factory=list)
    rules: Rules = field(default_factory=Rules)
    fresh: Plan | None = None
    attribution: Attribution | None = None
    drifts: list[Drift] = field(default_factory=list)

    def rows(self) -> list[tuple[Group, Row]]:
        return [(group, row) for group in self.groups for row in group.rows]

    def virtual(self) -> bool:
        """Are there times by the wall clock of a virtual machine?"""
        return any(group.clock != "exact" and group.accel != "metal"
                   and group.unit in TIMES for group in self.groups)

    def worse(self) -> bool:
        """Did anything regress, or break that worked before, or fail more of
        its boots, or does a kernel report something that is not harmless?"""
        return bool(self.found.groups) or any(
            row.verdict == REGRESSED or row.limited
            or row.verdict == BROKEN and group.works()
            or group.fails_more(row) for group, row in self.rows())
