"""Boots that ran under other conditions are not compared, unless forced."""

from __future__ import annotations

import json

import pytest
from labs import LabMaker
from test_table import run

from analysis import gate, load, report, verdicts
from analysis.errors import BadRequest

HERE = {"cpu_model": "A CPU", "governor": "performance", "qemu": "10.0.2"}


def lab_with(folder, by_stage, **machine):
    """Three boots of each stage; by_stage: what matters, per stage or per
    boot of it."""
    lab = LabMaker(folder)
    lab.machine("box", **({"clock": "wall", "accel": "kvm"} | machine))
    lab.metric()
    for stage, facts in enumerate(by_stage):
        per_boot = facts if isinstance(facts, list) else [facts] * 3
        for seed, matters in enumerate(per_boot, 1):
            lab.boot(stage, seed, {"time": 100.0 + seed + 50 * stage},
                     machine="box", matters=matters)
    return lab.done()


def refusal(path) -> str:
    with pytest.raises(BadRequest) as caught:
        verdicts.judge(load.load(path, "demo"))
    return str(caught.value)


def test_equal_conditions(tmp_path):
    found = verdicts.judge(load.load(lab_with(tmp_path, [HERE, HERE]), "demo"))
    assert found.forced == []


@pytest.mark.parametrize("key", ["cpu_model", "governor", "qemu"])
def test_refused(tmp_path, key):
    path = lab_with(tmp_path, [HERE, HERE | {key: "other"}])
    assert refusal(path) == (
        f"machine 'box': {key} is '{HERE[key]}' in 3 boots of old and 'other' "
        "in 3 boots of new, so these boots cannot be compared: boot them "
        "again under one condition (klab gc --forget demo, then klab run), or "
        "compare them all the same with --force")


def test_one_boot_is_named(tmp_path):
    path = lab_with(tmp_path, [HERE, [HERE, HERE | {"governor": "powersave"},
                                      HERE]])
    words = refusal(path)
    assert "governor is 'performance' in 5 boots of old, new and 'powersave' " \
        "in 1 boot (key-new-default-box-hackbench-2) of new" in words


def test_several_keys(tmp_path):
    path = lab_with(tmp_path, [HERE, HERE | {"governor": "x", "qemu": "y"}])
    assert "governor" in refusal(path) and "(and 1 more that differ)" in \
        refusal(path)


def test_what_was_not_recorded_is_not_held_against_it(tmp_path):
    path = lab_with(tmp_path, [None, HERE])
    assert verdicts.judge(load.load(path, "demo")).forced == []
    path = lab_with(tmp_path / "2", [{"qemu": "10.0.2"}, HERE])
    assert verdicts.judge(load.load(path, "demo")).forced == []


def test_other_machines_and_workloads_may_differ(tmp_path):
    """Programs differ by workload, settings by machine."""
    lab = LabMaker(tmp_path)
    for workload in ("hackbench", "boot"):
        lab.metric(workload)
        for name in ("one", "two"):
            lab.machine(name)
            for stage in (0, 1):
                lab.boot(stage, 1, {"time": 1.0}, machine=name,
                         workload=workload,
                         matters={"initramfs": workload, "command": name})
    path = lab.done()
    assert verdicts.judge(load.load(path, "demo")).forced == []


def test_boots_that_failed_are_not_compared(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric()
    lab.boot(0, 1, {"time": 1.0}, matters=HERE)
    lab.boot(1, 1, {}, state="bad", matters=HERE | {"qemu": "other"})
    lab.boot(1, 2, {"time": 1.0}, matters=HERE)
    assert verdicts.judge(load.load(lab.done(), "demo")).forced == []


def test_long_values_are_cut_to_what_differs(tmp_path):
    words = " ".join(f"-option{i} value{i}" for i in range(20))
    path = lab_with(tmp_path, [{"command": words + " -m 512M"},
                               {"command": words + " -m 1024M"}])
    assert "command is '512M' in 3 boots of old and '1024M' in" in refusal(path)


def test_hostile_values(tmp_path):
    path = lab_with(tmp_path, [{"cpu_model": "a\x1b[2J"}, {"cpu_model": "b"}])
    assert "\x1b" not in refusal(path)
    page, _ = report.write(path, tmp_path, "demo", tmp_path / "out", None,
                           True)
    assert "\x1b" not in page.read_text()


def test_force(tmp_path):
    path = lab_with(tmp_path, [HERE, HERE | {"governor": "powersave"}])
    arguments = ["--db", path, "--study", "demo"]
    refused = run("compare", *arguments)
    assert refused.returncode == 2 and refused.stdout == ""
    assert refused.stderr.startswith("klab: machine 'box': governor is")
    assert len(refused.stderr.splitlines()) == 1
    forced = run("compare", *arguments, "--force")
    assert forced.returncode == 1
    assert "compared by --force, although what matters differs" in \
        forced.stdout
    assert "governor is 'performance' in 3 boots of old" in forced.stdout
    found = json.loads(run("compare", *arguments, "--force",
                           "--json").stdout)
    assert len(found["forced"]) == 1 and "powersave" in found["forced"][0]
    with pytest.raises(BadRequest):
        report.write(path, tmp_path, "demo", tmp_path / "out")
    page, _ = report.write(path, tmp_path, "demo", tmp_path / "out", None,
                           True)
    html = page.read_text()
    assert '<section id="forced"' in html and "powersave" in html


def test_forced_without_need_says_nothing(tmp_path):
    path = lab_with(tmp_path, [HERE, HERE])
    forced = run("compare", "--db", path, "--study", "demo", "--force")
    assert "--force" not in forced.stdout


def test_every_key_counts_once_per_machine(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine()
    for workload in ("hackbench", "boot"):
        lab.metric(workload)
        for stage in (0, 1):
            lab.boot(stage, 1, {"time": 1.0}, workload=workload,
                     matters={"qemu": str(stage)})
    found = gate.differences(load.load(lab.done(), "demo"))
    assert [(one.machine, one.key) for one in found] == [("icount-1cpu",
                                                          "qemu")]
    assert sorted(found[0].values) == ["0", "1"]


@pytest.mark.parametrize("clock, accel, told", [
    ("exact", "icount", False), ("wall", "kvm", True), ("wall", "tcg", True),
    ("wall", "metal", False)])
def test_virtual_machines_are_labelled(tmp_path, clock, accel, told):
    path = lab_with(tmp_path, [HERE, HERE], clock=clock, accel=accel)
    text = run("compare", "--db", path, "--study", "demo").stdout
    assert ("wall clock in a virtual machine" in text) == told
    assert ("instr" in text) == (clock == "exact")
