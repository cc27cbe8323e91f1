"""The kit itself: it sees what it is to look for."""

from __future__ import annotations

from pathlib import Path

import looks
import pytest
from chrome import Chrome

#: Texts on a ground, and whether they are to be found faint.
INKS = [("#767676", "#fff", False), ("#787878", "#fff", True),
        ("#000", "#222", True), ("rgba(0, 0, 0, .4)", "#fff", True)]


def write(folder: Path, body: str) -> Path:
    path = folder / "page.html"
    path.write_text("<!doctype html><title>x</title><body>" + body)
    return path


@pytest.mark.parametrize("ink, ground, faint", INKS)
def test_faint_text_is_seen(chrome: Chrome, tmp_path: Path, ink: str,
                            ground: str, faint: bool) -> None:
    chrome.open(write(tmp_path, f"<p style='background:{ground}'>"
                                f"<b style='color:{ink}'>words</b>"))
    assert bool(chrome.run(looks.FAINT)) == faint


def test_faint_text_of_a_drawing_is_seen(chrome: Chrome,
                                         tmp_path: Path) -> None:
    chrome.open(write(tmp_path, "<svg><text y=9 fill='#eee'>words</text>"
                                "<text y=9>more</text></svg>"))
    assert [one[1] for one in chrome.run(looks.FAINT)] == ["words"]


def test_what_is_too_wide_is_seen(chrome: Chrome, tmp_path: Path) -> None:
    long = "x" * 999
    chrome.open(write(tmp_path, f"<pre style='overflow:auto'>{long}</pre>"))
    assert chrome.run(looks.TOO_WIDE) == []
    assert len(chrome.run(looks.TOO_WIDE, True)) == 1
    chrome.open(write(tmp_path, f"<p>{long}"))
    assert len(chrome.run(looks.TOO_WIDE)) == 2


def test_requests_and_complaints_are_seen(chrome: Chrome,
                                          tmp_path: Path) -> None:
    path = write(tmp_path, "<script>console.warn('careful')</script>"
                           "<img src=no-such.png>")
    chrome.open(path)
    assert chrome.requests() == [path.as_uri(),
                                 (tmp_path / "no-such.png").as_uri()]
    said = chrome.complaints()
    assert len(said) == 2 and any("careful" in one for one in said)


def test_without_scripts_none_runs(chrome: Chrome, tmp_path: Path) -> None:
    path = write(tmp_path, "<script>document.title = 'ran'</script>")
    chrome.open(path)
    assert chrome.driver.title == "ran"
    chrome.open(path, script=False)
    assert chrome.driver.title == "x"
