"""The picture of a search: how likely each candidate was after each boot.

A row is a candidate and a column what was known after a boot; how full a cell
is, is how likely.  Kernel k has the candidates up to k, so it stands on the
line below row k, and the mark there says what was seen of it.
"""

from __future__ import annotations

from typing import Any

from .. import bisect_words, plots, text
from ..bisects import Record, Seen

#: More candidates than that share rows where no boot tells them apart.
ALONE = 48
#: Rows and columns of a picture, at most.
ROWS, COLUMNS = 60, 400
#: A candidate that is as likely at the end has a row of its own.
LIKELY = 0.01
#: Characters of a row's name.
NAME = 66
#: Pixels.
LEFT, RIGHT, TOP, ROW_HEIGHT = (110, 440), 66, 26, 17
WIDTH, NARROW, WIDE = 660, 4, 44


def columns(record: Record) -> list[dict[str, Any]]:
    """What was known at the start, and after each boot that a step followed:
    posterior, and the boots (seen) since the column before."""
    if record.start is None:
        return []
    made = [{"posterior": record.start.posterior, "seen": []}]
    since: list[Seen] = []
    for one in record.seen:
        since.append(one)
        if one.after is not None:
            made.append({"posterior": one.after.posterior, "seen": since})
            since = []
    return made


def rows(record: Record, found: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """First and last candidate of each row.  Boots tell candidates apart only
    across a kernel that was seen."""
    top = len(record.kernels) - 1
    if top <= ALONE:
        return [(i, i) for i in range(1, top + 1)]
    cuts = {0, top} | {one.kernel for one in record.seen}
    for at, value in (found[-1]["posterior"] if found else {}).items():
        if value >= LIKELY:
            cuts |= {at - 1, at}
    ends = sorted(cuts)
    made = [(low + 1, high) for low, high in zip(ends, ends[1:])]
    return _merged(made, [[share(one["posterior"], span) for one in found]
                          for span in made])


def _merged(made: list[tuple[int, int]],
            shares: list[list[float]]) -> list[tuple[int, int]]:
    """ROWS of them at most: those that were never likely have nothing to
    show.  shares: of each row, by column."""
    made, shares = list(made), list(shares)
    while len(made) > ROWS:
        peaks = [max(row, default=0.0) for row in shares]
        at = min(range(len(made) - 1),
                 key=lambda i: max(peaks[i], peaks[i + 1]))
        made[at:at + 2] = [(made[at][0], made[at + 1][1])]
        shares[at:at + 2] = [[a + b for a, b in zip(*shares[at:at + 2])]]
    return made


def share(posterior: dict[int, float], span: tuple[int, int]) -> float:
    if span[0] == span[1]:
        return posterior.get(span[0], 0.0)
    return min(1.0, sum(value for at, value in posterior.items()
                        if span[0] <= at <= span[1]))


def name(record: Record, span: tuple[int, int]) -> str:
    """'7 mm: be slow', '12 to 249'."""
    first, last = (record.kernels[at] for at in span)
    ends = [bisect_words.clipped(one.stage) for one in (first, last)]
    if first is not last:
        return (f"{ends[0]} to {ends[1]}: {span[1] - span[0] + 1:,} "
                f"{bisect_words.nouns(record)[1]}")
    subject = bisect_words.clipped(first.subject)
    if bisect_words.is_config(record) and subject:
        return subject
    return f"{ends[0]} {subject}".rstrip()


def picture(record: Record, judged: dict[int, str]) -> dict[str, Any] | None:
    """Everything of the drawing in pixels, and the same as a table; None if
    there is nothing to draw.  judged: by number of what was seen, its
    class."""
    found = columns(record)
    if not found:
        return None
    if len(found) > COLUMNS:
        step = -(-len(found) // COLUMNS)
        found = found[::step] + ([] if (len(found) - 1) % step == 0
                                 else [found[-1]])
    spans = rows(record, found)
    cell = max(NARROW, min(WIDE, WIDTH // len(found)))
    left = _left([name(record, span) for span in spans])
    drawn = [_row(record, found, span, i, cell, left)
             for i, span in enumerate(spans)]
    bottom = TOP + ROW_HEIGHT * len(spans)
    return {
        "width": left + cell * len(found) + RIGHT, "height": bottom + 8,
        "left": left, "right": left + cell * len(found), "top": TOP,
        "bottom": bottom, "row": ROW_HEIGHT, "rows": drawn,
        "ticks": _ticks(found, cell, left),
        "marks": _marks(found, spans, cell, left, judged),
        "label": _label(record, found),
        "one": bisect_words.nouns(record)[0],
        "boots": len(record.seen),
        "shared": any(low != high for low, high in spans)}


def _left(names: list[str]) -> int:
    """Pixels that the names need: a letter takes about 7, in bold capitals 9."""
    longest = max(sum(9 if letter.isupper() else 7
                      for letter in plots.clip(one, NAME)) for one in names)
    return min(max(LEFT[0], 20 + longest), LEFT[1])


def _row(record: Record, found: list[dict[str, Any]], span: tuple[int, int],
         i: int, cell: int, left: int) -> dict[str, Any]:
    y = TOP + ROW_HEIGHT * i
    named = record.last.first, record.last.last
    shares = [share(one["posterior"], span) for one in found]
    room = ROW_HEIGHT - 3
    bars = []
    for at, value in enumerate(shares):
        if value >= 0.0005:
            height = max(0.7, value * room)
            bars.append({"x": left + cell * at, "y": round(
                y + ROW_HEIGHT - 1.5 - height, 1),
                "width": max(cell - 1, 2), "height": round(height, 1)})
    whole_name = name(record, span)
    return {"y": y, "name": plots.clip(whole_name, NAME), "whole": whole_name,
            "bars": bars, "last": _percent(shares[-1]),
            "named": named[0] > 0 and named[0] <= span[1]
            and span[0] <= named[1],
            "first_share": bisect_words.chance(shares[0]),
            "peak": bisect_words.chance(max(shares)),
            "last_share": bisect_words.chance(shares[-1])}


def _percent(value: float) -> str:
    return bisect_words.chance(value) if value >= 0.0005 else ""


def _ticks(found: list[dict[str, Any]], cell: int,
           left: int) -> list[dict[str, Any]]:
    """Numbers of boots over the columns, so that none touches another."""
    made = [{"x": left + cell / 2, "word": "0"}]
    for at, one in enumerate(found[1:], 1):
        x = left + cell * at + cell / 2
        if x - made[-1]["x"] >= 24:
            made.append({"x": x, "word": str(one["seen"][-1].number)})
    return made


def _marks(found: list[dict[str, Any]], spans: list[tuple[int, int]],
           cell: int, left: int,
           judged: dict[int, str]) -> list[dict[str, Any]]:
    """What was seen, in the column that it led to."""
    below = {last: i + 1 for i, (_, last) in enumerate(spans)}
    made = []
    for at, one in enumerate(found[1:], 1):
        for seen in one["seen"]:
            row = below.get(seen.kernel, 0 if seen.kernel == 0 else None)
            if row is None:
                row = next(i for i, (low, high) in enumerate(spans)
                           if low <= seen.kernel <= high) + 0.5
            made.append({"x": left + cell * at + cell / 2,
                         "y": TOP + ROW_HEIGHT * row,
                         "class": judged[seen.number]})
    return made


def _label(record: Record, found: list[dict[str, Any]]) -> str:
    one, many = bisect_words.nouns(record)
    last = found[-1]["posterior"]
    likely = sorted(last.items(), key=lambda pair: -pair[1])[:3]
    return (f"How likely each of {len(record.kernels) - 1:,} {many} was after "
            f"each of {text.plural(len(record.seen), 'boot')}. At the end: "
            + ("; ".join(
                f"{one} {bisect_words.candidate(record, at)} "
                f"{bisect_words.chance(value)}" for at, value in likely)
               or "none stands out"))
