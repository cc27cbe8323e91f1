"""Where output goes, and what happens where it cannot go."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Iterator

import pytest

import kit

MIB = 1 << 20


@pytest.mark.parametrize("leave", [0, 65536, 20 * MIB])
def test_disk_is_full(bench: kit.Bench, leave: int) -> None:
    with kit.small_disk(bench.lab, 200):
        study = bench.study(boots=3)
        assert bench.klab("run", bench.study("small", boots=1)).code == kit.DONE
        kit.fill(bench.lab / "filler", leave)
        result = bench.klab("run", study)
        assert result.code == kit.LAB, result.err
        error = result.one_error()
        assert "disk" in error and "full" in error or \
            "No space left" in error, error
        assert str(bench.lab) in error
        (bench.lab / "filler").unlink()
        result = bench.klab("run", study)
        assert result.code == kit.DONE
        assert bench.outcomes() == {1: "ok", 2: "ok", 3: "ok"}


def test_disk_fills_up_during_a_boot(bench: kit.Bench) -> None:
    """The guest that could not write is not blamed."""
    with kit.small_disk(bench.lab, 200):
        events, gate = bench.events(), bench.gate()
        study = bench.study(boots=3)
        running = bench.start("run", "-j1", study, play="2=gate")
        assert [events.next()[1], events.next()[1]] == [1, 2]
        kit.fill(bench.lab / "filler", 0)
        gate.open()
        result = running.finish()
        assert result.code == kit.LAB
        assert "disk" in result.err and "full" in result.err, result.err
        assert bench.boot(1)["state"] == "ok"
        assert all(detail in (None, "disk", "interrupted")
                   for detail in bench.details().values())
        (bench.lab / "filler").unlink()
        assert bench.klab("run", study).code == kit.DONE
        assert bench.outcomes() == {1: "ok", 2: "ok", 3: "ok"}
        assert bench.flights() == []


def test_no_room_to_begin_with(bench: kit.Bench) -> None:
    with kit.small_disk(bench.lab, 1):
        result = bench.klab("run", bench.study())
        assert result.code == kit.LAB
        assert "disk" in result.one_error() or "space" in result.one_error()


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kit.Bench]:
    """A lab with a study that is done, and something for gc to name."""
    with kit.bench_in(tmp_path_factory.mktemp("streams")) as bench:
        assert bench.klab("run", bench.study()).code == kit.DONE
        (bench.lab / "boots" / "0").mkdir()
        yield bench


@pytest.mark.parametrize("words", [["plan", "s.yaml"],
                                   ["plan", "--json", "s.yaml"],
                                   ["status"], ["status", "--json"],
                                   ["doctor"], ["gc", "-n"],
                                   ["--help"], ["run", "--help"],
                                   ["--version"], ["completion", "bash"]],
                         ids=" ".join)
@pytest.mark.parametrize("where", ["full", "pipe", "closed"])
def test_stdout_takes_nothing(done: kit.Bench, words: list[str],
                              where: str) -> None:
    bench = done
    if where == "full":
        with open("/dev/full", "w") as full:
            result = bench.klab(*words, stdout=full)
    elif where == "pipe":
        reader, writer = os.pipe()
        os.close(reader)
        result = bench.klab(*words, stdout=writer)
        os.close(writer)
    else:
        result = bench.klab(*words, stdout=None,
                            preexec_fn=lambda: os.close(1))
    assert result.code == kit.LAB
    assert result.err.endswith(
        "klab: cannot write the results to stdout\n"), result.err


def test_all_streams_are_closed(bench: kit.Bench) -> None:
    """Files that are opened then must not be taken for stdout or stderr."""
    def close_all() -> None:
        for fd in range(3):
            os.close(fd)

    study = bench.study(boots=3)
    running = bench.start("run", study, play="2=panic", stdin=None, stdout=None,
                          stderr=None, preexec_fn=close_all)
    # The path of the report cannot be told; everything else is done.
    assert running.process.wait(kit.DEADLINE) == kit.LAB
    assert bench.outcomes() == {1: "ok", 2: "panic", 3: "ok"}
    text = b"".join(data for name, data in bench.tree().items()
                    if not name.endswith(".db"))
    assert b"boots done" not in text
    assert (bench.lab / "lock").read_bytes() == b""


def test_stderr_goes_away(bench: kit.Bench) -> None:
    """A run outlives the pipe that its chatter goes into."""
    reader, writer = os.pipe()
    os.close(reader)
    running = bench.start("run", bench.study(boots=3), stderr=writer)
    os.close(writer)
    assert running.process.wait(kit.DEADLINE) == kit.DONE
    assert bench.outcomes() == {1: "ok", 2: "ok", 3: "ok"}


def test_results_on_stdout_chatter_on_stderr(bench: kit.Bench) -> None:
    study = bench.study(boots=2)
    result = bench.klab("run", study, play="2=die")
    assert result.out == f"\nreport: {bench.lab}/reports/s/index.html\n"
    assert "1 of 2 boots done" in result.err
    assert bench.klab("run", study).code == kit.DONE
    for words in (["plan", study], ["status"], ["gc"], ["--help"],
                  ["plan", "--json", study], ["status", "--json"]):
        result = bench.klab(*words)
        assert result.code == kit.DONE
        assert words == ["gc"] or result.err == ""
        assert words == ["gc"] or result.out
    json.loads(bench.klab("plan", "--json", study).out)


def test_no_terminal_no_control_characters(bench: kit.Bench) -> None:
    bench.env["NO_COLOR"] = ""
    result = bench.klab("run", bench.study(boots=2), play="2=panic")
    assert "\x1b" not in result.err and "\r" not in result.err


def test_progress_on_a_terminal(bench: kit.Bench) -> None:
    study = bench.study(boots=3)
    text = kit.in_terminal(bench, "run", "-j1", study, play="2=panic",
                           env={"NO_COLOR": ""})
    assert "0 of 3 boots done, 1 running" in text
    assert "1 of 3 boots done, 1 running" in text
    assert "2 of 3 boots done, 1 running, 1 bad" in text
    assert "\x1b[31mboot " in text
    assert text.count("\n") == 2   # the bad boot, and the summary


def test_no_color(bench: kit.Bench) -> None:
    study = bench.study(boots=2)
    text = kit.in_terminal(bench, "run", study, play="2=panic",
                           env={"NO_COLOR": "1"})
    assert "\x1b[31m" not in text
    assert "seed 2: panic: BUG: kernel NULL pointer" in text
