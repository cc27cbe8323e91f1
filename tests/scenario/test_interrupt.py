"""Signals, a second klab, and what is there afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal

import pytest

import kit


def start_hanging(bench: kit.Bench, play: str = "2=live") -> tuple[
        kit.Running, int]:
    """Starts three boots one after the other; returns when the second one, which
    never ends, runs: klab and that guest's process."""
    events = bench.events()
    study = bench.study(boots=3)
    running = bench.start("run", "-j1", study, play=play,
                          start_new_session=True)
    assert events.next()[1] == 1
    pid, seed = events.next()
    assert seed == 2
    return running, pid


def finish_later(bench: kit.Bench) -> kit.Result:
    """The same command again, with guests that are well."""
    result = bench.klab("run", "-j1", bench.dir / "s.yaml")
    assert result.code == kit.DONE, result.err
    assert bench.outcomes() == {1: "ok", 2: "ok", 3: "ok"}
    assert bench.flights() == []
    assert "3 of 3 boots done" in result.err
    return result


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM,
                                    signal.SIGHUP])
def test_interrupted_and_resumed(bench: kit.Bench, number: int) -> None:
    running, pid = start_hanging(bench)
    running.signal(number)
    result = running.finish()
    assert result.code == kit.INTERRUPTED
    assert result.err.splitlines()[-1] == (
        "interrupted: 1 of 3 boots are done; run the same command again to go "
        "on")
    kit.await_end(pid)
    assert bench.flights() == []
    # What was done is stored, what was not is not.
    assert bench.outcomes()[1] == "ok"
    assert bench.boot(2)["state"] == "running"
    result = finish_later(bench)
    # The first one was not booted again.
    assert [line.split("seed ")[1][0] for line in result.err.splitlines()
            if line.startswith("boot ")] == ["2", "3"]


def test_interrupted_by_the_terminal(bench: kit.Bench) -> None:
    """Ctrl-C goes to the whole foreground group."""
    running, pid = start_hanging(bench)
    os.killpg(running.process.pid, signal.SIGINT)
    assert running.finish().code == kit.INTERRUPTED
    kit.await_end(pid)
    finish_later(bench)


def test_interrupted_twice(bench: kit.Bench) -> None:
    """The second one, while a guest still ignores the first, breaks nothing."""
    running, pid = start_hanging(bench, "2=mule")
    running.signal(signal.SIGINT)
    running.signal(signal.SIGINT)
    running.signal(signal.SIGTERM)
    assert running.finish().code == kit.INTERRUPTED
    kit.await_end(pid)
    finish_later(bench)


def test_killed(bench: kit.Bench) -> None:
    running, pid = start_hanging(bench)
    running.signal(signal.SIGKILL)
    assert running.finish().code == -signal.SIGKILL
    # Nobody is left to stop it, so it ends by itself.
    kit.await_end(pid)
    assert bench.outcomes()[1] == "ok"
    assert bench.boot(2)["detail"] == "interrupted"
    # What was in flight is still there, until the next run.
    assert len(bench.flights()) == 1
    status = bench.klab("status")
    assert "1 of 3 boots done, 1 interrupted" in status.out
    assert "'klab run' goes on with it" in status.out
    assert json.loads(bench.klab("status", "--json").out)[0]["todo"] == 2
    finish_later(bench)


def test_killed_while_it_stores(bench: kit.Bench) -> None:
    """At any moment: what the database calls done has its files, and the rest
    is done again."""
    events = bench.events()
    study = bench.study(boots=30)
    for seed in (3, 9, 15):
        running = bench.start("run", "-j2", study)
        while events.next()[1] < seed:
            pass
        running.signal(signal.SIGKILL)
        running.finish()
        for boot, in bench.rows("SELECT id FROM boot WHERE state = 'ok'"):
            folder = bench.lab / "boots" / boot
            assert (folder / "results.jsonl").stat().st_size
            assert json.loads((folder / "fingerprint.json").read_text())
            assert bench.rows("SELECT count(*) FROM sample WHERE boot = ?",
                              boot) == bench.rows("SELECT count(*) FROM metric")
    del bench.env["FAKE_QEMU_EVENTS"]
    assert bench.klab("run", study).code == kit.DONE
    # One that was just being started may have missed klab's death; it ends
    # because its guest does.
    bench.no_process_left()
    assert len(bench.outcomes()) == 30
    assert len(list((bench.lab / "boots").iterdir())) == 30


def test_two_klabs_in_one_lab(bench: kit.Bench) -> None:
    events, gate = bench.events(), bench.gate()
    study = bench.study(boots=2)
    first = bench.start("run", "-j1", study, play="gate")
    events.next()
    for words in (("run", study), ("gc",), ("reproduce", "0")):
        second = bench.klab(*words)
        assert second.code == kit.LAB
        assert second.one_error() == (
            f"klab: lab '{bench.lab}' is in use by another klab (process "
            f"{first.process.pid}); wait for it, or take another --lab")
    # To look is allowed.
    status = bench.klab("status")
    assert status.code == kit.DONE
    assert "0 of 2 boots done, 1 running" in status.out
    assert json.loads(bench.klab("status", "--json").out)[0]["running"] == 1
    assert bench.klab("plan", study).code == kit.DONE
    # Another lab is another matter.
    assert bench.klab("run", study, lab=bench.dir / "other").code == kit.DONE
    gate.open(2)
    assert first.finish().code == kit.DONE
    assert bench.outcomes() == {1: "ok", 2: "ok"}
    assert bench.klab("run", study).code == kit.DONE


def test_looking_disturbs_no_start(bench: kit.Bench) -> None:
    """A status at the very moment of a start must not look like a klab at
    work."""
    study = bench.study()
    assert bench.klab("run", study).code == kit.DONE
    for _ in range(10):
        lookers = [bench.start("status") for _ in range(4)]
        assert bench.klab("run", study).code == kit.DONE
        for looker in lookers:
            assert looker.finish().code == kit.DONE


def test_reproduce_interrupted(bench: kit.Bench) -> None:
    study = bench.study()
    assert bench.klab("run", study).code == kit.DONE
    before = bench.tree()
    events = bench.events()
    running = bench.start("reproduce", "-j1", "--times=3", bench.boot(1)["id"],
                          play="live")
    pid, _ = events.next()
    running.signal(signal.SIGINT)
    assert running.finish().code == kit.INTERRUPTED
    kit.await_end(pid)
    assert bench.flights() == []
    assert {name: data for name, data in bench.tree().items()
            if "/boots/" in name} == {
                name: data for name, data in before.items()
                if "/boots/" in name}


def test_guests_run_side_by_side(bench: kit.Bench) -> None:
    events, gate = bench.events(), bench.gate()
    running = bench.start("run", "-j3", bench.study(boots=4), play="gate")
    first = {events.next()[1] for _ in range(3)}
    assert first == {1, 2, 3}
    gate.open()
    assert events.next()[1] == 4
    gate.open(3)
    assert running.finish().code == kit.DONE


def test_nohup(bench: kit.Bench) -> None:
    """A klab that was told to outlive its terminal does."""
    events, gate = bench.events(), bench.gate()
    running = bench.start(
        "run", bench.study(), play="gate",
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    events.next()
    running.signal(signal.SIGHUP)
    gate.open()
    assert running.finish().code == kit.DONE


def test_interrupted_in_the_analysis(bench: kit.Bench) -> None:
    """All boots are done then, and the analysis goes with klab."""
    fifo = bench.events()
    python = bench.write("python", f"#!/bin/sh\necho $$ 0 >{fifo.path}\n"
                         "exec sleep 1000\n")
    python.chmod(0o755)
    del bench.env["FAKE_QEMU_EVENTS"]
    running = bench.start("run", bench.study(boots=2),
                          env={"KLAB_PYTHON": str(python)})
    pid, _ = fifo.next()
    running.signal(signal.SIGINT)
    assert running.finish().code in (kit.INTERRUPTED, -signal.SIGINT)
    kit.await_end(pid)
    assert bench.outcomes() == {1: "ok", 2: "ok"}
    result = bench.klab("run", bench.dir / "s.yaml")
    assert result.code == kit.DONE
    assert "2 of 2 boots done" in result.err


@pytest.mark.parametrize("part", ["boots", "kernels", "initramfs", "reports"])
def test_somebody_tidied_up(bench: kit.Bench, part: str) -> None:
    """What was removed by hand is made again where it is needed."""
    study = bench.study(boots=2)
    assert bench.klab("run", study).code == kit.DONE
    shutil.rmtree(bench.lab / part)
    (bench.lab / "flight" / "stale").mkdir()
    assert bench.klab("run", bench.study(boots=3)).code == kit.DONE
    assert bench.outcomes() == {1: "ok", 2: "ok", 3: "ok"}
    assert bench.flights() == []
    assert bench.klab("status").code == kit.DONE
    assert bench.klab("gc").code == kit.DONE
