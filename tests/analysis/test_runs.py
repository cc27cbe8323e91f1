"""What the report says of findings, failures, boots and the environment they
ran in, and what it links to."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from analysis import load, verdicts
from analysis.report import environment, files, kconfig, problems, runs
from labs import LabMaker
from test_report import page_of

EXCERPT = "[ 1.0] BUG: lost\n"


def put(folder, name, text=""):
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def links(page):
    return [value for tag, key, value in page.attributes
            if tag == "a" and key == "href"]


def series(folder, configs=("default",)):
    """Three stages, the last of which breaks what the config needs."""
    lab = LabMaker(folder, kernels=())
    for stage, title in enumerate((None, "mm: tidy", "mm: boom")):
        for config in configs:
            lab.stage(stage, str(stage), title=title, config=config,
                      key=f"key{stage}-{config}")
    lab.machine()
    lab.metric()
    return lab


# Findings

def found_at_two(folder, configs=("nort", "rt")):
    """An oops from stage 2 on under rt, in two boots."""
    lab = series(folder, configs)
    boots = []
    for stage in range(3):
        for config in configs:
            lab.keys[stage] = f"key{stage}-{config}"
            for seed in (1, 2):
                boot = lab.boot(stage, seed, {"time": 1.0}, config=config)
                if (stage, config) == (2, "rt"):
                    lab.finding(boot, "oops", "lose_it", excerpt=EXCERPT,
                                line="BUG: lost")
                    boots.append(boot)
    return lab, boots


def test_a_finding_says_where_it_first_was(tmp_path):
    lab, boots = found_at_two(tmp_path)
    _, page = page_of(lab.done())
    assert "First at 2 mm: boom under rt" in page.text
    assert "2 reports in 2 boots, signature oops-lose_it" in page.text
    assert f"klab decode {boots[0]}" in page.text
    assert f"klab reproduce {boots[0]}" in page.text


def test_one_block_per_signature(tmp_path):
    lab, boots = found_at_two(tmp_path)
    lab.finding(boots[1], "warning", "other", line="WARNING: other")
    _, page = page_of(lab.done())
    assert page.text.count("First at 2 mm: boom") == 2


def test_the_console_is_linked_if_it_is_there(tmp_path):
    lab, boots = found_at_two(tmp_path)
    path = lab.done()
    _, page = page_of(path)
    assert not [link for link in links(page) if "console" in link]
    put(tmp_path, f"boots/{boots[0]}/console.log")
    text, page = page_of(path)
    link, = [link for link in links(page) if "console" in link]
    # As a browser goes there from the page's own place.
    place = tmp_path / "reports" / "demo"
    place.mkdir(parents=True)
    assert (place / link).resolve() == (
        tmp_path / f"boots/{boots[0]}/console.log").resolve()


@pytest.mark.parametrize("name, link", [
    ("boots/a b/c#1?.log", "../../boots/a%20b/c%231%3F.log"),
    ("boots/<x>'\"/y", "../../boots/%3Cx%3E%27%22/y"),
    ("boots/100%/y", "../../boots/100%25/y")])
def test_links_are_encoded(tmp_path, name, link):
    put(tmp_path, name)
    assert files.link(tmp_path, name) == link


@pytest.mark.parametrize("name", [
    "../outside", "a/../../outside", "/etc/passwd", "", "a\0b", "none",
    "x" * 5000])
def test_nothing_outside_the_lab_is_linked(tmp_path, name):
    put(tmp_path, "outside")
    lab = tmp_path / "lab"
    lab.mkdir()
    assert files.link(lab, name) == "" and files.below(lab, name) is None


# Patches

def git(folder, *words):
    return subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@y",
         *words], check=True, capture_output=True, text=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}).stdout.strip()


@pytest.fixture
def committed(tmp_path):
    """lab/git/tree with a commit `mm: boom`; the folder, the commit."""
    tree = tmp_path / "git" / "tree"
    tree.mkdir(parents=True)
    git(tree, "init", "-q")
    put(tree, "slub.c", "int x;\n")
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "base")
    put(tree, "slub.c", "int <b>y</b>;\n")
    git(tree, "commit", "-q", "-a", "-m", "mm: boom\n\nIt breaks.")
    commit = git(tree, "rev-parse", "HEAD")
    # As the lab has it: bare.
    (tree / ".git").rename(tmp_path / "git" / "bare")
    return tmp_path, commit


def test_the_patch_of_a_finding_is_shown_once(committed):
    folder, commit = committed
    lab, boots = found_at_two(folder)
    lab.finding(boots[1], "warning", "other", line="WARNING: other")
    put(folder, "kernels/key2-nort/manifest.json",
        json.dumps({"commit": commit}))
    text, page = page_of(lab.done())
    assert "+int &lt;b&gt;y&lt;/b&gt;;" in text
    assert page.text.count("+int <b>y</b>;") == 1
    assert page.ids.count("patch-2") == 1 and "#patch-2" in links(page)


def test_the_patch_of_a_broken_build_is_shown(committed):
    folder, commit = committed
    lab = series(folder)
    lab.stage(2, "2", title="mm: boom", error="slub.c:1: no", state="broken")
    lab.db.execute("UPDATE variant SET log = 'broken/k/build.log.zst' "
                   "WHERE stage = 2")
    put(folder, "broken/k/build.log.zst", "x")
    put(folder, "broken/k/result.json", json.dumps({"commit": commit}))
    lab.boot(0, 1, {"time": 1.0})
    _, page = page_of(lab.done())
    assert "+int <b>y</b>;" in page.text and "It breaks." in page.text
    assert "../../broken/k/build.log.zst" in links(page)
    assert "zstdcat" in page.text


def test_a_long_patch_is_cut(committed, monkeypatch):
    folder, commit = committed
    whole, cut = files.patch(folder, commit)
    assert not cut
    monkeypatch.setattr(files, "PATCH_MAX", 40)
    assert files.patch(folder, commit) == (whole[:40], True)


@pytest.mark.parametrize("commit", [
    None, 7, "HEAD", "--output=/tmp/x", "0" * 40, "f" * 39, ["x"]])
def test_no_patch_for_what_is_no_commit(committed, commit):
    assert files.patch(committed[0], commit) == ("", False)


def test_no_git_no_patch(committed, monkeypatch):
    monkeypatch.setenv("PATH", str(committed[0]))
    assert files.patch(*committed) == ("", False)


# Failures

def test_failures_of_one_kind_are_one_block(tmp_path):
    lab = series(tmp_path)
    for seed in range(1, 6):
        lab.boot(2, seed, {}, state="bad", reason="panic: x", excerpt="words")
    _, page = page_of(lab.done())
    assert "5 boots, the first boot" in page.text
    assert page.text.count("panic: x") >= 1
    assert page.text.count(" words ") == 1


def test_what_a_finding_shows_is_not_shown_again(tmp_path):
    lab = series(tmp_path)
    boot = lab.boot(2, 1, {}, state="bad", reason="panic: x",
                    excerpt="[ 1.0] the very words\n")
    lab.finding(boot, "panic", "f", excerpt="[ 1.0] the very words\n",
                fatal=True)
    _, page = page_of(lab.done())
    assert page.text.count("the very words") == 1
    assert "#findings" in links(page) and "findings" in page.ids


def test_a_build_that_fails_everywhere_is_one_block(tmp_path):
    lab = series(tmp_path, ("nort", "rt"))
    for config in ("nort", "rt"):
        lab.stage(2, "2", title="mm: boom", config=config, state="broken",
                  error="slub.c:1: no such thing")
    lab = load.load(lab.done(), "demo")
    one, = problems.failures(lab, tmp_path,
                             problems.Patches(lab, tmp_path))["builds"]
    assert one["everywhere"] and one["configs"] == ["nort", "rt"]


# Boots

def test_every_boot_has_its_command(tmp_path):
    lab, _ = found_at_two(tmp_path)
    path = lab.done()
    boots = set(load.load(path, "demo").cells.boot)
    assert len(boots) == 12
    _, page = page_of(path)
    for boot in boots:
        assert f"klab reproduce {boot}" in page.text


def test_boots_take_few_bytes(tmp_path):
    """4,000 boots in at most 100 bytes each."""
    lab = series(tmp_path)
    for stage in range(3):
        for seed in range(1, 200):
            lab.boot(stage, seed, {"time": 1.0}, workload="hackbench")
    path = lab.done()
    rows = runs.boots(load.load(path, "demo"))
    assert len(rows) == 3 and sum(len(row["boots"]) for row in rows) == 597
    text, _ = page_of(path)
    table = text[text.index('<table class="boots">'):]
    table = table[:table.index("</table>")]
    names = sum(len(boot["id"]) - 16 for row in rows for boot in row["boots"])
    assert len(table) - names < 100 * 597


# Environment

def with_manifests(folder, tools):
    """A series with a manifest per stage: toolchains in order."""
    lab = series(folder)
    for stage, tool in enumerate(tools):
        put(folder, f"kernels/key{stage}-default/manifest.json",
            json.dumps({"build": {"toolchain": tool}}))
        lab.keys[stage] = f"key{stage}-default"
        lab.boot(stage, 1, {"time": 1.0},
                 fingerprint={"facts": {"qemu": "10.0.2"}})
    return lab


def test_the_toolchain_is_named(tmp_path):
    tool = "gcc (Debian 12) 12.2.0, GNU ld (GNU Binutils) 2.40, pahole v1.24"
    _, page = page_of(with_manifests(tmp_path, [tool] * 3).done())
    assert "Compiler gcc (Debian 12) 12.2.0 3 kernels" in page.text
    assert "Linker GNU ld (GNU Binutils) 2.40 3 kernels" in page.text
    assert "QEMU 10.0.2 3 boots" in page.text
    assert "they differ" not in page.text


def test_toolchains_that_differ_are_marked(tmp_path):
    _, page = page_of(with_manifests(tmp_path, ["gcc 12", "gcc 12",
                                                "gcc 14"]).done())
    assert "gcc 12 2 kernels gcc 14 1 kernel ! they differ" in page.text


def test_the_compiler_of_a_prebuilt_kernel_is_in_its_banner(tmp_path):
    lab = LabMaker(tmp_path, kernels=())
    lab.stage(0, "6.1", banner="Linux version 6.1 (d@x.org) (gcc-12 (Debian "
              "12.2.0) 12.2.0, GNU ld (GNU) 2.40) #1 SMP (2024-01-01)")
    found = environment.environment(load.load(lab.done(), "demo"), tmp_path)
    assert [(one["kind"], one["values"][0][0]) for one in found["tools"]] == [
        ("compiler", "gcc-12 (Debian 12.2.0) 12.2.0"),
        ("linker", "GNU ld (GNU) 2.40")]


CONFIG = "# x\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_HZ=250\n"


def configs_of(folder, found, configs=("nort", "rt")):
    """What is told of a series with these .config files, by stage and
    config."""
    lab = series(folder, configs)
    for (stage, config), text in found.items():
        put(folder, f"kernels/key{stage}-{config}/config", text)
    lab = load.load(lab.done(), "demo")
    manifests = {(v.stage, v.config): {} for v in lab.variants.itertuples()}
    return kconfig.differences(lab, folder, manifests)


def test_options_that_differ_between_configs(tmp_path):
    rt = CONFIG.replace("# CONFIG_B is not set", "CONFIG_B=m") + \
        'CONFIG_C="x"\n# CONFIG_D is not set\n'
    found = configs_of(tmp_path, {(0, "nort"): CONFIG, (0, "rt"): rt})
    # D is not set on one side and not there on the other: no difference.
    assert found["configs"]["rows"] == [("CONFIG_B", ["n", "m"]),
                                        ("CONFIG_C", ["n", '"x"'])]
    assert found["configs"]["names"] == ["nort", "rt"]
    assert found["stages"] == []


def test_options_that_a_stage_changes(tmp_path):
    """Told once for all configs, and against the last stage with a kernel."""
    after = CONFIG.replace("HZ=250", "HZ=1000")
    found = configs_of(tmp_path, {
        (0, "nort"): CONFIG, (0, "rt"): CONFIG + "CONFIG_PREEMPT_RT=y\n",
        (2, "nort"): after, (2, "rt"): after + "CONFIG_PREEMPT_RT=y\n"})
    one, = found["stages"]
    assert one["stage"] == "2 mm: boom" and one["all"]
    assert one["changes"] == ("CONFIG_HZ: 250 \u2192 1000",)


def test_thousands_of_options_are_counted(tmp_path):
    many = "".join(f"CONFIG_X{at}=y\n" for at in range(3000))
    found = configs_of(tmp_path, {
        (0, "nort"): CONFIG, (0, "rt"): many, (1, "nort"): many})
    assert len(found["configs"]["rows"]) == kconfig.LISTED
    assert found["configs"]["more"] == 3002 - kconfig.LISTED
    one, = found["stages"]
    assert len(one["changes"]) == kconfig.PER_STAGE
    assert one["more"] == 3002 - kconfig.PER_STAGE


def test_what_matters_is_listed_before_the_rest(tmp_path):
    many = "".join(f"CONFIG_A{at:04}=y\n" for at in range(500))
    found = configs_of(tmp_path, {(0, "nort"): CONFIG,
                                  (0, "rt"): many + "CONFIG_PREEMPT_RT=y\n"})
    assert "CONFIG_PREEMPT_RT" in [option for option, _
                                   in found["configs"]["rows"]]


@pytest.mark.parametrize("text", [
    "", "\0\xff", "CONFIG_A=<script>alert(1)</script>\n",
    "CONFIG_A=" + "x" * 100_000 + "\n"])
def test_configs_that_are_no_configs(tmp_path, text):
    lab = series(tmp_path, ("nort", "rt"))
    put(tmp_path, "kernels/key0-nort/config", text)
    put(tmp_path, "kernels/key0-rt/config", CONFIG)
    put(tmp_path, "kernels/key0-nort/manifest.json", "[1, 2]")
    page, parsed = page_of(lab.done())
    assert "<script>alert" not in page and len(page) < 200_000
    assert parsed.tags.count("script") == 2


def test_what_was_forced_is_marked(tmp_path):
    lab = series(tmp_path)
    for seed, firmware in ((1, "a"), (2, "b")):
        lab.keys[0] = "key0-default"
        lab.boot(0, seed, {"time": 1.0},
                 matters={"firmware": firmware, "qemu": "10"})
    path = lab.done()
    lab = load.load(path, "demo", fingerprints=True)
    for force in (True, False):
        found = environment.environment(lab, tmp_path, force)
        assert dict((key, marked) for key, _, marked in found["differs"]) == {
            "matters.firmware": force}
    judgement = verdicts.judge(lab, None, True)
    assert judgement.forced
