"""The figures of latencies: a stage against the base, CPUs on demand."""

from __future__ import annotations

from pathlib import Path

import pytest
import samples
from chrome import Chrome

#: What is drawn in a figure: its visible paths, as one text.
DRAWN = """
const figure = document.querySelectorAll("#latency figure")[arguments[0]];
return [...figure.querySelectorAll("svg path, svg polyline, svg polygon")]
    .filter(e => e.checkVisibility({visibilityProperty: true,
                                    opacityProperty: true}))
    .map(e => e.getAttribute("d") || e.getAttribute("points"));
"""


@pytest.mark.parametrize("script", [True, False])
def test_cpus_on_demand(chrome: Chrome, series: Path, script: bool) -> None:
    """Also without scripts; one figure's box is not another's."""
    chrome.open(series, script=script)
    boxes = chrome.all("#latency input.per-cpu")
    assert len(boxes) == len(samples.CONFIGS)
    before = [chrome.run(DRAWN, at) for at in (0, 1)]
    boxes[0].click()
    after = [chrome.run(DRAWN, at) for at in (0, 1)]
    assert len(after[0]) > len(before[0]) and after[1] == before[1]
    boxes[0].click()
    assert chrome.run(DRAWN, 0) == before[0]


def test_any_stage_against_the_base(chrome: Chrome, series: Path) -> None:
    chrome.open(series)
    pick = chrome.one("#latency select.stage-pick")
    stages = chrome.run("return [...document.querySelector("
                        "'#latency select.stage-pick').options].map("
                        "one => one.value)")
    assert len(stages) >= 2
    seen = set()
    for value in stages[:3]:
        chrome.run("const pick = document.querySelector("
                   "'#latency select.stage-pick');"
                   "pick.value = arguments[0];"
                   "pick.dispatchEvent(new Event('input', {bubbles: true}));"
                   "pick.dispatchEvent(new Event('change', {bubbles: true}))",
                   value)
        seen.add(str(chrome.run(DRAWN, 0)))
        words = chrome.one("#latency figure").text
        assert pick.is_displayed() and words
    assert len(seen) == len(stages[:3])
