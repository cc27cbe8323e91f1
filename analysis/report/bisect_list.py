"""Bisects as lines of other pages: those of a study in its report, all of a
lab in the index."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import bisect_words, bisects, text
from ..bisect_words import ENDS, FOUND, GAVE, NO_STEP, OPEN, RANGE
from ..errors import Problem
from ..lines import string
from . import bisect, files

#: Sign and class of each result.
SIGNS = {FOUND: ("\u25cf", "regressed"), RANGE: ("\u25d0", "regressed"),
         NO_STEP: ("\u2261", "inconclusive"), GAVE: ("?", "inconclusive"),
         ENDS: ("=", "equivalent"), OPEN: ("\u2026", "inconclusive")}
NOT_BEGUN = ("It was refused or interrupted before its ends were there; the "
             "same command says why")
DAMAGED = ("!", "broken")
#: What klab calls the studies that it makes of one of the user's.
MADE = re.compile(r".+(-bisect-[0-9a-f]{8}(-[0-9]+)?(-undo)?|-judge)", re.S)


def is_made(name: str, text_of: object) -> bool:
    """Is a study only there for a bisect or for `klab judge`?  Its name is
    not in the text, which is that of the user's."""
    return bool(MADE.fullmatch(name)) and name not in str(text_of)


def lines(lab: Path, names: list[str], up: str) -> list[dict[str, Any]]:
    """One of each; up: from the page to the lab's reports."""
    return [_line(lab, name, up) for name in names]


def _line(lab: Path, name: str, up: str) -> dict[str, Any]:
    there = files.below(lab, f"reports/{name}/index.html")
    made = {"name": name, "href": f"{up}{quote(name, safe='')}/index.html"
            if there else "", "study": bisects.study_of(name), "ended": "",
            "lost": True, "of": "", "where": "", "what": ""}
    try:
        record = bisects.outline(lab, name)
    except bisects.NotBegun:
        return {**made, "word": "not begun", "sign": SIGNS[OPEN][0],
                "class": SIGNS[OPEN][1], "clauses": [NOT_BEGUN]}
    except Problem as error:
        return {**made, "word": "no result", "sign": DAMAGED[0],
                "class": DAMAGED[1], "clauses": [str(error)]}
    told = bisect_words.outcome(record)
    sign, style = SIGNS.get(told.word, ("?", "inconclusive"))
    if told.confirmed is False:
        style = "inconclusive"
    return {**made, "lost": False, "word": _word(told), "sign": sign,
            "class": style, "clauses": told.clauses + (
                [record.trouble] if record.trouble else []),
            "what": bisect_words.what(record),
            "of": text.plural(len(record.kernels) - 1,
                              *bisect_words.nouns(record)),
            "where": " on ".join(filter(None, (
                bisect_words.config(record),
                string(record.setup, "machine")))),
            "ended": bisects.ended(lab, name)}


def _word(told: bisect_words.Outcome) -> str:
    if told.confirmed is None:
        return told.word
    return f"{told.word}, {'' if told.confirmed else 'not '}confirmed"


def write_pages(db: str | Path, lab: Path, names: list[str]) -> dict[str, str]:
    """Write the pages of these; why not, of each that could not be."""
    failed = {}
    for name in names:
        try:
            bisect.write(db, lab, name)
        except Problem as error:
            failed[name] = str(error)
    return failed
