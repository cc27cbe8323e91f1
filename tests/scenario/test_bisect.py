"""klab bisect: the guilty patch is found, with what there is no answer is said
in a sentence, and nothing is lost by a kill."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

import fake_tree
import kit
from shop import ONE_CONFIG, TWO_CONFIGS, Shop

METRIC = "hackbench-threads/time"


class Hunt:
    """A series in a shop, and bisects of it."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.bench, self.series = shop, shop.bench, shop.series

    def patches(self, *tags: str | None) -> Path:
        """A study of one patch per tag; None only changes a comment."""
        for tag in tags:
            if tag is None:
                self.series.edit("mm: a comment", "/* What", "/* So: what")
            else:
                self.series.tag(tag)
        return self.study()

    def study(self, workloads: str = "[hackbench-threads]", boots: int = 1,
              configs: str = ONE_CONFIG, more: str = "",
              source: str = "git: linux", series: str = "series: ./series\n",
              name: str = "s") -> Path:
        return self.bench.write(
            f"{name}.yaml", f"study: {name}\nsource: {{ {source} }}\n{series}"
            f"{configs}machines: [icount-1cpu]\nworkloads: {workloads}\n"
            f"boots: {boots}\n{more}")

    def bisect(self, *words: str | Path, code: int = kit.DONE,
               **how: Any) -> kit.Result:
        result = self.bench.klab("bisect", "-j2", *words, **how)
        assert result.code == code, result.err
        return result

    def found(self, *words: str | Path, **how: Any) -> dict[str, Any]:
        return json.loads(self.bisect("--json", *words, **how).out)

    def record(self) -> list[dict[str, Any]]:
        path, = self.bench.lab.glob("bisects/*/log.jsonl")
        return [json.loads(line) for line in path.read_text().splitlines()]

    def built(self, result: kit.Result) -> list[str]:
        return re.findall(r"^build \w+: stage (\S+),", result.err, re.M)


@pytest.fixture
def hunt(shop: Shop) -> Hunt:
    return Hunt(shop)


@pytest.fixture
def shelf(hunt: Hunt) -> Hunt:
    """With a workload `half` in klab's folder: a step `list`, and a metric that
    no boot gives."""
    home = hunt.bench.dir / "share"
    half = home / "workloads/half"
    half.mkdir(parents=True)
    for name in ("configs", "workloads/hackbench"):
        (home / name).symlink_to(kit.ROOT / name)
    (home / "build").symlink_to(kit.BUILD)
    (half / "workload.yaml").write_text(
        "workload: half\nsummary: a test\nbinaries: [ls]\n"
        "steps: [{ name: list, argv: [ls] }]\nmetrics:\n"
        "  t: { unit: ns, better: lower, primary: yes, from: elapsed }\n"
        "  pages: { unit: p, better: lower, from: regex, "
        "pattern: '^Pages: ([0-9.]+)$' }\n")
    hunt.bench.env["KLAB_HOME"] = str(home)
    return hunt


#: Six sound patches, then four on a broken kernel.
SIX = [f"s{i}" for i in range(1, 7)]
BROKEN = ["bad7", "bad8", "bad9", "bad10"]


def stages_booted(hunt: Hunt) -> list[str]:
    return [line["stage"] for line in hunt.record()
            if line["t"] == "event" and "seed" in line]


# ---- what is found ----

def test_break(hunt: Hunt) -> None:
    """Plain halving: a boot per kernel, and not of all kernels."""
    study = hunt.patches(*SIX, *BROKEN)
    run = hunt.bisect(study, "--broken", play="/bad=panic")
    assert run.out.startswith("patch 7: mm: tag bad7")
    assert "confirmed on fresh boots, 1 of it and 1 of its parent: " \
           "1 and 0 are broken" in run.out
    built, booted = hunt.built(run), stages_booted(hunt)
    assert len(built) == len(set(built)) < 9
    assert len(booted) == len(set(booted)) <= 6
    assert len(hunt.bench.rows("SELECT * FROM boot")) == len(booted) + 2


@pytest.mark.parametrize("how, play", [
    ("boot", "silent"), ("boot", "panic"), ("panic", "panic"),
    ("workload", "exit")])
def test_ways_to_break(hunt: Hunt, how: str, play: str) -> None:
    study = hunt.patches(*SIX, *BROKEN)
    found = hunt.found(study, f"--broken={how}", play=f"/bad={play}")
    assert found["first"]["stage"] == found["last"]["stage"] == "7"
    assert found["criterion"]["kind"] == how
    assert found["confirmation"]["confirmed"]


def test_break_shows_in_one_workload_only(shelf: Hunt) -> None:
    """The others are booted once, to see that; then no more."""
    shelf.patches(*SIX, *BROKEN)
    study = shelf.study(workloads="[hackbench-threads, half]")
    found = shelf.found(study, "--broken=workload", play="/bad=@list=exit")
    assert found["first"]["stage"] == "7"
    assert found["criterion"]["workload"] == "half"
    assert shelf.bench.rows("SELECT stage, seed FROM cell WHERE workload = "
                            "'hackbench-threads'") == [(10, 1)]


def test_finding(hunt: Hunt) -> None:
    """It runs, but complains; and by its signature it can be asked for."""
    study = hunt.patches(*SIX, *BROKEN)
    found = hunt.found(study, "--broken", play="/bad=splat")
    assert found["first"]["stage"] == found["last"]["stage"] == "7"
    assert found["criterion"]["kind"] == "signature"
    signature = found["criterion"]["signature"]
    assert hunt.bench.rows("SELECT DISTINCT signature FROM finding") \
        == [(signature,)]
    found = hunt.found(study, f"--broken={signature}",
                       play="/bad=splat /s4=panic /s3=panic")
    assert found["first"]["stage"] == "7"
    run = hunt.bisect(study, "--broken=0123456789abcdef", play="/bad=splat",
                      code=kit.USER)
    assert "is not broken so (finding '0123456789abcdef')" in run.one_error()
    run = hunt.bisect(study, f"--broken={signature}", "--good", "8",
                      play="/bad=splat", code=kit.USER)
    assert "the good end, stage 8 (mm: tag bad8), is broken as well" \
        in run.one_error()


def test_metric_without_boots_before(hunt: Hunt) -> None:
    """How much boots differ is not known: ends are booted more than once."""
    study = hunt.patches(*SIX, "slow3-7", "slow3-8", "slow3-9")
    found = hunt.found(study, "--metric", METRIC)
    assert found["first"]["stage"] == found["last"]["stage"] == "7"
    assert found["first"]["subject"] == "mm: tag slow3-7"
    assert found["probability"] >= 0.95
    effect, fresh = found["effect"], found["confirmation"]
    assert effect["low"] < 0.03 < effect["high"]
    assert effect["change"] == pytest.approx(0.03, abs=0.01)
    assert fresh["confirmed"] and fresh["low"] < 0.03 < fresh["high"]


def test_metric_with_boots_before(hunt: Hunt) -> None:
    """What the lab has is used: a boot per kernel is enough, all but those of
    the confirmation are there, and nothing is built."""
    hunt.patches(*SIX, "slow9-7", "slow9-8", "slow9-9")
    study = hunt.study(boots=3)
    assert hunt.bench.klab("run", study).code == kit.DONE
    before = hunt.bench.rows("SELECT id, started FROM boot")
    run = hunt.bisect(study, "--metric", METRIC)
    assert run.out.startswith("patch 7: mm: tag slow9-7")
    assert hunt.built(run) == []
    booted = stages_booted(hunt)
    assert len(booted) == len(set(booted)) <= 6
    after = hunt.bench.rows("SELECT id, started FROM boot")
    assert set(before) < set(after)
    assert len(after) - len(before) == len(
        [line for line in hunt.record() if line["t"] == "confirm"])


def test_study_is_left_as_it_was(hunt: Hunt) -> None:
    hunt.patches(*SIX, "slow9-7")
    study = hunt.study(boots=2)
    assert hunt.bench.klab("run", study).code == kit.DONE
    sql = ("SELECT stage, config, workload, role, seed, boot FROM cell c "
           "JOIN study s ON s.id = c.study WHERE s.name = 's' ORDER BY 1, 5")
    before = hunt.bench.rows(sql)
    hunt.bisect(study, "--metric", METRIC)
    assert hunt.bench.rows(sql) == before


def test_build_break(hunt: Hunt) -> None:
    """No boot is needed for that; while the bad end is built, and nobody knows
    yet how it is broken, the good one is booted."""
    for tag in SIX[:3]:
        hunt.series.tag(tag)
    hunt.series.bad_code()
    hunt.series.tag("s5")
    study = hunt.study()
    stages = "SELECT DISTINCT c.stage FROM cell c JOIN boot b ON b.id = c.boot"
    for how, booted in ("--broken=build", []), ("--broken", [(0,)]):
        found = hunt.found("--again", study, how)
        assert found["first"]["stage"] == found["last"]["stage"] == "4"
        assert found["criterion"]["kind"] == "build"
        assert hunt.bench.rows(stages) in ([], booted)


def test_patch_that_does_not_build_is_passed_over(hunt: Hunt) -> None:
    """It is not blamed, and neither is the one that builds again."""
    hunt.series.tag("s1")
    hunt.series.tag("s2")
    hunt.series.bad_code()
    hunt.series.good_code()
    hunt.series.tag("s5")
    hunt.series.tag("bad6")
    study = hunt.patches("bad7", "bad8")
    found = hunt.found(study, "--broken", play="/bad=panic")
    assert found["verdict"] == "found"
    assert found["first"]["stage"] == "6"


def test_range_where_neighbours_do_not_build(hunt: Hunt) -> None:
    hunt.series.tag("s1")
    hunt.series.tag("s2")
    hunt.series.bad_code()
    hunt.series.tag("bad4")
    hunt.series.good_code()
    study = hunt.patches("bad6", "bad7")
    run = hunt.bisect(study, "--broken", play="/bad=panic")
    assert run.out.startswith("one of these patches, between which nothing "
                              "can be tested\n  first: 3: mm: does not build")
    assert "\n  last:  5: mm: builds again" in run.out
    assert "\nconfirmed on fresh boots" in run.out


def test_same_code_is_never_blamed(hunt: Hunt) -> None:
    """A patch that changes no code has the kernel of the one before it."""
    hunt.series.tag("s1")
    for i in range(4):
        hunt.series.edit("mm: words", "the kernel", f"the kernel ({i})")
    study = hunt.patches("bad6", "bad7")
    found = hunt.found(study, "--broken", play="/bad=panic")
    assert found["first"]["stage"] == found["last"]["stage"] == "6"
    assert found["boots"] <= 4


def test_no_single_step(hunt: Hunt) -> None:
    study = hunt.patches(*(f"slow{2 * i}-{i}" for i in range(1, 9)))
    run = hunt.bisect(study, "--metric", METRIC, code=kit.CHANGED)
    assert run.out.startswith("no single step"), run.out
    # Of a slope the ends tell the effect, and not the levels of one step.
    ends = re.search(r"^the ends differ: \S+ \+(\d+\.\d+) %", run.out, re.M)
    assert 14 < float(ends[1]) < 18, run.out


GUILTY = ('#define OPTION ""', '#define OPTION "-bad"', "mm/slub.h")


def test_bad_end_without_the_patch(hunt: Hunt) -> None:
    """Where it can be taken back, the bad end is booted without it."""
    for tag in SIX[:3]:
        hunt.series.tag(tag)
    hunt.series.edit("mm: guilty", *GUILTY)
    study = hunt.patches("s5", "s6", "s7")
    run = hunt.bisect(study, "--broken", play="/bad=panic")
    assert run.out.startswith("patch 4: mm: guilty\n")
    assert "the bad end without it is cured, 1 boot with it and 1 without: " \
           "1 and 0 are broken" in run.out
    assert hunt.built(run)[-1] == "7-without-4"
    assert len(list(hunt.bench.lab.glob("obj/*.log"))) == 1
    # A second one, which breaks the bad end as well.
    hunt.series.tag("bad8")
    study = hunt.patches("bad9")
    found = hunt.found(study, "--broken", play="/bad=panic")
    assert found["first"]["stage"] == "4"
    assert not found["without"]["confirmed"]
    assert found["without"]["parent_bad"] == 1


def test_metric_without_the_patch(hunt: Hunt) -> None:
    hunt.series.tag("s1")
    hunt.series.edit("mm: guilty", GUILTY[0], '#define OPTION "-slow9"',
                     GUILTY[2])
    study = hunt.patches("s3", "s4")
    without = hunt.found(study, "--metric", METRIC)["without"]
    assert without["confirmed"] and without["low"] < 0.09 < without["high"]


def test_patch_that_cannot_be_taken_back(hunt: Hunt) -> None:
    """A later one changes the same line."""
    study = hunt.patches(*SIX, *BROKEN)
    run = hunt.bisect(study, "--broken", play="/bad=panic")
    assert re.search(r"^it cannot be taken back from the bad end: its reverse "
                     r"does not apply there: mm/slub\.c: ", run.out, re.M)
    assert run.errors() == []


def test_patch_of_files_that_are_not_built(hunt: Hunt) -> None:
    """It has next to no weight."""
    hunt.series.change("Documentation: words", {"Documentation/a.rst": "a\n"})
    hunt.series.change("mm: of another config", {"mm/other.c": "b\n"})
    hunt.series.change("mm: a header", {"mm/other.h": "c\n"})
    study = hunt.patches("bad4")
    hunt.found(study, "--broken", play="/bad=panic")
    weights = [kernel["weight"] for kernel in hunt.record()[0]["kernels"]]
    assert weights[1:] == [0.05, 0.05, 6, 7]


def test_patch_of_a_file_that_does_not_compile(hunt: Hunt) -> None:
    """It has no object for that, and is not innocent; tools/ has parts that a
    kernel is built with."""
    hunt.series.tag("s1")
    hunt.series.change("objtool: words", {"tools/objtool/check.c": "a\n"})
    hunt.series.change("perf: words", {"tools/perf/perf.c": "a\n"})
    hunt.series.change("mm: a file", {
        "mm/Makefile": "$(O)/vmlinux: $(O)/mm/new.o\n"
        "$(O)/mm/new.o: mm/new.c $(O)/mm/slub.o\n"
        "\t@$(CC) $(ARCH_FLAGS) -c -o $@ $(CURDIR)/$<\n",
        "mm/new.c": "int new(void)\n{\n\treturn 0;\n}\n"})
    hunt.series.edit("mm: guilty", "return 0", "return undeclared", "mm/new.c")
    study = hunt.patches("s6")
    found = hunt.found(study, "--broken=build")
    assert found["first"]["stage"] == found["last"]["stage"] == "5"
    weights = [kernel["weight"] for kernel in hunt.record()[0]["kernels"]]
    assert (weights[2], weights[3], weights[5]) == (6, 0.05, 7)


def test_dry_run(hunt: Hunt) -> None:
    study = hunt.patches("s1", "s2")
    run = hunt.bisect("-n", study, "--broken=panic")
    assert run.out == ("would search 2 patches between stage base and stage 2, "
                       "config nort, machine icount-1cpu: panics\n")
    assert not hunt.bench.lab.exists()
    hunt.bisect(study, "--metric", METRIC, code=kit.USER)
    before = hunt.bench.tree()
    for words in ["--broken"], ["--metric", METRIC], ["--broken", "--again"]:
        assert hunt.bisect("-n", study, *words).out.startswith("would search")
    assert hunt.bench.tree() == before


def test_config_is_chosen(hunt: Hunt) -> None:
    """The break is under one config, and the other one is not built."""
    hunt.patches(*SIX, *BROKEN)
    study = hunt.study(configs=TWO_CONFIGS)
    play = "/-lockstat=/bad=panic"
    found = hunt.found(study, "--broken", "--config", "lockstat", play=play)
    assert found["first"]["stage"] == "7"
    assert hunt.bench.rows("SELECT DISTINCT config FROM variant") \
        == [("lockstat",)]
    run = hunt.bisect(study, "--broken", "--config", "nort", play=play,
                      code=kit.USER)
    assert "is sound: 3 boots under config 'nort'" in run.one_error()


def test_confirmation_that_denies(hunt: Hunt) -> None:
    """A boot that broke by chance led halving to the wrong patch; fresh boots
    of that tell, and the search goes on."""
    study = hunt.patches(*SIX, *BROKEN)
    run = hunt.bisect(study, "--broken=panic", play="/bad=panic /s4=1=panic "
                      "/s5=1=panic")
    assert "the fresh boots do not confirm it: the search goes on" in run.err
    assert run.out.startswith("patch 7: mm: tag bad7")
    assert "\nconfirmed on fresh boots" in run.out
    path, = hunt.bench.lab.glob("bisects/*/log.jsonl")
    assert hunt.bisect("--replay", path).out.endswith(run.out)


def test_effect_that_is_not_what_the_ends_differ_by(hunt: Hunt) -> None:
    """The first patch looked like all of it by chance; it is a quarter, which
    is no chance, and not what was looked for."""
    study = hunt.patches("slow2-1", "slow8-2")
    run = hunt.bisect(study, "--metric", METRIC, play="/slow2-1=1=lag")
    assert re.search(r"confirming stage 1 .*\nthe fresh boots do not confirm it "
                     r"\(\+2\.\d+ %, 2\d % of what the ends differ by\): the "
                     r"search goes on\n", run.err)
    assert run.out.startswith("patch 2: mm: tag slow8-2")
    assert re.search(r"\nconfirmed on .*; 7\d % of what the ends differ by: it "
                     r"is not the only one\n", run.out)


def test_drift_that_looked_like_a_step(hunt: Hunt) -> None:
    study = hunt.patches("slow1-1", "slow2-2", "slow4-3", "slow6-4", "slow8-5")
    run = hunt.bisect(study, "--metric", METRIC, code=kit.CHANGED,
                      play="/slow2-2=1=lag /slow2-2=2=lag")
    assert re.search(r"\nconfirming stage 2 .*\n(build .*\n)*the fresh boots do "
                     r"not confirm it \(", run.err)
    assert run.out.startswith("no single step")
    assert "confirmed" not in run.out
    path, = hunt.bench.lab.glob("bisects/*/log.jsonl")
    replay = hunt.bisect("--replay", path, code=kit.CHANGED)
    assert replay.out.endswith(run.out)


def test_fresh_boot_that_tells_nothing(hunt: Hunt) -> None:
    """There are as many more; with all of them it is confirmed."""
    study = hunt.patches(*SIX, "slow9-7", "slow9-8")
    found = hunt.found(study, "--metric", METRIC, play="300001=exit")
    assert found["first"]["stage"] == "7"
    fresh = found["confirmation"]
    assert fresh["confirmed"] and (fresh["boots"], fresh["useless"]) == (6, 2)
    assert hunt.bench.rows("SELECT count(*) FROM boot WHERE seed > 300000") \
        == [(12,)]


def test_fresh_boots_that_all_tell_nothing(hunt: Hunt) -> None:
    study = hunt.patches(*SIX, *BROKEN)
    run = hunt.bisect(study, "--broken=workload", code=kit.CHANGED,
                      play="300001=panic 300002=panic /bad=exit")
    assert "\nnot confirmed on fresh boots, 2 of it and 2 of its parent (4 " \
        "told nothing): panic" in run.out


def test_prebuilt_kernels(bench: kit.Bench) -> None:
    """Which of them was the first that is bad?"""
    names = ["k1", "k2", "k3", "k4-bad", "k5-bad"]
    study = bench.study(kernels=names)
    run = bench.klab("bisect", study, "--broken", play="/-bad=panic")
    assert run.code == kit.DONE, run.err
    assert run.out.startswith("patch k4-bad\n")
    slow = bench.study("t", kernels=["k1", "k2-slow3", "k3-slow3"])
    run = bench.klab("bisect", slow, "--metric", METRIC)
    assert run.out.startswith("patch k2-slow3\n"), run.err


def test_real_time(hunt: Hunt) -> None:
    """Where time is real the search is the noisy one."""
    hunt.patches(*SIX, "slow9-7", "slow9-8")
    study = hunt.study()
    study.write_text(study.read_text().replace("icount-1cpu", "tcg-2cpu"))
    found = hunt.found(study, "--metric", METRIC)
    assert found["first"]["stage"] == found["last"]["stage"] == "7"
    assert {line["mode"] for line in hunt.record() if line["t"] == "step"} \
        == {"noisy"}


# ---- git ----

def test_git_range(hunt: Hunt, tmp_path: Path) -> None:
    """Commits are named, and git understands the log."""
    repo = commits(tmp_path / "linux", "s1", "s2", "s3", "s4", "bad5", "bad6",
                   "bad7", "bad8")
    guilty = repo.git("rev-parse", "main~3")
    study = hunt.study(source=f"git: {repo.path}, range: v1..main", series="")
    found = hunt.found(study, "--broken", play="/bad=panic")
    assert found["first"]["commit"] == guilty
    log, = hunt.bench.lab.glob("bisects/*/git-bisect.log")
    assert log.read_text().endswith(
        f"# first bad commit: [{guilty}] {found['first']['subject']}\n")
    tip, good = repo.git("rev-parse", "main"), repo.git("rev-parse", "main~6")
    for name in good, good[:7], good[:12]:
        run = hunt.bisect("-n", study, "--broken", "--good", name, "--bad", tip)
        assert "6 patches between stage 2 and stage 8" in run.out
    run = hunt.bisect(study, "--broken", "--good", "v1", code=kit.USER)
    assert "no stage 'v1'; its first is 'base' and its last '8', or give the " \
        "id of one of its commits" in run.one_error()
    repo.git("bisect", "replay", str(log))
    assert repo.git("bisect", "log").endswith(
        f"# first bad commit: [{guilty}] commit 5")


def test_git_log_of_boots_that_broke_by_chance(hunt: Hunt,
                                               tmp_path: Path) -> None:
    """It says of a commit what the search came to."""
    repo = commits(tmp_path / "linux", *SIX, *BROKEN)
    study = hunt.study(source=f"git: {repo.path}, range: v1..main", series="")
    found = hunt.found(study, "--broken=panic",
                       play="/bad=panic /s4=1=panic /s5=1=panic")
    assert found["first"]["stage"] == "7"
    assert {line["kernel"] for line in hunt.record() if line["t"] == "event"
            and line["what"] == "bad"} & {4, 5}
    log, = hunt.bench.lab.glob("bisects/*/git-bisect.log")
    said = re.findall(r"^# (good|bad): \[\w+\] commit (\d+)$",
                      log.read_text(), re.M)
    assert {int(at) < 7 for word, at in said if word == "good"} == {True}
    assert {int(at) >= 7 for word, at in said if word == "bad"} == {True}
    repo.git("bisect", "replay", str(log))
    assert "# first bad commit: [" + found["first"]["commit"] \
        in repo.git("bisect", "log")


def commits(path: Path, *tags: str) -> fake_tree.Repository:
    """A repository with a commit per tag after v1."""
    repo = fake_tree.Repository(path)
    for i, tag in enumerate(tags, 1):
        repo.commit(f"commit {i}", {"mm/slub.c": fake_tree.SLUB_C.replace(
            'TAG "s0"', f'TAG "{tag}"')})
    return repo


@pytest.mark.parametrize("words, play", [
    (["--broken=panic"], "/bad=panic"), (["--broken"], "/bad=panic"),
    (["--metric", METRIC, "--limit", "102e6"], "ok")])
def test_git_bisect_run(hunt: Hunt, tmp_path: Path, words: list[str],
                        play: str) -> None:
    """`klab judge` is what git asks; a commit that does not build is skipped.
    All is built in one object folder."""
    repo = commits(tmp_path / "linux", "s1", "s2", "s3", "s4", "s5",
                   "bad-slow3-6", "bad-slow3-7", "bad-slow3-8")
    wrong = fake_tree.SLUB_C.replace("return x", "return undeclared")
    repo.git("checkout", "-q", "v1")
    study = hunt.study(series="")
    env = hunt.bench.environment(play, {})
    tests = {}
    repo.git("bisect", "start", "main", "v1")
    for _ in range(8):
        head = repo.git("rev-parse", "HEAD")
        if "first bad commit" in repo.git("bisect", "log"):
            break
        judged = subprocess.run(
            [kit.program(), "--lab", hunt.bench.lab, "judge", study, *words],
            cwd=repo.path, env=env, capture_output=True, text=True)
        assert judged.returncode in (0, 1), judged.stderr
        tests[head] = judged.stdout
        repo.git("bisect", "bad" if judged.returncode else "good")
    assert "# first bad commit: [" + repo.git("rev-parse", "main~2") + "]" \
        in repo.git("bisect", "log")
    assert len(tests) == 3
    assert len(list(hunt.bench.lab.glob("obj/*.log"))) == 1
    repo.git("bisect", "reset")
    repo.commit("wrong", {"mm/slub.c": wrong})
    judged = subprocess.run(
        [kit.program(), "--lab", hunt.bench.lab, "judge", study, *words],
        cwd=repo.path, env=env, capture_output=True, text=True)
    assert judged.returncode == 125
    assert judged.stdout.startswith("untestable: it does not build: mm/slub.c")


@pytest.mark.parametrize("words, play, code", [
    (["--broken=build"], "ok", 0), (["--broken"], "ok", 0),
    (["--broken"], "splat", 1), (["--broken=hang"], "panic", 125),
    (["--broken"], "die", 128 + kit.LAB), ([], "ok", 128 + kit.USER),
    (["--no-such-option"], "ok", 128 + kit.USER),
    (["--metric", METRIC], "ok", 128 + kit.USER),
    *((["--metric", METRIC, "--limit", limit], "ok", 128 + kit.USER)
      for limit in ("-1", "0", "", "x", "1x", "nan", "inf", "1e999")),
    *((["--broken", "--boots", boots], "ok", 128 + kit.USER)
      for boots in ("0", "-1", "1001", "1e3", "")),
    (["--broken", "--limit", "1"], "ok", 128 + kit.USER),
    (["--broken", "--boots", "2"], "2=panic", 1),
    (["--metric", METRIC, "--limit", "1"], "ok", 1),
    (["--metric", METRIC, "--limit", "2e9", "--boots", "2"], "ok", 0),
    (["--metric", METRIC, "--limit", "2e9"], "exit", 125),
    (["--broken", "--config", "x"], "ok", 128 + kit.USER)])
def test_judge(hunt: Hunt, tmp_path: Path, words: list[str], play: str,
               code: int) -> None:
    """No failure of klab looks like a judgement to git."""
    repo = commits(tmp_path / "linux")
    run = hunt.bench.klab("judge", *words, hunt.study(series=""), play=play,
                          cwd=repo.path)
    assert run.code == code, run.err
    word = {0: "good: ", 1: "bad: ", 125: "untestable: "}.get(code, "")
    assert run.out.startswith(word)
    assert bool(word) == bool(run.out)


# ---- the record ----

def test_goes_on_after_a_kill(hunt: Hunt) -> None:
    """No boot is done twice, and the steps are those of a hunt that was not
    killed."""
    study = hunt.patches(*SIX, *BROKEN)
    # All kernels are there, so that no build is in its first moments when the
    # kill comes.
    builds = hunt.study(workloads="[boot]", name="builds")
    assert hunt.bench.klab("run", builds).code == kit.DONE
    events = hunt.bench.events()
    gate = hunt.bench.gate()
    running = hunt.bench.start("bisect", "-j2", study, "--broken=panic",
                               play="/bad=panic 1=gate")
    gate.open(1)
    pids = []
    for _ in range(3):
        pids.append(events.next()[0])
    running.process.kill()
    running.finish()
    for pid in pids:
        kit.await_end(pid)
    path, = hunt.bench.lab.glob("bisects/*/log.jsonl")
    first = path.read_text()
    path.write_text(first + '{"t": "event", "ker')
    before = hunt.bench.rows("SELECT id FROM boot WHERE state = 'ok'")
    gate.open(50)
    run = hunt.bisect(study, "--broken=panic", play="/bad=panic 1=gate")
    assert run.out.startswith("patch 7: mm: tag bad7")
    assert "going on from" in run.err
    assert path.read_text().startswith(first)
    assert len(before) == 11 + 1 and hunt.built(run) == []
    booted = stages_booted(hunt)
    assert len(booted) == len(set(booted))


def test_interrupted(hunt: Hunt) -> None:
    study = hunt.patches(*SIX, *BROKEN)
    events = hunt.bench.events()
    hunt.bench.gate().open(1)
    running = hunt.bench.start("bisect", "-j2", study, "--broken=panic",
                               play="/bad=panic 1=gate")
    for _ in range(3):
        events.next()
    running.signal(signal.SIGINT)
    ended = running.finish()
    assert ended.code == kit.INTERRUPTED
    assert ended.err.endswith("interrupted: run the same command again to go "
                              "on\n")
    assert "result" not in [line["t"] for line in hunt.record()]
    status = hunt.bench.klab("status")
    assert re.match(r"bisect s-bisect-\w+: panics, 10 patches from stage base "
                    r"to 10, config nort, machine icount-1cpu: \d boots? so "
                    r"far.*; the same 'klab bisect' goes on with it \(",
                    status.out)
    assert status.out.count("\n") == 1 and "klab run" not in status.out
    run = hunt.bisect(study, "--broken=panic", play="/bad=panic")
    assert run.out.startswith("patch 7: mm: tag bad7")
    booted = stages_booted(hunt)
    assert len(booted) == len(set(booted))


def test_killed_when_all_but_the_end_is_there(hunt: Hunt) -> None:
    """Nothing is written twice, and gc keeps the boots of before the kill."""
    for tag in SIX[:3]:
        hunt.series.tag(tag)
    hunt.series.edit("mm: guilty", *GUILTY)
    study = hunt.patches("s5", "s6", "s7")
    words = (study, "--broken=panic")
    first = hunt.bisect(*words, play="/bad=panic")
    path, = hunt.bench.lab.glob("bisects/*/log.jsonl")
    text = path.read_text()
    before, result, _ = text.rsplit("\n", 2)
    assert json.loads(result)["t"] == "result"
    path.write_text(before + "\n")
    assert hunt.bisect(*words, play="die").out == first.out
    assert path.read_text() == text
    boots = sorted(path.name for path in hunt.bench.lab.glob("boots/*"))
    assert hunt.bench.klab("gc").code == kit.DONE
    assert sorted(path.name for path in hunt.bench.lab.glob("boots/*")) \
        == boots
    assert {line["boot"] for line in hunt.record() if "boot" in line} \
        <= set(boots)
    assert hunt.bench.klab("gc", "--forget", path.parent.name).code == kit.DONE
    for left in "boots", "kernels", "bisects":
        assert list(hunt.bench.lab.glob(f"{left}/*")) == []
    assert hunt.bench.rows("SELECT name FROM study") == []


def test_status(hunt: Hunt) -> None:
    """A bisect is one line that says what came of it, and no study."""
    for tag in SIX[:3]:
        hunt.series.tag(tag)
    hunt.series.edit("mm: guilty", *GUILTY)
    study = hunt.patches("s5", "s6", "s7")
    hunt.bisect(study, "--broken", play="/bad=panic")
    hunt.bisect(study, "--metric", METRIC, "--bad", "3", code=kit.USER)
    lines = sorted(hunt.bench.klab("status").out.splitlines())
    assert len(lines) == 2
    assert re.search(r": does not boot, 7 patches from stage base to 7, config "
                     r"nort, machine icount-1cpu: patch 4 \(mm: guilty\), "
                     r"confirmed \(2", lines[0] + lines[1])
    assert re.search(r": hackbench-threads/time, from 1 % on, 3 patches from "
                     r"stage base to 3, .*: nothing to search \(equal\) \(",
                     lines[0] + lines[1])
    assert sorted(hunt.bench.klab("status", study).out.splitlines()) == lines
    both = json.loads(hunt.bench.klab("status", "--json").out)
    assert all("study" not in one and one["complete"] for one in both)
    result, = (one["result"] for one in both if one["result"])
    assert result["first"]["stage"] == "4"
    assert hunt.bench.klab("run", study, play="/bad=panic").code == kit.KERNEL
    rows = hunt.bench.klab("status").out.splitlines()
    assert [row for row in rows if row.startswith("s: 8 of 8 boots done")]
    assert len(rows) == 3


def test_study_named_like_a_bisect(hunt: Hunt) -> None:
    """The user's own is a study, whatever it is called."""
    hunt.patches("s1")
    for name in "a-judge", "b-bisect-01234567", "c-undo":
        study = hunt.study(name=name)
        assert hunt.bench.klab("run", study).code == kit.DONE
        assert f"{name}: 2 of 2 boots done; complete" \
            in hunt.bench.klab("status", name).out


def test_gc(hunt: Hunt) -> None:
    """What a bisect needs is kept until it is forgotten."""
    study = hunt.patches(*SIX, *BROKEN)
    first = hunt.bisect(study, "--broken=panic", play="/bad=panic")
    boots = sorted(path.name for path in hunt.bench.lab.glob("boots/*"))
    assert hunt.bench.klab("gc").code == kit.DONE
    assert sorted(path.name for path in hunt.bench.lab.glob("boots/*")) \
        == boots
    assert hunt.bisect(study, "--broken=panic", play="die").out == first.out
    name, = (path.parent.name for path in
             hunt.bench.lab.glob("bisects/*/log.jsonl"))
    assert hunt.bench.klab("gc", "--forget", name).code == kit.DONE
    for left in "boots", "kernels", "bisects":
        assert list(hunt.bench.lab.glob(f"{left}/*")) == []


def test_asked_again_it_says_the_same(hunt: Hunt) -> None:
    study = hunt.patches(*SIX, *BROKEN)
    words = (study, "--broken=panic")
    first = hunt.bisect(*words, play="/bad=panic")
    record = hunt.record()
    again = hunt.bisect(*words, play="die")
    assert again.out == first.out
    assert hunt.record() == record
    anew = hunt.bisect("--again", *words, play="/bad=panic")
    assert anew.out == first.out
    assert len(list(hunt.bench.lab.glob("bisects/*/log.1.jsonl"))) == 1


def test_series_that_changed_has_a_record_of_its_own(hunt: Hunt) -> None:
    study = hunt.patches(*SIX, *BROKEN)
    hunt.bisect(study, "--broken=panic", play="/bad=panic")
    patch = hunt.series.folder / "0006-patch.patch"
    patch.write_text(patch.read_text().replace("s6", "bad6"))
    for later in hunt.series.folder.glob("0007-*"):
        later.write_text(later.read_text().replace('"s6"', '"bad6"'))
    run = hunt.bisect(study, "--broken=panic", play="/bad=panic")
    assert run.out.startswith("patch 6:")
    assert "put aside" in run.err


def test_log_and_replay(hunt: Hunt) -> None:
    study = hunt.patches(*SIX, "slow3-7", "slow3-8")
    run = hunt.bisect(study, "--metric", METRIC)
    log = hunt.bisect(study, "--log")
    assert run.out in log.out
    assert "stage base: value" in log.out
    assert json.loads(hunt.bisect(study, "--log", "--json").out) \
        == hunt.record()
    path, = hunt.bench.lab.glob("bisects/*/log.jsonl")
    alone = hunt.bench.dir / "copy.jsonl"
    alone.write_bytes(path.read_bytes())
    replay = hunt.bisect("--replay", alone)
    assert "all steps are as they were" in replay.err
    assert replay.out.endswith(run.out)
    # What was seen first is changed: then other steps follow.
    alone.write_text(alone.read_text().replace('"value":18.', '"value":17.',
                                               1))
    other = hunt.bisect("--replay", alone, code=kit.CHANGED)
    assert "comes to another step" in other.one_error()


@pytest.mark.parametrize("text, what", [
    ("", "has no whole line"), ('{"t": "set', "has no whole line"),
    ("garbage\n", "is not a line of a bisect's record"),
    ('{"t": "event"}\n', "is not the setup of a bisect"),
    ('{"t": "setup"}\n', ":1: the setup of the bisect is not complete"),
    ('{"t": "setup", "version": 7}\n', ":1: the record is of version 7, and "
     "this klab reads version 1: use the klab that wrote it")])
def test_bad_record(hunt: Hunt, text: str, what: str) -> None:
    path = hunt.bench.write("log.jsonl", text)
    run = hunt.bisect("--replay", path, code=kit.USER)
    assert what in run.one_error()


def test_replay_of_what_is_no_record(hunt: Hunt) -> None:
    run = hunt.bisect("--replay", "none", code=kit.USER)
    assert "there is no record 'none'" in run.one_error()
    run = hunt.bisect("--replay", hunt.bench.dir, code=kit.USER)
    assert "is not a file" in run.one_error()


def test_only_reading_takes_no_words_of_a_search(hunt: Hunt) -> None:
    study = hunt.patches("s1")
    for words in (("--replay", "x", "--again"), (study, "--log", "--again"),
                  ("--replay", "x", "--broken"), (study, "--log", "--good",
                                                  "1")):
        run = hunt.bisect(*words, code=kit.USER)
        assert re.search(r"only reads a record: --\w+ does not go with it",
                         run.one_error())


def test_record_with_orders_for_a_terminal(hunt: Hunt) -> None:
    """It may be anybody's."""
    study = hunt.patches("s1", "bad2")
    hunt.bisect(study, "--broken=panic", play="/bad=panic")
    path, = hunt.bench.lab.glob("bisects/*/log.jsonl")
    text = path.read_text()
    for word in '"2"', '"nort"', '"mm: tag bad2"':
        text = text.replace(word, word[:-1] + r'\u001b[2J\n\u0085"')
    path.write_text(text)
    for words in ("--replay", path), (study, "--log"):
        run = hunt.bisect(*words)
        assert "tag bad2?[2J" in run.out
        assert "\x1b" not in run.out + run.err
        assert "\x85" not in run.out + run.err
    assert "\x1b" not in hunt.bench.klab("status").out


def test_replay_of_a_part(hunt: Hunt) -> None:
    """The search had not come to its end."""
    study = hunt.patches(*SIX, *BROKEN)
    hunt.bisect(study, "--broken=panic", play="/bad=panic")
    path, = hunt.bench.lab.glob("bisects/*/log.jsonl")
    text = path.read_text()
    alone = hunt.bench.write("log.jsonl", text[:len(text) // 2])
    replay = hunt.bisect("--replay", alone)
    assert "this search has not come to its end" in replay.err
    lines = text.splitlines(True)
    for damage in '"kernel": -1', '"kernel": 1e30', '"kernel": "x"', '"a": 1':
        alone.write_text(lines[0] + '{"t": "event", "what": "bad", '
                         f'{damage}}}\n')
        replay = hunt.bisect("--replay", alone, code=kit.USER)
        assert f"{alone}:2: an event has no kernel" in replay.one_error()


def test_own_record_that_is_damaged(hunt: Hunt) -> None:
    """It is not overwritten, and a word tells how to go on."""
    study = hunt.patches(*SIX, *BROKEN)
    words = (study, "--broken=panic")
    first = hunt.bisect(*words, play="/bad=panic")
    path, = hunt.bench.lab.glob("bisects/*/log.jsonl")
    whole = path.read_text()
    newer = whole.replace('"version":1', '"version":2', 1)
    for text, what in ((whole[:300] + "\n", ":1: is not a line of a bisect's"),
                       (newer, ":1: the record is of version 2")):
        path.write_text(text)
        run = hunt.bisect(*words, play="/bad=panic", code=kit.USER)
        assert what in run.one_error()
        assert run.one_error().endswith("; --again puts the record aside and "
                                        "begins anew")
        assert path.read_text() == text
    anew = hunt.bisect("--again", *words, play="/bad=panic")
    assert anew.out == first.out


def test_record_on_a_full_disk(hunt: Hunt) -> None:
    """What was in it stays; with room again the same command goes on."""
    study = hunt.patches(*SIX, *BROKEN)
    words = (study, "--broken=panic")
    hunt.bench.lab.mkdir()
    with kit.small_disk(hunt.bench.lab / "bisects", 1):
        kit.fill(hunt.bench.lab / "bisects/full", 8192)
        run = hunt.bisect(*words, play="/bad=panic", code=kit.LAB)
        assert re.search(r"cannot write '.*log.jsonl': No space left",
                         run.one_error())
        path, = hunt.bench.lab.glob("bisects/*/log.jsonl")
        text = path.read_text()
        kept = text[:text.rindex("\n") + 1]
        assert kept.count('"t":"event"') >= 1
        (hunt.bench.lab / "bisects/full").unlink()
        run = hunt.bisect(*words, play="/bad=panic")
        assert run.out.startswith("patch 7: mm: tag bad7")
        assert path.read_text().startswith(kept)
        booted = stages_booted(hunt)
        assert len(booted) == len(set(booted))


def test_record_that_cannot_be_written(hunt: Hunt) -> None:
    study = hunt.patches(*SIX, *BROKEN)
    hunt.bench.lab.mkdir()
    with kit.small_disk(hunt.bench.lab / "bisects", 1):
        subprocess.run(["mount", "-o", "remount,ro",
                        hunt.bench.lab / "bisects"], check=True)
        run = hunt.bisect(study, "--broken=panic", code=kit.LAB)
        assert "bisects/s-bisect-" in run.one_error()
        assert "Read-only file system" in run.one_error()


def test_lab_that_is_in_use(hunt: Hunt) -> None:
    study = hunt.patches(*SIX, *BROKEN)
    events = hunt.bench.events()
    hunt.bench.gate()
    running = hunt.bench.start("bisect", "-j2", study, "--broken=panic",
                               play="gate")
    events.next()
    run = hunt.bisect(study, "--broken=panic", code=kit.LAB)
    assert "is in use by another klab" in run.one_error()
    running.signal(signal.SIGINT)
    assert running.finish().code == kit.INTERRUPTED


def test_no_record(hunt: Hunt) -> None:
    study = hunt.patches("s1")
    assert hunt.bench.klab("run", study).code == kit.DONE
    assert "has no such bisect" in hunt.bisect(
        study, "--log", code=kit.USER).one_error()


def test_record_of_a_study_whose_name_goes_on(hunt: Hunt) -> None:
    """It is not that of the study whose name it begins with."""
    hunt.patches("s1", "bad2")
    study = hunt.study()
    longer = hunt.study(name="s-bisect-x")
    run = hunt.bisect(longer, "--broken=panic", play="/bad=panic")
    assert "has no such bisect" in hunt.bisect(study, "--log",
                                               code=kit.USER).one_error()
    assert run.out in hunt.bisect(longer, "--log").out


# ---- the lab fails ----

def test_lab_failure_is_tried_again(hunt: Hunt) -> None:
    """It says nothing of the kernel."""
    study = hunt.patches(*SIX, *BROKEN)
    env = {"FAKE_QEMU_FLAKY": "3", "FAKE_QEMU_COUNT":
           str(hunt.bench.dir / "count")}
    run = hunt.bisect(study, "--broken=panic", play="/bad=panic /s3=flaky "
                      "/s5=flaky", env=env)
    assert run.out.startswith("patch 7:")


def test_one_workload_that_fails(hunt: Hunt) -> None:
    """A kernel, and an end, are booted again before they are given up."""
    study = hunt.patches(*SIX, "slow9-7", "slow9-8", "slow9-9")
    words = (study, "--metric", METRIC)
    found = hunt.found(*words, play="/s0=1=exit /slow9-9=2=panic "
                       "/slow9-7=1=exit /s5=panic")
    assert found["first"]["stage"] == found["last"]["stage"] == "7"
    weak = [line for line in hunt.record() if line["t"] == "weak"]
    assert {("base", 1), ("9", 2)} < {(line["stage"], line["seed"])
                                      for line in weak}
    assert "stage base: weak, seed 1, boot " in hunt.bisect(study,
                                                            "--log").out
    seeds: dict[str, list[int]] = {}
    for line in hunt.record():
        if line["t"] in ("event", "weak") and "seed" in line:
            seeds.setdefault(line["stage"], []).append(line["seed"])
    assert all(len(set(of)) == len(of) for of in seeds.values())
    path, = hunt.bench.lab.glob("bisects/*/log.jsonl")
    assert "all steps are as they were" in hunt.bisect("--replay", path).err


def test_weak_boot_before_a_kill(hunt: Hunt) -> None:
    """It is known afterwards: the boot after it is the last try."""
    study = hunt.patches("s1", "slow9-2")
    words = (study, "--metric", METRIC)
    run = hunt.bisect(*words, play="/s0=exit", code=kit.KERNEL)
    assert "the good end, stage base, says nothing of it: " in run.one_error()
    path, = hunt.bench.lab.glob("bisects/*/log.jsonl")
    lines = path.read_text().splitlines(True)
    cut = [i for i, line in enumerate(lines) if '"weak"' in line]
    assert len(cut) == 1
    booted = [line for line in hunt.record() if "seed" in line]
    path.write_text("".join(lines[:cut[0] + 1]))
    again = hunt.bisect(*words, play="die", code=kit.KERNEL)
    assert again.one_error() == run.one_error()
    assert [line for line in hunt.record() if "seed" in line] == booted
    assert [line["seed"] for line in booted] == [1, 2]


def test_lab_that_fails_always(hunt: Hunt) -> None:
    study = hunt.patches(*SIX, *BROKEN)
    run = hunt.bisect(study, "--metric", METRIC, play="die", code=kit.LAB)
    assert "giving up: 8 boots in a row failed in the lab" in run.one_error()


# ---- nothing to search ----

def test_ends_do_not_differ(hunt: Hunt) -> None:
    study = hunt.patches(*SIX)
    run = hunt.bisect(study, "--metric", METRIC, code=kit.USER)
    assert re.search(r"the ends do not differ enough: hackbench-threads/time "
                     r"is 10\d(\.\d+)? M instr at stage base and .* at stage 6 "
                     r"\(.*\), a change of .* % .* after \d+ boots; a change "
                     r"of 1 % or more is looked for: if it lies outside, give "
                     r"an earlier --good or a later --bad", run.one_error())
    boots = hunt.bench.rows("SELECT id, started FROM boot")
    again = hunt.bisect(study, "--metric", METRIC, code=kit.USER, play="die")
    assert again.one_error() == run.one_error()
    refused = [line for line in hunt.record() if line["t"] == "refused"]
    assert [f"klab: {line['says']}" for line in refused] == [run.one_error()]
    path, = hunt.bench.lab.glob("bisects/*/log.jsonl")
    replay = hunt.bisect("--replay", path, code=kit.USER)
    assert replay.one_error() == run.one_error()
    assert refused[0]["says"] in hunt.bisect(study, "--log").out
    assert hunt.bench.rows("SELECT id, started FROM boot") == boots


def test_ends_swapped(hunt: Hunt) -> None:
    """It got better."""
    hunt.series.tag("slow9-1")
    study = hunt.patches("s2", "s3")
    run = hunt.bisect(study, "--metric", METRIC, "--good", "1", code=kit.USER)
    assert re.search(r"the ends are swapped: hackbench-threads/time is .* at "
                     r"stage 1 .* a change of -8.* that is for the better, and "
                     r"klab finds what made it worse: choose other ends",
                     run.one_error())
    run = hunt.bisect(study, "--metric", METRIC, "--good", "3", "--bad", "1",
                      code=kit.USER)
    assert "the ends are swapped: '3', the good one, comes after '1', the " \
        "bad one, and klab looks for what made it worse: swap --good and " \
        "--bad" in run.one_error()


def test_change_outside_of_the_ends(hunt: Hunt) -> None:
    """Before the good end, or after the bad one."""
    hunt.series.tag("s1")
    hunt.series.tag("slow9-2")
    study = hunt.patches("slow9-3")
    for words in ["--good", "2"], ["--bad", "1"]:
        run = hunt.bisect(study, "--metric", METRIC, *words, code=kit.USER)
        assert "if it lies outside, give an earlier --good or a later --bad" \
            in run.one_error()


def test_no_patch(hunt: Hunt, tmp_path: Path) -> None:
    run = hunt.bisect(hunt.study(series=""), "--broken", code=kit.USER)
    assert "the study has one stage, 'base', and no patch to search: give it " \
        "a series, a range, or more 'stages'" in run.one_error()
    repo = commits(tmp_path / "linux")
    study = hunt.study(source=f"git: {repo.path}, range: v1..main", series="")
    run = hunt.bisect(study, "--broken", code=kit.USER)
    assert "there is no commit in 'v1..main'" in run.one_error()


def test_one_patch(hunt: Hunt) -> None:
    """Nothing is between the ends: they and the confirmation tell."""
    hunt.series.tag("s1")
    study = hunt.patches("slow9-2")
    words = ("--metric", METRIC, "--good", "1")
    run = hunt.bisect(study, *words)
    assert run.out.startswith("patch 2: mm: tag slow9-2\n"
                              "probability: 100.0 %, of 1 patch\n")
    assert "\nconfirmed on fresh boots" in run.out
    run = hunt.bisect(study, *words, "--bad", "1", code=kit.USER)
    assert "are one stage, '1', and no patch lies between them" \
        in run.one_error()
    assert "1 patch between" in hunt.bisect("-n", study, *words).out


def test_ends_are_one(hunt: Hunt) -> None:
    hunt.series.comment()
    study = hunt.study()
    run = hunt.bisect(study, "--metric", METRIC, code=kit.USER)
    assert "are the same kernel, code for code" in run.one_error()
    run = hunt.bisect(study, "--broken", "--good", "1", code=kit.USER)
    assert "the good and the bad end are one stage, '1'" in run.one_error()


def test_end_that_does_not_build(hunt: Hunt) -> None:
    hunt.series.bad_code()
    hunt.series.tag("s2")
    hunt.series.good_code()
    study = hunt.patches("s4")
    for words, what in [
            (("--metric", METRIC, "--bad", "2"), "the bad end, stage 2"),
            (("--metric", METRIC, "--good", "1"), "the good end, stage 1"),
            (("--broken", "--good", "1"), "the good end, stage 1")]:
        error = hunt.bisect(study, *words, code=kit.KERNEL).one_error()
        assert error.startswith(f"klab: {what} (mm: ")
        assert "does not build: mm/slub.c:" in error
    run = hunt.bisect(study, "--broken=build", "--good", "1", "--bad", "2",
                      code=kit.USER)
    assert "does not build either" in run.one_error()
    run = hunt.bisect(study, "--broken=build", code=kit.USER)
    assert "the bad end, stage 4 (mm: tag s4), builds" in run.one_error()


def test_all_between_untestable(hunt: Hunt) -> None:
    hunt.series.bad_code()
    hunt.series.tag("s2")
    hunt.series.tag("s3")
    hunt.series.good_code()
    study = hunt.patches("bad5")
    # Stage 4 is sound; without it all between the ends do not build.
    study.write_text(study.read_text() + "stages: [0, 1, 2, 3, 5]\n")
    run = hunt.bisect(study, "--broken", play="/bad=panic", code=kit.KERNEL)
    assert run.out.startswith("one of these patches, between which nothing")


def test_broken_at_both_ends(hunt: Hunt) -> None:
    study = hunt.patches("bad1", "bad2")
    for how in "--broken", "--broken=panic":
        run = hunt.bisect(study, how, "--good", "1", play="/bad=panic",
                          code=kit.USER)
        assert re.search(r"the good end, stage 1 \(mm: tag bad1\), is broken "
                         r"as well \(.*, in 2 of 2 boots; the bad one in 1 of "
                         r"1\): panic: .*; give an earlier one with --good$",
                         run.one_error())


def test_broken_at_no_end(hunt: Hunt) -> None:
    study = hunt.patches(*SIX)
    run = hunt.bisect(study, "--broken", code=kit.USER)
    assert re.search(r"the bad end, stage 6 \(mm: tag s6\), is sound: 3 boots "
                     r"under .*; give a later one with --bad, or another "
                     r"config or machine$", run.one_error())


def test_metric_that_no_boot_has(shelf: Hunt) -> None:
    """All ran, and none of them gave that value."""
    shelf.patches(*SIX)
    study = shelf.study(workloads="[half]")
    run = shelf.bisect(study, "--metric", "half/pages", code=kit.USER)
    assert re.search(r"the good end, stage base, says nothing of it: it has no "
                     r"value of pages: .* \(it has t\); give another end with "
                     r"--good, or another --metric", run.one_error())


def test_end_that_does_not_boot(hunt: Hunt) -> None:
    study = hunt.patches(*SIX, *BROKEN)
    run = hunt.bisect(study, "--metric", METRIC, play="/bad=panic",
                      code=kit.KERNEL)
    assert "the bad end, stage 10 (mm: tag bad10), says nothing of it: " \
           "panic: " in run.one_error()


@pytest.mark.parametrize("words, what", [
    ([], "say what to look for"),
    (["--broken", "--metric", METRIC], "say what to look for"),
    (["--broken=nonsense"], "is not build, boot, panic, hang"),
    (["--metric", "nonsense"], "the study has no metric 'nonsense'; it has "
                               "hackbench-threads/time"),
    (["--metric", "hackbench-threads/x"], "the study has no metric"),
    (["--metric", METRIC, "--min-effect", "x"], "is not a percentage"),
    *((["--metric", METRIC, f"--min-effect={effect}"], "is not a percentage")
      for effect in ("0%", "0", "-1%", "nan%", "inf%", "1e400%", "100%", "")),
    (["--metric", ""], "the study has no metric ''; it has"),
    (["--broken", "--config", "nort", "--good", "x"],
     "the study has no stage 'x'; its first is 'base' and its last '2'"),
    (["--broken", "--min-effect", "2%"], "--min-effect goes with --metric"),
    (["--broken", "--config", "x"], "the study has no config 'x'; it has "
                                    "nort, lockstat"),
    (["--broken"], "the study has more than one config: choose with "
                   "--config: nort, lockstat"),
    (["--broken", "--config", "nort", "--machine", "x"],
     "the study has no machine 'x'; it has icount-1cpu"),
    (["--broken", "--config", "nort", "--bad", "99"],
     "the study has no stage '99'; its first is 'base' and its last '2'")])
def test_bad_words(hunt: Hunt, words: list[str], what: str) -> None:
    hunt.patches("s1", "s2")
    study = hunt.study(configs=TWO_CONFIGS)
    run = hunt.bisect(study, *words, code=kit.USER)
    assert what in run.one_error()
    assert not hunt.bench.lab.exists()
