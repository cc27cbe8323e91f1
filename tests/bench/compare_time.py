"""How long `klab compare` takes on a lab of 10,000 samples, and what for.

    compare_time.py [--keep FOLDER]

20 stages x 4 configs x 5 workloads x 5 boots, five metrics each, made by the
tests' LabMaker; one stage in ten has changed. Prints the wall and CPU time of
the whole command, of its imports, and of each step, the best of five.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
import tempfile
import time

import numpy as np

from figures import ROOT, goal, run

sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "analysis")]

from analysis import load, table, verdicts  # noqa: E402
from labs import LabMaker  # noqa: E402

STAGES, CONFIGS, WORKLOADS, BOOTS, METRICS = 20, 4, 5, 5, 5
TIMES = 5


def make(folder: pathlib.Path) -> pathlib.Path:
    """The lab; its database."""
    rng = np.random.default_rng(1)
    lab = LabMaker(folder, kernels=tuple(f"k{i}" for i in range(STAGES)))
    for config in range(1, CONFIGS):
        for stage in range(STAGES):
            lab.stage(stage, f"k{stage}", key=f"key-k{stage}-c{config}",
                      config=f"c{config}")
    lab.machine()
    for w in range(WORKLOADS):
        for m in range(METRICS):
            lab.metric(f"w{w}", f"m{m}", primary=m == 0)
    for c in range(CONFIGS):
        for stage in range(STAGES):
            lab.keys[stage] = f"key-k{stage}" + (f"-c{c}" if c else "")
            slow = 0.05 if stage % 10 == 7 else 0.0
            for w in range(WORKLOADS):
                for seed in range(1, BOOTS + 1):
                    noise = rng.normal(slow, 0.01, METRICS)
                    lab.boot(stage, seed,
                             {f"m{m}": 1e8 * float(np.exp(x))
                              for m, x in enumerate(noise)},
                             config=f"c{c}" if c else "default",
                             workload=f"w{w}")
    return lab.done()


def best(argv: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a command, the best of several."""
    seen = []
    for _ in range(TIMES):
        wall, before = time.monotonic(), os.times()
        run(argv, fine=(0, 1), cwd=ROOT)
        after = os.times()
        seen.append((time.monotonic() - wall,
                     after.children_user + after.children_system
                     - before.children_user - before.children_system))
    return min(wall for wall, _ in seen), min(cpu for _, cpu in seen)


def step(what: str, work) -> object:
    """The best CPU time of one step, printed; its result."""
    seen = []
    for _ in range(TIMES):
        start = time.process_time()
        result = work()
        seen.append(time.process_time() - start)
    print(f"  {what}: {1000 * min(seen):.0f} ms of CPU", flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--keep", type=pathlib.Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = args.keep or pathlib.Path(name)
        db = folder / "lab.db"
        if not db.is_file():
            make(folder)
        measure(db)


def measure(db: pathlib.Path) -> None:
    """The table of one database."""
    samples = STAGES * CONFIGS * WORKLOADS * BOOTS * METRICS
    words = ["compare", "--db", str(db), "--study", "demo"]
    wall, cpu = best([sys.executable, "-m", "analysis", *words])
    goal(f"compare on {samples:,} samples, wall", wall, 1.0, " s")
    goal(f"compare on {samples:,} samples, CPU", cpu, 1.0, " s")
    wall, cpu = best([sys.executable, "-c", "import numpy, pandas"])
    print(f"  python3 with numpy and pandas alone: {wall:.2f} s of wall time, "
          f"{cpu:.2f} s of CPU")
    lab = step("load", lambda: load.load(db, "demo"))
    step("decide", lambda: verdicts.decide(lab))
    judgement = step("decide and explain", lambda: verdicts.judge(lab))
    step("print", lambda: table.render(judgement, False, {}))


if __name__ == "__main__":
    main()
