"""KTAP and KCIDB: results of tests, as other programs read them."""

import json

import jsonschema
import pytest

from analysis import export, text
from analysis.errors import BadRequest
from analysis.export import kcidb, made
from exports import SCHEMA, assert_ktap, patches, text_of
from labs import LabMaker, simple
from test_verdicts import boots


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """The database of patches(), read and judged once."""
    return patches(tmp_path_factory.mktemp("series"))


# ktap

def test_ktap(series):
    builds, *places = assert_ktap(text_of(series, "ktap"))
    assert builds[1] == "builds" and not builds[0]
    assert [part[1] for part in builds[3] if not part[0]] == [
        "stage 3, nort", "stage 3, rt"]
    assert [place[1] for place in places] == ["nort on icount-1cpu",
                                              "rt on icount-1cpu"]
    for place in places:
        [(ok, name, _, results)] = place[3]
        assert not ok and name == "hackbench"
        by_name = {result[1]: result for result in results}
        assert len(by_name) == len(results) == 36
        bad = {key for key, result in by_name.items() if not result[0]}
        sick = {"stage 7, boots"} if place[1].startswith("rt") else set()
        assert bad == {"stage 6, boots"} | sick | {
            f"stage {stage}, time" for stage in (5, 7, 8, 9, 10, 11)}
        skipped = {key for key, result in by_name.items()
                   if result[2] == "SKIP"}
        assert skipped >= {"stage 3, boots", "stage 3, time", "stage 6, time"}
        assert by_name["stage 0, time"][2] is None


def test_ktap_follows_the_code_of_another_stage(tmp_path):
    lab = LabMaker(tmp_path, kernels=("base", "slow"))
    lab.stage(2, "again", run_key="key-slow")
    lab.machine()
    lab.metric()
    for stage, mean in ((0, 8e8), (1, 9e8), (2, 9e8)):
        for seed, value in enumerate(boots(mean, stage), 1):
            lab.boot(stage, seed, {"time": value})
    path = lab.done()
    results = assert_ktap(text_of(path, "ktap"))[1][3][0][3]
    assert {name: ok for ok, name, _, _ in results} == {
        "stage 0, boots": True, "stage 0, time": True,
        "stage 1, boots": True, "stage 1, time": False,
        "stage 2, boots": True, "stage 2, time": False}
    tests = json.loads(text_of(path, "kcidb"))["tests"]
    assert [one["status"] for one in tests if one["path"].endswith(".time")
            ] == ["DONE", "FAIL", "FAIL"]


def test_ktap_tells_the_labs_failures_apart(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric()
    lab.boot(0, 1, {"time": 1.0})
    lab.boot(1, 1, {}, state="lab", outcome="infra", reason="disk full")
    path = lab.done()
    out = text_of(path, "ktap")
    assert "not ok 3 stage 1, boots # ERROR the lab failed: disk full" in out
    tests = json.loads(text_of(path, "kcidb"))["tests"]
    assert [one["status"] for one in tests if one["path"].count(".") == 1
            ] == ["PASS", "MISS"]


def test_consoles_cannot_pose_as_results(series):
    out = text_of(series, "ktap")
    assert "    # | [ 1.1] ok 1 fake\n" in out
    assert_ktap(out)


@pytest.fixture
def forced(tmp_path):
    """A lab whose boots ran under other conditions than those of the
    baseline."""
    lab = LabMaker(tmp_path)
    lab.machine()
    lab.metric()
    for stage, qemu in enumerate(("10.0.2", "# ok 1 \n9.1")):
        for seed, value in enumerate(boots(8e8, stage), 1):
            lab.boot(stage, seed, {"time": value}, matters={"qemu": qemu})
    return lab.done()


def test_ktap_tells_what_was_forced(forced, series):
    out = text_of(forced, "ktap", force=True)
    assert_ktap(out)
    lines = out.splitlines()
    assert lines[1:3] == ["1..2", f"# {text.FORCED}:"]
    assert lines[3].startswith("# machine 'icount-1cpu': qemu is '10.0.2' in")
    assert "--force" not in text_of(series, "ktap")


# kcidb

def submission(path, **options):
    found = json.loads(text_of(path, "kcidb", export.Options(**options)),
                       parse_constant=pytest.fail)
    SCHEMA.validate(found)
    for kind, parent in (("builds", "checkouts"), ("tests", "builds")):
        known = [one["id"] for one in found[parent]]
        assert len(known) == len(set(known))
        assert {one[f"{parent[:-1]}_id"] for one in found[kind]} <= set(known)
    assert len({one["id"] for one in found["tests"]}) == len(found["tests"])
    return found


def test_kcidb(series):
    found = submission(series)
    assert [one["status"] for one in found["builds"]].count("FAIL") == 2
    assert len(found["builds"]) == 24
    builds = {one["id"]: one for one in found["builds"]}
    assert {one["config_name"] for one in builds.values()} == {"nort", "rt"}
    said = {}
    for one in found["tests"]:
        build = builds[one["build_id"]]
        said[build["misc"]["klab"]["stage"], build["config_name"],
             one["path"]] = one
    bad = said[6, "nort", "klab.hackbench"]
    assert bad["status"] == "FAIL" and "Kernel panic" in bad["log_excerpt"]
    assert said[7, "rt", "klab.hackbench"]["status"] == "FAIL"
    assert "WARNING" in said[7, "rt", "klab.hackbench"]["log_excerpt"]
    assert said[7, "nort", "klab.hackbench"]["status"] == "PASS"
    slow = said[5, "nort", "klab.hackbench.time"]
    assert slow["status"] == "FAIL"
    assert slow["number"]["unit"] == "instructions"
    assert slow["number"]["value"] == pytest.approx(1.05e8, rel=0.01)
    assert slow["misc"]["klab"]["low"] < slow["misc"]["klab"]["change"]
    base = said[0, "nort", "klab.hackbench.time"]
    assert base["status"] == "DONE" and base["duration"] == 20.0
    assert said[4, "nort", "klab.hackbench.time"]["status"] == "PASS"


def test_kcidb_has_seconds_on_the_wall_clock(tmp_path):
    lab = LabMaker(tmp_path)
    lab.machine("kvm", clock="wall", accel="kvm")
    lab.metric(unit="ms")
    for stage in (0, 1):
        for seed in (1, 2, 3):
            lab.boot(stage, seed, {"time": 800.0}, machine="kvm")
    numbers = [one["number"] for one in submission(lab.done())["tests"]
               if "number" in one]
    assert numbers and all(
        number["unit"] == "s" and number["value"] == pytest.approx(0.8)
        for number in numbers)


def test_kcidb_tells_what_was_forced(forced, series):
    found = json.loads(text_of(forced, "kcidb", force=True))
    SCHEMA.validate(found)
    metrics = [one["misc"]["klab"] for one in found["tests"]
               if one["path"].endswith(".time")]
    assert len(metrics) == 2
    for one in metrics:
        [said] = one["forced"]
        assert said.startswith("machine 'icount-1cpu': qemu is '10.0.2' in")
    assert not any("forced" in one["misc"]["klab"]
                   for one in submission(series)["tests"])


def test_kcidb_tells_stages_with_one_kernel_apart(tmp_path):
    """Two names of one package give one image, and so one build."""
    lab = LabMaker(tmp_path, kernels=())
    lab.machine()
    lab.metric()
    for stage, name in enumerate(("linux-image-amd64", "linux-image-6.12")):
        lab.stage(stage, name, "one")
        for seed in (1, 2, 3):
            lab.boot(stage, seed, {"time": 8e8 + seed})
    found = submission(lab.done())
    assert len(found["builds"]) == 1 and len(found["tests"]) == 4
    assert [one["misc"]["klab"]["stage"] for one in found["tests"]] == [
        0, 0, 1, 1]


def builds_of_git(folder, request, titles):
    lab = LabMaker(folder, kernels=())
    lab.machine()
    lab.metric()
    for stage, title in enumerate(titles):
        lab.stage(stage, str(stage), f"k{stage}", title=title,
                  package=None, version=None)
        lab.boot(stage, 1, {"time": 1.0})
        kernel = folder / f"kernels/k{stage}"
        kernel.mkdir(parents=True)
        (kernel / "manifest.json").write_text(json.dumps({
            "commit": f"{stage}" * 40, "tree": f"{stage + 5}" * 40,
            "build": {"toolchain": "gcc 12", "wall_ms": 1500}}))
    lab.db.execute("UPDATE stage SET request = ?", (request,))
    return submission(lab.done())


@pytest.mark.parametrize("request_, titles, commits", [
    ("git https://example.org/linux.git base v6.12", [None, "one"],
     ["0" * 40, None]),
    ("git https://example.org/linux.git range v6.12..topic", [None, "one"],
     ["0" * 40, "1" * 40]),
    ("tarball linux.tar.xz", [None, "one"], [None, None])])
def test_kcidb_names_only_commits_that_others_have(tmp_path, request_, titles,
                                                   commits):
    found = builds_of_git(tmp_path, request_, titles)
    trees = found["checkouts"]
    assert [one.get("git_commit_hash") for one in trees] == commits
    assert [one.get("patchset_hash") for one in trees] == [
        "" if commit else None for commit in commits]
    assert {one.get("git_repository_url") for one in trees} == (
        {"https://example.org/linux.git"} if "https" in request_ else {None})
    assert [one["compiler"] for one in found["builds"]] == ["gcc 12"] * 2
    assert [one["duration"] for one in found["builds"]] == [1.5] * 2


def test_kcidb_paths_are_words(tmp_path):
    path = simple(tmp_path, {"a": [1.0] * 3}, workload="fio: 4k/rand.read",
                  name="p99.9")
    # simple() boots hackbench: the workload above has no boot.
    assert submission(path)["tests"] == []
    lab = LabMaker(tmp_path / "two")
    lab.machine()
    lab.metric("fio: 4k/rand.read", "p99.9")
    lab.boot(0, 1, {"p99.9": 1.0}, workload="fio: 4k/rand.read")
    assert [one["path"] for one in submission(lab.done())["tests"]] == [
        "klab.fio__4k_rand_read", "klab.fio__4k_rand_read.p99_9"]


def test_kcidb_patch_that_does_not_apply(tmp_path):
    lab = LabMaker(tmp_path, kernels=("base",))
    lab.stage(1, "1", error="stage 1: the patch does not apply", title="one")
    lab.machine()
    lab.metric()
    lab.boot(0, 1, {"time": 1.0})
    found = submission(lab.done())
    assert [one["valid"] for one in found["checkouts"]] == [True, False]
    assert "does not apply" in found["checkouts"][1]["log_excerpt"]
    assert len(found["builds"]) == 1


@pytest.mark.parametrize("origin", ["", "A", "a b", "klab:x", "a\n", "é"])
def test_kcidb_origin(tmp_path, origin):
    path = simple(tmp_path, {"a": [1.0] * 3})
    with pytest.raises(BadRequest, match="cannot be an origin"):
        text_of(path, "kcidb", export.Options(origin=origin))
    found = submission(path, origin="my_lab2")
    assert all(one["origin"] == "my_lab2" and one["id"].startswith("my_lab2:")
               for kind in ("checkouts", "builds", "tests")
               for one in found[kind])


def test_the_schema_refuses_what_kcidb_refuses(series):
    """Else the tests above would say nothing."""
    good = submission(series)
    for path, value in ((("tests", 0, "status"), "GOOD"),
                        (("tests", 0, "path"), "klab.a b"),
                        (("tests", 0, "id"), "noorigin"),
                        (("tests", 0, "comment"), "a\0b"),
                        (("tests", 0, "comment"), None),
                        (("tests", 0, "log_excerpt"), "x" * 16385),
                        (("builds", 0, "architecture"), "X86"),
                        (("version", "major"), 4)):
        bad = json.loads(json.dumps(good))
        *way, last = path
        at = bad
        for key in way:
            at = at[key]
        at[last] = value
        with pytest.raises(jsonschema.ValidationError):
            SCHEMA.validate(bad)


@pytest.mark.parametrize("key, log, words", [
    ("../../etc", None, "{}"), ("k", None, "[1]"), ("k", None, "{"),
    ("k", None, '{"build": [], "commit": 7, "tree": "x"}'),
    ("k", None, "[" * 100_000), (None, "broken/../x/build.log.zst", "{}"),
    (None, None, "{}")])
def test_damaged_manifests_say_nothing(tmp_path, key, log, words):
    folder = tmp_path / "kernels/k"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(words)
    assert made.read(tmp_path, key, log) == made.Made()


@pytest.mark.parametrize("key", ["../outside", "..", "a/b", ""])
def test_only_the_labs_own_manifests_are_read(tmp_path, key):
    for folder in ("kernels/a/b", "outside", "."):
        path = tmp_path / folder
        path.mkdir(parents=True, exist_ok=True)
        (path / "manifest.json").write_text(json.dumps({"commit": "a" * 40}))
    assert made.read(tmp_path, key, None) == made.Made()


def test_the_version_is_one_that_the_schema_has():
    assert kcidb.VERSION["major"] == 5 and 0 <= kcidb.VERSION["minor"] <= 3
