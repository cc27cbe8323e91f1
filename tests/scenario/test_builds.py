"""Studies of kernels that klab builds: from a series to boots, on a tree that
is built in a moment (fake_tree.py), in the real sandbox."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from pathlib import Path

import pytest

import fake_tree
import kit
from shop import TWO_CONFIGS, Shop


def tags(shop: Shop, n: int) -> None:
    """So many patches, each of which makes another kernel."""
    for i in range(1, n + 1):
        shop.series.tag(f"s{i}")


# ---- a series ----

def test_series_under_two_configs(shop: Shop) -> None:
    tags(shop, 4)
    study = shop.study(configs=TWO_CONFIGS)
    run = shop.run(study)
    shop.all_well(5, 2)
    names = ["base", "1", "2", "3", "4"]
    # In the order of the series; of a stage the boots do not wait for others.
    assert [stage for stage, _ in run.built] == [
        name for name in names for _ in range(2)]
    assert sorted(run.booted) == sorted(run.built)
    assert "10 of 10 kernels built; 10 of 10 boots done" in run.err
    assert shop.bench.rows("SELECT idx, name, title FROM stage ORDER BY idx"
                           )[1:] == [(i, str(i), f"mm: tag s{i}")
                                     for i in range(1, 5)]
    assert {name for name, in shop.bench.rows("SELECT name FROM config")} == {
        "nort", "lockstat"}
    kernels = shop.bench.rows("SELECT release, source, banner, identity FROM "
                              "kernel")
    assert {kernel[:2] for kernel in kernels} == {("6.12.0-klab", "git")}
    assert len({identity for *_, identity in kernels}) == 10
    assert {re.sub(r".* (s\S+) .*", r"\1", kernel[2])
            for kernel in kernels} == {f"s{i}{option}" for i in range(5)
                                       for option in ("", "-lockstat")}
    assert shop.bench.rows("SELECT count(*) FROM variant WHERE kernel_key = "
                           "run_key AND request = kernel_key AND log IS NOT "
                           "NULL AND wall_ms > 0") == [(10,)]
    status = shop.bench.klab("status", "s")
    assert "s: 10 of 10 boots done; complete" in status.out


def test_second_run_does_nothing(shop: Shop) -> None:
    tags(shop, 2)
    study = shop.study(configs=TWO_CONFIGS)
    shop.run(study)
    before = {name: data for name, data in shop.bench.tree().items()
              if "lab.db" not in name}
    run = shop.run(study)
    assert run.built == [] and run.booted == []
    assert "settling" not in run.err
    assert "6 of 6 boots done" in run.err
    assert {name: data for name, data in shop.bench.tree().items()
            if "lab.db" not in name} == before


def test_studies_share_kernels(shop: Shop) -> None:
    tags(shop, 3)
    shop.run(shop.study())
    # The same config under another name, the same series as one file of it.
    short = fake_tree.Series(shop.dir / "short")
    short.tag("s1")
    other = shop.study("other", series="./short", configs=(
        "configs: { x: { base: tiny, fragments: [virt] } }\n"))
    run = shop.run(other)
    assert run.built == [] and run.booted == []
    shop.all_well(2, study="other")
    short.tag("s9")
    run = shop.run(other)
    assert run.built == [("2", "x")] and run.booted == [("2", "x")]


def test_stages_that_are_chosen(shop: Shop) -> None:
    tags(shop, 4)
    run = shop.run(shop.study(more="stages: [0, 2]\n"))
    assert run.built == [("base", "nort"), ("2", "nort")]
    run = shop.run(shop.study(more="stages: { every: 2 }\n"))
    assert run.built == [("4", "nort")]
    assert [idx for idx, in shop.bench.rows(
        "SELECT idx FROM stage ORDER BY idx")] == [0, 2, 4]
    run = shop.run(shop.study(more="stages: [3]\n"))
    assert run.built == [("3", "nort")]


@pytest.mark.parametrize("name, idx", [("base", 0), ("2", 2), ("1", 1)])
def test_baseline(shop: Shop, name: str, idx: int) -> None:
    tags(shop, 2)
    study = shop.study(more=f"compare: {{ baseline: {name} }}\n")
    assert "[baseline]" in shop.bench.klab(
        "plan", study).out.splitlines()[4 + idx]
    shop.run(study)
    assert shop.bench.rows("SELECT baseline FROM study") == [(idx,)]


def test_jobs_change_nothing(shop: Shop) -> None:
    """Kernels to the byte, and what they measured."""
    tags(shop, 3)
    study = shop.study(configs=TWO_CONFIGS)
    found = []
    for jobs, cache in (("-j1", "one"), ("-j4", "four")):
        shop.bench.env["CCACHE_DIR"] = str(shop.dir / cache)
        lab = shop.dir / f"lab{jobs}"
        assert shop.bench.klab("run", jobs, study, lab=lab).code == kit.DONE
        found.append({path.relative_to(lab): path.read_bytes()
                      for pattern in ("kernels/*/vmlinux",
                                      "kernels/*/config",
                                      "boots/*/results.jsonl")
                      for path in lab.glob(pattern)})
    assert len(found[0]) == 3 * 8
    assert found[0] == found[1]


def test_no_series(shop: Shop) -> None:
    """The tree as it is, and that is what was committed."""
    run = shop.run(shop.study(series=None))
    assert run.built == [("base", "nort")]
    shop.all_well(1)


# ---- one kernel under two names ----

def test_comment_makes_no_kernel(shop: Shop) -> None:
    shop.series.tag("s1")
    shop.series.comment()
    shop.series.tag("s3")
    events = shop.bench.events()
    run = shop.run(shop.study(), env={"KLAB_PYTHON": "/usr/bin/python3"})
    assert len(run.built) == 4
    assert run.booted == [("base", "nort"), ("1", "nort"), ("3", "nort")]
    for _ in range(3):
        events.next()
    assert b"\n" not in events.rest
    assert "4 of 4 kernels built; 3 of 3 boots done" in run.err
    rows = dict((stage, (key, used)) for stage, key, used in shop.bench.rows(
        "SELECT stage, kernel_key, run_key FROM variant"))
    assert rows[2][0] != rows[1][0] and rows[2][1] == rows[1][0]
    shop.all_well(4)
    compare = shop.bench.klab("compare", "--json", "s",
                              env={"KLAB_PYTHON": "/usr/bin/python3"})
    found = json.loads(compare.out)
    assert {row["stage"]: row["same_as"] for row in rows_of(found)} == {
        0: None, 1: None, 2: 1, 3: None}


def rows_of(found: object) -> list[dict[str, object]]:
    """The rows about a stage, wherever they are in what compare says."""
    rows = []
    if isinstance(found, dict):
        if "same_as" in found:
            rows.append(found)
        for value in found.values():
            rows += rows_of(value)
    elif isinstance(found, list):
        for value in found:
            rows += rows_of(value)
    return rows


def test_revert_is_the_base_again(shop: Shop) -> None:
    """The very same tree: nothing to build, nothing to boot."""
    shop.series.tag("s1")
    shop.series.tag("s0")
    run = shop.run(shop.study())
    assert run.booted == [("base", "nort"), ("1", "nort")]
    assert "3 of 3 kernels built; 2 of 2 boots done" in run.err
    shop.all_well(3)
    assert len(shop.manifests()) == 2
    assert shop.run(shop.study()).built == []


def test_two_configs_that_are_one(shop: Shop) -> None:
    """What they were settled to is the same: one kernel, built once."""
    shop.series.tag("s1")
    events, gate, commands = shop.gate()
    shop.series.hook(commands)
    run = shop.bench.start("run", "-j2", shop.study(configs=(
        "configs:\n  a: { base: tiny, fragments: [virt] }\n"
        "  b: { extends: a, set: { PVH: y } }\n")))
    events.next()
    gate.open(2)
    result = run.finish()
    assert result.code == kit.DONE, result.err
    assert gate.left() == 1   # it was passed once
    assert "6 of 6 kernels built; 2 of 2 boots done" in result.err
    shop.all_well(3, 2)
    assert len(shop.manifests()) == 3


def test_bad_boot_under_one_config(shop: Shop) -> None:
    tags(shop, 3)
    study = shop.study(configs=TWO_CONFIGS)
    python = {"KLAB_PYTHON": "/usr/bin/python3"}
    run = shop.run(study, code=kit.KERNEL, play="/s2-lockstat=panic",
                   env=python)
    expected = {(stage, config): "ok" for stage in range(4)
                for config in ("nort", "lockstat")}
    assert shop.outcomes() == expected | {(2, "lockstat"): "panic"}
    assert re.search(r"^boot \w+: 2, lockstat, .*panic", run.err, re.M)
    assert "in 1 the kernel failed" in run.err
    found = json.loads(shop.bench.klab("compare", "--json", "s",
                                       env=python).out)
    assert {(row["stage"], row["config"]) for row in rows_of(found)
            if row["verdict"] == "broken"} == {(2, "lockstat")}
    # It is a result: not booted again.
    run = shop.run(study, code=kit.KERNEL)
    assert run.booted == [] and run.built == []
    run = shop.run(study, "--retry")
    assert run.booted == [("2", "lockstat")] and run.built == []


# ---- other sources ----

def test_range_of_commits(shop: Shop) -> None:
    theirs = fake_tree.Repository(shop.dir / "theirs")
    for tag in ("s1", "s2"):
        text = fake_tree.SLUB_C.replace('"s0"', f'"{tag}"')
        theirs.commit(f"mm: say {tag}", {"mm/slub.c": text})
    theirs.make_dirty()
    before = fake_tree.snapshot(theirs.path)
    study = shop.study(source="git: theirs, range: v1..main", series=None)
    run = shop.run(study)
    assert len(run.built) == len(run.booted) == 3
    shop.all_well(3)
    assert [title[8:] for title, in shop.bench.rows(
        "SELECT title FROM stage ORDER BY idx")[1:]] == ["mm: say s1",
                                                         "mm: say s2"]
    assert {re.sub(r".* (s\S+) .*", r"\1", banner) for banner, in
            shop.bench.rows("SELECT banner FROM kernel")} == {"s0", "s1", "s2"}
    assert fake_tree.snapshot(theirs.path) == before


def tarball(shop: Shop) -> str:
    """Makes linux.tar.xz; returns its sha256."""
    fake_tree.write_files(shop.dir / "linux-6.12", fake_tree.FILES)
    path = shop.dir / "linux.tar.xz"
    with tarfile.open(path, "w:xz") as archive:
        archive.add(shop.dir / "linux-6.12", "linux-6.12")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_tarball(shop: Shop) -> None:
    tags(shop, 1)
    digest = tarball(shop)
    run = shop.run(shop.study(source=f"tarball: linux.tar.xz, sha256: {digest}"
                              ))
    assert len(run.built) == 2
    shop.all_well(2)
    # The tree is the one of the repository, so the kernels are, too.
    assert shop.run(shop.study("g")).built == []


def test_tarball_of_somebody_else(shop: Shop) -> None:
    digest = tarball(shop)
    wrong = "0" * 64
    run = shop.run(shop.study(source=f"tarball: linux.tar.xz, sha256: {wrong}",
                              series=None), code=kit.USER)
    error, = run.errors
    assert wrong in error and digest in error and "linux.tar.xz" in error
    assert list(shop.lab.glob("kernels/*")) == []


# ---- plans ----

def test_plan_without_lab(shop: Shop) -> None:
    tags(shop, 3)
    study = shop.study(configs=TWO_CONFIGS)
    for words in (["plan", study], ["run", "-n", study]):
        result = shop.bench.klab(*words)
        assert result.code == kit.DONE, result.err
        assert "8 kernels to build (4 stages x 2 configs), 0 done" \
            in result.out
        assert re.search(r"^ +3  3 +mm: tag s3$", result.out, re.M)
        assert "LOCK_STAT" in result.out
    plan = json.loads(shop.bench.klab("plan", "--json", study).out)
    assert plan["builds"] == 8 and plan["built"] == 0 and plan["boots"] == 8
    assert plan["configs"] == ["nort", "lockstat"]
    assert [stage["stage"] for stage in plan["stages"]] == [0, 1, 2, 3]
    assert not shop.lab.exists()


def test_plan_with_lab(shop: Shop) -> None:
    tags(shop, 2)
    study = shop.study(configs=TWO_CONFIGS, more="stages: [0, 1]\n")
    shop.run(study)
    study = shop.study(configs=TWO_CONFIGS)
    before = shop.bench.tree()
    for words in (["plan", study], ["run", "-n", study]):
        result = shop.bench.klab(*words)
        assert "6 kernels to build (3 stages x 2 configs), 4 done" \
            in result.out
    plan = json.loads(shop.bench.klab("plan", "--json", study).out)
    assert plan["builds"] == 6 and plan["built"] == 4 and plan["done"] == 4
    assert {name for name in before.keys() ^ shop.bench.tree().keys()
            if "lab.db" not in name} == set()


def test_difference_of_configs(shop: Shop) -> None:
    study = shop.study(series=None, configs=TWO_CONFIGS)
    for words in ([], ["nort", "lockstat"]):
        result = shop.bench.klab("plan", "--configs", study, *words)
        assert result.code == kit.DONE, result.err
        lines = result.out.splitlines()
        assert lines[:2] == ["--- nort", "+++ lockstat"]
        assert {line.strip() for line in lines[2:]} == {
            "-# CONFIG_DEBUG_KERNEL is not set", "+CONFIG_DEBUG_KERNEL=y",
            "-# CONFIG_LOCK_STAT is not set", "+CONFIG_LOCK_STAT=y"}
    found = json.loads(shop.bench.klab("plan", "--json", "--configs", study,
                                       "lockstat", "nort").out)
    assert found["from"] == "lockstat" and found["to"] == "nort"
    assert len(found["lines"]) == 4
    result = shop.bench.klab("plan", "--configs", study, "nort", "none")
    assert result.code == kit.USER
    assert "has no config 'none'" in result.one_error()
    assert not list(shop.lab.glob("kernels/*"))


# ---- the screen ----

def test_progress_of_builds(shop: Shop) -> None:
    tags(shop, 2)
    shop.series.bad_code()
    text = kit.in_terminal(shop.bench, "run", "-j1", shop.study(),
                           code=kit.KERNEL)
    assert "0 of 4 kernels built, 0 of 4 boots done, 0 running" in text
    assert "1 of 4 kernels built, " in text
    assert ", 3 of 3 boots done" in text.replace("; ", ", ")
    # Each line that is drawn is wiped before the next thing is said.
    *drawn, last = re.split(r"\r\x1b\[K", text)
    for line in drawn[1:]:
        assert "kernels built, " in line and "\n" not in line or \
            line.startswith("build: stage 3"), repr(line)
    assert "kernels built, 1 do not build" in last.splitlines()[-1] or \
        "1 do not build; 3 of 3" in last, repr(last)


def test_lines_of_builds(shop: Shop) -> None:
    """Where there is no terminal."""
    shop.bench.env["NO_COLOR"] = ""
    run = shop.run(shop.study(series=None))
    assert "\r" not in run.err and "\x1b" not in run.err


# ---- make ----

OLD_MACRO = "cmd = @set -e; $(echo-cmd) $($(quiet)redirect) $(cmd_$(1))\n"
#: A rule with a command and one without, as Kbuild has them.
RULES = """\
include scripts/Kbuild.include
SHELL = /bin/bash -x
cmd_some = echo some
$(O)/mm/slub.o: | rules
.PHONY: rules
rules:
\t$(call cmd,some)
\t$(call cmd,none)
"""


@pytest.mark.parametrize("macro, shells", [
    (OLD_MACRO, 1),
    (OLD_MACRO.replace("$(cmd_", "$(delete-on-interrupt) $(cmd_"), 1),
    # Not one that is known: left alone.
    (OLD_MACRO.replace("set -e", "set -ef"), 2)])
def test_no_shell_for_an_empty_command(shop: Shop, macro: str, shells: int
                                       ) -> None:
    shop.series.change("scripts: Kbuild", {
        "scripts/Kbuild.include": f"# Macros.\n{macro}\n",
        "mm/Makefile": RULES})
    shop.run(shop.study())
    log = shop.log_of(1)
    assert "+ echo some" in log
    assert log.count("+ set -e") == shells
