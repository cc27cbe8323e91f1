"""Every workload of the catalogue, for real, on the exact clock: its first
variant on Debian's 6.12, and on a kernel of our own what needs one."""

import subprocess
import sys

import pytest

from conftest import ROOT, Lab

sys.path.insert(0, str(ROOT / "tests" / "bench"))

from catalogue import SOURCES, entry, folders, study_text  # noqa: E402

# Functions that 6.12 does not have yet.
TOO_OLD = {"kmalloc-nolock", "kfree-rcu-nolock", "page-alloc-kmod-nolock",
           "bpf-arena"}

FOLDERS = folders()
ENTRIES = {entry(folder): folder for folder in FOLDERS}


def outcomes(lab: Lab, study: str) -> dict[str, tuple]:
    """State, reason and boot of the one boot of each workload."""
    return {workload: rest for workload, *rest in lab.rows(
        "SELECT c.workload, b.state, b.reason, b.id FROM cell c JOIN study s "
        "ON s.id = c.study LEFT JOIN boot b ON b.id = c.boot "
        "WHERE s.name = ?", study)}


def unfit(lab: Lab, study: str) -> dict[str, str]:
    """Why what is not applicable."""
    return dict(lab.rows(
        "SELECT n.workload, n.why FROM not_applicable n JOIN study s "
        "ON s.id = n.study WHERE s.name = ?", study))


def run(lab: Lab, source: str, words: list[str]
        ) -> subprocess.CompletedProcess:
    """One boot of each on that source's kernel, as the study of its name."""
    return lab.klab("run", lab.study(source, study_text(
        source, SOURCES[source], "icount-2cpu", words, boots=1)))


@pytest.fixture(scope="module")
def debian(tmp_path_factory) -> Lab:
    """A lab with all of it done on Debian's kernel."""
    lab = Lab(tmp_path_factory.mktemp("catalogue"))
    lab.done = run(lab, "debian", list(ENTRIES))
    return lab


@pytest.fixture(scope="module")
def own(debian) -> Lab:
    """The same lab with the rest done on a kernel of its own."""
    words = [word for word, why in unfit(debian, "debian").items()
             if "CONFIG_" in why or "klab builds" in why]
    debian.done = run(debian, "own", words)
    return debian


def check(lab: Lab, study: str) -> None:
    """All boots ran to their end and have the primary metric's value."""
    seen = outcomes(lab, study)
    assert seen, lab.done.stderr
    failed = {word: rest for word, rest in seen.items() if rest[0] != "ok"}
    assert failed == {}, lab.done.stderr
    assert lab.done.returncode == 0, lab.done.stderr
    measured = {word for word, in lab.rows(
        "SELECT workload FROM study_sample WHERE study = ? AND is_primary",
        study)}
    assert measured == set(seen)


def test_on_debians_kernel(debian):
    check(debian, "debian")
    # Nothing is left out without a word.
    assert (set(outcomes(debian, "debian")) | set(unfit(debian, "debian"))
            == set(ENTRIES))
    assert len(outcomes(debian, "debian")) > len(ENTRIES) / 2


def test_on_a_kernel_of_our_own(own):
    check(own, "own")
    too_old = {ENTRIES[word] for word in unfit(own, "own")}
    assert too_old <= TOO_OLD, unfit(own, "own")


def test_all_ran_somewhere(own):
    ran = set(outcomes(own, "debian")) | set(outcomes(own, "own"))
    assert {ENTRIES[word] for word in set(ENTRIES) - ran} <= TOO_OLD


def test_monitors_stay_exact(own):
    """What is read before and after is part of what repeats."""
    boots = outcomes(own, "debian")
    word = next(word for word in boots if ENTRIES[word] == "slab-churn")
    done = own.klab("reproduce", boots[word][2])
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_workload_is_in_the_documents():
    text = (ROOT / "docs" / "workloads.md").read_text()
    assert [name for name in FOLDERS if f"\n| `{name}` |" not in text] == []
    assert [name for name in FOLDERS if
            not (ROOT / "workloads" / name / "README.md").exists()] == []
