"""Steps, levels and interactions: rates under a known truth, with fixed seeds,
and what is said."""

import json
import math

import numpy as np
import pytest

import labs
from analysis import (attribution, interactions, latency, load, stats,
                      verdicts)
from analysis.attribution import attribute, lines
from analysis.model import (EQUIVALENT, IMPROVED, INCONCLUSIVE,
                            NOT_APPLICABLE, REGRESSED, SAME, Group, Row)
from analysis.noise import Noise
from analysis.stats import Sample
from analysis.effects import Effects
from analysis.steps import steps

RUNS = 500


def group_of(values, *, config="nort", keys=None, titles=True, log=True,
             **options):
    """A measured group: values per stage, None for a stage without any."""
    group = Group(config, "icount-1cpu", "hackbench", "time",
                  options.pop("unit", "ns"), options.pop("better", "lower"),
                  True, False, "exact", log=log, **options)
    first = {}
    for stage, found in enumerate(values):
        key = keys[stage] if keys else f"{config}-{stage}"
        row = Row(stage, str(stage), key, 5, 0, word=str(stage),
                  title=f"patch {stage}" if titles and stage else None)
        if found is not None:
            row.values = [float(value) for value in found]
            row.boots = [f"{key}-{i}" for i in range(len(found))]
            scaled = np.log(row.values) if log else np.array(row.values)
            row.found = row.sample = Sample.of(scaled)
            row.mean = math.exp(row.found.mean) if log else row.found.mean
            row.twin = first.setdefault(key, row)
            row.twin = None if row.twin is row else row.twin
        group.rows.append(row)
    kernels = {row.key: row.found for row in group.rows if row.found}
    lends = dict(zip(kernels, stats.lenders(list(kernels.values()))))
    for row in group.rows:
        row.lends = lends.get(row.key, True)
    group.base = group.rows[0] if group.rows else None
    return group


def noisy(rng, levels, boots=5, sd=0.01, **options):
    """Levels are in sd."""
    draws = np.array(levels)[:, None] + rng.normal(size=(len(levels), boots))
    return group_of(1e9 * np.exp(sd * draws), **options)


def raised(stages, at, size):
    """A level that rises at one stage."""
    return [size * (stage >= at) for stage in range(stages)]


# Steps

def step_rates(size, *, stages=12, boots=5, runs=RUNS, seed=1):
    """Shares of studies in which exactly stage 5 is named, and in which any
    other is."""
    rng = np.random.default_rng(seed)
    right = wrong = 0
    for _ in range(runs):
        group = noisy(rng, raised(stages, 5, size), boots)
        found = {step.row.stage for step in attribute([group], 0.0).steps
                 if step.changed}
        right += found == {5}
        wrong += bool(found - {5} if size else found)
    return right / runs, wrong / runs


def test_no_step_raises_few_alarms():
    _, wrong = step_rates(0.0)
    print(f"no step: {wrong:.3f} of studies name one")
    assert wrong <= 0.07


@pytest.mark.parametrize("size, least", [(3, 0.70), (5, 0.90)])
def test_one_step_is_named_alone(size, least):
    right, wrong = step_rates(float(size))
    print(f"d = {size}: named alone {right:.3f}, a wrong one {wrong:.3f}")
    assert right >= least
    assert wrong <= 0.10


def values(mean, spread=0.001, boots=5):
    return [mean * (1 + spread * (i - boots // 2)) for i in range(boots)]


def test_a_broken_stage_is_stepped_over():
    group = group_of([values(100), None, None, values(110), values(110)])
    found = attribute([group], 0.01)
    step = found.steps[0]
    assert (step.before.stage, step.row.stage) == (0, 3)
    assert [row.stage for row in step.skipped] == [1, 2]
    assert [step.verdict for step in found.steps] == [REGRESSED, EQUIVALENT]
    assert lines(found) == [
        "stages 1 to 3 together (1, 2 have no value) worsen hackbench time "
        "by +10.0 % [+9.8, +10.2] %, against stage 0"]


def test_the_same_kernel_is_no_test():
    group = group_of([values(100), values(100), values(100)],
                     keys=["a", "a", "b"])
    found = attribute([group], 0.01)
    assert [step.verdict for step in found.steps] == [SAME, EQUIVALENT]
    assert (found.steps[0].p, found.steps[0].change) == (None, 0.0)
    assert found.steps[1].p is not None


def test_constants_are_exact():
    group = group_of([[100] * 3, [110] * 3, [110] * 3, [110] * 2],
                     unit="instr")
    first, second, third = attribute([group], 0.01).steps
    assert (first.verdict, first.effect.method) == (REGRESSED, "exact")
    assert first.change == pytest.approx(0.1)
    assert first.p is None and first.interval[0] == first.change
    assert second.verdict == EQUIVALENT
    assert (third.verdict, third.effect) == (INCONCLUSIVE, None)


def test_one_boot_is_not_judged():
    step, = attribute([group_of([[100], [200]])], 0.01).steps
    assert (step.verdict, step.change) == (INCONCLUSIVE, None)
    assert lines(attribute([group_of([])], 0.01)) == []


def test_a_small_step_is_no_change_within_the_margin():
    group = group_of([values(100), values(100.5)])
    step, = attribute([group], 0.01).steps
    assert step.q < 0.05 and step.verdict == EQUIVALENT
    step, = attribute([group], 0.001).steps
    assert step.verdict == REGRESSED


def test_more_can_be_better():
    group = group_of([values(100), values(110)], better="higher")
    found = attribute([group], 0.01)
    assert found.steps[0].verdict == IMPROVED
    assert "stage 1 'patch 1' improves hackbench time" in lines(found)[0]


def test_what_fresh_boots_refuted_is_no_step():
    group = group_of([values(100), values(110)])
    group.rows[1].confirmed = False
    assert not attribute([group], 0.01).steps[0].changed


def test_what_is_refused_or_beyond_a_limit_is_no_step():
    group = group_of([values(100), values(110), values(130), values(140)])
    group.rows[1].verdict, group.rows[2].limited = NOT_APPLICABLE, True
    step, = attribute([group], 0.01).steps
    assert (step.before.stage, step.row.stage) == (0, 3)


def test_no_step_within_the_noise_of_the_baseline():
    group = group_of([values(100), values(110)])
    group.noise = Noise(30, 5, 1000, math.log(1.11), 0.3)
    other = group_of([values(100), values(100)], config="rt")
    found = attribute([group, other], 0.01)
    assert not found.steps[0].changed
    assert not found.interactions[0].claimed


def test_values_around_zero():
    group = group_of([[-1, 0, 1], [-1, 0, 1.5], [99, 100, 101]], log=False)
    for row in group.rows:
        row.mean_interval = (row.mean - 1, row.mean + 1)
    first, second = attribute([group], 0.01).steps
    assert first.absolute and second.absolute
    assert second.verdict == REGRESSED
    assert "+99.83 ns [" in lines(attribute([group], 0.01))[0]


def test_rounded_values_widen_the_interval():
    group = group_of([[4, 4, 4], [5, 5, 5]], unit="us")
    step, = attribute([group], 0.01).steps
    assert step.effect.method == "rounded"
    assert step.interval[0] <= 0.0 and step.verdict == INCONCLUSIVE


def test_rates_of_rare_events_are_compared_by_their_ratio():
    group = group_of([[10] * 3, [10] * 3, [100] * 3, [0] * 3, [0] * 3],
                     unit="per million", log=False)
    group.log, group.tail = True, latency.Tail(latency.Threshold(9, 0.9999), {
        boot: (int(value), 10 ** 6) for row in group.rows
        for boot, value in zip(row.boots, row.values)})
    found = attribute([group], 0.01).steps
    assert [step.verdict for step in found] == [
        INCONCLUSIVE, REGRESSED, IMPROVED, INCONCLUSIVE]
    assert found[1].change == pytest.approx(9.0)
    assert found[3].effect is None


def test_kernels_that_are_no_series_have_no_steps():
    group = group_of([values(100), values(110)], titles=False)
    assert attribute([group], 0.01).steps == []


# Levels

def test_levels_are_told():
    rng = np.random.default_rng(4)
    found = attribute([noisy(rng, raised(20, 8, 3))], 0.0)
    level, = found.levels
    step, = level.found.steps
    assert level.sure and abs(step.position - 8) <= 1
    assert lines(found)[-1].startswith(
        "hackbench time: one change of level, at stage 8")
    flat = attribute([noisy(rng, [0] * 20)], 0.0)
    assert not flat.levels[0].sure
    assert lines(flat) == []


def test_a_drift_is_told():
    rng = np.random.default_rng(4)
    found = attribute([noisy(rng, np.linspace(0, 6, 36))], 0.01)
    assert "no single step: it drifts by +" in lines(found)[-1]
    assert "from stage 0 to stage 35" in lines(found)[-1]


def test_levels_need_twelve_kernels():
    rng = np.random.default_rng(4)
    assert attribute([noisy(rng, [0] * 11)], 0.0).levels == []
    twins = [f"k{max(stage - 1, 0)}" for stage in range(12)]
    assert attribute([noisy(rng, [0] * 12, keys=twins)], 0.0).levels == []


# Interactions

def crossed_rates(size, *, both=False, base=False, stages=12, boots=5,
                  runs=RUNS, seed=2):
    """Shares of studies in which exactly stage 5 is said to depend on the
    config, and in which any other is.  both: it changes under both configs.
    base: contrasts with the baseline, as for kernels that are no series."""
    rng = np.random.default_rng(seed)
    right = wrong = 0
    for _ in range(runs):
        groups = [noisy(rng, raised(stages, 5, size), boots, config="rt"),
                  noisy(rng, raised(stages, 5, size if both else 0), boots)]
        for group in groups:
            for row in group.rows:
                row.title = None if base else row.title
        found = {one.row.stage for one in
                 interactions.interactions(list(map(Effects, groups)), 0.0)
                 if one.claimed}
        right += found == {5}
        wrong += bool(found - {5} if size and not both else found)
    return right / runs, wrong / runs


@pytest.mark.parametrize("size", [0, 3])
def test_equal_changes_are_no_interaction(size):
    _, wrong = crossed_rates(float(size), both=True, runs=250)
    print(f"both change by d = {size}: {wrong:.3f} of studies say they differ")
    assert wrong <= 0.07


def test_steps_name_the_stage_and_contrasts_with_the_base_do_not():
    right, wrong = crossed_rates(4.0, runs=250)
    other, _ = crossed_rates(4.0, base=True, runs=100)
    print(f"d = 4 under one config: steps name that stage alone in "
          f"{right:.3f} (a wrong one {wrong:.3f}), contrasts with the base in "
          f"{other:.3f}")
    assert right >= 0.6 and wrong <= 0.10
    assert other <= 0.1


def welch_rate(configs, boots, *, runs=RUNS, seed=3):
    """False alarms at 5 % of one stage, with configs of unequal noise."""
    rng = np.random.default_rng(seed)
    alarms = 0
    for _ in range(runs):
        groups = [noisy(rng, [0] * 3, boots, sd=0.01 * 2 ** i, config=str(i))
                  for i in range(configs)]
        found = interactions.interactions(list(map(Effects, groups)), 0.0)
        alarms += found[0].p < 0.05
    return alarms / runs


@pytest.mark.parametrize("configs", [2, 3, 4])
@pytest.mark.parametrize("boots", [3, 5])
def test_unequal_noise_raises_few_alarms(configs, boots):
    rate = welch_rate(configs, boots)
    print(f"{configs} configs, {boots} boots: {rate:.3f} false alarms")
    assert rate <= 0.075


def test_only_under_rt_where_the_other_is_the_same_kernel():
    rt = group_of([values(100), values(100), values(103.1)], config="rt")
    nort = group_of([values(90), values(95), values(95)], config="nort",
                    keys=["a", "b", "b"])
    found = attribute([rt, nort], 0.01)
    one = [one for one in found.interactions if one.row.stage == 2][0]
    assert one.claimed and one.method == "t against exact"
    assert lines(found)[1] == (
        "stage 2 'patch 2' worsens hackbench time by +3.1 % [+2.9, +3.3] % "
        "only under rt (nort: same kernel)")


def test_only_under_rt_where_the_other_is_equal_within_the_margin():
    rt = group_of([values(100), values(103.1)], config="rt")
    nort = group_of([values(100), values(100.1)], config="nort")
    told = lines(attribute([rt, nort], 0.01))
    assert told == [
        "stage 1 'patch 1' worsens hackbench time by +3.1 % [+2.9, +3.3] % "
        "only under rt (nort: +0.10 % [-0.13, +0.33] %)"]


def test_more_under_one_config_than_under_another():
    rt = group_of([values(100), values(110)], config="rt")
    nort = group_of([values(100), values(103)], config="nort")
    assert lines(attribute([rt, nort], 0.01)) == [
        "what stage 1 'patch 1' does to hackbench time depends on the config: "
        "rt +10.0 % [+9.7, +10.3] %, nort +3.0 % [+2.8, +3.2] %"]


def test_two_of_four_configs():
    groups = [group_of([values(100), values(to)], config=config)
              for config, to in (("a", 104), ("b", 100), ("c", 104),
                                 ("d", 100))]
    told, = lines(attribute(groups, 0.01))
    assert "only under a and c (b: " in told


def test_exact_changes_that_differ():
    rt = group_of([[100] * 3, [105] * 3], config="rt", unit="instr")
    nort = group_of([[100] * 3, [100] * 3], config="nort", unit="instr")
    one, = attribute([rt, nort], 0.01).interactions
    assert (one.p, one.method, one.claimed) == (None, "exact", True)
    equal = group_of([[50] * 3, [52.5] * 3], config="nort", unit="instr")
    one, = attribute([rt, equal], 0.01).interactions
    assert not one.claimed


def test_a_stage_that_is_broken_under_one_config_is_no_test_there():
    rt = group_of([values(100), values(100), values(105)], config="rt")
    nort = group_of([values(100), None, values(100)], config="nort")
    one, = attribute([rt, nort], 0.01).interactions
    assert (one.before.stage, one.row.stage) == (0, 2)
    assert lines(attribute([rt, nort], 0.01))[0].startswith(
        "stages 1 to 2 together (1 ")


def test_configs_that_share_their_kernels_are_one():
    groups = [group_of([values(100), values(105)], config=config,
                       keys=["x", "y"]) for config in ("a", "b")]
    assert attribute(groups, 0.01).interactions == []


def test_kernels_that_are_no_series_are_compared_with_the_base():
    rt = group_of([values(100), values(105), values(105)], config="rt",
                  titles=False)
    nort = group_of([values(100), values(100), values(100)], config="nort",
                    titles=False)
    found = attribute([rt, nort], 0.01).interactions
    assert [one.before.stage for one in found] == [0, 0]
    assert all(one.claimed for one in found)


# All together

def test_json_is_finite_and_complete():
    rng = np.random.default_rng(5)
    groups = [noisy(rng, raised(14, 6, 5), config="rt"),
              noisy(rng, [0] * 14, keys=["k"] * 7 + ["l"] * 7)]
    groups[0].rows[3].found = None
    found = attribution.as_json(attribute(groups, 0.01))
    text = json.loads(json.dumps(found, allow_nan=False))
    assert set(text) == {"steps", "change_points", "interactions"}
    assert text["steps"][0]["stage"] == 1
    assert text["change_points"][0]["points"][0]["earliest"] <= 6


def test_long_lists_are_cut():
    group = group_of([values(100 * 1.1 ** stage) for stage in range(11)])
    told = lines(attribute([group], 0.01))
    assert len(told) == 9
    assert told[-1] == "and 2 more steps, see --json"


def test_steps_of_hostile_names():
    group = group_of([values(100), values(110)])
    group.rows[1].title = "\x1b[31mred"
    assert "\x1b" not in lines(attribute([group], 0.01))[0]
    assert steps(Effects(group))[0].verdict == INCONCLUSIVE


def test_a_study_from_its_database(tmp_path):
    """Three patches, two configs; the second costs 3 % only under rt, where
    the third does not build; the second is no code under nort."""
    lab = labs.LabMaker(tmp_path, kernels=("base",))
    lab.machine()
    lab.metric()
    for config in ("rt", "nort"):
        for stage, title in enumerate((None, "one", "two", "three")):
            same = config == "nort" and stage == 2
            broken = config == "rt" and stage == 3
            lab.stage(stage, str(stage), title=title, config=config,
                      key=f"{config}-{stage}", state="broken" if broken
                      else None, error="no rule" if broken else None,
                      run_key="nort-1" if same else None)
            for seed in range(1, 6) if not broken else ():
                cost = 3 if config == "rt" and stage == 2 else 0
                time = 1e6 * (100 + cost) + 1e5 * seed
                lab.boot(stage, seed, {"time": time}, config=config)
    lab.db.execute("DELETE FROM variant WHERE config = 'default'")
    lab.db.execute("DELETE FROM config WHERE name = 'default'")
    found = load.load(lab.done(), "demo")
    judgement = verdicts.judge(found)
    told = lines(attribute(judgement.groups, 0.01))
    assert told == [
        "stage 2 'two' worsens hackbench time by +3.0 % [+2.8, +3.2] % only "
        "under rt (nort: same kernel)"]


def test_nothing_to_explain():
    assert lines(attribute([], 0.01)) == []
    groups = [group_of([None, None]), group_of([None], config="b")]
    assert lines(attribute(groups, 0.01)) == []
