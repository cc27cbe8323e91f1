"""Numbers, units and hostile strings, made readable."""

from __future__ import annotations

import math
import re
from typing import Any

#: Time units in nanoseconds, smallest first.
NANOSECONDS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
#: What they are on the exact clock, where each instruction takes one.
INSTRUCTIONS = {"ns": "instr", "us": "k instr", "ms": "M instr",
                "s": "G instr"}
#: Changes above this fraction are shown as factors.
FACTOR_FROM = 9.0
EXACT_CLOCK = ("exact clock: instr is an instruction executed, one per "
               "nanosecond of the guest, no wall time")

VIRTUAL_CLOCK = ("wall clock in a virtual machine: times hold for it on this "
                 "host, not for bare metal")
FORCED = ("compared by --force, although what matters differs between boots")


def plain(text: object) -> str:
    """Text for a terminal or a tooltip: one line, no control characters, so
    no escape sequence of a guest's gets through."""
    return "".join(c if c.isprintable() else "?" for c in str(text))


def console(text: str) -> str:
    """Console text for a <pre>: lines stay, other control characters become
    visible.  Escaping for HTML is the template's work."""
    text = text.replace("\r\n", "\n").replace("\t", "        ")
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd"
                   for c in text)


def plural(count: float, one: str, many: str | None = None) -> str:
    """'1 boot', '3 boots'."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def harmless(groups: int, boots: int) -> str:
    """'2 findings in 5 boots are harmless, as the study says'."""
    verb = "is" if groups == 1 else "are"
    return (f"{plural(groups, 'finding')} in {plural(boots, 'boot')} {verb} "
            "harmless, as the study says")


class Scale:
    """The one unit and the number of decimals that a group is shown in.

    unit: as stored; values: those to be shown, any may be None; exact: times
    come from an exact clock, which counts instructions.
    """

    def __init__(self, unit: str, values: list[float | None], exact: bool):
        sizes = [abs(v) for v in values if v is not None and math.isfinite(v)]
        top = max(sizes, default=0.0)
        self.factor, self.unit = 1.0, plain(unit)
        if unit in NANOSECONDS:
            self._choose_time(unit, top)
        if exact:
            self.unit = on_exact_clock(self.unit)
        shown = top * self.factor
        whole = all(math.isclose(size, round(size)) for size in sizes)
        if shown == 0 or self.factor == 1 and whole:
            self.decimals = 0
        else:
            # Four digits of the largest value.
            self.decimals = min(max(3 - math.floor(math.log10(shown)), 0), 6)

    def _choose_time(self, unit: str, top: float) -> None:
        nanoseconds = top * NANOSECONDS[unit]
        for name, size in NANOSECONDS.items():
            if name == unit or (size > NANOSECONDS[unit]
                                and nanoseconds >= 10 * size):
                self.unit, self.factor = name, NANOSECONDS[unit] / size

    def show(self, value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return ""
        return f"{value * self.factor:,.{self.decimals}f}"


def on_exact_clock(unit: str) -> str:
    """'ms' is 'M instr', 'items/s' is 'items/G instr'; others stay."""
    if unit.endswith("/s"):
        return unit[:-1] + INSTRUCTIONS["s"]
    return INSTRUCTIONS.get(unit, unit)


def percent(fraction: float | None, factor: bool = False) -> str:
    """'+24.6 %', signed; ten-fold and more, or if asked, a factor: 'x12.3'."""
    if fraction is None:
        return ""
    if factor or fraction > FACTOR_FROM:
        return _factor(fraction)
    return _signed(fraction, _decimals(100 * fraction)) + " %"


def _factor(fraction: float) -> str:
    factor = 1 + fraction
    if factor >= 1000:
        return ">x1000"
    return f"x{factor:.{0 if factor >= 100 else 1 if factor >= 1 else 2}f}"


def times(fraction: float) -> str:
    """'12.3' or 'more than 1000', before the words 'times as high'."""
    return _factor(fraction).replace(">", "more than ").replace("x", "")


def _signed(fraction: float, decimals: int) -> str:
    value = 100 * fraction
    text = f"{value:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text


def _decimals(value: float) -> int:
    return 2 if abs(value) < 0.995 else 1 if abs(value) < 99.5 else 0


def is_factor(ends: tuple[float, float]) -> bool:
    """Is an interval shown in factors?"""
    return ends[1] > FACTOR_FROM


def interval(ends: tuple[float, float] | None) -> str:
    """'[+22.1, +27.2] %', both ends with the decimals of the larger; a high
    end from ten-fold on makes both factors: '[x0.5, x12.3]'."""
    if ends is None:
        return ""
    if is_factor(ends):
        return f"[{_factor(ends[0])}, {_factor(ends[1])}]"
    decimals = min(_decimals(100 * end) for end in ends)
    return f"[{_signed(ends[0], decimals)}, {_signed(ends[1], decimals)}] %"


def interval_words(ends: tuple[float, float]) -> str:
    """The same as '30.7 to 76.4 %', for a sentence that names the direction:
    both ends must be on one side of 0."""
    if is_factor(ends):
        return f"{times(ends[0])} to {times(ends[1])}"
    ends = tuple(sorted(map(abs, ends)))
    decimals = min(_decimals(100 * end) for end in ends)
    low, high = (_signed(end, decimals).lstrip("+") for end in ends)
    return f"{low} to {high} %"


def typeset(words: str) -> str:
    """Numbers with the signs of print, for the page; a unit keeps its
    letters."""
    words = re.sub(r"(?:(?<!\w)|(?<=\de))-(?=\d)", "\u2212", words)
    return re.sub(r"(?<!\w)x(?=\d)", "\u00d7", words)


def spread(cv: float | None) -> str:
    """'0.7 %'; a constant is '0 %'."""
    if cv is None:
        return ""
    if cv == 0:
        return "0 %"
    return f"{100 * cv:.{_decimals(100 * cv)}f} %" if cv >= 5e-5 else "<0.01 %"


def rate(q: float | None) -> str:
    """A false discovery rate: '0.012', '<0.001'."""
    if q is None:
        return ""
    return "<0.001" if q < 0.001 else f"{q:.3f}" if q < 0.1 else f"{q:.2f}"


def duration(milliseconds: float) -> str:
    """'9 min 12 s', '3.4 s', '2 h 05 min'."""
    seconds = milliseconds / 1000
    if seconds < 10:
        return f"{seconds:.1f} s"
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def finite(value: Any) -> Any:
    """For JSON, which has no numbers that are not finite: they are None."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
