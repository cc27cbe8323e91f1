"""Workloads that cannot run everywhere, and metrics that are not there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import kit

TIME = "t: { unit: ns, better: lower, primary: yes, from: elapsed }"
#: Workloads beside those of klab, by name.
WORKLOADS = {
    "pair": "needs: { vcpus: 2 }\nsteps: [{ name: run, argv: [ls] }]\n"
            f"metrics: {{ {TIME} }}\n",
    "later": "needs: { kernel: '>= 6.18' }\n"
             "steps: [{ name: run, argv: [ls] }]\n"
             f"metrics: {{ {TIME} }}\n",
    "own": "needs: { own_kernel: yes }\nsteps: [{ name: run, argv: [ls] }]\n"
           f"metrics: {{ {TIME} }}\n",
    # The fake guest prints "Time: 0.125" whatever it is told to run.
    "half": "steps: [{ name: run, argv: [ls] }]\nmetrics:\n"
            f"  {TIME}\n"
            "  told: { unit: s, better: lower, from: regex, "
            "pattern: '^Time: ([0-9.]+)$' }\n"
            "  other: { unit: s, better: lower, from: regex, "
            "pattern: '^Other: ([0-9.]+)$' }\n",
    # What it is judged by is not there.
    "none": "steps: [{ name: run, argv: [ls] }]\n"
            "metrics: { t: { unit: s, better: lower, primary: yes, "
            "from: regex, pattern: '^Other: ([0-9.]+)$' } }\n",
    # It reads no file for a monitor either.
    "watched": "monitors: [vmstat]\nsteps: [{ name: run, argv: [ls] }]\n"
               f"metrics:\n  {TIME}\n"
               "  faults: { unit: faults, better: lower, from: monitor, "
               "monitor: vmstat, row: pgfault, column: 1 }\n",
    "made": "programs: [made]\nsteps: [{ name: run, argv: [made] }]\n"
            f"metrics: {{ {TIME} }}\n",
    "broken": "programs: [broken]\nsteps: [{ name: run, argv: [broken] }]\n"
              f"metrics: {{ {TIME} }}\n",
}


@pytest.fixture
def shelf(bench: kit.Bench) -> kit.Bench:
    """A Bench with klab's own folder and those workloads in it."""
    home = bench.dir / "home"
    (home / "workloads").mkdir(parents=True)
    for name in ("configs", "analysis", "workloads/hackbench"):
        (home / name).symlink_to(kit.ROOT / name)
    (home / "build").symlink_to(kit.BUILD)
    for name, text in WORKLOADS.items():
        folder = home / "workloads" / name
        folder.mkdir()
        (folder / "workload.yaml").write_text(
            f"workload: {name}\nsummary: a test\nbinaries: [ls]\n{text}")
    (home / "workloads/broken/broken.c").write_text(
        "int main(void) { return nothing; }\n")
    (home / "workloads/made/made.c").write_text(
        "int main(void) { return 0; }\n")
    bench.env["KLAB_HOME"] = str(home)
    return bench


BOTH = ["icount-1cpu", "icount-2cpu"]
NOT_APPLICABLE = ("SELECT machine, workload, why FROM not_applicable "
                  "ORDER BY machine, workload")


def test_machine_is_too_small(shelf: kit.Bench) -> None:
    study = shelf.study(machines=BOTH, boots=3,
                        workloads=["pair", "hackbench-threads"])
    result = shelf.klab("run", study)
    assert result.code == kit.DONE
    why = "it needs 2 vCPUs, and machine 'icount-1cpu' has 1"
    assert result.err.count(f"workload 'pair' is not applicable: {why}") == 1
    assert "9 of 9 boots done; 3 are not applicable" in result.err
    assert shelf.rows(NOT_APPLICABLE) == [("icount-1cpu", "pair", why)]
    assert shelf.rows("SELECT machine, workload, count(*) FROM cell "
                      "GROUP BY machine, workload ORDER BY 1, 2") == [
        ("icount-1cpu", "hackbench-threads", 3),
        ("icount-2cpu", "hackbench-threads", 3),
        ("icount-2cpu", "pair", 3)]
    # What could not run is not tried again, and still told.
    again = shelf.klab("run", study)
    assert again.code == kit.DONE and why in again.err
    assert shelf.rows("SELECT count(*) FROM boot") == [(9,)]


def test_nothing_is_left(shelf: kit.Bench) -> None:
    result = shelf.klab("run", shelf.study(workloads=["pair"], boots=2))
    assert result.code == kit.DONE, result.err
    assert "2 are not applicable" in result.err
    assert shelf.rows("SELECT count(*) FROM boot") == [(0,)]


def test_machine_grows(shelf: kit.Bench) -> None:
    """A study that was changed forgets what was not applicable before."""
    shelf.klab("run", shelf.study(workloads=["pair"]))
    assert len(shelf.rows(NOT_APPLICABLE)) == 1
    result = shelf.klab("run", shelf.study(workloads=["pair"],
                                           machines=["icount-2cpu"]))
    assert result.code == kit.DONE
    assert shelf.rows(NOT_APPLICABLE) == []
    assert shelf.outcomes() == {1: "ok"}


def test_kernel_is_too_old(shelf: kit.Bench) -> None:
    shelf.kernel("k1", "6.12.90+deb12")
    shelf.kernel("k2", "6.18.0")
    shelf.kernel("k3", "7.0.0-rc3")
    result = shelf.klab("run", shelf.study(kernels=["k1", "k2", "k3"],
                                           workloads=["later"]))
    assert result.code == kit.DONE
    assert shelf.rows("SELECT stage, why FROM not_applicable") == [
        (0, "it needs a kernel >= 6.18, and this is 6.12.90+deb12")]
    assert shelf.rows("SELECT stage FROM cell ORDER BY 1") == [(1,), (2,)]


def test_kernel_is_not_klabs(shelf: kit.Bench) -> None:
    result = shelf.klab("run", shelf.study(workloads=["own", "half"]))
    assert result.code == kit.DONE
    assert "it needs a kernel that klab builds" in result.err
    assert shelf.outcomes() == {1: "ok"}


def test_config_lacks_an_option(shelf: kit.Bench) -> None:
    folder = Path(shelf.env["KLAB_HOME"]) / "workloads/half/workload.yaml"
    folder.write_text(folder.read_text()
                      + "needs: { options: [SMP, LOCK_STAT] }\n")
    shelf.write("config", "CONFIG_SMP=y\n# CONFIG_LOCK_STAT is not set\n")
    shelf.kernel("k1")
    shelf.kernel("k2")
    study = shelf.write(
        "s.yaml", "study: s\nsource: { image: [{ path: k1, config: config }, "
        "k2] }\nmachines: [icount-1cpu]\nworkloads: [half]\nboots: 1\n")
    result = shelf.klab("run", study)
    assert result.code == kit.DONE
    # Of the other kernel nobody knows the config: it is tried.
    assert shelf.rows("SELECT stage, why FROM not_applicable") == [
        (0, "it needs CONFIG_LOCK_STAT, which this kernel's config has not")]
    assert shelf.outcomes() == {1: "ok"}


# ---- plan ----

def test_plan(shelf: kit.Bench) -> None:
    study = shelf.study(machines=BOTH, kernels=["k1", "k2"], boots=3,
                        workloads=["pair", "hackbench-threads"])
    text = shelf.klab("plan", study).out
    assert "not applicable:" in text
    assert re.search(r"^  pair +stage k1, k2: it needs 2 vCPUs", text,
                     re.MULTILINE)
    assert text.count("it needs 2 vCPUs") == 1
    assert "18 boots" in text and "less what is not applicable" in text
    plan = json.loads(shelf.klab("plan", "--json", study).out)
    assert plan["boots"] == 18
    assert plan["not_applicable"] == [
        {"stage": stage, "config": "as-shipped", "machine": "icount-1cpu",
         "workload": "pair",
         "why": "it needs 2 vCPUs, and machine 'icount-1cpu' has 1"}
        for stage in ("k1", "k2")]


def test_plan_knows_a_kernel_once_it_is_there(shelf: kit.Bench) -> None:
    study = shelf.study(workloads=["later", "half"])
    assert "not applicable" not in shelf.klab("plan", study).out
    shelf.klab("run", study)
    assert "it needs a kernel >= 6.18" in shelf.klab("plan", study).out
    plan = json.loads(shelf.klab("plan", "--json", study).out)
    assert (plan["boots"], plan["done"]) == (1, 1)


def test_plan_knows_a_package_by_its_name(shelf: kit.Bench) -> None:
    study = shelf.write(
        "s.yaml", "study: s\nsource:\n  debian-image: "
        "[linux-image-6.12-cloud-amd64, linux-image-6.19-amd64, "
        "linux-image-amd64]\nmachines: [icount-1cpu]\nworkloads: [later]\n")
    plan = json.loads(shelf.klab("plan", "--json", study).out)
    assert [cell["stage"] for cell in plan["not_applicable"]] == [
        "linux-image-6.12-cloud-amd64"]


# ---- metrics ----

def test_metric_is_missing(shelf: kit.Bench) -> None:
    study = shelf.study(kernels=["k1", "k2-slow20"], workloads=["half"],
                        boots=3, more="compare: { confirm: no }\n")
    result = shelf.klab("run", study, env={"KLAB_PYTHON": "/usr/bin/python3"})
    # The boots are good, and the metric that is there is compared.
    assert result.code == kit.CHANGED, result.err
    assert set(shelf.outcomes().values()) == {"ok"}
    assert shelf.rows("SELECT metric, why, count(*) FROM missing "
                      "GROUP BY metric, why") == [
        ("other", "its output has nothing like '^Other: ([0-9.]+)$'", 6)]
    assert shelf.rows("SELECT metric, count(*) FROM sample GROUP BY metric "
                      "ORDER BY metric") == [("t", 6), ("told", 6)]


def test_primary_metric_is_missing(shelf: kit.Bench) -> None:
    result = shelf.klab("run", shelf.study(workloads=["none"], boots=2))
    assert result.code == kit.KERNEL
    assert set(shelf.outcomes().values()) == {"workload-failed"}
    assert shelf.boot(1)["reason"] == (
        "metric 't': its output has nothing like '^Other: ([0-9.]+)$'")
    assert shelf.rows("SELECT count(*) FROM missing") == [(0,)]


def test_monitor_was_not_read(shelf: kit.Bench) -> None:
    result = shelf.klab("run", shelf.study(workloads=["watched"]))
    assert result.code == kit.DONE
    assert shelf.rows("SELECT metric, why FROM missing ORDER BY metric") == [
        ("faults", "'/proc/vmstat' is empty"),
        ("vmstat-cost", "the agent did not read all of it")]


def test_program_does_not_compile(shelf: kit.Bench) -> None:
    result = shelf.klab("run", shelf.study(workloads=["broken", "half"]))
    assert result.code == kit.USER
    error = result.one_error()
    assert error.startswith("klab: workload 'broken': program 'broken' does "
                            "not compile: ")
    assert "broken.c:1:25: error: " in error
    assert shelf.outcomes() == {1: "ok"}


def test_unknown_monitor(shelf: kit.Bench) -> None:
    study = shelf.study(workloads=["half: { monitors: [vmstatt] }"])
    result = shelf.klab("run", study)
    assert result.code == kit.USER
    assert result.one_error().startswith(
        f"klab: {study}:5: key 'monitors': there is no monitor 'vmstatt'; "
        "klab has: interrupts, ")
    assert not shelf.lab.exists()


def test_gc_of_programs(shelf: kit.Bench) -> None:
    """A program goes with the last archive that has it."""
    made = shelf.dir / "home/workloads/made/made.c"
    programs = shelf.lab / "programs"

    def there() -> set[str]:
        return {path.name for path in programs.iterdir()}

    assert shelf.klab("run", shelf.study(workloads=["made"])).code == kit.DONE
    first = there()
    made.write_text("int main(void) { return 1; }\n")
    other = shelf.study("other", workloads=["made"])
    assert shelf.klab("run", other).code == kit.DONE
    (programs / ".0123456789abcdef.tmp").mkdir()
    assert len(there()) == 3
    assert shelf.klab("gc").out.count("/programs/.0123") == 1
    assert len(there()) == 2
    assert shelf.klab("gc", "--forget=other").out.count("/programs/") == 1
    assert there() == first
    assert shelf.klab("gc", "--forget=s").out.count("/programs/") == 1
    assert there() == set()
