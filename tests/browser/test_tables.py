"""The tables of results: filtered, sorted, opened."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import samples
from chrome import Chrome
from selenium.webdriver.common.keys import Keys

ROWS = "#results tr[id^=c-]"
#: The rows that are left, as a list of their data- attributes; closed
#: <details> do not matter.
LEFT = f"""
return [...document.querySelectorAll("{ROWS}")].filter(
    row => !row.hidden && !row.closest("[hidden]")).map(
    row => ({{...row.dataset}}));
"""
FILTER = """
const [name, value] = arguments;
const field = document.getElementById("filters").elements[name];
field.value = value;
field.dispatchEvent(new Event("input", {bubbles: true}));
field.dispatchEvent(new Event("change", {bubbles: true}));
"""
#: Stages in a table's order, and their changes as numbers.
ORDER = """
return [...document.querySelectorAll(
    "#c-" + arguments[0] + "-0")].map(row => [...row.parentNode.rows].map(
    row => [Number(row.dataset.stage), parseFloat(row.cells[
        [...row.closest("table").tHead.rows[0].cells].findIndex(
            th => th.textContent === "change")
        ].textContent.replace("\\u2212", "-"))]))[0];
"""


@pytest.fixture(autouse=True)
def page(chrome: Chrome, series: Path) -> None:
    chrome.open(series)


def choose(chrome: Chrome, name: str, value: str) -> list[dict]:
    chrome.run(FILTER, name, value)
    return chrome.run(LEFT)


def test_filter_by_one_thing(chrome: Chrome) -> None:
    for name, value, rows in (
            ("config", "rt", samples.ROWS // 2),
            ("workload", "cyclictest", 4 * samples.STAGES),
            ("verdict", "broken", 8)):
        assert len(chrome.run(LEFT)) == samples.ROWS
        left = choose(chrome, name, value)
        assert {row[name] for row in left} == {value} and len(left) == rows
        assert len(choose(chrome, name, "")) == samples.ROWS


def test_filter_by_text(chrome: Chrome) -> None:
    """A subject, upper case or lower, and what occurs nowhere."""
    left = choose(chrome, "text", "PART 17")
    assert {row["stage"] for row in left} == {"17"} and len(left) == 8
    assert choose(chrome, "text", "no such words") == []
    assert re.search(r"\b0\b|\bno\b|none", chrome.one("#shown").text.lower())


def test_filters_add_up(chrome: Chrome) -> None:
    choose(chrome, "config", "rt")
    left = choose(chrome, "verdict", "regressed")
    assert left and {(row["config"], row["verdict"]) for row in left} == {
        ("rt", "regressed")}
    assert "hackbench" in {row["workload"] for row in left}
    chrome.one("#filters button[type=reset]").click()
    chrome.until(f"return (function () {{ {LEFT} }})().length "
                 f"=== {samples.ROWS}")


def test_number_of_rows_is_announced(chrome: Chrome) -> None:
    shown = chrome.one("#shown")
    assert (shown.tag_name == "output" or shown.get_attribute("role")
            == "status" or shown.get_attribute("aria-live") == "polite")
    for config, rows in (("rt", samples.ROWS // 2), ("", samples.ROWS)):
        choose(chrome, "config", config)
        said = re.findall(r"[\d,]+", shown.text)
        assert f"{rows:,}" in said, shown.text


def test_filters_work_by_keyboard(chrome: Chrome) -> None:
    chrome.run("document.querySelector('#filters [name=text]').focus()")
    chrome.keys(*"part 34")
    chrome.until(f"return (function () {{ {LEFT} }})().length === 8")


def test_a_verdict_at_the_top_shows_its_rows(chrome: Chrome) -> None:
    link = chrome.one("header a[data-verdict=regressed]")
    link.click()
    left = chrome.run(LEFT)
    assert {row["verdict"] for row in left} == {"regressed"}
    assert link.text.split()[1] == str(len(left))


def test_a_click_in_the_heatmap_finds_a_filtered_row(chrome: Chrome) -> None:
    choose(chrome, "text", "no such words")
    link = chrome.one("td.heat[data-stage='30'] a")
    row = link.get_attribute("href").split("#")[1]
    link.click()
    chrome.until("const row = document.getElementById(arguments[0]);"
                 "const box = row.getBoundingClientRect();"
                 "return !row.hidden && box.height > 0 && box.top >= 0"
                 "    && box.bottom <= innerHeight", row)


# ---- sort ----

def test_sort_by_change_and_back(chrome: Chrome) -> None:
    group = chrome.run("return document.querySelector("
                       "'td.heat[data-config=rt][data-workload=hackbench]')"
                       ".dataset.group")
    kernel = chrome.run(ORDER, group)
    assert [stage for stage, _ in kernel] == list(range(samples.STAGES))
    chrome.unfold()
    button = chrome.one(f"details:has(#c-{group}-0) th "
                        "button.sort[data-key=change]")
    seen = {}
    for _ in range(3):
        button.click()
        head = button.find_element("xpath", "./ancestor::th")
        seen[head.get_attribute("aria-sort")] = chrome.run(ORDER, group)
    assert set(seen) == {"ascending", "descending", None} or set(seen) == {
        "ascending", "descending", "none"}
    for word, order in seen.items():
        changes = [change for _, change in order if change is not None]
        assert sorted(map(str, order)) == sorted(map(str, kernel))
        if word == "ascending":
            assert changes == sorted(changes)
        elif word == "descending":
            assert changes == sorted(changes, reverse=True)
        else:
            assert order == kernel


def test_sort_by_keyboard_moves_the_mark(chrome: Chrome) -> None:
    """One column at a time says that it is sorted."""
    chrome.unfold()
    for key in ("change", "mean"):
        chrome.run("document.querySelector(`table.results "
                   "button.sort[data-key=${arguments[0]}]`).focus()", key)
        chrome.keys(Keys.SPACE)
        said = chrome.run("""
            const table = document.querySelector("table.results");
            return [...table.querySelectorAll("th[aria-sort]")].filter(
                th => th.ariaSort !== "none").map(
                th => th.querySelector("button").dataset.key);""")
        assert said == [key]


# ---- reproduce ----

def test_each_row_tells_how_to_repeat_its_boots(chrome: Chrome) -> None:
    rows = chrome.all(ROWS)
    assert len(rows) == samples.ROWS
    told = chrome.run(f"return [...document.querySelectorAll('{ROWS}')].map("
                      "row => [row.dataset.stage, [...row.querySelectorAll("
                      "'details.boots code')].map(e => e.textContent)])")
    for stage, commands in told:
        number = 0 if int(stage) == samples.BROKEN else 3
        assert len(commands) == number, (stage, commands)
        assert all(one.startswith("klab reproduce key-") for one in commands)


def test_boots_of_a_row_open(chrome: Chrome) -> None:
    chrome.unfold()
    boots = "#results tr[data-stage='3'] details.boots"
    chrome.run("document.querySelectorAll(arguments[0]).forEach("
               "one => one.open = false)", boots)
    assert chrome.one(f"{boots} summary").text == "3"
    assert not chrome.shown(f"{boots} code")
    chrome.run("document.querySelector(arguments[0]).focus()",
               f"{boots} summary")
    chrome.keys(Keys.ENTER)
    assert chrome.shown(f"{boots} code")
