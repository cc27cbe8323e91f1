"""Plots by gnuplot, as SVG that is safe and fit to stand inside a page.

gnuplot sees numbers and marks only: names come from studies, packages and
guests, and gnuplot would run what it finds between backquotes.  The marks are
replaced afterwards in the parsed SVG, which is rebuilt (svg.py).  Colours are
marks as well and become the page's CSS variables, so plots follow its light
and dark scheme; ids get the plot's name, so that plots do not disturb each
other.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

from . import svg, text
from .errors import CannotWork

REPORTS = Path(__file__).resolve().parent.parent / "reports"
TIMEOUT_S = 120
NAME_MAX = 30


@dataclass
class Plot:
    """One plot to draw.

    script: a file in reports/; numbers: its variables; files: suffix to rows
    of numbers and marks; texts: mark to what it stands for; label: what a
    screen reader says; classes: see svg.rebuild.
    """

    name: str
    script: str
    label: str
    numbers: dict[str, float | str]
    files: dict[str, list[tuple]]
    texts: dict[str, str] = field(default_factory=dict)
    classes: dict[int | str, str] = field(default_factory=dict)


def points(name: str, label: str, kernels: list[dict], *,
           base: float | None, margin: float) -> Plot:
    """Every boot's value, kernel by kernel.

    kernels: in order, each with title, values, mean, interval (pair or None)
    and note (shown at the right), all in one shown unit; margin is a fraction
    of base, and base None means that percent of it mean nothing.
    """
    ends = [v for k in kernels for v in (*k["values"], k["mean"],
                                         *(k["interval"] or ()))
            if v is not None and math.isfinite(v)]
    # An interval from two boots may be many times as wide as the values.
    values = [v for k in kernels for v in k["values"] if math.isfinite(v)]
    reach = max(max(values) - min(values), abs(max(values)) * 0.004) or 1.0
    low = max(min(ends), min(values) - reach) - reach * 0.06
    high = min(max(ends), max(values) + reach) + reach * 0.06
    texts, means, boots = {}, [], []
    for i, kernel in enumerate(kernels):
        texts[f"@name{i}"] = clip(kernel["title"])
        texts[f"@note{i}"] = kernel["note"]
        if kernel["mean"] is None:
            means.append((f"@name{i}", -i, "NaN", "NaN", "NaN", f"@note{i}"))
        else:
            ends = kernel["interval"] or (kernel["mean"],) * 2
            means.append((f"@name{i}", -i, kernel["mean"],
                          max(ends[0], low), min(ends[1], high),
                          f"@note{i}"))
        boots += [(value, -i + aside(j, len(kernel["values"])))
                  for j, value in enumerate(kernel["values"])
                  if math.isfinite(value)]
    widest = max(len(clip(k["title"])) for k in kernels)
    most = 6 if widest < 20 else 4
    percents = ("" if not base else ", ".join(
        f'"{percent(at)}" {at:g}' for at in ticks(
            100 * (low / base - 1), 100 * (high / base - 1), most)))
    return Plot(name, "points.gp", label, {
        "height": 56 + 32 * len(kernels), "margin": 2 + 0.86 * widest,
        "rows": len(kernels), "low": low, "high": high,
        "base": base or 0, "band": (base or 0) * margin,
        "marks": ", ".join(f'"{at:,.10g}" {at:.10g}'
                           for at in ticks(low, high, most)),
        "percents": percents},
        {"points": boots, "means": means}, texts)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from low to high, about `most` of them."""
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * k for k in (1, 2, 5, 10) if size * k >= rough)
    return [float(f"{i * step:.12g}") for i in range(
        math.ceil(low / step), math.floor(high / step) + 1)]


def log_marks(low: float, high: float) -> str:
    """Ticks of a logarithmic axis, for gnuplot: 1, 2, 5, 10 and so on; powers
    of ten alone over more than five of them."""
    wide = math.log10(high / low) > 5
    found = [k * 10.0 ** power for power in range(
        math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for k in ((1,) if wide else (1, 2, 5))]
    return ", ".join(f'"{at:,.10g}" {at:.10g}' for at in found
                     if low <= at <= high)


def percent(value: float) -> str:
    """A tick's label, which gnuplot takes for a format."""
    return f"{value:+g} %%".replace("-", "\u2212") if value else "0 %%"


def aside(index: int, count: int) -> float:
    """A small step off the line, so that equal boots stay visible."""
    return 0.0 if count < 2 else 0.16 * (1 - 2 * (index % 2)) * (
        0.5 + 0.5 * (index // 2) / ((count + 1) // 2))


def clip(words: str, most: int = NAME_MAX) -> str:
    """Long names keep both ends, which is where they differ."""
    if len(words) <= most:
        return words
    return words[:most // 2 - 1] + "\u2026" + words[-(most // 2):]


def draw(plots: list[Plot]) -> dict[str, str]:
    """Draw all plots with one gnuplot; name to inline SVG.

    Raises CannotWork if gnuplot is missing or does not do it.
    """
    if not plots:
        return {}
    if shutil.which("gnuplot") is None:
        raise CannotWork("gnuplot is missing: install the package "
                         "gnuplot-nox, or run `make setup`")
    with tempfile.TemporaryDirectory(prefix="klab-plots-") as folder:
        _write(Path(folder), plots)
        _gnuplot(folder)
        return {plot.name: _clean(Path(folder, f"{plot.name}.svg"), plot)
                for plot in plots}


def _write(folder: Path, plots: list[Plot]) -> None:
    script = []
    for plot in plots:
        shutil.copy(REPORTS / plot.script, folder)
        values = {"name": plot.name, **plot.numbers}
        script += [f"{key} = {_literal(value)}"
                   for key, value in values.items()]
        script.append(f"load '{plot.script}'")
        for suffix, rows in plot.files.items():
            lines = ["\t".join(map(str, row)) + "\n" for row in rows]
            # gnuplot stops at an empty file (and dies of one without a single
            # label).
            (folder / f"{plot.name}.{suffix}").write_text(
                "".join(lines) or "NaN\tNaN\n")
    (folder / "all.gp").write_text("\n".join(script) + "\n")


def _literal(value: float | str) -> str:
    """Strings are of our own making: no single quotes in them."""
    return f"'{value}'" if isinstance(value, str) else repr(float(value))


def _gnuplot(folder: str) -> None:
    try:
        done = subprocess.run(
            ["gnuplot", "-d", "all.gp"], cwd=folder,
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise CannotWork(f"gnuplot did not end in {TIMEOUT_S} s") from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines()
                 if line.strip()]
        raise CannotWork("gnuplot failed: " + (lines[-1] if lines
                                               else f"{done.returncode}"))


def _clean(path: Path, plot: Plot) -> str:
    try:
        root = ET.parse(path).getroot()
    except (OSError, ET.ParseError) as error:
        raise CannotWork(f"gnuplot drew no usable {plot.name}: "
                         f"{error}") from None
    made = svg.rebuild(root, plot.name, plot.texts, plot.classes)
    made.set("class", "plot")
    made.set("role", "img")
    made.set("aria-label", text.plain(plot.label))
    return ET.tostring(made, encoding="unicode")
