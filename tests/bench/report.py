"""The report of a large study: how long, how much memory, how many bytes.

    report.py [--keep FOLDER]

Fills a lab (filled.py: 36 stages x 4 configs x 10 metrics x 5 boots, and more
boots of the baseline and of what was claimed), has the report written, and
prints time, peak memory and size next to the goals.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from figures import BENCH, ROOT, goal

TIMES = 3
SECONDS, MEGABYTES, PAGE = 10.0, 500.0, 5.0
#: Runs a command; prints its exit code, the peak of its largest process (KiB)
#: and the CPU time of all of them.
WATCH = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_maxrss, used.ru_utime + used.ru_stime)
"""


def write(folder: pathlib.Path, study: str) -> tuple[float, float, float]:
    """Write the report once: seconds, CPU seconds of all of it, and the
    largest process's peak in MB."""
    words = [sys.executable, "-m", "analysis", "report", "--db",
             str(folder / "lab.db"), "--lab", str(folder), "--study", study,
             "--out", str(folder / "reports" / study)]
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", WATCH, *words], cwd=ROOT,
                          text=True, capture_output=True, check=False)
    wall = time.monotonic() - start
    found = re.fullmatch(r"(\d+) (\d+) ([\d.]+)\n", done.stdout)
    if found is None or int(found[1]) > 1:
        sys.exit(f"the report failed:\n{done.stderr}")
    return wall, float(found[3]), int(found[2]) * 1024 / 1e6


def measure(folder: pathlib.Path, study: str = "filled") -> None:
    """The best of several times, the largest peak."""
    seen = [write(folder, study) for _ in range(TIMES)]
    print(f"on {os.cpu_count()} cores, the best of {TIMES}; CPU time of all "
          f"processes {min(cpu for _, cpu, _ in seen):.1f} s")
    goal("report, wall", min(wall for wall, _, _ in seen), SECONDS, " s")
    goal("largest process, peak", max(peak for *_, peak in seen), MEGABYTES,
         " MB", 0)
    page = folder / "reports" / study / "index.html"
    goal("page", page.stat().st_size / 1e6, PAGE, " MB")


def report(folder: pathlib.Path = BENCH / "filled") -> None:
    """The section of bench.py: fill once, measure."""
    print("== the report of 36 stages x 4 configs x 10 metrics x 5 boots",
          flush=True)
    if not (folder / "lab.db").is_file():
        # In a process of its own: what fills the lab is no part of the peak.
        subprocess.run([sys.executable, str(ROOT / "tests/bench/filled.py"),
                        str(folder)], check=True, stdout=subprocess.DEVNULL)
    measure(folder)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--keep", type=pathlib.Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        report(args.keep or pathlib.Path(name) / "lab")


if __name__ == "__main__":
    main()
