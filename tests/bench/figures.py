"""Helpers of the bench's sections: paths, commands, and how a figure looks."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
KLAB = pathlib.Path(os.environ.get("KLAB_BIN", ROOT / "klab"))
BENCH = pathlib.Path(os.environ.get("KLAB_BENCH_DIR", ROOT / "build/bench"))


def run(argv: list[str], fine: tuple[int, ...] = (0,), **more) -> str:
    """Runs a command and returns its output; ends the bench if it fails."""
    done = subprocess.run(argv, text=True, capture_output=True, check=False,
                          errors="replace", stdin=subprocess.DEVNULL, **more)
    if done.returncode not in fine:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        sys.exit(f"{' '.join(argv)}: exit {done.returncode}\n{tail}")
    return done.stdout


def goal(what: str, value: float, limit: float, unit: str = "",
         digits: int = 2) -> None:
    """Prints a figure, what it should be at most, and whether it is."""
    met = "met" if value <= limit else "NOT met"
    print(f"{what}: {value:.{digits}f}{unit} (goal: at most {limit:g}{unit}) "
          f"{met}", flush=True)
