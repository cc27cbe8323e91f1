"""Findings of real kernels on the exact clock: faults that only the console
tells, found without being told what to look for."""

import json
import os
import re

import pytest

from conftest import ROOT, Lab

STUDIES = ROOT / "configs" / "studies"
CIRCULAR = "possible circular locking dependency detected"


def compared(lab: Lab, study: str) -> dict:
    """What klab compare says, as JSON."""
    done = lab.klab("compare", "--json", study)
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)


def outcomes(lab: Lab, study: str) -> dict[int, set[str]]:
    """Stage number to the outcomes of its boots."""
    found: dict[int, set[str]] = {}
    for stage, outcome in lab.rows(
            "SELECT c.stage, b.outcome FROM cell c JOIN boot b ON b.id = "
            "c.boot JOIN study s ON s.id = c.study WHERE s.name = ?", study):
        found.setdefault(stage, set()).add(outcome)
    return found


@pytest.fixture(scope="module")
def lockdep(tmp_path_factory) -> Lab:
    """Debian's 6.12 with three patches, of which the second has a fault for
    lockdep when memory goes offline, and the third mends it."""
    lab = Lab(tmp_path_factory.mktemp("lockdep"))
    lab.done = lab.klab("run", str(STUDIES / "series-lockdep.yaml"))
    return lab


def test_lockdep_tells_the_stage(lockdep):
    assert lockdep.done.returncode == 1, lockdep.done.stderr
    assert outcomes(lockdep, "series-lockdep") == {
        0: {"ok"}, 1: {"ok"}, 2: {"splat"}, 3: {"ok"}}
    found = compared(lockdep, "series-lockdep")
    one, = found["findings"]
    assert one["kind"] == "lockdep-circular" and CIRCULAR in one["line"]
    assert one["first_stage"] == 2 and one["new"]
    place, = one["places"]
    assert (place["boots"], place["of"]) == (2, 2)
    assert "slab_mutex" in one["excerpt"]
    assert "slab_shrunk_mutex" in one["excerpt"]
    assert found["headline"].startswith(
        "stage 2 'mm/slub: log how many caches were shrunk for hot-remove' "
        "brings lockdep-circular")


def test_its_samples_are_there(lockdep):
    assert lockdep.rows("SELECT count(DISTINCT c.boot) FROM cell c JOIN "
                        "sample x ON x.boot = c.boot") == [(8,)]


def test_the_report_shows_it(lockdep):
    page = (lockdep.path / "reports" / "series-lockdep"
            / "index.html").read_text()
    section = page.split('<section id="findings">')[1].split("</section>")[0]
    assert CIRCULAR in section and "slab_shrunk_mutex" in section


def test_a_splat_repeats_exactly(lockdep):
    (boot,), = lockdep.rows("SELECT boot FROM cell WHERE stage = 2 AND "
                            "seed = 1")
    result = lockdep.klab("reproduce", boot)
    assert result.returncode == 0, result.stdout + result.stderr


def test_it_can_be_called_harmless(lockdep):
    """No boot is done again for it."""
    before = lockdep.rows("SELECT count(*), max(started) FROM boot")
    text = (STUDIES / "series-lockdep.yaml").read_text()
    text = text.replace("../../tests", str(ROOT / "tests"))
    path = lockdep.study("harmless", text + f"harmless: ['{CIRCULAR}']\n")
    done = lockdep.klab("run", path)
    assert done.returncode == 0, done.stderr
    assert "1 finding in 2 boots is harmless" in done.stdout
    assert lockdep.rows("SELECT count(*), max(started) FROM boot") == before


# ---- the SLUB series for PREEMPT_RT, of 2021 ----

needs_slub = pytest.mark.skipif(
    "KLAB_SLUB_TREE" not in os.environ,
    reason="KLAB_SLUB_TREE, a git repository whose HEAD is v5.14, and "
    "KLAB_SLUB_THREAD, the thread of the SLUB series, are not set")


def slub_study(lab: Lab, name: str, stages: str) -> str:
    """The shipped study, on the tree and the thread of the environment."""
    text = (STUDIES / f"{name}.yaml").read_text()
    text = re.sub(r"(?m)^source: .*", "source: { git: "
                  f"{os.environ['KLAB_SLUB_TREE']}, base: HEAD }}", text)
    text = re.sub(r"(?m)^series: .*", "series: { thread: "
                  f"{os.environ['KLAB_SLUB_THREAD']} }}", text)
    text = re.sub(r"(?m)^stages: .*\n", "", text)
    return lab.study(name, f"{text}stages: {stages}\n")


@needs_slub
def test_slub_memory_offline(tmp_path):
    """From patch 29 on, flush_lock is taken under slab_mutex."""
    lab = Lab(tmp_path)
    study = slub_study(lab, "slub-memory-offline", "[0, 28, 29, 35]")
    done = lab.klab("run", study)
    assert done.returncode == 1, done.stderr
    assert outcomes(lab, "slub-memory-offline") == {
        0: {"ok"}, 28: {"ok"}, 29: {"splat"}, 35: {"splat"}}
    found = compared(lab, "slub-memory-offline")
    one, = found["findings"]
    assert one["kind"] == "lockdep-circular" and one["first_stage"] == 29
    assert one["places"][0]["boots"] == one["places"][0]["of"] == 4
    assert "flush_lock" in one["excerpt"] and "slab_mutex" in one["excerpt"]
    assert "from 29 on, in 4 of 4 boots" in done.stdout


@needs_slub
def test_slub_lock_stat(tmp_path):
    """Patch 35 does not boot with lock statistics."""
    lab = Lab(tmp_path)
    done = lab.klab("run", slub_study(lab, "slub-lock-stat", "[34, 35]"))
    assert done.returncode == 3, done.stderr
    broken = lab.rows("SELECT c.stage, c.config, b.outcome FROM cell c JOIN "
                      "boot b ON b.id = c.boot WHERE b.outcome <> 'ok'")
    assert broken == [(35, "lockstat", "panic")]
    one = compared(lab, "slub-lock-stat")["findings"][0]
    assert (one["kind"], one["function"]) == ("gpf", "kmem_cache_alloc")
    assert one["first_stage"] == 35 and one["fatal"]
    assert "Attempted to kill the idle task" in one["then"][0]
    assert [place["config"] for place in one["places"]] == ["lockstat"]
