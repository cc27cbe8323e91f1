"""What becomes of a boot: the seven words, findings, and who is to blame."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3

import pytest

import kit

FUNCTION = "SELECT boot, kind, function, count, is_fatal FROM finding"


def test_a_splat_costs_no_sample(bench: kit.Bench) -> None:
    result = bench.klab("run", bench.study(boots=3), play="2=splat")
    assert result.code == kit.CHANGED
    assert bench.outcomes() == {1: "ok", 2: "splat", 3: "ok"}
    boot = bench.boot(2)
    assert boot["state"] == "ok" and boot["detail"] == "splat"
    assert boot["reason"].startswith("WARNING: ")
    assert "cut here" in boot["excerpt"] or "WARNING" in boot["excerpt"]
    assert bench.rows(FUNCTION) == [(boot["id"], "warning", "flush_all", 1,
                                     0)]
    assert bench.rows("SELECT count(DISTINCT boot) FROM sample") == [(3,)]
    lines = [line for line in result.err.splitlines()
             if line.startswith(f"boot {boot['id']}: ")]
    assert len(lines) == 1 and ", seed 2: splat: WARNING: " in lines[0]
    assert "3 of 3 boots done; in 1 it ran, but with splats" in result.err


def test_a_splat_stays(bench: kit.Bench) -> None:
    """The run that has nothing to do knows of it, too."""
    study = bench.study(boots=2)
    assert bench.klab("run", study, play="2=splat").code == kit.CHANGED
    result = bench.klab("run", study)
    assert result.code == kit.CHANGED
    assert "in 1 it ran, but with splats" in result.err
    status = bench.klab("status")
    assert "2 of 2 boots done, 1 with splats; complete" in status.out
    assert json.loads(bench.klab("status", "--json").out)[0]["splat"] == 1


def test_equal_reports_are_one_finding(bench: kit.Bench) -> None:
    bench.klab("run", bench.study(), play="splats")
    (_, _, _, count, _), = bench.rows(FUNCTION)
    assert count == 3


def test_findings_of_boots_are_grouped(bench: kit.Bench) -> None:
    """One signature over seeds and kernels, another for another fault."""
    study = bench.study(boots=3, kernels=["k1", "k2"])
    result = bench.klab("run", study, play="1=gpf splat")
    assert result.code == kit.KERNEL
    rows = bench.rows("SELECT kind, function, count(DISTINCT boot), "
                      "min(is_consequence) FROM finding "
                      "GROUP BY signature ORDER BY kind")
    assert rows[0] == ("gpf", "kmem_cache_alloc", 2, 0)
    assert rows[-1] == ("warning", "flush_all", 4, 0)
    boot = bench.rows("SELECT reason FROM boot WHERE outcome = 'panic'")[0][0]
    assert boot.startswith("general protection fault")
    assert "then: Kernel panic - not syncing: Attempted to kill" in boot


def test_harmless(bench: kit.Bench) -> None:
    study = bench.study(boots=2, more="harmless: ['at mm/slub\\.c:[0-9]+']\n")
    result = bench.klab("run", study, play="splat")
    assert result.code == kit.DONE
    assert "splat" not in result.err
    assert "with splats" not in bench.klab("status").out
    # It is no part of the boot: another study sees what this one does not.
    other = bench.study("other", boots=2)
    result = bench.klab("run", other)
    assert result.code == kit.CHANGED
    assert "2 of 2 boots done; in 2 it ran, but with splats" in result.err
    # And one study changes its mind.
    assert bench.klab("run", bench.study(boots=2)).code == kit.CHANGED
    assert bench.rows("SELECT count(*) FROM boot") == [(2,)]


def test_gc_takes_what_belonged_to_a_boot(bench: kit.Bench) -> None:
    bench.klab("run", bench.study(more="harmless: [WARNING]\n"), play="splat")
    assert bench.rows("SELECT count(*) FROM harmless") == [(1,)]
    other = bench.study("other", kernels=["k2"], more="harmless: [x, WARN]\n")
    bench.klab("run", other)
    assert bench.rows("SELECT count(*) FROM harmless") == [(2,)]
    assert bench.klab("gc", "--forget", "s").code == kit.DONE
    for table in ("finding", "harmless"):
        assert bench.rows(f"SELECT count(*) FROM {table}") == [(0,)]
    assert bench.rows("SELECT count(*) FROM harmless_pattern") == [(2,)]


def test_the_gate(bench: kit.Bench) -> None:
    """The whole way: recorded by the boot, refused by compare and report."""
    real = {"KLAB_PYTHON": "/usr/bin/python3"}
    study = bench.study(boots=2, kernels=["k1", "k2"])
    assert bench.klab("run", study).code == kit.DONE
    boot, text = bench.rows("SELECT id, fingerprint FROM boot LIMIT 1")[0]
    matters = json.loads(text)["matters"]
    assert matters["qemu"].startswith("10.0.2")
    assert "-icount" in matters["command"] and "-seed" not in matters["command"]
    assert "cpu_model" not in matters
    assert bench.klab("compare", "s", env=real).code == kit.DONE
    changed = json.loads(text)
    changed["matters"]["firmware"] = "another"
    with contextlib.closing(sqlite3.connect(bench.lab / "lab.db")) as db:
        db.execute("UPDATE boot SET fingerprint = json_set(fingerprint, "
                   "'$.matters.firmware', 'one')")
        db.execute("UPDATE boot SET fingerprint = ? WHERE id = ?",
                   (json.dumps(changed), boot))
        db.commit()
    for verb in ("compare", "report"):
        result = bench.klab(verb, "s", env=real)
        assert result.code == kit.USER and result.out == ""
        assert f"firmware is 'one' in 3 boots of k1, k2 and 'another' in " \
            f"1 boot ({boot}) of k" in result.one_error()
        assert "--force" in result.one_error()
        result = bench.klab(verb, "--force", "s", env=real)
        assert result.code == kit.DONE, result.err
    assert "compared by --force" in bench.klab(
        "compare", "--force", "s", env=real).out
    # A run ends with the same refusal, once.
    result = bench.klab("run", study, env=real)
    assert result.code == kit.USER
    assert "firmware is" in result.one_error()


def flaky(bench: kit.Bench, times: int) -> None:
    bench.env |= {"FAKE_QEMU_FLAKY": str(times),
                  "FAKE_QEMU_COUNT": str(bench.dir / "count")}


@pytest.mark.parametrize("jobs", ["-j1", "-j3"])
def test_the_lab_gets_two_more_tries(bench: kit.Bench, jobs: str) -> None:
    flaky(bench, 3)
    result = bench.klab("run", jobs, bench.study(boots=4), play="2=flaky")
    assert result.code == kit.DONE
    assert set(bench.outcomes().values()) == {"ok"}
    assert (bench.dir / "count").read_text() == "xxx"
    told = [line for line in result.err.splitlines()
            if line.startswith("the lab failed boot ")]
    assert len(told) == 2
    assert "could not set up host memory; try 2 comes" in told[0]
    assert told[1].endswith("try 3 comes")
    rows = bench.rows("SELECT detail FROM event WHERE what = 'infra'")
    assert len(rows) == 2 and "try 1 of 3: QEMU ended" in rows[0][0]
    assert bench.flights() == []


def test_and_no_more(bench: kit.Bench) -> None:
    flaky(bench, 4)
    study = bench.study(boots=2)
    result = bench.klab("run", study, play="2=flaky")
    assert result.code == kit.LAB
    assert bench.outcomes() == {1: "ok", 2: "infra"}
    assert (bench.dir / "count").read_text() == "xxx"
    assert "1 failed in the lab, to be done again" in result.err
    assert bench.rows("SELECT count(*) FROM finding") == [(0,)]
    # The next run has tries of its own.
    assert bench.klab("run", study, play="2=flaky").code == kit.DONE


def test_a_kernel_is_not_tried_again(bench: kit.Bench) -> None:
    events = bench.events()
    bench.klab("run", "-j1", bench.study(boots=2), play="1=gpf")
    assert [events.next()[1], events.next()[1]] == [1, 2]
    os.set_blocking(events.fd, False)
    with pytest.raises(BlockingIOError):
        os.read(events.fd, 1)


def test_a_boot_of_an_older_klab_is_looked_through(bench: kit.Bench) -> None:
    """What it did not notice then is found in the console that it kept."""
    study = bench.study(boots=2)
    bench.klab("run", study, play="2=splat")
    with contextlib.closing(sqlite3.connect(bench.lab / "lab.db")) as db:
        db.execute("DELETE FROM finding")
        db.execute("UPDATE boot SET watched = 0, outcome = 'ok', detail = "
                   "NULL, reason = NULL, excerpt = NULL")
        db.commit()
    events = bench.events()
    assert bench.klab("run", study).code == kit.CHANGED
    assert bench.outcomes() == {1: "ok", 2: "splat"}
    assert len(bench.rows(FUNCTION)) == 1
    with pytest.raises(BlockingIOError):
        os.read(events.fd, 1)
