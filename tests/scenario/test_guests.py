"""Guests and QEMUs that misbehave: each costs its own boot and nothing else."""

from __future__ import annotations

import re

import pytest

import kit

#: What seed 2 does; the boot's outcome and its finer word; the exit code; what
#: the line about it must say.
CASES = [
    # QEMU itself: not the kernel's fault, so exit 4.
    ("die", "infra", "qemu", kit.LAB, "could not set up host memory"),
    ("kill", "infra", "qemu", kit.LAB, "killed by signal 9"),
    ("crash", "infra", "qemu", kit.LAB, "killed by signal 11"),
    # Nothing, or not all.
    ("silent", "no-boot", "silent", kit.KERNEL, "never reported"),
    ("nothing", "no-boot", "silent", kit.KERNEL, "never reported"),
    ("incomplete", "panic", "incomplete", kit.KERNEL, "before its agent"),
    ("panic", "panic", "panic", kit.KERNEL, "; then: Kernel panic - "
     "not syncing: <b>Fatal</b> exception"),
    ("error", "workload-failed", "agent", kit.KERNEL, "cannot ?[31m<b>mount"),
    ("skip", "workload-failed", "workload", kit.KERNEL, "step 'run' did not run"),
    # Floods.
    ("flood-port", "workload-failed", "flood", kit.KERNEL, "16 MiB to its port"),
    ("flood-console", "workload-failed", "flood", kit.KERNEL, "16 MiB to its console"),
    ("flood-frames", "workload-failed", "flood", kit.KERNEL, "16 MiB to its port"),
    # A port that cannot be believed.
    ("garbage", "workload-failed", "garbage", kit.KERNEL, "line 1 of the guest's port"),
    ("long", "workload-failed", "garbage", kit.KERNEL, "line 2 of the guest's port"),
    ("nul", "workload-failed", "garbage", kit.KERNEL, "line 2 of the guest's port"),
    ("forged", "workload-failed", "garbage", kit.KERNEL, "agent did not write"),
    ("checksum", "workload-failed", "garbage", kit.KERNEL, "wrong checksum"),
    ("order", "workload-failed", "garbage", kit.KERNEL, "out of sequence"),
    ("twice", "workload-failed", "garbage", kit.KERNEL, "out of sequence"),
    ("length", "workload-failed", "garbage", kit.KERNEL, "not a frame"),
    ("no-object", "workload-failed", "garbage", kit.KERNEL, "holds no"),
    ("no-json", "workload-failed", "garbage", kit.KERNEL, "holds no"),
    ("nested", "workload-failed", "garbage", kit.KERNEL, "holds no"),
    ("huge", "workload-failed", "garbage", kit.KERNEL, "holds no"),
    ("truncated", "workload-failed", "garbage", kit.KERNEL, "without an end"),
    # The workload.
    ("exit", "workload-failed", "workload", kit.KERNEL, "exit status 1: fork(): ?[31mno?"),
    ("signal", "workload-failed", "workload", kit.KERNEL, "killed by signal 11"),
    ("late", "workload-failed", "workload", kit.KERNEL, "after 60 s of guest time"),
    ("load-failed", "workload-failed", "workload", kit.KERNEL, "load beside step 'run'"),
    ("no-number", "workload-failed", "workload", kit.KERNEL, "metric 'time'"),
    ("negative", "workload-failed", "workload", kit.KERNEL, "metric 'time'"),
]


def check_boot_line(result: kit.Result, boot: dict[str, object]) -> str:
    """The one line on stderr about a bad boot names its id and its folder,
    which is there; returns what it says in between."""
    lines = [line for line in result.err.splitlines()
             if line.startswith(f"boot {boot['id']}: ")]
    assert len(lines) == 1, result.err
    match = re.fullmatch(rf"boot \w+: .*, seed {boot['seed']}: "
                         rf"{boot['outcome']}: (.*); see (/\S+)", lines[0])
    assert match, lines[0]
    assert match[2].endswith(f"/boots/{boot['id']}")
    return match[1]


@pytest.mark.parametrize("play, outcome, detail, code, words", CASES,
                         ids=[case[0] for case in CASES])
def test_one_bad_boot(bench: kit.Bench, play: str, outcome: str, detail: str,
                      code: int, words: str) -> None:
    study = bench.study(boots=3)
    result = bench.klab("run", study, play=f"2={play}")

    assert bench.outcomes() == {1: "ok", 2: outcome, 3: "ok"}
    assert result.code == code
    boot = bench.boot(2)
    assert boot["state"] == ("lab" if outcome == "infra" else "bad")
    assert boot["detail"] == detail
    assert words in boot["reason"]
    assert check_boot_line(result, boot) == boot["reason"]
    assert boot["reason"].isascii() and boot["reason"].isprintable()
    folder = bench.lab / "boots" / boot["id"]
    for name in ("spec.json", "results.jsonl", "fingerprint.json",
                 "reproduce.sh"):
        assert (folder / name).exists()
    assert bench.flights() == []
    # No sample of a boot that failed counts.
    assert bench.rows("SELECT count(*) FROM sample WHERE boot = ?",
                      boot["id"]) == [(0,)]
    assert bench.rows("SELECT count(DISTINCT boot) FROM sample") == [(2,)]


def test_lab_failure_is_done_again(bench: kit.Bench) -> None:
    study = bench.study(boots=3)
    assert bench.klab("run", study, play="2=die").code == kit.LAB
    events = bench.events()
    result = bench.klab("run", study)
    assert result.code == kit.DONE
    assert bench.outcomes() == {1: "ok", 2: "ok", 3: "ok"}
    # Only that one was booted.
    assert events.next()[1] == 2
    assert "3 of 3 boots done" in result.err
    assert sum(line.startswith("boot ") for line in
               result.err.splitlines()) == 1


def test_kernel_failure_stays_until_retried(bench: kit.Bench) -> None:
    study = bench.study(boots=2)
    assert bench.klab("run", study, play="2=panic").code == kit.KERNEL
    assert bench.klab("run", study).code == kit.KERNEL
    assert bench.outcomes() == {1: "ok", 2: "panic"}
    assert bench.klab("run", "--retry", study).code == kit.DONE
    assert bench.outcomes() == {1: "ok", 2: "ok"}
    assert bench.boot(2)["reason"] is None


def test_lab_failure_outranks_kernel_failure(bench: kit.Bench) -> None:
    study = bench.study(boots=3)
    result = bench.klab("run", study, play="1=panic 2=die")
    assert result.code == kit.LAB
    assert bench.outcomes() == {1: "panic", 2: "infra", 3: "ok"}


def test_all_boots_fail(bench: kit.Bench) -> None:
    result = bench.klab("run", bench.study(boots=4), play="silent")
    assert result.code == kit.KERNEL
    assert set(bench.outcomes().values()) == {"no-boot"}


def test_no_boot_ever_starts(bench: kit.Bench) -> None:
    result = bench.klab("run", bench.study(boots=3), play="die")
    assert result.code == kit.LAB
    assert set(bench.outcomes().values()) == {"infra"}
    assert set(bench.details().values()) == {"qemu"}
    assert "3 failed in the lab" in result.err


@pytest.mark.parametrize("play", ["hang", "stubborn"])
def test_deadline(bench: kit.Bench, play: str) -> None:
    events = bench.events()
    quick = bench.machine("quick", deadline_s=1)
    study = bench.study(boots=2, machines=[quick])
    result = bench.klab("run", "-j2", study, play=f"2={play}")
    assert result.code == kit.KERNEL
    assert bench.outcomes() == {1: "ok", 2: "hang"}
    assert bench.details()[2] == "deadline"
    boot = bench.boot(2)
    assert boot["reason"] == ("the guest was not done after 1 s (deadline_s of "
                              "machine 'quick') and was stopped")
    check_boot_line(result, boot)
    assert "seed 2" in boot["excerpt"]
    for _ in range(2):
        kit.await_end(events.next()[0])
    assert bench.flights() == []


def test_panic_is_shown(bench: kit.Bench) -> None:
    bench.klab("run", bench.study(), play="panic")
    excerpt = bench.boot(1)["excerpt"]
    assert excerpt.startswith("[    0.500000] BUG: kernel NULL pointer")
    assert "Kernel panic" in excerpt
    # Control characters would reach a terminal.
    assert "\x1b" not in excerpt
    console = bench.lab / "boots" / bench.boot(1)["id"] / "console.log"
    assert b"\x1b[2J\xff" in console.read_bytes()


def test_flood_is_capped(bench: kit.Bench) -> None:
    bench.klab("run", bench.study(boots=2), play="1=flood-port 2=flood-console")
    for path in bench.lab.rglob("*"):
        assert path.stat().st_size <= 16 << 20, path


@pytest.mark.parametrize("play", ["grandchild", "close"])
def test_pipes_prove_nothing(bench: kit.Bench, play: str) -> None:
    """A QEMU ends when it ends: neither when it closes its pipes, nor when
    the last process that holds them goes."""
    result = bench.klab("run", bench.study(boots=2), play=f"2={play}")
    assert result.code == kit.DONE
    assert bench.outcomes() == {1: "ok", 2: "ok"}
    assert not kit.processes_of(bench.dir)


def test_metronome_is_needed(bench: kit.Bench) -> None:
    study = bench.study(boots=2, machines=["icount-2cpu"])
    result = bench.klab("run", study, play="2=no-metronome")
    assert result.code == kit.KERNEL
    assert bench.outcomes() == {1: "ok", 2: "workload-failed"}
    assert bench.details()[2] == "metronome"
    assert "no HPET" in bench.boot(2)["reason"]


LATENCY = ["json-cut", "json-text", "json-list", "json-empty",
           "json-no-thread", "json-types", "json-negative", "json-more",
           "json-huge", "json-average", "json-one-cpu", "json-name",
           "json-deep", "json-missing"]


def test_damaged_latency_files(bench: kit.Bench) -> None:
    """Each damaged file costs its boot; the good ones are stored."""
    seeds = range(2, 2 + len(LATENCY))
    play = " ".join(f"{seed}={name}" for seed, name in zip(seeds, LATENCY))
    study = bench.study(boots=len(LATENCY) + 2, workloads=["cyclictest"])
    result = bench.klab("run", study, play=play)
    assert result.code == kit.KERNEL
    got = bench.outcomes()
    wanted = {seed: "workload-failed" for seed in seeds}
    assert got == wanted | {1: "ok", len(LATENCY) + 2: "ok"}
    for seed in seeds:
        boot = bench.boot(seed)
        assert "cyclictest's JSON" in boot["reason"], boot["reason"]
        assert boot["reason"].isascii() and boot["reason"].isprintable()
        check_boot_line(result, boot)
    assert bench.rows("SELECT count(DISTINCT boot) FROM histogram") == [(2,)]


def test_histograms_are_stored_whole(bench: kit.Bench) -> None:
    study = bench.study(machines=["icount-4cpu"], workloads=["cyclictest"])
    assert bench.klab("run", study).code == kit.DONE
    rows = bench.rows("SELECT cpu, counts, overflow FROM histogram "
                      "ORDER BY cpu")
    assert [row[0] for row in rows] == [0, 1, 2, 3]
    assert all('"9":1' in counts and overflow == 0
               for _, counts, overflow in rows)
    assert bench.rows("SELECT value FROM sample WHERE metric = 'max'") == [
        (9.0,)]
