"""A page asks for nothing, complains of nothing, and works without scripts."""

from __future__ import annotations

from pathlib import Path

import pytest
from chrome import Chrome
from selenium.webdriver.common.keys import Keys


def test_no_request_and_no_complaint(chrome: Chrome,
                                     pages: list[Path]) -> None:
    """Also while it is used."""
    for path in pages:
        chrome.open(path)
        chrome.unfold()
        for cell in chrome.all("td.heat a, main a")[:3]:
            chrome.hover(cell)
        for button in chrome.all("#theme, button.sort")[:3]:
            button.click()
        for field in chrome.all("input[type=checkbox], summary")[:6]:
            chrome.driver.execute_script("arguments[0].click()", field)
        chrome.keys(Keys.TAB, Keys.ARROW_DOWN)
        assert chrome.requests() == [path.as_uri()]
        assert chrome.complaints() == []


@pytest.mark.parametrize("fragment", ["#%", "#%zz", "#c-0-%"])
def test_an_address_that_decodes_to_nothing(chrome: Chrome, series: Path,
                                            fragment: str) -> None:
    """The scripts go on, those that follow included."""
    chrome.open(series, fragment=fragment)
    assert chrome.complaints() == []
    assert chrome.shown("#filters")


def test_nothing_is_stored(chrome: Chrome, series: Path) -> None:
    chrome.open(series)
    chrome.one("#theme").click()
    assert chrome.run("return [localStorage.length, sessionStorage.length, "
                      "document.cookie]") == [0, 0, ""]
    chrome.open(series)
    assert not chrome.run("return document.documentElement.dataset.theme")


# ---- without scripts ----

@pytest.fixture
def plain(chrome: Chrome, series: Path) -> Chrome:
    """The report in a browser that runs no scripts."""
    chrome.open(series, script=False)
    return chrome


def test_without_scripts_the_heatmap_leads_to_rows(plain: Chrome) -> None:
    link = plain.one("td.heat[data-stage='20'] a")
    link.click()
    row = plain.one(":target")
    plain.until("const box = document.querySelector(':target')"
                ".getBoundingClientRect();"
                "return box.top >= 0 && box.bottom <= innerHeight")
    assert row.get_attribute("data-stage") == "20"
    assert plain.shown(":target")


def test_without_scripts_details_open(plain: Chrome) -> None:
    closed = plain.all("section > details:not([open]) > summary")
    assert closed
    plain.keys(*[Keys.TAB] * 3)
    closed[0].click()
    assert plain.run("return document.querySelectorAll("
                     "'section > details[open]').length") > 0


def test_without_scripts_nothing_dead_is_offered(plain: Chrome) -> None:
    for selector in ("#filters", "#theme", "#tip", "button", "select"):
        assert not plain.shown(selector), selector


def test_without_scripts_every_cell_has_its_words(plain: Chrome) -> None:
    """What the tip says stands in the row, and the cell has a name."""
    assert all(plain.run("return [...document.querySelectorAll('td.heat a')]"
                         ".map(a => a.ariaLabel)"))
    assert "[+" in plain.one("#results tr[data-stage='20'][data-config=rt]"
                             ).get_attribute("textContent")
