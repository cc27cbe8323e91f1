"""What gnuplot is given, what becomes of what it draws, and where things are
in a series."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from analysis import load, plots, svg, verdicts
from analysis.report import metrics, series
from analysis.report.series import Panel, Stage
from labs import LabMaker

HOSTILE = "`touch pwned` @title0 <b> %s \" '"
CONFIGS = ("nort", "rt")


@pytest.mark.parametrize("low, high, found", [
    (0, 10, [0, 2, 4, 6, 8, 10]), (410, 503, [420, 440, 460, 480, 500]),
    (-0.3, 0.31, [-0.2, 0, 0.2]), (0, 1e-9, [0, 2e-10, 4e-10, 6e-10, 8e-10,
                                              1e-9])])
def test_ticks(low, high, found):
    assert plots.ticks(low, high) == pytest.approx(found)


@pytest.mark.parametrize("low, high, found", [
    (0.8, 12, ["1", "2", "5", "10"]), (4, 90, ["5", "10", "20", "50"]),
    (0.5, 2e6, ["1", "10", "100", "1,000", "10,000", "100,000",
                "1,000,000"])])
def test_marks_of_a_logarithmic_axis(low, high, found):
    assert re.findall('"([^"]*)"', plots.log_marks(low, high)) == found


# What becomes of a drawing

def walked(path):
    """The corners of a path of absolute moves and relative lines."""
    found, at, start = [], (0.0, 0.0), (0.0, 0.0)
    for kind, where in re.findall("([Mhvlz])([^Mhvlz]*)", path):
        n = [float(one) for one in where.split()]
        if kind == "M":
            at = start = n[0], n[1]
        elif kind == "z":
            at = start
        else:
            step = {"h": (n[0], 0.0) if n else None,
                    "v": (0.0, n[0]) if n else None,
                    "l": tuple(n)}[kind]
            at = at[0] + step[0], at[1] + step[1]
        found.append(at)
    return found


@pytest.mark.parametrize("path, short", [
    ("M1.00,2.00 L3.00,2.00 L3.00,5.52 ", "M1 2h2v3.5"),
    ("M0,0 L1,1 L2,0 Z", "M0 0l1 1l1 -1z"),
    ("M1,1 L1.01,1.02 M5,5 L6,7", "M1 1M5 5l1 2"),
    ("M0,0 C1,1 2,2 3,3", "M0,0 C1,1 2,2 3,3"), ("", "")])
def test_paths_become_short(path, short):
    assert svg.shorten(path) == short


def test_no_error_adds_up_along_a_short_path():
    rng = np.random.default_rng(1)
    corners = rng.normal(size=(2000, 2)).cumsum(axis=0)
    path = "M" + " L".join(f"{x:.2f},{y:.2f}" for x, y in corners)
    found = np.array(walked(svg.shorten(path)))
    assert np.abs(found[-1] - corners[-1]).max() <= 0.06
    distance = np.abs(found[:, None, :] - corners[None, ::50, :]).max(axis=2)
    assert distance.min(axis=0).max() <= 0.06


def drawn(plot):
    return ET.fromstring(plots.draw([plot])[plot.name])


def small(values=(1.0, 2.0, 3.0), config=""):
    return series.plot("p0", "a label", [Panel(config, "", 2.0, [
        Stage(i, value, (value - 0.1, value + 0.1), [value] * 4)
        for i, value in enumerate(values)])], 0.01, None)


def test_filled_points_of_one_colour_are_one_path():
    made = drawn(small())
    assert not list(made.iter("use"))
    dots = [path.get("d") for path in made.iter("path")
            if path.get("stroke-linecap") == "round"]
    # Twelve boots, and three means.
    assert [path.count("h0") for path in dots] == [12, 3]
    assert not list(made.iter("circle"))


def test_shapes_with_a_class_leave_their_looks_to_the_page():
    plot = plots.Plot("h0", "ccdf.gp", "a label", {
        "low": 1, "high": 100, "bottom": 0.001, "floors": 1, "curves": 1,
        "lines": "7", "levels": "", "endx": "50", "endy": "0.01",
        "sides": "1",
        "xmarks": '"1" 1', "ymarks": '"1" 1'},
        {"f0": [(1, 0.01), (100, 0.01)], "c0": [(1, 1.0), (50, 0.01)]},
        {"@end1": "over", "@line1": "7 us"},
        {1: "floor", 2: "curve on", "@end1": "pick"})
    made = drawn(plot)
    (shade,) = [one for one in made.iter() if one.get("class") == "floor"]
    (curve,) = [one for one in made.iter() if one.get("class") == "curve on"]
    (end,) = [one for one in made.iter() if one.get("class") == "pick"]
    assert (shade.tag, shade.keys()) == ("polygon", ["class", "points"])
    assert (curve.tag, curve.keys()) == ("path", ["class", "d"])
    assert (end.tag, end.text) == ("text", "over")
    assert {one.get("class") for one in made.iter()} == {
        "plot", "floor", "curve on", "pick", None}


def test_only_what_is_allowed_comes_through():
    root = ET.fromstring(
        "<svg xmlns='x' onload='alert(1)' viewBox='0 0 1 1'><script>x</script>"
        "<g id='a_plot_1' style='y'><foreignObject/><path d='M0,0 L1,0' "
        "onclick='z'/><text>@mark</text></g></svg>")
    made = svg.rebuild(root, "p0", {"@mark": "<b>"}, {})
    assert ET.tostring(made, encoding="unicode") == (
        '<svg viewBox="0 0 1 1"><g><path d="M0 0h1" /><text>&lt;b&gt;</text>'
        "</g></svg>")


# Series

def lab_of(folder, name, stages=14, *, step=0.05, only=None, broken=None,
           same=None, boots=4):
    """A series under two configs: from stage 6 on slower by `step`, under
    `only` if given; some stages may be broken, or the same code as before."""
    lab = LabMaker(folder, kernels=())
    lab.machine(name("machine"))
    lab.metric(name("workload"), name("metric"))
    rng = np.random.default_rng(3)
    for stage in range(stages):
        for config in CONFIGS:
            lab.stage(stage, str(stage), f"k{stage}-{config}"
                      if stage != same else f"k{stage - 1}-{config}",
                      "does not build" if stage == broken else None,
                      title=name(f"patch {stage}") if stage else None,
                      config=name(config),
                      state="broken" if stage == broken else None)
            if stage in (broken, same):
                continue
            slow = stage >= 6 and only in (None, config)
            for seed in range(1, boots + 1):
                boot = lab.boot(stage, seed, {name("metric"): float(
                    1e9 * (1 + step * slow) * (1 + (config == "rt"))
                    * np.exp(0.002 * rng.normal()))}, config=name(config),
                    machine=name("machine"), workload=name("workload"))
                if stage + 1 == same:
                    lab.cell(same, seed, boot, name(config), name("machine"),
                             name("workload"))
    return load.load(lab.done(), "demo")


def as_it_is(words):
    return words


def figures_of(folder, **options):
    lab = lab_of(folder, as_it_is, **options)
    return metrics.plots_of(verdicts.judge(lab))


def test_a_series_has_a_figure_per_metric_with_a_panel_per_config(tmp_path):
    (figure,) = figures_of(tmp_path, broken=9, same=4)
    plot = figure["plot"]
    assert figure["wide"] and figure["series"]["groups"] == [0, 1]
    assert plot.numbers["panels"] == 2
    assert plot.numbers["broken0"] == plot.numbers["broken1"] == "9"
    assert [row[0] for row in plot.files["s0"]] == [4]
    # 14 stages, one broken, one without boots of its own.
    assert len(plot.files["p1"]) == 12 * 4
    assert plot.files["0"][9] == () and plot.files["0"][4][1] == (
        plot.files["0"][3][1])
    made = drawn(plot)
    words = [node.text for node in made.iter("text")]
    assert {"nort", "rt", "0", "13"} <= set(words)
    assert any(word.startswith("6: +5") for word in words)


def test_what_changed_is_told_once_per_stage(tmp_path):
    (figure,) = figures_of(tmp_path)
    (one,) = figure["changes"]
    assert one["stage"] == 6 and one["title"] == "patch 6"
    assert [part.split()[0] for part in one["parts"]] == list(CONFIGS)
    assert one["crossed"] is None
    assert figure["plot"].numbers["changes0"] == "6"


def test_an_interaction_is_called_out(tmp_path):
    (figure,) = figures_of(tmp_path, only="rt")
    (one,) = figure["changes"]
    assert one["stage"] == 6
    assert one["crossed"].startswith("only under rt: nort ")
    assert figure["plot"].numbers["crossed0"] == "6"
    assert figure["plot"].numbers["changes0"] == ""
    assert figure["plot"].numbers["changes1"] == "6"


def test_a_handful_of_kernels_has_a_figure_per_config(tmp_path):
    lab = LabMaker(tmp_path, kernels=("a", "b"))
    lab.machine()
    lab.metric()
    for stage in (0, 1):
        for config in ("default", "rt"):
            for seed in (1, 2):
                lab.boot(stage, seed, {"time": 1e9 + seed}, config=config)
    found = metrics.plots_of(verdicts.judge(load.load(lab.done(), "demo")))
    assert [figure["wide"] for figure in found] == [False, False]
    assert {figure["plot"].script for figure in found} == {"points.gp"}


def test_many_releases_are_a_series_with_names(tmp_path):
    names = tuple(f"6.{i}-release" for i in range(metrics.FEW + 1))
    lab = LabMaker(tmp_path, kernels=names)
    lab.machine()
    lab.metric()
    for stage in range(len(names)):
        for seed in (1, 2):
            lab.boot(stage, seed, {"time": 1e9 + seed})
    (figure,) = metrics.plots_of(verdicts.judge(load.load(lab.done(),
                                                          "demo")))
    assert figure["wide"] and figure["plot"].numbers["turned"] == 1
    words = [node.text for node in drawn(figure["plot"]).iter("text")]
    assert "6.12-release" in words


@pytest.mark.parametrize("values", [
    [0.0, 0.0], [float("inf"), 1.0], [-5.0, 3.0], [1e-300, 1e300],
    [1e18, 1e18 + 4096], [7.0]])
def test_odd_values_of_a_series_still_draw(tmp_path, values):
    lab = LabMaker(tmp_path, kernels=())
    lab.machine()
    lab.metric(unit="x")
    for stage in range(3):
        lab.stage(stage, str(stage), title="a patch")
        for seed, value in enumerate(values, 1):
            lab.boot(stage, seed, {"time": value + 0.1 * stage})
    (figure,) = metrics.plots_of(verdicts.judge(load.load(lab.done(),
                                                          "demo")))
    words = {node.text.lower() for node in drawn(figure["plot"]).iter("text")}
    assert {"0", "1", "2"} <= words and not words & {"nan", "inf", "-inf"}


def panel(*means, spread=0.0, base=100.0, changes=None):
    return Panel("c", "", base, [
        Stage(i, mean, None, [mean - spread, mean + spread])
        for i, mean in enumerate(means)], changes or {})


def percents(panel, ends):
    return [round(100 * (end / panel.base - 1), 3) for end in ends]


def test_panels_share_a_scale_of_percent():
    one, other = panel(100, 103), panel(1000, 1080, base=1000.0)
    found = series._ranges([one, other])
    assert percents(one, found[0]) == percents(other, found[1])
    assert found[0][0] < 100 and found[1][1] > 1080


@pytest.mark.parametrize("other", [panel(100, 350), panel(0, 5, base=None)])
def test_a_panel_that_would_flatten_the_others_has_a_scale_of_its_own(other):
    alone = series._ranges([panel(100, 103)])
    assert series._ranges([panel(100, 103), other])[0] == alone[0]


def test_every_boot_is_within_its_panel():
    one = panel(100, 130, 101, spread=7.0, changes={1: 0.3})
    ((low, high),) = series._ranges([one])
    assert low < 93 and high > 137


def test_names_of_changes_do_not_run_into_each_other():
    one = panel(*[100] * 36, changes={3: 0.1, 4: 0.1, 5: 0.1, 30: 0.1})
    assert series._rows(one) == [0, 1, 2, 0]


def test_a_large_figure_stays_small():
    rng = np.random.default_rng(1)
    panels = [Panel(f"c{i}", "base", 1.0, [
        Stage(stage, 1.0, (0.99, 1.01), list(1 + 0.01 * rng.normal(size=5)))
        for stage in range(36)]) for i in range(4)]
    made = plots.draw([series.plot("p0", "x", panels, 0.01, None)])["p0"]
    print(f"36 stages, 4 configs, 5 boots: {len(made)} bytes")
    assert made.count("h0") == 4 * 36 * (5 + 1)
    assert len(made) < 50_000


# Hostile names

def test_gnuplot_never_sees_a_name(tmp_path, monkeypatch):
    seen = []
    draw = plots._gnuplot

    def spy(folder):
        seen.extend(path.read_text() for path in Path(folder).iterdir()
                    if path.suffix != ".svg")
        draw(folder)

    monkeypatch.setattr(plots, "_gnuplot", spy)
    monkeypatch.chdir(tmp_path)
    lab = lab_of(tmp_path / "lab", lambda words: f"{words} {HOSTILE}")
    (figure,) = metrics.plots_of(verdicts.judge(lab))
    made = ET.fromstring(plots.draw([figure["plot"]])["p0"])
    assert len(seen) > 5
    assert not [words for words in seen if "pwned" in words
                or "touch" in words or "patch" in words]
    assert not list(tmp_path.rglob("pwned"))
    words = [node.text for node in made.iter("text")]
    assert f"nort {HOSTILE}" in words
    assert HOSTILE in made.get("aria-label")
