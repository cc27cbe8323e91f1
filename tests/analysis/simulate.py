"""Studies of known truth, made as the frames that load.load() would give, and
taken through the rounds as `klab run` does: judge, ask for boots, add them
from the same truth, until none is wanted.

Values are those of a time around 1 s: exp(sd * (effect + noise)), where noise
has the variance 1 over boots, so that an effect of 3 is three standard
deviations over boots ("d = 3").
"""

from __future__ import annotations

import collections
import contextlib
import functools
import itertools
import math
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator
from unittest import mock

import numpy as np
import pandas as pd

from analysis import (findings, gate, latency, load, model, rounds,
                      verdicts)

#: More rounds than the most careful schedule has.
ROUNDS = 40
#: Where the seeds of each role start; see runner/lab/schema-5.sql.
FIRST = {"sample": 0, "aa": 100_000, "confirm": 200_000}
WORLD = 1e9

Noise = Callable[[np.random.Generator, int], np.ndarray]


class Frame(pd.DataFrame):
    """A frame that gives its rows ten times as fast as pandas does: half of
    the time of judging a small study goes there."""

    @property
    def _constructor(self) -> type[Frame]:
        return Frame

    def itertuples(self, index: bool = True, name: str | None = "Pandas"
                   ) -> Iterator[Any]:
        kind = _tuple(tuple(self.columns))
        yield from map(kind._make, zip(
            self.index, *(self[column].tolist() for column in self.columns)))


@functools.lru_cache(maxsize=None)
def _tuple(columns: tuple[str, ...]) -> Any:
    return collections.namedtuple("Pandas", ("Index", *columns))


def normal(rng: np.random.Generator, boots: int) -> np.ndarray:
    """What the tests are made for."""
    return rng.normal(size=boots)


def bimodal(rng: np.random.Generator, boots: int) -> np.ndarray:
    """Two modes, one boot in three in the upper one: a kernel that now and
    then lays out its memory in another way.  They are 2 sd apart, which is 6
    times the sd within each.  Variance 1."""
    apart, part = 2.0, 1 / 3
    inner = math.sqrt(1 - apart ** 2 * part * (1 - part))
    upper = rng.random(boots) < part
    return apart * (upper - part) + inner * rng.normal(size=boots)


def outliers(rng: np.random.Generator, boots: int) -> np.ndarray:
    """Student's t with 3 degrees of freedom, over its sd: heavy tails on both
    sides.  Variance 1."""
    return rng.standard_t(3, size=boots) / math.sqrt(3)


def spikes(rng: np.random.Generator, boots: int) -> np.ndarray:
    """One boot in ten is disturbed and takes longer, by an exponential amount
    of mean 4.  Variance 1 after the division."""
    hit = rng.random(boots) < 0.1
    late = hit * rng.exponential(4, size=boots)
    return (late - 0.4 + rng.normal(size=boots)) / math.sqrt(
        1 + 0.1 * 2 * 16 - 0.16)


def exact(rng: np.random.Generator, boots: int) -> np.ndarray:
    """Two values and nothing between: a count that is the same in every boot
    but for a choice the kernel makes by the seed.  Variance 1."""
    return np.sign(rng.random(boots) - 0.5)


@dataclass(frozen=True)
class Truth:
    """What is so, and how the study asks.

    stages, workloads  the matrix; stage 0 is the baseline
    effects            (stage, workload) to its change, in sd over boots
    sd                 standard deviation over boots, as a fraction
    spreads            stage to the factor of its sd
    noise              of one boot, variance 1
    iterations         values inside a boot, of which klab takes the mean
    between            share of the variance that is per boot; the rest is
                       inside
    drift              change from the first to the last planned boot, in sd
    lost               share of the boots that fail
    clock              exact or wall; a study on the wall clock runs in
                       randomised blocks
    least, most, until the study's boots
    """

    stages: int = 8
    workloads: int = 2
    effects: tuple[tuple[tuple[int, int], float], ...] = ()
    sd: float = 0.01
    spreads: tuple[tuple[int, float], ...] = ()
    noise: Noise = normal
    iterations: int = 1
    between: float = 1.0
    drift: float = 0.0
    lost: float = 0.0
    clock: str = "exact"
    least: int = 5
    most: int = 5
    until: float | None = None
    min_effect: float = 0.0
    confirm: bool = True
    budget: int | None = None
    aa: int = 0

    @property
    def planned(self) -> int:
        """Boots that are planned from the start, without A/A."""
        return self.stages * self.workloads * self.least

    def rules(self) -> load.Rules:
        """As the study file would say it."""
        budget = (max(self.planned // 2, 2 * self.least)
                  if self.budget is None else self.budget)
        return load.Rules(min=self.least, max=self.most, until=self.until,
                          confirm=self.confirm,
                          budget=budget if self.confirm else 0, aa=self.aa)


@dataclass
class Boot:
    """One boot of a simulated lab: what it measured, None if it failed, and
    the values inside it."""

    stage: int
    workload: int
    seed: int
    role: str
    at: int
    value: float | None
    inner: np.ndarray = field(repr=False, default_factory=lambda: np.empty(0))


class Study:
    """One study that runs.  Everything follows from the truth and the seed."""

    def __init__(self, truth: Truth, seed: int):
        self.truth = truth
        self.rng = np.random.default_rng(seed)
        self.effects = dict(truth.effects)
        self.spreads = dict(truth.spreads)
        self.boots: list[Boot] = []
        self.rounds = 0
        plan = [(stage, load_, number, "sample")
                for number in range(1, truth.least + 1)
                for stage in range(truth.stages)
                for load_ in range(truth.workloads)]
        plan += [(0, load_, number, "aa")
                 for number in range(1, truth.aa + 1)
                 for load_ in range(truth.workloads)]
        self._boot(plan)

    def _boot(self, plan: list[tuple[int, int, int, str]]) -> None:
        """Run boots (stage, workload, number, role), in blocks of one number
        each, shuffled where the clock is the wall's."""
        truth, order = self.truth, []
        for _, block in itertools.groupby(
                sorted(plan, key=lambda one: (one[3] != "sample", one[2])),
                key=lambda one: (one[3], one[2])):
            some = list(block)
            if truth.clock != "exact":
                self.rng.shuffle(some)
            order += some
        noise = truth.noise(self.rng, len(order))
        lost = self.rng.random(len(order)) < truth.lost
        for i, (stage, workload, number, role) in enumerate(order):
            at = len(self.boots)
            drift = truth.drift * at / max(truth.planned - 1, 1)
            level = self.effects.get((stage, workload), 0.0) + drift
            inner = self._inner(noise[i] * self.spreads.get(stage, 1.0), level)
            self.boots.append(Boot(
                stage, workload, FIRST[role] + number, role, at,
                None if lost[i] else float(np.mean(inner)), inner))

    def _inner(self, noise: float, level: float) -> np.ndarray:
        """The values inside one boot; their mean has the variance 1."""
        truth = self.truth
        if truth.iterations == 1:
            return WORLD * np.exp(np.array([truth.sd * (level + noise)]))
        inside = self.rng.normal(size=truth.iterations)
        total = math.sqrt(truth.between
                          + (1 - truth.between) / truth.iterations)
        values = (math.sqrt(truth.between) * noise
                  + math.sqrt(1 - truth.between) * inside) / total
        return WORLD * np.exp(truth.sd * (level + values))

    def extend(self, wishes: list[Any]) -> int:
        """Run what is asked for; how many boots are new."""
        known = {(boot.stage, boot.workload, boot.seed) for boot in self.boots}
        plan = []
        for one in wishes:
            workload = int(str(one.workload).removeprefix("w"))
            for seed in range(one.first, one.last + 1):
                if (one.stage, workload, seed) not in known:
                    plan.append((int(one.stage), workload,
                                 seed - FIRST[one.role], one.role))
        self._boot(plan)
        return len(plan)

    def run(self) -> model.Judgement:
        """All rounds; the verdicts that count."""
        for self.rounds in range(ROUNDS):
            lab = self.lab()
            judgement = verdicts.decide(lab)
            if not self.extend(rounds.next_boots(judgement)[0]):
                return judgement
        raise AssertionError(f"no end after {ROUNDS} rounds")

    def once(self) -> model.Judgement:
        """The verdicts on the planned boots, with no rounds after them."""
        return verdicts.decide(self.lab())

    def values(self, stage: int, workload: int, *,
               inner: bool = False) -> np.ndarray:
        """Of the planned boots of one kernel that ended well: one value each,
        or those inside them one after the other."""
        found = [boot for boot in self.boots
                 if (boot.stage, boot.workload, boot.role, boot.value is None)
                 == (stage, workload, "sample", False)]
        if inner:
            return np.concatenate([boot.inner for boot in found] or
                                  [np.empty(0)])
        return np.array([boot.value for boot in found])

    def lab(self) -> load.Lab:
        """The study as load.load() would give it now."""
        truth = self.truth
        return frames(self.boots, truth.rules(), stages=truth.stages,
                      workloads=truth.workloads, clock=truth.clock,
                      min_effect=truth.min_effect)


def frames(boots: list[Boot], rules: load.Rules, *, stages: int,
           workloads: int = 1, clock: str = "exact", min_effect: float = 0.0,
           unit: str = "ns", better: str = "lower") -> load.Lab:
    """These boots as load.load() would give them: one config, one machine, one
    primary metric for each workload, every stage a kernel of its own."""
    rows = [(boot.stage, "default", "box", f"w{boot.workload}", boot.seed,
             boot.role, f"k{boot.stage}-w{boot.workload}-{boot.seed}",
             *(GOOD if boot.value is not None else BAD), None,
             _clock(boot.at), 4000, 10 ** 9)
            for boot in sorted(boots, key=lambda b: (b.role, b.at))]
    cells = Frame(rows, columns=CELLS, dtype=object)
    fine = [boot for boot in sorted(boots, key=lambda b: (b.role, b.at))
            if boot.value is not None]
    samples = Frame(
        [(*row[:4], "time", *row[4:7]) for row in rows if row[7] == "ok"],
        columns=SAMPLES, dtype=object)
    samples["value"] = np.array([boot.value for boot in fine], dtype=float)
    study = {"name": "simulated", "path": "s.yaml", "text": "", "baseline": 0,
             "min_effect": min_effect, "updated": "", "judged": None}
    return load.Lab(study=study, cells=cells, samples=samples, rules=rules,
                    **_fixed(stages, workloads, clock, unit, better))


CELLS = ("stage", "config", "machine", "workload", "seed", "role", "boot",
         "state", "outcome", "detail", "reason", "excerpt", "started",
         "wall_ms", "guest_ns")
SAMPLES = ("stage", "config", "machine", "workload", "metric", "seed", "role",
           "boot")
#: state, outcome, detail, reason
GOOD = ("ok", "ok", "ok", None)
BAD = ("bad", "panic", "panic", "panic")


@functools.lru_cache(maxsize=None)
def _clock(at: int) -> str:
    """When the boot with this number started: five seconds apart."""
    seconds = 5 * at
    return (f"2026-01-{1 + seconds // 86400:02}T{seconds // 3600 % 24:02}:"
            f"{seconds // 60 % 60:02}:{seconds % 60:02}Z")


@functools.lru_cache(maxsize=None)
def _fixed(stages: int, workloads: int, clock: str, unit: str,
           better: str) -> dict[str, Any]:
    """The frames that do not depend on what was measured."""
    names = [str(i) for i in range(stages)]
    loads = [f"w{i}" for i in range(workloads)]
    nothing = [None] * stages
    empty = functools.partial(Frame, dtype=object)
    return {
        "stages": empty({"idx": range(stages), "word": names, "title": nothing,
                         "name": names, "request": names}),
        "configs": empty({"name": ["default"], "request": ["default"]}),
        "variants": empty({
            "stage": range(stages), "config": ["default"] * stages,
            "state": ["ready"] * stages, "key": [f"k{n}" for n in names],
            "kernel_key": [f"k{n}" for n in names], "error": nothing,
            "errors": [[] for _ in names], "log": nothing,
            "wall_ms": nothing, "release": names, "banner": names,
            "source": nothing, "package": nothing, "version": nothing,
            "sha256": nothing, "identity": nothing}),
        "machines": empty({"name": ["box"], "clock": [clock],
                           "accel": ["icount" if clock == "exact" else "kvm"],
                           "vcpus": [1], "memory_mib": [512],
                           "metronome_us": [0]}),
        "metrics": empty({"workload": loads, "name": ["time"] * workloads,
                          "unit": [unit] * workloads,
                          "better": [better] * workloads,
                          "is_primary": [1] * workloads,
                          "is_latency": [0] * workloads}),
        "counts": empty({name: [] for name in (
            "boot", "metric", "cpu", "limit_us", "counts", "overflow")}),
        "findings": empty({name: [] for name in (
            "stage", "config", "machine", "workload", "seed", "boot", "idx",
            "kind", "signature", "function", "offset", "line", "detail",
            "count", "is_fatal", "is_consequence", "harmless", "excerpt")}),
    }


def called(judgement: model.Judgement) -> dict[tuple[int, int], str]:
    """(stage, workload) to its verdict."""
    return {(row.stage, int(group.workload.removeprefix("w"))): row.verdict
            for group, row in judgement.rows()}


def studies(truth: Truth, count: int, seed: int) -> Iterator[Study]:
    """So many studies of one truth; the same ones for the same seed."""
    with _lean(truth):
        yield from _studies(truth, count, seed)


@contextlib.contextmanager
def _lean(truth: Truth) -> Iterator[None]:
    """What reads consoles, histograms and fingerprints finds none here, and
    takes half of the time to find that: it is asked once."""
    lab = Study(truth, 0).lab()
    with contextlib.ExitStack() as stack:
        for module, name in ((findings, "group"), (gate, "check"),
                             (latency, "derive")):
            nothing = getattr(module, name)(lab, 0)
            stack.enter_context(mock.patch.object(
                module, name, lambda *_, nothing=nothing: nothing))
        yield


def _studies(truth: Truth, count: int, seed: int) -> Iterator[Study]:
    for one in np.random.SeedSequence(seed).generate_state(count, np.uint64):
        yield Study(truth, int(one))
