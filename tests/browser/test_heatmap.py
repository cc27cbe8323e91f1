"""The heatmap: from a cell to its row, by mouse and by keyboard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import samples
from chrome import Chrome
from selenium.webdriver.common.keys import Keys

CELL = "td.heat[data-config='{}'][data-workload='{}'][data-stage='{}']"


def cell(config: str, workload: str, stage: int) -> str:
    return CELL.format(config, workload, stage)


#: The focused cell, as [config, workload, stage].
FOCUSED = """
const cell = document.activeElement.closest("td.heat");
return cell && [cell.dataset.config, cell.dataset.workload,
                Number(cell.dataset.stage)];
"""
#: Is the row that the address names in the window, and open?
IN_SIGHT = """
const row = document.getElementById(location.hash.slice(1));
const box = row && row.getBoundingClientRect();
return box && box.height > 0 && row.checkVisibility() && box.top >= 0
    && box.bottom <= innerHeight;
"""
#: How element arguments[0] looks, as far as a highlight goes.
LOOK = """
const look = e => ["backgroundColor", "outlineStyle", "boxShadow"].map(
    name => getComputedStyle(e)[name]).join();
const row = document.getElementById(arguments[0]);
return [row, ...row.cells].map(look).join();
"""


@pytest.fixture(autouse=True)
def page(chrome: Chrome, series: Path) -> None:
    chrome.open(series)


def test_every_stage_is_a_row_with_its_subject(chrome: Chrome) -> None:
    rows = chrome.run("return [...document.querySelectorAll('table.heat "
                      "tbody th[scope=row]')].map(e => e.textContent)")
    assert len(rows) == samples.STAGES
    for stage in range(1, samples.STAGES):
        assert samples.title(stage) in rows[stage], stage
    assert len(chrome.all("td.heat")) == samples.STAGES * len(
        samples.CONFIGS) * sum(samples.PRIMARY.values())


def test_cells_say_what_they_are_without_colour(chrome: Chrome) -> None:
    seen = {name: chrome.one(cell("rt", "hackbench", stage)).text
            for name, stage in (("broken", samples.BROKEN),
                                ("same", samples.SAME),
                                ("slower", samples.SLOWER_ON_RT),
                                ("calm", 1))}
    assert len(set(seen.values())) == 4 and all(seen.values()), seen
    grounds = {name: chrome.run(
        "return getComputedStyle(document.querySelector(arguments[0]))"
        ".backgroundColor", cell("rt", "hackbench", stage))
        for name, stage in (("broken", samples.BROKEN),
                            ("same", samples.SAME),
                            ("slower", samples.SLOWER_ON_RT), ("calm", 1))}
    assert len(set(grounds.values())) == 4, grounds


def test_click_goes_to_the_row_and_marks_it(chrome: Chrome) -> None:
    target = chrome.one(cell("rt", "hackbench", 20) + " a")
    row = target.get_attribute("href").split("#")[1]
    before = chrome.run(LOOK, row)
    target.click()
    chrome.until(IN_SIGHT)
    assert chrome.run("return location.hash") == f"#{row}"
    assert chrome.run(LOOK, row) != before
    assert chrome.one(f"#{row}").get_attribute("data-stage") == "20"
    assert chrome.one(f"#{row}").get_attribute("data-config") == "rt"


def test_click_opens_what_hides_the_row(chrome: Chrome) -> None:
    """A fold that its reader has closed, if it was not."""
    chrome.run("document.querySelectorAll('#results details').forEach("
               "fold => fold.open = false)")
    link = chrome.one(cell("nort", "hackbench", 30) + " a")
    assert not chrome.shown("#" + link.get_attribute("href").split("#")[1])
    link.click()
    chrome.until(IN_SIGHT)


def test_address_with_a_row_opens_at_it(chrome: Chrome, series: Path) -> None:
    row = chrome.run("return document.querySelector(arguments[0] + ' a').hash",
                     cell("rt", "cyclictest", 33))
    chrome.open(series, fragment=row)
    chrome.until(IN_SIGHT)


def test_keyboard_walks_the_cells(chrome: Chrome) -> None:
    """The first tab offers to skip what is above the heatmap."""
    chrome.keys(Keys.TAB, Keys.ENTER, Keys.TAB)
    first = chrome.run(FOCUSED)
    assert first and first[2] == 0
    chrome.keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert chrome.run(FOCUSED) == [*first[:2], 2]
    chrome.keys(Keys.ARROW_RIGHT)
    aside = chrome.run(FOCUSED)
    assert aside[2] == 2 and aside[:2] != first[:2]
    chrome.keys(Keys.ARROW_LEFT, Keys.ARROW_UP)
    assert chrome.run(FOCUSED) == [*first[:2], 1]
    chrome.keys(Keys.ENTER)
    chrome.until(IN_SIGHT)
    assert chrome.run("return document.querySelector(location.hash)"
                      ".dataset.stage") == "1"


def test_the_whole_map_fits_a_laptop(chrome: Chrome) -> None:
    """36 rows and their head, where the page's own link leads."""
    chrome.one("nav a[href='#heatmap']").click()
    boxes = chrome.until("""
        const nav = document.querySelector("nav").getBoundingClientRect();
        const tables = [...document.querySelectorAll("table.heat")].map(
            table => table.getBoundingClientRect());
        return scrollY > 0 && tables.map(box => [
            box.top - nav.bottom, innerHeight - box.bottom,
            innerWidth - box.right]);
        """)
    assert len(boxes) == 1 and min(boxes[0]) >= 0, boxes


# ---- the tooltip ----

@pytest.mark.parametrize("how", ["hover", "focus"])
def test_tip_says_what_is_behind_a_cell(chrome: Chrome, how: str) -> None:
    where = cell("rt", "hackbench", samples.SLOWER_ON_RT)
    assert not chrome.shown("#tip")
    if how == "hover":
        chrome.hover(chrome.one(where))
    else:
        chrome.run("document.querySelector(arguments[0] + ' a').focus()",
                   where)
    chrome.until("return tip.checkVisibility()")
    said = chrome.one("#tip").text
    link = chrome.one(where + " a").get_attribute("href").split("#")[1]
    assert "regressed" in said and samples.title(20) in said
    # What the row of the table says, the tip says too.
    values = chrome.run(
        "const row = document.getElementById(arguments[0]);"
        "const at = [...row.closest('table').tHead.rows[0].cells].map("
        "th => th.textContent);"
        "return ['mean', 'change', '95 % interval', 'q'].map("
        "name => row.cells[at.indexOf(name)].textContent)", link)
    for value in values:
        assert value and value in said, (value, said)
    assert re.search(r"boots 3\b|\b3 boots", said)
    box = chrome.run("const b = tip.getBoundingClientRect();"
                     "return [b.left, b.top, b.right, b.bottom]")
    assert box[0] >= 0 and box[1] >= 0 and box[2] <= 1280 and box[3] <= 800


def test_escape_hides_the_tip(chrome: Chrome) -> None:
    chrome.hover(chrome.one(cell("rt", "hackbench", 20)))
    chrome.until("return tip.checkVisibility()")
    chrome.keys(Keys.ESCAPE)
    chrome.until("return !tip.checkVisibility()")


def test_tip_goes_with_the_mouse(chrome: Chrome) -> None:
    chrome.hover(chrome.one(cell("rt", "hackbench", 20)))
    chrome.until("return tip.checkVisibility()")
    chrome.hover(chrome.one("h1"))
    chrome.until("return !tip.checkVisibility()")


def test_tip_describes_the_focused_cell(chrome: Chrome) -> None:
    chrome.run("document.querySelector(arguments[0] + ' a').focus()",
               cell("rt", "hackbench", 20))
    chrome.until("return tip.checkVisibility()")
    assert chrome.run("return document.activeElement.getAttribute("
                      "'aria-describedby')") == "tip"
    assert chrome.one("#tip").get_attribute("role") == "tooltip"
