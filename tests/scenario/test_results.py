"""From boots to verdicts and the page, with the real analysis."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Iterator

import pytest

import kit

PYTHON = {"KLAB_PYTHON": "/usr/bin/python3"}
HOSTILE = "<script>alert('stage')</script>&\"'"


class Tags(HTMLParser):
    """Collects tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str,
                        attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kit.Bench]:
    """A lab with a base, a kernel that is 20 % slower, one that panics and is
    called what HTML must not see, and one that there is not."""
    folder = tmp_path_factory.mktemp("results")
    with kit.bench_in(folder) as bench:
        bench.env |= PYTHON
        bench.kernel("base")
        bench.kernel("slow", "6.1.0-slow20")
        bench.kernel("panics", "6.1.0-bad")
        bench.write("none", "no kernel")
        bench.write("s.yaml", f"""study: s
source:
  image:
    - base
    - slow
    - {{ path: panics, name: {json.dumps(HOSTILE)} }}
    - {{ path: none, name: "<b>none</b>" }}
machines: [icount-2cpu]
workloads:
  - hackbench-threads
  - cyclictest: {{ load: hackbench }}
boots: 5
""")
        bench.result = bench.klab("run", bench.dir / "s.yaml",
                                  play="/bad=panic")
        yield bench


def test_run_prints_table_and_page(measured: kit.Bench) -> None:
    result = measured.result
    # The study asks for an image that is none, which outranks the panics.
    assert result.code == kit.USER
    assert "hackbench-threads" in result.out
    page = measured.lab / "reports/s/index.html"
    assert result.out.splitlines()[-1] == f"report: {page}"
    assert page.exists()
    assert "klab: " not in result.out


def test_regression_gives_1(measured: kit.Bench) -> None:
    result = measured.klab("compare", "s")
    assert result.code == kit.CHANGED
    assert result.err == ""
    assert "+20" in result.out or "20.0" in result.out
    assert measured.klab("compare", "--base=slow", "s").code in (
        kit.DONE, kit.CHANGED)


def test_compare_json(measured: kit.Bench) -> None:
    result = measured.klab("compare", "--json", "s")
    assert result.code == kit.CHANGED
    assert json.loads(result.out)
    json.loads(measured.klab("compare", "--json", "--metric=time", "s").out)


def test_compare_knows_no_such(measured: kit.Bench) -> None:
    for option in ("--base=nope", "--base=99", "--metric=nope"):
        result = measured.klab("compare", option, "s")
        assert result.code == kit.USER
        assert "nope" in result.one_error() or "99" in result.one_error()
        assert result.out == ""


def test_report_escapes(measured: kit.Bench) -> None:
    page = (measured.lab / "reports/s/index.html").read_text()
    tags = Tags()
    tags.feed(page)
    assert "alert('stage')</script>" not in page
    assert "alert(1)</script>" not in page         # from the console
    assert "<b>none" not in page and "<b>Fatal" not in page
    assert "&lt;script&gt;alert" in page           # but it is shown
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    # One file that needs no other.
    assert not [value for name, value in tags.attributes
                if name in ("src", "href") and value
                and value.startswith(("http", "//", "file"))]


def test_report_again(measured: kit.Bench) -> None:
    result = measured.klab("report", "s")
    assert result.code in (kit.DONE, kit.CHANGED)
    assert result.out == f"{measured.lab}/reports/s/index.html\n"


@pytest.mark.parametrize("words", [["compare", "s"], ["compare", "--json", "s"],
                                   ["report", "s"]], ids=" ".join)
def test_stdout_is_full(measured: kit.Bench, words: list[str]) -> None:
    with open("/dev/full", "w") as full:
        result = measured.klab(*words, stdout=full)
    assert result.code == kit.LAB
    assert "Traceback" not in result.err
    assert "cannot write" in result.one_error()


def test_nothing_changed(folder: Path) -> None:
    with kit.bench_in(folder) as bench:
        study = bench.study(boots=4, kernels=["k1", "k2"])
        result = bench.klab("run", study, env=PYTHON)
        assert result.code == kit.DONE, result.err
        assert json.loads(bench.klab("run", "--json", study,
                                     env=PYTHON).out)


def test_nothing_measured(folder: Path) -> None:
    """A study of which no boot is good still has a table and a page."""
    with kit.bench_in(folder) as bench:
        bench.klab("run", bench.study(boots=2), play="panic")
        for verb in ("compare", "report"):
            result = bench.klab(verb, "s", env=PYTHON)
            assert result.code in (kit.DONE, kit.CHANGED), result.err
            assert "Traceback" not in result.err
