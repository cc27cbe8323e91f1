"""The sentence at the top: what a maintainer can act on."""

import numpy as np
import pytest

from analysis import headline, load, verdicts
from labs import LabMaker

SUBJECT = "mm, slub: convert kmem_cpu_slab protection to local_lock"


def series(folder, shifts, configs=("nort", "lockstat"), broken=(), *,
           cv=0.0005, reason="general protection fault; then: Kernel panic",
           stages=4):
    """A lab of patches: {(stage, config): factor from that stage on}; broken:
    (stage, config) whose boots all panic."""
    lab = LabMaker(folder, kernels=("base",))
    for config in configs:
        for stage in range(stages):
            name = "base" if stage == 0 else str(stage)
            lab.stage(stage, name, key=f"{config}-{stage}", config=config,
                      title=None if stage == 0 else
                      SUBJECT if stage == 3 else f"patch {stage}")
    lab.machine()
    lab.metric()
    rng = np.random.default_rng(1)
    for config in configs:
        for stage in range(stages):
            level = 1e9
            for (at, where), factor in shifts.items():
                level *= factor if where == config and stage >= at else 1
            for seed in range(1, 7):
                lab.keys[stage] = f"{config}-{stage}"
                if (stage, config) in broken:
                    lab.boot(stage, seed, {}, config=config, state="bad",
                             reason=reason)
                else:
                    lab.boot(stage, seed, {"time": level * np.exp(
                        cv * rng.normal())}, config=config)
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
