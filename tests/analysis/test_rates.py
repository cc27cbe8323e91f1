"""What the verdicts are worth: studies of known truth, taken through the whole
of the analysis, rounds and fresh boots included, 500 of each kind with fixed
seeds.

The table that is printed at the end says which goals are met;
tests/bench/rates.py prints it with more studies. A test fails where a rate is
worse than what was documented, beyond the Monte-Carlo error of 99 %.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

import scenarios
from scenarios import ALARMS, Goal, Scenario, Truth

STUDIES = 500

#: Goals that are known to be missed, and what the rate has to be all the same.
#: Without fresh boots (confirm: no) three boots of few kernels, and noise that
#: is not the same for all of them, cost more than 5 %: see docs/statistics.md.
KNOWN = {"claims": 0.12, "test": 0.80}


@pytest.fixture(scope="module", name="table")
def fixture_table(request):
    """Collects lines and prints them at the end, though output is captured."""
    lines = ["", scenarios.head(chosen())]
    yield lines
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print("\n".join(lines))


def chosen() -> list[Scenario]:
    """One of each kind."""
    kinds = [scenarios.small(one) for one in
             scenarios.one_effect()[1:5] + scenarios.noises()[::2]
             + scenarios.few_boots()[::2]]
    small = Scenario("no effect: 4 stages, 3 boots",
                     Truth(stages=4, workloads=1, least=3, most=3))
    ten = Scenario("no effect: 10 stages, 5 boots",
                   Truth(stages=10, workloads=1))
    return [small, ten, *kinds,
            scenarios.small(scenarios.adaptive()[1])]


@pytest.mark.parametrize("scenario", chosen(), ids=lambda one: one.name)
def test_rates(scenario, table):
    found = scenarios.count(scenario.truth, STUDIES,
                            scenarios.seed_of(scenario.name))
    table.append(scenarios.line(chosen(), scenario, found))
    for goal in scenario.goals:
        bound = goal
        if goal.rate is not None and goal.what in KNOWN:
            bound = Goal(goal.what, KNOWN[goal.what])
        assert not found.misses(bound), table[-1]


def test_one_boot_never_claims():
    found = scenarios.count(Truth(stages=6, workloads=1, least=1, most=1,
                                  effects=scenarios.one(50)), 20, 1)
    assert found.hits["claimed"] == found.hits["found"] == 0


def test_large_changes_are_found():
    """d = 5 at five boots; d = 3 is what the table shows."""
    found = scenarios.count(replace(scenarios.FIVE, stages=6, workloads=1,
                                    effects=scenarios.one(5)), 200, 2)
    assert found.rate("found") > 0.95


def test_others_on_the_same_boots():
    """klab keeps its promise where plain rules break theirs."""
    seen = scenarios.compare(replace(scenarios.FIVE, workloads=1,
                                     effects=scenarios.one(3)), STUDIES, 3)

    def false_studies(name):
        return seen[name].false_studies / seen[name].studies

    assert false_studies("klab") <= ALARMS
    assert false_studies("Welch 5 %") > 0.15
    assert seen["klab"].found > 2 * seen["mmtests"].found
    for one in seen.values():
        assert one.studies == STUDIES and one.effects == STUDIES


def test_iterations_are_no_replicates():
    """With half of the variance per boot, counting each iteration alarms."""
    truth = replace(scenarios.FIVE, stages=4, workloads=1, iterations=10,
                    between=0.5)
    seen = scenarios.compare(truth, 200, 4)
    wrong = seen[scenarios.ITERATIONS]
    assert wrong.false_tests / wrong.tests > 0.25
    assert seen["klab"].false_studies / 200 <= 2 * ALARMS
