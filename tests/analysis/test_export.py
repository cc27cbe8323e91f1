"""All formats with hostile names, the mail and CSV; and the command."""

import csv
import io
import json
import math
import re
import sqlite3
import subprocess
import sys

import pytest

from analysis import export, load, table, verdicts
from analysis.export import page
from exports import SCHEMA, assert_ktap, hostile, judged, patches, text_of
from labs import ROOT, LabMaker, simple
from test_table import run
from test_verdicts import boots

FORMATS = [("lkml", export.Options()), ("lkml", export.Options(every=True)),
           ("csv", export.Options()), ("csv", export.Options(samples=True)),
           ("json", export.Options()), ("ktap", export.Options()),
           ("kcidb", export.Options())]


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """The database of patches(), read and judged once."""
    return patches(tmp_path_factory.mktemp("series"))


@pytest.fixture(scope="module")
def evil(tmp_path_factory):
    return hostile(tmp_path_factory.mktemp("evil"))


# Everything

@pytest.mark.parametrize("form, options", FORMATS)
def test_hostile_names_get_into_no_format(evil, form, options):
    out = text_of(evil, form, options)
    out.encode()
    assert out.endswith("\n")
    assert not re.search("[\0-\x08\x0b\x0c\x0e-\x1f\x7f\u202e\u2028]", out)
    if form == "lkml":
        assert out.isascii()
        assert max(map(len, out.splitlines())) <= page.WIDTH == 77
        assert len(out) < 60_000
    if form in ("json", "kcidb"):
        json.loads(out, parse_constant=pytest.fail)
        assert "\\ud8" not in out
    if form == "kcidb":
        SCHEMA.validate(json.loads(out))
        assert "\\u0000" not in out
    if form == "ktap":
        assert_ktap(out)
    if form == "csv":
        rows = list(csv.reader(io.StringIO(out, newline=""), strict=True))
        assert len({len(row) for row in rows}) == 1 and len(rows) > 20


@pytest.mark.parametrize("form, options", FORMATS)
def test_a_lab_in_which_nothing_ran(tmp_path, form, options):
    lab = LabMaker(tmp_path, kernels=("a", "b"))
    lab.machine()
    lab.metric()
    for stage in (0, 1):
        lab.cell(stage, 1, f"none-{stage}")
    out = text_of(lab.done(), form, options)
    if form == "ktap":
        assert "not ok" not in out and "SKIP" in out
        assert_ktap(out)
    if form == "kcidb":
        found = json.loads(out)
        SCHEMA.validate(found)
        assert len(found["builds"]) == 2 and found["tests"] == []
    if form == "lkml":
        assert "Nothing has been measured yet" in out


@pytest.mark.parametrize("form, options", FORMATS)
def test_the_same_lab_gives_the_same_text(series, form, options):
    one = text_of(series, form, options)
    judged.cache_clear()
    assert text_of(series, form, options) == one


# lkml

def test_a_long_series_shows_what_changed_and_the_last(tmp_path):
    out = text_of(patches(tmp_path, stages=14), "lkml")
    nort = out[out.index("\n nort\n"):out.index("\n rt\n")].splitlines()
    shown = [line.split()[0] for line in nort
             if line.endswith(("base", "  R", "  I", "  X"))]
    assert shown == ["base", "5", "13"]
    assert re.search(r"^  5 .*\+5\.\d %  \[\+.*\] %  R$", "\n".join(nort),
                     re.M)
    assert re.search(r"^  7 to 12: regressed \(\+4\.\d % to \+5\.\d %\)$",
                     "\n".join(nort), re.M)
    assert "  1, 4: within +-1 % (" in "\n".join(nort)
    assert "Equal:    2 under nort, rt: the code of an earlier stage" in out
    assert "switches, lower" not in out


def test_a_later_step_is_shown_too(tmp_path):
    lab = LabMaker(tmp_path, kernels=())
    lab.machine()
    lab.metric()
    for stage in range(12):
        lab.stage(stage, str(stage), title=f"patch {stage}")
        cost = 1.0 + 0.05 * (stage >= 4) + 0.05 * (stage >= 8)
        for seed, value in enumerate(boots(1e8 * cost, stage, 5, 0.002), 1):
            lab.boot(stage, seed, {"time": value})
    out = text_of(lab.done(), "lkml")
    assert re.findall(r"^  (\d+) patch .*(?:base|R)$", out, re.M) == [
        "0", "4", "8", "11"]
    assert re.search(r"^  5 to 7, 9, 10: regressed \(\+[45]\.\d % to "
                     r"\+(9\.\d|10\.\d) %\)$", out, re.M)


def test_what_each_stage_changed(series):
    out = text_of(series, "lkml")
    told = out[out.index("Each stage against the one before:"):]
    assert re.search(r"stage 5 'mm/slub: patch number 5'\n  hackbench time, "
                     r"worse: nort \+5\.\d % \[.*\] %, rt\s+\+9\.\d %", told)


def test_what_broke_is_told_once_with_its_first_stage(series):
    out = text_of(series, "lkml")
    assert ("broken: 3 mm/slub: patch number 3\n  under every config: does "
            "not build: mm/slub.c:7: no such member\n") in out
    assert ("broken: 6 mm/slub: patch number 6\n  under every config: Kernel "
            "panic - not syncing: no lock\n") in out
    assert ("found: warning in flush_all\n  at 7 under rt, in 5 of 5 boots: "
            "7 mm/slub: patch number 7\n  WARNING: CPU: 0 PID: 1 at "
            "mm/slub.c:9\n") in out
    assert out.count("no such member") == 2     # the first sentence, and that


def failing(folder, configs=("nort",), machines=("icount-1cpu",), stages=3):
    """A series of which stage 2 and those behind it fail 3 of 5 boots, and
    the code of stage 2 is also that of stage 3."""
    lab = LabMaker(folder, kernels=())
    for machine in machines:
        lab.machine(machine)
    lab.metric()
    lab.metric(name="switches", unit="switches", primary=False)
    for stage in range(stages):
        for config in configs:
            lab.stage(stage, str(stage), f"key-{config}-{stage}",
                      title=f"patch {stage}" if stage else None,
                      run_key=f"key-{config}-2" if stage == 3 else None,
                      config=config)
            for machine in machines:
                for seed, value in enumerate(boots(8e8, stage), 1):
                    bad = stage >= 2 and ["hang", "hang", "panic", None,
                                          None][seed - 1]
                    lab.boot(stage, seed, {} if bad else {
                        "time": value, "switches": 7.0}, config=config,
                        machine=machine, state="bad" if bad else "ok",
                        outcome=bad or None, reason="no output for 60 s")
    return lab.done()


def test_boots_that_a_kernel_failed_are_told(tmp_path, series):
    out = text_of(failing(tmp_path / "one"), "lkml")
    assert ("\nstage 2 'patch 2': 3 of 5 boots of hackbench failed (2 hang, 1 "
            "panic)\n") in out
    out = text_of(failing(tmp_path / "two", configs=("nort", "rt"),
                          machines=("a", "b")), "lkml")
    told = [line for line in " ".join(out.split()).split("stage 2 'patch 2': ")
            if "boots of hackbench failed under" in line]
    assert [line[:line.index(")")] for line in told] == [
        f"3 of 5 boots of hackbench failed under {config} on {machine} (2 "
        "hang, 1 panic" for config in ("nort", "rt")
        for machine in ("a", "b")]
    # Of a kernel that is broken more is said, of the same code once.
    assert "boots of hackbench failed" not in text_of(series, "lkml")
    out = text_of(failing(tmp_path / "three", stages=4), "lkml")
    assert out.count("boots of hackbench failed") == 1
    out = text_of(failing(tmp_path / "many", stages=20), "lkml")
    assert out.count("boots of hackbench failed") == 12
    assert "\nand 5 more with boots that failed\n" in out


def test_all_lists_every_stage_and_metric(series):
    out = text_of(series, "lkml", export.Options(every=True))
    for config in ("nort", "rt"):
        assert len(re.findall(rf"^ {config}$", out, re.M)) == 2
    assert len(re.findall("^  11 mm/slub: patch number 11 ", out, re.M)) == 4
    assert "hackbench switches, switches, lower is better" in out
    assert "within +-1 % (" not in out and "not shown" not in out


def test_instruction_time_is_never_sold_as_wall_time(series, tmp_path):
    exact = text_of(series, "lkml")
    assert "hackbench time, M instr, lower is better" in exact
    assert "no wall time" in exact and " ms" not in exact
    lab = LabMaker(tmp_path / "kvm")
    lab.machine("kvm", clock="wall", accel="kvm")
    lab.metric()
    for stage in (0, 1):
        for seed in (1, 2, 3):
            lab.boot(stage, seed, {"time": 8e8 + seed}, machine="kvm")
    wall = text_of(lab.done(), "lkml")
    assert "hackbench time, ms, lower is better" in wall
    assert "instr" not in wall and "wall clock in a virtual machine" in wall


def test_what_has_no_figures_has_a_reason(tmp_path):
    lab = LabMaker(tmp_path, kernels=("a", "b", "c"),
                   rules={"limits": {"hackbench/time": 1e8}})
    lab.machine("m", vcpus=2)
    lab.metric()
    lab.metric("cyclictest", "p99", "us", latency=True)
    for stage in range(3):
        for seed in (1, 2, 3):
            lab.boot(stage, seed, {"time": 1e8 * stage + seed}, machine="m")
            lab.boot(stage, seed, {"p99": 9.5}, machine="m",
                     workload="cyclictest")
    out = text_of(lab.done(), "lkml")
    assert "  b, c: no metronome: on more than one vCPU" in out
    assert re.search(r"^  c .* R$", out, re.M)
    assert "  c: 200 M instr in boot key-c-" in out
    assert "beyond the limit of 100 M instr" in " ".join(out.split())


def test_secondary_metrics_are_counted(series):
    out = text_of(series, "lkml")
    assert "secondary metrics, not shown: " in out
    only = export.render("lkml", load.load(series, "demo"), verdicts.select(
        judged(series)[1], "switches"), series.parent)
    assert "hackbench switches, switches" in only and "not shown" not in only


def test_what_was_run_and_how_to_repeat_it(tmp_path):
    path = patches(tmp_path)
    folder = tmp_path / "kernels/key-nort-0"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(
        {"build": {"toolchain": "gcc 12.2.0"}}))
    out = text_of(path, "lkml")
    assert "Kernels:  base: 6.12.1, linux-image-base 1.2-3" in out
    assert "Compiler: gcc 12.2.0\n" in out and "QEMU:     10.0.2\n" in out
    assert "Configs:  nort (nort)\n          rt (rt)\n" in out
    assert ("Boots:    90 of 100 boots ok (5 with findings), 10 failed (10 "
            "panic); 5 per\n          kernel and workload\n") in out
    assert "A/A: false alarms not measured" in out
    assert out.endswith("To repeat it: klab run demo.yaml\n")


@pytest.mark.parametrize("name, word", [
    ("a b.yaml", "'a b.yaml'"), ("x" * 200, "STUDY.yaml"),
    ("\u202e.yaml", "STUDY.yaml"), ("$(id).yaml", "'$(id).yaml'")])
def test_the_command_can_be_pasted(tmp_path, name, word):
    path = simple(tmp_path, {"a": [1.0] * 3, "b": [2.0] * 3})
    with sqlite3.connect(path) as db:
        db.execute("UPDATE study SET path = ?", (f"/home/me/{name}",))
    out = text_of(path, "lkml")
    assert out.endswith(f"To repeat it: klab run {word}\n")
    assert "/home/me" not in out


@pytest.mark.parametrize("words, plain", [
    ("Ji\u0159\u00ed \u2013 5 \u00b5s \u00d7 2", "Jiri - 5 us x 2"),
    ("\u202eevil\u200f", "?evil?"), ("\u4e2d", "?"), ("a\nb", "a?b")])
def test_ascii(words, plain):
    assert page.ascii_of(words) == plain


# csv

def test_csv_is_rfc_4180(tmp_path):
    path = simple(tmp_path, {'quote " comma ,': boots(8e8, 1),
                             "slow": boots(9e8, 2)})
    out = text_of(path, "csv")
    assert out.count("\r\n") == out.count("\n") == 3
    assert '"quote "" comma ,"' in out
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    want = table.as_json(judged(path)[1])["rows"]
    for row, known in zip(rows, want, strict=True):
        assert row["study"] == "demo" and row["baseline"] == "0"
        assert row["name"] == ("slow" if known["stage"] else
                               'quote " comma ,')
        for key in ("mean", "mean_low", "cv", "change", "low", "high", "q"):
            assert row[key] == ("" if known[key] is None
                                else repr(known[key])), key
        assert row["primary"] == "true" and row["verdict"] == known["verdict"]


def test_csv_samples_are_the_values_of_the_verdicts(series):
    rows = list(csv.DictReader(io.StringIO(text_of(
        series, "csv", export.Options(samples=True)), newline="")))
    want = [(row.stage, group.config, group.metric, boot, value)
            for group, row in judged(series)[1].rows()
            for boot, value in zip(row.boots, row.values)]
    assert [(int(row["stage"]), row["config"], row["metric"], row["boot"],
             float(row["value"])) for row in rows] == want and want
    assert {row["seed"] for row in rows} == set("12345")
    assert {row["outcome"] for row in rows} == {"ok", "splat"}


@pytest.mark.parametrize("samples", [False, True])
def test_csv_tells_what_was_forced(tmp_path, samples):
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric()
    for stage in (0, 1):
        for seed, value in enumerate(boots(8e8, stage), 1):
            lab.boot(stage, seed, {"time": value},
                     matters={"qemu": f"10.{stage}"})
    path, options = lab.done(), export.Options(samples=samples)
    calm = simple(tmp_path / "calm", {"a": [1.0] * 3})
    for path, force, word in ((path, True, "true"), (calm, True, "false"),
                              (calm, False, "false")):
        rows = list(csv.DictReader(io.StringIO(text_of(
            path, "csv", options, force=force), newline="")))
        assert {row["forced"] for row in rows} == {word}


@pytest.mark.parametrize("name, cell", [
    ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"),
    (" =1", "' =1"), ("\uff1d1", "'\uff1d1"), ("\t=1", "?=1"), ("a=1", "a=1")])
def test_csv_has_no_formulas(tmp_path, name, cell):
    path = simple(tmp_path, {name: boots(9e8, 1), "fast": boots(8e8, 2)})
    rows = list(csv.DictReader(io.StringIO(text_of(path, "csv"), newline="")))
    assert rows[0]["name"] == cell
    assert float(rows[1]["change"]) < -0.1     # a number is left alone


def test_csv_has_no_numbers_that_are_not_finite(tmp_path):
    path = simple(tmp_path, {"a": [1.0, 2.0], "b": [1.0, math.inf],
                             "c": [4.0] * 3})
    for options in (export.Options(), export.Options(samples=True)):
        out = text_of(path, "csv", options).lower()
        assert ",nan" not in out and ",inf\r" not in out and "inf," not in out


# json

def test_json_is_that_of_compare(series):
    words = ("--db", series, "--study", "demo")
    one = run("compare", *words, "--json")
    other = run("export", *words, "--lab", series.parent, "--format", "json")
    assert one.returncode == other.returncode == 1
    assert one.stdout == other.stdout


# The command

def command(path, *words):
    return run("export", "--db", path, "--lab", path.parent, "--study",
               "demo", *words)


def test_command(series, tmp_path):
    done = command(series, "--format", "lkml", "--all")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == text_of(series, "lkml", export.Options(every=True))
    only = command(series, "--format", "csv", "--metric", "switches")
    assert ",switches," in only.stdout and ",time," not in only.stdout
    calm = simple(tmp_path / "calm", {"a": boots(8e8, 1, 25),
                                      "b": boots(8e8, 2, 25)})
    assert command(calm, "--format", "ktap").returncode == 0


@pytest.mark.parametrize("words, said", [
    (["--format", "xml"], "invalid choice: 'xml'"),
    (["--format", "csv", "--metric", "nope"], "no metric 'nope'"),
    (["--format", "csv", "--base", "99"], "no stage '99'"),
    (["--format", "kcidb", "--origin", "A"], "cannot be an origin"),
    (["--format", "csv", "--study", "other"], "no study 'other'")])
def test_requests_that_make_no_sense_exit_2(tmp_path, words, said):
    done = command(simple(tmp_path, {"a": [1.0] * 3}), *words)
    assert (done.returncode, done.stdout) == (2, "") and said in done.stderr


@pytest.mark.parametrize("form", ["lkml", "kcidb"])
def test_output_that_goes_nowhere_exits_4(series, form):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "analysis", "export", "--db", str(series),
             "--lab", str(series.parent), "--study", "demo", "--format", form],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True,
            timeout=60)
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1 and "No space left" in done.stderr
