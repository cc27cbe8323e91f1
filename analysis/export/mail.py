"""Plain text for a mail: a cover letter, or a reply to a series.

Never wider than 77 columns and ASCII alone, whatever names the study has
(page.py); its tables are made by rows.py.
"""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import Any

from .. import findings, headline, load, summary, table, text, verdicts
from ..verdicts import Group, Judgement, Row
from . import changes, made, rows
from .page import LISTED, Page, ascii_of, cut, distinct

#: Characters of a name in a sentence.
NAME = 60


def render(lab: load.Lab, judgement: Judgement, folder: Path,
           every: bool = False) -> str:
    """The text, ending in a newline.  folder is the lab's; every: all stages
    and all metrics."""
    page = Page()
    _head(page, lab, judgement, folder)
    _trouble(page, lab, judgement)
    primary = [group for group in judgement.groups if group.primary]
    shown = primary if primary and not every else judgement.groups
    _changes(page, judgement, shown)
    marks = rows.tables(page, judgement, shown, every)
    if len(shown) < len(judgement.groups):
        _others(page, judgement)
    _foot(page, lab, judgement, marks)
    return "\n".join(page.lines) + "\n"


# What was run

def _head(page: Page, lab: load.Lab, judgement: Judgement,
          folder: Path) -> None:
    patches = int(lab.stages.title.notna().sum())
    what = (text.plural(patches, "patch", "patches") if patches
            else text.plural(len(lab.stages), "kernel"))
    page.add(f"{cut(lab.study['name'], 40)}: {what}, "
             f"{text.plural(len(lab.configs), 'config')}, changes against "
             f"{cut(judgement.base_name, 20)}")
    page.add()
    page.wrap(headline.sentence(judgement), most=12)
    for words in ([f"{text.FORCED}:", *judgement.forced]
                  if judgement.forced else []):
        page.wrap(words, "NOTE: ", most=4)
    page.add()
    page.facts("Kernels", _kernels(lab, judgement))
    if any(name != "as shipped" for name in lab.configs.request):
        page.facts("Configs", [f"{cut(c.name, NAME)} ({c.request})"
                               for c in lab.configs.itertuples()])
    page.facts("Equal", _equal(lab))
    page.facts("Compiler", _toolchains(lab, folder))
    page.facts("Machine", [_machine(m) for m in lab.machines.itertuples()])
    page.facts("QEMU", distinct(facts.get("qemu")
                                for facts in lab.facts.values()))
    page.facts("Clock", _clocks(judgement))
    page.fact("Boots", f"{table.boots_of(judgement)}; {_each(judgement)}")


def _kernels(lab: load.Lab, judgement: Judgement) -> list[str]:
    """The base of a series, or each kernel that is not one of a series."""
    series = lab.stages.title.notna().any()
    known = lab.variants.drop_duplicates("stage").set_index("stage")
    told = []
    for stage in lab.stages.itertuples():
        if series and stage.idx != judgement.base or (
                stage.idx not in known.index):
            continue
        kernel = known.loc[stage.idx]
        source = " ".join(filter(None, (kernel.package, kernel.version)))
        parts = [kernel.release, source or stage.request]
        told.append(f"{cut(stage.word, NAME)}: "
                    + ", ".join(cut(part, NAME) for part in parts if part))
    return told


def _equal(lab: load.Lab) -> list[str]:
    """Which stages load the code of an earlier one, per config."""
    words = list(lab.stages.word)
    word = dict(zip(lab.stages.idx, words))
    found: dict[str, list[str]] = {}
    for config, variants in lab.variants[
            lab.variants.key.notna()].groupby("config", sort=False):
        same = variants[variants.key.duplicated()]
        if len(same):
            found.setdefault(rows.runs(words, [word[i] for i in same.stage]),
                             []).append(cut(config, 20))
    under = len(lab.configs) > 1
    return [f"{stages}{' under ' + ', '.join(configs) if under else ''}: "
            "the code of an earlier stage"
            for stages, configs in found.items()]


def _toolchains(lab: load.Lab, folder: Path) -> list[str]:
    return distinct(made.read(folder, v.kernel_key, v.log).toolchain
                    for v in lab.variants.itertuples())


def _machine(machine: Any) -> str:
    """'icount-1cpu: 1 CPU, 512 MiB, exact clock'"""
    parts = [text.plural(machine.vcpus, "CPU"), f"{machine.memory_mib} MiB",
             machine.accel if machine.clock != "exact"
             else "icount (QEMU's TCG)"]
    if machine.metronome_us:
        parts.append(f"turns of {machine.metronome_us} us")
    return f"{cut(machine.name, NAME)}: {', '.join(map(str, parts))}"


def _clocks(judgement: Judgement) -> list[str]:
    told = []
    if any(group.clock == "exact" for group in judgement.groups):
        told.append(text.EXACT_CLOCK.replace(" clock", "", 1))
    if judgement.virtual():
        told.append(text.VIRTUAL_CLOCK)
    if any(group.accel == "metal" for group in judgement.groups):
        told.append("wall clock on bare metal")
    return told


def _each(judgement: Judgement) -> str:
    """'5 to 10 per kernel and workload'"""
    planned = sorted({row.planned for _, row in judgement.rows()
                      if row.planned}) or [0]
    ends = dict.fromkeys((planned[0], planned[-1]))
    return " to ".join(map(str, ends)) + " per kernel and workload"


# What broke, and what changed

def _trouble(page: Page, lab: load.Lab, judgement: Judgement) -> None:
    words = dict(zip(lab.stages.idx, lab.stages.word))
    titles = dict(zip(lab.stages.idx, lab.stages.title))
    several = len(lab.configs) > 1
    broken = _broken(judgement)
    told = " ".join(reason for _, reason in broken)
    page.add()
    for (stage, reason), configs in list(broken.items())[:LISTED]:
        page.add(f"broken: {_stage(stage, words, titles)}")
        under = ("every config" if len(configs) == len(lab.configs) else
                 cut(", ".join(configs), NAME))
        page.wrap((f"under {under}: " if several else "") + reason, "  ",
                  "    ", 3)
    if len(broken) > LISTED:
        page.add(f"and {len(broken) - LISTED} more that are broken")
    causes = [one for one in judgement.found.causes()
              if one.line not in told]
    for one in causes[:LISTED]:
        page.add(f"found: {findings.name_of(one)}")
        for place in one.places[:LISTED]:
            page.wrap(findings.where_of(place, several, words)
                      + f": {_stage(place.first, words, titles)}", "  ",
                      "    ", 3)
        page.wrap(findings.line_of(one), "  ", "    ", 3)
    if len(causes) > LISTED:
        page.add(f"and {len(causes) - LISTED} more findings")
    _sick(page, lab, judgement)
    if judgement.found.harmless:
        page.wrap(text.harmless(judgement.found.harmless,
                                judgement.found.harmless_boots))
    if page.lines[-1]:
        page.add()


def _sick(page: Page, lab: load.Lab, judgement: Judgement) -> None:
    """Which kernels that work failed some of their boots."""
    found: dict[tuple, tuple[Group, Row]] = {}
    for group, row in judgement.rows():
        if row.sick and row.verdict != verdicts.BROKEN and row.twin is None:
            found.setdefault((row.stage, *group.place), (group, row))
    told = sorted(found.values(), key=lambda one: one[1].stage)
    for group, row in told[:LISTED]:
        under = (f" under {cut(group.config, NAME)}" if len(lab.configs) > 1
                 else "")
        on = (f" on {cut(group.machine, NAME)}" if len(lab.machines) > 1
              else "")
        page.wrap(f"{text.plain(row.full)}: {len(row.sick)} of "
                  f"{text.plural(row.planned, 'boot')} of "
                  f"{text.plain(group.workload)} failed{under}{on} "
                  f"({_counted(row.sick)})", "", "  ", 3)
    if len(told) > LISTED:
        page.add(f"and {len(told) - LISTED} more with boots that failed")


def _counted(outcomes: list[str]) -> str:
    """'2 hang, 1 panic'"""
    return ", ".join(f"{number} {text.plain(word)}"
                     for word, number in Counter(outcomes).items())


def _broken(judgement: Judgement) -> dict[tuple[int, str], list[str]]:
    """Stage and reason to the configs; the boot is left out, it differs."""
    found: dict[tuple[int, str], dict[str, None]] = {}
    for group, row in judgement.rows():
        if row.verdict == verdicts.BROKEN:
            reason = text.plain(row.reason or "").split(" (boot ")[0]
            found.setdefault((row.stage, reason), {})[group.config] = None
    return {key: list(found[key]) for key in sorted(found)}


def _stage(stage: int, words: dict[int, str],
           titles: dict[int, str | None]) -> str:
    title = titles.get(stage)
    name = cut(words.get(stage, stage), 20)
    return f"{name} {cut(title, 50)}" if title else name


def _changes(page: Page, judgement: Judgement, shown: list[Group]) -> None:
    """Which stages brought what, of the metrics that are shown."""
    stages, told = (changes.of(judgement.attribution, shown)
                    if judgement.attribution else ([], []))
    if stages:
        page.add("Each stage against the one before:")
    for stage in stages[:LISTED]:
        page.wrap(stage.row.full, "", "  ", 3)
        lines = stage.lines()
        for line in lines[:LISTED]:
            page.wrap(line, "  ", "    ", 4)
        if len(lines) > LISTED:
            page.add(f"  and {len(lines) - LISTED} more metrics")
    if len(stages) > LISTED:
        page.add(f"and {len(stages) - LISTED} more stages")
    for line in [*told, *(one.sentence for one in judgement.drifts)]:
        page.wrap(line, "- ", "  ", 4)
    if stages or told or judgement.drifts:
        page.add()


def _others(page: Page, judgement: Judgement) -> None:
    """One sentence on the secondary metrics."""
    counts = summary.counts(judgement, primary=False)
    # That is told already, or nothing to tell.
    for verdict in (verdicts.BROKEN, verdicts.SAME):
        counts.pop(verdict, None)
    if not counts:
        return
    worse = distinct(f"{group.workload} {group.metric}"
                     for group, row in judgement.rows() if not group.primary
                     and row.verdict == verdicts.REGRESSED)
    page.wrap("secondary metrics, not shown: " + ", ".join(
        f"{number} {word}" for word, number in counts.items())
        + (f"; regressed: {', '.join(worse)}" if worse else ""))
    page.add()


# What to make of it

def _foot(page: Page, lab: load.Lab, judgement: Judgement,
          marks: list[str]) -> None:
    legend = "; ".join(f"{mark} {rows.MEANINGS[mark]}" for mark in marks)
    page.wrap(legend + ("; " if legend else "") + "margin +-"
              f"{100 * judgement.study['min_effect']:g} %; mean: geometric; "
              "n: boots; interval: over boots, 95 % or wider")
    for line in summary.trust(judgement):
        page.wrap(line)
    page.add()
    page.add(f"To repeat it: klab run {_file(lab)}")


def _file(lab: load.Lab) -> str:
    """The study file's name: who repeats it has it in another folder."""
    name = shlex.quote(Path(str(lab.study["path"])).name)
    fits = name == ascii_of(name) and len(name) <= NAME
    return name if fits else "STUDY.yaml"
