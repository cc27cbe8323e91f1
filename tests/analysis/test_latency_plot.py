"""Distributions of latencies: the numbers, what is left out of a drawing, and
what is said next to it."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from analysis import ccdf, load, plots, report, verdicts
from analysis.ccdf import Curve
from analysis.latency import Quantile
from analysis.report import latency
from labs import LabMaker


def row(counts, overflow=0, limit=1000, cpu=0):
    return SimpleNamespace(counts=counts, overflow=overflow, limit_us=limit,
                           cpu=cpu)


def drawn_from(rng, samples, sigma=0.9):
    """Latencies in whole microseconds with a heavy tail."""
    return np.floor(20 * np.exp(sigma * rng.standard_t(4, samples))).astype(
        int)


def histogram(found, limit=10 ** 9):
    us, number = np.unique(found[found < limit], return_counts=True)
    return row(dict(zip(us.tolist(), number.tolist())),
               int((found >= limit).sum()), limit)


# The numbers

def test_a_curve_is_what_the_latencies_say():
    rng = np.random.default_rng(1)
    one, other = drawn_from(rng, 5000), drawn_from(rng, 7000, 1.1)
    both = np.concatenate([one, other])
    found = ccdf.curve([histogram(one), histogram(other)])
    assert found.samples == 12000 and found.overflow == 0
    assert found.highest == both.max()
    for us in (0, 1, 5, 20, 20.5, 100, 1000, both.max() - 1, both.max()):
        assert found.over(us) == pytest.approx(np.mean(both > us)), us


def test_what_overflows_is_censored():
    rng = np.random.default_rng(2)
    found = drawn_from(rng, 5000)
    one = ccdf.curve([histogram(found, limit=200)])
    beyond = int((found >= 200).sum())
    assert beyond > 10
    assert (one.overflow, one.limit, one.samples) == (beyond, 200, 5000)
    assert one.steps[-1][1] == pytest.approx(beyond / 5000)
    assert one.over(100) == pytest.approx(np.mean(found > 100))


def test_nothing_is_known_beyond_the_lowest_limit_that_overflowed():
    found = ccdf.curve([row({5: 6, 90: 2}, 2, 100), row({5: 9, 150: 1}, 0,
                                                        500)])
    assert (found.overflow, found.limit) == (3, 100)
    assert found.steps == [(5, pytest.approx(5 / 20)),
                           (90, pytest.approx(3 / 20))]


@pytest.mark.parametrize("rows, steps", [
    ([], None), ([row(None)], None), ([row({}, 3, 10)], []),
    ([row({4: 0, 7: 2})], [(7, 0.0)])])
def test_odd_histograms(rows, steps):
    found = ccdf.curve(rows)
    assert steps is None and found is None or found.steps == steps


def test_what_is_not_seen_has_a_rate_below_3_over_n():
    assert ccdf.curve([row({4: 600})]).unseen == 3 / 600
    assert ccdf.curve([row({4: 2})]).unseen == 1.0
    for samples in (100, 3000, 10 ** 6):
        # So rare an event is missed in N samples once in 20 times.
        assert (1 - Curve([], samples, 0, 1).unseen) ** samples == (
            pytest.approx(0.05, abs=0.003))


# What is left out

def level(steps, us):
    share = 1.0
    for at, left in steps:
        if at > us:
            break
        share = left
    return share


@pytest.mark.parametrize("sigma", [0.3, 0.9, 1.6])
def test_thinning_keeps_the_look_and_the_tail(sigma):
    whole = ccdf.curve([histogram(drawn_from(np.random.default_rng(3),
                                             200_000, sigma))]).steps
    thin = ccdf.thin(whole)
    print(f"sigma {sigma}: {len(whole)} steps, {len(thin)} stay")
    assert thin[-ccdf.TAIL:] == whole[-ccdf.TAIL:]
    assert set(thin) <= set(whole) and len(thin) < 260
    near = 10 ** (ccdf.NEAR_X)
    for us, share in whole[:-1]:
        # The line is never below the whole curve, and within a pixel it has
        # come down to it.
        assert level(thin, us) >= share
        assert level(thin, us * near) <= share * (
            10 ** (ccdf.NEAR_Y) + 1e-9), us


def test_a_short_curve_is_drawn_as_it_is():
    steps = [(us, 1 - us / 20) for us in range(1, ccdf.TAIL)]
    assert ccdf.thin(steps) == steps


def test_a_curve_falls_to_the_bottom_where_all_is_known():
    assert ccdf.vertices(ccdf.curve([row({4: 3, 9: 1})]), 2, 0.01) == [
        (2, 1.0), (4, 1.0), (4, 0.25), (9, 0.25), (9, 0.01)]


def test_a_censored_curve_ends_in_an_arrow_at_the_limit():
    line = ccdf.vertices(ccdf.curve([row({4: 3}, 1, 50)]), 2, 0.01)
    assert line[:4] == [(2, 1.0), (4, 1.0), (4, 0.25), (50, 0.25)]
    assert {x for x, _ in line[4:]} == {50, 50 / 1.05}
    assert max(y for _, y in line[4:]) > 0.25 > min(y for _, y in line[4:])


# A figure

def lab_of(folder, *, stages=3, worse=1, cpus=2, overflow=0, metronome=20,
           rules=None, samples=40_000, clock="exact", title=None):
    """The latencies of one stage have a fivefold tail."""
    rng = np.random.default_rng(5)
    lab = LabMaker(folder, kernels=(), rules=rules)
    lab.machine("m", clock=clock, vcpus=cpus, metronome_us=metronome,
                accel="icount" if clock == "exact" else "tcg")
    lab.metric("cyclictest", "p99", "us", latency=True)
    lab.metric("cyclictest", "avg", "ns", latency=True, primary=False)
    for stage in range(stages):
        lab.stage(stage, f"s{stage}", title=title and f"{title} {stage}")
        for seed in range(1, 6):
            found = np.floor(rng.gamma(3.0, 4.0, samples)).astype(int)
            far = rng.random(samples) < 0.0005 * (
                5 if stage == worse else 1)
            found[far] += 80
            boot = lab.boot(stage, seed, {
                "p99": float(np.quantile(found, 0.99)), "avg": 1000.0},
                machine="m", workload="cyclictest")
            for cpu in range(cpus):
                part = histogram(found[cpu::cpus], 500)
                lab.histogram(boot, "latency", cpu, part.counts,
                              limit_us=500, overflow=overflow)
    return load.load(lab.done(), "demo", fingerprints=True)


def figure_of(lab):
    (figure,) = latency.figures(lab, verdicts.judge(lab))
    return figure


def test_the_worst_claimed_stage_is_shown_first(tmp_path):
    figure = figure_of(lab_of(tmp_path, worse=1))
    assert figure["shown"] == 1
    classes = figure["plot"].classes
    shown = [name for key, name in classes.items()
             if isinstance(key, int) and name.endswith(" on")]
    assert sorted(shown) == ["curve cpu pick s1 on"] * 2 + [
        "curve pick s1 on", "floor pick s1 on"]


def test_without_a_claim_the_last_stage_is_shown(tmp_path):
    assert figure_of(lab_of(tmp_path, worse=None))["shown"] == 2


def test_curves_are_there_for_every_stage_and_cpu(tmp_path):
    lab = lab_of(tmp_path)
    plot = figure_of(lab)["plot"]
    assert plot.numbers["floors"] == 3
    assert plot.numbers["curves"] == 3 * (2 + 1)
    made = plots.draw([plot])["h0"]
    assert made.count('class="curve cpu pick s2"') == 2
    assert made.count('class="curve base"') == 1
    assert len(made) < 30_000


def test_one_cpu_has_no_curve_of_its_own(tmp_path):
    figure = figure_of(lab_of(tmp_path, cpus=1))
    assert figure["per_cpu"] == 0 and figure["plot"].numbers["curves"] == 3


def test_what_cannot_be_estimated_is_shaded_up_to_3_over_n(tmp_path):
    plot = figure_of(lab_of(tmp_path))["plot"]
    for i in range(3):
        assert {share for _, share in plot.files[f"f{i}"]} == {
            3 / (5 * 40_000)}
    assert plot.numbers["bottom"] < 3 / (5 * 40_000)


def test_the_threshold_and_the_limits_are_drawn(tmp_path):
    lab = lab_of(tmp_path, clock="wall", rules={"limits": {
        "cyclictest/p99": 60, "cyclictest/avg": 90_000,
        "cyclictest/exceedances": 250, "hackbench/time": 5}})
    judgement = verdicts.judge(lab)
    plot = latency.figures(lab, judgement)[0]["plot"]
    (tail,) = [g.tail for g in judgement.groups if g.tail]
    assert [float(us) for us in plot.numbers["lines"].split()] == [
        tail.threshold.us, 60, 90]
    assert [float(one) for one in plot.numbers["levels"].split()] == [
        pytest.approx(250e-6)]
    assert plot.texts["@line1"] == (f"{tail.threshold.us} us, p99.99 of the "
                                    "baseline")
    assert plot.texts["@line2"] == "limit p99 60 us"
    words = plots.draw([plot])["h0"]
    for mark in ("@line1", "@line2", "@line3", "@level1"):
        assert plot.texts[mark] in words


def test_the_table_says_what_the_analysis_counts(tmp_path):
    lab = lab_of(tmp_path)
    judgement = verdicts.judge(lab)
    (figure,) = latency.figures(lab, judgement)
    rows = {one["title"]: one["cells"] for one in figure["table"]}
    (group,) = [g for g in judgement.groups if g.tail]
    (over,) = [cells for title, cells in rows.items()
               if title.startswith("over ")]
    for one in group.rows:
        assert float(over[one.stage].replace(",", "")) == pytest.approx(
            one.mean, rel=1e-3)
    assert rows["latencies"][0] == "200,000"
    assert rows["p99.999, k instr"][0] == "not estimable"


@pytest.mark.parametrize("value, words", [
    (12_340.4, "12,340"), (9.96, "9.96"), (99_996.0, "100,000"),
    (0.012344, "0.01234"), (123.46, "123.5"), (1e6, "1,000,000")])
def test_numbers_have_no_exponent(value, words):
    assert latency._digits(value) == words
    found = Quantile(value, value, None)
    assert latency._quantile(found) == f"{words} [{words}, ?]"
    assert latency._quantile(Quantile(value)) == words


def test_rates_have_no_exponent():
    assert latency._rate(12_344, 1_000_000) == "12,340"
    assert latency._rate(0, 100) == "none: below 30,000"


def test_the_two_kinds_of_quantile_are_told_apart(tmp_path):
    page = page_of(lab_of(tmp_path), tmp_path)
    assert re.search("table's quantiles are those of a typical boot.*threshold"
                     ".*of all the baseline's latencies together", page)


def test_the_curve_at_the_threshold_is_the_rate_that_is_judged(tmp_path):
    lab = lab_of(tmp_path)
    (group,) = [g for g in verdicts.judge(lab).groups if g.tail]
    for one in group.rows:
        found = ccdf.curve(lab.counts[lab.counts.boot.isin(one.boots)]
                           .itertuples())
        assert 1e6 * found.over(group.tail.threshold.us) == pytest.approx(
            one.mean)


def test_overflow_is_said_to_be_beyond_the_limit(tmp_path):
    figure = figure_of(lab_of(tmp_path, overflow=3))
    assert set(figure["plot"].texts.values()) >= {
        "30 beyond 500 k instr \u25b6",
        "30 of the baseline beyond 500 k instr \u25b6"}
    rows = {one["title"]: one["cells"] for one in figure["table"]}
    assert rows["longest, k instr"][1] == "over 500"
    words = plots.draw([figure["plot"]])["h0"]
    assert words.count("30 beyond 500 k instr") == 2
    assert words.count("30 of the baseline beyond 500 k instr") == 1


def page_of(lab, folder):
    return report.render(lab, verdicts.judge(lab), folder)


def test_the_page_has_what_picks_a_stage_and_the_cpus(tmp_path):
    page = page_of(lab_of(tmp_path, title="a patch"), tmp_path)
    part = page[page.index('<section id="latency"'):]
    part = part[:part.index("</section>")]
    # Hidden until there is a script to serve it.
    assert re.search(r'<label class="pick-stage" hidden>.*<select class="'
                     'stage-pick">', part)
    assert re.findall(r'<option value="(\d)"( selected)?>', part) == [
        ("1", " selected"), ("2", "")]
    assert part.count('type="checkbox" class="per-cpu"') == 1
    assert "each of 2 CPUs" in part


@pytest.mark.parametrize("metronome, said", [(0, True), (20, False)])
def test_no_metronome_is_said(tmp_path, metronome, said):
    page = page_of(lab_of(tmp_path, metronome=metronome), tmp_path)
    assert ("No metronome: these are the latencies of QEMU's turns"
            in page) == said


@pytest.mark.parametrize("counts, overflow, limit, rules", [
    ({0: 9}, 0, 1, {}), ({}, 5, 1, {}), ({0: 3, 900_000: 1}, 0, 10 ** 6, {}),
    ({4: 10 ** 12}, 0, 500, {}),
    ({4: 5}, 0, 500, {"limits": {"cyclictest/p99": 1e8}}),
    ({4: 5}, 0, 500, {"limits": {"cyclictest/p99": 1e-9}}),
    ({4: 5}, 0, 500, {"limits": {"cyclictest/p99": -1.0}}),
    ({4: 5}, 0, 500, {"limits": {"cyclictest/p99": 1e15}}),
    ({4: 5}, 0, 500, {"limits": {"cyclictest/exceedances": 10.0}}),
    ({4: 5}, 0, 500, {"limits": {"cyclictest/exceedances": 1e9}})])
def test_odd_histograms_still_draw(tmp_path, counts, overflow, limit, rules):
    lab = LabMaker(tmp_path, rules=rules)
    lab.machine()
    lab.metric("cyclictest", "p99", "us", latency=True)
    for stage in (0, 1):
        for seed in (1, 2):
            boot = lab.boot(stage, seed, {"p99": 9.0}, workload="cyclictest")
            lab.histogram(boot, "latency", 0, counts, overflow=overflow,
                          limit_us=limit)
    found = load.load(lab.done(), "demo")
    made = plots.draw([figure_of(found)["plot"]])["h0"]
    assert 'class="curve base"' in made and "nan" not in made.lower()


def test_histograms_that_cannot_be_read_have_no_figure(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric("cyclictest", "p99", "us", latency=True)
    boot = lab.boot(0, 1, {"p99": 9.0}, workload="cyclictest")
    lab.histogram(boot, "latency", 0, "{not json")
    found = load.load(lab.done(), "demo")
    assert latency.figures(found, verdicts.judge(found)) == []
