"""What the tests of exports share: labs, and readers that are strict."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import jsonschema

from analysis import export, load, verdicts
from labs import ROOT, LabMaker
from test_verdicts import boots

SCHEMA = jsonschema.Draft7Validator(json.loads(
    (ROOT / "tests/data/kcidb-schema.json").read_text()))
HOSTILE = ["x" * 10_000, "\u202egnp.txt", "a\0b\x1b[31mc\r\nd\te\x7f",
           "=cmd|' /C calc'!A0", "\ud800 half", "# SKIP ok 1 not ok",
           "ﷺ" * 200, "a,b\"c;d", "", "-1+1", "\u0130stanbul €"]


@functools.cache
def judged(path, base=None, force=False):
    lab = load.load(path, "demo", fingerprints=True)
    return lab, verdicts.judge(lab, base, force)


def text_of(path, form, options=export.Options(), base=None, force=False):
    return export.render(form, *judged(path, base, force), Path(path).parent,
                         options)


def patches(folder, *, stages=12, configs=("nort", "rt"), slow=5, broken=3,
            sick=7, titles=None):
    """A series: stage `slow` and those behind it cost 5 % (under rt: 9 %),
    one does not build, one panics, one has a finding."""
    lab = LabMaker(folder, kernels=())
    lab.machine("icount-1cpu")
    lab.metric()
    lab.metric(name="switches", unit="switches", primary=False)
    for stage in range(stages):
        title = f"mm/slub: patch number {stage}" if stage else None
        if titles and stage:
            title = titles[stage % len(titles)]
        for config in configs:
            name = str(stage) if stage else "base"
            if stage == broken:
                lab.stage(stage, name, error="mm/slub.c:7: no such member",
                          state="broken", title=title, config=config,
                          errors=json.dumps([{"file": "mm/slub.c", "line": 7,
                                              "text": "no such member"}]))
                continue
            # Stage 2 has the code of stage 1.
            twin = f"key-{config}-1" if stage == 2 else None
            lab.stage(stage, name, f"key-{config}-{stage}", title=title,
                      config=config, run_key=twin, release="6.12.1")
            cost = 1.0 if stage < slow else 1.09 if config == "rt" else 1.05
            for seed, value in enumerate(boots(1e8 * cost, stage, 5, 0.002),
                                         1):
                if stage == sick - 1:
                    lab.boot(stage, seed, {}, config=config, state="bad",
                             reason="Kernel panic - not syncing: no lock",
                             excerpt="[ 1.0] Kernel panic\n[ 1.1] ok 1 fake\n")
                    continue
                boot = lab.boot(stage, seed, {"time": value, "switches": 7.0},
                                config=config, matters={"qemu": "10.0.2"})
                if stage == sick and config == "rt":
                    lab.finding(boot, excerpt="[ 2.0] WARNING\n")
    return lab.done()


def hostile(folder):
    """Every name is what some format must not see as it is."""
    lab = LabMaker(folder, kernels=())
    bad = [name.encode("utf-8", "replace").decode() for name in HOSTILE]
    for machine in bad[:3]:
        lab.machine(machine, clock="wall", accel="kvm")
        lab.metric(f"w{machine}", bad[3], unit=bad[5])
    for stage, name in enumerate(bad):
        for config in (bad[0], bad[5]):
            lab.stage(stage, name, f"k{stage}", title=bad[stage - 1],
                      config=config, release=name, version=name)
            for seed in (1, 2, 3):
                value = [1e100, -1.0, 5.0, 1e-100][(stage + seed) % 4]
                if stage == 4:
                    lab.boot(stage, seed, {}, config=config, state="bad",
                             machine=bad[0], workload=f"w{bad[0]}",
                             reason=bad[2], excerpt=bad[2] + 2 * bad[0])
                    continue
                boot = lab.boot(stage, seed, {bad[3]: value}, config=config,
                                machine=bad[0], workload=f"w{bad[0]}",
                                started=bad[2],
                                fingerprint={"qemu": {"command": bad[2]},
                                             "host": "\ud800"})
                lab.finding(boot, kind=bad[5], function=bad[1], line=bad[2],
                            excerpt=bad[2])
    lab.db.execute("UPDATE finding SET signature = substr(signature, 1, 40)")
    return lab.done()


def parse_ktap(lines, level=0):
    """Read what Documentation/dev-tools/ktap.rst describes, strictly: a list
    of (ok, name, directive, parts)."""
    pad = "  " * level
    assert lines.pop(0) == f"{pad}KTAP version 1"
    plan = re.fullmatch(rf"{pad}1\.\.(\d+)", lines.pop(0))
    tests, parts = [], None
    while len(tests) < int(plan[1]):
        line = lines[0]
        if line == f"{pad}  KTAP version 1":
            assert parts is None
            parts = parse_ktap(lines, level + 1)
            continue
        lines.pop(0)
        if re.match(rf"{pad}#( |$)", line):
            continue
        found = re.fullmatch(
            rf"{pad}(not )?ok (\d+) ([^#]+?)(?: # (?:(SKIP|TODO|XFAIL|TIMEOUT"
            r"|ERROR)(?: |$))?(.*))?", line)
        assert found and int(found[2]) == len(tests) + 1, line
        tests.append((not found[1], found[3], found[4], parts or []))
        if parts:
            assert tests[-1][0] == all(part[0] for part in parts)
            assert (found[4] == "SKIP") == all(part[2] == "SKIP"
                                               for part in parts)
        parts = None
    return tests


def assert_ktap(out):
    lines = out.splitlines()
    tests = parse_ktap(lines)
    assert lines == [] and tests
    return tests
