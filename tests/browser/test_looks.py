"""Light, dark, paper, narrow and wide."""

from __future__ import annotations

from pathlib import Path

import looks
import pytest
from chrome import Chrome

#: A4 within margins of 12 and 11 mm (page.css), in pixels of CSS.
PAPER = (710, 1031)
COLOURS = """
const found = {};
for (const selector of ["body", "main", "h2", "td.heat a", "#results th"]) {
    const style = getComputedStyle(document.querySelector(selector));
    found[selector] = style.color + style.backgroundColor;
}
return found;
"""
#: How light the page is, 0 to 255.
GROUND = """
for (let e = document.querySelector("main"); e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor.match(/[\\d.]+/g)
        .map(Number);
    if (c.length < 4 || c[3] > 0)
        return (c[0] + c[1] + c[2]) / 3;
}
return 255;
"""


def test_dark_follows_the_system(chrome: Chrome, series: Path) -> None:
    chrome.open(series)
    light = chrome.run(COLOURS)
    assert chrome.run(GROUND) > 200
    chrome.media("dark")
    dark = chrome.run(COLOURS)
    assert chrome.run(GROUND) < 60
    assert all(light[name] != dark[name] for name in ("body", "h2")), dark


@pytest.mark.parametrize("scheme, other", [("light", "dark"),
                                           ("dark", "light")])
def test_the_switch_is_stronger_than_the_system(
        chrome: Chrome, series: Path, scheme: str, other: str) -> None:
    chrome.open(series, scheme=other)
    wanted = chrome.run(COLOURS)
    chrome.open(series, scheme=scheme)
    before = chrome.run(COLOURS)
    chrome.one("button#theme").click()
    assert chrome.run("return document.documentElement.dataset.theme") == other
    assert chrome.run(COLOURS) == wanted
    chrome.one("button#theme").click()
    assert chrome.run(COLOURS) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_ground(chrome: Chrome, pages: list[Path],
                                         scheme: str) -> None:
    for path in pages:
        chrome.open(path, scheme=scheme)
        chrome.unfold()
        assert chrome.run(looks.FAINT) == [], path


@pytest.mark.parametrize("width", [700, 1280, 1920])
def test_no_page_is_wider_than_its_window(chrome: Chrome, pages: list[Path],
                                          width: int) -> None:
    for path in pages:
        chrome.open(path, size=(width, 800))
        chrome.unfold()
        assert chrome.run(looks.TOO_WIDE) == [], path


def test_paper_has_all_and_cuts_nothing(chrome: Chrome,
                                        pages: list[Path]) -> None:
    """Closed parts are printed, but for long lists and the boots of a row;
    nothing is beyond the edge, and what only a mouse can use is not there; on
    white, whatever the screen is."""
    for path in pages:
        chrome.open(path, size=PAPER, scheme="dark")
        chrome.media("dark", "print")
        chrome.run("dispatchEvent(new Event('beforeprint'))")
        assert chrome.run(looks.TOO_WIDE, True) == [], path
        assert chrome.run(GROUND) == 255
        assert chrome.run(looks.FAINT) == []
        hidden = chrome.run(
            "return [...document.querySelectorAll("
            "'details > :not(summary)')].filter(e => !e.checkVisibility() "
            "&& !e.closest('.boots, .long')).map("
            "e => e.outerHTML.slice(0, 80))")
        assert hidden == [], path
        for selector in ("#filters", "#theme", "#tip", ".long summary"):
            assert not chrome.shown(selector), (selector, path)


def test_it_prints(chrome: Chrome, series: Path) -> None:
    chrome.open(series)
    answer = chrome.cdp("Page.printToPDF", preferCSSPageSize=True)
    assert answer["data"].startswith("JVBERi0")  # %PDF-
