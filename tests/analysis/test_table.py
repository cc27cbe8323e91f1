"""The table and the JSON, and the command around them."""

import json
import os
import re
import subprocess
import sys

import pytest

from analysis import load, table, text, verdicts
from labs import ROOT, LabMaker, simple
from test_verdicts import boots


def run(*args, **env):
    return subprocess.run(
        [sys.executable, "-m", "analysis", *map(str, args)], cwd=ROOT,
        env={**os.environ, **env}, capture_output=True, text=True,
        timeout=60)


def realistic(folder):
    names = ("6.1-amd64", "6.1-rt-amd64", "6.12-amd64", "6.12-rt-amd64")
    lab = LabMaker(folder, kernels=names)
    lab.machine("icount-2cpu", vcpus=2, metronome_us=20)
    lab.metric("hackbench-processes", "time")
    lab.metric("hackbench-processes", "switches", "switches", primary=False)
    for stage, mean in enumerate((8e8, 9e8, 8.1e8, 9.5e8)):
        for seed, value in enumerate(boots(mean, stage, 3), 1):
            lab.boot(stage, seed, {"time": value, "switches": value // 1e4},
                     machine="icount-2cpu", workload="hackbench-processes")
    return lab.done()


def render(path, colour=False):
    return table.render(verdicts.judge(load.load(path, "demo")), colour)


def test_typical_names_fit_100_columns(tmp_path):
    lines = render(realistic(tmp_path)).splitlines()
    assert max(map(len, lines)) <= 100
    assert any("6.12-rt-amd64" in line and "REGRESSED" in line
               for line in lines)


def test_the_exact_clock_counts_instructions(tmp_path):
    out = render(realistic(tmp_path))
    assert "hackbench-processes time, M instr" in out
    assert "exact clock: instr is an instruction executed" in out
    assert "hackbench-processes switches, switches" in out


def test_wall_time_is_not(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine("kvm", clock="wall")
    lab.metric()
    lab.boot(0, 1, {"time": 8e8}, machine="kvm")
    out = render(lab.done())
    assert "hackbench time, ms (" in out and "instr" not in out


def test_each_reason_is_said_once(tmp_path):
    lab = LabMaker(tmp_path, kernels=("a", "b", "c"))
    lab.machine("m", vcpus=2)
    lab.metric("cyclictest", "p99", "us", latency=True)
    for stage in range(3):
        lab.boot(stage, 1, {"p99": 9.5}, machine="m", workload="cyclictest")
    out = render(lab.done())
    assert out.count("no metronome") == 1
    assert "all: no metronome" in out


def test_escape_sequences_do_not_reach_the_terminal(tmp_path):
    lab = LabMaker(tmp_path, kernels=("ok", "\033]0;owned\a\n\033[2J"))
    lab.machine()
    lab.metric()
    lab.boot(0, 1, {"time": 1.0})
    lab.boot(1, 1, {}, state="bad", reason="\033[31mred\r\u202e")
    out = render(lab.done())
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", out)


def test_colour_only_when_asked(tmp_path):
    path = realistic(tmp_path)
    assert "\033[" not in render(path)
    painted = render(path, colour=True)
    assert "\033[1;31mREGRESSED" in painted
    assert re.sub("\033\\[[0-9;]*m", "", painted) == render(path)


def test_command_prints_and_exits(tmp_path):
    path = realistic(tmp_path)
    done = run("compare", "--db", path, "--study", "demo")
    assert done.returncode == 1 and done.stderr == ""
    assert "REGRESSED" in done.stdout and "\033" not in done.stdout
    done = run("compare", "--db", path, "--study", "demo", "--base",
               "6.12-rt-amd64", "--metric", "time")
    assert done.returncode == 0
    assert "switches" not in done.stdout


@pytest.mark.parametrize("extra, words", [
    (["--study", "nope"], "no study 'nope'"),
    (["--study", "demo", "--base", "9"], "no stage '9'"),
    (["--study", "demo", "--metric", "nope"], "no metric 'nope'")])
def test_bad_requests_exit_2(tmp_path, extra, words):
    done = run("compare", "--db", realistic(tmp_path), *extra)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr and done.stderr.count("\n") == 1


def test_no_database_exits_4(tmp_path):
    done = run("compare", "--db", tmp_path / "lab.db", "--study", "demo")
    assert done.returncode == 4 and "is not there" in done.stderr


@pytest.mark.parametrize("module, package", [
    ("pandas", "python3-pandas"), ("scipy", "python3-scipy"),
    ("statsmodels", "python3-statsmodels")])
def test_a_missing_library_is_named(tmp_path, module, package):
    path = realistic(tmp_path)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / f"{module}.py").write_text(
        f"raise ModuleNotFoundError('No module named {module}', "
        f"name='{module}')\n")
    done = run("compare", "--db", path, "--study", "demo",
               PYTHONPATH=str(tmp_path / "lib"))
    assert done.returncode == 4 and done.stdout == ""
    assert package in done.stderr and "make setup" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_is_no_failure(tmp_path):
    path = realistic(tmp_path)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "analysis", "compare", "--db", str(path),
         "--study", "demo"], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE,
        text=True, timeout=60)
    os.close(writer)
    assert "Traceback" not in done.stderr


def test_json_structure(tmp_path):
    done = run("compare", "--db", realistic(tmp_path), "--study", "demo",
               "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert list(found) == ["klab_compare", "study", "baseline", "min_effect",
                           "headline", "worse", "forced", "boots",
                           "outcomes", "findings", "harmless", "families",
                           "summary", "rules", "noise", "attribution",
                           "drift", "rows"]
    assert set(found) <= set(table.__doc__.split())
    assert found["klab_compare"] == 1
    assert found["baseline"] == {"stage": 0, "name": "6.1-amd64"}
    assert found["families"] == {"primary": 3, "other": 3}
    assert len(found["rows"]) == 8
    slow = next(r for r in found["rows"] if r["kernel"] == "6.1-rt-amd64"
                and r["metric"] == "time")
    assert slow["verdict"] == "regressed" and slow["unit"] == "ns"
    assert slow["low"] < slow["change"] < slow["high"]
    assert slow["mean_low"] < slow["mean"] < slow["mean_high"]
    assert len(slow["values"]) == len(slow["boot_ids"]) == slow["n"] == 3
    for key in slow:
        assert f"{key}" in table.__doc__, key


def test_json_has_no_infinities(tmp_path):
    path = simple(tmp_path, {"a": [1.0, float("inf")], "b": [1.0, 2.0],
                             "c": [4.0] * 3, "d": [5.0] * 3}, unit="us")
    found = table.as_json(verdicts.judge(load.load(path, "demo"), "c"))
    json.dumps(found, allow_nan=False)
    assert found["rows"][0]["values"] == [1.0, None]


@pytest.mark.parametrize("fraction, words", [
    (0.2461, "+24.6 %"), (-0.0031, "-0.31 %"), (0.0, "0.00 %"),
    (1.5, "+150 %"), (-0.00001, "0.00 %"), (11.34, "x12.3"),
    (1e300, ">x1000"), (None, "")])
def test_percent(fraction, words):
    assert text.percent(fraction) == words


@pytest.mark.parametrize("ends, words", [
    ((0.221, 0.272), "[+22.1, +27.2] %"), ((-0.5, 20.0), "[x0.50, x21.0]"),
    ((-0.001, 0.002), "[-0.10, +0.20] %"), (None, "")])
def test_interval(ends, words):
    assert text.interval(ends) == words


@pytest.mark.parametrize("unit, values, exact, shown", [
    ("ns", [8.123456e8, 9e8], True, ("M instr", "812.3")),
    ("ns", [8.123456e8], False, ("ms", "812.3")),
    ("ns", [950.0], True, ("instr", "950")),
    ("us", [12.0, 9.5], True, ("k instr", "12.00")),
    ("us", [12.0, None, 9.0], True, ("k instr", "12")),
    ("s", [0.945], False, ("s", "0.9450")),
    ("switches", [12345.0], True, ("switches", "12,345")),
    ("ops/s", [0.0], True, ("ops/G instr", "0")),
    ("ops/s", [7.0], False, ("ops/s", "7"))])
def test_scale(unit, values, exact, shown):
    scale = text.Scale(unit, values, exact)
    assert (scale.unit, scale.show(values[0])) == shown
    assert scale.show(None) == scale.show(float("inf")) == ""


@pytest.mark.parametrize("ms, words", [
    (3400, "3.4 s"), (59600, "1 min 00 s"), (552000, "9 min 12 s"),
    (7500000, "2 h 05 min")])
def test_duration(ms, words):
    assert text.duration(ms) == words
