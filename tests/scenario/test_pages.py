"""The page of all studies, by the real analysis."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Iterator

import pytest

import kit

PYTHON = {"KLAB_PYTHON": "/usr/bin/python3"}


@pytest.fixture
def two(folder: Path) -> Iterator[kit.Bench]:
    """A lab with the studies `one` and, newer, `two`."""
    with kit.bench_in(folder) as bench:
        bench.env |= PYTHON
        for name in ("one", "two"):
            done = bench.klab("run", bench.study(name, boots=1))
            assert done.code == kit.DONE, done.err
        yield bench


def links(bench: kit.Bench) -> list[str]:
    page = (bench.lab / "reports/index.html").read_text()
    return re.findall('href="([^"]*)"', page)


def test_a_run_writes_it(two: kit.Bench) -> None:
    assert links(two) == ["two/index.html", "one/index.html"]


def test_report_without_a_study_writes_it_alone(two: kit.Bench) -> None:
    index = two.lab / "reports/index.html"
    index.unlink()
    for name in ("one", "two"):
        (two.lab / f"reports/{name}/index.html").write_text("kept")
    before = two.tree()
    dry = two.klab("report", "--dry-run")
    assert dry.out == f"would write {index}\n" and two.tree() == before
    done = two.klab("report")
    assert done.code == kit.DONE and done.err == ""
    assert done.out == f"{index}\n"
    assert links(two) == ["two/index.html", "one/index.html"]
    assert (two.lab / "reports/one/index.html").read_text() == "kept"
    again = two.klab("report", "--json")
    assert json.loads(again.out) == {"report": str(index)}


def test_force_without_a_study_is_refused(two: kit.Bench) -> None:
    """It has nothing to compare, and must not seem to."""
    before = two.tree()
    for words in (("--force",), ("--force", "--dry-run")):
        done = two.klab("report", *words)
        assert done.code == kit.USER and "name one" in done.one_error()
        assert two.tree() == before
    assert two.klab("report", "--force", "one").code == kit.DONE


def test_report_of_a_study_renews_it(two: kit.Bench) -> None:
    (two.lab / "reports/index.html").unlink()
    assert two.klab("report", "one").out == (
        f"{two.lab}/reports/one/index.html\n")
    assert links(two) == ["two/index.html", "one/index.html"]


def test_gc_keeps_it_until_it_names_what_is_gone(two: kit.Bench) -> None:
    index = two.lab / "reports/index.html"
    assert two.klab("gc").out == "" and index.exists()
    assert f"removed {index}" in two.klab("gc", "--forget=one").out
    assert not index.exists()
    two.klab("report")
    assert links(two) == ["two/index.html"]


def test_there_is_no_lab(folder: Path) -> None:
    with kit.bench_in(folder) as bench:
        done = bench.klab("report")
        assert done.code == kit.USER and "klab run" in done.one_error()
