"""What would have been seen, and what drifted: numbers against a known truth,
with fixed seeds."""

import math

import numpy as np
import pytest

from analysis import drift, load, noise, plots, report, stats, verdicts
from analysis.effects import ALPHA
from analysis.report import trust
from analysis.stats import Contrast, Sample
from labs import LabMaker, simple
from test_drift import lab_of as drifting

RUNS = 4000


def claimed(found, margin):
    """Does its interval show a change beyond the margin?"""
    return found.estimate - found.half(1 - ALPHA) > margin


@pytest.mark.parametrize("boots, others, least", [
    (3, 0, 0.72), (3, 8, 0.65), (5, 0, 0.75), (5, 8, 0.70), (10, 2, 0.76)])
def test_a_detectable_change_is_claimed_in_80_of_100_studies(boots, others,
                                                             least):
    """Of kernels that share their variance; the tests of who may share it cost
    some of that."""
    sd, margin, rng = 0.01, 0.01, np.random.default_rng(1)
    se, df = sd * math.sqrt(2 / boots), (2 + others) * (boots - 1)
    size = stats.detectable(Contrast(0.0, se, df, sd, ""), margin)
    plain = whole = 0
    for _ in range(RUNS):
        draws = rng.normal(size=(2 + others, boots)) * sd
        draws[1] += size
        samples = [Sample.of(one) for one in draws]
        shared = math.sqrt(stats.pooled(samples)[0])
        plain += claimed(Contrast(samples[1].mean - samples[0].mean,
                                  shared * math.sqrt(2 / boots), df, shared,
                                  ""), margin)
        whole += claimed(stats.contrast(*samples[:2], samples[2:]), margin)
    print(f"{boots} boots, {others} more kernels: +{100 * size:.2f} % is "
          f"claimed in {100 * plain / RUNS:.1f} % of {RUNS} studies, after "
          f"tests of the variances in {100 * whole / RUNS:.1f} %")
    assert plain / RUNS == pytest.approx(stats.POWER, abs=0.02)
    assert least <= whole / RUNS <= stats.POWER + 0.02


@pytest.mark.parametrize("boots", [5, 10, 30])
def test_it_is_the_inverse_of_the_boots_that_would_settle_it(boots):
    known = Contrast(0.0, 0.01 * math.sqrt(2 / boots), 2 * (boots - 1), 0.01,
                     "pooled t")
    distance = stats.detectable(known, 0.02) - 0.02
    assert stats.boots_needed(0.01, distance) == pytest.approx(boots, rel=0.05)


def test_above_a_floor_it_takes_half_of_all_estimates_and_30_percent_more():
    known = Contrast(0.0, 0.01, 12, 0.01, "pooled t")
    # 80 % of a normal estimate lie above its mean less 0.84 standard errors.
    assert stats.detectable(known, 0.05, 0.0) == pytest.approx(
        0.05 + 0.8416 * 0.01, rel=1e-3)


def judged(folder, values, **options):
    lab = load.load(simple(folder, values, **options), "demo")
    return lab, verdicts.judge(lab)


def boots_of(rng, mean, sd, count):
    return list(mean * np.exp(sd * rng.normal(size=count)))


def test_what_a_study_can_detect_is_of_its_own_spread(tmp_path):
    boots = boots_of(np.random.default_rng(2), 1e9, 0.01, 5)
    lab, judgement = judged(tmp_path, {
        name: boots[i:] + boots[:i] for i, name in enumerate("abcd")})
    (group,) = judgement.groups
    _, other = stats.pooled([row.found for row in group.rows])
    sd = math.sqrt(stats.pooled([row.found for row in group.rows])[0])
    expected = stats.detectable(Contrast(0.0, sd * math.sqrt(2 / 5), other,
                                         sd, ""), math.log1p(0.01))
    assert trust.detectable(group, 0.01) == pytest.approx(expected, rel=1e-6)
    (row,) = trust.of(lab, judgement)["metrics"]
    assert row["boots"] == "5"
    assert row["detectable"] == f"{100 * math.expm1(expected):.1f} %"
    assert row["floor"] == row["alarms"] == ""


def test_the_noise_of_the_baseline_raises_what_can_be_detected(tmp_path):
    rng = np.random.default_rng(3)
    _, judgement = judged(tmp_path, {
        "a": boots_of(rng, 1e9, 0.002, 12), "b": boots_of(rng, 1e9, 0.002, 5)})
    (group,) = judgement.groups
    before = trust.detectable(group, 0.01)
    group.noise = noise.Noise(12, 5, 1000, 0.1, 0.02)
    assert before < 0.03 < 0.1 < trust.detectable(group, 0.01) < 0.11
    row = trust._metric(judgement, group, 0.01)
    assert (row["floor"], row["alarms"], row["boots"]) == (
        "10.5 %", "2.0 %", "5, baseline 12")


def test_where_every_boot_agrees_any_change_beyond_the_margin_is_seen(
        tmp_path):
    lab, judgement = judged(tmp_path, {"a": [5e8] * 5, "b": [5e8] * 5})
    (row,) = trust.of(lab, judgement)["metrics"]
    assert row["detectable"] == "any beyond 1 %"
    assert row["spread"] == "0 %"


def test_steps_of_a_tool_are_part_of_what_can_be_detected(tmp_path):
    fine = judged(tmp_path / "fine", {"a": [50.0] * 5 + [51.0],
                                      "b": [51.0] + [50.0] * 5},
                  unit="switches")[1].groups[0]
    coarse = judged(tmp_path / "coarse", {"a": [50.0] * 5 + [51.0],
                                          "b": [51.0] + [50.0] * 5},
                    unit="us")[1].groups[0]
    assert trust.detectable(coarse, 0.01) - trust.detectable(fine, 0.01) == (
        pytest.approx(math.log1p(1 / coarse.base.mean)))


@pytest.mark.parametrize("values", [
    {"a": [1.0, 2.0]}, {"a": [1.0], "b": [2.0]}, {"a": [], "b": [1.0, 2.0]}])
def test_nothing_is_detectable_where_nothing_was_compared(tmp_path, values):
    lab, judgement = judged(tmp_path, values)
    (row,) = trust.of(lab, judgement)["metrics"]
    assert row["detectable"] == ""


def test_around_0_it_is_in_the_metrics_unit(tmp_path):
    rng = np.random.default_rng(4)
    lab, judgement = judged(tmp_path, {
        name: list(rng.normal(size=6)) for name in "ab"}, unit="degrees")
    (row,) = trust.of(lab, judgement)["metrics"]
    assert row["detectable"].endswith(" degrees")


def test_one_metrics_rows_stand_together(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric()
    lab.metric("kmalloc", "pair")
    for config in ("nort", "rt"):
        for workload, metric in (("hackbench", "time"), ("kmalloc", "pair")):
            lab.boot(0, 1, {metric: 1.0}, config=config, workload=workload)
    found = load.load(lab.done(), "demo")
    rows = trust.of(found, verdicts.judge(found))["metrics"]
    assert [row["title"] for row in rows] == [
        "hackbench time"] * 2 + ["kmalloc pair"] * 2


# Drift

def figures(slope=0.0, busy=0.0, seed=1, **options):
    lab = drifting(np.random.default_rng(seed), metrics=1, slope=slope,
                   busy=busy, **options)
    drifts = drift.check(lab)
    judgement = verdicts.Judgement({}, 0, "a", [], {}, {}, {}, None,
                                   drifts=drifts)
    return trust._drifts(lab, judgement)


def test_a_trend_is_drawn_as_it_was_fitted():
    (figure,) = figures(slope=20.0, kernels=4, boots=10)
    assert "drifted by +2" in figure["warning"]
    (first, low), (last, high) = figure["plot"].files["fit"]
    assert (first, last) == (0, 39)
    assert high - low == pytest.approx(20, abs=4) and high == pytest.approx(
        -low, rel=0.3)
    assert plots.draw([figure["plot"]])["d0"].count("h0") == 40


def test_parts_of_a_run_are_drawn_as_steps():
    (figure,) = figures(busy=12.0, kernels=4, boots=10)
    assert "between parts of the run" in figure["warning"]
    fit = figure["plot"].files["fit"]
    assert len(fit) == 2 * drift.PARTS
    levels = [value for _, value in fit[::2]]
    assert max(levels) == levels[2] and levels[2] - levels[0] == (
        pytest.approx(12, abs=3))


def test_without_a_drift_there_is_no_line_and_no_warning():
    (figure,) = figures(kernels=4, boots=10)
    assert figure["warning"] is None and figure["plot"].files["fit"] == []
    files = figure["plot"].files
    assert len(files["points"]) == 30 and len(files["base"]) == 10


def test_kernels_own_levels_are_no_drift():
    lab = drifting(np.random.default_rng(1), metrics=1,
                   levels=np.array([0.0, 3.0, 6.0, 9.0]))
    (one,) = drift.all_series(lab)
    assert np.abs(one.off()).max() < 0.05


def page_of(path):
    lab = load.load(path, "demo", fingerprints=True)
    return report.render(lab, verdicts.judge(lab), path.parent)


@pytest.mark.parametrize("clock, said, silent", [
    ("exact", "it cannot drift", "boots in the order of their starts"),
    ("wall", "No drift was found in the 1 metric", "it cannot drift")])
def test_the_page_says_what_can_drift(tmp_path, clock, said, silent):
    rng = np.random.default_rng(5)
    lab = LabMaker(tmp_path, kernels=("a", "b"))
    lab.machine("m", clock=clock, accel="kvm" if clock == "wall" else "icount")
    lab.metric()
    for stage in (0, 1):
        for seed in range(1, 7):
            lab.boot(stage, seed, {"time": 1e9 + 1e6 * rng.normal()},
                     machine="m", started=f"2026-01-01T00:{seed:02}:00Z")
    page = page_of(lab.done())
    part = page[page.index('<section id="trust"'):]
    part = part[:part.index("</section>")]
    assert said in part and silent not in part
    assert "false alarms not measured" in part
