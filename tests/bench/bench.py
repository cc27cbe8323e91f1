"""The figures of docs/bench.md, measured anew: `make bench`.

    bench.py [SECTION ...]      demo, runner, many, exact, spread, series,
                                sweep, console, sick, boot-time, report,
                                bisect; all unless named

Nothing is asserted here; each section prints what it saw next to its goal.
Everything is kept in build/bench, so that packages are fetched once.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time

import git_bisect
import reactions
import report
import sweep
from console import console
from figures import BENCH, KLAB, ROOT

LAB = BENCH / "lab"

RT = "{name: 6.12-rt, package: linux-image-6.12-rt-amd64}"


def klab(*words: str, lab: pathlib.Path = LAB) -> subprocess.CompletedProcess:
    """Runs klab; a regression (exit 1) is fine, anything worse ends the bench."""
    done = subprocess.run([str(KLAB), "--lab", str(lab), *words], text=True,
                          capture_output=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"klab {' '.join(words)}: exit {done.returncode}\n{done.stderr}")
    return done


def study(name: str, machines: list[str], workloads: str, boots: int) -> str:
    """Writes a study of one kernel and returns its path."""
    path = BENCH / f"{name}.yaml"
    path.write_text(f"study: {name}\n"
                    f"source: {{suite: bookworm, debian-image: [{RT}]}}\n"
                    f"machines: [{', '.join(machines)}]\n"
                    f"workloads: {workloads}\nboots: {boots}\n")
    return str(path)


def rows(sql: str, *values) -> list[tuple]:
    """All rows of a query on the bench lab."""
    with sqlite3.connect(f"file:{LAB}/lab.db?mode=ro", uri=True) as db:
        return db.execute(sql, values).fetchall()


def forget_boots(lab: pathlib.Path) -> None:
    """Drops results, keeps packages and kernels."""
    for part in ("boots", "reports", "initramfs"):
        shutil.rmtree(lab / part, ignore_errors=True)
    for part in lab.glob("lab.db*"):
        part.unlink()


class Load:
    """Keeps every core of the host busy while it is entered."""

    def __enter__(self) -> Load:
        burn = [sys.executable, "-c", "while True: pass"]
        self.burners = [subprocess.Popen(burn)
                        for _ in range(os.cpu_count() or 1)]
        return self

    def __exit__(self, *_) -> None:
        for burner in self.burners:
            burner.kill()
            burner.wait()


def demo() -> None:
    """Wall time of the demo with its packages fetched."""
    print("== make demo, packages already downloaded (goal: under 180 s)")
    lab = BENCH / "demo"
    path = str(ROOT / "configs" / "studies" / "demo.yaml")
    klab("run", path, lab=lab)
    forget_boots(lab)
    start = time.monotonic()
    done = klab("run", path, lab=lab)
    print(f"{time.monotonic() - start:.0f} s on {os.cpu_count()} cores; "
          f"{done.stderr.strip().splitlines()[-1]}")


def process_cost(pid: int) -> tuple[float, int]:
    """CPU seconds and voluntary context switches of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()
    ticks = int(fields[11]) + int(fields[12])
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    switches = next(int(line.split()[1]) for line in status.splitlines()
                    if line.startswith("voluntary_ctxt_switches"))
    return ticks / os.sysconf("SC_CLK_TCK"), switches


def runner() -> None:
    """klab's own share of the CPU, and its wake-ups while boots run."""
    print("== the runner itself (goals: under 1 % of the wall time; no wake-up "
          "while waiting)")
    path = study("runner", ["icount-1cpu"], "[hackbench-threads]", 8)
    klab("run", path)
    forget_boots(LAB)
    start = time.monotonic()
    child = subprocess.Popen([str(KLAB), "--lab", str(LAB), "run", path],
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    cpu, quiet, last, since = 0.0, 0.0, None, start
    while child.poll() is None:
        time.sleep(0.05)
        try:
            cpu, switches = process_cost(child.pid)
        except (FileNotFoundError, IndexError, ProcessLookupError,
                StopIteration):
            break
        if switches != last:
            last, since = switches, time.monotonic()
        quiet = max(quiet, time.monotonic() - since)
    child.wait()
    wall = time.monotonic() - start
    print(f"CPU time of klab {cpu:.2f} s in {wall:.1f} s: "
          f"{100 * cpu / wall:.2f} %")
    print(f"longest time without a single wake-up: {quiet:.1f} s "
          f"(a boot took {wall / 4:.1f} s)")


def many() -> None:
    """Peak memory over 10,000 boots of a fake QEMU."""
    print("== 10,000 boots of a fake QEMU (goal: klab's peak below 64 MiB)")
    sys.stdout.flush()
    subprocess.run([sys.executable, str(ROOT / "tests/bench/many_boots.py")],
                   check=True)


def exact() -> None:
    """20 repeats of one seed, on an idle and on a loaded host."""
    print("== determinism: 20 repeats of a seed (goal: 20 equal)")
    path = study("exact", ["icount-1cpu", "icount-2cpu"],
                 "[hackbench-threads, {cyclictest: {load: hackbench}}]", 1)
    klab("run", path)
    cells = rows("SELECT machine, workload, boot FROM cell c JOIN study s "
                 "ON s.id = c.study WHERE s.name = 'exact'")
    for machine, workload, boot in cells:
        for words in ("no load added", "all cores loaded"):
            if words == "no load added":
                done = klab("reproduce", "--json", "--times", "20", boot)
            else:
                with Load():
                    done = klab("reproduce", "--json", "--times", "20", boot)
            seen = json.loads(done.stdout)
            print(f"{machine:12} {workload:18} {words:17} "
                  f"{seen['equal']} equal, {seen['different']} different, "
                  f"{seen['failed']} failed", flush=True)


def machine_file(vcpus: int, metronome_us: int) -> str:
    """Writes a machine and returns its path from the studies' folder."""
    name = f"{vcpus}cpu-{metronome_us or 'none'}"
    (BENCH / f"{name}.yaml").write_text(
        f"machine: {name}\nvcpus: {vcpus}\nmemory_mib: 512\n"
        f"metronome_us: {metronome_us}\n")
    return f"./{name}.yaml"


def spread() -> None:
    """Spread over seeds, per workload and machine, and what a boot costs."""
    boots = 5
    print(f"== spread over {boots} seeds, 6.12 PREEMPT_RT")
    machines = ["icount-1cpu"] + [machine_file(vcpus, us) for vcpus in (2, 4)
                                  for us in (0, 20, 5)]
    path = study("spread", machines, "[hackbench-threads, hackbench-processes, "
                 "{cyclictest: {load: hackbench}}]", boots)
    klab("run", path)
    cells = rows("SELECT c.machine, c.workload, x.metric, x.value, b.wall_ms "
                 "FROM cell c JOIN study s ON s.id = c.study "
                 "JOIN boot b ON b.id = c.boot JOIN sample x ON x.boot = b.id "
                 "WHERE s.name = 'spread' AND "
                 "x.metric IN ('time', 'p99', 'max')")
    table: dict[tuple, list[tuple]] = {}
    for machine, workload, metric, value, wall in cells:
        table.setdefault((workload, metric, machine), []).append((value, wall))
    print(f"{'workload':20} {'metric':6} {'machine':12} {'mean':>12} {'CV':>7} "
          f"{'lowest':>12} {'highest':>12} {'real time':>9}")
    for (workload, metric, machine), seen in sorted(table.items()):
        values = [value for value, _ in seen]
        mean = statistics.mean(values)
        deviation = statistics.stdev(values) / mean if mean else 0.0
        wall = statistics.median(wall for _, wall in seen) / 1000
        print(f"{workload:20} {metric:6} {machine:12} {mean:12.6g} "
              f"{100 * deviation:6.1f}% {min(values):12.6g} "
              f"{max(values):12.6g} {wall:7.1f} s")


def main() -> None:
    sections = {"demo": demo, "runner": runner, "many": many, "exact": exact,
                "spread": spread, "series": sweep.series, "sweep": sweep.sweep,
                "console": console, "sick": reactions.sick,
                "boot-time": reactions.boot_time, "report": report.report,
                "bisect": git_bisect.bisect}
    BENCH.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or sections:
        sections[name]()
        sys.stdout.flush()


if __name__ == "__main__":
    main()
