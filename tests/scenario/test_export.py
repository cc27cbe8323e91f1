"""klab export: the command line around the formats."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Iterator

import pytest

import kit

PYTHON = {"KLAB_PYTHON": "/usr/bin/python3"}
FORMATS = ["--lkml", "--csv", "--json", "--ktap", "--kcidb"]
#: A name with what mail, CSV and KTAP must not see; klab takes no longer one.
HOSTILE = "=1+1,\"# SKIP " + 16 * " long"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kit.Bench]:
    """A lab with a base, a kernel that is 20 % slower and one that panics; and
    the study `calm`, in which nothing regressed."""
    with kit.bench_in(tmp_path_factory.mktemp("export")) as bench:
        bench.kernel("base")
        bench.kernel("slow", "6.1.0-slow20")
        bench.kernel("panics", "6.1.0-bad")
        bench.write("s.yaml", f"""study: s
source:
  image:
    - base
    - slow
    - {{ path: panics, name: {json.dumps(HOSTILE)} }}
machines: [icount-2cpu]
workloads: [hackbench-threads]
boots: 5
compare: {{ confirm: no }}
""")
        result = bench.klab("run", bench.dir / "s.yaml", play="/bad=panic")
        assert result.code == kit.KERNEL, result.err
        assert bench.klab("run", bench.study(
            "calm", boots=3, kernels=["base"])).code == kit.DONE
        bench.env |= PYTHON
        yield bench


def test_every_format(measured: kit.Bench) -> None:
    before = measured.tree()
    out = {}
    for form in FORMATS:
        result = measured.klab("export", form, "s")
        assert (result.code, result.err) == (kit.CHANGED, ""), form
        out[form] = result.out
    assert out["--json"] == measured.klab("compare", "--json", "s").out
    lines = out["--lkml"].splitlines()
    assert max(map(len, lines)) <= 77 and out["--lkml"].isascii()
    assert lines[-1] == "To repeat it: klab run s.yaml"
    rows = list(csv.DictReader(io.StringIO(out["--csv"], newline="")))
    assert {"regressed", "broken", "baseline"} <= {row["verdict"]
                                                   for row in rows}
    assert any(row["name"].startswith("'=1+1,\"# SKIP ") for row in rows)
    assert out["--ktap"].startswith("KTAP version 1\n1..2\n")
    assert "    not ok " in out["--ktap"]
    found = json.loads(out["--kcidb"])
    assert {one["status"] for one in found["tests"]} >= {"PASS", "FAIL",
                                                         "DONE"}
    assert measured.tree() == before


def test_options(measured: kit.Bench) -> None:
    def out(*words: str) -> str:
        result = measured.klab("export", *words, "s")
        assert (result.code, result.err) == (kit.CHANGED, ""), words
        return result.out

    boots = list(csv.DictReader(io.StringIO(out("--csv", "--samples"),
                                            newline="")))
    assert {row["boot"] for row in boots} == {
        ident for (ident,) in measured.rows(
            "SELECT id FROM boot JOIN cell ON boot = id WHERE study = "
            "(SELECT id FROM study WHERE name = 's') AND state = 'ok'")}
    assert len(out("--lkml", "--all")) > len(out("--lkml"))
    assert ",time," not in out("--csv", "--metric", "switches")
    # Options may follow the study; a dry run changes as little.
    assert "against slow" in measured.klab(
        "export", "s", "--lkml", "--base=slow", "-n").out
    assert json.loads(out("--kcidb", "--origin=my_lab"))["tests"][0][
        "id"].startswith("my_lab:")


def test_nothing_regressed_gives_0(measured: kit.Bench) -> None:
    for form in FORMATS:
        result = measured.klab("export", form, "calm")
        assert (result.code, result.err) == (kit.DONE, ""), form


@pytest.mark.parametrize("words, said", [
    (["s"], "'klab export' needs a format: --lkml, --csv, --json, --ktap or "
            "--kcidb"),
    (["--lkml", "--ktap", "s"], "--lkml and --ktap are two formats: give one "
                                "of them"),
    (["--json", "--csv", "s"], "--json and --csv are two formats: give one of "
                               "them"),
    (["--csv", "--all", "s"], "--all goes with --lkml, not with --csv"),
    (["--lkml", "--samples", "s"], "--samples goes with --csv, not with "
                                   "--lkml"),
    (["--ktap", "--origin=x", "s"], "--origin goes with --kcidb, not with "
                                    "--ktap"),
    (["--kcidb", "--origin=No Good", "s"], "'No Good' cannot be an origin"),
    (["--csv", "--metric=nope", "s"], "no metric 'nope'"),
    (["--csv", "--base=99", "s"], "no stage '99'"),
    (["--csv", "nope"], "has no study 'nope'")],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "")
def test_requests_that_make_no_sense(measured: kit.Bench, words: list[str],
                                     said: str) -> None:
    result = measured.klab("export", *words)
    assert (result.code, result.out) == (kit.USER, "")
    assert said in result.one_error()


def test_no_lab(bench: kit.Bench) -> None:
    result = bench.klab("export", "--lkml", "s", env=PYTHON)
    assert (result.code, result.out) == (kit.USER, "")
    assert "there is no lab" in result.one_error()
    assert not bench.lab.exists()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("where", ["full", "pipe"])
def test_stdout_takes_nothing(measured: kit.Bench, form: str,
                              where: str) -> None:
    if where == "full":
        stdout = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, stdout = os.pipe()
        os.close(reader)
    result = measured.klab("export", form, "s", stdout=stdout)
    os.close(stdout)
    assert result.code == kit.LAB
    assert "cannot write the results" in result.one_error()
    assert "Traceback" not in result.err


def test_a_damaged_kernel_folder_is_no_failure(folder: Path) -> None:
    """What the lab's files would have told is left out."""
    with kit.bench_in(folder) as bench:
        assert bench.klab("run", bench.study(boots=2)).code == kit.DONE
        for path in bench.lab.glob("kernels/*/manifest.json"):
            path.write_bytes(b"\0{")
        for form in ("--lkml", "--kcidb"):
            result = bench.klab("export", form, "s", env=PYTHON)
            assert (result.code, result.err) == (kit.DONE, "")
