"""Sections of bench.py over a real series: the 35 patches of the SLUB thread.

They need a tree that the series applies to, and the thread as text:

    KLAB_BENCH_TREE    a git repository whose HEAD is v5.14, or a stable release
                       of it (5.14.2 was used); nothing is written to it
    KLAB_BENCH_THREAD  "[PATCH v4 00/35] SLUB: reduce irq disabled scope and
                       make it RT compatible", saved as text from an archive

Everything is kept in a folder of its own, build/bench/sweep.  The kernels of
stage 0 and their objects are made first; that is not timed.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import sqlite3
import statistics
import sys
import time

import ktest
from figures import BENCH, KLAB, ROOT, goal, run
from plain import Plain

FOLDER = (BENCH / "sweep").resolve()
PEER_STAGES = 8
BESIDE_STAGES = 7
#: 3: a stage does not boot, which one of this series is known for.
FINE = (0, 1, 3)

STUDY = """\
study: {name}
source: {{ git: {tree}, base: HEAD }}
series: {{ thread: {thread} }}
stages: {stages}
configs:
  lockstat: {base}
{second}toolchain: {{ make_args: [WERROR=0] }}
machines: [icount-1cpu]
workloads: [{workloads}]
boots: 1
"""
#: Of the same size as the first, so that it is as much work.
SECOND = "  hardened: { extends: lockstat, fragments: [slub-hardened] }\n"


HOW = {
    "KLAB_BENCH_TREE":
        "a git repository with v5.14 as its HEAD; any public copy will do, also "
        "a shallow one (git clone --depth 1 -b v5.14 URL)",
    "KLAB_BENCH_THREAD":
        "the thread of the SLUB series, v4, saved as text from its archive page",
}


def given(*names: str) -> list[str]:
    """What these variables name, or nothing after saying what is missing."""
    values = []
    for name in names:
        value = os.environ.get(name, "")
        if not value or not pathlib.Path(value).exists():
            why = f"'{value}' does not exist" if value else "is not set"
            print(f"skipped: ${name} {why}: it should name {HOW[name]}",
                  flush=True)
            return []
        values.append(str(pathlib.Path(value).resolve()))
    return values


class Lab:
    """A lab with a ccache that nobody else fills."""

    def __init__(self, name: str) -> None:
        self.path = FOLDER / name
        self.ccache = FOLDER / f"{name}-ccache"

    def environment(self) -> dict[str, str]:
        """Of klab: its own ccache."""
        return {**os.environ, "CCACHE_DIR": str(self.ccache),
                "KLAB_HOME": os.environ.get("KLAB_HOME", str(ROOT))}

    def klab(self, *words: str) -> float:
        """Runs klab and returns its wall time, with the report."""
        start = time.monotonic()
        run([str(KLAB), "--lab", str(self.path), *words], fine=FINE,
            env=self.environment())
        return time.monotonic() - start

    def rows(self, sql: str, *values) -> list[tuple]:
        """All rows of a query."""
        path = f"file:{self.path}/lab.db?mode=ro"
        with sqlite3.connect(path, uri=True) as db:
            return db.execute(sql, values).fetchall()

    def forget(self, *parts: str) -> None:
        """Drops boots and database, and the named folders, too."""
        for part in ("boots", "reports", *parts):
            shutil.rmtree(self.path / part, ignore_errors=True)
        for part in self.path.glob("lab.db*"):
            part.unlink()

    def kernel(self, name: str, stage: int) -> pathlib.Path:
        """The folder of the kernel that a study has at a stage."""
        (key,), = self.rows(
            "SELECT kernel_key FROM variant v JOIN study s ON s.id = v.study "
            "WHERE s.name = ? AND stage = ? AND v.config = 'lockstat'",
            name, stage)
        return self.path / "kernels" / key


# ---- import ----

def series() -> None:
    """Reading the thread and writing it as a series folder."""
    print("== import of the SLUB thread, 35 patches")
    inputs = given("KLAB_BENCH_THREAD")
    if not inputs:
        return
    seen = []
    for turn in range(6):
        shutil.rmtree(FOLDER / "import", ignore_errors=True)
        FOLDER.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        run([str(KLAB), "series", "import", "--out", str(FOLDER / "import"),
             inputs[0]])
        if turn:
            seen.append(1000 * (time.monotonic() - start))
    goal("median of 5", statistics.median(seen), 100, " ms", 0)


# ---- the study ----

def thread_config(thread: str) -> pathlib.Path | None:
    """The config in which message 35 of the thread reports a broken boot."""
    lines = pathlib.Path(thread).read_text(errors="replace").splitlines()
    start = [n for n, line in enumerate(lines)
             if line.strip().startswith("cat > .config <<")]
    if not start:
        return None
    text = [line.strip() for line in lines[start[0] + 1:]]
    path = FOLDER / "lockstat.config"
    path.write_text("\n".join(text[:text.index("EOF")]) + "\n")
    return path


class Study:
    """Writes the study in its variants: which stages, one config or two."""

    def __init__(self, tree: str, thread: str) -> None:
        self.tree, self.thread = tree, thread
        if thread_config(thread):
            self.base = "{ base: ./lockstat.config, fragments: [virt] }"
        else:
            self.base = "{ base: tiny, fragments: [virt, lock-stat] }"

    def write(self, name: str, stages: str = "all", two: bool = False,
              workloads: str = "boot") -> str:
        """The path of a study, which has a file of its own."""
        path = FOLDER / f"{name}.yaml"
        path.write_text(STUDY.format(
            name=name, tree=self.tree, thread=self.thread, base=self.base,
            stages=stages, second=SECOND if two else "", workloads=workloads))
        return str(path)


def tally(lab: Lab, name: str) -> str:
    """What became of a study's kernels and boots, to show that it was done."""
    kernels = dict(lab.rows(
        "SELECT v.state, count(*) FROM variant v JOIN study s ON "
        "s.id = v.study WHERE s.name = ? GROUP BY 1", name))
    boots = dict(lab.rows(
        "SELECT b.outcome, count(DISTINCT b.id) FROM cell c JOIN study s ON "
        "s.id = c.study JOIN boot b ON b.id = c.boot WHERE s.name = ? "
        "GROUP BY 1", name))
    if set(kernels) != {"ready"}:
        sys.exit(f"{name}: not all kernels were built: {kernels}")
    told = [f"{count} kernels" for count in kernels.values()]
    told += [f"{count} boots {outcome}" for outcome, count in boots.items()]
    return ", ".join(told)


# ---- the sweep ----

def last_stage() -> int:
    """All 35 patches, unless KLAB_BENCH_LAST says less, to try the bench."""
    return int(os.environ.get("KLAB_BENCH_LAST", "35"))


def stages_to(last: int) -> str:
    """The stages as a study names them."""
    return str(list(range(last + 1)))


class Sweep:
    """Labs, studies and the loop's clone, with all bases built."""

    def __init__(self, inputs: list[str]) -> None:
        if os.environ.get("KLAB_BENCH_KEEP") != "yes":
            shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.study = Study(*inputs)
        self.one, self.two = Lab("lab"), Lab("lab2")
        self.last = last_stage()
        self.prepare_labs()
        self.prepare_plain(inputs)

    def prepare_labs(self) -> None:
        """Stage 0 of one config, and of two; ccache helps the second lab."""
        one = self.study.write("base", "[0]")
        two = self.study.write("base2", "[0]", two=True)
        self.one.ccache.mkdir(exist_ok=True)
        self.one.klab("run", one)
        self.config = FOLDER / "settled.config"
        shutil.copy(self.one.kernel("base", 0) / "config", self.config)
        if not self.two.ccache.exists():
            shutil.copytree(self.one.ccache, self.two.ccache)
        self.two.klab("run", two)
        for lab in self.one, self.two:
            lab.forget()

    def prepare_plain(self, inputs: list[str]) -> None:
        """The loop's clone, commits and base objects."""
        patches, folder = FOLDER / "patches", FOLDER / "plain"
        shutil.rmtree(patches, ignore_errors=True)
        run([str(KLAB), "series", "import", "--out", str(patches), inputs[1]])
        folder.mkdir(exist_ok=True)
        self.plain = Plain(folder, inputs[0], patches, self.config)
        self.plain.prepare()

    def loop(self) -> float:
        """Seconds of the plain loop; of stage 0, which is built, the boot."""
        start = time.monotonic()
        seen = [self.plain.stage(number) for number in range(self.last + 1)]
        wall = time.monotonic() - start
        parts = [statistics.median(times[part] for _, times in seen[1:])
                 for part in range(3)]
        how = [outcome for outcome, _ in seen]
        print(f"plain loop: {wall:.1f} s; medians of a stage: checkout "
              "{:.1f}, make {:.1f}, boot {:.1f} s; ".format(*parts)
              + ", ".join(f"{how.count(word)} {word}" for word in
                          sorted(set(how))), flush=True)
        return wall

    def one_config(self, loop: float) -> float:
        """Cold, then warm; returns the cold time."""
        path = self.study.write("one", stages_to(self.last))
        cold = self.one.klab("run", path)
        print(f"klab, one config: {cold:.1f} s; {tally(self.one, 'one')}")
        goal("klab against the loop, one config", cold / loop, 0.55)
        goal("the same again, warm store", self.one.klab("run", path), 5, " s",
             1)
        return cold

    def two_configs(self, loop: float) -> None:
        """Cold, against twice the loop over the first config."""
        path = self.study.write("two", stages_to(self.last), two=True)
        cold = self.two.klab("run", path)
        print(f"klab, two configs: {cold:.1f} s; {tally(self.two, 'two')}")
        goal("klab against twice the loop, two configs", cold / (2 * loop),
             0.6)

    def warm_ccache(self) -> None:
        """Objects and kernels gone: the base is built again, too."""
        self.one.forget("obj", "kernels")
        path = self.study.write("one", stages_to(self.last))
        print(f"one config with ccache alone, base and "
              f"all: {self.one.klab('run', path):.1f} s; "
              f"{tally(self.one, 'one')}", flush=True)

    def peer(self, cold: float) -> None:
        """ktest.pl over some of the stages, against klab's time for one."""
        why = ktest.missing(self.plain.src)
        if why:
            print(f"ktest.pl patchcheck: skipped: {why}")
            return
        stages = min(PEER_STAGES, self.last)
        folder = FOLDER / "ktest"
        config = ktest.prepare(self.plain, folder, stages)
        wall = ktest.patchcheck(folder, config, stages) / stages
        print(f"ktest.pl patchcheck, {stages} stages: {wall:.1f} s a stage")
        goal("klab's time a stage against ktest.pl's",
             cold / self.last / wall, 0.2)


def sweep() -> None:
    """One config and two, cold and warm, against the loop and ktest.pl."""
    print(f"== sweep of the SLUB series, boot test of each stage, "
          f"{os.cpu_count()} cores", flush=True)
    inputs = given(*HOW)
    if not inputs:
        return
    s = Sweep(inputs)
    loop = s.loop()
    cold = s.one_config(loop)
    s.peer(cold)
    s.two_configs(loop)
    s.warm_ccache()
    beside(s)


# ---- builds beside measurements ----

SAMPLES = """\
SELECT c.stage, c.workload, x.metric, x.value FROM cell c
JOIN study s ON s.id = c.study JOIN sample x ON x.boot = c.boot
WHERE s.name = 'beside' ORDER BY 1, 2, 3"""

#: Boots during which a kernel was built.
OVERLAPS = """\
SELECT count(DISTINCT b.id) FROM boot b, kernel k
JOIN variant v ON v.kernel_key = k.key
WHERE unixepoch(b.started) < unixepoch(k.added)
AND unixepoch(b.started) + b.wall_ms / 1000.0
    > unixepoch(k.added) - v.wall_ms / 1000.0"""


def beside(s: Sweep) -> None:
    """The same boots without builds and with builds beside them."""
    last = min(BESIDE_STAGES, s.last)
    path = s.study.write("beside", stages_to(last),
                         workloads="boot, hackbench-threads")
    s.one.klab("run", path)
    quiet = s.one.rows(SAMPLES)
    built = [s.one.kernel("beside", stage) for stage in range(1, last + 1)]
    s.one.forget()
    for kernel in built:
        shutil.rmtree(kernel)
    s.one.klab("run", path)
    busy = s.one.rows(SAMPLES)
    (overlaps,), = s.one.rows(OVERLAPS)
    print(f"samples of {last + 1} stages without builds and with builds "
          f"beside {overlaps} of the boots: {len(quiet)} and {len(busy)}, "
          f"{len(set(quiet) & set(busy))} equal (goal: all) "
          f"{'met' if quiet and quiet == busy else 'NOT met'}", flush=True)
