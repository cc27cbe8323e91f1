"""klab's own memory and CPU time over many boots of a fake QEMU.

    many_boots.py [BOOTS]      10,000 unless said otherwise

The guests do nothing and take no time, so what is seen is klab: its peak memory
(VmHWM), its CPU time for each boot (/proc/PID/stat, children not counted), and
what share of a run that would be with boots of the length of real ones.  Then one
boot is held for some seconds, to count klab's wake-ups while it waits.
"""

from __future__ import annotations

import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]
                       / "scenario"))

import kit  # noqa: E402

#: Real seconds of a boot of the demo, for the share.
REAL_BOOT_S = 5.0
#: Seconds for which klab is watched while it waits.
WATCH_S = 5.0


class Cost:
    """What a process has cost so far, itself and not its children."""

    def __init__(self, pid: int) -> None:
        proc = pathlib.Path(f"/proc/{pid}")
        fields = (proc / "stat").read_text().rsplit(")", 1)[1].split()
        self.cpu_s = ((int(fields[11]) + int(fields[12]))
                      / os.sysconf("SC_CLK_TCK"))
        status = dict(line.split(":", 1) for line in
                      (proc / "status").read_text().splitlines())
        self.peak_mib = int(status["VmHWM"].split()[0]) / 1024
        self.switches = (int(status["voluntary_ctxt_switches"])
                         + int(status["nonvoluntary_ctxt_switches"]))


def watch(running: kit.Running) -> tuple[Cost, float]:
    """Waits for klab's end; its last known cost, and the seconds it took."""
    start = time.monotonic()
    ended = os.pidfd_open(running.process.pid)
    cost = Cost(running.process.pid)
    while not select.select([ended], [], [], 0.05)[0]:
        try:
            cost = Cost(running.process.pid)
        except (OSError, KeyError):     # ended just now
            break
    os.close(ended)
    result = running.process.wait()
    if result != kit.DONE:
        sys.exit(f"klab ended with {result}")
    return cost, time.monotonic() - start


def many(bench: kit.Bench, boots: int) -> None:
    """Prints the cost of so many boots, each of them another."""
    study = bench.study("many", kernels=[f"k{i}" for i in range(10)],
                        workloads=["hackbench-threads", "cyclictest"],
                        boots=boots // 20)
    running = bench.start("run", study, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL)
    cost, wall = watch(running)
    done = bench.rows("SELECT count(*) FROM boot WHERE state = 'ok'")[0][0]
    each = cost.cpu_s / max(done, 1)
    print(f"{done} boots in {wall:.0f} s")
    print(f"peak memory of klab: {cost.peak_mib:.1f} MiB")
    print(f"CPU time of klab: {cost.cpu_s:.1f} s, {1000 * each:.2f} ms for each "
          f"boot: {100 * each / REAL_BOOT_S:.2f} % of one that takes "
          f"{REAL_BOOT_S:.0f} s")
    again = bench.start("run", study, stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL)
    cost, wall = watch(again)
    print(f"the same again, with nothing left to do: {wall:.1f} s, "
          f"{cost.peak_mib:.1f} MiB")


def waiting(bench: kit.Bench) -> None:
    """Prints how often klab wakes up while its guests run."""
    events, gate = bench.events(), bench.gate()
    running = bench.start("run", "-j2", bench.study("wait", boots=2,
                                                    kernels=["held"]),
                          play="gate", stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL)
    events.next()
    events.next()
    time.sleep(0.5)      # what a start leaves to do
    before = Cost(running.process.pid).switches
    time.sleep(WATCH_S)
    after = Cost(running.process.pid).switches
    gate.open(2)
    running.finish()
    print(f"wake-ups of klab while two guests run: {after - before} in "
          f"{WATCH_S:.0f} s")


def main() -> None:
    boots = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    folder = pathlib.Path(tempfile.mkdtemp(prefix="klab-many-",
                                           dir=kit.roomy_memory()
                                           or kit.BUILD))
    try:
        with kit.bench_in(folder) as bench:
            many(bench, boots)
            waiting(bench)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
