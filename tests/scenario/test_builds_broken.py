"""Series and configs with faults: each is told with its place, and the rest of
the study is done."""

from __future__ import annotations

import json
import re

import fake_tree
import kit
from shop import TWO_CONFIGS, Shop


# ---- patches that do not build ----

def broken_series(shop: Shop) -> None:
    shop.series.tag("s1")
    shop.series.bad_code()
    shop.series.good_code()
    shop.series.tag("s4")


def test_patch_that_does_not_build(shop: Shop) -> None:
    broken_series(shop)
    study = shop.study()
    run = shop.run(study, code=kit.KERNEL)
    assert run.broken == [("2", "nort")]
    assert [stage for stage, _ in run.built] == ["base", "1", "3", "4"]
    line = fake_tree.SLUB_C.split("return x")[0].count("\n") + 1
    assert re.search(rf"^  mm/slub\.c:{line}: .*undeclared.* \(the patch "
                     r"touches this file\)$", run.err, re.M), run.err
    assert "4 of 5 kernels built, 1 do not build; 3 of 3 boots done" in run.err
    assert set(shop.outcomes().values()) == {"ok"}
    (key, state, reason, errors, log), = shop.bench.rows(
        "SELECT request, state, error, errors, log FROM variant "
        "WHERE stage = 2")
    assert state == "broken" and "mm/slub.c" in reason
    error, = json.loads(errors)
    assert error["file"] == "mm/slub.c" and error["line"] == line
    assert error["touched"] and "undeclared" in error["text"]
    assert log == f"broken/{key}/build.log.zst"
    assert "  CC      mm/slub.o" in shop.log_of(2)
    assert "'undeclared' undeclared" in shop.log_of(2)
    status = shop.bench.klab("status", "s").out
    assert "1 kernels do not build; complete" in status


def test_broken_is_not_built_again(shop: Shop) -> None:
    broken_series(shop)
    study = shop.study()
    first = shop.run(study, code=kit.KERNEL)
    for _ in range(2):
        run = shop.run(study, code=kit.KERNEL)
        assert run.built == run.broken == run.booted == []
        assert "1 known not to build" in run.err
        assert shop.variants()[2, "nort"] == "broken"
    # Another study that asks for it knows, too.
    run = shop.run(shop.study("other", more="stages: [2, 3]\n"),
                   code=kit.KERNEL)
    assert run.built == run.broken == run.booted == []
    assert shop.variants("other") == {(2, "nort"): "broken",
                                      (3, "nort"): "ready"}
    run = shop.run(study, "--retry", code=kit.KERNEL)
    assert run.broken == first.broken and run.built == []
    assert shop.variants()[2, "nort"] == "broken"


def test_retry_where_the_host_was_at_fault(shop: Shop) -> None:
    """A tool that the tree's make needs and that fails, then does not."""
    tool = shop.build_path() / "a-tool"
    tool.write_text("#!/bin/sh\necho no luck >&2\nexit 1\n")
    tool.chmod(0o755)
    shop.series.hook("a-tool")
    study = shop.study()
    run = shop.run(study, code=kit.KERNEL)
    assert run.broken == [("1", "nort")]
    tool.write_text("#!/bin/sh\n")
    shop.run(study, code=kit.KERNEL)
    run = shop.run(study, "--retry")
    assert run.built == [("1", "nort")]
    shop.all_well(2)
    assert shop.bench.rows("SELECT error, errors FROM variant WHERE stage = 1"
                           ) == [(None, None)]


def test_fault_in_a_file_that_the_patch_leaves_alone(shop: Shop) -> None:
    header = fake_tree.SLUB_H + "int slub(long);\n"
    shop.series.change("mm: another type", {"mm/slub.h": header})
    run = shop.run(shop.study(), code=kit.KERNEL)
    error = re.search(r"^  mm/slub\.c:\d+: .*conflicting types.*$", run.err,
                      re.M)
    assert error and "touches" not in error[0]
    error, = json.loads(shop.bench.rows(
        "SELECT errors FROM variant WHERE stage = 1")[0][0])
    assert not error["touched"]


def test_broken_under_one_config(shop: Shop) -> None:
    shop.series.edit("mm: lock", "return x +", "#ifdef LOCK_STAT\n\tnothing;\n"
                     "#endif\n\treturn x +")
    run = shop.run(shop.study(configs=TWO_CONFIGS), code=kit.KERNEL)
    assert run.broken == [("1", "lockstat")]
    assert shop.variants() == {
        (0, "nort"): "ready", (0, "lockstat"): "ready", (1, "nort"): "ready",
        (1, "lockstat"): "broken"}


def test_base_does_not_build(shop: Shop) -> None:
    theirs = fake_tree.Repository(shop.dir / "theirs", {
        "mm/slub.c": fake_tree.SLUB_C.replace("return x", "return y")})
    study = shop.study(source=f"git: {theirs.path.name}", series=None)
    run = shop.run(study, code=kit.KERNEL)
    assert run.broken == [("base", "nort")]
    assert shop.variants() == {(0, "nort"): "broken"}


def test_link_error(shop: Shop) -> None:
    shop.series.edit("mm: call", "return x +", "return nowhere(x) +")
    shop.series.edit("mm: declare", "int slub", "int nowhere(int);\nint slub")
    run = shop.run(shop.study(), code=kit.KERNEL)
    assert run.broken[-1] == ("2", "nort")
    assert ("\n  mm/slub.c: undefined reference to 'nowhere' in 'slub' (the "
            "patch touches this file)\n") in run.err


def test_make_leaves_no_kernel(shop: Shop) -> None:
    """Its word that all is well is not enough."""
    shop.series.hook("true")
    shop.series.change("mm: no kernel", {
        "mm/Makefile": "vmlinux: all-is-well\nall-is-well:\n"
                       "\t@ln -sf /etc/passwd $(O)/System.map\n"})
    shop.series.change("mm: again", {"mm/Makefile": "# Hooks of a test.\n"})
    shop.series.tag("s4")
    run = shop.run(shop.study(), code=kit.KERNEL)
    # What it left in the object folder is not held against the next one.
    assert run.broken == [("2", "nort")]
    assert {stage for stage, _ in run.built} == {"base", "1", "3", "4"}


# ---- patches that do not apply ----

def test_patch_that_does_not_apply(shop: Shop) -> None:
    shop.series.tag("s1")
    good = shop.series.files["mm/slub.c"]
    bad = good.replace("return x", "return long_gone")
    shop.series.raw("mm: for another tree", fake_tree.diff(
        {"mm/slub.c": bad}, {"mm/slub.c": bad.replace("long", "very_long")}))
    shop.series.tag("s3")
    shop.series.tag("s4")
    study = shop.study(configs=TWO_CONFIGS)
    run = shop.run(study, code=kit.USER)
    assert sorted(run.built) == sorted(run.booted) == [
        ("1", "lockstat"), ("1", "nort"), ("base", "lockstat"),
        ("base", "nort")]
    error, = run.errors
    for word in ("stage 2", "'0002-", "mm: for another tree", "mm/slub.c",
                 "does not apply", "@@ -"):
        assert word in error, error
    assert "4 have no kernel" in run.err or "6 have no kernel" in run.err
    rows = shop.bench.rows("SELECT stage, state, error FROM variant "
                           "WHERE config = 'nort' ORDER BY stage")
    assert [state for _, state, _ in rows] == ["ready", "ready", "none",
                                               "none", "none"]
    assert "long_gone" in rows[2][2] or "@@ -" in rows[2][2]
    for stage, _, why in rows[3:]:
        assert f"stage {stage}: it follows stage 2" in why
    assert "6 kernels cannot be had" in shop.bench.klab("status").out
    # Nothing is new the second time, and the answer is the same.
    again = shop.run(study, code=kit.USER)
    assert again.built == [] and again.errors == run.errors


def test_patch_is_put_right(shop: Shop) -> None:
    shop.series.tag("s1")
    bad = shop.series.raw("mm: slub", fake_tree.diff(
        {"mm/slub.c": "a\nb\n"}, {"mm/slub.c": "a\nc\n"}))
    study = shop.study()
    shop.run(study, code=kit.USER)
    (shop.dir / "series" / bad).unlink()
    shop.series.n = 1
    shop.series.tag("s2")
    run = shop.run(study)
    assert run.built == [("2", "nort")]
    shop.all_well(3)


# ---- configs ----

def test_wish_that_does_not_stick(shop: Shop) -> None:
    shop.series.tag("s1")
    study = shop.study(configs=(
        "configs:\n"
        "  nort: { base: tiny, fragments: [virt] }\n"
        "  lockstat: { extends: nort, set: { LOCK_STAT: y } }\n"))
    line = 1 + study.read_text().splitlines().index(
        "  lockstat: { extends: nort, set: { LOCK_STAT: y } }")
    run = shop.run(study, code=kit.USER)
    error, = run.errors
    assert f"{study}:{line}: config 'lockstat': " in error
    assert "LOCK_STAT" in error and "did not stick" in error, error
    assert [config for _, config in run.built] == ["nort", "nort"]
    assert len(run.booted) == 2
    assert shop.variants() == {
        (0, "nort"): "ready", (0, "lockstat"): "none", (1, "nort"): "ready",
        (1, "lockstat"): "none"}
    result = shop.bench.klab("plan", "--configs", study)
    assert result.code == kit.USER
    assert "LOCK_STAT" in result.err
    run = shop.run(shop.study(configs=TWO_CONFIGS))
    assert {config for _, config in run.built} == {"lockstat"}
    shop.all_well(2, 2)


def test_wish_of_a_fragment_that_does_not_stick(shop: Shop) -> None:
    shop.bench.write("my.config", "# mine\nCONFIG_LOCK_STAT=y\n")
    run = shop.run(shop.study(series=None, configs=(
        "configs: { a: { base: tiny, fragments: [virt, ./my.config] } }\n")),
                   code=kit.USER)
    error, = run.errors
    assert "my.config:2: config 'a': " in error
    assert run.built == []


def test_series_that_changes_kconfig(shop: Shop) -> None:
    """An option that comes in the middle of the series."""
    before = {"Kconfig": "LOCK_STAT needs NOT_THERE_YET\n"}
    theirs = fake_tree.Repository(shop.dir / "theirs", before)
    shop.series = fake_tree.Series(shop.dir / "series", before)
    shop.series.tag("s1")
    shop.series.change("lib: the option", {"Kconfig": fake_tree.FILES[
        "Kconfig"]})
    study = shop.study(source=f"git: {theirs.path.name}", configs=TWO_CONFIGS)
    run = shop.run(study, code=kit.USER)
    assert "LOCK_STAT" in run.err
    assert {(stage, config) for stage, config in run.built
            if config == "lockstat"} == {("2", "lockstat")}
    assert len([stage for stage, config in run.built if config == "nort"]) == 3


def test_kconfig_of_the_tree_fails(shop: Shop) -> None:
    shop.series.tag("s1")
    shop.series.change("scripts: no", {"scripts/settle.sh": "echo 'Kconfig:7: "
                                       "syntax error' >&2\nexit 1\n"})
    run = shop.run(shop.study(), code=kit.KERNEL)
    assert len(run.errors) == 1 and "Kconfig:7: syntax error" in run.err
    assert [stage for stage, _ in run.built] == ["base", "1"]
    assert shop.variants()[2, "nort"] == "none"


# ---- odd builds ----

def test_build_that_floods_its_log(shop: Shop) -> None:
    shop.series.hook("yes $$(printf %01000d 0) | head -c 80M")
    shop.series.bad_code()
    shop.run(shop.study(), code=kit.KERNEL)
    assert shop.variants() == {(0, "nort"): "ready", (1, "nort"): "ready",
                               (2, "nort"): "broken"}
    for stage in (1, 2):
        log = shop.log_of(stage)
        assert "bytes left out" in log and len(log) < 65 << 20
    for log in shop.lab.glob("*/*/build.log.zst"):
        assert log.stat().st_size < 1 << 20


def test_build_that_asks_a_question(shop: Shop) -> None:
    """Nobody answers, and it does not wait for anybody."""
    shop.series.hook('read answer || echo "answer: <$$answer>"\n'
                     "cat; ! tty")
    with open("/dev/zero") as zero:
        shop.run(shop.study(), stdin=zero)
    shop.all_well(2)
    assert "answer: <>" in shop.log_of(1)


def test_build_that_leaves_a_process(shop: Shop) -> None:
    """It ends with its build, and the build does not wait for it."""
    shop.series.hook("setsid sleep 1000 &")
    run = shop.run(shop.study())
    assert run.built[-1] == ("1", "nort")
    shop.bench.no_process_left()
