"""The page of a bisect: klab bisect writes it at its end, klab report again,
and what was found does not hang on it."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import kit
from test_bisect import BROKEN, METRIC, SIX, Hunt, hunt  # noqa: F401
from test_rounds import REAL
from test_verbs import fake_python


def page_of(run: kit.Result) -> Path:
    """The page whose path was told."""
    path, = re.findall("^report: (.*)$", run.err, re.M)
    return Path(path)


def words_of(path: Path) -> str:
    """A page's text, without its tags."""
    return re.sub(r"\s+", " ", re.sub("<(style|script).*?</|<[^>]*>", " ",
                                      path.read_text(), flags=re.S))


def test_page_and_lists(hunt: Hunt) -> None:  # noqa: F811
    """The page, a line in the study's report and one in the index, where the
    bisect's own studies are not; JSON stays alone on stdout."""
    hunt.series.tag("s1")
    hunt.series.edit("mm: <guilty>", '#define OPTION ""',
                     '#define OPTION "-slow9"', "mm/slub.h")
    study = hunt.patches("s3", "s4")
    assert hunt.bench.klab("run", study, env=REAL).code in (0, 1)
    run = hunt.bisect("--json", study, "--metric", METRIC, env=REAL)
    name = json.loads(run.out)["name"]
    path = page_of(run)
    assert path == hunt.bench.lab / f"reports/{name}/index.html"
    page = words_of(path)
    assert "Patch 2 (mm: &lt;guilty&gt;) is to blame" in page
    assert "The bad end without it is cured" in page
    assert '+#define OPTION "-slow9"' in page.replace("&#34;", '"')
    assert len(re.findall("klab reproduce [0-9a-f]{16}", page)) \
        == len([line for line in hunt.record()
                if line["t"] != "setup" and line.get("boot")])
    index = words_of(hunt.bench.lab / "reports/index.html")
    assert "1 study" in index and f"{name} " in index
    assert f"{name}-undo" not in index
    report = hunt.bench.klab("report", "s", env=REAL)
    told = Path(report.out.strip()).read_text()
    assert f'href="../{name}/index.html"' in told
    assert "is to blame" in told
    path.unlink()
    assert hunt.bench.klab("report", name, env=REAL).out == f"{path}\n"
    assert words_of(path).partition("Written")[0] \
        == page.partition("Written")[0]
    undo = hunt.bench.klab("report", f"{name}-undo", env=REAL)
    assert undo.code == kit.USER
    assert f"`klab report {name}` shows them" in undo.one_error()


def test_studies_of_judge_are_not_listed(hunt: Hunt) -> None:  # noqa: F811
    """But one of the user's that is only called so is."""
    study = hunt.patches("s1")
    linux = hunt.bench.dir / "linux"
    assert hunt.bench.klab("run", hunt.study(name="my-judge"),
                           env=REAL).code == kit.DONE
    assert hunt.bench.klab("judge", study, "--broken=build",
                           cwd=linux).code == 0
    assert hunt.bench.klab("report", env=REAL).code == kit.DONE
    index = words_of(hunt.bench.lab / "reports/index.html")
    assert "my-judge" in index and " s-judge" not in index


def test_page_that_fails_loses_nothing(hunt: Hunt) -> None:  # noqa: F811
    study = hunt.patches(*SIX, *BROKEN)
    env = fake_python(hunt.bench, "echo 'klab: no template' >&2; exit 4\n")
    run = hunt.bisect(study, "--broken=panic", play="/bad=panic", env=env)
    assert run.out.startswith("patch 7: mm: tag bad7")
    assert run.one_error() == "klab: no template"
    assert "report: " not in run.err
    env = fake_python(hunt.bench, "exit 77\n")
    again = hunt.bisect(study, "--broken=panic", env=env)
    assert again.out == run.out
    assert "the analysis ended with" in again.one_error()


def test_page_of_what_was_refused(hunt: Hunt) -> None:  # noqa: F811
    study = hunt.patches(*SIX)
    run = hunt.bisect(study, "--metric", METRIC, code=kit.USER, env=REAL)
    assert "the ends do not differ enough" in run.one_error()
    assert "The ends do not differ enough: " in words_of(page_of(run))


def test_no_page_where_nothing_is_recorded(hunt: Hunt) -> None:  # noqa: F811
    """The end does not build: there is no search to show."""
    hunt.series.bad_code()
    study = hunt.patches("s2")
    run = hunt.bisect(study, "--metric", METRIC, code=kit.KERNEL, env=REAL)
    assert "report: " not in run.err
    name, = (path.name for path in hunt.bench.lab.glob("bisects/*"))
    report = hunt.bench.klab("report", name, env=REAL)
    assert report.code == kit.USER
    assert "is empty: the bisect was refused" in report.one_error()
    assert hunt.bench.klab("report", env=REAL).code == kit.DONE
    assert f"{name} " in words_of(hunt.bench.lab / "reports/index.html")


def test_page_of_what_was_interrupted(hunt: Hunt) -> None:  # noqa: F811
    """It is written when it is asked for, and says how far it came."""
    study = hunt.patches(*SIX, *BROKEN)
    events = hunt.bench.events()
    hunt.bench.gate().open(2)
    running = hunt.bench.start("bisect", "-j2", study, "--broken=panic",
                               play="/bad=panic 1=gate", env=REAL)
    for _ in range(3):
        events.next()
    running.signal(signal.SIGINT)
    ended = running.finish()
    assert ended.code == kit.INTERRUPTED and "report: " not in ended.err
    name, = (path.name for path in hunt.bench.lab.glob("bisects/*"))
    report = hunt.bench.klab("report", name, env=REAL)
    assert report.code == kit.DONE, report.err
    page = words_of(Path(report.out.strip()))
    assert "Not ended: it is at work, or was interrupted" in page
    assert "to know the end" in page
