"""The tables of the mail: one per workload and metric, a block per config and
machine, a line per stage.

Of a long series only the stages that changed something and the last one have a
line; the others share one per verdict, with what their changes span.
"""

from __future__ import annotations

from typing import Iterator

from .. import summary, table, text, verdicts
from ..interactions import is_series
from ..verdicts import Group, Judgement, Row
from .page import WIDTH, Page, ascii_of, cut, distinct

#: A series of more stages is shown in part.
SHORT = 6
#: Columns of a name at least, and of a unit next to a change at most.
NARROW, UNIT = 12, 8

MARKS = {verdicts.REGRESSED: "R", verdicts.IMPROVED: "I",
         verdicts.EQUIVALENT: "=", verdicts.INCONCLUSIVE: "?",
         verdicts.BROKEN: "X", verdicts.NOT_APPLICABLE: "-",
         verdicts.SAME: "s", verdicts.BASELINE: ""}
MEANINGS = {"R": "regressed", "I": "improved", "=": "within the margin",
            "?": "not decided", "X": "broken", "-": "not applicable",
            "s": "same code as an earlier stage"}


def tables(page: Page, judgement: Judgement, groups: list[Group],
            every: bool) -> list[str]:
    """A table per workload and metric, with a block per config and machine;
    the marks that were used."""
    tables: dict[tuple, list[Group]] = {}
    for group in groups:
        tables.setdefault((group.workload, group.metric, group.clock),
                          []).append(group)
    changed: dict[int, set[int]] = {}
    for step in (judgement.attribution.steps if judgement.attribution
                 else []):
        if step.changed:
            changed.setdefault(id(step.group), set()).add(step.row.stage)
    marks: dict[str, None] = {}
    places = {group.place[:2] for group in groups}
    margin = max(float(judgement.study["min_effect"]), 0.0)
    for blocks in tables.values():
        scale = text.Scale(blocks[0].unit, [row.mean for group in blocks
                                            for row in group.rows],
                           blocks[0].clock == "exact")
        page.wrap(f"{cut(blocks[0].workload, 40)} "
                  f"{cut(blocks[0].metric, 30)}, {cut(scale.unit, 30)}, "
                  f"{blocks[0].better} is better", "", "  ")
        parts = [(group, _shown(group, changed.get(id(group), set()), every))
                 for group in blocks]
        lines = [[_row(row, scale) for row in rows] for _, rows in parts]
        widths = _widths(lines)
        page.add(_line(("", "n", "mean", "change", "95 % interval", ""),
                       widths))
        for (group, rows), texts in zip(parts, lines):
            if len(places) > 1:
                page.add(" " + " on ".join(
                    cut(name, 34) for name, several in
                    zip(group.place, _several(places)) if several))
            for row_texts in texts:
                page.add(_line(row_texts, widths))
            marks.update(dict.fromkeys(words[-1] for words in texts))
            for line in [*_notes(rows), *_rest(group, rows, margin)]:
                page.wrap(line, "  ", "    ", 3)
        page.add()
    return [mark for mark in marks if mark]


def _several(places: set[tuple[str, str]]) -> list[bool]:
    """Is there more than one config, and more than one machine?"""
    return [len(names) > 1 for names in map(set, zip(*places))]


def _shown(group: Group, changed: set[int], every: bool) -> list[Row]:
    """The base, what changed something, and the last stage."""
    rows = group.rows
    if every or len(rows) <= SHORT or not is_series(group):
        return rows
    first = {row.verdict: row for row in reversed(rows)
             if row.verdict in (verdicts.REGRESSED, verdicts.IMPROVED)}
    return [row for row in rows
            if row is group.base or row is rows[-1] or row.limited
            or row.stage in changed or row in first.values()]


def _row(row: Row, scale: text.Scale) -> tuple[str, ...]:
    change, interval = table.change_of(row, scale)
    if row.difference:
        # The line above the table has the whole unit.
        number = change.split(" ")[0]
        change = f"{number} {cut(scale.unit, UNIT)}"
        interval = interval[:interval.index("]") + 1]
    mean = scale.show(row.mean)
    if len(mean) > 15:
        mean = f"{row.mean * scale.factor:.4g}"
    if row.verdict == verdicts.BASELINE:
        change = "base"
    name = f"{row.word} {row.title}" if row.title else row.word
    return (ascii_of(name), table.count_of(row), mean, change, interval,
            MARKS[row.verdict])


def _widths(blocks: list[list[tuple[str, ...]]]) -> list[int]:
    rows = [row for block in blocks for row in block]
    widths = [max([len(row[i]) for row in rows] + [width]) for i, width in
              enumerate((NARROW, 1, 4, 6, 13, 1))]
    # Indent, and two columns between each two.
    room = WIDTH - 2 - sum(widths[1:]) - 2 * (len(widths) - 1)
    widths[0] = max(min(widths[0], room), NARROW)
    # Units give way before names do.
    widths[3] -= max(NARROW - room, 0)
    return widths


def _line(texts: tuple[str, ...], widths: list[int]) -> str:
    columns = [cut(texts[0], widths[0]).ljust(widths[0])]
    if len(texts[3]) > widths[3]:
        texts = (*texts[:3], texts[3].split(" ")[0], *texts[4:])
    columns += [words.rjust(width) for words, width
                in zip(texts[1:-1], widths[1:-1])]
    return ("  " + "  ".join([*columns, texts[-1]])).rstrip()


def _notes(rows: list[Row]) -> Iterator[str]:
    """What the figures in the table do not say: why there are none, and which
    limit a kernel is beyond."""
    for reason in distinct(row.reason for row in rows if row.limited
                           or row.verdict == verdicts.NOT_APPLICABLE):
        names = [cut(row.word, 20) for row in rows if row.reason == reason]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield f"{', '.join(names[:3])}{more}: {reason}"


def _rest(group: Group, shown: list[Row], margin: float) -> Iterator[str]:
    """A line per verdict of the rows that are not in the table; what is
    broken and what has the code of another is told at the top."""
    for verdict in summary.ORDER:
        rows = [row for row in group.rows
                if row not in shown and row.verdict == verdict]
        if not rows or verdict in (verdicts.BROKEN, verdicts.SAME):
            continue
        words = {verdicts.EQUIVALENT: f"within +-{100 * margin:g} %",
                 verdicts.INCONCLUSIVE: "not decided"}.get(verdict, verdict)
        known = [row.change for row in rows if row.change is not None]
        ends = dict.fromkeys(text.percent(end(known))
                             for end in (min, max) if known)
        span = f" ({' to '.join(ends)})" if ends else ""
        reasons = distinct(row.reason for row in rows)
        why = (f": {reasons[0]}" if verdict == verdicts.NOT_APPLICABLE
               and len(reasons) == 1 else "")
        names = runs([row.word for row in group.rows],
                      [row.word for row in rows])
        yield f"{names}: {words}{span}{why}"


def runs(all_words: list[str], words: list[str]) -> str:
    """'1 to 6, 9': runs of stages that follow one another."""
    order = {word: i for i, word in enumerate(all_words)}
    runs: list[list[str]] = []
    for word in words:
        if runs and order[runs[-1][-1]] + 1 == order[word]:
            runs[-1].append(word)
        else:
            runs.append([word])
    return ", ".join(f"{cut(run[0], 20)} to {cut(run[-1], 20)}"
                     if len(run) > 2 else
                     ", ".join(cut(word, 20) for word in run)
                     for run in runs)
