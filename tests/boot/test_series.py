"""A patch series on a real tree: Debian's 6.12 with eight patches, each with a
planted fault or none (tests/data/series-6.12/series says which), built under two
configs and booted on the exact clock."""

import json
import os
import re
import subprocess

import pytest

from conftest import ROOT, SERIES as STUDY, Lab

CONFIGS = ("nort", "rt")


def config_of(lab: Lab, stage: int, config: str) -> list[str]:
    """The lines of the config that a kernel was built with."""
    (key,), = lab.rows("SELECT kernel_key FROM variant WHERE stage = ? AND "
                       "config = ?", stage, config)
    return (lab.path / "kernels" / key / "config").read_text().splitlines()


def test_every_kernel_was_built_and_booted(series):
    assert series.done.returncode == 3, series.done.stderr
    states = dict(series.rows("SELECT state, count(*) FROM variant "
                              "GROUP BY state"))
    assert states == {"ready": 16, "broken": 2}, series.done.stderr
    missing = series.rows("SELECT c.stage, c.config FROM cell c LEFT JOIN boot b "
                          "ON b.id = c.boot WHERE b.state IS NULL OR b.state "
                          "NOT IN ('ok', 'bad')")
    assert missing == []


@pytest.mark.parametrize("config", CONFIGS)
def test_a_comment_is_no_other_kernel(series, config):
    row = series.rows_of[config, 1]
    assert (row["verdict"], row["same_as"]) == ("same kernel", 0)


@pytest.mark.parametrize("config", CONFIGS)
def test_what_does_not_build_is_named(series, config):
    row = series.rows_of[config, 3]
    assert row["verdict"] == "broken"
    assert row["reason"].startswith("does not build: mm/slub.c:"), row
    (errors, log), = series.rows("SELECT errors, log FROM variant WHERE "
                                 "stage = 3 AND config = ?", config)
    first = json.loads(errors)[0]
    assert first["file"] == "mm/slub.c" and first["touched"]
    assert "objsize" in first["text"]
    text = subprocess.run(["zstdcat", series.path / log], check=True,
                          capture_output=True, text=True).stdout
    assert "objsize" in text
    assert "mm/slub.c" in series.done.stderr
    # It is mended by the next one, which is the kernel from before it.
    assert series.rows_of[config, 4]["same_as"] == 2


def test_three_percent_are_found_at_their_stage(series):
    before, after = (series.rows_of["nort", k] for k in (4, 5))
    assert before["verdict"] in ("same kernel", "equivalent", "inconclusive")
    assert after["verdict"] == "regressed", after
    assert 0.02 < after["change"] < 0.05
    change = after["mean"] / before["mean"] - 1
    assert 0.02 < change < 0.05


@pytest.mark.parametrize("config", CONFIGS)
def test_what_does_not_boot_is_named(series, config):
    row = series.rows_of[config, 6]
    assert row["verdict"] == "broken", row
    outcomes = series.rows(
        "SELECT DISTINCT b.outcome FROM cell c JOIN boot b ON b.id = c.boot "
        "WHERE c.stage = 6 AND c.config = ?", config)
    assert outcomes == [("panic",)]
    assert series.rows_of[config, 7]["n"] == 8


def test_a_cost_under_one_config_only(series):
    assert series.rows_of["nort", 8]["same_as"] == 7
    before, after = (series.rows_of["rt", k] for k in (7, 8))
    assert after["same_as"] is None
    assert after["mean"] / before["mean"] - 1 > 0.03
    assert after["verdict"] == "regressed"


def test_the_configs_are_what_was_asked_for(series):
    for config in CONFIGS:
        lines = config_of(series, 0, config)
        # tinyconfig selects SLUB_TINY, another allocator altogether.
        assert "# CONFIG_SLUB_TINY is not set" in lines
        assert "CONFIG_SLUB=y" in lines
        assert "CONFIG_PVH=y" in lines
    assert "CONFIG_PREEMPT_RT=y" in config_of(series, 0, "rt")
    assert "CONFIG_PREEMPT_RT=y" not in config_of(series, 0, "nort")
    diff = series.klab("plan", "--configs", str(STUDY), "nort", "rt")
    assert diff.returncode == 0, diff.stderr
    lines = diff.stdout.splitlines()
    assert lines[:2] == ["--- nort", "+++ rt"]
    assert "+CONFIG_PREEMPT_RT=y" in lines


def test_a_second_run_has_nothing_to_do(series):
    before = series.rows("SELECT count(*), max(started) FROM boot")
    again = series.klab("run", str(STUDY))
    assert again.returncode == 3, again.stderr
    assert series.rows("SELECT count(*), max(started) FROM boot") == before
    assert "kernels built" not in again.stderr


def test_a_boot_of_a_built_kernel_repeats_exactly(series):
    (boot,), = series.rows(
        "SELECT c.boot FROM cell c JOIN boot b ON b.id = c.boot WHERE "
        "c.stage = 8 AND c.config = 'rt' AND c.seed = 1 AND b.state = 'ok'")
    assert series.spec(boot)["kernel"]["file"] == "vmlinux-exact"
    result = series.klab("reproduce", boot)
    assert result.returncode == 0, result.stdout + result.stderr


def unmet(series: Lab, name: str, options: str) -> subprocess.CompletedProcess:
    """A run of the base alone with options of that kind."""
    text = STUDY.read_text().replace("study: series", f"study: {name}")
    text = text.replace("../../tests", str(ROOT / "tests"))
    text = re.sub(r"configs:\n(  .*\n)+", "configs:\n  own: { base: tiny, "
                  f"fragments: [virt], set: {{ {options} }} }}\n", text)
    return series.klab("run", series.study(name, text + "stages: [0]\n"))


def test_a_wish_that_does_not_come_true(series):
    result = unmet(series, "unmet", "NUMA_BALANCING: y, NO_SUCH_THING: y")
    assert result.returncode == 2, result.stderr
    assert "CONFIG_NUMA_BALANCING did not stick" in result.stderr
    assert "NUMA" in result.stderr.split("CONFIG_NUMA_BALANCING")[1]
    assert "CONFIG_NO_SUCH_THING" in result.stderr
    assert re.search(r"unmet\.yaml:\d+", result.stderr)


def test_one_key_is_one_kernel(series, tmp_path):
    """Built in another lab, from another place, it is the same to the byte."""
    (key,), = series.rows("SELECT kernel_key FROM variant WHERE stage = 0 AND "
                          "config = 'nort'")
    manifest = json.loads(
        (series.path / "kernels" / key / "manifest.json").read_text())
    lab = Lab(tmp_path)
    path = lab.study("twin", f"""\
study: twin
source: {{ git: {series.path}/git/tarballs, base: {manifest["commit"]} }}
configs:
  nort: {{ base: tiny, fragments: [virt] }}
machines: [icount-1cpu]
workloads: [boot]
boots: 1
""")
    done = lab.klab("run", path)
    assert done.returncode == 0, done.stderr
    assert lab.rows("SELECT kernel_key FROM variant") == [(key,)]
    for name in ("vmlinux", "vmlinux-exact", "config", "System.map"):
        ours, theirs = (folder.path / "kernels" / key / name
                        for folder in (series, lab))
        assert ours.read_bytes() == theirs.read_bytes(), name


@pytest.mark.skipif(
    "KLAB_SLUB_TREE" not in os.environ,
    reason="KLAB_SLUB_TREE, a git repository whose HEAD is v5.14, and "
    "KLAB_SLUB_THREAD, the thread of the SLUB series, are not set")
def test_the_slub_series(tmp_path):
    """35 patches under two configs; the last one breaks boot with LOCK_STAT."""
    lab = Lab(tmp_path)
    done = lab.klab("run", lab.study("slub", f"""\
study: slub
source: {{ git: {os.environ["KLAB_SLUB_TREE"]}, base: HEAD }}
series: {{ thread: {os.environ["KLAB_SLUB_THREAD"]} }}
configs:
  nort: {{ base: tiny, fragments: [virt] }}
  lockstat: {{ extends: nort, fragments: [lock-stat] }}
toolchain: {{ make_args: [WERROR=0] }}
machines: [icount-1cpu]
workloads: [boot]
boots: 1
"""))
    assert done.returncode == 3, done.stderr
    assert lab.rows("SELECT state, count(*) FROM variant GROUP BY state") == [
        ("ready", 72)]
    broken = lab.rows(
        "SELECT c.stage, c.config, b.outcome FROM cell c JOIN boot b "
        "ON b.id = c.boot WHERE b.state <> 'ok'")
    assert broken == [(35, "lockstat", "panic")]
