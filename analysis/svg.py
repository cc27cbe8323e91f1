"""What gnuplot drew, made safe and small enough to stand inside a page.

Rebuilt from a list of allowed elements and attributes, with the marks of the
scripts replaced.  Most of what gnuplot writes is repetition: a group around
every path, a symbol per point, two decimals.  Here filled points of one colour
are one path of dots, and paths are relative, to a tenth of a pixel.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Iterator

#: The marks of the scripts and the CSS variables that they stand for.
COLOURS = {1: "--plot-ink", 2: "--plot-faint", 3: "--plot-grid",
           4: "--plot-base", 5: "--plot-band", 6: "--plot-accent",
           7: "--plot-warn", 8: "--plot-pale", 9: "--sheet",
           **{11 + i: f"--config-{i}" for i in range(6)}}
ELEMENTS = {"svg", "g", "path", "text", "use", "circle", "rect", "defs",
            "polygon"}
ATTRIBUTES = {"viewBox", "fill", "stroke", "color", "stroke-width",
              "stroke-linecap", "stroke-linejoin", "stroke-dasharray",
              "fill-opacity", "transform", "font-size", "text-anchor", "d",
              "points", "x", "y", "width", "height", "cx", "cy", "r", "id",
              "href"}
#: What all groups of gnuplot's say, and what holds anyway.
USUAL = {("stroke-linecap", "butt"), ("stroke-linejoin", "miter"),
         ("color", "black")}
#: gnuplot's filled circle (pointtype 7), and its width at scale 1 with its
#: outline.
DOT, DOT_WIDTH = "gpPt6", 2.222


def rebuild(root: ET.Element, name: str, texts: dict[str, str],
            classes: dict[int | str, str]) -> ET.Element:
    """A copy of allowed elements only.

    name becomes part of every id; texts: mark to words; classes: the number of
    a plot (from 1) to the class of its shapes, which then leave their looks to
    the page, or the mark of a text to its class.
    """
    svg = _copy(root, name, texts, classes)
    _merge(svg)
    _drop_symbols(svg)
    _prune(svg)
    return svg


def _drop_symbols(svg: ET.Element) -> None:
    """Those that nothing refers to; some are made of others."""
    symbols = [(parent, child) for parent in svg.iter("defs")
               for child in parent]
    inside = {child for _, child in symbols}
    used = {node.get("href", "")[1:] for node in svg.iter("use")
            if node not in inside}
    for _, child in reversed(symbols):
        if child.get("id") in used and child.tag == "use":
            used.add(child.get("href", "")[1:])
    for parent, child in symbols:
        if child.get("id") not in used:
            parent.remove(child)


def _copy(node: ET.Element, name: str, texts: dict[str, str],
          classes: dict[int | str, str]) -> ET.Element:
    tag = node.tag.rpartition("}")[2]
    made = ET.Element(tag)
    for key, value in node.attrib.items():
        key, value = key.rpartition("}")[2], " ".join(value.split())
        if key in ATTRIBUTES and (key, value) not in USUAL and not (
                key == "id" and tag == "g"):
            made.set(key, _value(key, value, name))
    if tag == "text":
        words = (node.text or "").strip()
        made.text = texts.get(words, words)
        if words in classes:
            made.set("class", classes[words])
    found = re.fullmatch(r".*_plot_(\d+)", node.get("id", ""))
    if found and int(found[1]) in classes:
        made.extend(_shapes(node, classes[int(found[1])]))
        return made
    for child in node:
        if child.tag.rpartition("}")[2] in ELEMENTS:
            made.append(_copy(child, name, texts, classes))
    return made


def _shapes(node: ET.Element, name: str) -> Iterator[ET.Element]:
    """The bare outlines below an element."""
    for one in node.iter():
        tag = one.tag.rpartition("}")[2]
        if tag == "path":
            yield ET.Element("path", {"class": name, "d": shorten(one.get(
                "d", ""))})
        elif tag == "polygon":
            yield ET.Element("polygon", {
                "class": name, "points": _tenths(one.get("points", ""))})


def _value(key: str, value: str, name: str) -> str:
    if key in ("fill", "stroke", "color"):
        found = re.fullmatch(r"rgb\( ?0, ?0, ?(\d+)\)", value)
        if found and int(found[1]) in COLOURS:
            return f"var({COLOURS[int(found[1])]})"
    if key == "d":
        return shorten(value)
    if key == "points":
        return _tenths(value)
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return f"#{name}-{value.lstrip('#')}"
    return value


def _tenths(words: str) -> str:
    return re.sub(r"-?\d+\.\d+", lambda m: _short(float(m[0])), words)


def _short(value: float) -> str:
    found = f"{value:.1f}"
    return found[:-2] if found.endswith(".0") else found


def shorten(path: str) -> str:
    """A path of moves and lines with relative steps, to a tenth of a pixel;
    any other path as it is."""
    found = re.findall(r"([A-Za-z])\s*([^A-Za-z]*)", path)
    if not found or any(kind not in "MLZ" for kind, _ in found):
        return path
    made, start, at = [], (0, 0), (0, 0)
    for kind, where in found:
        if kind == "Z":
            made.append("z")
            at = start
            continue
        # In tenths, from the place that the last step came to: no error adds
        # up.
        to = tuple(round(10 * float(n)) for n in re.split("[ ,]+",
                                                          where.strip()))
        step = to[0] - at[0], to[1] - at[1]
        if kind == "M":
            made.append(f"M{_short(to[0] / 10)} {_short(to[1] / 10)}")
            start = to
        elif step[1] == 0:
            made += [f"h{_short(step[0] / 10)}"] if step[0] else []
        elif step[0] == 0:
            made.append(f"v{_short(step[1] / 10)}")
        else:
            made.append(f"l{_short(step[0] / 10)} {_short(step[1] / 10)}")
        at = to
    return "".join(made)


def _merge(node: ET.Element) -> None:
    """Filled points that follow each other become one path of dots."""
    last: tuple | None = None
    for child in list(node):
        _merge(child)
        key = _dot(child)
        if key is None:
            last = None
            continue
        x, y, size, colour = key
        if last is not None and last[1:] == (size, colour):
            last[0].set("d", f"{last[0].get('d')}M{x} {y}h0")
            node.remove(child)
            continue
        path = ET.Element("path", {
            "stroke": colour, "fill": "none", "stroke-linecap": "round",
            "stroke-width": _short(DOT_WIDTH * size),
            "d": f"M{x} {y}h0"})
        node[list(node).index(child)] = path
        last = path, size, colour


def _dot(node: ET.Element) -> tuple[str, str, float, str] | None:
    """x, y, size and colour of a filled point; None if it is not one."""
    if node.tag != "use" or not node.get("href", "").endswith(f"-{DOT}"):
        return None
    found = re.fullmatch(r"translate\(([\d.-]+),([\d.-]+)\) "
                         r"scale\(([\d.]+)\)", node.get("transform", ""))
    if not found:
        return None
    return (_short(float(found[1])), _short(float(found[2])),
            float(found[3]), node.get("color", "none"))


def _prune(node: ET.Element) -> None:
    """Drop groups and texts that draw nothing: half of what gnuplot writes."""
    for child in list(node):
        _prune(child)
        if child.tag in ("g", "defs") and len(child) == 0 \
                or child.tag == "text" and not child.text:
            node.remove(child)
