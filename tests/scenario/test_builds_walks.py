"""A long series under few configs: copies of the tree take parts of it."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

import kit
from shop import Shop

STAGES = 10
COPYING = "copying the tree"


def study_of(shop: Shop, stages: int = STAGES) -> Path:
    for i in range(1, stages):
        shop.series.tag(f"s{i}")
    return shop.study()


def kernels(shop: Shop) -> dict[int, tuple[str, ...]]:
    """By stage: key, code identity and version string."""
    return {stage: rest for stage, *rest in shop.bench.rows(
        "SELECT v.stage, k.key, k.identity, k.banner FROM variant v JOIN "
        "kernel k ON k.key = v.kernel_key")}


def nothing_left(shop: Shop) -> None:
    assert list(shop.lab.glob("walks/*")) == []
    shop.bench.no_process_left()


def test_copies_make_the_same_kernels(shop: Shop) -> None:
    study = study_of(shop)
    run = shop.run(study, "-j2")
    assert COPYING in run.err
    shop.all_well(STAGES)
    nothing_left(shop)
    many = kernels(shop)
    assert [many[stage][2].split(" ")[2] for stage in sorted(many)] == [
        f"s{i}" for i in range(STAGES)]
    # Not one after another: a copy has begun in the middle.
    order = [0 if stage == "base" else int(stage) for stage, _ in run.built]
    assert order != sorted(order)
    shutil.rmtree(shop.lab)
    run = shop.run(study, "-j1")
    assert COPYING not in run.err
    assert kernels(shop) == many


def test_objects_of_an_earlier_run(shop: Shop) -> None:
    """The copies are made at once where the base is built."""
    base = shop.study("base", more="stages: [0]\n")
    study = study_of(shop)
    shop.run(base)
    run = shop.run(study, "-j2")
    assert COPYING in run.err
    shop.all_well(STAGES)
    nothing_left(shop)


def test_first_stage_is_not_what_the_tree_is_at(shop: Shop) -> None:
    """The tree is switched to it before it is built."""
    base = shop.study("base", more="stages: [0]\n")
    for i in range(1, STAGES):
        shop.series.tag(f"s{i}")
    later = ", ".join(str(i) for i in range(1, STAGES))
    shop.run(base)
    run = shop.run(shop.study(more=f"stages: [{later}]\n"), "-j2")
    assert COPYING in run.err
    tags = {stage: kernel[2].split(" ")[2]
            for stage, kernel in kernels(shop).items()}
    assert tags == {i: f"s{i}" for i in range(STAGES)}


def test_short_series_is_not_copied(shop: Shop) -> None:
    run = shop.run(study_of(shop, 6), "-j4")
    assert COPYING not in run.err
    assert not (shop.lab / "walks").exists()


def test_not_without_the_sandbox(shop: Shop) -> None:
    run = shop.run(study_of(shop), "-j4", "--no-sandbox")
    assert COPYING not in run.err
    shop.all_well(STAGES)


def test_more_than_two(shop: Shop) -> None:
    """Three walks; files come and go, and stages that do not build."""
    for i in range(1, 13):
        shop.series.tag(f"s{i}")
        if i == 4:
            shop.series.change("mm: add a file", {"mm/new.h": "#define N\n"})
        if i in (3, 11):
            shop.series.bad_code()
            shop.series.good_code()
    run = shop.run(shop.study(), "-j3", code=kit.KERNEL)
    assert COPYING in run.err
    assert sorted(run.broken) == [("15", "nort"), ("4", "nort")]
    assert len(run.built) == 16
    tags = {stage: kernel[2].split(" ")[2]
            for stage, kernel in kernels(shop).items()}
    assert tags == dict(zip(
        [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17],
        "s0 s1 s2 s3 s3 s4 s4 s5 s6 s7 s8 s9 s10 s11 s11 s12".split()))
    nothing_left(shop)


def test_no_copy_to_be_had(shop: Shop) -> None:
    """What is only quicker may fail."""
    shop.program("cp", "#!/bin/sh\nexit 1\n")
    shop.run(study_of(shop), "-j2")
    shop.all_well(STAGES)
    nothing_left(shop)


def test_half_a_copy(shop: Shop) -> None:
    shop.program("cp", '#!/bin/sh\ncase "$1" in -al) exec /bin/cp "$@";; esac'
                 "\nexit 1\n")
    shop.run(study_of(shop), "-j2")
    shop.all_well(STAGES)
    nothing_left(shop)


def gated(shop: Shop) -> tuple[Path, kit.Events, kit.Gate]:
    """A study whose builds wait from stage 1 on."""
    events, gate, commands = shop.gate()
    shop.series.hook(commands)
    return study_of(shop), events, gate


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_in_the_middle(shop: Shop, number: int) -> None:
    study, events, gate = gated(shop)
    running = shop.bench.start("run", "-j2", study)
    events.next()  # stage 1
    gate.open()
    for _ in range(2):  # one of each walk
        events.next()
    assert list(shop.lab.glob("walks/1/obj/*"))
    running.signal(number)
    running.finish()
    shop.bench.no_process_left()
    if number == signal.SIGINT:
        nothing_left(shop)
    else:
        assert "walks/1" in shop.bench.klab("gc", "-n").out
        assert list(shop.lab.glob("walks/*"))
    gate.open(100)
    shop.run(study)
    shop.all_well(STAGES + 1)
    nothing_left(shop)


def test_gc_drops_what_a_kill_left(shop: Shop) -> None:
    shop.run(study_of(shop, 2))
    (shop.lab / "walks/1/trees").mkdir(parents=True)
    assert "walks/1" in shop.bench.klab("gc").out
    nothing_left(shop)
