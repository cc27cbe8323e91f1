"""The tables of docs/workloads.md, on one kernel and over 10 seeds.

    catalogue.py [ENTRY ...]    the first variant of each workload, unless named
    catalogue.py --monitors     what each monitor costs

The first prints the spread of the primary metric over seeds, and the smallest
change that 5 boots of each of two kernels show.  Boots are kept in build/bench,
so a second call only does what has changed.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
import statistics
import sys

from figures import BENCH, KLAB, ROOT, run

sys.path.insert(0, str(ROOT))

from analysis.stats import POWER  # noqa: E402

BOOTS = 10
#: Of each kernel, in the study that the last column is about.
FEW = 5
LAB = BENCH / "lab"
SOURCES = {
    "debian": "source: { suite: bookworm, debian-image: [{ name: '6.12', "
              "package: linux-image-6.12-cloud-amd64 }] }\n",
    "own": "source: { debian-source: linux-source-6.12, "
           "suite: bookworm-backports }\n"
           "configs:\n"
           "  own: { base: tiny, fragments: [virt, modules, memcg, kunit] }\n"
           "merge_needs: yes\n",
}


def entries() -> list[str]:
    """Each workload, or its first variant, as a study names it."""
    found = []
    for path in sorted(ROOT.glob("workloads/*/workload.yaml")):
        text = path.read_text(encoding="utf-8")
        first = re.search(r'^variants:\n  "?([\w.-]+)"?:', text, re.M)
        found.append(f"{path.parent.name}-{first[1]}" if first
                     else path.parent.name)
    return found


def study(name: str, source: str, machine: str, words: list[str]) -> str:
    """Writes a study; its path."""
    path = BENCH / f"{name}.yaml"
    path.write_text(f"study: {name}\n{SOURCES[source]}"
                    f"machines: [{machine}]\nworkloads: [{', '.join(words)}]\n"
                    f"boots: {BOOTS}\n", encoding="utf-8")
    return str(path)


def klab(*words: str) -> str:
    """klab in the bench's lab; kernels that fail are a figure, too."""
    return run([str(KLAB), "--lab", str(LAB), *words], fine=(0, 1, 3))


def split(words: list[str], source: str, machine: str
          ) -> tuple[list[str], list[str]]:
    """Those that can run there, and those that cannot."""
    if not words:
        return [], []
    plan = json.loads(klab("--json", "plan",
                           study("catalogue-try", source, machine, words)))
    unfit = {cell["workload"] for cell in plan["not_applicable"]}
    return ([word for word in words if word not in unfit],
            [word for word in words if word in unfit])


def smallest(values: list[float]) -> float:
    """The change in percent that FEW boots of each of two kernels tell from
    none, with the analysis' power at 5 %: Guenther's form, solved for it."""
    normal = statistics.NormalDist()
    alpha, beta = normal.inv_cdf(0.975), normal.inv_cdf(POWER)
    spread = statistics.stdev([math.log(value) for value in values])
    return 100 * math.expm1((alpha + beta) * spread
                            * math.sqrt(2 / (FEW - alpha ** 2 / 4)))


def step_ms(boot: str) -> float:
    """Guest time of the last step of a boot."""
    lines = (LAB / "boots" / boot / "results.jsonl").read_text().splitlines()
    ends = [frame for frame in map(json.loads, lines) if frame["t"] == "end"]
    return ends[-1]["elapsed_ns"] / 1e6


def table(name: str, machine: str) -> None:
    """One line a workload."""
    with sqlite3.connect(f"file:{LAB}/lab.db?mode=ro", uri=True) as db:
        seen = db.execute(
            "SELECT workload, metric, unit, boot, value FROM study_sample "
            "WHERE study = ? AND is_primary", (name,)).fetchall()
        bad = db.execute(
            "SELECT c.workload, b.reason FROM cell c JOIN study s "
            "ON s.id = c.study JOIN boot b ON b.id = c.boot "
            "WHERE s.name = ? AND b.state != 'ok'", (name,)).fetchall()
    groups: dict[tuple, list[tuple]] = {}
    for workload, metric, unit, boot, value in seen:
        groups.setdefault((workload, metric, unit), []).append((boot, value))
    for (workload, metric, unit), found in groups.items():
        values = [value for _, value in found]
        mean = statistics.fmean(values)
        spread = 100 * statistics.stdev(values) / mean if mean else 0
        change = f"{smallest(values):.2g} %" if min(values) > 0 else "-"
        guest = statistics.median(step_ms(boot) for boot, _ in found)
        print(f"| `{workload}` | {machine} | {metric} | {mean:.4g} {unit} "
              f"| {guest:.0f} ms | {spread:.2g} % | {change} |"
              + ("" if len(values) == BOOTS else f" {len(values)} boots"),
              flush=True)
    for workload, reason in dict(bad).items():
        print(f"| `{workload}` | {machine} | failed: {reason} |", flush=True)


def catalogue(words: list[str]) -> None:
    """All of it."""
    print("| workload | machine | metric | mean | guest time | CV | "
          f"{FEW} boots show |\n|---|---|---|---|---|---|---|")
    rest = words
    for source in SOURCES:
        for cpus in (1, 2):
            machine = f"icount-{cpus}cpu"
            fit, rest = split(rest, source, machine)
            if fit:
                name = f"catalogue-{source}-{cpus}"
                klab("run", study(name, source, machine, fit))
                table(name, machine)
    for word in rest:
        print(f"| `{word}` | none fits |")


def monitors() -> None:
    """hackbench-threads with each monitor on, against none."""
    names = sorted(path.stem for path in ROOT.glob("configs/monitors/*.yaml"))
    words = ["hackbench-threads"] + [
        f"{{hackbench-threads: {{as: {name}, monitors: [{name}]}}}}"
        for name in names]
    klab("run", study("monitors", "own", "icount-1cpu", words))
    with sqlite3.connect(f"file:{LAB}/lab.db?mode=ro", uri=True) as db:
        seen = db.execute(
            "SELECT workload, metric, value FROM study_sample WHERE study = "
            "'monitors'").fetchall()
    def values(workload: str, metric: str) -> list[float]:
        return [v for w, m, v in seen if (w, m) == (workload, metric)]

    base = values("hackbench-threads", "time")
    print(f"hackbench-threads alone: {statistics.fmean(base) / 1e6:.2f} ms, "
          f"CV {100 * statistics.stdev(base) / statistics.fmean(base):.2g} %")
    print("| monitor | to read it, before and after | the step takes |\n"
          "|---|---|---|")
    for name in names:
        cost, times = values(name, f"{name}-cost"), values(name, "time")
        read = f"{statistics.fmean(cost) / 1e3:.0f} us" if cost else "-"
        more = (f"{100 * (statistics.fmean(times) / statistics.fmean(base) - 1):+.1f} %"
                if times else "not applicable")
        print(f"| `{name}` | {read} | {more} |")


if __name__ == "__main__":
    BENCH.mkdir(parents=True, exist_ok=True)
    if sys.argv[1:] == ["--monitors"]:
        monitors()
    else:
        catalogue(sys.argv[1:] or entries())
