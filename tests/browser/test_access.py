"""What axe-core says of the pages (WCAG 2 A and AA, best practices)."""

from __future__ import annotations

from pathlib import Path

from chrome import Chrome

RULES = """
const [rules] = arguments;
return axe.run({resultTypes: ["violations"], ...rules}).then(found => [
    found.passes.length, found.violations.map(one => [
        one.impact, one.id, one.nodes.length, one.nodes[0].html.slice(0, 200),
        one.nodes[0].failureSummary])]);
"""
#: Of the rows of a table that are of one kind, two are enough.
THIN = """
for (const body of document.querySelectorAll("tbody")) {
    const seen = {};
    for (const row of [...body.rows])
        if ((seen[row.className] = (seen[row.className] ?? 0) + 1) > 2
            && !row.closest(".heat"))
            row.remove();
}
"""
SERIOUS = ("serious", "critical")
#: What of it depends on the colour scheme.
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}


def check(chrome: Chrome, source: str, rules: dict | None = None,
          ) -> list[list]:
    """The serious faults of the page that is open, by these rules or all."""
    chrome.run(source)
    chrome.run(THIN)
    passed, faults = chrome.run(RULES, rules or {})
    assert passed >= (1 if rules else 15), passed
    return [one for one in faults if one[0] in SERIOUS]


def test_axe_sees_a_fault(chrome: Chrome, tmp_path: Path,
                          axe_source: str) -> None:
    path = tmp_path / "page.html"
    path.write_text("<!doctype html><html lang=en><title>x</title><main>"
                    "<h1>x</h1><ul><li>x</ul><img src='data:,'>"
                    "<p>y <input><a href='#'>a</a> <button>b</button>")
    chrome.open(path)
    assert {one[1] for one in check(chrome, axe_source)} == {"image-alt",
                                                            "label"}


def test_nothing_serious(chrome: Chrome, pages: list[Path],
                         axe_source: str) -> None:
    for path in pages:
        chrome.open(path)
        assert check(chrome, axe_source) == [], path


def test_nothing_serious_in_the_dark(chrome: Chrome, pages: list[Path],
                                     axe_source: str) -> None:
    for path in pages:
        chrome.open(path, scheme="dark")
        assert check(chrome, axe_source, COLOURS) == [], path
