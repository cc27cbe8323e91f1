"""klab bisect goes on with what it may go on with, and blames nobody of whom it
has seen too little."""

from __future__ import annotations

from typing import Iterator

import pytest

import kit
from shop import Shop
from test_bisect import METRIC, SIX, Hunt


@pytest.fixture
def hunt(shop: Shop) -> Iterator[Hunt]:
    """A series that is empty so far."""
    yield Hunt(shop)


def test_metric_goes_on_with_kernels_to_build(hunt: Hunt) -> None:
    """The workload of a record that is gone on with is the run's own, too."""
    study = hunt.patches(*SIX, "slow9-7", "slow9-8", "slow9-9")
    words = ("bisect", "-j2", study, "--metric", METRIC)
    events, gate = hunt.bench.events(), hunt.bench.gate()
    gate.open(4)
    first = hunt.bench.start(*words, play="gate")
    for _ in range(5):
        events.next()
    first.process.kill()
    first.finish()
    hunt.bench.env.pop("FAKE_QEMU_EVENTS", None)
    second = hunt.bench.start(*words).finish()
    assert second.code == kit.DONE, second.err
    assert "going on from" in second.err
    assert second.out.startswith("patch 7: "), second.out
    assert "untestable" not in second.err


def test_machine_that_was_edited(hunt: Hunt) -> None:
    """Boots of the machine as it was are not what is asked for."""
    hunt.patches("s1", "s2-slow9", "s3-slow9")
    machine = hunt.bench.dir / "m.yaml"
    text = "machine: m\nclock: exact\nvcpus: {}\nmemory_mib: 512\n"
    machine.write_text(text.format(1))
    study = hunt.study()
    study.write_text(study.read_text().replace("icount-1cpu", "./m.yaml"))
    assert hunt.bisect(study, "--metric", METRIC).out.startswith("patch 2: ")
    again = hunt.bisect(study, "--metric", METRIC)
    assert "going on from" in again.err
    machine.write_text(text.format(2))
    edited = hunt.bisect(study, "--metric", METRIC)
    assert "going on from" not in edited.err
    assert "machine or workload are others than in the record" in edited.err
    assert edited.out.startswith("patch 2: ")


def test_parent_that_does_not_build(hunt: Hunt) -> None:
    """However guilty a large patch looks: its parent was never seen."""
    series = hunt.series
    series.change("mm: take a header", {
        "mm/slub.h": '#include "../tools/x.h"\n' + series.files["mm/slub.h"],
        "tools/x.h": "\n"})
    series.change("tools: does not build", {"tools/x.h": "#error no\n"})
    lines = "".join(f"/* {line} */\n" for line in range(1000))
    series.change("mm: innocent, builds again", {
        "tools/x.h": "\n", "mm/slub.c": series.files["mm/slub.c"].replace(
            'TAG "s0"', 'TAG "s-3"') + lines})
    series.tag("slow9-4")
    study = hunt.study()
    study.write_text(study.read_text().replace("icount-1cpu", "tcg-2cpu"))
    run = hunt.bisect(study, "--metric", METRIC, "--good", "1")
    assert run.out.startswith("patch 4: "), run.out
    assert "\nconfirmed on fresh boots" in run.out
