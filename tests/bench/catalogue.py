"""The tables of docs/workloads.md, on one kernel and over 10 seeds.

    catalogue.py [ENTRY ...]    the first variant of each workload, unless named
    catalogue.py --monitors     what each monitor costs, and each option for one

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

import scipy.stats

from figures import BENCH, KLAB, ROOT, run

sys.path.insert(0, str(ROOT))

from analysis.stats import POWER  # noqa: E402

BOOTS = 10
#: Of each kernel, in the study that the last column is about.
FEW = 5
LAB = BENCH / "lab"
TREE = ("source: { debian-source: linux-source-6.12, "
        "suite: bookworm-backports }\n")
#: The head of a study: a kernel of Debian's, and one of klab's for what needs a
#: module of its own or what Debian's kernels are without.
SOURCES = {
    "debian": "source: { suite: bookworm, debian-image: [{ name: '6.12', "
              "package: linux-image-6.12-cloud-amd64 }] }\n",
    "own": TREE + "configs:\n"
           "  own: { base: tiny, fragments: [virt, modules, memcg, kunit] }\n"
           "merge_needs: yes\n",
}
#: What all kernels have that monitors are tried on.  They can be preempted, since
#: the preemptoff tracer is for such kernels only.
COMMON = "PREEMPT: y, PSI: y, SCHEDSTATS: y"
#: The monitors of each of these kernels, after the options that they need.
MONITORED = {
    "without": ("", ["interrupts", "softirqs", "vmstat", "slabinfo", "psi",
                     "schedstat", "perf-stat"]),
    "lock_stat": ("DEBUG_KERNEL: y, LOCK_STAT: y", ["lock_stat"]),
    "tracers": ("FTRACE: y, IRQSOFF_TRACER: y, PREEMPT_TRACER: y",
                ["irqsoff", "preemptoff"]),
}
#: What the monitors are tried on: the usual workload, and one with next to no
#: spread of its own.
TRIED = ["hackbench-threads", "tasks-fork"]


def folders() -> list[str]:
    """The names of all workloads."""
    return sorted(path.parent.name
                  for path in ROOT.glob("workloads/*/workload.yaml"))


def entry(folder: str) -> str:
    """A workload, or its first variant, as a study names it."""
    text = (ROOT / "workloads" / folder / "workload.yaml").read_text("utf-8")
    first = re.search(r'^variants:\n  "?([\w.-]+)"?:', text, re.M)
    return f"{folder}-{first[1]}" if first else folder


def study_text(name: str, head: str, machine: str, words: list[str],
               boots: int) -> str:
    """A study of one machine."""
    return (f"study: {name}\n{head}machines: [{machine}]\n"
            f"workloads: [{', '.join(words)}]\nboots: {boots}\n")


def study(name: str, head: str, machine: str, words: list[str]) -> str:
    """Writes a study of BOOTS boots; its path."""
    path = BENCH / f"{name}.yaml"
    path.write_text(study_text(name, head, machine, words, BOOTS),
                    encoding="utf-8")
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
                           study("catalogue-try", SOURCES[source], machine,
                                 words)))
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
                klab("run", study(name, SOURCES[source], machine, fit))
                table(name, machine)
    for word in rest:
        print(f"| `{word}` | none fits |")


def monitor_study(config: str) -> str:
    """Writes the study of the monitors of one kernel; its path."""
    options, names = MONITORED[config]
    chosen = f"{COMMON}, {options}" if options else COMMON
    words = []
    for word in TRIED:
        words.append(word)
        words += [f"{{{word}: {{as: {word}.{name}, monitors: [{name}]}}}}"
                  for name in names]
    return study(f"monitors-{config}", TREE + "configs:\n"
                 f"  {config}: {{ base: tiny, fragments: [virt], "
                 f"set: {{ {chosen} }} }}\n", "icount-1cpu", words)


def monitor_values() -> dict[tuple[str, str, str], dict[int, float]]:
    """(config, workload, metric) to the values by seed; metric is "primary", the
    more the slower, or "cost" for the ns that it took to read the monitor."""
    with sqlite3.connect(f"file:{LAB}/lab.db?mode=ro", uri=True) as db:
        seen = db.execute(
            "SELECT config, workload, metric, is_primary, better, seed, value "
            "FROM study_sample WHERE study LIKE 'monitors-%'").fetchall()
    found: dict[tuple[str, str, str], dict[int, float]] = {}
    for config, workload, metric, primary, better, seed, value in seen:
        if primary or metric.endswith("-cost"):
            key = config, workload, "primary" if primary else "cost"
            found.setdefault(key, {})[seed] = (value if better == "lower"
                                               else 1 / value)
    return found


def slower(base: dict[int, float], other: dict[int, float]) -> str:
    """How much slower `other` is in percent, with a 95 % interval: Student's t
    on the differences of the logarithms, seed by seed."""
    logs = [math.log(other[seed] / base[seed])
            for seed in sorted(base.keys() & other.keys())]
    mean = statistics.fmean(logs)
    half = (scipy.stats.t.ppf(0.975, len(logs) - 1)
            * statistics.stdev(logs) / math.sqrt(len(logs)))
    low, high = (100 * math.expm1(mean + by) for by in (-half, half))
    return f"{100 * math.expm1(mean):+.2f} % [{low:+.2f}, {high:+.2f}]"


def monitors() -> None:
    """Each workload with each monitor on, against none on the same kernel; and
    the options that some monitors need, against a kernel without."""
    for config in MONITORED:
        klab("run", monitor_study(config))
    seen = monitor_values()

    def cells(config: str, name: str, against: str) -> list[str]:
        found = []
        for word in TRIED:
            base = seen.get((against, word, "primary"))
            other = seen.get((config, f"{word}.{name}" if name else word,
                              "primary"))
            found.append(slower(base, other) if base and other else "-")
        return found

    def line(*cells: str) -> None:
        print("| " + " | ".join(cells) + " |")

    line("with", "against", "to read it, twice",
         *(f"`{word}` takes" for word in TRIED))
    line(*["---"] * (3 + len(TRIED)))
    for config, (options, names) in MONITORED.items():
        if config != "without":
            line(f"`{options}`", "a kernel without", "-",
                 *cells(config, "", "without"))
        for name in names:
            cost = seen.get((config, f"{TRIED[0]}.{name}", "cost"))
            read = (f"{statistics.fmean(cost.values()) / 1e3:,.0f} us" if cost
                    else "-")
            line(f"`{name}`", "off, same kernel", read,
                 *cells(config, name, config))


if __name__ == "__main__":
    BENCH.mkdir(parents=True, exist_ok=True)
    if sys.argv[1:] == ["--monitors"]:
        monitors()
    else:
        catalogue(sys.argv[1:] or [entry(name) for name in folders()])
