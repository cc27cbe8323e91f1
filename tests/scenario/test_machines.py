"""Machines of all kinds: their files, which accelerator is taken, hung guests,
and what a sick one leaves."""

from __future__ import annotations

import json
import os
import re
import select
import time
from pathlib import Path
from typing import Any

import pytest

import kit

KVM = Path("/dev/kvm")
needs_kvm = pytest.mark.skipif(not KVM.exists(),
                               reason="auto never tries kvm without /dev/kvm")


def facts(bench: kit.Bench, seed: int = 1) -> dict[str, Any]:
    path = bench.lab / "boots" / bench.boot(seed)["id"] / "facts.json"
    return json.loads(path.read_text())


def spec(bench: kit.Bench, seed: int = 1) -> dict[str, Any]:
    path = bench.lab / "boots" / bench.boot(seed)["id"] / "spec.json"
    return json.loads(path.read_text())


def test_wall_clock(bench: kit.Bench) -> None:
    machine = bench.machine("m", accel="tcg", vcpus=2, append="slub_debug=P")
    result = bench.klab("run", bench.study(machines=[machine]))
    assert result.code == kit.DONE, result.err
    made = spec(bench)
    assert made["machine"]["clock"] == "wall"
    assert made["machine"]["accel"] == "tcg"
    assert made["machine"]["metronome_us"] == 0
    command = made["command"]
    assert command[command.index("-accel") + 1] == "tcg,thread=multi"
    assert command[command.index("-append") + 1].endswith(" slub_debug=P")
    assert "-icount" not in command
    found = facts(bench)
    assert found["accel"] == "tcg"
    assert found["accel_why"] == "the machine file says so"
    assert found["cmdline"] == command[command.index("-append") + 1]
    assert {"cpu_model", "memory", "host_load", "steal", "qemu",
            "firmware"} <= found.keys()


@pytest.mark.parametrize("board, machine", [
    ("pc", "pc"), ("q35", "q35"), ("microvm", "microvm,acpi=off,rtc=on")])
def test_boards(bench: kit.Bench, board: str, machine: str) -> None:
    file = bench.machine("m", accel="tcg", board=board)
    result = bench.klab("run", bench.study(machines=[file]))
    assert result.code == kit.DONE, result.err
    command = spec(bench)["command"]
    assert command[command.index("-machine") + 1] == machine


@pytest.mark.parametrize("keys, where, what", [
    ({"accel": "xen"}, "2: key 'accel'",
     "'xen' is no accelerator that this klab has; there are: auto, icount, "
     "kvm, tcg"),
    ({"accel": "kvm", "clock": "exact"}, "3: key 'clock'",
     "'exact' is not the clock of accel 'kvm', which is: wall"),
    ({"accel": "tcg", "board": "sun4m"}, "3: key 'board'",
     "'sun4m' is no board; there are: q35, pc, microvm"),
    ({"accel": "tcg", "cpus": "[0]"}, "3: key 'cpus'", ""),
    ({"accel": "kvm", "vcpus": 2, "cpus": "[0]"}, "4: key 'cpus'",
     "1 host CPUs for 2 vCPUs; each needs one"),
    ({"accel": "kvm", "vcpus": 2, "cpus": "[1, 1]"}, "4: key",
     "CPU 1 is there twice"),
    ({"accel": "kvm", "side_by_side": "maybe"}, "3: key 'side_by_side'", ""),
    ({"hang_s": 0}, "2: key 'hang_s'", ""),
    ({"board": "q35"}, "2: key 'board'", ""),
])
def test_bad_file(bench: kit.Bench, keys: dict[str, Any], where: str,
                  what: str) -> None:
    machine = bench.machine("m", **keys)
    result = bench.klab("run", bench.study(machines=[machine]))
    assert result.code == kit.USER, result.err
    error = result.one_error()
    assert f"m.yaml:{where}" in error and what in error, error


def test_more_vcpus_than_kvm_can_have(bench: kit.Bench) -> None:
    machine = bench.machine("m", accel="kvm", vcpus=64)
    if len(os.sched_getaffinity(0)) >= 64:
        pytest.skip("this host has 64 CPUs")
    result = bench.klab("run", bench.study(machines=[machine]))
    assert result.code == kit.LAB
    assert "machine 'm': 64 vCPUs need a host CPU each" in result.err


# ---- accel: auto ----

@needs_kvm
@pytest.mark.parametrize("how, why", [
    ("hang", "the probe guest did not run: deadline passed after"),
    ("abort", "the probe guest did not run: killed by signal 6 (Aborted)"),
    ("slow", "KVM is not run by the processor here"),
])
def test_auto_without_kvm(bench: kit.Bench, how: str, why: str) -> None:
    machine = bench.machine("m", accel="auto", side_by_side="true")
    begin = time.monotonic()
    result = bench.klab("run", bench.study(machines=[machine], boots=2),
                        env={"FAKE_QEMU_KVM": how})
    assert result.code == kit.DONE, result.err
    assert time.monotonic() - begin < 20
    said = [line for line in result.err.splitlines()
            if line.startswith("machine 'm' is tcg, not kvm: ")]
    assert len(said) == 1 and why in said[0], result.err
    assert facts(bench)["accel"] == "tcg"
    assert why in facts(bench)["accel_why"]
    assert "own" not in spec(bench)["machine"]


@needs_kvm
def test_auto_with_kvm(bench: kit.Bench) -> None:
    machine = bench.machine("m", accel="auto")
    result = bench.klab("run", bench.study(machines=[machine]))
    assert result.code == kit.DONE, result.err
    assert "machine 'm' is kvm: a probe guest ran in" in result.err
    assert facts(bench)["accel"] == "kvm"
    # A fake has no vCPUs that could be pinned.
    assert "not_pinned" in facts(bench)


def test_auto_without_anything(bench: kit.Bench) -> None:
    machine = bench.machine("m", accel="auto")
    result = bench.klab("run", bench.study(machines=[machine]),
                        env={"FAKE_QEMU_KVM": "dead"})
    assert result.code == kit.LAB
    assert "machine 'm': neither accelerator runs a guest; kvm: " in result.err


@needs_kvm
def test_doctor_says_what_auto_takes(bench: kit.Bench) -> None:
    checks = {}
    for how in ("ok", "hang"):
        result = bench.klab("--json", "doctor", env={"FAKE_QEMU_KVM": how})
        checks[how] = {c["check"]: c for c in json.loads(result.out)}
    assert checks["ok"]["accel: auto"]["detail"] == "would take kvm"
    assert checks["hang"]["accel: auto"]["detail"] == "would take tcg"
    assert checks["hang"]["kvm"]["result"] == "not usable"


# ---- one guest at a time ----

def started_together(bench: kit.Bench, wait: float, **keys: Any) -> bool:
    """Does a second boot start while the first one is at its gate, within that
    many seconds?"""
    events, gate = bench.events(), bench.gate()
    machine = bench.machine("m", **keys)
    running = bench.start("run", "-j2", bench.study(machines=[machine],
                                                    boots=2), play="gate")
    events.next()
    ready = events.rest or select.select([events.fd], [], [], wait)[0]
    gate.open(2)
    result = running.finish()
    assert result.code == kit.DONE, result.err
    return bool(ready)


@pytest.mark.parametrize("keys, together", [
    ({"accel": "tcg"}, True),
    ({"accel": "kvm"}, False),
    ({"accel": "kvm", "side_by_side": "true"}, True),
])
def test_one_measured_guest_at_a_time(bench: kit.Bench, keys: dict[str, Any],
                                      together: bool) -> None:
    # Both are started in one step of the loop, so that soon is soon enough.
    wait = kit.DEADLINE if together else 2.0
    assert started_together(bench, wait, **keys) is together


# ---- guests that hang ----

@pytest.mark.parametrize("play", ["hang", "stubborn", "liar"])
def test_hang(bench: kit.Bench, play: str) -> None:
    machine = bench.machine("m", accel="tcg", hang_s=1)
    study = bench.study(machines=[machine], boots=2)
    begin = time.monotonic()
    result = bench.klab("run", study, play=f"2={play}")
    took = time.monotonic() - begin
    assert result.code == kit.KERNEL
    assert bench.outcomes() == {1: "ok", 2: "hang"}
    assert bench.details()[2] == "hang"
    # A busy host may look later than after the one second that was asked for.
    assert re.fullmatch(r"the guest gave no sign of life for [1-9]\d* s "
                        "of host time and was stopped", bench.boot(2)["reason"])
    folder = bench.lab / "boots" / bench.boot(2)["id"]
    # The fake has no monitor, which the file says.
    assert "QEMU did not tell" in (folder / "stacks.txt").read_text()
    assert not (folder / "qmp").exists()
    assert took < 20
    bench.no_process_left()


def test_interrupted_while_a_guest_is_being_stopped(bench: kit.Bench) -> None:
    """The user's word comes first: such a boot is not the kernel's fault."""
    events = bench.events()
    machine = bench.machine("m", accel="tcg", hang_s=1)
    running = bench.start("run", bench.study(machines=[machine]), play="hang")
    pid, _ = events.next()
    running.signal(2)
    result = running.finish()
    assert result.code == kit.INTERRUPTED
    kit.await_end(pid)
    assert bench.outcomes().get(1) in (None, "infra")


# ---- sick and hostile guests ----

@pytest.mark.parametrize("play, outcome", [
    ("oom", "panic"), ("mess", "ok"), ("forged", "workload-failed"),
    ("nul", "workload-failed"), ("long", "workload-failed")])
def test_sick_guests(bench: kit.Bench, play: str, outcome: str) -> None:
    machine = bench.machine("m", accel="tcg")
    result = bench.klab("run", bench.study(machines=[machine]), play=play)
    assert bench.outcomes() == {1: outcome}, result.err
    assert "\x1b" not in result.out + result.err
    assert "\0" not in result.out + result.err
    assert bench.flights() == []
    bench.no_process_left()
