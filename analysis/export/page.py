"""Lines of ASCII that are never too wide, whatever text goes in."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from dataclasses import dataclass, field
from typing import Iterable

from .. import text

WIDTH = 77
#: Lines of one paragraph, and things in a list; the rest is counted.
LINES = 8
LISTED = 12
LABEL = 10
#: Stands for a blank at which no line may end.
KEPT = "\x01"
#: What print has and mail has otherwise.
LIKE = str.maketrans({
    "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": "-",
    "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"',
    "\u2026": "...", "\u2212": "-", "\u00d7": "x", "\u00b1": "+-",
    "\u00b5": "u", "\u03bc": "u", "\u00df": "ss", "\u00f8": "o",
    "\u0142": "l"})


def ascii_of(words: object) -> str:
    """One line of ASCII: accents go, what has no likeness becomes '?'."""
    plain = unicodedata.normalize(
        "NFKD", text.plain(words).translate(LIKE))
    return "".join("?" if ord(c) > 126 else c for c in plain
                   if not unicodedata.combining(c))


def cut(words: object, width: int) -> str:
    line = ascii_of(words)
    return line if len(line) <= width else line[:width - 2].rstrip() + ".."


def distinct(words: Iterable[str | None]) -> list[str]:
    """Those that say something, each once."""
    return [one for one in dict.fromkeys(words) if one]


def _unbroken(line: str) -> str:
    """With blanks that stay: before a percent sign, in an interval."""
    line = re.sub(r"\[[^][ ]{1,20} [^][ ]{1,20}\]",
                  lambda found: found[0].replace(" ", KEPT), line)
    return line.replace(" %", KEPT + "%")


@dataclass
class Page:
    """Lines, none of which is too long."""

    lines: list[str] = field(default_factory=list)

    def add(self, line: str = "") -> None:
        self.lines.append(cut(line, WIDTH))

    def wrap(self, words: object, first: str = "", later: str | None = None,
             most: int = LINES) -> None:
        """A paragraph; of one with more lines than `most` the rest is left
        out."""
        later = " " * len(first) if later is None else later
        made_of = [line.replace(KEPT, " ") for line in textwrap.wrap(
            _unbroken(ascii_of(words)), WIDTH,
            initial_indent=first, subsequent_indent=later,
            break_on_hyphens=False)] or [first.rstrip()]
        if len(made_of) > most:
            made_of = made_of[:most]
            made_of[-1] = made_of[-1][:WIDTH - 3].rstrip() + " .."
        self.lines += made_of

    def fact(self, label: str, words: object) -> None:
        self.wrap(words, f"{label}:".ljust(LABEL), " " * LABEL, 3)

    def facts(self, label: str, all_words: list[str]) -> None:
        """One line each, the label at the first."""
        for i, words in enumerate(all_words[:LISTED]):
            self.wrap(words, (f"{label}:" if i == 0 else "").ljust(LABEL),
                      " " * (LABEL + 2), 3)
        if len(all_words) > LISTED:
            self.add(" " * LABEL + f"and {len(all_words) - LISTED} more")
