"""Fills a lab with a study of a series whose truths are known.

    filled.py DIR [--boots N]

The study `filled` has 36 stages (a base and 35 patches) under four configs,
five workloads with ten metrics, five boots of each cell on an exact machine,
further boots of the baseline, and the fresh boots that its claims ask for. All
random numbers have a fixed seed, so two labs are equal. What is true of it:

- stage 12 makes the workloads that measure throughput 3 % slower, everywhere
- stage 20 triples the tail of the latencies under rt
- stage 22 brings a warning under debug, which stage 25 takes away again
- stage 30 makes hackbench 7 % slower under rt alone
- stage 17 does not build under any config
- stage 35 panics at boot under lockstat
- stages 1, 9 and 23 are the same kernel as the one before; so is 31, save rt
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import zlib
from typing import Any, Iterator

import numpy as np

from filled_facts import (CONFIGS, PANIC, SUBJECTS, WARNING, config_file,
                          console, fingerprint, manifest)
from figures import ROOT

sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "analysis")]

from analysis import load, rounds  # noqa: E402
from labs import LabMaker  # noqa: E402

SEED = 7
STUDY, MACHINE, CPUS = "filled", "icount-2cpu", 2
BOOTS, AA = 5, 5

STEP, TAIL, RT_STEP = 12, 20, 30
UNBUILT, PANICS = 17, 35
WARNS = range(22, 25)
#: Stages that load the code of the one before, and under which configs.
SAME = {1: tuple(CONFIGS), 9: tuple(CONFIGS), 23: tuple(CONFIGS),
        31: ("nort", "lockstat", "debug")}

#: Workload to metrics: unit, what is better, value of the base under nort,
#: standard deviation between boots, and the power in which a slower kernel
#: shows (-1: a rate).
WORKLOADS: dict[str, dict[str, tuple[str, str, float, float, int]]] = {
    "hackbench-threads": {
        "time": ("ns", "lower", 134.2e6, 0.005, 1),
        "per_message": ("ns", "lower", 6710.0, 0.005, 1),
        "switches": ("switches", "lower", 6300.0, 0.02, 0)},
    "hackbench-processes": {
        "time": ("ns", "lower", 198.9e6, 0.006, 1),
        "switches": ("switches", "lower", 1860.0, 0.03, 0)},
    "kmalloc": {
        "pair": ("ns", "lower", 61.4, 0.002, 1),
        "free": ("ns", "lower", 27.3, 0.003, 1)},
    "page-alloc": {
        "rate": ("blocks/s", "higher", 2.41e6, 0.004, -1)},
    "cyclictest": {
        "p99": ("us", "lower", 0.0, 0.0, 0),
        "max": ("us", "lower", 0.0, 0.0, 0)},
}
#: How much slower a config is than nort.
SLOWER = {"nort": 1.0, "rt": 1.12, "lockstat": 1.35, "debug": 2.9}

WAKEUPS, LIMIT_US = 15_000, 500


def slowdown(stage: int, config: str, workload: str) -> float:
    """How much slower a stage is than the base: 0.03 is 3 %."""
    slower = 0.03 if stage >= STEP else 0.0
    if stage >= RT_STEP and config == "rt" and workload.startswith("hackbench"):
        slower = (1 + slower) * 1.07 - 1
    return slower


def spread(stage: int, config: str, noise: float) -> np.ndarray:
    """The probability of each latency of 0 to LIMIT_US us, then beyond."""
    us = np.arange(LIMIT_US + 2, dtype=float)
    centre = {"nort": 6.0, "rt": 4.0, "lockstat": 8.0, "debug": 14.0}[config]
    bulk = np.exp(-0.5 * (np.log((us + 0.5) / centre) / 0.16) ** 2)
    reach = 4.0 if config == "rt" else 12.0
    tail = np.where(us > centre, np.exp(-(us - centre) / reach), 0.0)
    share = 0.004 * (3.0 if config == "rt" and stage >= TAIL else 1.0)
    found = (bulk / bulk.sum() * (1 - share * noise)
             + tail / tail.sum() * share * noise)
    return found / found.sum()


class Filler:
    """Puts boots into a lab; equal kernels share theirs."""

    def __init__(self, folder: pathlib.Path, boots: int):
        self.folder, self.planned = folder, boots
        self.lab = LabMaker(
            folder, STUDY, kernels=(), text=study_text(boots),
            rules={"min": boots, "max": boots, "until": None, "confirm": True,
                   "budget": 400, "aa": AA, "limits": {}})
        self.db = self.lab.db
        self.db.execute("UPDATE study SET path = 'filled.yaml'")
        self.lab.machine(MACHINE, vcpus=CPUS, metronome_us=20)
        for workload, metrics in WORKLOADS.items():
            for at, (name, (unit, better, *_)) in enumerate(metrics.items()):
                self.lab.metric(workload, name, unit, better, primary=at == 0,
                                latency=workload == "cyclictest")
        for name, request in CONFIGS.items():
            self.db.execute("INSERT INTO config VALUES (1,?,?)",
                            (name, request))
        self.runs: dict[tuple[int, str], tuple[str, int]] = {}
        self.done: set[str] = set()
        self.clock = 0

    def kernels(self) -> None:
        """All stages under all configs, with the folders of their kernels."""
        for stage in range(len(SUBJECTS) + 1):
            self.db.execute(
                "INSERT INTO stage VALUES (1,?,?,?,'git linux')",
                (stage, str(stage) if stage else "base",
                 SUBJECTS[stage - 1] if stage else None))
            for config in CONFIGS:
                self.kernel(stage, config)

    def kernel(self, stage: int, config: str) -> None:
        """One kernel, or why there is none."""
        key = ident("kernel", stage, config)
        if stage == UNBUILT:
            self.broken(stage, config, key)
            return
        before = self.runs.get((stage - 1, config))
        same = config in SAME.get(stage, ())
        run, first = before if same else (key, stage)
        self.runs[stage, config] = run, first
        text = config_file(stage, config)
        facts = manifest(key, stage, config, text, code=run)
        folder = self.folder / "kernels" / key
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config").write_text(text)
        (folder / "manifest.json").write_text(json.dumps(facts, indent=2))
        self.db.execute(
            "INSERT INTO kernel VALUES (?,?,?,'git',NULL,NULL,?,?,?)",
            (key, facts["release"], facts["banner"], facts["sha256"],
             "2026-01-05T08:00:00Z", facts["identity"]))
        self.db.execute(
            "INSERT INTO variant VALUES (1,?,?,?,'ready',?,?,NULL,NULL,?,?)",
            (stage, config, key, key, run, f"kernels/{key}/build.log.zst",
             facts["build"]["wall_ms"]))

    def broken(self, stage: int, config: str, key: str) -> None:
        """A kernel that does not build, with its log."""
        text = "implicit declaration of function 'node_slab_trylock'"
        log = f"broken/{key}/build.log.zst"
        error = {"file": "mm/slub.c", "line": 2417, "text": text,
                 "touched": True}
        self.db.execute(
            "INSERT INTO variant VALUES (1,?,?,?,'broken',NULL,NULL,?,?,?,?)",
            (stage, config, key, f"mm/slub.c:2417: {text} (in a file that the "
             "patch touches)", json.dumps([error]), log, 21_000))
        path = self.folder / log
        path.parent.mkdir(parents=True, exist_ok=True)
        words = f"  CC      mm/slub.o\nmm/slub.c:2417:7: error: {text}\n"
        subprocess.run(["zstd", "-q", "-f", "-o", str(path)],
                       input=words.encode(), check=True)

    def cell(self, stage: int, config: str, workload: str, seed: int) -> None:
        """One boot's cell, and the boot unless an equal kernel had it."""
        run, first = self.runs[stage, config]
        boot = ident(run, workload, seed)
        self.lab.cell(stage, seed, boot, config, MACHINE, workload)
        if boot not in self.done:
            self.done.add(boot)
            self.boot(boot, run, (first, config, workload, seed))

    def boot(self, boot: str, run: str, place: tuple[int, str, str, int]
             ) -> None:
        """One boot of one kernel."""
        stage, config, workload, seed = place
        rng = np.random.default_rng(
            [SEED, zlib.crc32(repr(place).encode())])
        panics = stage == PANICS and config == "lockstat"
        warns = stage in WARNS and config == "debug"
        self.clock += 3
        at = np.datetime64("2026-01-05T09:00:00") + self.clock
        reason = PANIC.line if panics else None
        self.db.execute(
            "INSERT INTO boot VALUES (?,?,?,?,?,?,?,?,?,?,?,?,1)",
            (boot, run, seed, "bad" if panics else "ok",
             "panic" if panics else "splat" if warns else "ok", reason,
             PANIC.excerpt if panics else None, f"{at}Z",
             int(rng.normal(5600, 300)), int(rng.normal(8.1e8, 1e6)),
             json.dumps(fingerprint(boot, run, stage, config, seed, rng)),
             "panic" if panics else "splat" if warns else None))
        if panics or warns:
            one = PANIC if panics else WARNING
            self.lab.finding(boot, one.kind, one.function, line=one.line,
                             fatal=panics, excerpt=one.excerpt)
            folder = self.folder / "boots" / boot
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "console.log").write_text(console(config, one.excerpt))
        if not panics:
            self.samples(boot, stage, config, workload, rng)

    def samples(self, boot: str, stage: int, config: str, workload: str,
                rng: np.random.Generator) -> None:
        """What one boot measured."""
        slower = SLOWER[config] * (1 + slowdown(stage, config, workload))
        # Boots differ as a whole, and a little in each metric.
        whole = rng.normal()
        rows = [(boot, name, unit, value * slower ** power * float(
                    np.exp(sd * (0.9 * whole + 0.4 * rng.normal()))))
                for name, (unit, _, value, sd, power)
                in WORKLOADS[workload].items() if value]
        if workload == "cyclictest":
            rows = self.latencies(boot, stage, config, rng)
        self.db.executemany("INSERT INTO sample VALUES (?,?,?,?)", rows)

    def latencies(self, boot: str, stage: int, config: str,
                  rng: np.random.Generator) -> list[tuple]:
        """A histogram per CPU, and what follows from them."""
        noise = float(np.exp(rng.normal(0, 0.05)))
        whole = np.zeros(LIMIT_US + 2, dtype=int)
        for cpu in range(CPUS):
            counts = rng.multinomial(WAKEUPS, spread(stage, config, noise))
            whole += counts
            self.lab.histogram(
                boot, "latency", cpu,
                {int(us): int(counts[us]) for us in np.flatnonzero(counts[:-1])},
                limit_us=LIMIT_US, overflow=int(counts[-1]))
        p99 = int(np.searchsorted(whole.cumsum(), 0.99 * whole.sum()))
        return [(boot, "p99", "us", p99),
                (boot, "max", "us", int(np.flatnonzero(whole)[-1]))]

    def fill(self) -> None:
        """The planned boots, and those that the analysis wants after them."""
        self.kernels()
        for stage, config in self.runs:
            for workload in WORKLOADS:
                for seed in range(1, self.planned + 1):
                    self.cell(stage, config, workload, seed)
                for seed in range(100_001, 100_001 + AA * (stage == 0)):
                    self.cell(stage, config, workload, seed)
        while True:
            self.db.commit()
            answer = rounds.answer(load.load(self.lab.path, STUDY))
            if not answer["boots"]:
                break
            for wish in answer["boots"]:
                for seed in seeds(wish):
                    self.cell(wish["stage"], wish["config"], wish["workload"],
                              seed)
        self.judged(answer["verdicts"])
        self.lab.done()

    def judged(self, verdicts: list[dict[str, Any]]) -> None:
        """What `klab run` stores at its end."""
        self.db.executemany(
            "INSERT INTO verdict VALUES (1, :stage, :config, :machine, "
            ":workload, :metric, :base, :verdict, :reason, :value, :unit, "
            ":change, :low, :high, :p, :q, :boots, :more_boots, :method)",
            verdicts)
        self.db.execute("UPDATE study SET judged = '2026-01-05T14:00:00Z', "
                        "updated = '2026-01-05T14:00:00Z'")


def seeds(wish: dict[str, Any]) -> Iterator[int]:
    """The seeds that a wish asks for."""
    start = {"confirm": 200_000, "aa": 100_000, "sample": 0}[wish["role"]]
    return iter(range(start + wish["first"], start + wish["last"] + 1))


def ident(*words: object) -> str:
    """16 hex digits, as klab names boots and kernels."""
    return hashlib.sha256(repr(words).encode()).hexdigest()[:16]


def study_text(boots: int) -> str:
    """The study file."""
    configs = "".join(f"  {name}: {{ base: tiny }}  # {request}\n"
                      for name, request in CONFIGS.items())
    return (f"study: {STUDY}\nsource: {{ git: ~/src/linux, base: v6.12 }}\n"
            f"series: {{ mbox: slab-node-lists-v3.mbox }}\nstages: all\n"
            f"configs:\n{configs}machines: [{MACHINE}]\n"
            f"workloads: [{', '.join(WORKLOADS)}]\nboots: {boots}\n"
            f"compare: {{ aa: {AA} }}\n")


def fill(folder: pathlib.Path, boots: int = BOOTS) -> pathlib.Path:
    """Fill an empty lab; its database."""
    if not shutil.which("zstd"):
        sys.exit("filled.py: zstd is not there: apt-get install zstd")
    if (folder / "lab.db").exists():
        sys.exit(f"filled.py: '{folder}' has a lab already: name a new folder")
    filler = Filler(folder, boots)
    filler.fill()
    return filler.lab.path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--boots", type=int, default=BOOTS)
    args = parser.parse_args()
    print(fill(args.folder, args.boots))


if __name__ == "__main__":
    main()
