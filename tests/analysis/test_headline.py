"""The sentence at the top: what a maintainer can act on."""

import itertools

import numpy as np
import pytest

from analysis import headline, load, verdicts
from labs import LabMaker

SUBJECT = "mm, slub: convert kmem_cpu_slab protection to local_lock"


def series(folder, shifts, configs=("nort", "lockstat"), broken=(), *,
           cv=0.0005, reason="general protection fault; then: Kernel panic",
           stages=4, machines=("icount-1cpu",), hangs=()):
    """A lab of patches: {(stage, config): factor from that stage on}; broken:
    (stage, config) whose boots all panic; hangs: (stage, config, seed)."""
    lab = LabMaker(folder, kernels=("base",))
    for config in configs:
        for stage in range(stages):
            name = "base" if stage == 0 else str(stage)
            lab.stage(stage, name, key=f"{config}-{stage}", config=config,
                      title=None if stage == 0 else
                      SUBJECT if stage == 3 else f"patch {stage}")
    for machine in machines:
        lab.machine(machine)
    lab.metric()
    rng = np.random.default_rng(1)
    for machine, config in itertools.product(machines, configs):
        for stage in range(stages):
            level = 1e9
            for (at, where), factor in shifts.items():
                level *= factor if where == config and stage >= at else 1
            for seed in range(1, 7):
                lab.keys[stage] = f"{config}-{stage}"
                where = {"config": config, "machine": machine}
                value = level * np.exp(cv * rng.normal())
                if (stage, config) in broken:
                    lab.boot(stage, seed, {}, state="bad", reason=reason,
                             **where)
                elif (stage, config, seed) in hangs:
                    lab.boot(stage, seed, {}, state="bad", outcome="hang",
                             **where)
                else:
                    lab.boot(stage, seed, {"time": value}, **where)
    return verdicts.judge(load.load(lab.done(), "demo"))


def test_a_broken_config_and_a_calm_one(tmp_path):
    found = series(tmp_path, {}, broken={(3, "lockstat")})
    assert headline.sentence(found) == (
        f"stage 3 '{SUBJECT}' breaks hackbench under lockstat (general "
        "protection fault); no throughput change above 1 % under nort.")


def test_a_config_that_is_not_shown_to_be_calm_is_not_called_so(tmp_path):
    found = series(tmp_path, {}, broken={(3, "lockstat")}, cv=0.03)
    assert headline.sentence(found).endswith("(general protection fault).")


def test_the_stage_that_brought_it_is_named_not_its_followers(tmp_path):
    found = series(tmp_path, {(2, "nort"): 1.05, (2, "lockstat"): 1.05})
    told = headline.sentence(found)
    assert told.startswith("stage 2 'patch 2' makes hackbench time ")
    assert SUBJECT not in told
    assert told.endswith(" % higher under nort and lockstat.")
    assert told.count("makes") == 1


def test_a_change_under_one_config_only(tmp_path):
    found = series(tmp_path, {(2, "lockstat"): 1.07})
    told = headline.sentence(found)
    assert told.startswith(
        "stage 2 'patch 2' makes hackbench time 6.9 % higher ")
    assert told.endswith("only under lockstat; no throughput change above "
                         "1 % under nort.")


def test_the_same_break_under_every_config_is_said_once(tmp_path):
    configs = ("a", "b", "c")
    found = series(tmp_path, {}, configs,
                   {(2, config) for config in configs})
    assert headline.sentence(found) == (
        "stage 2 'patch 2' breaks hackbench under every config (general "
        "protection fault).")


def test_the_rest_is_counted(tmp_path):
    found = series(tmp_path, {}, ("nort",), {(stage, "nort") for stage in
                                             range(1, 7)}, stages=8)
    told = headline.sentence(found)
    assert told.count(" breaks hackbench ") == headline.MOST
    assert told.endswith("; 2 more below.")


def test_ten_times_as_much_is_a_factor(tmp_path):
    found = series(tmp_path, {(2, "nort"): 12.0, (2, "lockstat"): 12.0})
    assert "makes hackbench time up to 12.0 times as high under nort and " \
        "lockstat" in headline.sentence(found)


@pytest.mark.parametrize("reason, shown", [
    ("x" * 200, "x" * (headline.CAUSE - 2) + ".."),
    ("oops (see above)", "oops (see above)"), ("a\nb", "a?b")])
def test_a_cause_is_short(tmp_path, reason, shown):
    found = series(tmp_path, {}, broken={(1, "nort")}, reason=reason)
    assert f"breaks hackbench under nort ({shown})" in headline.sentence(found)


def test_boots_that_hang_are_told(tmp_path):
    found = series(tmp_path, {}, ("nort", "rt"), hangs={(2, "rt", 3)})
    assert found.worse()
    assert headline.sentence(found) == (
        "stage 2 'patch 2' fails 1 of 6 boots of hackbench under rt (hang); "
        "no throughput change above 1 % under nort.")


def test_a_baseline_that_hangs_as_often_is_no_news(tmp_path):
    found = series(tmp_path, {}, ("nort",),
                   hangs={(0, "nort", 1), (2, "nort", 3)})
    assert not found.worse()
    assert "hang" not in headline.sentence(found)


def test_a_stage_that_undoes_what_one_before_it_won(tmp_path):
    found = series(tmp_path, {(1, "nort"): 0.5, (2, "nort"): 2.0}, ("nort",))
    told = headline.sentence(found)
    assert told.startswith("stage 2 'patch 2' makes hackbench time 100 % ")
    assert told.endswith("; no kernel is worse than base.")


def test_a_place_without_a_step_is_told_too(tmp_path):
    found = series(tmp_path, {(2, "nort"): 1.05, (2, "lockstat"): 1.07})
    steps = found.attribution.steps
    found.attribution.interactions.clear()
    steps[:] = [step for step in steps if step.group.config == "lockstat"]
    told = headline.sentence(found)
    assert "makes hackbench time 7.0 % higher" in told or \
        "makes hackbench time 6.9 % higher" in told
    assert "hackbench time is 5.0 % higher on stage " in told
    assert "under nort (95 % interval" in told


def test_what_does_not_build_is_known_without_a_boot(tmp_path):
    lab = LabMaker(tmp_path, kernels=("base",))
    lab.stage(1, "1", title="patch 1", error="slub.c:1: no", state="broken")
    lab.machine()
    lab.metric()
    lab.cell(0, 1, "not-run")
    found = verdicts.judge(load.load(lab.done(), "demo"))
    assert headline.sentence(found) == (
        "stage 1 'patch 1' does not build (slub.c:1: no); nothing has been "
        "measured yet.")


def test_machines_are_named_where_there_are_several(tmp_path):
    found = series(tmp_path, {(2, "nort"): 1.05}, ("nort",),
                   machines=("one", "two"))
    told = headline.sentence(found)
    assert " on one; " in told and told.endswith(" on two.")


@pytest.mark.parametrize("factor, words", [
    (5000.0, "more than 1000 times as high"), (40.0, "40.0 times as high")])
def test_a_factor_is_not_told_smaller_than_it_is(tmp_path, factor, words):
    found = series(tmp_path, {(3, "nort"): factor}, ("nort",))
    assert words in headline.sentence(found)
