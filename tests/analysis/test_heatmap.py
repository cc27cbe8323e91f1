"""The heatmap: what its cells say, and that it holds together."""

import math
import re
from html.parser import HTMLParser

import pytest

from analysis import export, load, plots, report, table, text, verdicts
from analysis.model import Estimate, Group, Row
from analysis.report import heatmap
from labs import LabMaker, simple
from test_verdicts import boots


class Heat(HTMLParser):
    """The heatmap's tables: rows of (tag, attributes, text) and nothing of
    what is around them."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tables, self.cell, self.inside = [], None, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "table":
            self.inside = "heat" in (attrs.get("class") or "").split()
            if self.inside:
                self.tables.append([])
        elif self.inside and tag == "tr":
            self.tables[-1].append([])
        elif self.inside and tag in ("td", "th"):
            self.cell = [tag, attrs, "", None]
            self.tables[-1][-1].append(self.cell)
        elif self.inside and tag == "a":
            self.cell[3] = attrs

    def handle_endtag(self, tag):
        if tag == "table":
            self.inside = False
        if tag in ("td", "th"):
            self.cell = None

    def handle_data(self, data):
        if self.cell:
            self.cell[2] += data


def heat_of(path):
    lab = load.load(path, "demo", fingerprints=True)
    judgement = verdicts.judge(lab)
    text = report.render(lab, judgement, path.parent)
    return Heat(text).tables, text, judgement


def cells_of(table):
    """{stage: {(workload, config): cell}}"""
    found = {}
    for row in table:
        for tag, attrs, text, link in row:
            if tag == "td" and "data-group" in attrs:
                found.setdefault(int(attrs["data-stage"]), {})[
                    attrs["data-workload"], attrs["data-config"]] = (
                    attrs["class"].split(), text, link, attrs)
    return found


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Five stages under two configs: what is calm, broken, the same kernel,
    slower under rt only, and faster."""
    lab = LabMaker(tmp_path_factory.mktemp("heat"), kernels=())
    for config in ("nort", "rt"):
        for stage in range(6):
            lab.stage(stage, str(stage) if stage else "base", config=config,
                      key=f"k{stage}{config}" if stage != 2 else
                      f"k1{config}", title=f"mm: part {stage}" if stage
                      else None, **({"error": "no", "state": "broken"}
                                    if stage == 3 else {}))
    lab.machine()
    lab.metric("hackbench", "time")
    lab.metric("hackbench", "switches", "switches", primary=False)
    lab.metric("netperf", "rate", "items/s", "higher")
    for config in ("nort", "rt"):
        for stage in (0, 1, 2, 4, 5):
            level = 1.08 if config == "rt" and stage >= 4 else 1.0
            level *= 0.7 if stage == 5 else 1.0
            for seed, value in enumerate(boots(8e8, min(stage, 1), 5), 1):
                lab.boot(stage, seed, {"time": value * level,
                                       "switches": 5.0 + seed},
                         config=config)
                lab.boot(stage, seed, {"rate": value / level},
                         config=config, workload="netperf")
    return heat_of(lab.done())


def test_a_row_per_stage_a_column_per_config_of_each_workload(series):
    tables, _, judgement = series
    assert len(tables) == 1
    head, names, *rows = tables[0]
    assert [cell[2] for cell in head] == ["stage", "hackbench time",
                                         "netperf rate"]
    assert [cell[1]["colspan"] for cell in head[1:]] == ["2", "2"]
    assert [cell[2] for cell in names] == ["nort", "rt"] * 2
    assert [row[0][2] for row in rows] == [
        "base", *(f"{stage} mm: part {stage}" for stage in range(1, 6))]
    assert all(row[0][1]["scope"] == "row" for row in rows)
    assert rows[4][0][1]["title"] == "mm: part 4"


def test_a_cell_leads_to_its_row(series):
    tables, text, judgement = series
    numbers = {(g.workload, g.config, g.metric): at
               for at, g in enumerate(judgement.groups)}
    for stage, cells in cells_of(tables[0]).items():
        for (workload, config), (_, _, link, attrs) in cells.items():
            metric = "time" if workload == "hackbench" else "rate"
            number = numbers[workload, config, metric]
            assert attrs["data-group"] == str(number)
            assert link["href"] == f"#c-{number}-{stage}"
            assert f'<tr id="c-{number}-{stage}"' in text


@pytest.mark.parametrize("stage, where, classes, shown, said", [
    (0, ("hackbench", "nort"), ["baseline"], "\u25cf", "baseline, 8"),
    (2, ("hackbench", "rt"), ["same-kernel"], "\u2261", "same kernel"),
    (3, ("netperf", "rt"), ["broken", "bare"], "\u00d7", "broken"),
    (4, ("hackbench", "rt"), ["regressed", "w3", "brought"],
     "\u25bc+8", "regressed, +8"),
    (4, ("netperf", "rt"), ["regressed", "w3"], "\u25bc\u2212", "regressed"),
    (5, ("hackbench", "nort"), ["improved", "b4", "brought"],
     "\u25b2\u221230", "improved, \u2212"),
    (5, ("netperf", "nort"), ["improved", "b4"], "\u25b2+4", "improved, +4")])
def test_a_cell_says_verdict_size_and_direction(series, stage, where, classes,
                                                shown, said):
    found, text, link, _ = cells_of(series[0][0])[stage][where]
    assert set(classes) <= set(found), found
    assert text.startswith(shown), text
    assert link["aria-label"].startswith(said)


def test_what_later_stages_inherit_is_not_brought_by_them(series):
    brought = {(stage, where) for stage, cells in cells_of(
        series[0][0]).items() for where, (classes, *_) in cells.items()
        if "brought" in classes}
    assert brought == {(4, ("hackbench", "rt")), (4, ("netperf", "rt")),
                       *((5, (workload, config))
                         for workload in ("hackbench", "netperf")
                         for config in ("nort", "rt"))}


def row_of(change, better="lower", verdict=verdicts.REGRESSED, log=True):
    group = Group("c", "m", "w", "x", "ns", better, True, False, "exact",
                  log=log)
    row = Row(1, "k", "key", 5, 0, verdict=verdict)
    row.whole = Estimate(change, (change, change), (change, change), False,
                         None, "exact")
    return group, row


@pytest.mark.parametrize("change, better, shade", [
    (0.0, "lower", ""), (0.0099, "lower", ""), (0.01, "lower", "w1"),
    (0.02, "lower", "w2"), (0.05, "lower", "w3"), (0.2, "lower", "w4"),
    (40.0, "lower", "w4"), (-0.02, "lower", "b2"), (0.02, "higher", "b2"),
    (-0.5, "higher", "w4"), (-1.0, "lower", "b4")])
def test_shades_are_steps_of_the_margin(change, better, shade):
    assert heatmap.shade(*row_of(change, better), 0.01) == shade


@pytest.mark.parametrize("margin, shade", [
    (0.0, "w4"), (0.01, "w4"), (0.05, "w3"), (0.3, "")])
def test_shades_follow_the_margin(margin, shade):
    assert heatmap.shade(*row_of(0.29), margin) == shade


def test_a_fall_is_as_far_as_the_rise_that_undoes_it():
    """To half and to twice are equally much, on the scale of ratios."""
    for change in (0.0205, 0.0505, 0.21, 0.5):
        up = heatmap.shade(*row_of(change), 0.01)
        down = heatmap.shade(*row_of(1 / (1 + change) - 1), 0.01)
        assert up[1:] == down[1:], change


def test_no_percentage_of_nothing():
    group, row = row_of(3.0)
    row.whole.absolute = True
    assert heatmap.shade(group, row, 0.01) == "w2"
    row.verdict = verdicts.INCONCLUSIVE
    assert heatmap.shade(group, row, 0.01) == ""


def around_0(folder, unit="ns"):
    """A baseline of about 0, and a kernel that is not."""
    lab = LabMaker(folder, kernels=("a", "b"))
    lab.machine()
    lab.metric(unit=unit)
    for stage, values in enumerate(([-2e6, 1e6, -1e6, 3e6],
                                    [1.21e8, 1.22e8, 1.2e8, 1.215e8])):
        for seed, value in enumerate(values, 1):
            lab.boot(stage, seed, {"time": value})
    return lab.done()


def test_what_is_no_percentage_says_its_unit(tmp_path):
    """The heading says percent, so no cell has another number; the spoken
    text, the tip, which copies its row, and the row have the unit."""
    path = around_0(tmp_path)
    tables, page, judgement = heat_of(path)
    classes, shown, link, _ = cells_of(tables[0])[1]["hackbench", "default"]
    assert shown == "\u25bc" and "bare" in classes
    assert re.fullmatch(r"regressed, \+12\d\.\d M instr(, .*)?",
                        link["aria-label"])
    row = page[page.index('<tr id="c-0-1"'):]
    row = row[:row.index("</tr>")]
    assert re.search(r">\+12\d(\.\d)? M instr</td>", row)
    assert re.search(r">\[\+1\d\d(\.\d)?, \+1\d\d(\.\d)?\] M instr</td>",
                     row)
    lab = load.load(path, "demo")
    mail = export.render("lkml", lab, judgement, tmp_path)
    assert re.search(r"^  b .* \+12\d(\.\d)? M instr  \[\+[^]]*\]  [RI]$",
                     mail, re.M)


@pytest.mark.parametrize("unit", ["x-max boxes of 1-x", "u" * 10_000],
                         ids=["words", "long"])
def test_odd_units_stay_what_they_are(tmp_path, unit):
    path = around_0(tmp_path, unit)
    _, page, judgement = heat_of(path)
    row = page[page.index('<tr id="c-0-1"'):]
    assert row[:row.index("</tr>")].count(f" {unit}</td>") == 2
    mail = export.render("lkml", load.load(path, "demo"), judgement, tmp_path)
    line = next(one for one in mail.splitlines() if one.startswith("  b "))
    assert line.endswith("  R") and len(line) <= 77


@pytest.mark.parametrize("change, shown", [
    (0.046, "+4.6"), (0.246, "+25"), (11.3, "x12.3"),
    (5e6, ">x1000"), (0.00001, "0")])
def test_a_change_is_said_briefly(change, shown):
    group, row = row_of(change)
    words = table.change_of(row, text.Scale("ns", [1e8], True))[0]
    assert heatmap._short(row, words) == shown


@pytest.mark.parametrize("words, typeset", [
    ("-3.1 %", "\u22123.1 %"), (">x1000", ">\u00d71000"),
    ("[x0.5, x12.3]", "[\u00d70.5, \u00d712.3]"),
    ("[-1.2e-05, +3] max-x", "[\u22121.2e\u221205, +3] max-x")])
def test_numbers_are_typeset_and_units_are_not(words, typeset):
    assert text.typeset(words) == typeset


def test_a_limit_that_is_exceeded_is_the_worst():
    group, row = row_of(0.0)
    row.limited = True
    assert heatmap.shade(group, row, 0.01) == "w4"


@pytest.mark.parametrize("mean, words", [
    (None, ""), (math.inf, ""), (0.0, "0"), (0.0041, "0.004"), (9.0, "9.00"),
    (134.2, "134"), (9999.0, "9999"), (10_000.0, "10.0k"),
    (830_761.0, "831k"), (999_600.0, "1.00M"), (2.4065e6, "2.41M"),
    (7.3e13, "73000G")])
def test_means_in_three_digits(mean, words):
    assert heatmap._brief(mean, text.Scale("switches", [1.0], True)) == words


def test_columns_that_do_not_fit_make_another_table(tmp_path):
    lab = LabMaker(tmp_path, kernels=("a", "b"))
    lab.machine()
    names = [f"w{at}" for at in range(5)]
    for name in names:
        lab.metric(name, "time")
    configs = [f"config-{at}" for at in range(7)]
    for config in configs:
        for name in names:
            for stage in (0, 1):
                lab.boot(stage, 1, {"time": 5.0}, config=config,
                         workload=name)
    tables, _, _ = heat_of(lab.done())
    spans = [[cell[2] for cell in table[0][1:]] for table in tables]
    assert spans == [["w0 time", "w1 time", "w2 time"],
                     ["w3 time", "w4 time"]]
    for table in tables:
        columns = 7 * (len(table[0]) - 1)
        assert columns <= heatmap.COLUMNS
        assert all(len(row) == 1 + columns for row in table[2:])


def test_a_metric_wider_than_a_table_is_torn(tmp_path):
    lab = LabMaker(tmp_path, kernels=("a",))
    lab.machine()
    lab.metric()
    for at in range(heatmap.COLUMNS + 3):
        lab.boot(0, 1, {"time": 5.0}, config=f"config-{at}")
    tables, _, _ = heat_of(lab.done())
    assert [len(table[2]) - 1 for table in tables] == [heatmap.COLUMNS, 3]


def test_several_machines_have_a_row_of_the_head(tmp_path):
    lab = LabMaker(tmp_path, kernels=("a", "b"))
    lab.metric()
    for machine in ("m1", "m2"):
        lab.machine(machine)
        for config in ("x", "y"):
            for stage in (0, 1):
                lab.boot(stage, 1, {"time": 5.0}, config=config,
                         machine=machine)
    tables, _, _ = heat_of(lab.done())
    heads = [[cell[2] for cell in row] for row in tables[0][:3]]
    assert heads == [["kernel", "hackbench time"], ["m1", "m2"],
                     ["x", "y", "x", "y"]]


def test_a_workload_without_a_primary_metric_has_its_first(tmp_path):
    lab = LabMaker(tmp_path, kernels=("a", "b"))
    lab.machine()
    lab.metric("hackbench", "time")
    lab.metric("odd", "second", primary=False)
    lab.metric("odd", "third", primary=False)
    for stage in (0, 1):
        lab.boot(stage, 1, {"time": 5.0})
        lab.boot(stage, 1, {"second": 5.0, "third": 6.0}, workload="odd")
    tables, _, _ = heat_of(lab.done())
    assert [cell[2] for cell in tables[0][0]] == ["kernel", "hackbench time",
                                                 "odd second"]


def test_one_config_needs_no_name(tmp_path):
    tables, _, _ = heat_of(simple(tmp_path, {"a": boots(8e8, 1),
                                             "b": boots(8e8, 2)}))
    assert len(tables[0]) == 1 + 2


def test_an_empty_study_has_no_heatmap(tmp_path):
    tables, text, _ = heat_of(LabMaker(tmp_path).done())
    assert tables == [] and 'id="heatmap"' not in text
    assert 'href="#heatmap"' not in text


def test_findings_show_in_the_cell(tmp_path):
    lab = LabMaker(tmp_path, kernels=("a", "b"))
    lab.machine()
    lab.metric()
    for stage in (0, 1):
        for seed in (1, 2):
            boot = lab.boot(stage, seed, {"time": 5.0 + seed})
            if stage:
                lab.finding(boot)
    tables, _, _ = heat_of(lab.done())
    cells = cells_of(tables[0])
    assert "!" in cells[1]["hackbench", "default"][1]
    assert "with findings" in cells[1]["hackbench", "default"][2]["aria-label"]
    assert "!" not in cells[0]["hackbench", "default"][1]


def test_a_name_of_10_kb_is_there_once_in_the_map(tmp_path):
    """Whole as a tip, and never in each cell or row."""
    name = "x" * 10_000
    lab = LabMaker(tmp_path, kernels=())
    lab.stage(0, "base")
    lab.stage(1, "1", key="k", title=name)
    lab.machine()
    for metric in ("a", "b", "c", "d"):
        lab.metric("hackbench", metric, primary=metric == "a")
    for stage in (0, 1):
        lab.boot(stage, 1, dict.fromkeys("abcd", 5.0))
    _, text, _ = heat_of(lab.done())
    section = text[text.index('<section id="heatmap"'):]
    section = section[:section.index("</section>")]
    assert section.count(name) == 2 and f'title="{name}"' in section
    results = text[text.index('<section id="results"'):]
    assert name not in results[:results.index("</section>")]


LUMINANCE = (0.2126, 0.7152, 0.0722)


def luminance(colour):
    parts = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    return sum(weight * (part / 12.92 if part <= 0.04045
                         else ((part + 0.055) / 1.055) ** 2.4)
               for weight, part in zip(LUMINANCE, parts))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(scope="module")
def colours():
    """{variable: (light, dark)}, and {class: (ground, ink)} of the cells."""
    css = "".join((plots.REPORTS / "css" / f"{name}.css").read_text()
                  for name in ("page", "heatmap"))
    known = {name: (light, dark) for name, light, dark in re.findall(
        r"(--[\w-]+): light-dark\((#\w{6}), (#\w{6})\)", css)}
    cells = re.findall(r"^\.([wb]\d) \{ --c: var\((--\w+)\); --t: "
                       r"(?:var\((--\w+)\)|light-dark\((#\w{6}), (#\w{6})\))",
                       css, re.M)
    return known, {name: (known[ground], known[ink] if ink else (light, dark))
                   for name, ground, ink, light, dark in cells}


def test_cells_can_be_read(colours):
    """WCAG 2 asks for 4.5 (1.4.3)."""
    known, cells = colours
    assert len(cells) == 8
    pairs = [*cells.values(), (known["--grey"], known["--grey-ink"]),
             (known["--sheet"], known["--ink"]),
             (known["--sheet"], known["--soft"]),
             (known["--page"], known["--soft"])]
    for scheme in (0, 1):
        for ground, ink in pairs:
            assert contrast(ground[scheme], ink[scheme]) >= 4.5, (ground, ink)


def test_shades_are_told_apart_without_hue(colours):
    """Each step of either side is further from the sheet than the one before,
    in lightness alone: so it is in print without colour, too."""
    known, cells = colours
    for scheme in (0, 1):
        for side in "wb":
            away = [contrast(known["--sheet"][scheme],
                             cells[f"{side}{step}"][0][scheme])
                    for step in (1, 2, 3, 4)]
            assert away == sorted(away) and away[0] > 1.05, away
            assert all(b / a > 1.2 for a, b in zip(away, away[1:])), away


def test_better_and_worse_differ_for_the_colour_blind(colours):
    """Deuteranopes and protanopes do not tell red from green, but how blue
    something is: the two sides differ in that."""
    _, cells = colours
    for step in "1234":
        for scheme in (0, 1):
            worse, better = (cells[side + step][0][scheme] for side in "wb")
            assert int(better[5:], 16) - int(worse[5:], 16) > 20, step
