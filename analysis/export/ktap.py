"""KTAP, version 1, as Documentation/dev-tools/ktap.rst of the kernel has it.

    builds                 a result per stage and config
    CONFIG on MACHINE      a test per place:
      WORKLOAD               a test per workload:
        stage N, boots         did all boots get through, without findings?
        stage N, METRIC        is it no worse than the baseline?

"not ok" is what regressed or broke; what was not run, cannot be run or is not
decided is skipped, and the lab's own failures are marked ERROR.  Lines behind
the first plan say why these boots should not have been compared, if they were
all the same (--force).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterator, Sequence

from .. import findings, load, table, text, verdicts
from ..verdicts import Group, Judgement, Row

#: Characters of a test's name and of a line of diagnostics.
NAME = 100
LINE = 300
#: Lines of a console that are shown.
EXCERPT = 20


@dataclass
class Test:
    """A result, or a test of several (parts).  why: what follows the #; told:
    diagnostic lines before the result."""

    name: str
    ok: bool = True
    directive: str = ""
    why: str = ""
    told: list[str] = field(default_factory=list)
    parts: list[Test] = field(default_factory=list)

    def settle(self) -> Test:
        """Take the result from the parts."""
        self.ok = all(part.ok for part in self.parts)
        if all(part.directive == "SKIP" for part in self.parts):
            self.directive = "SKIP"
        return self


def render(lab: load.Lab, judgement: Judgement) -> str:
    """The whole output; the last line is the result of the last test."""
    tests = [_builds(lab, judgement)] if len(lab.variants) else []
    places: dict[tuple[str, str], dict[str, list[Group]]] = {}
    for group in judgement.groups:
        places.setdefault((group.config, group.machine), {}).setdefault(
            group.workload, []).append(group)
    runs = _Runs(lab, judgement)
    for (config, machine), workloads in places.items():
        tests.append(Test(f"{config} on {machine}", parts=[
            Test(name, parts=[part for stage in _stages(groups)
                              for part in _stage(runs, groups, stage)]
                 ).settle() for name, groups in workloads.items()]).settle())
    forced = ([f"{text.FORCED}:", *judgement.forced] if judgement.forced
              else [])
    return "\n".join(_lines(tests, 0, forced)) + "\n"


# The protocol

def _lines(tests: list[Test], level: int,
           told: Sequence[str] = ()) -> Iterator[str]:
    """The lines of tests; told: diagnostic lines before the first of them."""
    pad = "  " * level
    yield f"{pad}KTAP version 1"
    yield f"{pad}1..{len(tests)}"
    for line in told:
        yield f"{pad}# {_cut(line, LINE)}"
    for number, test in enumerate(tests, 1):
        if test.parts:
            yield from _lines(test.parts, level + 1)
        for line in test.told:
            yield f"{pad}# {_cut(line, LINE)}".rstrip()
        words = " ".join(filter(None, (test.directive,
                                       _cut(test.why, LINE))))
        yield (f"{pad}{'ok' if test.ok else 'not ok'} {number} "
               f"{_cut(test.name, NAME).replace('#', '?')}"
               + (f" # {words}" if words else ""))


def _cut(words: object, width: int) -> str:
    line = text.plain(words)
    return line if len(line) <= width else line[:width - 2].rstrip() + ".."


# The tests

def _builds(lab: load.Lab, judgement: Judgement) -> Test:
    titles = {stage.idx: stage.title or stage.word
              for stage in lab.stages.itertuples()}
    parts = []
    for variant in lab.variants.itertuples():
        test = Test(f"stage {variant.stage}, {variant.config}",
                    told=[f"stage {variant.stage}: {titles[variant.stage]}"])
        if variant.state == "broken":
            test.ok = False
            test.told += _quoted([
                f"{one['file']}:{one['line']}: {one['text']}"
                for one in variant.errors] or [str(variant.error)])
        elif variant.state != "ready":
            test.directive = "SKIP"
            test.why = variant.error or "not built yet"
        parts.append(test)
    return Test("builds", parts=parts).settle()


def _quoted(lines: list[str]) -> list[str]:
    """What compilers and kernels print must not look like a line of ours."""
    return [f"| {line}" for line in lines[:EXCERPT]]


class _Runs:
    """The boots of each stage at each place, with their findings."""

    def __init__(self, lab: load.Lab, judgement: Judgement) -> None:
        self.cells: dict[tuple, list[Any]] = {}
        for cell in lab.cells.itertuples():
            self.cells.setdefault((cell.stage, cell.config, cell.machine,
                                   cell.workload), []).append(cell)
        names = {one.signature: one for one in judgement.found.groups}
        self.found: dict[str, dict[str, findings.Finding]] = {}
        for row in lab.findings.itertuples():
            if not row.harmless:
                self.found.setdefault(row.boot, {})[row.signature] = (
                    names[row.signature])


def _stages(groups: list[Group]) -> list[int]:
    return sorted({row.stage for group in groups for row in group.rows})


def _stage(runs: _Runs, groups: list[Group], stage: int) -> Iterator[Test]:
    rows = [(group, row) for group in groups for row in group.rows
            if row.stage == stage]
    yield _boots(runs, groups[0], rows[0][1])
    for group, row in rows:
        yield _metric(group, row)


def _boots(runs: _Runs, group: Group, row: Row) -> Test:
    test = Test(f"stage {row.stage}, boots")
    cells = runs.cells.get((row.stage, *group.place), [])
    found = {signature: one for cell in cells
             for signature, one in runs.found.get(cell.boot, {}).items()}
    bad = [cell for cell in cells if cell.state == "bad"]
    lost = [cell for cell in cells if cell.state == "lab"]
    ended = sum(cell.state == "ok" for cell in cells) + len(bad)
    for one in found.values():
        test.told.append(f"{findings.name_of(one)}: {findings.line_of(one)}")
    for cell in bad[:1]:
        test.told += [f"boot {cell.boot}: {cell.outcome}: {cell.reason}",
                      *_quoted((cell.excerpt or "").splitlines())]
    if bad or found:
        test.ok = False
        test.why = f"{len(bad)} of {text.plural(ended, 'boot')} failed"
        test.why += (f", {text.plural(len(found), 'finding')}" if found
                     else "")
    elif lost and not ended:
        test.ok, test.directive = False, "ERROR"
        test.why = f"the lab failed: {lost[0].reason}"
    elif not ended:
        test.directive, test.why = "SKIP", row.reason or "not run yet"
    else:
        test.why = text.plural(ended, "boot")
    return test


def _metric(group: Group, row: Row) -> Test:
    test = Test(f"stage {row.stage}, {group.metric}")
    scale = table.scale_of(group)
    change, interval = table.change_of(row, scale)
    mean = f"{scale.show(row.mean)} {scale.unit}" if row.values else ""
    figures = ", ".join(filter(None, (mean, f"{change} {interval}".strip())))
    # The code of another stage has what that one was found to have.
    judged = row.twin if row.verdict == verdicts.SAME and row.twin else row
    test.ok = judged.verdict != verdicts.REGRESSED
    test.why = ", ".join(filter(None, (
        row.same_as if row.verdict == verdicts.SAME else "", figures)))
    if row.limited:
        test.told.append(str(row.reason))
    if judged.verdict == verdicts.BROKEN:
        test.directive, test.why = "SKIP", "no value"
    elif judged.verdict in (verdicts.INCONCLUSIVE, verdicts.NOT_APPLICABLE):
        test.directive = "SKIP"
        test.why = f"{judged.verdict}: " + ", ".join(filter(None, (
            row.reason, test.why)))
    return test
