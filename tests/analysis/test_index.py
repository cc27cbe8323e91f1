"""The page of all studies: what it says of each, and that nothing in a lab's
database breaks it."""

import html as entities
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from analysis import load, report
from analysis.errors import CannotWork
from analysis.report import index
from labs import LabMaker, simple
from test_report import HOSTILE, Page

ROOT = Path(__file__).resolve().parents[2]


def add_study(db, ident, name, updated, judged=None):
    db.execute("INSERT INTO study VALUES (?,?,'x.yaml','',0,0.01,?,'{}',?)",
               (ident, name, updated, judged))


def add_verdict(db, study, stage, verdict, change=None, metric="time",
                config="default"):
    db.execute(
        "INSERT INTO verdict (study, stage, config, machine, workload, metric,"
        " verdict, change) VALUES (?,?,?,'m','hackbench',?,?,?)",
        (study, stage, config, metric, verdict, change))


def lab_of_three(folder):
    """`demo` with boots, an older one with verdicts, a newer one never
    judged."""
    lab = LabMaker(folder, kernels=())
    lab.stage(0, "base")
    lab.stage(1, "1", title="mm: be slow")
    lab.stage(2, "2", title="mm: boom", key=None, error="x.c:3: no",
              state="broken")
    lab.machine("kvm-2cpu", clock="wall", accel="kvm", vcpus=2)
    lab.metric()
    boot = lab.boot(0, 1, {"time": 1.0}, machine="kvm-2cpu", wall_ms=60_000)
    lab.finding(boot, "oops")
    lab.boot(1, 1, {}, machine="kvm-2cpu", state="bad")
    lab.cell(1, 2, "later", machine="kvm-2cpu")
    add_study(lab.db, 2, "older", "2025-03-01T10:00:00Z",
              "2025-03-01T11:00:00Z")
    add_study(lab.db, 3, "newer", "2026-05-01T10:00:00Z")
    lab.db.execute("INSERT INTO stage VALUES (2, 1, 'v2', NULL, '')")
    for stage, verdict, change in ((0, "baseline", None),
                                   (1, "regressed", 0.031),
                                   (2, "regressed", 0.247),
                                   (3, "improved", -0.5),
                                   (4, "same kernel", None)):
        add_verdict(lab.db, 2, stage, verdict, change)
    return lab.done()


def written(path):
    """The page as text, and parsed."""
    page = report.write_index(path, path.parent / "reports").read_text()
    return page, Page(page)


def rows_of(page):
    """Study to the text of its row, in order."""
    found = {}
    for row in re.findall("<tr>(.*?)</tr>", page, re.S)[1:]:
        words = re.sub(r"\s+", " ", entities.unescape(
            re.sub("<[^>]*>", " ", row))).strip()
        found[words.split()[0]] = words
    return found


def test_newest_first_with_what_the_last_run_stored(tmp_path):
    page, _ = written(lab_of_three(tmp_path))
    rows = rows_of(page)
    assert list(rows) == ["newer", "demo", "older"]
    assert "2 regressed" in rows["older"] and "1 improved" in rows["older"]
    assert "1 same kernel" in rows["older"]
    assert "baseline" not in rows["older"]
    assert ("largest change for the worse: hackbench time +24.7 % at 2"
            in rows["older"])
    assert "2025-03-01 10:00 UTC" in rows["older"]
    assert "never judged" in rows["newer"] and "never judged" in rows["demo"]
    assert "never judged" not in rows["older"]
    assert "0 of 0 ok" in rows["newer"]


def test_a_primary_metric_goes_before_a_larger_secondary_one(tmp_path):
    lab = LabMaker(tmp_path)
    lab.metric("hackbench", "time")
    lab.metric("hackbench", "switches", primary=False)
    add_verdict(lab.db, 1, 0, "regressed", 0.03)
    add_verdict(lab.db, 1, 1, "regressed", 9.5, metric="switches")
    row = rows_of(written(lab.done())[0])["demo"]
    assert "for the worse: hackbench time +3.0 % at old" in row


def test_what_is_derived_from_histograms_is_primary(tmp_path):
    lab = LabMaker(tmp_path)
    lab.metric("hackbench", "time")
    add_verdict(lab.db, 1, 0, "regressed", 0.03)
    add_verdict(lab.db, 1, 1, "regressed", 0.5, metric="exceedances")
    row = rows_of(written(lab.done())[0])["demo"]
    assert "hackbench exceedances +50.0 % at new" in row


def test_boots_clock_and_what_broke(tmp_path):
    row = rows_of(written(lab_of_three(tmp_path))[0])["demo"]
    for words in ("1 of 3 ok", "1 failed", "1 not done", "wall clock (kvm)",
                  "1 min 04 s of host time", "3 stages", "1 finding",
                  "1 kernel not built"):
        assert words in row, words


def test_a_run_after_the_verdicts_is_told(tmp_path):
    path = lab_of_three(tmp_path)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE study SET updated = '2025-03-02T00:00:00Z' "
                   "WHERE id = 2")
    assert "of an earlier run" in rows_of(written(path)[0])["older"]


def test_it_links_pages_that_are_there(tmp_path):
    path = lab_of_three(tmp_path)
    for name in ("older/index.html", "older/history.html"):
        (tmp_path / "reports" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "reports" / name).write_text("x")
    text, page = written(path)
    links = [value for tag, key, value in page.attributes if key == "href"]
    assert links == ["older/index.html", "older/history.html"]
    assert "klab report newer" in rows_of(text)["newer"]
    assert "klab report older" not in rows_of(text)["older"]


@pytest.mark.parametrize("name", ["a b", "100%#?.x", "\u00fc\u202e"])
def test_names_in_links_are_encoded(tmp_path, name):
    path = LabMaker(tmp_path, study=name).done()
    (tmp_path / "reports" / name).mkdir(parents=True)
    (tmp_path / "reports" / name / "index.html").write_text("x")
    _, page = written(path)
    link, = [value for tag, key, value in page.attributes if key == "href"]
    assert re.fullmatch("[A-Za-z0-9._%/-]+", link)
    assert (tmp_path / "reports" / unquote(link)).is_file()


@pytest.mark.parametrize("name", ["..", ".", "", "../x", "a/b", "/etc"])
def test_names_that_leave_the_folder_are_no_links(tmp_path, name):
    path = LabMaker(tmp_path, study=name).done()
    (tmp_path / "index.html").write_text("x")
    _, page = written(path)
    assert "href" not in [key for _, key, _ in page.attributes]


@pytest.mark.parametrize("words", HOSTILE + ("x" * 10_000,), ids=lambda _: "")
def test_hostile_text_stays_text(tmp_path, words):
    lab = LabMaker(tmp_path, study=words, kernels=())
    lab.stage(0, words, title=words)
    lab.machine(words, clock=words, accel=words)
    lab.config(words)
    lab.metric(words, words)
    lab.db.execute("UPDATE study SET updated = ?, judged = ?", (words, words))
    add_verdict(lab.db, 1, 0, "regressed", 0.5, metric=words, config=words)
    add_verdict(lab.db, 1, 1, words)
    lab.boot(0, 1, {}, started=words)
    text, page = written(lab.done())
    assert not set(page.tags) & {"script", "img", "svg", "b", "iframe"}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", text)
    shown = re.sub(r"\s+", " ", "".join(c if c.isprintable() else "?"
                                        for c in words))
    assert page.text.count(shown) >= 4


def test_no_study_is_said(tmp_path):
    lab = LabMaker(tmp_path)
    lab.db.execute("DELETE FROM study")
    _, page = written(lab.done())
    assert "None yet" in page.text and "table" not in page.tags


@pytest.mark.parametrize("damage", [
    "DROP TABLE verdict",
    "DROP TABLE verdict; CREATE TABLE verdict (nonsense)"])
def test_verdicts_that_cannot_be_read(tmp_path, damage):
    path = lab_of_three(tmp_path)
    with sqlite3.connect(path) as db:
        db.executescript(damage)
    rows = rows_of(written(path)[0])
    assert list(rows) == ["newer", "demo", "older"]
    assert "verdicts cannot be read" in rows["older"]
    assert "1 of 3 ok" in rows["demo"]


def test_a_lab_of_an_older_klab(tmp_path):
    """Before verdicts were stored at all."""
    db = sqlite3.connect(tmp_path / "lab.db")
    for name in ("schema.sql", "schema-2.sql"):
        db.executescript((ROOT / "runner/lab" / name).read_text())
    db.execute("INSERT INTO study VALUES (1,'old','x','',0,0.01,"
               "'2024-01-01T00:00:00Z')")
    db.commit()
    rows = rows_of(written(tmp_path / "lab.db")[0])
    assert "verdicts cannot be read" in rows["old"]


@pytest.mark.parametrize("content", [None, b"", b"not a database" * 99])
def test_no_lab(tmp_path, content):
    path = tmp_path / "lab.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CannotWork):
        report.write_index(path, tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_an_old_index_survives_a_failure(tmp_path, monkeypatch):
    path = lab_of_three(tmp_path)
    written(path)
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(
        OSError(28, "No space left on device")))
    before = (tmp_path / "reports/index.html").read_text()
    with pytest.raises(CannotWork, match="No space left"):
        report.write_index(path, tmp_path / "reports")
    assert (tmp_path / "reports/index.html").read_text() == before
    assert [p.name for p in (tmp_path / "reports").iterdir()] == ["index.html"]


def run(*words):
    return subprocess.run([sys.executable, "-m", "analysis", *map(str, words)],
                          cwd=ROOT, text=True, capture_output=True)


def test_a_report_writes_the_index_too(tmp_path):
    path = simple(tmp_path, {"a": [1.0, 2.0]})
    out = tmp_path / "reports" / "demo"
    done = run("report", "--db", path, "--lab", tmp_path, "--study", "demo",
               "--out", out)
    assert done.stdout == f"{out}/index.html\n" and done.stderr == ""
    page = Page((tmp_path / "reports/index.html").read_text())
    assert "demo/index.html" in [value for *_, value in page.attributes]
    back = Page((out / "index.html").read_text())
    assert "../index.html" in [value for *_, value in back.attributes]


def test_without_a_study_the_index_alone(tmp_path):
    path = lab_of_three(tmp_path)
    out = tmp_path / "reports"
    done = run("report", "--db", path, "--lab", tmp_path, "--out", out)
    assert done.returncode == 0 and done.stdout == f"{out}/index.html\n"
    assert [p.name for p in out.iterdir()] == ["index.html"]
    assert out.joinpath("index.html").stat().st_mode & 0o777 == 0o644


def test_it_judges_nothing(tmp_path, monkeypatch):
    """Thousands of studies must not cost a test each."""
    monkeypatch.setattr(load, "load", lambda *_, **__: 1 / 0)
    assert len(index.read(lab_of_three(tmp_path), tmp_path)) == 3
