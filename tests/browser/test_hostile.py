"""Names, subjects and consoles of a stranger's: shown as text, and no more."""

from __future__ import annotations

from pathlib import Path

import looks
import pytest
import samples
from analysis import text
from chrome import Chrome

#: Text of the page as its reader gets it, without what scripts are fed with.
SAID = """
const page = document.body.cloneNode(true);
page.querySelectorAll("script").forEach(e => e.remove());
return page.textContent;
"""
CONTROLS = set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200f\u061c"
               "\x00\x07\x1b\x7f")


def test_words_are_shown_as_they_are(chrome: Chrome, hostile: Path) -> None:
    """As a subject in the heatmap, whole or shortened; and on a console."""
    chrome.open(hostile)
    subjects = chrome.run("return [...document.querySelectorAll('table.heat "
                          "tbody th')].map(e => e.textContent)")
    consoles = chrome.run("return [...document.querySelectorAll('pre')].map("
                          "e => e.textContent)")
    for word in samples.HOSTILE.values():
        plain = text.plain(word)
        if not any(plain in one for one in subjects):
            cut = next(one for one in subjects
                       if one.split(" ", 1)[-1][:40] in plain)
            assert len(word) > 500 and cut[-1] in ".\u2026", cut
        assert any(text.console(word)[:1000] in one for one in consoles)
    # Long names leave the heatmap a map, and none is over another's place.
    head, *rows = chrome.run(
        "return [...document.querySelectorAll('table.heat thead, "
        "table.heat tbody tr')].map(e => e.getBoundingClientRect().height)")
    assert len(rows) == len(samples.HOSTILE) + 2
    assert max(rows) <= 3 * min(rows) and head < 400, (head, rows)


def test_what_a_tip_says_is_text(chrome: Chrome, hostile: Path) -> None:
    chrome.open(hostile)
    for name in ("tags", "image", "attribute", "script-end"):
        stage = list(samples.HOSTILE).index(name) + 1
        chrome.run("document.querySelector("
                   "`td.heat[data-stage='${arguments[0]}'] a`).focus()", stage)
        chrome.until("return tip.textContent.includes(arguments[0])",
                     text.plain(samples.HOSTILE[name]))
        assert chrome.run("return tip.querySelectorAll('b#own, img, script')"
                          ".length") == 0


def test_nothing_runs_and_nothing_is_asked_for(chrome: Chrome,
                                               hostile_pages: list[Path],
                                               ) -> None:
    """An alert would end the test; a script that the page's policy stopped
    would be on the console."""
    for path in hostile_pages:
        chrome.open(path)
        chrome.unfold()
        chrome.run("""
            for (const element of document.querySelectorAll("body *")) {
                element.dispatchEvent(new MouseEvent("mouseover",
                                                     {bubbles: true}));
                element.focus();
            }""")
        assert chrome.requests() == [path.as_uri()]
        assert chrome.complaints() == []
        # Marks of direction and other controls are shown as a mark.
        assert not set(chrome.run(SAID)) & CONTROLS


def test_the_policy_stops_what_would_get_in(
        chrome: Chrome, pages: list[Path]) -> None:
    """A script and an image, put into the page."""
    for path in pages:
        chrome.open(path)
        chrome.run("""
            const script = document.createElement("script");
            script.textContent = "document.title = 'ran'";
            const image = new Image();
            image.src = "no-such.png";
            document.body.append(script, image);""")
        said = chrome.complaints()
        assert len(said) == 2, said
        assert all("Content Security Policy" in one for one in said)
        assert chrome.driver.title != "ran"


def test_no_element_and_no_attribute_comes_in(
        chrome: Chrome, pages: list[Path],
        hostile_pages: list[Path]) -> None:
    """What the hostile pages are made of is what the other pages are made
    of: no tag, no event handler, no address of another kind."""
    known = set()
    for path in pages:
        chrome.open(path)
        known |= set(chrome.run(looks.SHAPE))
    for path in hostile_pages:
        chrome.open(path)
        strange = set(chrome.run(looks.SHAPE)) - known
        assert not {one for one in strange if " " not in one}, strange
        assert not {one for one in strange if " on" in one}, strange
        assert chrome.all("#own, .own, [own], [autofocus], img") == []
        assert chrome.run(
            "return [...document.querySelectorAll('[href], [src], [action]')]"
            ".map(e => e.href.baseVal ?? e.href).filter("
            "url => !/^(file:|#)/.test(url))") == []


@pytest.mark.parametrize("width", [700, 1280, 1920])
def test_layout_holds(chrome: Chrome, hostile_pages: list[Path],
                      width: int) -> None:
    for path in hostile_pages:
        chrome.open(path, size=(width, 800))
        assert chrome.run(looks.TOO_WIDE) == [], path
        chrome.unfold()
        assert chrome.run(looks.TOO_WIDE) == [], path


def test_filters_take_hostile_choices(chrome: Chrome, hostile: Path) -> None:
    """A config whose name is 10 kB long can be chosen, and finds its rows."""
    chrome.open(hostile)
    found = chrome.run("""
        const field = document.getElementById("filters").elements.config;
        const rows = [...document.querySelectorAll("#results tr[id^=c-]")];
        return [...field.options].slice(1).map(option => {
            field.value = option.value;
            field.dispatchEvent(new Event("input", {bubbles: true}));
            return [
                rows.filter(row => !row.closest("[hidden]")).length,
                rows.filter(row => row.dataset.config === option.value).length,
                rows.length];
        });""")
    assert len(found) == 3
    for left, of_config, all_rows in found:
        assert 0 < left == of_config < all_rows
