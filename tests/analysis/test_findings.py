"""Findings: grouped over boots, in the table, the JSON and the report."""

from __future__ import annotations

import re

import pytest
from labs import LabMaker

from analysis import findings, headline, load, report, summary, table, verdicts

CIRCULAR = "WARNING: possible circular locking dependency detected"


def series(folder, stages=(0, 28, 29, 30, 35), boots=2, configs=("default",)):
    """A lab of a series without samples that differ, not done yet."""
    lab = LabMaker(folder, kernels=())
    for config in configs:
        for stage in stages:
            lab.stage(stage, str(stage), key=f"key-{config}-{stage}",
                      title=f"patch {stage}" if stage else None,
                      config=config)
    lab.machine()
    lab.metric()
    lab.made = {}
    for config in configs:
        for stage in stages:
            lab.keys[stage] = f"key-{config}-{stage}"
            for seed in range(1, boots + 1):
                lab.made[config, stage, seed] = lab.boot(
                    stage, seed, {"time": 100.0 + seed}, config=config)
    return lab


def judged(lab):
    return verdicts.judge(load.load(lab.done(), "demo"))


def told(judgement) -> str:
    words = {0: "base", 28: "28", 29: "29", 30: "30", 35: "35"}
    return table.render(judgement, False, words)


def test_from_a_stage_on(tmp_path):
    lab = series(tmp_path)
    for stage in (29, 30, 35):
        for seed in (1, 2):
            lab.finding(lab.made["default", stage, seed], "lockdep-circular",
                        "flush_all", line=CIRCULAR, detail="a --> b", count=3)
    found = judged(lab)
    one, = found.found.groups
    assert (one.kind, one.function, one.first) == ("lockdep-circular",
                                                   "flush_all", 29)
    assert one.new and one.boots == 6 and one.count == 18
    assert one.boot == "key-default-29-default-icount-1cpu-hackbench-1"
    place, = one.places
    assert place.stages == {0: (0, 2), 28: (0, 2), 29: (2, 2), 30: (2, 2),
                            35: (2, 2)}
    text = told(found)
    assert "  lockdep-circular in flush_all\n    from 29 on, in 6 of 6 boots\n" \
        f"    {CIRCULAR} (a --> b)\n    first in boot key-default-29" in text
    assert "10 of 10 boots ok (6 with findings)" in text
    assert headline.sentence(found) == (
        "stage 29 'patch 29' brings lockdep-circular in flush_all, in 6 of 6 "
        f"boots: {CIRCULAR} (a --> b).")
    assert "29 patch 29, 30 patch 30, 35 patch 35: boots with findings" in text
    assert [row["splats"] for row in table.as_json(found)["rows"]] == [
        0, 0, 2, 2, 2]
    # Samples are there, so rows have verdicts; the exit code says 1.
    assert found.worse()
    assert {row.verdict for _, row in found.rows()} >= {verdicts.BASELINE}
    assert found.outcomes == {"ok": 4, "splat": 6}


@pytest.mark.parametrize("stages, words", [
    ((35,), "at 35"), ((0, 28, 29, 30, 35), "at all stages"),
    ((28, 29, 30), "at 28 to 30"), ((28, 29), "at 28, 29"),
    ((28, 35), "at 28, 35"), ((30, 35), "from 30 on"), ((0,), "at base")])
def test_words_for_stages(tmp_path, stages, words):
    lab = series(tmp_path, boots=1)
    for stage in stages:
        lab.finding(lab.made["default", stage, 1])
    found = judged(lab)
    one, = found.found.groups
    assert findings.stages_of(one.places[0], {0: "base"}) == words
    also = ", also in the baseline" if 0 in stages else ""
    assert f"{words}, in {len(stages)} of {len(stages)} boot" in told(found)
    assert (also or "also in") in told(found) or not also
    assert one.new == (0 not in stages)
    # What the baseline has, too, is a finding, but no news.
    assert found.worse()
    assert ("brings" in headline.sentence(found)) == one.new


def test_stages_that_were_not_booted_do_not_count(tmp_path):
    lab = series(tmp_path, boots=1)
    lab.stage(36, "36", key="key-36", title="last")
    lab.cell(36, 1, "never")
    for stage in (29, 30, 35):
        lab.finding(lab.made["default", stage, 1])
    one, = judged(lab).found.groups
    assert findings.stages_of(one.places[0], {}) == "from 29 on"


def test_rare_ones(tmp_path):
    lab = series(tmp_path, boots=8)
    lab.finding(lab.made["default", 29, 3])
    one, = judged(lab).found.groups
    assert findings.boots_of(one.places[0]) == "1 of 8 boots"


def test_configs_are_told_apart(tmp_path):
    lab = series(tmp_path, configs=("nort", "lockstat"))
    lab.finding(lab.made["lockstat", 35, 1], "gpf", "kmem_cache_alloc")
    lab.finding(lab.made["nort", 0, 1], "gpf", "kmem_cache_alloc")
    found = judged(lab)
    text = told(found)
    assert "at base under nort, in 1 of 2 boots, also in the baseline" in text
    assert "at 35 under lockstat, in 1 of 2 boots\n" in text
    # New under one config is new.
    assert found.found.groups[0].new
    assert "stage 35 'patch 35' brings gpf in kmem_cache_alloc under lockstat" \
        in headline.sentence(found)


def test_a_panic_is_told_with_its_cause(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric()
    lab.boot(0, 1, {"time": 1.0})
    for seed in (1, 2):
        boot = lab.boot(1, seed, {}, state="bad", reason="gpf; then: panic")
        lab.finding(boot, "gpf", "kmem_cache_alloc", line="general protection "
                    "fault", fatal=True)
        lab.finding(boot, "panic", "kmem_cache_alloc", fatal=True,
                    line="Kernel panic - not syncing: idle", consequence=True)
    found = judged(lab)
    assert [one.kind for one in found.found.groups] == ["gpf", "panic"]
    assert [one.kind for one in found.found.causes()] == ["gpf"]
    assert found.found.groups[0].then == ["Kernel panic - not syncing: idle"]
    text = told(found)
    assert "    then: Kernel panic - not syncing: idle\n" in text
    assert text.count("\n  panic") == 0
    assert "2 failed (2 panic)" in text
    # The headline is that of what is broken.
    assert "breaks hackbench (gpf)" in headline.sentence(found)


def test_a_panic_of_its_own_is_a_cause(tmp_path):
    lab = series(tmp_path, boots=2)
    one, two = (lab.made["default", 29, seed] for seed in (1, 2))
    lab.finding(one, "oops", "f")
    lab.finding(one, "panic", None, line="panic", consequence=True)
    lab.finding(two, "panic", None, line="panic")
    found = judged(lab).found
    assert [one.kind for one in found.causes()] == ["oops", "panic"]


def test_harmless_ones_are_counted(tmp_path):
    lab = series(tmp_path, boots=1)
    for stage in (0, 29):
        lab.finding(lab.made["default", stage, 1], line="noise",
                    harmless=True)
    found = judged(lab)
    assert found.found.groups == [] and found.found.boots == 0
    assert (found.found.harmless, found.found.harmless_boots) == (1, 2)
    assert not found.worse()
    assert found.outcomes == {"ok": 5}
    text = told(found)
    assert "1 finding in 2 boots is harmless, as the study says" in text
    assert "findings\n" not in text
    assert "brings" not in headline.sentence(found)


def test_twins_share_their_boots(tmp_path):
    lab = LabMaker(tmp_path, kernels=())
    for index, key in enumerate(("a", "b", "b")):
        lab.stage(index, str(index), key=key)
    lab.machine()
    lab.metric()
    for stage in range(3):
        boot = lab.boot(stage, 1, {"time": 1.0})
    lab.finding(boot)
    one, = judged(lab).found.groups
    assert one.boots == 1 and one.count == 1
    assert one.places[0].seen == [1, 2]


def test_json(tmp_path):
    lab = series(tmp_path, boots=1)
    lab.finding(lab.made["default", 29, 1], detail="why", line="first")
    lab.finding(lab.made["default", 29, 1], function=None, kind="oom-kill",
                harmless=True, line="killed")
    found = table.as_json(judged(lab))
    assert found["harmless"] == {"findings": 1, "boots": 1}
    one, = found["findings"]
    for key in one:
        assert key in table.__doc__, key
    assert one["signature"] == "warning-flush_all" and one["offset"] == 18
    assert one["first_stage"] == 29 and one["new"] and not one["fatal"]
    place, = one["places"]
    for key in place:
        assert key in table.__doc__, key
    assert place["stages"][2] == {"stage": 29, "boots": 1, "of": 1}
    assert place["where"] == [{"machine": "icount-1cpu",
                               "workload": "hackbench"}]


def test_what_a_guest_says_is_hostile(tmp_path):
    lab = series(tmp_path, boots=1)
    nasty = "<script>alert(1)</script> \x1b[2J"
    lab.finding(lab.made["default", 29, 1], "warning", nasty, line=nasty,
                detail=nasty, excerpt=nasty + "\n")
    path = lab.done()
    text = told(verdicts.judge(load.load(path, "demo")))
    assert "\x1b" not in text
    page, worse = report.write(path, tmp_path, "demo", tmp_path / "out")
    html = page.read_text()
    assert worse
    assert "<script>alert" not in html and "\x1b" not in html
    assert "&lt;script&gt;alert" in html


def test_the_report_lists_them(tmp_path):
    lab = series(tmp_path)
    for seed in (1, 2):
        lab.finding(lab.made["default", 35, seed], "lockdep-circular",
                    "flush_all", line=CIRCULAR, excerpt="the whole\nreport\n")
        lab.finding(lab.made["default", 0, seed], "warning", "noise",
                    line="noise", harmless=True)
    page, _ = report.write(lab.done(), tmp_path, "demo", tmp_path / "out")
    html = page.read_text()
    section = html.split('<section id="findings">')[1].split("</section>")[0]
    assert "lockdep-circular" in section and CIRCULAR in section
    assert "the whole\nreport" in section
    assert "<details>" in section
    assert re.search(r"at 35, in 2 of 2 boots", section)
    assert "patch 35" in section
    assert "2 reports in 2 boots" in section
    assert "1 finding in 2 boots is harmless" in section
    assert "klab decode key-default-35" in section


def test_one_excerpt_is_read(tmp_path):
    """That of the boot that is shown; the rest could be gigabytes."""
    lab = series(tmp_path)
    for seed in (2, 1):
        lab.finding(lab.made["default", 29, seed], excerpt=f"seed {seed}\n")
    lab.finding(lab.made["default", 0, 1], excerpt="harmless\n",
                line="another line", harmless=True)
    found = load.load(lab.done(), "demo")
    assert list(found.findings.excerpt.dropna()) == ["seed 1\n"]
    one, = verdicts.judge(found).found.groups
    assert one.excerpt == "seed 1\n" and one.boot.endswith("-1")


def test_a_lab_without_findings_has_no_such_section(tmp_path):
    lab = series(tmp_path)
    page, worse = report.write(lab.done(), tmp_path, "demo", tmp_path / "out")
    assert '<section id="findings">' not in page.read_text()
    assert not worse
