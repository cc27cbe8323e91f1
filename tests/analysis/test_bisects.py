"""Pages and lists of bisects: what they say of a record, and that no record
breaks them."""

import json
import random
import re
import shutil
import sqlite3

import pytest

from analysis import bisect_words, bisects, report
from analysis.__main__ import main
from analysis.errors import BadRequest
from analysis.report import bisect_list, posterior
from labs import LabMaker
from searches import BAD, GOOD, NAME, Search, put
from test_index import add_study
from test_report import HOSTILE, Page


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Of study `demo`, with boots, and of what its bisect made."""
    made = LabMaker(tmp_path_factory.mktemp("database"))
    made.machine()
    made.metric()
    for stage in (0, 1):
        for seed in (1, 2):
            made.boot(stage, seed, {"time": 1.0 + stage + seed / 100})
    add_study(made.db, 9, NAME, "2026-01-02T00:00:00Z")
    made.db.execute("INSERT INTO stage VALUES (9, 7, '7', NULL, '')")
    made.db.execute("INSERT INTO config VALUES (9, 'rt', '')")
    made.db.execute("INSERT INTO variant VALUES (9, 7, 'rt', '', 'ready', "
                    "NULL, NULL, NULL, NULL, NULL, 61000)")
    return made.done()


@pytest.fixture
def lab(tmp_path, database):
    """A lab with that."""
    shutil.copy(database, tmp_path / "lab.db")
    return tmp_path


def page_of(lab, name=NAME):
    text = report.write_bisect(lab / "lab.db", lab, name).read_text()
    return Page(text)


def outcome(search, lab):
    search.write(lab)
    return bisect_words.outcome(bisects.read(lab, NAME))


# ---- what is said ----

@pytest.mark.parametrize("metric", [False, True])
def test_found(lab, metric):
    Search(metric=metric).whole().write(lab)
    page = page_of(lab)
    assert "Patch 7 (mm: part 7) is to blame, with a probability of 99.3 %" \
        in page.text
    assert "Confirmed on fresh boots" in page.text
    record = bisects.read(lab, NAME)
    for one in record.seen + record.confirmations[0]:
        assert f"klab reproduce {one.boot}" in page.text
    assert "built in 1 min 01 s" in page.text and "1 built for it" in page.text
    assert f"klab bisect --replay {lab}/bisects/{NAME}/log.jsonl" in page.text
    if metric:
        assert "hackbench/time +3.0 % (95 %: +2.1 % to +3.9 %)" in page.text
        assert page.tags.count("svg") == 2
    else:
        assert "from it on the kernel panics" in page.text
        assert page.tags.count("svg") == 1


@pytest.mark.parametrize("result, word, said", [
    ({"verdict": "range", "last": {"patch": 9}}, "range",
     "One of patches 7 (mm: part 7) to 9 (mm: part 9) is to blame, with a "
     "probability of 99.3 %: nothing between them can be tested"),
    ({"verdict": "no-step", "why": "drift"}, "no single step",
     "No single step: the change is spread over the patches"),
    ({"verdict": "no-step", "why": "two-steps", "last": {"patch": 9}},
     "no single step", "No single step: two patches change it, likeliest 7 "
     "(mm: part 7) and 9 (mm: part 9)"),
    ({"verdict": "gave-up", "why": "budget", "last": {"patch": 8}}, "gave up",
     "Gave up: so many boots do not tell; likely one of patches 7 (mm: part "
     "7) to 8 (mm: part 8), 99.3 %"),
    ({"verdict": "gave-up", "why": "infra"}, "gave up",
     "Gave up: the lab failed too often; likely patch 7 (mm: part 7), "
     "99.3 %"),
    ({"verdict": "sideways"}, "sideways",
     "It ended with 'sideways', which this klab does not know")])
def test_other_results(lab, result, word, said):
    told = outcome(Search().whole(**result), lab)
    assert (told.word, told.clauses[0]) == (word, said)
    assert said in page_of(lab).text


def test_not_confirmed(lab):
    told = outcome(Search().whole(confirmed=False), lab)
    assert told.tone == "open" and told.confirmed is False
    assert any(one.startswith("Not confirmed on fresh boots: 0 of 1 with it "
                              "broken") for one in told.clauses)


@pytest.mark.parametrize("undo, said", [
    ({"confirmed": True, "boots": 1, "culprit_bad": 1, "parent_bad": 0},
     "The bad end without it is cured: 1 of 1"),
    ({"confirmed": False, "boots": 1, "culprit_bad": 1, "parent_bad": 1},
     "The bad end without it is not cured: 1 of 1 with it broken, 1 of 1"),
    ({"confirmed": False, "boots": 1, "culprit_bad": 0, "parent_bad": 0},
     "Whether the bad end without it is cured cannot be told: 0 of 1 with it"),
    ({"confirmed": False, "boots": 2, "says": "panic: BUG", "useless": 4},
     "Whether the bad end without it is cured cannot be told: panic: BUG"),
    ({"clean": False, "says": "hunk 1 does not fit"},
     "It cannot be taken back from the bad end: hunk 1 does not fit")])
def test_bad_end_without_it(lab, undo, said):
    Search().whole(without=undo).write(lab)
    assert said in page_of(lab).text


@pytest.mark.parametrize("why, said", [
    ("equal", "the ends do not differ enough: hackbench/time, worse by 1 % or "
              "more, from base to 10 (mm: part 10), +3.0 %"),
    ("swapped", "The ends are swapped: it gets better"),
    ("same-code", "base and 10 (mm: part 10) are the same kernel"),
    ("nobody", "no patch between base and 10 (mm: part 10) changes"),
    ("end", "says nothing of it")])
def test_refused(lab, why, said):
    search = Search(metric=True).ends()
    search.step("ends", why)
    told = outcome(search, lab)
    assert told.word == "nothing to search" and said in told.clauses[0]


@pytest.mark.parametrize("why, said", [
    ("both-bad", "the good end, base, panics as well"),
    ("both-good", "no boot of the bad end, 10 (mm: part 10), panics"),
    ("swapped", "base, the good one, panics, and 10 (mm: part 10)")])
def test_refused_break(lab, why, said):
    search = Search().ends()
    search.step("ends", why)
    assert said in outcome(search, lab).clauses[0]


def test_refusal_that_is_recorded(lab):
    """It is said as klab said it."""
    search = Search().ends()
    search.step("ends", "both-good")
    search.lines.append({"t": "refused", "says": "the bad end, <10>, is not "
                         "broken so", "code": 2})
    told = outcome(search, lab)
    assert told.word == "nothing to search"
    assert told.clauses == ["The bad end, <10>, is not broken so"]
    assert bisect_words.outcome(bisects.outline(lab, NAME)) == told
    assert "The bad end, <10>, is not broken so" in page_of(lab).text


def test_boot_that_says_nothing(lab):
    """It is in the order, and counts."""
    search = Search().ends()
    search.step(kernel=5)
    search.boot(5, t="weak")
    del search.lines[-1]["what"]
    search.boot(5)
    search.step(kernel=6)
    search.write(lab)
    record = bisects.read(lab, NAME)
    assert [one.what for one in record.seen] == ["good", "bad", "weak", "good"]
    text = page_of(lab).text
    assert "says nothing" in text and "4 of the search" in text
    assert len(posterior.columns(record)) == 4


def test_part_of_the_difference(lab):
    search = Search(metric=True).whole()
    search.lines[-1]["confirmation"].update(share=0.4, partial=True)
    search.write(lab)
    assert "40 % of what the ends differ by: there is more than this patch" \
        in page_of(lab).text


def test_not_ended(lab):
    """Killed in the middle, with half a line."""
    search = Search().ends()
    search.step(kernel=5)
    path = search.write(lab)
    path.write_text(path.read_text() + '{"t": "event", "ker')
    text = page_of(lab).text
    assert "Not ended: it is at work, or was interrupted" in text
    assert "So far likely patch 1 (mm: part 1), 10.0 %" in text
    assert "damaged" not in text


def test_confirmation_that_denied(lab):
    search = Search().ends().halve().confirm()
    boots = [line["boot"] for line in search.lines if line["t"] == "confirm"]
    for kernel in (7, 6):
        search.boot(kernel, seed=300_001, what="good")
        del search.lines[-1]["boot"]
    search.step(kernel=8)
    search.boot(8)
    search.step("found", "")
    search.fresh("culprit", 7, seed=300_002)
    search.fresh("parent", 6, seed=300_002)
    search.result()
    search.write(lab)
    record = bisects.read(lab, NAME)
    assert [len(part) for part in record.confirmations] == [2, 2]
    assert [one.boot for one in record.seen if one.fresh] == boots
    assert "Denied: the search went on" in page_of(lab).text


def test_fresh_boot_that_the_lab_failed_first(lab):
    """What it came to in the end counts."""
    search = Search().ends().halve().confirm()
    was = len(search.lines)
    search.confirm().result()
    assert {line["t"] for line in search.lines[was - 2:was]} == {"confirm"}
    for line, again in zip(search.lines[was - 2:was], search.lines[was:]):
        again["boot"] = line["boot"]
        line["what"] = "infra"
    search.write(lab)
    boots, = bisects.read(lab, NAME).confirmations
    assert [one.what for one in boots] == ["bad", "good"]


@pytest.mark.parametrize("more, one, many", [
    ({"range": True}, "commit", "commits"),
    ({"axis": "config", "between": ["nort", "rt"], "at": "5"}, "option",
     "options"),
    ({"axis": "toolchain"}, "candidate", "candidates")])
def test_candidates_have_their_name(lab, more, one, many):
    Search(subjects=[f"CONFIG_A{k}=y" for k in range(10)], **more).whole(
        ).write(lab)
    text = page_of(lab).text
    assert f"How likely each {one} was" in text and f"10 {many}" in text
    assert "patch" not in text.lower().replace("the patch", "")


def test_options(lab):
    """Between configs, more than one option may be needed; what they were
    found by has pages, too."""
    more = {"axis": "config", "between": ["nort", "rt"], "at": "5"}
    part = Search(subjects=[f"CONFIG_B{k}=y" for k in range(10)], part=True,
                  **more).whole()
    part.write(lab, f"{NAME}-3")
    Search(subjects=[f"CONFIG_A{k}=y" for k in range(10)], **more).whole(
        options=[{"lines": ["CONFIG_A6=y", "CONFIG_X=m"]},
                 {"lines": ["CONFIG_B6=y"]}],
        needs=["CONFIG_N=y"], enough=True).write(lab)
    assert bisects.names(lab) == [NAME]
    page = page_of(lab)
    assert ("CONFIG_A6=y (and 1 that Kconfig couples to it) and CONFIG_B6=y "
            "are to blame, all of them together") in page.text
    assert "That is all it takes, with what it needs: CONFIG_N=y" in page.text
    assert "Good end config 'nort' Bad end config 'rt'" in page.text
    assert ("a", "href", f"../{NAME}-3/index.html") in page.attributes
    other = Page((lab / f"reports/{NAME}-3/index.html").read_text())
    assert f"Part of {NAME}" in other.text


def test_options_that_are_not_the_only_ones(lab):
    """What makes more than half of the difference need not be all of it."""
    Search(subjects=[f"CONFIG_A{k}=y" for k in range(10)], axis="config",
           between=["nort", "rt"], at="5").whole(
        options=[{"lines": ["CONFIG_A6=y"]}], enough=True,
        together={"confirmed": True, "share": 0.63, "partial": True}).write(lab)
    assert "That makes most of it, and not all" in page_of(lab).text


@pytest.mark.parametrize("kind, words", [
    ("range", "One of 2 options between which nothing can be tested "
     "(CONFIG_A6=y, CONFIG_A7=y) is to blame"),
    ("group", "CONFIG_A6=y (and 1 not told apart from it) is to blame")])
def test_options_that_are_one(lab, kind, words):
    """Not for Kconfig's sake; and what cannot be tested alone."""
    Search(subjects=[f"CONFIG_A{k}=y" for k in range(10)], axis="config",
           between=["nort", "rt"], at="5").whole(
        options=[{"lines": ["CONFIG_A6=y", "CONFIG_A7=y"], "as": kind}],
        needs=[], together={"confirmed": False, "untold": True,
                            "says": "no"}).write(lab)
    text = page_of(lab).text
    assert words in text
    assert "In the good config alone it cannot be tested" in text


def test_where_it_is_most_likely(lab):
    """After each boot; what has next to no chance is not named."""
    search = Search().ends()
    search.step(kernel=4, posterior=[[1, 0.02], [2, 0.5], [4, 0.46],
                                     [9, 0.02]], first=2, last=2,
                probability=0.5)
    search.write(lab)
    text = page_of(lab).text
    assert "2: 50.0 % among 2 to 4" in text
    Search().whole().write(lab)
    assert "7: 100 % 1.5 s" in page_of(lab).text


def test_values_are_judged_by_the_levels(lab):
    search = Search(metric=True).ends()
    search.step(kernel=5)
    search.boot(5, measured=(GOOD + BAD) / 2)
    search.step(kernel=6)
    search.write(lab)
    text = page_of(lab).text
    assert text.count("like the good end") == 1
    assert text.count("like the bad end") == 1
    # In the table, and in the legend of the picture.
    assert text.count("between the ends") == 2


# ---- the picture ----

@pytest.mark.parametrize("n", [1, 2, 35, 48, 49, 1000])
def test_picture_stays_small(lab, n):
    culprit = max(1, 2 * n // 3)
    Search(n, culprit).whole().write(lab)
    record = bisects.read(lab, NAME)
    judged = {one.number: one.what for one in record.seen}
    picture = posterior.picture(record, judged)
    assert len(picture["rows"]) == min(n, len(picture["rows"]))
    assert len(picture["rows"]) <= posterior.ROWS
    if n <= posterior.ALONE:
        assert len(picture["rows"]) == n
    named, = [row for row in picture["rows"] if row["named"]]
    assert named["last"] == "100 %"
    assert named["whole"] == f"{culprit} mm: part {culprit}"
    assert len(picture["marks"]) == len(record.seen)
    assert picture["width"] < 1300


def test_rows_have_all_candidates(lab):
    """Each once, in order; and in each column all that is known."""
    rng = random.Random(5)
    for n in (30, 400):
        search = Search(n, n // 2).ends()
        for _ in range(90):
            kernel = rng.randrange(n + 1)
            search.step(kernel=kernel, why="weak")
            search.boot(kernel)
        search.step("gave-up", "budget")
        search.write(lab)
        record = bisects.read(lab, NAME)
        found = posterior.columns(record)
        spans = posterior.rows(record, found)
        assert [at for low, high in spans for at in range(low, high + 1)] \
            == list(range(1, n + 1))
        assert len(spans) <= posterior.ROWS
        for column in found:
            assert sum(posterior.share(column["posterior"], span)
                       for span in spans) == pytest.approx(1)


def test_many_boots_are_thinned(lab):
    search = Search().ends()
    for _ in range(2 * posterior.COLUMNS):
        search.step(kernel=5, why="weak")
        search.boot(5)
    search.step("gave-up", "budget")
    search.write(lab)
    record = bisects.read(lab, NAME)
    picture = posterior.picture(record, {one.number: one.what
                                         for one in record.seen})
    assert max(len(row["bars"]) for row in picture["rows"]) \
        <= posterior.COLUMNS + 1


@pytest.mark.parametrize("share, said", [
    (0, "0 %"), (0.0001, "<0.1 %"), (0.5, "50.0 %"), (0.9996, ">99.9 %"),
    (0.9999999, ">99.9 %"), (1, "100 %"), (None, "")])
def test_chance(share, said):
    assert bisect_words.chance(share) == said


# ---- lists ----

def test_report_of_the_study(lab, tmp_path):
    """Lists its bisects and writes their pages; one that cannot be read is
    told, and the rest is written."""
    Search().whole().write(lab)
    put(lab, "garbage\n", "demo-bisect-0000000a")
    put(lab, "", "demo-bisect-0000000b")
    put(lab, Search().text().replace('"version": 1', '"version": 7'),
        "demo-bisect-0000000c")
    Search().whole().write(lab, "other-bisect-01234567")
    path, _ = report.write(lab / "lab.db", lab, "demo", lab / "reports/demo")
    page = Page(path.read_text())
    assert ("a", "href", f"../{NAME}/index.html") in page.attributes
    assert "found, confirmed" in page.text and "is to blame" in page.text
    assert "its first line is no setup of a bisect" in page.text
    assert "was refused or interrupted before its ends were there" in page.text
    assert "is of a newer klab (version 7, this one knows 1)" in page.text
    assert "other-bisect" not in page.text
    assert sorted(one.name for one in (lab / "reports").iterdir()) \
        == ["demo", NAME]
    back = Page((lab / f"reports/{NAME}/index.html").read_text())
    assert ("a", "href", "../demo/index.html") not in back.attributes
    assert ("a", "href", "../demo/index.html") in page_of(lab).attributes


def test_index(lab):
    """Bisects are listed; the studies that klab made for them are not, but the
    user's are, whatever they are called."""
    Search().whole().write(lab)
    made = [f"{NAME}-undo", f"{NAME}-12", "demo-judge",
            "gone-bisect-0123abcd"]
    own = ["my-judge", "x-bisect-01234567", "undo", "a-bisect-b"]
    with sqlite3.connect(lab / "lab.db") as db:
        for ident, name in enumerate(made + own, 10):
            add_study(db, ident, name, "2026-01-01T00:00:00Z")
            db.execute("UPDATE study SET text = ? WHERE id = ?",
                       (f"study: {name if name in own else 'demo'}\n", ident))
    page_of(lab)
    page = Page(report.write_index(lab / "lab.db",
                                   lab / "reports").read_text())
    studies, _, found = page.text.partition("Bisects")
    assert "5 studies" in studies
    for name in own:
        assert f" {name} " in studies
    for name in [NAME, *made]:
        assert f"{name} " not in studies
    assert f"{NAME} " in found and "found, confirmed" in found
    assert "Patch 7 (mm: part 7) is to blame" in found
    assert ("a", "href", f"{NAME}/index.html") in page.attributes


def test_verb(lab, capsys):
    Search().whole().write(lab)
    words = ["report", "--db", str(lab / "lab.db"), "--lab", str(lab), "--out",
             str(lab / "reports" / NAME), "--study"]
    assert main([*words, NAME]) == 0
    assert capsys.readouterr().out == f"{lab}/reports/{NAME}/index.html\n"
    assert (lab / "reports/index.html").exists()
    assert main([*words, f"{NAME}-undo"]) == 2
    assert f"`klab report {NAME}` shows them" in capsys.readouterr().err
    put(lab, "garbage\n")
    assert main([*words, NAME]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_database_that_cannot_be_read_takes_facts_only(lab):
    Search().whole().write(lab)
    (lab / "lab.db").write_bytes(b"garbage" * 1000)
    assert "is to blame" in page_of(lab).text


# ---- records that are not as they should be ----

@pytest.mark.parametrize("words", HOSTILE + ("x" * 10_000, "\ud800\udfff\n"),
                         ids=lambda _: "")
@pytest.mark.parametrize("metric", [False, True])
def test_hostile_words(lab, words, metric):
    """In each place that holds a word, nothing of it is markup."""
    search = Search(metric=metric, subjects=[words] * 10, config=words,
                    machine=words, study=words)
    search.whole(without={"clean": False, "says": words})
    search.setup["criterion"] = {**search.setup["criterion"],
                                 "workload": words, "metric": words,
                                 "unit": words}
    for kernel in search.setup["kernels"]:
        kernel["stage"] = words
    for line in search.lines[1:]:
        line.update(says=words, stage=words, boot=words)
        if line["t"] == "step":
            line["why"] = line["mode"] = words
    search.write(lab)
    page = page_of(lab)
    report.write(lab / "lab.db", lab, "demo", lab / "reports/demo")
    pages = [page, Page((lab / "reports/demo/index.html").read_text()),
             Page(report.write_index(lab / "lab.db",
                                     lab / "reports").read_text())]
    for one in pages:
        assert "img" not in one.tags
        assert not any(key.startswith("on") for _, key, _ in one.attributes)
        assert not set("\x00\x1b\u202e") & set(one.text)
    assert len(page.scripts) == 1 and "alert" not in page.scripts[0]


def mutations(value):
    """What a stranger may put in the place of a value."""
    return [None, True, -1, 0, 2 ** 70, 1e308, -1e308, float("nan"), "", "x",
            [], [[]], [value], {}, {"": value}]


def test_no_value_of_a_record_breaks_it(lab):
    """Each member of each line, in turn, is something else: the page is
    written, or one sentence says why not."""
    search = Search(4, 2, metric=True).whole()
    text = search.text()
    rng = random.Random(1)
    refused = 0
    for at, line in enumerate(search.lines):
        for key in line:
            for value in rng.sample(mutations(line[key]), 4):
                lines = [json.loads(one) for one in text.splitlines()]
                lines[at][key] = value
                put(lab, "".join(json.dumps(one) + "\n" for one in lines))
                try:
                    record = bisects.read(lab, NAME)
                except BadRequest as error:
                    assert at == 0 and "\n" not in str(error)
                    refused += 1
                    continue
                assert bisect_words.outcome(record).clauses
                posterior.picture(record, {one.number: one.what
                                           for one in record.seen})
                bisect_list.lines(lab, [NAME], "")
    assert 0 < refused < 30


@pytest.mark.parametrize("where", ["setup", "event", "step", "confirm",
                                   "result"])
def test_pages_of_changed_records(lab, where):
    """The same through the whole page, with fewer of them."""
    search = Search(4, 2, metric=True).whole()
    at = next(i for i, line in enumerate(search.lines) if line["t"] == where)
    rng = random.Random(where)
    for key in search.lines[at]:
        lines = [json.loads(one) for one in search.text().splitlines()]
        lines[at][key] = rng.choice(mutations(lines[at][key]))
        put(lab, "".join(json.dumps(one) + "\n" for one in lines))
        try:
            page_of(lab)
        except BadRequest as error:
            assert at == 0 and "\n" not in str(error)


def test_damaged_in_the_middle(lab):
    path = Search().whole().write(lab)
    lines = path.read_text().splitlines()
    lines[6] = "{" * 10_000
    path.write_text("\n".join(lines) + "\n")
    text = page_of(lab).text
    assert "line 7 of the record is damaged: it is shown up to there" in text
    record = bisects.outline(lab, NAME)
    assert record.result and not record.trouble


@pytest.mark.parametrize("cut", range(0, 2000, 97))
def test_cut_anywhere(lab, cut):
    """As a kill leaves it."""
    text = Search().whole().text()
    put(lab, text[:cut])
    if "\n" in text[:cut]:
        assert page_of(lab).text
    else:
        with pytest.raises(bisects.NotBegun):
            bisects.read(lab, NAME)


def test_names_that_klab_does_not_give(lab):
    for name in ("demo", "demo-bisect-xyz", "-bisect-01234567", "a b-bisect-"
                 "01234567", "<b>-bisect-01234567"):
        Search().whole().write(lab, name)
    assert bisects.names(lab) == []
    assert not bisects.is_bisect(lab, "../bisects/" + NAME)


def test_links_lead_somewhere(lab):
    """Consoles that are there, and the record."""
    Search().whole().write(lab)
    boot = "1".zfill(16)
    (lab / f"boots/{boot}").mkdir(parents=True)
    (lab / f"boots/{boot}/console.log").write_text("x")
    page = page_of(lab)
    links = [value for tag, key, value in page.attributes
             if (tag, key) == ("a", "href") and not value.startswith("#")]
    for link in links:
        if not re.search("index.html$", link):
            assert (lab / "reports" / NAME / link).exists(), link
    assert f"../../boots/{boot}/console.log" in links
