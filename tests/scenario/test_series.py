"""klab series import: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
from pathlib import Path

import pytest

import kit

DATA = kit.ROOT / "tests" / "data" / "series"
SUBJECTS = ["lib/pool: count a slot where it is taken",
            "lib/pool: start the search at a hint",
            "lib/pool: add pool_reset()"]
ENV = {**os.environ, "KLAB_HOME": str(kit.ROOT), "LC_ALL": "C.UTF-8"}
NAME = "lib-pool-reset-and-a-faster-search-v2"


def klab(folder: Path, *words: object) -> kit.Result:
    """Runs klab in a folder."""
    done = subprocess.run(
        [str(kit.program()), "series", "import", *map(str, words)], cwd=folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
        timeout=kit.DEADLINE, env=ENV)
    return kit.Result(done.returncode, done.stdout.decode(),
                      done.stderr.decode())


def git(folder: Path, *words: object) -> str:
    """Runs git as nobody in particular."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null",
           "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "A",
           "GIT_AUTHOR_EMAIL": "a@x", "GIT_COMMITTER_NAME": "A",
           "GIT_COMMITTER_EMAIL": "a@x"}
    done = subprocess.run(["git", "-C", str(folder), *map(str, words)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, env=env, timeout=kit.DEADLINE)
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


@pytest.fixture
def tree(folder: Path) -> Path:
    """A repository with the files that the patches are for."""
    repo = folder / "tree"
    subprocess.run(["cp", "-r", DATA / "base", repo], check=True)
    git(repo, "init", "-q")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "base")
    return repo


def tree_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}


# ---- what it reads ----

def test_a_thread(folder: Path) -> None:
    result = klab(folder, DATA / "thread.txt")
    assert result.code == kit.DONE and result.err == ""
    lines = result.out.splitlines()
    assert lines[0] == "lib/pool: reset, and a faster search"
    assert lines[1].startswith("version 2, 3 patches, on 711c6a2e5dd4")
    assert [line[19:] for line in lines[3:6]] == SUBJECTS
    assert "   2  Zoë Exämple  lib/pool" in result.out
    assert "answers patch 2: Ada Example: lib/pool: say what" in result.out
    assert lines[-1] == f"written to {NAME}"
    names = (folder / NAME / "series").read_text().splitlines()
    assert names[0] == "0001-lib-pool-count-a-slot-where-it-is-taken.patch"
    manifest = json.loads((folder / NAME / "manifest.json").read_text())
    assert manifest["version"] == 2
    assert manifest["title"] == "lib/pool: reset, and a faster search"
    assert manifest["base_commit"].startswith("711c6a2e")
    assert [p["subject"] for p in manifest["patches"]] == SUBJECTS
    assert os.listdir(folder) == [NAME]


def test_each_form_gives_the_same_patches(folder: Path, tree: Path) -> None:
    packed = folder / "t.mbox.gz"
    packed.write_bytes(gzip.compress((DATA / "thread.mbox").read_bytes()))
    for path in sorted((DATA / "patches").glob("*000[1-3]*")):
        git(tree, "am", "-q", path)
    forms: dict[str, list[object]] = {
        "thread": [DATA / "thread.txt"], "mbox": [DATA / "thread.mbox"],
        "gz": [packed], "folder": [DATA / "patches"],
        "range": ["--git", tree, "HEAD~3..HEAD"],
        "again": [folder / "folder"],
        "forced": ["--form", "quilt", folder / "folder"]}
    diffs = {}
    for name, words in forms.items():
        result = klab(folder, "--json", "--out", folder / name, *words)
        assert result.code == kit.DONE, result.err
        found = json.loads(result.out)
        assert found["written"] is True
        assert [p["subject"] for p in found["patches"]] == SUBJECTS
        assert found["patches"][1]["author"].startswith("Zoë Exämple <")
        diffs[name] = [
            "\n".join(line for line in (folder / name / p["file"])
                      .read_text().split("---\n", 1)[1].splitlines()
                      if not line.startswith("index "))
            for p in found["patches"]]
    assert len({json.dumps(d) for d in diffs.values()}) == 1


@pytest.mark.parametrize("fixups", [False, True])
def test_what_is_written_applies(folder: Path, tree: Path,
                                 fixups: bool) -> None:
    """To git am, and in the order of the series to git apply."""
    words = ["--with-fixups"] if fixups else []
    result = klab(folder, "--json", "--out", "s", *words, DATA / "thread.mbox")
    found = json.loads(result.out)
    assert [p["answers"] for p in found["patches"]] == \
        ([None, None, 2, 2, None] if fixups else [None] * 3)
    names = (folder / "s" / "series").read_text().split()
    for name in names:
        git(tree, "apply", "--check", folder / "s" / name)
        git(tree, "am", "-q", folder / "s" / name)
    assert git(tree, "log", "-1", "--format=%s").strip() == SUBJECTS[2]
    assert "Zoë Exämple" in git(tree, "log", "--format=%an %ad")
    hint = "if (slot < hint)" in (tree / "lib" / "pool.c").read_text()
    assert hint is fixups


def test_a_tree_with_its_patches(folder: Path, tree: Path) -> None:
    """As quilt keeps them; and a series folder is known for one."""
    klab(folder, "--out", tree / "patches", DATA / "thread.txt")
    for words in ([tree], [tree / "patches"], [tree / "patches/series"],
                  ["--form", "folder", tree / "patches"]):
        again = klab(folder, "-n", *words)
        assert "version 2, 3 patches" in again.out, again.err
        assert "answers patch 2" in again.out


def test_a_dry_run_writes_nothing(folder: Path) -> None:
    result = klab(folder, "-n", DATA / "thread.txt")
    assert result.code == kit.DONE
    assert result.out.endswith(f"would be written to {NAME}\n")
    assert os.listdir(folder) == []


def test_an_older_version(folder: Path) -> None:
    result = klab(folder, "--series-version", "1", DATA / "thread.txt")
    assert result.code == kit.USER
    assert "patch 2 of 2 is missing; there are v2" in result.one_error()


def test_a_git_range(folder: Path, tree: Path) -> None:
    """What the repository configures changes nothing, nor is it changed."""
    for key, value in (("diff.noprefix", "true"), ("diff.external", "false"),
                       ("format.subjectPrefix", "X"), ("diff.context", "0"),
                       ("diff.algorithm", "patience"), ("format.attach", "b"),
                       ("color.ui", "always"), ("diff.renames", "false"),
                       ("format.coverLetter", "true")):
        git(tree, "config", key, value)
    (tree / "crlf.txt").write_bytes(b"a\r\nb\r\n")
    (tree / "ä b.bin").write_bytes(bytes(range(256)))
    git(tree, "mv", "lib/pool.c", "lib/basin.c")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "one\n\nFrom here on.\n\nFrom x\nFrom: y")
    (tree / "crlf.txt").write_bytes(b"a\r\nc\r\n")
    git(tree, "commit", "-q", "-a", "-m", "[tag] two")
    before = tree_of(tree)
    result = klab(folder, "--json", "--out", "s", "--git", tree,
                  "HEAD~2..HEAD")
    assert result.code == kit.DONE, result.err
    assert tree_of(tree) == before
    found = json.loads(result.out)
    assert [p["subject"] for p in found["patches"]] == ["one", "[tag] two"]
    assert found["patches"][0]["paths"] == [
        "crlf.txt", "lib/basin.c", "lib/pool.c", "ä b.bin"]
    copy = folder / "copy"
    git(folder, "clone", "-q", tree, copy)
    git(copy, "reset", "-q", "--hard", "HEAD~2")
    for name in (folder / "s/series").read_text().split():
        git(copy, "apply", "--index", folder / "s" / name)
    assert git(copy, "write-tree") == git(tree, "rev-parse", "HEAD^{tree}")


def test_bad_ranges(folder: Path, tree: Path) -> None:
    for words, want in (
            (["--git", tree, "HEAD"], "'HEAD' is not a range of commits"),
            (["--git", tree, "no..HEAD"], "git cannot read range 'no..HEAD'"),
            (["--git", tree, "HEAD..HEAD"], "has no commit"),
            (["--git", tree, "--", "--output=x..y"], "is not a range"),
            (["--git", folder, "a..b"], "git cannot read range"),
            (["--git", tree, "--form", "mbox", "a..b"], "does not go with")):
        result = klab(folder, *words)
        assert result.code == kit.USER
        assert want in result.one_error()


# ---- what it refuses ----

def test_usage(folder: Path) -> None:
    for words, want in ((["--form", "mbx", "x"], "did you mean mbox"),
                        (["--series-version", "0", "x"], "is not a number"),
                        (["absent"], "cannot read 'absent'")):
        result = klab(folder, *words)
        assert result.code == kit.USER
        assert want in result.one_error()
    done = subprocess.run([str(kit.program()), "series", "export", "x"],
                          env=ENV, stderr=subprocess.PIPE, check=False)
    assert done.returncode == kit.USER and b"only import" in done.stderr


def test_a_folder_that_is_there(folder: Path) -> None:
    assert klab(folder, DATA / "patches").code == kit.DONE
    before = tree_of(folder)
    result = klab(folder, DATA / "thread.txt")
    assert result.code == kit.USER
    assert f"'{NAME}' is there already" in result.one_error()
    assert tree_of(folder) == before


MAIL = ("From x@y Thu Jan  1 00:00:00 1970\nFrom: A <a@x>\n"
        "Subject: [PATCH] one\n\nWhy.\n---\n")
DIFF = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"


NOISE = random.Random(1).randbytes(1 << 16).replace(b"\n", b"")

BAD: dict[str, tuple[str | bytes, str | None]] = {
    "climbs": (MAIL + DIFF.replace("/x", "/../x"),
               "bad:7: message 1: path 'a/../x' climbs out of the tree"),
    "git": (MAIL + DIFF.replace("/x", "/.git/hooks/x"),
            "bad:7: message 1: path 'a/.git/hooks/x' is in .git"),
    "absolute": (MAIL + DIFF.replace("a/x", "/x").replace("b/x", "/x"),
                 "bad:7: message 1: path '/x' is absolute"),
    "cut": (MAIL + DIFF[:-4], "bad:9: message 1: the diff is cut off"),
    "wrapped": (MAIL + DIFF.replace("-b", "wrapped"),
                "bad:11: message 1: the diff is mangled"),
    "cr-in-content": (MAIL + DIFF.replace("+c\n", "+c\r\n"), None),
    "some-crlf": (MAIL + DIFF.replace("x\n", "x\r\n"),
                  "bad:7: message 1: the line ends in CR LF"),
    "crlf": ((MAIL + DIFF).replace("\n", "\r\n"), None),
    "long": (MAIL + "x" * (2 << 20) + DIFF, "bad:7: this line has"),
    "nul": (MAIL + "\0" + DIFF, "bad:7: there is a NUL byte"),
    "noise": (NOISE + b"\0", "bad:1: "),
    "half-packed": (gzip.compress(MAIL.encode() * 1000)[:-20],
                    "cannot be unpacked"),
    "empty": ("", "there is no patch in it"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(folder: Path, name: str) -> None:
    """Refused with the place, and nothing is written; or taken as it is."""
    text, want = BAD[name]
    bad = folder / "bad"
    bad.write_bytes(text if isinstance(text, bytes) else text.encode())
    result = klab(folder, "--out", "out", "bad")
    if want is None:
        assert result.code == kit.DONE, result.err
        return
    assert result.code == kit.USER
    assert want in result.one_error()
    assert os.listdir(folder) == ["bad"]
    assert result.out == ""
