"""What is simulated, and what a rate must be: used by test_rates.py in `make
check` and, with more studies, by tests/bench/rates.py, which prints the tables
of docs/statistics.md.

A rate is measured over studies (alarms) or over true changes (power):

claims    a study in which something that did not change is claimed to have, by
          the planned boots alone: what `confirm: no` would report
alarms    a study in which something is called regressed or improved that is
          not, after all rounds
found     a true change is called what it is, after all rounds
claimed   a true change is claimed, by the planned boots alone
test      a true change has p < 1 %, alone, without the correction for the
          number of comparisons
equal     a true change is called equivalent
covered   the 95 % interval of a kernel holds its true change
warned    a study on a wall clock that drifts is warned of; false warning: one
          that does not
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Callable, Iterable

import numpy as np

import rivals
import simulate
from analysis import drift
from analysis.model import EQUIVALENT, IMPROVED, REGRESSED
from simulate import Study, Truth

#: What a study may have of false alarms, as docs/statistics.md promises.
ALARMS = 0.05
#: The Monte-Carlo interval of a rate.
LEVEL = 0.95


@dataclass(frozen=True)
class Goal:
    """What one rate of a scenario should be: at most `rate` for the false
    alarms, at least for the others; None is no goal, only a figure."""

    what: str
    rate: float | None = None

    @property
    def most(self) -> bool:
        return self.what in ("claims", "alarms", "equal", "false warning")


@dataclass(frozen=True)
class Scenario:
    name: str
    truth: Truth
    goals: tuple[Goal, ...] = (Goal("claims", ALARMS), Goal("alarms", ALARMS))


@dataclass
class Count:
    """How often, and how many boots a study took on the average."""

    hits: Counter[str] = field(default_factory=Counter)
    of: Counter[str] = field(default_factory=Counter)
    boots: int = 0
    planned: int = 0
    studies: int = 0

    def add(self, what: str, hit: bool) -> None:
        self.hits[what] += int(hit)
        self.of[what] += 1

    def merge(self, other: Count) -> None:
        self.hits += other.hits
        self.of += other.of
        self.boots += other.boots
        self.planned += other.planned
        self.studies += other.studies

    def rate(self, what: str) -> float:
        return self.hits[what] / self.of[what] if self.of[what] else math.nan

    def interval(self, what: str, level: float = LEVEL
                 ) -> tuple[float, float]:
        """Clopper and Pearson's, exact (Biometrika 26, 1934)."""
        from statsmodels.stats.proportion import proportion_confint
        low, high = proportion_confint(self.hits[what], self.of[what],
                                       1 - level, method="beta")
        return float(np.nan_to_num(low)), float(np.nan_to_num(high, nan=1.0))

    def met(self, goal: Goal) -> bool | None:
        """Is the goal met, by the rate as it came out?"""
        if goal.rate is None:
            return None
        rate = self.rate(goal.what)
        return rate <= goal.rate if goal.most else rate >= goal.rate

    def misses(self, goal: Goal, level: float = 0.99) -> bool:
        """Does the goal lie beyond the interval: is it missed for sure?"""
        low, high = self.interval(goal.what, level)
        if goal.rate is None:
            return False
        return low > goal.rate if goal.most else high < goal.rate


def count(truth: Truth, number: int, seed: int) -> Count:
    """Run so many studies of one truth."""
    found = Count()
    for study in simulate.studies(truth, number, seed):
        tally(found, study)
    return found


def tally(found: Count, study: Study) -> None:
    """Run one study to its end and count what came of it."""
    judgement = study.run()
    claims = alarms = False
    for group, row in judgement.rows():
        effect = study.effects.get(
            (row.stage, int(group.workload.removeprefix("w"))), 0.0)
        right = (int(effect > 0) - int(effect < 0)) or None
        said = int(row.verdict == REGRESSED) - int(row.verdict == IMPROVED)
        claims |= row.claim not in (0, right)
        alarms |= said not in (0, right)
        if right:
            found.add("found", said == right)
            found.add("claimed", row.claim == right)
            found.add("test", row.p is not None and row.p < 0.01)
            found.add("equal", row.verdict == EQUIVALENT)
        if row.interval is not None:
            low, high = row.interval
            found.add("covered",
                      low <= math.expm1(study.truth.sd * effect) <= high)
    if study.truth.clock != "exact":
        found.add("warned" if study.truth.drift else "false warning",
                  bool(drift.check(study.lab())))
    found.add("claims", claims)
    found.add("alarms", alarms)
    found.studies += 1
    found.boots += len(study.boots)
    found.planned += study.truth.planned + (study.truth.aa
                                            * study.truth.workloads)


def seed_of(name: str) -> int:
    """The same numbers for a scenario, whatever else is simulated."""
    return zlib.crc32(name.encode())


def small(one: Scenario) -> Scenario:
    """The same with six kernels and one workload: a third of the time."""
    return replace(one, name=one.name.replace("8 stages", "6 stages"),
                   truth=replace(one.truth, stages=6, workloads=1))


def head(some: list[Scenario]) -> str:
    """The head of the table of some scenarios: a column for each rate, with
    its goal."""
    cells = []
    for what, goal in _columns(some).items():
        sign = "at most" if goal.most else "at least"
        cells.append(what if goal.rate is None
                     else f"{what}, {sign} {100 * goal.rate:g} %")
    return (f"| scenario | {' | '.join(cells)} | boots a study |\n"
            + "|---" * (len(cells) + 2) + "|")


def line(some: list[Scenario], scenario: Scenario, found: Count) -> str:
    """A line of it: each rate with its interval, and what is not met."""
    goals = {goal.what: goal for goal in scenario.goals}
    cells = [cell(goals[what], found) if what in goals else "-"
             for what in _columns(some)]
    return (f"| {scenario.name} | {' | '.join(cells)} "
            f"| {found.boots / found.studies:.0f} |")


def cell(goal: Goal, found: Count) -> str:
    """'4.8 % (3.1 to 7.0) met'."""
    low, high = found.interval(goal.what)
    word = {None: "", True: " met", False: " **not met**"}[found.met(goal)]
    if word == " **not met**" and not found.misses(goal, LEVEL):
        word = " not met, within the error"
    return (f"{100 * found.rate(goal.what):.1f} % ({100 * low:.1f} to "
            f"{100 * high:.1f}){word}")


def _columns(some: list[Scenario]) -> dict[str, Goal]:
    found: dict[str, Goal] = {}
    for scenario in some:
        for goal in scenario.goals:
            if found.setdefault(goal.what, goal).rate is None:
                found[goal.what] = goal
    return found


def one(d: float) -> tuple[tuple[tuple[int, int], float], ...]:
    """Stage 3 is slower under the first workload, and nothing else."""
    return (((3, 0), d),)


POWER = (Goal("claims", ALARMS), Goal("alarms", ALARMS), Goal("claimed"),
         Goal("found"))
FIVE = Truth(stages=8, workloads=2)
#: At a spread of 1 % an interval that narrow takes 8 to 13 boots.
ADAPTIVE = replace(FIVE, least=3, most=20, until=0.01)


def no_effect() -> list[Scenario]:
    """Nothing has changed."""
    return [Scenario(f"no effect: {stages} stages, {boots} boots",
                     Truth(stages=stages, workloads=2, least=boots,
                           most=boots))
            for stages in (4, 10, 36) for boots in (3, 5, 8)]


def one_effect() -> list[Scenario]:
    """One stage of eight is slower; the yardstick of one test is that of ten
    kernels that share their variance."""
    found = [Scenario(
        "one test at 1 %: 10 stages, 5 boots, d = 3",
        Truth(stages=10, workloads=1, effects=one(3)),
        (Goal("test", 0.98), Goal("claimed"), Goal("found")))]
    for margin in (0.0, 0.01):
        found += [Scenario(
            f"d = {d}: 8 stages, 5 boots, min_effect {100 * margin:g} %",
            replace(FIVE, effects=one(d), min_effect=margin), POWER)
            for d in (1, 2, 3, 5)]
    found += [
        Scenario("d = 3 from stage 3 on: 8 stages, 5 boots", replace(
            FIVE, effects=tuple(((i, 0), 3.0) for i in range(3, 8))), POWER),
        Scenario("d = 5: 8 stages, 3 boots", replace(
            FIVE, least=3, most=3, effects=one(5)), POWER),
        Scenario("d = 2: 8 stages, 8 boots", replace(
            FIVE, least=8, most=8, effects=one(2)), POWER)]
    return found


def noises() -> list[Scenario]:
    """The same with noise that is none of the textbook's, without and with an
    effect of d = 3."""
    kinds = {
        "half of the variance per boot, 10 iterations in each": replace(
            FIVE, iterations=10, between=0.5),
        "drift of 3 sd over the run, wall clock": replace(
            FIVE, clock="wall", drift=3.0),
        "two modes": replace(FIVE, noise=simulate.bimodal),
        "heavy tails (t, 3 df)": replace(FIVE, noise=simulate.outliers),
        "1 boot in 10 disturbed": replace(FIVE, noise=simulate.spikes),
        "one kernel 4 times as noisy": replace(FIVE, spreads=((5, 4.0),)),
        "half of the kernels 3 times as noisy": replace(
            FIVE, spreads=tuple((i, 3.0) for i in range(4, 8))),
        "the baseline 3 times as noisy": replace(FIVE, spreads=((0, 3.0),)),
        "two exact values": replace(FIVE, noise=simulate.exact),
        "two exact values, 3 boots": replace(FIVE, noise=simulate.exact,
                                             least=3, most=3),
        "15 % of the boots fail": replace(FIVE, lost=0.15),
    }
    return [Scenario(name if d == 0 else f"{name}, d = 3",
                     replace(truth, effects=one(d) if d else ()),
                     POWER if d else Scenario.goals)
            for name, truth in kinds.items() for d in (0, 3)]


def few_boots() -> list[Scenario]:
    """One, two and three boots a kernel, and a large change."""
    return [Scenario(f"{boots} boot{'s' if boots > 1 else ''} a kernel, "
                     f"d = {d}", replace(FIVE, least=boots, most=boots,
                                         effects=one(d) if d else ()),
                     POWER if d else Scenario.goals)
            for boots in (1, 2, 3) for d in (0, 5)]


def adaptive() -> list[Scenario]:
    """Looks after 3, 5, 8, 13 and 20 boots."""
    wide = replace(ADAPTIVE, until=None)
    return [
        Scenario("adaptive 3 to 20, until 1 %", ADAPTIVE),
        Scenario("adaptive 3 to 20, until decided", wide),
        Scenario("adaptive 3 to 20, until decided, min_effect 1 %",
                 replace(wide, min_effect=0.01)),
        Scenario("adaptive 3 to 20, until decided, heavy tails", replace(
            wide, noise=simulate.outliers)),
        Scenario("adaptive 3 to 20, until decided, two modes", replace(
            wide, noise=simulate.bimodal)),
        Scenario("adaptive 3 to 20, until 1 %, d = 1", replace(
            ADAPTIVE, effects=one(1)), POWER),
        Scenario("adaptive 3 to 20, until 1 %, d = 3", replace(
            ADAPTIVE, effects=one(3)), POWER),
    ]


def floors() -> list[Scenario]:
    """15 A/A boots of the baseline beside its 5: the noise floor is used."""
    return [Scenario(f"15 A/A boots, {name}", replace(
        FIVE, aa=15, noise=noise, effects=one(d) if d else ()),
        POWER if d else Scenario.goals)
        for name, noise, d in (
            ("no effect", simulate.normal, 0),
            ("two modes, no effect", simulate.bimodal, 0),
            ("heavy tails, no effect", simulate.outliers, 0),
            ("d = 3", simulate.normal, 3), ("d = 5", simulate.normal, 5))]


def drifts() -> list[Scenario]:
    """A machine that gets slower while a study runs."""
    wall = replace(FIVE, clock="wall")
    return [Scenario("wall clock, no drift", wall, Scenario.goals + (
                Goal("false warning", ALARMS),)),
            *(Scenario(f"wall clock, drift of {size} sd over the run", replace(
                wall, drift=float(size)), Scenario.goals + (Goal("warned"),))
              for size in (1, 2, 3))]


def intervals() -> list[Scenario]:
    """A change that is as large as the margin: it must not be called nothing;
    and do intervals hold the truth?"""
    covered = Goal("covered", 0.95)
    edge = (Goal("equal", 0.05), Goal("found"), covered)
    at = replace(FIVE, effects=one(1), min_effect=0.01)
    return [
        Scenario("d = 1 is just the margin of 1 %, 5 boots", at, edge),
        Scenario("d = 1 is just the margin of 1 %, 8 boots", replace(
            at, least=8, most=8), edge),
        Scenario("d = 1 is just the margin of 1 %, adaptive 3 to 20", replace(
            at, least=3, most=20), edge),
        *(Scenario(f"no effect: 8 stages, {boots} boots", replace(
            FIVE, least=boots, most=boots), (covered,)) for boots in (3, 5)),
        Scenario("half of the kernels 3 times as noisy: 5 boots", replace(
            FIVE, spreads=tuple((i, 3.0) for i in range(4, 8))), (covered,)),
        Scenario("heavy tails: 5 boots", replace(
            FIVE, noise=simulate.outliers), (covered,))]


GROUPS: dict[str, Callable[[], list[Scenario]]] = {
    "No effect": no_effect, "One effect": one_effect, "Noise": noises,
    "Few boots": few_boots, "Adaptive boots": adaptive, "A/A boots": floors,
    "Drift": drifts, "Intervals": intervals}


# klab beside the others, on the same boots

@dataclass
class Rival:
    """Counts of one rule: tests and studies without an effect, and effects;
    boots that klab's fresh ones added."""

    tests: int = 0
    false_tests: int = 0
    studies: int = 0
    false_studies: int = 0
    effects: int = 0
    found: int = 0
    boots: int = 0

    def add(self, answers: Iterable[tuple[int, float]]) -> None:
        """answers: what was said of each kernel, and its true change."""
        wrong = False
        for said, effect in answers:
            right = int(effect > 0) - int(effect < 0)
            if right:
                self.effects += 1
                self.found += said == right
            else:
                self.tests += 1
                self.false_tests += said != 0
                wrong |= said != 0
        self.studies += 1
        self.false_studies += wrong


ITERATIONS = "Welch on all iterations"
RULES = ("klab", "klab, confirm: no", *rivals.RULES, "rustc-perf", ITERATIONS)


def compare(truth: Truth, number: int, seed: int) -> dict[str, Rival]:
    """klab and the others on the same studies."""
    found = {name: Rival() for name in RULES
             if name != ITERATIONS or truth.iterations > 1}
    for study in simulate.studies(truth, number, seed):
        _others(found, study)
        judgement = study.run()
        said, claimed = [], []
        for group, row in judgement.rows():
            if row.stage == 0:
                continue
            effect = study.effects.get(
                (row.stage, int(group.workload.removeprefix("w"))), 0.0)
            said.append((int(row.verdict == REGRESSED)
                         - int(row.verdict == IMPROVED), effect))
            claimed.append((row.claim, effect))
        found["klab"].add(said)
        found["klab, confirm: no"].add(claimed)
        found["klab"].boots += len(study.boots) - truth.planned
    return found


def _others(found: dict[str, Rival], study: Study) -> None:
    truth = study.truth
    pairs = [(i, w) for i in range(1, truth.stages)
             for w in range(truth.workloads)]
    effects = [study.effects.get(pair, 0.0) for pair in pairs]

    def ask(name: str, rule: rivals.Rule, inner: bool = False) -> None:
        found[name].add(zip([
            rule(study.values(0, w, inner=inner),
                 study.values(i, w, inner=inner)) for i, w in pairs], effects))

    for name, rule in rivals.RULES.items():
        ask(name, rule)
    # Of kernels that came before, as many boots of each as the study has.
    past = truth.noise(study.rng, 100 * truth.least).reshape(100, -1)
    ask("rustc-perf", rivals.rustc_perf(
        np.exp(truth.sd * past).mean(axis=1)))
    if ITERATIONS in found:
        ask(ITERATIONS, rivals.pooled_iterations, inner=True)


def comparisons() -> dict[str, Truth]:
    """What is laid before all of them: one stage of eight is slower."""
    found = {f"normal, d = {d}": replace(FIVE, effects=one(d))
             for d in (1, 2, 3, 5)}
    found |= {
        "3 boots, d = 3": replace(FIVE, least=3, most=3, effects=one(3)),
        "two modes, d = 3": replace(FIVE, noise=simulate.bimodal,
                                    effects=one(3)),
        "heavy tails, d = 3": replace(FIVE, noise=simulate.outliers,
                                      effects=one(3)),
        "half of the variance per boot, 10 iterations, d = 3": replace(
            FIVE, iterations=10, between=0.5, effects=one(3))}
    return found
