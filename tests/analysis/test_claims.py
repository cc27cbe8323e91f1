"""From claims to verdicts: fresh boots, their budget, and boots that go on."""

import dataclasses
import json
import math

import numpy as np
import pytest

from analysis import claims, headline, load, rounds, summary, table, verdicts
from labs import LabMaker

RULES = {"min": 5, "max": 5, "confirm": True, "budget": 100}


def boots(mean, seed, n=5, cv=0.005):
    rng = np.random.default_rng(seed)
    return list(mean * np.exp(cv * rng.normal(size=n)))


class Study:
    """Kernels with boots, and fresh ones: {kernel: mean or list}."""

    def __init__(self, folder, kernels, fresh=None, rules=None, sd=0.005,
                 metrics=("time",)):
        self.lab = LabMaker(folder, kernels=tuple(kernels))
        self.lab.db.execute("UPDATE study SET compare = ?",
                            (json.dumps({**RULES, **(rules or {})}),))
        self.lab.machine()
        for metric in metrics:
            self.lab.metric(name=metric, primary=metric == metrics[0])
        for stage, (name, mean) in enumerate(kernels.items()):
            self.add(stage, boots(mean, stage, cv=sd), 0, metrics)
            if name in (fresh or {}):
                self.add(stage, boots(fresh[name], 50 + stage, cv=sd),
                         claims.FIRST_SEED, metrics)

    def add(self, stage, values, first, metrics):
        for seed, value in enumerate(values, first + 1):
            self.lab.boot(stage, seed, {m: value for m in metrics})

    def judge(self):
        self.lab.db.commit()
        lab = load.load(self.lab.path, "demo")
        judgement = verdicts.judge(lab)
        return judgement, rounds.next_boots(judgement)


def verdict(judgement, kernel):
    return next(r for _, r in judgement.rows() if r.kernel == kernel)


def places(wishes):
    return [(w.stage, w.role, w.first, w.last) for w in wishes]


def test_a_claim_wants_fresh_boots(tmp_path):
    found, (wishes, why) = Study(tmp_path, {"a": 1e9, "b": 1.1e9}).judge()
    row = verdict(found, "b")
    assert (row.verdict, row.reason) == ("inconclusive", claims.WAITING)
    assert row.claim == 1 and row.confirmed is None
    assert places(wishes) == [(1, "confirm", 200001, 200005),
                              (0, "confirm", 200001, 200005)]
    assert why == "1 change claimed: 10 fresh boots to repeat it"


def test_fresh_boots_that_agree_confirm(tmp_path):
    found, (wishes, _) = Study(tmp_path, {"a": 1e9, "b": 1.1e9},
                               {"a": 1e9, "b": 1.1e9}).judge()
    row = verdict(found, "b")
    assert row.verdict == "regressed" and row.confirmed
    assert row.n == 10 and row.fresh == 5
    assert not wishes


def test_fresh_boots_that_do_not_agree_refute(tmp_path):
    found, (wishes, _) = Study(tmp_path, {"a": 1e9, "b": 1.1e9},
                               {"a": 1e9, "b": 1e9}).judge()
    row = verdict(found, "b")
    assert row.verdict != "regressed" and row.confirmed is False
    assert "a change of +10 % was claimed" in row.reason
    assert "not confirmed" in row.reason
    assert not wishes and not found.worse()


def test_the_claim_itself_is_of_the_first_boots_alone(tmp_path):
    """Fresh boots change neither p nor q of any row."""
    kernels = {"a": 1e9, "b": 1.1e9, "c": 1.004e9}
    before, _ = Study(tmp_path / "1", kernels).judge()
    after, _ = Study(tmp_path / "2", kernels, {"a": 0.9e9, "b": 1e9}).judge()
    for name in ("b", "c"):
        old, new = verdict(before, name), verdict(after, name)
        assert (old.p, old.q, old.claim) == (new.p, new.q, new.claim)


def test_stages_after_a_confirmed_one_need_no_fresh_boots(tmp_path):
    kernels = {"a": 1e9, "b": 1.1e9, "c": 1.1e9, "d": 1.1e9, "e": 0.9e9}
    found, (wishes, _) = Study(tmp_path / "1", kernels).judge()
    assert sorted({w.stage for w in wishes}) == [0, 1, 4]
    fresh = {"a": 1e9, "b": 1.1e9, "e": 0.9e9}
    found, (wishes, _) = Study(tmp_path / "2", kernels, fresh).judge()
    assert [r.verdict for _, r in found.rows()] == [
        "baseline", "regressed", "regressed", "regressed", "improved"]
    assert not wishes


def test_after_a_refuted_one_the_next_is_repeated(tmp_path):
    kernels = {"a": 1e9, "b": 1.1e9, "c": 1.1e9}
    found, (wishes, _) = Study(tmp_path, kernels,
                               {"a": 1e9, "b": 1e9}).judge()
    assert verdict(found, "b").confirmed is False
    assert places(wishes) == [(2, "confirm", 200001, 200005)]


def test_the_budget_is_kept_and_spent_on_what_matters_most(tmp_path):
    kernels = {"a": 1e9, "b": 0.8e9, "c": 1.05e9, "d": 0.7e9, "e": 1.2e9}
    found, (wishes, _) = Study(tmp_path, kernels,
                               rules={"budget": 15}).judge()
    assert sum(w.boots for w in wishes) == 15
    assert [w.stage for w in wishes] == [4, 0, 2]
    assert ("take 5 boots, and the study's budget has 0 left of 15 boots"
            in verdict(found, "d").reason)
    assert verdict(found, "d").verdict == "inconclusive"


def test_without_confirmation_a_claim_counts_at_once(tmp_path):
    found, (wishes, _) = Study(tmp_path, {"a": 1e9, "b": 1.1e9},
                               rules={"confirm": False}).judge()
    assert verdict(found, "b").verdict == "regressed"
    assert not wishes


def test_against_another_baseline_nothing_is_confirmed(tmp_path):
    study = Study(tmp_path, {"a": 1e9, "b": 1.1e9, "c": 1.3e9})
    study.lab.db.commit()
    found = verdicts.judge(load.load(study.lab.path, "demo"), "b")
    assert verdict(found, "c").verdict == "regressed"
    assert not found.rules.confirm


def test_two_metrics_of_a_workload_share_the_fresh_boots(tmp_path):
    _, (wishes, _) = Study(tmp_path, {"a": 1e9, "b": 1.1e9},
                           metrics=("time", "cpu")).judge()
    assert sum(w.boots for w in wishes) == 10


def test_fresh_boots_without_values_are_told(tmp_path):
    study = Study(tmp_path, {"a": 1e9, "b": 1.1e9}, {"a": 1e9})
    for seed in range(200001, 200006):
        study.lab.boot(1, seed, {}, state="bad")
    found, (wishes, _) = study.judge()
    assert verdict(found, "b").reason == claims.FAILED
    assert not wishes


def test_fresh_boots_that_have_not_ended_are_waited_for(tmp_path):
    study = Study(tmp_path, {"a": 1e9, "b": 1.1e9}, {"a": 1e9})
    for seed in range(200001, 200006):
        study.lab.cell(1, seed, f"todo-{seed}")
    found, (wishes, _) = study.judge()
    assert verdict(found, "b").reason == claims.WAITING
    assert not wishes


def test_a_kernel_whose_fresh_boots_fail_holds_up_no_other(tmp_path):
    study = Study(tmp_path, {"a": 1e9, "b": 1.1e9, "c": 1.1e9}, {"a": 1e9})
    for seed in range(200001, 200006):
        study.lab.boot(1, seed, {}, state="bad")
    found, (wishes, _) = study.judge()
    assert verdict(found, "b").reason == claims.FAILED
    assert places(wishes) == [(2, "confirm", 200001, 200005)]


def test_another_change_is_repeated_by_itself(tmp_path):
    """Worse than the baseline, too, but by less than the kernel before it."""
    kernels = {"a": 1e9, "b": 1.1e9, "c": 1.03e9}
    _, (wishes, _) = Study(tmp_path, kernels).judge()
    assert sorted({w.stage for w in wishes}) == [0, 1, 2]


def test_what_is_refuted_is_no_step_either(tmp_path):
    """Nor is the way back from it."""
    study = Study(tmp_path, {"a": 1e9, "b": 1.1e9, "c": 1e9},
                  {"a": 1e9, "b": 1e9})
    for stage in range(3):
        study.lab.db.execute("UPDATE stage SET title = ? WHERE idx = ?",
                             (f"patch {stage}", stage))
    study.lab.db.commit()
    found = verdicts.judge(load.load(study.lab.path, "demo"))
    assert not [s for s in found.attribution.steps if s.changed]


def wall_clock(study):
    study.lab.db.execute("UPDATE machine SET clock = 'wall'")
    return study


def test_on_a_wall_clock_all_claims_are_repeated_at_once(tmp_path):
    study = wall_clock(Study(tmp_path, {"a": 1e9, "b": 1.1e9, "c": 1.1e9}))
    _, (wishes, _) = study.judge()
    assert sorted({w.stage for w in wishes}) == [0, 1, 2]


def test_on_a_wall_clock_other_rounds_are_not_mixed_in(tmp_path):
    """The baseline's fresh boots ran when it was 5 % slower."""
    kernels = {"a": 1e9, "b": 1.1e9, "c": 1.03e9}
    alone, _ = wall_clock(Study(tmp_path / "1", kernels)).judge()
    mixed, _ = wall_clock(Study(tmp_path / "2", kernels,
                                {"a": 1.05e9, "b": 1.15e9})).judge()
    assert verdict(mixed, "c").change == verdict(alone, "c").change


def limited(tmp_path, values, limit=50.0, **metric):
    """Kernels with a maximum, and a limit for it."""
    lab = LabMaker(tmp_path, kernels=tuple(values))
    lab.db.execute("UPDATE study SET compare = ?", (json.dumps(
        {**RULES, "limits": {"cyclictest/max": limit}}),))
    lab.machine()
    lab.metric("cyclictest", "max", "us", latency=True, **metric)
    for stage, found in enumerate(values.values()):
        for seed, value in enumerate(found, 1):
            lab.boot(stage, seed, {"max": value}, workload="cyclictest")
    return verdicts.judge(load.load(lab.done(), "demo"))


def test_a_limit_gates_a_maximum(tmp_path):
    found = limited(tmp_path, {"a": [9, 10, 11], "b": [12, 75, 13],
                               "c": [20, 21, 22]})
    assert [r.verdict for _, r in found.rows()] == [
        "baseline", "regressed", "not applicable"]
    assert "75 k instr in boot" in verdict(found, "b").reason
    assert "within the limit of 50 k instr" in verdict(found, "c").reason
    assert found.worse()
    assert headline.sentence(found).startswith(
        "cyclictest max is beyond its limit on b")
    assert "beyond its limit" in table.render(found, False)


@pytest.mark.parametrize("clock, told", [
    ("exact", "134.246 M instr in boot BOOT is beyond the limit of "
     "130 M instr"),
    ("wall", "134.246 ms in boot BOOT is beyond the limit of 130 ms")])
def test_a_limit_is_told_in_the_unit_of_the_table(tmp_path, clock, told):
    lab = LabMaker(tmp_path, kernels=("a", "b"),
                   rules={"limits": {"hackbench/time": 1.3e8}})
    lab.machine(clock=clock)
    lab.metric()
    for seed in (1, 2):
        lab.boot(0, seed, {"time": 1.2e8 + seed})
        boot = lab.boot(1, seed, {"time": 1.34246e8 if seed == 2 else 1.2e8})
    found = verdicts.judge(load.load(lab.done(), "demo"))
    assert verdict(found, "b").reason.startswith(told.replace("BOOT", boot))
    unit = told.rsplit("130 ", 1)[1]
    assert f"hackbench time, {unit} (" in table.render(found, False)


def test_the_baseline_has_the_limit_too(tmp_path):
    found = limited(tmp_path, {"a": [9, 60, 11], "b": [12, 14, 13]})
    assert found.worse()
    assert "beyond its limit on a" in headline.sentence(found)


def test_a_value_that_is_not_finite_is_beyond_any_limit(tmp_path):
    found = limited(tmp_path, {"a": [9, 8, 11], "b": [12, math.inf, 13]})
    assert verdict(found, "b").verdict == "regressed"


def test_an_exact_change_is_confirmed_exactly(tmp_path):
    kernels = {"a": 1.25e5 / 3, "b": 1.5e5 / 3 + 0.1}
    found, _ = Study(tmp_path, kernels, kernels, sd=0).judge()
    row = verdict(found, "b")
    assert (row.verdict, row.method, row.confirmed) == ("regressed", "exact",
                                                        True)


def adaptive(folder, kernels, n, sd=0.005, **rules):
    """A study after n boots of each kernel that may go on to 20."""
    lab = LabMaker(folder, kernels=tuple(kernels))
    lab.db.execute("UPDATE study SET compare = ?", (json.dumps(
        {"min": 3, "max": 20, "confirm": False, **rules}),))
    lab.machine()
    lab.metric()
    for stage, mean in enumerate(kernels.values()):
        for seed, value in enumerate(boots(mean, stage, n, sd), 1):
            lab.boot(stage, seed, {"time": value})
    found = load.load(lab.done(), "demo")
    judgement = verdicts.judge(found)
    return judgement, *rounds.next_boots(judgement)


def test_an_undecided_kernel_goes_on_with_the_baseline(tmp_path):
    found, wishes, why = adaptive(tmp_path, {"a": 1e9, "b": 1.012e9,
                                             "c": 1.4e9}, 3)
    assert verdict(found, "c").verdict == "regressed"
    assert places(wishes) == [(0, "sample", 4, 5), (1, "sample", 4, 5)]
    assert why == "1 comparison is not decided yet: 4 more boots"


def test_a_decided_study_ends(tmp_path):
    _, wishes, why = adaptive(tmp_path, {"a": 1e9, "b": 1.4e9}, 3)
    assert not wishes and not why


def test_the_last_look_is_the_last(tmp_path):
    found, wishes, _ = adaptive(tmp_path, {"a": 1e9, "b": 1.011e9}, 20)
    assert verdict(found, "b").verdict == "inconclusive"
    assert not wishes


def test_a_narrow_interval_ends_it_too(tmp_path):
    """0.1 % of noise around a change on the margin."""
    kernels = {"a": 1e9, "b": 1.01e9}
    _, wishes, _ = adaptive(tmp_path / "1", kernels, 5, 0.001)
    assert wishes
    found, wishes, _ = adaptive(tmp_path / "2", kernels, 5, 0.001,
                                until=0.01)
    assert verdict(found, "b").verdict == "inconclusive"
    assert not wishes


def test_an_early_look_has_a_wider_interval(tmp_path):
    kernels = {"a": 1e9, "b": 1.4e9}
    early, *_ = adaptive(tmp_path / "1", kernels, 3)
    once, *_ = adaptive(tmp_path / "2", kernels, 3, max=3)
    width = [verdict(j, "b").interval[1] - verdict(j, "b").interval[0]
             for j in (early, once)]
    assert width[0] > 1.3 * width[1]
    assert verdict(early, "b").p > verdict(once, "b").p


def test_a_baseline_that_broke_asks_for_no_more_boots(tmp_path):
    lab = LabMaker(tmp_path, kernels=("a", "b"))
    lab.db.execute("UPDATE study SET compare = ?", (json.dumps(
        {"min": 3, "max": 20, "confirm": False}),))
    lab.machine()
    lab.metric()
    for seed, value in enumerate(boots(1e9, 1, 3), 1):
        lab.boot(0, seed, {}, state="bad")
        lab.boot(1, seed, {"time": value})
    assert rounds.next_boots(
        verdicts.decide(load.load(lab.done(), "demo"))) == ([], "")


def test_a_hopelessly_wide_interval_is_no_obstacle(tmp_path):
    _, wishes, _ = adaptive(tmp_path, {"a": 1e9, "b": 1e9}, 2, sd=12.0, min=2,
                            until=0.01)
    assert wishes


def test_a_kernel_no_different_from_the_baselines_own_noise(tmp_path):
    """30 boots of the baseline in two modes: a kernel in one of them."""
    lab = LabMaker(tmp_path, kernels=("a", "b"))
    lab.machine()
    lab.metric()
    for seed, value in enumerate(boots(1e9, 1, 15, 1e-4)
                                 + boots(1.1e9, 2, 15, 1e-4), 1):
        lab.boot(0, seed, {"time": value})
    for seed, value in enumerate(boots(1.1e9, 3, 5, 1e-4), 1):
        lab.boot(1, seed, {"time": value})
    found = verdicts.judge(load.load(lab.done(), "demo"))
    row = verdict(found, "b")
    assert row.noisy and row.verdict == "inconclusive"
    assert "A/A" in row.reason
    assert found.groups[0].noise.each == 5


def test_the_answer_is_plain_json(tmp_path):
    study = Study(tmp_path, {"a": 1e9, "b": 1.1e9})
    study.lab.db.commit()
    answer = rounds.answer(load.load(study.lab.path, "demo"))
    assert answer == json.loads(json.dumps(answer, allow_nan=False))
    assert len(answer["verdicts"]) == 2
    assert answer["verdicts"][1]["verdict"] == "inconclusive"
    assert dataclasses.asdict(rounds.Wish(1, "default", "icount-1cpu",
                                          "hackbench", "confirm", 200001,
                                          200005)) in answer["boots"]
