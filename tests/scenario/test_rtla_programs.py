"""The programs that add up rtla's tables, on real tables and damaged ones.

They are compiled here as klab compiles them, and run `cat` in place of rtla.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMON = ROOT / "workloads/common/child.c"


def compiled(source: str, folder: Path) -> Path:
    """A workload's program, in folder."""
    path = folder / Path(source).stem
    subprocess.run(["gcc", "-std=gnu11", "-O2", "-static", "-Wall", "-Wextra",
                    "-Werror", "-o", path, ROOT / "workloads" / source, COMMON,
                    "-lm"], check=True)
    return path


def printed(workload: str) -> str:
    """What the step wrote in a guest: rtla's table, then the program's sums."""
    path = ROOT / "tests/data/workloads" / workload / "run.jsonl"
    frames = [json.loads(line) for line in path.read_text().splitlines()]
    return "".join(f["data"] for f in frames
                   if f["t"] == "out" and f["stream"] == "out")


@pytest.fixture(scope="module", name="timerlat")
def fixture_timerlat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """timerlat_hist."""
    return compiled("rtla-timerlat/timerlat_hist.c",
                    tmp_path_factory.mktemp("timerlat"))


@pytest.fixture(scope="module", name="osnoise")
def fixture_osnoise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """osnoise_top."""
    return compiled("rtla-osnoise/osnoise_top.c",
                    tmp_path_factory.mktemp("osnoise"))


def timerlat_run(program: Path, folder: Path,
                 table: str) -> subprocess.CompletedProcess[str]:
    """timerlat_hist on a table; its JSON is folder/json."""
    (folder / "table").write_text(table)
    return subprocess.run([program, folder / "json", "cat", folder / "table"],
                          capture_output=True, text=True, check=False)


def osnoise_run(program: Path, folder: Path,
                table: str) -> subprocess.CompletedProcess[str]:
    """osnoise_top on a table."""
    (folder / "table").write_text(table)
    return subprocess.run([program, "cat", folder / "table"],
                          capture_output=True, text=True, check=False)


def timerlat_table() -> str:
    """rtla's own part of the sample."""
    return printed("rtla-timerlat").split("irq samples")[0]


def osnoise_table() -> str:
    """rtla's own part of the sample."""
    return printed("rtla-osnoise").split("cpus ")[0]


def test_timerlat_sample(timerlat: Path, tmp_path: Path) -> None:
    """What the guest printed comes out again, and the histogram is whole."""
    done = timerlat_run(timerlat, tmp_path, timerlat_table())
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed("rtla-timerlat")
    threads = json.loads((tmp_path / "json").read_text())["thread"]
    for thread in threads.values():
        assert sum(thread["histogram"].values()) == thread["cycles"]
    samples = re.search(r"^thread samples (\d+)$", done.stdout, re.M)
    assert samples and int(samples[1]) == sum(t["cycles"]
                                              for t in threads.values())


def test_timerlat_overflow(timerlat: Path, tmp_path: Path) -> None:
    """What is in no bucket is counted, and no quantile is made up from it."""
    table = ("# Time unit is nanoseconds (ns)\nIndex IRQ-000 Thr-000\n"
             "500 1000 0\n4000 0 980\nover: 0 20\ncount: 1000 1000\n"
             "min: 501 4001\navg: 510 9000\nmax: 520 700000\n")
    done = timerlat_run(timerlat, tmp_path, table)
    assert done.returncode == 0, done.stderr
    assert "thread over 20\n" in done.stdout
    assert "thread max_ns 700000\n" in done.stdout
    assert "irq p99_ns 500\n" in done.stdout
    assert "thread p99_ns" not in done.stdout
    assert "p999_ns" not in done.stdout  # 1000 samples do not carry it
    thread = json.loads((tmp_path / "json").read_text())["thread"]["0"]
    assert thread["cycles"] == 1000 and thread["histogram"] == {"4": 980}


@pytest.mark.parametrize("damage, reason", [
    (lambda t: "", "not whole"),
    (lambda t: t[:len(t) // 2], "not understood|not whole"),
    (lambda t: t.replace("max:", "mx:"), "not understood"),
    (lambda t: t.replace("nanoseconds", "microseconds"), "not in nanoseconds"),
    (lambda t: re.sub(r"(?m)^(count: +)\d", r"\g<1>9", t), "contradicts"),
    (lambda t: re.sub(r"(?m)^(avg: +)\d+", r"\g<1>nan", t), "not understood"),
    (lambda t: re.sub(r"(?m)^(min: +)", r"\g<1>-", t), "not understood"),
    (lambda t: re.sub(r"(?m)^over:.*\n", "", t), "not whole"),
    (lambda t: "Could not enable timerlat\n" + t, "not understood"),
])
def test_timerlat_damaged(timerlat: Path, tmp_path: Path, damage,
                          reason: str) -> None:
    """A table that is not one is refused, with a reason."""
    done = timerlat_run(timerlat, tmp_path, damage(timerlat_table()))
    assert done.returncode == 1
    assert re.search(reason, done.stderr), done.stderr
    assert "p99_ns" not in done.stdout


def test_osnoise_sample(osnoise: Path, tmp_path: Path) -> None:
    """What the guest printed comes out again."""
    done = osnoise_run(osnoise, tmp_path, osnoise_table())
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed("rtla-osnoise")


@pytest.mark.parametrize("damage, reason", [
    (lambda t: "", "no table"),
    (lambda t: t[:t.rindex("#")], "no table"),
    (lambda t: re.sub(r"(#\d+ +)(\d)", r"\1-\2", t), "contradicts"),
    (lambda t: re.sub(r"\d+\.\d+", "nan", t), "contradicts"),
    (lambda t: re.sub(r"\d+\.\d+", "12.5", t), "contradicts"),
])
def test_osnoise_damaged(osnoise: Path, tmp_path: Path, damage,
                         reason: str) -> None:
    """A table that is not one is refused, with a reason."""
    done = osnoise_run(osnoise, tmp_path, damage(osnoise_table()))
    assert done.returncode == 1
    assert re.search(reason, done.stderr), done.stderr
    assert "noise_ppm" not in done.stdout


def test_program_that_fails(timerlat: Path, osnoise: Path,
                            tmp_path: Path) -> None:
    """rtla's failure is theirs."""
    for words in ([timerlat, tmp_path / "json", "false"], [osnoise, "false"],
                  [osnoise, "no-such-program"]):
        done = subprocess.run(words, capture_output=True, text=True,
                              check=False)
        assert done.returncode == 1 and "failed" in done.stderr
