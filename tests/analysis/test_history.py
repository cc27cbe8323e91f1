"""Releases: their order, and what is claimed from one to the next."""

import re

import numpy as np
import pytest

from analysis import load, releases, report, verdicts
from analysis.report import history
from labs import LabMaker
from test_report import HOSTILE, Page, boots


def order_of(*found):
    """Places of (release, package version) when sorted."""
    parsed = [releases.parse(i, str(i), *one) for i, one in enumerate(found)]
    return [one.stage for one in sorted(parsed, key=lambda one: one.order)]


@pytest.mark.parametrize("oldest_first", [
    [("6.1.0-41-amd64", "6.1.158-1"), ("6.12.9+deb13-amd64", "6.12.9-1")],
    [("6.9.12", None), ("6.10.1", None), ("6.100.0", None), ("7.0.0", None)],
    [("6.12.0-rc2", None), ("6.12.0-rc10", None), ("6.12.0", None),
     ("6.12.1", None)],
    [("6.12-rc7", None), ("6.12", None), ("6.12.1", None)],
    # The package alone tells point releases apart.
    [("6.1.0-9-amd64", "6.1.27-1"), ("6.1.0-40-amd64", "6.1.153-1")],
    [("6.1.0-9-amd64", None), ("6.1.0-40-amd64", None)],
    [("6.12", None), ("6.12-00001-g0123456789ab", None),
     ("6.12-00120-gabcdef012345-dirty", None)]])
def test_order(oldest_first):
    places = list(range(len(oldest_first)))
    assert order_of(*oldest_first) == places
    assert order_of(*reversed(oldest_first)) == places[::-1]


@pytest.mark.parametrize("release, flavour", [
    ("6.1.0-41-amd64", "amd64"), ("6.1.0-41-rt-amd64", "rt-amd64"),
    ("6.12.9+deb13-cloud-amd64", "cloud-amd64"), ("6.12.9", ""),
    ("6.19.14+deb13-amd64", "amd64"), ("6.12.0-rc3+", ""),
    ("6.12-00120-gabcdef012345-dirty", ""), ("6.12.9-generic", "generic")])
def test_flavour(release, flavour):
    assert releases.parse(0, "x", release, None).flavour == flavour


@pytest.mark.parametrize("release", [
    None, "", "next-20260101", "6", "x6.1", "9" * 5000, "."])
def test_what_is_no_release(release):
    assert releases.parse(0, "x", release, "1.2-3") is None


@pytest.mark.parametrize("words", HOSTILE + ("6.1" + "-9" * 5000,
                                             "6." + "1" * 5000),
                         ids=lambda _: "")
def test_odd_releases_do_not_break_it(words):
    releases.parse(0, words, words, words)
    releases.parse(0, words, "6.1" + words, words)


def lab_of(folder, kernels, values=None, **options):
    """Kernels with five boots each of values (means), or of 1e8; a kernel's
    word is its release."""
    lab = LabMaker(folder, kernels=tuple(kernels))
    lab.machine()
    lab.metric(**options)
    for stage, mean in enumerate(values or [1e8] * len(kernels)):
        for seed, value in enumerate(boots(mean, stage, 5), 1):
            lab.boot(stage, seed, {"time": value})
    return lab


def found_in(path, base=None):
    lab = load.load(path, "demo")
    judgement = verdicts.judge(lab, base)
    return lab, judgement, releases.history(lab, judgement,
                                            verdicts.margin_of(lab))


def test_a_step_is_claimed_where_it_is(tmp_path):
    """The study's order is not that of the releases, and 6.10 is 5 % slower
    than 6.9, 6.11 as fast as 6.10."""
    path = lab_of(tmp_path, ("6.11.0", "6.9.0", "6.10.0", "6.8.0"),
                  [1.05e8, 1e8, 1.05e8, 1e8]).done()
    _, _, found = found_in(path)
    assert found.words == ["6.8.0", "6.9.0", "6.10.0", "6.11.0"]
    told = {(step.before.word, step.row.word): step.verdict
            for step in found.steps}
    assert list(told) == [("6.8.0", "6.9.0"), ("6.9.0", "6.10.0"),
                          ("6.10.0", "6.11.0")]
    assert [verdict == "regressed" for verdict in told.values()] == [
        False, True, False]
    step = found.steps[1]
    assert step.interval[0] < 0.05 < step.interval[1]
    assert step.q is not None and step.q < 0.05


def test_flavours_do_not_follow_each_other(tmp_path):
    path = lab_of(tmp_path, ("6.9.0-amd64", "6.10.0-amd64", "6.9.0-rt-amd64",
                             "6.10.0-rt-amd64"),
                  [1e8, 1e8, 2e8, 2e8]).done()
    _, _, found = found_in(path)
    assert [(step.before.word, step.row.word) for step in found.steps] == [
        ("6.9.0-amd64", "6.10.0-amd64"),
        ("6.9.0-rt-amd64", "6.10.0-rt-amd64")]
    assert not [step for step in found.steps if step.changed]
    assert found.words == ["6.9.0-amd64", "6.10.0-amd64"]


def test_a_release_without_a_value_is_skipped_and_told(tmp_path):
    lab = LabMaker(tmp_path, kernels=("6.1.1", "6.1.2", "6.1.3"))
    lab.machine()
    lab.metric()
    for stage in (0, 2):
        for seed, value in enumerate(boots(1e8, stage, 4), 1):
            lab.boot(stage, seed, {"time": value})
    lab.boot(1, 1, {}, state="bad")
    path = lab.done()
    _, _, found = found_in(path)
    step, = found.steps
    assert [row.word for row in step.skipped] == ["6.1.2"]
    lab, judgement, _ = found_in(path)
    assert "(no value: 6.1.2)" in Page(history.render(lab, judgement)).text


def test_without_a_change_few_studies_claim_one(tmp_path):
    """24 steps in each of 20 studies: corrected for their number, a study
    claims one in 5 % of cases at most; without it, nearly all would."""
    claimed = 0
    for number in range(20):
        rng = np.random.default_rng(number)
        lab = LabMaker(tmp_path / str(number), min_effect=0.0,
                       kernels=tuple(f"6.{i}.0" for i in range(9)))
        lab.machine()
        for name in ("a", "b", "c"):
            lab.metric(name)
            for stage in range(9):
                for seed in range(1, 6):
                    lab.boot(stage, seed, {"time": 1e8 * float(
                        np.exp(rng.normal(0, 0.01)))}, workload=name)
        _, _, found = found_in(lab.done())
        assert len(found.steps) == 24
        claimed += any(step.changed for step in found.steps)
    assert claimed <= 3


# The page

@pytest.mark.parametrize("kernels, is_one", [
    (("6.1.1", "6.1.2", "6.1.3"), True), (("6.1.1", "6.1.2"), False),
    (("old", "new", "newer"), False), (("6.1.1", "6.1.2", "new"), False),
    (("6.1.1-a", "6.1.1-b", "6.1.1-c"), False)])
def test_there_is_a_page_for_releases_alone(tmp_path, kernels, is_one):
    path = lab_of(tmp_path, kernels).done()
    out = tmp_path / "reports" / "demo"
    out.mkdir(parents=True)
    # One that is left of an earlier run goes away.
    (out / "history.html").write_text("old")
    report.write(path, tmp_path, "demo", out)
    assert (out / "history.html").exists() == is_one
    links = [value for tag, key, value in
             Page((out / "index.html").read_text()).attributes
             if key == "href" and tag == "a"]
    assert ("history.html" in links) == is_one
    assert "../index.html" in links


def test_a_series_has_none(tmp_path):
    lab = LabMaker(tmp_path, kernels=())
    for stage in range(4):
        lab.stage(stage, str(stage), title=f"mm: {stage}" if stage else None,
                  release=f"6.1.{stage}")
    assert releases.flavours(load.load(lab.done(), "demo")) == {}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = lab_of(tmp_path_factory.mktemp("h"),
                  ("6.10.0", "6.8.0", "6.9.0", "6.9.0-rt", "6.10.0-rt"),
                  [1.2e8, 1e8, 1e8, 3e8, 3e8]).done()
    lab, judgement, _ = found_in(path)
    text = history.render(lab, judgement)
    return text, Page(text)


def test_what_the_page_says(page):
    _, parsed = page
    for words in ("3 releases, 6.8.0 to 6.10.0",
                  "1 change of primary metrics from one release to the next, "
                  "1 for the worse", "from 6.9.0 to 6.10.0",
                  "rt 2 releases, in percent of 6.9.0-rt",
                  "plain 3 releases, in percent of 6.8.0"):
        assert words in parsed.text, words
    links = [value for tag, key, value in parsed.attributes
             if tag == "a" and key == "href"]
    assert {"index.html", "../index.html"} <= set(links)


def test_the_page_draws_a_line_per_flavour(page):
    text, parsed = page
    assert parsed.tags.count("svg") == 1
    svg = text[text.index("<svg"):text.index("</svg>")]
    assert "var(--config-0)" in svg and "var(--config-1)" in svg
    for words in ("6.8.0", "6.9.0", "6.10.0", "+20 %", "\u25bc"):
        assert words in svg, words
    style = re.search("<style>(.*?)</style>", text, re.S)[1]
    assert "--config-1:" in style


def test_the_page_asks_for_nothing(page):
    text, parsed = page
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "")
    assert not set(parsed.tags) & {"link", "img", "iframe", "script"}
    assert len(parsed.ids) == len(set(parsed.ids))


@pytest.mark.parametrize("values", [
    [0.0, 0.0, 0.0], [0.0, 5.0, 7.0], [-3.0, 4.0, 5.0], [1e-300, 1.0, 1e300],
    [7.0, 7.0, 7.0]])
def test_odd_values_still_draw(tmp_path, values):
    lab = LabMaker(tmp_path, kernels=("6.1.1", "6.1.2", "6.1.3"))
    lab.machine()
    lab.metric(unit="x")
    for stage, value in enumerate(values):
        for seed in (1, 2):
            lab.boot(stage, seed, {"time": value})
    lab, judgement, _ = found_in(lab.done())
    parsed = Page(history.render(lab, judgement))
    assert parsed.tags.count("svg") == 1
    assert not {"nan", "inf"} & set(parsed.text.lower().split())


def rows_of(text, number):
    """The cells of the table of all steps that stand in column `number`."""
    rows = re.findall("<tr><td>.*?</tr>", text[text.index("All steps"):], re.S)
    return [re.sub("<[^>]*>", "", re.findall(
        "<t[dh].*?</t[dh]>", row, re.S)[number]).strip() for row in rows]


def test_a_claim_without_a_rate_says_by_what(tmp_path):
    """Boots that all agree leave nothing to test, and no q."""
    lab = LabMaker(tmp_path, kernels=("6.1.1", "6.1.2", "6.1.3"))
    lab.machine()
    lab.metric(unit="calls")
    for stage, value in enumerate((100.0, 100.0, 120.0)):
        for seed in (1, 2, 3):
            lab.boot(stage, seed, {"time": value})
    lab, judgement, found = found_in(lab.done())
    assert [step.q for step in found.steps] == [None, None]
    text = history.render(lab, judgement)
    assert rows_of(text, 7) == ["exact", "exact"]
    assert [words[1:] for words in rows_of(text, 8)] == ["equivalent",
                                                         "regressed"]
    assert "where no q is given, all boots of both releases agree" in (
        Page(text).text)


@pytest.mark.parametrize("fresh", [0, 4])
def test_only_boots_that_are_compared_are_counted(tmp_path, fresh):
    lab = lab_of(tmp_path, ("6.1.1", "6.1.2", "6.1.3"), [1e8, 1.1e8, 1.1e8])
    for stage, mean in ((0, 1e8), (1, 1.1e8)):
        for seed, value in enumerate(boots(mean, 7 + stage, fresh), 200_001):
            lab.boot(stage, seed, {"time": value})
    lab, judgement, found = found_in(lab.done())
    assert [step.row.n for step in found.steps] == [5 + fresh, 5]
    text = history.render(lab, judgement)
    assert rows_of(text, 4) == ["5, 5", "5, 5"]
    assert ("Boots that repeat a claim of the report are left out here"
            in text) == bool(fresh)


def test_a_flavour_without_a_line_has_no_sign(tmp_path):
    names = [f"6.{minor}.0-f{flavour}" for flavour in range(history.LINES + 1)
             for minor in (1, 2)]
    lab, judgement, _ = found_in(lab_of(tmp_path, names).done())
    text = history.render(lab, judgement)
    told = re.findall("<li>(.*?) <span", text[text.index(
        'class="flavours"'):text.index("</ul>", text.index(
            'class="flavours"'))])
    signs = [re.match('<i class="(.*?)">(.)</i>', one) for one in told]
    assert len({sign.groups() for sign in signs[:-1]}) == history.LINES
    assert told[-1] == f"f{history.LINES}" and signs[-1] is None
    assert text.count("not drawn") == 1


def test_nothing_measured_yet(tmp_path):
    lab, judgement, _ = found_in(LabMaker(
        tmp_path, kernels=("6.1.1", "6.1.2", "6.1.3")).done())
    parsed = Page(history.render(lab, judgement))
    assert "Fewer than two releases have been measured yet" in parsed.text


@pytest.mark.parametrize("words", HOSTILE + ("y" * 10_000,), ids=lambda _: "")
def test_hostile_text_stays_text(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    lab = LabMaker(tmp_path, study=words, kernels=())
    for stage in range(3):
        lab.stage(stage, f"{words}{stage}", release=f"6.{stage}.0-{words}",
                  key=f"k{stage}")
    lab.machine(words)
    lab.metric(words, words, words)
    for stage in range(3):
        for seed in (1, 2, 3):
            lab.boot(stage, seed, {words: 100.0 + 20 * stage + seed / 100},
                     config=words, machine=words, workload=words)
    found = load.load(lab.done(), words)
    text = history.render(found, verdicts.judge(found))
    parsed = Page(text)
    assert "svg" in parsed.tags
    assert not set(parsed.tags) & {"script", "img", "iframe"}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", text)
    assert not list(tmp_path.glob("pwned"))
