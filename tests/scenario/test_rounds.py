"""Boots beyond the planned ones: more samples, fresh boots of what is claimed,
A/A boots of the baseline; and the verdicts that are stored at the end."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

import kit
from shop import Shop

REAL = {"KLAB_PYTHON": "/usr/bin/python3"}
PLACE = {"config": "as-shipped", "machine": "icount-1cpu",
         "workload": "hackbench-threads"}

#: An analysis that reads its answers from a script of the test: "next"
#: evaluates it with `cells` (role and seed of each that ended, by stage) and
#: writes what it leaves in `answer`.
ANALYSIS = """#!/usr/bin/python3
import json, os, sqlite3, sys
verb, db = sys.argv[3], sys.argv[5]
if verb != "next":
    sys.exit(0)
rows = sqlite3.connect("file:" + db + "?mode=ro", uri=True).execute(
    "SELECT stage, role, c.seed FROM cell c JOIN boot ON boot.id = c.boot"
    " ORDER BY c.seed").fetchall()
def have(stage, role="sample"):
    return [seed for at, what, seed in rows if (at, what) == (stage, role)]
def boots(stage, first, last, role="sample", **more):
    return {"stage": stage, "role": role, "first": first, "last": last,
            "config": "as-shipped", "machine": "icount-1cpu",
            "workload": "hackbench-threads"} | more
def fresh(stage, number, **more):
    return boots(stage, 200001, 200000 + number, "confirm", **more)
def verdict(stage, word, **more):
    return {"stage": stage, "config": "as-shipped", "machine": "icount-1cpu",
            "workload": "hackbench-threads", "metric": "time",
            "verdict": word, **more}
answer = {"boots": [], "why": "", "verdicts": []}
def ask(why, *boots):
    answer.update(boots=list(boots), why=why)
"""


def analysis(bench: kit.Bench, text: str) -> dict[str, str]:
    """An environment in which `next` is that text, see ANALYSIS."""
    path = bench.write("analysis.py", ANALYSIS + text
                       + "\nprint(json.dumps(answer))\n")
    path.chmod(0o755)
    return {"KLAB_PYTHON": str(path)}


def cells(bench: kit.Bench) -> list[tuple[Any, ...]]:
    """(stage, role, seed) of each cell of which the boot has ended well."""
    return bench.rows("SELECT stage, role, c.seed FROM cell c JOIN boot ON "
                      "boot.id = c.boot WHERE state = 'ok' "
                      "ORDER BY stage, role, c.seed")


def of(stage: int, role: str, *seeds: int) -> list[tuple[Any, ...]]:
    return [(stage, role, seed) for seed in seeds]


FOUR = "compare: { confirm: 4 }\n"

CONFIRM = """
ask("confirming 1 kernel: 4 boots", fresh(0, 2), fresh(1, 2))
answer["verdicts"] = [
    verdict(0, "baseline", value=1.5, unit="ns", boots=2),
    verdict(1, "regressed", base=0, value=3, unit="ns", change=1.0, low=0.9,
            high=1.1, p=0.001, q=0.002, boots=2, more_boots=None,
            method="by hand", reason=None)]
"""


# ---- rounds ----

def test_claim_is_confirmed(bench: kit.Bench) -> None:
    """The boots that are asked for are done; then the verdicts are stored."""
    study = bench.study(kernels=["k1", "k2"], boots=2)
    env = analysis(bench, CONFIRM)
    run = bench.klab("run", study, env=env)
    assert run.code == kit.DONE
    assert run.err.count("confirming 1 kernel: 4 boots\n") == 1
    assert "8 of 8 boots done" in run.err
    fresh = (200001, 200002)
    assert cells(bench) == [*of(0, "confirm", *fresh), *of(0, "sample", 1, 2),
                            *of(1, "confirm", *fresh), *of(1, "sample", 1, 2)]
    assert bench.rows("SELECT stage, base, verdict, value, unit, change, low, "
                      "p, boots, more_boots, method, reason FROM verdict "
                      "ORDER BY stage") == [
        (0, None, "baseline", 1.5, "ns", None, None, None, 2, None, None,
         None),
        (1, 0, "regressed", 3.0, "ns", 1.0, 0.9, 0.001, 2, None, "by hand",
         None)]
    assert bench.rows("SELECT judged FROM study") != [(None,)]
    before = bench.rows("SELECT * FROM boot")
    again = bench.klab("run", study, env=env)
    assert again.code == kit.DONE
    assert "confirming" not in again.err
    assert "8 of 8 boots done" in again.err
    assert bench.rows("SELECT * FROM boot") == before
    assert len(cells(bench)) == 8
    assert bench.rows("SELECT count(*) FROM verdict") == [(2,)]
    assert bench.rows("SELECT * FROM spare") == []


ADAPTIVE = """
n = len(have(1))
if n < {end}:
    to = min(int(os.environ.get("MOST", 8)), -(-n * 8 // 5))
    ask(f"from {{n}} to {{to}}", boots(0, n + 1, to), boots(1, n + 1, to))
"""


@pytest.mark.parametrize("end, whys", [
    (3, []), (5, ["from 3 to 5"]), (99, ["from 3 to 5", "from 5 to 8"])])
def test_adaptive(bench: kit.Bench, end: int, whys: list[str]) -> None:
    """More boots until it is decided, and no more than max."""
    study = bench.study(kernels=["k1", "k2"], boots="{ min: 3, max: 8 }")
    run = bench.klab("run", study, env=analysis(bench,
                                                ADAPTIVE.format(end=end)))
    last = {3: 3, 5: 5, 99: 8}[end]
    assert run.code == (kit.LAB if end == 99 else kit.DONE)
    assert [line for line in run.err.splitlines()
            if line.startswith("from ")] == whys
    assert cells(bench) == [*of(0, "sample", *range(1, last + 1)),
                            *of(1, "sample", *range(1, last + 1))]
    if end == 99:       # it asked for seed 9
        assert run.one_error().endswith(
            "entry 1 of 'boots': seeds 9 to 8 are not of role 'sample', which "
            "has 1 to 8")


def test_a_boot_that_fails_is_not_asked_for_again(bench: kit.Bench) -> None:
    study = bench.study(kernels=["k1", "k2"], boots="{ min: 2, max: 4 }")
    env = analysis(bench, 'ask("more", boots(0, 3, 4), boots(1, 3, 4))')
    run = bench.klab("run", study, env=env, play="3=panic")
    assert run.code == kit.KERNEL
    assert "8 of 8 boots done; in 2 the kernel failed" in run.err
    again = bench.klab("run", study, env=env)
    assert again.code == kit.KERNEL
    assert "more" not in again.err.splitlines()
    plan = bench.klab("plan", study).out
    assert "4 to 8 boots (2 stages x 1 configs x 1 machines x 1 workloads x " \
        "2 to 4 seeds), 8 done\n  looked at after 2, 4 boots of a cell" in plan
    assert "and at most 8 to confirm what is claimed" in plan
    assert "estimate: 0 s" in plan
    rules = json.loads(bench.klab("plan", "--json", study).out)["rules"]
    assert (rules["min"], rules["max"], rules["budget"]) == (2, 4, 8)
    assert bench.klab("run", "--retry", study, env=env).code == kit.DONE


def test_budget_is_kept(bench: kit.Bench) -> None:
    """What goes beyond is passed over, the last boots of all first."""
    study = bench.study(kernels=["k1", "k2"], boots=2,
                        more="compare: { confirm: 5 }\n")
    env = analysis(bench, 'ask("too many", fresh(0, 9), fresh(1, 9))')
    for _ in range(2):
        run = bench.klab("run", study, env=env)
        assert run.code == kit.DONE
        assert "9 of 9 boots done" in run.err
        assert bench.rows("SELECT stage, count(*) FROM cell WHERE "
                          "role = 'confirm' GROUP BY 1") == [(0, 3), (1, 2)]


def test_nothing_to_confirm(bench: kit.Bench) -> None:
    study = bench.study(kernels=["k1", "k2"], boots=1,
                        more="compare: { confirm: no }\n")
    run = bench.klab("run", study, env=analysis(bench, "ask('', fresh(1, 2))"))
    assert run.code == kit.LAB
    assert "the study wants no confirmation" in run.one_error()
    run = bench.klab("run", study, env=analysis(
        bench, "answer['verdicts'] = [verdict(1, 'x')]"))
    assert run.code == kit.DONE
    assert bench.rows("SELECT verdict FROM verdict") == [("x",)]


def test_verdicts_go_with_the_study_that_they_are_for(
        bench: kit.Bench) -> None:
    """Other kernels under the same name, of which none boots."""
    env = analysis(bench, "answer['verdicts'] = [verdict(1, 'x')]")
    study = bench.study(kernels=["k1", "k2"])
    assert bench.klab("run", study, env=env).code == kit.DONE
    assert bench.rows("SELECT verdict FROM verdict") == [("x",)]
    study = bench.study(kernels=["k3", "k4"])
    assert bench.klab("run", study, env=env, play="panic").code == kit.KERNEL
    assert bench.rows("SELECT verdict FROM verdict") == []
    assert bench.rows("SELECT judged FROM study") == [(None,)]


def test_kernels_that_are_the_same_share(bench: kit.Bench) -> None:
    """Two stages with one kernel: the fresh boots are done once."""
    bench.kernel("k2", "6.1.0-k1")
    study = bench.study(kernels=["k1", "k2"], boots=1)
    run = bench.klab("run", study,
                     env=analysis(bench, "ask('', fresh(0, 2), fresh(1, 2))"))
    assert run.code == kit.DONE
    assert "3 of 3 boots done" in run.err
    assert len(cells(bench)) == 6


def test_kernels_that_are_built(shop: Shop) -> None:
    """A/A boots of a kernel to come are counted, one that does not build gets
    no fresh boots, and a build that comes late takes part."""
    shop.series.tag("s1")
    shop.series.tag("s2")
    shop.series.bad_code()
    study = shop.study(more="compare: { aa: 2 }\n")
    env = analysis(shop.bench, """
place = {"config": "nort", "workload": "boot"}
ask("fresh ones", *[fresh(stage, 2, **place) for stage in range(4)])
""")
    run = shop.run(study, code=kit.KERNEL, env=env)
    assert "3 of 4 kernels built, 1 do not build; 11 of 11 boots done" in \
        run.err
    assert shop.bench.rows("SELECT stage, role, count(*) FROM cell GROUP BY "
                           "1, 2") == [
        (0, "aa", 2), (0, "confirm", 2), (0, "sample", 1), (1, "confirm", 2),
        (1, "sample", 1), (2, "confirm", 2), (2, "sample", 1)]
    before = shop.bench.rows("SELECT * FROM boot")
    again = shop.run(study, code=kit.KERNEL, env=env)
    assert "11 of 11 boots done" in again.err and "fresh" not in again.err
    assert shop.bench.rows("SELECT * FROM boot") == before


# ---- interrupted ----

def test_interrupted_in_a_round(bench: kit.Bench) -> None:
    """The next run does what is left of it, and comes to the same end."""
    study = bench.study(kernels=["k1", "k2"], boots=1, more=FOUR)
    env = analysis(bench, CONFIRM)
    events, gate = bench.events(), bench.gate()
    play = "200002=gate"
    running = bench.start("-j1", "run", study, env=env, play=play)
    seen = []
    while 200002 not in seen:
        seen.append(events.next()[1])
    running.signal(signal.SIGINT)
    stopped = running.finish()
    assert stopped.code == kit.INTERRUPTED
    assert "of 6 boots are done" in stopped.err
    done = [row[2] for row in cells(bench)]
    assert done.count(200001) == 2 and done.count(200002) < 2
    # What was done of the round is not lost to who tidies up in between.
    assert bench.klab("gc").code == kit.DONE
    gate.open(2)
    run = bench.klab("run", study, env=env, play=play)
    assert run.code == kit.DONE
    assert "6 of 6 boots done" in run.err
    assert len(cells(bench)) == 6
    assert bench.rows("SELECT count(*) FROM verdict") == [(2,)]
    started = bench.rows("SELECT started FROM boot WHERE seed = 200001")
    assert len(started) == 2
    boots = [events.next()[1] for _ in range(6 - len(done))]
    assert 200001 not in boots


def test_boots_of_a_round_are_kept_until_it_is_through(
        bench: kit.Bench) -> None:
    """A run that is stopped before it asks keeps what rounds have added."""
    study = bench.study(kernels=["k1", "k2"], boots=1, more=FOUR)
    env = analysis(bench, CONFIRM)
    assert bench.klab("run", study, env=env).code == kit.DONE
    failed = bench.klab("run", study, env={"KLAB_PYTHON": "/bin/false"})
    assert failed.code == kit.LAB
    assert len(cells(bench)) == 2
    assert "2 of 2 boots done; 'klab run' goes on" in bench.klab("status").out
    assert bench.klab("gc").code == kit.DONE
    assert bench.rows("SELECT count(*) FROM boot") == [(6,)]
    before = bench.rows("SELECT id, started FROM boot ORDER BY id")
    assert bench.klab("run", study, env=env).code == kit.DONE
    assert bench.rows("SELECT id, started FROM boot ORDER BY id") == before
    assert "6 of 6 boots done; complete" in bench.klab("status").out


def test_interrupted_while_it_asks(bench: kit.Bench) -> None:
    fifo = bench.dir / "asked"
    os.mkfifo(fifo)
    python = bench.write("python", f"#!/bin/sh\necho x >{fifo}\n"
                         "exec sleep 1000\n")
    python.chmod(0o755)
    running = bench.start("run", bench.study(boots=2),
                          env={"KLAB_PYTHON": str(python)})
    fifo.read_text()
    running.signal(signal.SIGTERM)
    stopped = running.finish()
    assert stopped.code == kit.INTERRUPTED
    assert "2 of 2 boots are done" in stopped.err
    bench.no_process_left()


# ---- answers that are none ----

def said(text: str) -> str:
    return f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n"


BOOT = {**PLACE, "stage": 0, "role": "sample", "first": 1, "last": 1}
VERDICT = {**PLACE, "stage": 0, "metric": "time", "verdict": "equivalent"}


def answer(**what: Any) -> str:
    return said(json.dumps({"boots": [], "verdicts": [], "why": ""} | what))


RUBBISH = {
    "empty": ("#!/bin/sh\n", "it is empty"),
    "words": (said("hello"), "line 1: "),
    "cut": (said('{"boots": ['), "line 2: "),
    "nan": (said('{"boots": [], "verdicts": [NaN]}'), "line 1: "),
    "twice": (said('{"boots": [], "boots": [], "verdicts": []}'),
              "duplicate object key"),
    "list": (said("[]"), "it is not an object"),
    "no boots": (said('{"verdicts": []}'), "'boots' is not a list"),
    "no verdicts": (said('{"boots": []}'), "'verdicts' is not a list"),
    "why": (answer(why=3), "'why' is not a text"),
    "number": (answer(boots=[3]), "entry 1 of 'boots': 'stage' is not a whole "
                                  "number"),
    "stage": (answer(boots=[BOOT | {"stage": 7}]), "the study has no stage 7"),
    "huge": (answer(boots=[BOOT | {"stage": 1 << 40}]),
             "'stage' is not a whole number"),
    "config": (answer(boots=[BOOT | {"config": "rt"}]),
               "the study has no config 'rt'"),
    "machine": (answer(boots=[BOOT | {"machine": "../m"}]),
                "the study has no machine '../m'"),
    "workload": (answer(boots=[BOOT | {"workload": "x"}]),
                 "the study has no workload 'x'"),
    "role": (answer(boots=[BOOT | {"role": "aa"}]),
             "'aa' is not a role to ask for"),
    "seeds": (answer(boots=[BOOT | {"first": 0}]), "seeds 0 to 1 are not"),
    "back": (answer(boots=[BOOT | {"first": 2}]), "seeds 2 to 1 are not"),
    "many": (answer(boots=[BOOT | {"last": 3}]), "seeds 1 to 3 are not"),
    "verdict": (answer(verdicts=[VERDICT, VERDICT | {"verdict": None}]),
                "entry 2 of 'verdicts': 'verdict' is not a text"),
    "change": (answer(verdicts=[VERDICT | {"change": "much"}]),
               "'change' is not a number"),
    "same": (answer(verdicts=[VERDICT | {"change": 1}, VERDICT]), "UNIQUE"),
    "code 1": ("#!/bin/sh\nexit 1\n", "(exit status 1); 'klab doctor'"),
    "code 4": ("#!/bin/sh\necho more >&2\necho 'klab: no pandas' >&2\nexit 4\n",
               "(exit status 4): no pandas; 'klab doctor'"),
    "killed": ("#!/bin/sh\nkill -9 $$\n", "(killed by signal 9"),
}


@pytest.mark.parametrize("name", RUBBISH)
def test_rubbish(bench: kit.Bench, name: str) -> None:
    """It is told, the boots stay, and so do the verdicts that there were."""
    script, why = RUBBISH[name]
    study = bench.study(boots=2)
    good = analysis(bench, "answer['verdicts'] = [verdict(0, 'good')]")
    assert bench.klab("run", study, env=good).code == kit.DONE
    python = bench.write("python", script)
    python.chmod(0o755)
    run = bench.klab("run", study, env={"KLAB_PYTHON": str(python)})
    assert run.code == kit.LAB
    assert why in run.one_error()
    assert cells(bench) == of(0, "sample", 1, 2)
    assert bench.rows("SELECT verdict FROM verdict") == [("good",)]


def test_boots_that_cannot_be_compared(bench: kit.Bench) -> None:
    """Told once; there are no verdicts, not even those of before."""
    study = bench.study(boots=2)
    good = analysis(bench, "answer['verdicts'] = [verdict(0, 'good')]")
    assert bench.klab("run", study, env=good).code == kit.DONE
    python = bench.write("python", "#!/bin/sh\n"
                         "echo 'klab: apples and pears' >&2\nexit 2\n")
    python.chmod(0o755)
    run = bench.klab("run", study, env={"KLAB_PYTHON": str(python)})
    assert run.code == kit.USER
    assert run.one_error() == "klab: apples and pears"
    assert bench.rows("SELECT * FROM verdict") == []
    assert bench.rows("SELECT judged FROM study") == [(None,)]


def test_nobody_asks_when_nothing_has_run(bench: kit.Bench) -> None:
    run = bench.klab("run", bench.study(boots=2), play="panic",
                     env=analysis(bench, "sys.exit(4)"))
    assert run.code == kit.KERNEL


# ---- A/A boots, and the order ----

def test_aa_boots(bench: kit.Bench) -> None:
    """The baseline alone has them, from the start and over all turns."""
    study = bench.study(kernels=["k1", "k2"], boots=2,
                        more="compare: { baseline: k2, aa: 4 }\n")
    plan = bench.klab("plan", study)
    assert "8 boots (2 stages x 1 configs x 1 machines x 1 workloads x 2 " \
        "seeds, 4 more of the baseline), 0 done" in plan.out
    events = bench.events()
    run = bench.klab("-j1", "run", study)
    assert run.code == kit.DONE
    assert "8 of 8 boots done" in run.err
    assert [events.next()[1] for _ in range(8)] == [
        1, 1, 100001, 100002, 2, 2, 100003, 100004]
    assert cells(bench) == [
        *of(0, "sample", 1, 2), *of(1, "aa", *range(100001, 100005)),
        *of(1, "sample", 1, 2)]
    more = bench.study(kernels=["k1", "k2"], boots=2,
                       more="compare: { baseline: k1, aa: 1 }\n")
    assert bench.klab("run", more).code == kit.DONE
    assert bench.rows("SELECT stage, seed FROM cell WHERE role = 'aa'") == [
        (0, 100001)]


@pytest.mark.parametrize("accel, jobs", [
    ("tcg", "-j1"),
    # These have the host for themselves, so they are put off until then.
    pytest.param("kvm", "-j3", marks=pytest.mark.skipif(
        not os.access("/dev/kvm", os.R_OK | os.W_OK),
        reason="there is no /dev/kvm"))])
def test_wall_clock_boots_are_mixed(bench: kit.Bench, accel: str,
                                    jobs: str) -> None:
    """Turn by turn, and in a turn by their ids: time says nothing about the
    stage."""
    machine = bench.machine("t", accel=accel, vcpus=1, memory_mib=256)
    kernels = [f"k{i}" for i in range(8)]
    study = bench.study(kernels=kernels, machines=[machine], boots=3)
    assert bench.klab(jobs, "run", study).code == kit.DONE
    ran = bench.rows("SELECT stage, c.seed, id FROM cell c JOIN boot ON "
                     "boot.id = c.boot ORDER BY boot.rowid")
    assert [(seed, boot) for _, seed, boot in ran] == sorted(
        (seed, boot) for _, seed, boot in ran)
    assert [stage for stage, seed, _ in ran if seed == 1] != list(range(8))


def test_exact_clock_boots_keep_their_order(bench: kit.Bench) -> None:
    study = bench.study(kernels=["k1", "k2", "k3"], boots=2)
    assert bench.klab("-j1", "run", study).code == kit.DONE
    assert bench.rows("SELECT c.seed, stage FROM cell c JOIN boot ON "
                      "boot.id = c.boot ORDER BY boot.rowid") == [
        (seed, stage) for seed in (1, 2) for stage in (0, 1, 2)]


# ---- the real analysis ----

def planted(bench: kit.Bench, boots: int | str, more: str = "") -> Path:
    bench.kernel("slow", "6.1.0-slow20")
    return bench.study(kernels=["base", "same", "slow"], boots=boots,
                       more=more)


def test_planted_change_is_confirmed(bench: kit.Bench) -> None:
    """20 % slower, found in the samples and again in fresh boots."""
    study = planted(bench, 5)
    run = bench.klab("run", study, env=REAL)
    assert run.code == kit.CHANGED
    fresh = bench.rows("SELECT stage, count(*) FROM cell WHERE "
                       "role = 'confirm' GROUP BY 1 ORDER BY 1")
    assert [stage for stage, _ in fresh] == [0, 2]
    assert bench.rows("SELECT DISTINCT verdict FROM verdict WHERE stage = 2 "
                      "AND metric = 'time'") == [("regressed",)]
    assert bench.rows("SELECT count(*) FROM verdict WHERE stage = 1 AND "
                      "verdict = 'regressed'") == [(0,)]
    before = bench.rows("SELECT id, started FROM boot")
    again = bench.klab("run", study, env=REAL)
    assert again.code == kit.CHANGED
    assert again.out == run.out
    assert bench.rows("SELECT id, started FROM boot") == before


def test_planted_change_without_confirmation(bench: kit.Bench) -> None:
    study = planted(bench, 5, "compare: { confirm: no }\n")
    assert bench.klab("run", study, env=REAL).code == kit.CHANGED
    assert bench.rows("SELECT DISTINCT role FROM cell") == [("sample",)]
    assert bench.rows("SELECT verdict FROM verdict WHERE stage = 2 AND "
                      "metric = 'time'") == [("regressed",)]


def test_adaptive_study_for_real(bench: kit.Bench) -> None:
    """What is decided gets no more boots, and none gets more than max."""
    study = planted(bench, "{ min: 3, max: 8 }")
    assert bench.klab("run", study, env=REAL).code == kit.CHANGED
    most = dict(bench.rows("SELECT stage, max(seed) FROM cell WHERE "
                           "role = 'sample' GROUP BY 1"))
    assert max(most.values()) <= 8
    assert most[2] <= most[0]
    assert bench.rows("SELECT verdict FROM verdict WHERE stage = 2 AND "
                      "metric = 'time'") == [("regressed",)]
