"""What is said of labs whose truth is known, and of odd ones."""

import math

import numpy as np
import pytest

from analysis import cells, headline, load, summary, verdicts
from analysis.errors import BadRequest, CannotWork
from labs import LabMaker, simple


def judge(path, base=None):
    return verdicts.judge(load.load(path, "demo"), base)


def row(judgement, kernel, metric=None):
    found = [r for g, r in judgement.rows() if r.kernel == kernel
             and metric in (None, g.metric)]
    assert len(found) == 1
    return found[0]


def boots(mean, seed, n=5, cv=0.005):
    rng = np.random.default_rng(seed)
    return list(mean * np.exp(cv * rng.normal(size=n)))


def test_the_four_verdicts(tmp_path):
    found = judge(simple(tmp_path, {
        "base": boots(8e8, 1), "slow": boots(9e8, 2), "fast": boots(7e8, 3),
        "twin": boots(8e8, 4, n=25), "near": boots(8.08e8, 5)}))
    said = {r.kernel: r.verdict for _, r in found.rows()}
    assert said == {"base": "baseline", "slow": "regressed",
                    "fast": "improved", "twin": "equivalent",
                    "near": "inconclusive"}
    assert row(found, "slow").change == pytest.approx(0.125, abs=0.01)
    low, high = row(found, "slow").interval
    assert low < 0.125 < high
    assert row(found, "near").more_boots >= 1
    assert found.worse()


def test_higher_is_better_turns_the_verdict(tmp_path):
    found = judge(simple(tmp_path, {"a": boots(100, 1), "b": boots(120, 2)},
                         unit="ops/s", better="higher"))
    assert row(found, "b").verdict == "improved"
    assert not found.worse()


def test_a_change_within_the_margin_is_no_regression(tmp_path):
    """Sure, but small: 0.5 % with a margin of 1 %."""
    found = judge(simple(tmp_path, {"a": boots(8e8, 1, 20, 0.001),
                                    "b": boots(8.04e8, 2, 20, 0.001)}))
    assert row(found, "b").q < 0.05
    assert row(found, "b").verdict == "equivalent"


def test_families_are_apart(tmp_path):
    """A hundred silent secondary metrics do not dilute the primary one."""
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric(name="time")
    for i in range(100):
        lab.metric(name=f"m{i}", primary=False)
    rng = np.random.default_rng(8)
    for stage in (0, 1):
        for seed in range(4):
            values = {f"m{i}": math.exp(rng.normal()) for i in range(100)}
            values["time"] = 8e8 * math.exp(0.05 * rng.normal()
                                            + 0.2 * stage)
            lab.boot(stage, seed, values)
    found = judge(lab.done())
    assert found.families == {"primary": 1, "other": 100}
    assert row(found, "new", "time").q == row(found, "new", "time").p


def test_deterministic_metric_is_compared_exactly(tmp_path):
    found = judge(simple(tmp_path, {"a": [1000.0] * 3, "b": [1100.0] * 3,
                                    "c": [1000.0] * 3, "d": [1000.5] * 3},
                         unit="instructions"))
    assert row(found, "b").verdict == "regressed"
    assert row(found, "b").method == "exact"
    assert row(found, "b").interval == (pytest.approx(0.1),) * 2
    assert row(found, "b").q is None
    assert row(found, "c").verdict == "equivalent"
    assert row(found, "c").reason == "equal in every boot"
    assert row(found, "d").verdict == "equivalent"
    assert found.families == {"primary": 0, "other": 0}


def test_two_equal_boots_are_not_called_exact(tmp_path):
    found = judge(simple(tmp_path, {"a": [1000.0] * 2, "b": [1100.0] * 2},
                         unit="instructions"))
    assert row(found, "b").verdict == "inconclusive"
    assert row(found, "b").more_boots == 1


def test_rounded_latencies_claim_no_more_than_their_step(tmp_path):
    found = judge(simple(tmp_path, {"a": [4.0] * 3, "b": [5.0] * 3,
                                    "c": [9.0] * 3, "d": [4.0] * 3},
                         unit="us", name="p99", latency=True))
    assert row(found, "b").verdict == "inconclusive"
    assert "steps of 1 us" in row(found, "b").reason
    assert row(found, "b").more_boots == math.inf
    assert row(found, "c").verdict == "regressed"
    assert row(found, "c").interval == (pytest.approx(1.0),
                                        pytest.approx(1.5))
    assert row(found, "d").verdict == "inconclusive"


def test_one_boot_is_told_and_not_judged(tmp_path):
    found = judge(simple(tmp_path, {"a": boots(8e8, 1), "b": [9e8]}))
    r = row(found, "b")
    assert (r.verdict, r.change, r.q, r.cv) == ("inconclusive",) + (None,) * 3
    assert "one boot has no spread" in r.reason
    found = judge(simple(tmp_path / "x", {"a": [8e8], "b": [9e8]}))
    assert row(found, "b").verdict == "inconclusive"


def test_values_of_zero_fall_back_to_the_plain_scale(tmp_path):
    found = judge(simple(tmp_path, {"a": [0.0, 0.0, 0.0],
                                    "b": [5.0, 5.0, 6.0],
                                    "c": [0.0, 0.0, 0.0]},
                         unit="wakeups"))
    assert "plain scale" in found.groups[0].notes[0]
    b = row(found, "b")
    assert b.verdict == "regressed"
    assert b.change is None and b.difference[0] == pytest.approx(16 / 3)
    assert row(found, "c").verdict == "equivalent"


def test_percent_of_a_plain_scale_baseline(tmp_path):
    found = judge(simple(tmp_path, {"a": [99.0, 100.0, 101.0],
                                    "b": [150.0, 151.0, 149.0],
                                    "c": [0.0, 1.0, 2.0]}, unit="x"))
    assert not found.groups[0].log
    assert row(found, "b").change == pytest.approx(0.5)
    assert row(found, "c").verdict == "improved"


@pytest.mark.parametrize("bad", [math.inf, -math.inf])
def test_infinite_values_give_a_sentence(tmp_path, bad):
    found = judge(simple(tmp_path, {"a": boots(8e8, 1),
                                    "b": [8e8, bad, 8e8]}))
    assert row(found, "b").verdict == "inconclusive"
    assert row(found, "b").mean is None
    assert "1 of 3 boots gave no finite value" in row(found, "b").reason
    found = judge(simple(tmp_path / "x", {"a": [8e8, bad, 8e8],
                                          "b": boots(8e8, 1)}))
    assert row(found, "a").verdict == "inconclusive"
    assert row(found, "b").change is None
    assert "the baseline: 1 of 3" in row(found, "b").reason


def test_huge_ratios_stay_finite(tmp_path):
    found = judge(simple(tmp_path, {"a": [1e-300, 1e300], "b": [1e300, 1.0]},
                         unit="x"))
    assert row(found, "b").verdict == "inconclusive"
    assert all(map(math.isfinite, row(found, "b").interval))


def broken_lab(folder, **failure):
    lab = LabMaker(folder, kernels=("old", "new"))
    lab.machine()
    lab.metric()
    for seed, value in enumerate(boots(8e8, 1), 1):
        lab.boot(0, seed, {"time": value})
    lab.boot(1, 1, {}, **failure)
    return lab.done()


def test_broken_kernel(tmp_path):
    found = judge(broken_lab(tmp_path, state="bad", outcome="panic",
                             reason="Kernel panic - not syncing: oops"))
    r = row(found, "new")
    assert r.verdict == "broken"
    assert "Kernel panic" in r.reason and "boot key-new" in r.reason
    assert found.worse()
    assert headline.sentence(found) == (
        "new breaks hackbench (Kernel panic - not syncing: oops).")


def test_a_failure_of_the_lab_is_not_the_kernels(tmp_path):
    found = judge(broken_lab(tmp_path, state="lab", outcome="qemu",
                             reason="qemu died"))
    assert row(found, "new").verdict == "inconclusive"
    assert "the lab failed, not the kernel: qemu died" in row(found,
                                                              "new").reason
    assert not found.worse()


def test_a_running_boot_is_not_done(tmp_path):
    found = judge(broken_lab(tmp_path, state="running", outcome="silent"))
    assert row(found, "new").reason == "its boots have not ended"
    assert found.boots == {"planned": 6, "ok": 5, "bad": 0, "lab": 0,
                           "open": 1}


def test_broken_baseline_leaves_nothing_to_compare_with(tmp_path):
    path = broken_lab(tmp_path, state="bad", reason="panic")
    found = judge(path, "new")
    assert row(found, "new").verdict == "broken"
    assert row(found, "old").verdict == "inconclusive"
    assert "nothing to compare with" in row(found, "old").reason
    assert not found.worse()


def test_no_kernel(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric()
    lab.stage(1, "new", error="package 'linux-image-9' not found")
    lab.boot(0, 1, {"time": 8e8})
    lab.cell(1, 1, "never")
    found = judge(lab.done())
    assert row(found, "new").verdict == "not applicable"
    assert row(found, "new").reason.startswith("no kernel: package")
    assert not found.worse()


def test_a_kernel_that_does_not_build_is_broken(tmp_path):
    lab = LabMaker(tmp_path, kernels=("base", "1", "2"))
    lab.stage(1, "1", state="broken", title="mm: add a typo",
              error="mm/slub.c:12: 'foo' undeclared")
    lab.machine()
    lab.metric()
    for seed in (1, 2, 3):
        lab.boot(0, seed, {"time": 8e8})
        lab.boot(2, seed, {"time": 8e8})
    found = judge(lab.done())
    broken = row(found, "1 mm: add a typo")
    assert (broken.verdict, broken.planned) == ("broken", 0)
    assert broken.reason == "does not build: mm/slub.c:12: 'foo' undeclared"
    assert found.worse()


def test_nothing_builds_under_a_config(tmp_path):
    lab = LabMaker(tmp_path, kernels=("base", "1"))
    for stage, name in enumerate(("base", "1")):
        lab.stage(stage, name, config="rt", state="broken", error="no")
    lab.machine()
    lab.metric()
    lab.boot(0, 1, {"time": 8e8})
    found = judge(lab.done())
    rows = [r for g, r in found.rows() if g.config == "rt"]
    assert [r.verdict for r in rows] == ["broken", "broken"]
    assert not found.worse()


def test_equal_code_is_named_after_its_first_stage(tmp_path):
    lab = LabMaker(tmp_path, kernels=("base", "1", "2", "3"))
    lab.stage(2, "2", run_key="key-1")
    lab.stage(3, "3", run_key="key-base")
    lab.machine()
    lab.metric()
    for stage in range(4):
        for seed, value in enumerate(boots(8e8 + 8e7 * (stage % 3 > 0), 7), 1):
            lab.boot(stage, seed, {"time": value})
    found = judge(lab.done())
    verdicts_of = {r.kernel: r.verdict for _, r in found.rows()}
    assert verdicts_of == {"base": "baseline", "1": "regressed",
                           "2": "same kernel", "3": "same kernel"}
    assert row(found, "2").twin is row(found, "1")
    assert row(found, "2").same_as == "same kernel as 1"
    assert found.families["primary"] == 1


def test_some_failed_boots_leave_the_rest(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric()
    for stage in (0, 1):
        for seed, value in enumerate(boots(8e8, stage), 1):
            lab.boot(stage, seed, {"time": value})
    lab.boot(1, 9, {}, state="bad", reason="panic")
    r = row(judge(lab.done()), "new")
    assert (r.n, r.planned, r.failed) == (5, 6, 1)


def test_same_kernel_is_not_tested(tmp_path):
    lab = LabMaker(tmp_path, kernels=("a", "b", "c"))
    lab.stage(1, "b", key="key-a")
    lab.machine()
    lab.metric()
    for seed, value in enumerate(boots(8e8, 1), 1):
        lab.boot(0, seed, {"time": value})
        lab.boot(1, seed, {"time": value})
        lab.boot(2, seed, {"time": value * 1.2 + seed})
    found = judge(lab.done())
    assert row(found, "b").verdict == "same kernel"
    assert row(found, "b").change is None
    assert found.families["primary"] == 1
    assert found.boots["planned"] == 10


def test_equal_kernels_count_once_in_variance_and_family(tmp_path):
    """Stages 1 and 2 are one kernel: their boots are no more evidence."""
    lab = LabMaker(tmp_path, kernels=("a", "b", "c"))
    lab.stage(2, "c", key="key-b")
    lab.machine()
    lab.metric()
    for seed, value in enumerate(boots(8e8, 1), 1):
        lab.boot(0, seed, {"time": value})
        lab.boot(1, seed, {"time": value * 1.01 + seed})
        lab.boot(2, seed, {"time": value * 1.01 + seed})
    found = judge(lab.done())
    assert found.families["primary"] == 1
    assert row(found, "b").whole.contrast.df == 8
    assert row(found, "b").p == row(found, "c").p
    assert row(found, "b").q == row(found, "c").q


def latency_lab(folder, metric="p99", unit="ns", **machine):
    lab = LabMaker(folder)
    lab.machine("m", **machine)
    lab.metric("cyclictest", metric, unit, latency=True)
    for stage, mean in ((0, 1e4), (1, 1.5e4)):
        for seed, value in enumerate(boots(mean, stage), 1):
            lab.boot(stage, seed, {metric: value}, machine="m",
                     workload="cyclictest")
    return lab.done()


@pytest.mark.parametrize("machine, verdict", [
    (dict(vcpus=2, metronome_us=0), "not applicable"),
    (dict(vcpus=2, metronome_us=20), "regressed"),
    (dict(vcpus=1, metronome_us=0), "regressed"),
    (dict(vcpus=2, metronome_us=0, clock="wall"), "regressed")])
def test_no_metronome_no_latency_verdict(tmp_path, machine, verdict):
    r = row(judge(latency_lab(tmp_path, **machine)), "new")
    assert r.verdict == verdict
    if verdict == "not applicable":
        assert r.reason == ("no metronome: on more than one vCPU the "
                            "latencies are those of QEMU's turns")
        assert r.change is None and r.q is None


def test_throughput_needs_no_metronome(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine("m", vcpus=2, metronome_us=0)
    lab.metric()
    for stage, mean in ((0, 1e4), (1, 1.5e4)):
        for seed, value in enumerate(boots(mean, stage), 1):
            lab.boot(stage, seed, {"time": value}, machine="m")
    assert row(judge(lab.done()), "new").verdict == "regressed"


def test_a_maximum_is_not_judged(tmp_path):
    r = row(judge(latency_lab(tmp_path, "max")), "new")
    assert r.verdict == "not applicable" and r.mean > 0


def quantile_lab(folder, wakeups, missing, metric="p999"):
    """The last boots of the second kernel, `missing` of 5, report none."""
    lab = LabMaker(folder)
    lab.machine()
    lab.metric("cyclictest", metric, "ns", latency=True)
    for stage, mean in ((0, 1e4), (1, 1.5e4)):
        for seed, value in enumerate(boots(mean, stage), 1):
            lost = stage == 1 and seed > 5 - missing
            boot = lab.boot(stage, seed, {} if lost else {metric: value},
                            workload="cyclictest")
            lab.histogram(boot, "latency", 0, {5: wakeups - 1}, overflow=1)
    return lab.done()


@pytest.mark.parametrize("wakeups, missing, verdict, words", [
    (2994, 5, "not applicable", "not estimable in 5 of 5 boots"),
    (2994, 1, "regressed", None),
    (2995, 5, "inconclusive", "beyond the histogram's last bucket"),
    (2995, 1, "inconclusive", "in 1 of 5 boots it lies beyond"),
    (2995, 0, "regressed", None)])
def test_missing_quantiles_are_explained(tmp_path, wakeups, missing, verdict,
                                         words):
    r = row(judge(quantile_lab(tmp_path, wakeups, missing)), "new", "p999")
    assert r.verdict == verdict
    assert words is None or words in r.reason
    assert (r.mean is None) == (words is not None)


@pytest.mark.parametrize("metric, quantile", [
    ("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("p99_9", 0.999),
    ("p99.99", 0.9999), ("avg", None), ("p", None), ("p9x", None)])
def test_quantile_names(metric, quantile):
    assert cells.quantile_of(metric) == quantile


def test_an_unreadable_histogram_is_no_obstacle(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric("cyclictest", "p999", "us", latency=True)
    boot = lab.boot(0, 1, {"p999": 8.0}, workload="cyclictest")
    lab.histogram(boot, "latency", 0, "[1, {")
    lab.histogram(boot, "latency", 1, '{"a": 1}')
    found = judge(lab.done())
    assert row(found, "old").n == 1


def test_a_metric_that_nobody_reported(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric()
    lab.boot(0, 1, {})
    lab.boot(1, 1, {})
    found = judge(lab.done())
    assert {r.verdict for _, r in found.rows()} == {"not applicable"}


def test_a_metric_that_one_kernel_did_not_report(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric()
    lab.boot(0, 1, {"time": 1.0})
    lab.boot(1, 1, {})
    r = row(judge(lab.done()), "new")
    assert r.verdict == "inconclusive"
    assert r.reason == "no boot reported this metric"


def test_an_empty_study(tmp_path):
    found = judge(LabMaker(tmp_path).done())
    assert found.groups == [] and not found.worse()
    assert "Nothing has been measured" in headline.sentence(found)


def test_kernels_that_the_selection_leaves_out_have_no_row(tmp_path):
    lab = LabMaker(tmp_path, kernels=("a", "b", "c"))
    lab.machine()
    lab.metric()
    lab.boot(0, 1, {"time": 1.0})
    lab.boot(2, 1, {"time": 1.0})
    found = judge(lab.done())
    assert [r.kernel for _, r in found.rows()] == ["a", "c"]


def test_configs_and_machines_are_judged_apart(tmp_path):
    lab = LabMaker(tmp_path)
    lab.metric()
    for machine in ("m1", "m2"):
        lab.machine(machine)
        for config, change in (("rt", 1.2), ("nort", 1.0)):
            for stage in (0, 1):
                mean = 8e8 * (change if stage else 1)
                for seed, value in enumerate(boots(mean, stage), 1):
                    lab.boot(stage, seed, {"time": value}, config=config,
                             machine=machine)
    found = judge(lab.done())
    said = {(g.config, g.machine): g.rows[1].verdict for g in found.groups}
    assert said[("rt", "m1")] == said[("rt", "m2")] == "regressed"
    assert said[("nort", "m1")] != "regressed"
    assert "under rt" in headline.sentence(found)


def test_another_baseline(tmp_path):
    path = simple(tmp_path, {"a": boots(8e8, 1), "b": boots(9e8, 2)})
    assert row(judge(path, "b"), "a").verdict == "improved"
    assert row(judge(path, "1"), "a").verdict == "improved"
    with pytest.raises(BadRequest, match=r"no stage 'x'.*a \(0\), b \(1\)"):
        judge(path, "x")


def test_a_stage_name_of_digits_wins_over_the_number(tmp_path):
    path = simple(tmp_path, {"a": [1.0], "0": [2.0]})
    assert judge(path, "0").base == 1


def test_selecting_a_metric_changes_no_verdict(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric(name="time")
    lab.metric(name="switches", unit="switches", primary=False)
    for stage in (0, 1):
        for seed, value in enumerate(boots(8e8, stage), 1):
            lab.boot(stage, seed, {"time": value, "switches": value})
    found = judge(lab.done())
    for name in ("switches", "hackbench/switches", "hackbench switches"):
        some = verdicts.select(found, name)
        assert [g.metric for g in some.groups] == ["switches"]
        assert some.groups[0].rows == found.groups[1].rows
    with pytest.raises(BadRequest, match="it has: hackbench/time"):
        verdicts.select(found, "nope")


def test_missing_and_foreign_databases(tmp_path):
    with pytest.raises(CannotWork, match="is not there"):
        load.load(tmp_path / "lab.db", "demo")
    (tmp_path / "x.db").write_text("this is no database at all" * 100)
    with pytest.raises(CannotWork, match="cannot be read as a lab"):
        load.load(tmp_path / "x.db", "demo")
    path = simple(tmp_path, {"a": [1.0]})
    with pytest.raises(BadRequest, match="no study 'other'.*demo"):
        load.load(path, "other")


def test_a_path_with_odd_characters(tmp_path):
    path = simple(tmp_path / "a b?c#d%20", {"a": [1.0]})
    assert judge(path).boots["ok"] == 1


def test_loading_writes_nothing(tmp_path):
    path = simple(tmp_path, {"a": [1.0]})
    before = path.read_bytes()
    judge(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["lab.db"]
