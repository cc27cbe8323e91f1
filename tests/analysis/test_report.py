"""The page: complete, self-contained, and deaf to hostile text."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from analysis import load, plots, report, svg, verdicts
from analysis.report import problems, runs
from analysis.errors import BadRequest, CannotWork
from labs import ROOT, LabMaker, simple
from test_table import realistic, run
from test_verdicts import boots

VOID = {"meta", "br", "link", "img", "input", "hr", "col"}
HOSTILE = ("<script>alert(1)</script>", "\" onload='alert(2)' x=\"",
           "</title><img src=x onerror=alert(3)>", "`touch pwned`",
           "$(touch pwned)", "{{ 7 * 7 }}", "&lt;b&gt; & \\\\x41 @name0",
           "</script><script>alert(4)</script>", "%s%n 'quote' \"quote\"",
           "\033[31mred\x00\u202e")


class Page(HTMLParser):
    """Tags, attributes and texts of a page; fails where it does not nest."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts = [], [], []
        self.scripts, self.ids = [], []
        self.stack = []
        self.feed(text)
        self.close()
        assert self.stack == []
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, key, value) for key, value in attrs]
        self.ids += [value for key, value in attrs if key == "id"]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag):
        assert self.stack and self.stack[-1] == tag, (tag, self.stack)
        self.stack.pop()

    def handle_data(self, data):
        if self.stack and self.stack[-1] == "script":
            self.scripts.append(data)
        elif not self.stack or self.stack[-1] != "style":
            self.texts.append(data)


def page_of(path, study="demo"):
    lab = load.load(path, study, fingerprints=True)
    text = report.render(lab, verdicts.judge(lab), path.parent)
    return text, Page(text)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A study with two workloads, a histogram, a failure, fingerprints."""
    names = ("6.1-amd64", "6.1-rt-amd64", "6.12-amd64")
    lab = LabMaker(tmp_path_factory.mktemp("demo"), kernels=names,
                   text="study: demo\n# a comment & more\n")
    lab.machine("icount-2cpu", vcpus=2, metronome_us=20)
    lab.metric("hackbench", "time")
    lab.metric("hackbench", "switches", "switches", primary=False)
    lab.metric("cyclictest", "p99", "us", latency=True)
    for stage, mean in enumerate((8e8, 9e8, 8.1e8)):
        for seed, value in enumerate(boots(mean, stage, 3), 1):
            lab.boot(stage, seed, {"time": value, "switches": value // 1e4},
                     machine="icount-2cpu",
                     fingerprint={"qemu": {"version": "10.0.2",
                                           "command": f"q -seed {seed} -x"},
                                  "kernel": names[stage]})
            if (stage, seed) != (2, 3):
                boot = lab.boot(stage, seed, {"p99": 10.0 + stage},
                                machine="icount-2cpu", workload="cyclictest")
                lab.histogram(boot, "latency", 0, {3: 5, 9: 1000, 40: 1},
                              overflow=stage)
    lab.boot(2, 3, {}, machine="icount-2cpu", workload="cyclictest",
             state="bad", reason="Kernel panic - not syncing: oops",
             excerpt="[ 1.0] BUG: <bad> & worse\n[ 1.1] Kernel panic")
    return page_of(lab.done())


def test_it_says_what_was_found_run_and_how_to_repeat_it(demo):
    _, page = demo
    for words in ("hackbench time is 12.", "higher on 6.1-rt-amd64",
                  "17 of 18 boots ok",
                  "M instr, lower is better", "regressed",
                  "exact clock, metronome 20 us", "ab" * 32,
                  "linux-image-6.1-amd64", "klab run demo.yaml",
                  "klab reproduce key-6.1-amd64-default-icount-2cpu-"
                  "hackbench-1", "Kernel panic - not syncing: oops",
                  "[ 1.0] BUG: <bad> & worse", "console.log",
                  "3 beyond 1,000 k instr", "# a comment & more",
                  "Exact clock: instr is an instruction executed"):
        assert words in page.text, words
    assert len(plots_of(page)) == 5


def plots_of(page):
    return [value for tag, key, value in page.attributes
            if tag == "svg" and key == "aria-label"]


def test_what_differed_between_boots_is_named(demo):
    _, page = demo
    assert "kernel 6.1-amd64 (3 boots) 6.1-rt-amd64 (3 boots)" in page.text
    assert "q -seed 1 -x (3 boots)" in page.text
    assert "qemu.version 10.0.2" in page.text
    assert "9 boots recorded none" in page.text


def test_it_is_self_contained(demo):
    text, page = demo
    for tag, key, value in page.attributes:
        assert key != "src" and not key.startswith("on"), (tag, key, value)
        if key in ("href", "xlink:href"):
            assert tag in ("use", "a") and value.startswith("#") or (
                # Other pages and files of the lab.
                tag == "a" and re.match(r"\.\./|history\.html$", value))
    assert not set(page.tags) & {"link", "img", "iframe", "object", "embed",
                                 "base", "image", "foreignobject"}
    # The filters go nowhere.
    assert not {key for tag, key, _ in page.attributes
                if tag == "form"} & {"action", "method", "target"}
    assert "form-action 'none'" in text
    assert "http" not in text.replace("http-equiv", "")
    assert "@import" not in text and "url(" not in text
    assert "default-src 'none'" in text


def test_ids_do_not_clash(demo):
    _, page = demo
    assert len(page.ids) == len(set(page.ids))
    used = {value[1:] for tag, key, value in page.attributes
            if tag == "use" and key == "href"}
    assert used and used <= set(page.ids)


def test_the_numbers_are_embedded(demo):
    _, page = demo
    assert page.tags.count("script") == 2
    found = json.loads(page.scripts[0])
    assert found["klab_compare"] == 1
    assert found["kernels"][0]["sha256"] == "ab" * 32
    assert len(found["rows"]) == 12
    row = next(row for row in found["rows"] if row["stage"] == 1)
    group = found["groups"][row["group"]]
    assert (group["workload"], group["metric"]) == ("hackbench", "time")
    assert row["verdict"] == "regressed" and len(row["values"]) == 3
    assert row["change"] == pytest.approx(0.125, abs=0.02)
    assert [stage["kernel"] for stage in found["stages"]] == [
        "6.1-amd64", "6.1-rt-amd64", "6.12-amd64"]


def test_embedded_numbers_say_nothing_twice(demo):
    """What would be null is left out, and so is what groups and stages
    tell."""
    _, page = demo
    found = json.loads(page.scripts[0])
    for row in found["rows"]:
        assert None not in row.values()
        assert not {"config", "workload", "unit", "kernel"} & set(row)


def test_parts_that_are_there_are_linked_at_the_top(demo):
    text, page = demo
    nav = text[text.index("<nav"):text.index("</nav>")]
    linked = re.findall('href="#([a-z-]+)">', nav)
    assert linked == ["top", *re.findall('<section id="([a-z-]+)"', text)]
    assert "findings" not in linked and set(linked) <= set(page.ids)


def test_each_row_has_its_boots(demo):
    """Also those of one that failed."""
    text, page = demo
    groups = json.loads(page.scripts[0])["groups"]
    number = next(at for at, group in enumerate(groups)
                  if group["metric"] == "p99")
    row = re.search(f'<tr id="c-{number}-2".*?</tr>', text, re.S)[0]
    assert row.count("<code>klab reproduce key-6.12-amd64") == 3
    assert "cyclictest-3</code> panic" in row


def test_counts_lead_to_their_rows(demo):
    text, _ = demo
    tally = text[text.index('<ul class="tally"'):text.index("</header>")]
    assert re.search('href="#results" data-verdict="regressed" '
                     'data-kind="primary"><i>.</i>1 regressed', tally)


def test_plots_follow_the_colour_scheme(demo):
    text, page = demo
    colours = {value for tag, key, value in page.attributes
               if key in ("fill", "stroke", "color") and tag != "meta"}
    assert colours <= {"none", "black", "white", "currentColor",
                       *(f"var({name})" for name in svg.COLOURS.values())}
    style = re.search("<style>(.*?)</style>", text, re.S)[1]
    for name in svg.COLOURS.values():
        assert f"{name}: light-dark(#" in style, name
    # The switch has the last word on a screen, and paper is white.
    assert "color-scheme: light dark" in style
    assert "[data-theme=dark] { color-scheme: dark; }" in style
    paper = style[style.index("@media print"):]
    assert re.search(r":root\[data-theme\] \{\s*color-scheme: light;", paper)


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_text_stays_text(tmp_path, monkeypatch, words):
    """The same words in every place that a stranger can fill."""
    monkeypatch.chdir(tmp_path)
    lab = LabMaker(tmp_path, study=words, kernels=("base", words),
                   text=words)
    lab.stage(1, words, key="k1", release=words, package=words,
              version=words, sha256=words)
    lab.stage(2, words + "2", error=words)
    for config in ("c", words):
        lab.machine(words, vcpus=2)
        for stage in (0, 1):
            for seed in (1, 2, 3):
                boot = lab.boot(
                    stage, seed, {words: 100.0 + seed}, config=config,
                    machine=words, workload=words,
                    fingerprint={words: words, "x": f"{words} {seed}"})
                lab.histogram(boot, words, 0, {5: 100})
        lab.boot(1, 9, {}, config=config, machine=words, workload=words,
                 state="bad", outcome=words, reason=words, excerpt=words)
    lab.metric(words, words, words, latency=True)
    text, page = page_of(lab.done(), words)
    assert page.tags.count("script") == 2 and page.tags.count("svg") >= 3
    assert "img" not in page.tags
    assert not [a for a in page.attributes if a[1].startswith("on")]
    json.loads(page.scripts[0])
    shown = re.sub(r"\s+", " ", "".join(c if c.isprintable() else "?"
                                        for c in words))
    assert page.text.count(shown) > 10
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", text)
    assert not list(tmp_path.glob("pwned"))


def left_over(folder):
    """What is in a report's folder and no page."""
    return {p.name for p in folder.iterdir()} - {"index.html", "history.html"}


def test_written_by_rename_and_readable(tmp_path):
    done = run("report", "--db", realistic(tmp_path), "--lab", tmp_path,
               "--study", "demo", "--out", tmp_path / "reports" / "demo")
    path = tmp_path / "reports" / "demo" / "index.html"
    assert done.returncode == 1 and done.stdout == f"{path}\n"
    assert done.stderr == ""
    assert not left_over(path.parent)
    assert path.stat().st_mode & 0o777 == 0o644
    Page(path.read_text())


def test_no_regression_exits_0(tmp_path):
    path = simple(tmp_path, {"a": boots(8e8, 1), "b": boots(8e8, 2)})
    done = run("report", "--db", path, "--lab", tmp_path, "--study", "demo",
               "--out", tmp_path / "out")
    assert done.returncode == 0


def test_unknown_study_exits_2_and_writes_nothing(tmp_path):
    done = run("report", "--db", realistic(tmp_path), "--lab", tmp_path,
               "--study", "nope", "--out", tmp_path / "out")
    assert done.returncode == 2 and "no study 'nope'" in done.stderr
    assert not (tmp_path / "out").exists()


def test_missing_gnuplot_exits_4_with_the_package(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "analysis", "report", "--db",
         str(realistic(tmp_path)), "--lab", str(tmp_path), "--study", "demo",
         "--out", str(tmp_path / "out")], cwd=ROOT, text=True,
        capture_output=True, env={**os.environ, "PATH": str(tmp_path)})
    assert done.returncode == 4
    assert "gnuplot-nox" in done.stderr and "make setup" in done.stderr
    assert not (tmp_path / "out").exists()


def fake_gnuplot(folder, body, monkeypatch):
    folder.mkdir()
    tool = folder / "gnuplot"
    tool.write_text("#!/bin/sh\n" + body)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize("body, words", [
    ("echo 'line 3: bad thing' >&2; exit 1", "line 3: bad thing"),
    ("exit 0", "drew no usable p0"),
    ("exec sleep 60", "did not end in 0.2 s")])
def test_a_gnuplot_that_fails(tmp_path, monkeypatch, body, words):
    path = realistic(tmp_path)
    fake_gnuplot(tmp_path / "bin", body, monkeypatch)
    monkeypatch.setattr(plots, "TIMEOUT_S", 0.2)
    with pytest.raises(CannotWork, match=words):
        page_of(path)


def test_an_old_report_survives_a_failure(tmp_path, monkeypatch):
    path = realistic(tmp_path)
    out = tmp_path / "out"
    report.write(path, tmp_path, "demo", out)
    before = (out / "index.html").read_text()
    fake_gnuplot(tmp_path / "bin", "exit 1", monkeypatch)
    with pytest.raises(CannotWork):
        report.write(path, tmp_path, "demo", out)
    assert (out / "index.html").read_text() == before
    assert not left_over(out)


def test_a_folder_that_cannot_be_made(tmp_path):
    path = realistic(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWork, match="cannot be written"):
        report.write(path, tmp_path, "demo", tmp_path / "file" / "out")


def test_an_empty_study_has_a_page(tmp_path):
    _, page = page_of(LabMaker(tmp_path).done())
    assert "Nothing has been measured yet" in page.text
    assert page.tags.count("svg") == 0


def test_a_study_where_everything_broke_has_a_page(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric()
    for stage in (0, 1):
        lab.boot(stage, 1, {}, state="bad", reason="panic", excerpt="oops")
    _, page = page_of(lab.done())
    assert "broken" in page.text and "oops" in page.text


@pytest.mark.parametrize("values", [
    {"a": [0.0, 0.0], "b": [0.0, 0.0]}, {"a": [5.0], "b": [5.0]},
    {"a": [float("inf")] * 2, "b": [1.0, 2.0]}, {"a": [float("inf")]},
    {"a": [-5.0, 3.0], "b": [1.0, 2.0]}, {"a": [1e-300, 1e300]},
    {"a": [1e18, 1e18 + 4096], "b": [1e18]}])
def test_odd_values_still_draw(tmp_path, values):
    _, page = page_of(simple(tmp_path, values, unit="x"))
    text = page.text.lower()
    assert "nan" not in text.split() and "inf" not in text.split()


def test_many_failures_are_counted(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric()
    for seed in range(problems.FAILURES + 4):
        lab.boot(0, seed, {}, state="bad", reason=f"panic {seed}",
                 excerpt="x" * 50_000)
    text, page = page_of(lab.done())
    assert "4 more boots failed" in page.text
    assert len(text) < 1_000_000


def test_boots_shared_by_stages_are_listed_once(tmp_path):
    lab = LabMaker(tmp_path, kernels=("a", "b"))
    lab.stage(1, "b", key="key-a")
    lab.machine()
    lab.metric()
    for stage in (0, 1):
        lab.boot(stage, 1, {"time": 1.0})
    found = load.load(lab.done(), "demo")
    rows = runs.boots(found)
    assert len(rows) == 1 and rows[0]["kernels"] == ["a", "b"]


def test_damaged_fingerprints_are_counted(tmp_path):
    path = simple(tmp_path, {"a": [1.0, 2.0]})
    with sqlite3.connect(path) as db:
        db.execute("UPDATE boot SET fingerprint = '{\"a\": '")
    _, page = page_of(path)
    assert "fingerprints of 2 boots cannot be read" in page.text


def test_bad_base_is_a_bad_request(tmp_path):
    with pytest.raises(BadRequest):
        report.write(realistic(tmp_path), tmp_path, "demo", tmp_path / "o",
                     "nope")


def test_stacks_of_a_hang_are_there(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric()
    lab.boot(0, 1, {"time": 1.0})
    hung = lab.boot(1, 1, {}, state="bad", outcome="hang", detail="hang",
                    reason="no sign of life", excerpt="last words")
    folder = tmp_path / "boots" / hung
    folder.mkdir(parents=True)
    (folder / "stacks.txt").write_text("CPU 0: <spin> forever\x1b[2J\n")
    path, _ = report.write(lab.done(), tmp_path, "demo", tmp_path / "out")
    page = path.read_text()
    assert "CPU 0: &lt;spin&gt; forever" in page and "\x1b" not in page
    assert "1 failed (1 hang)" in page
    # One that is gone is left out.
    (folder / "stacks.txt").unlink()
    path, _ = report.write(tmp_path / "lab.db", tmp_path, "demo",
                           tmp_path / "out")
    assert "Stacks of the CPUs" not in path.read_text()
