"""How fast the console watch reads, and in how much memory."""

from __future__ import annotations

import random

from figures import BENCH, ROOT, run

CORPUS = ROOT / "tests" / "data" / "consoles"
WATCH = ROOT / "build" / "bench_console"
LITTLE, MUCH = 64, 512  # MiB


def ordinary() -> bytes:
    """A boot without trouble: lines of a kernel, of usual length."""
    return b"".join(
        b"[%5d.%06d] %s\r\n" % (i // 100, i * 9973 % 1000000, line)
        for i in range(2000)
        for line in [(b"pci 0000:00:%02x.0: [8086:%04x] type 00 class 0x060000 "
                      b"conventional PCI endpoint" % (i % 32, i)),
                     b"e1000e 0000:00:02.0 eth0: NIC Link is Up 1000 Mbps",
                     b"workload: round %d of 2000 took %d us" % (i, i * 37),
                     b"Freeing unused kernel image (initmem) memory: 944K",
                     b"systemd[1]: Started unit-%d.service." % i])


def long_lines() -> bytes:
    """Lines of 1 MB: text, escape sequences, NULs and bytes of any value."""
    dice = random.Random(1)
    words = [b"text without an end ", b"\x1b[1;31m", b"\0\0", b"[    1.23",
             bytes(range(128, 160)), b"BUG: ", b"half of it 50%", b"A" * 60]
    line = b"".join(dice.choice(words) for _ in range(60000))[:1 << 20]
    return (line.replace(b"\n", b" ") + b"\n") * 4


def reports() -> bytes:
    """Nothing but reports: the whole corpus."""
    return b"\n".join(path.read_bytes() for path in sorted(CORPUS.glob("*.txt")))


def console() -> None:
    """MB/s of CPU time, and how much memory grew, for little and for much."""
    print(f"== console watch, {MUCH} MiB each (goals: at least 200 MB/s; no more "
          f"memory than for {LITTLE} MiB)")
    run(["make", "-s", "-C", str(ROOT), str(WATCH.relative_to(ROOT))])
    for make in (ordinary, long_lines, reports):
        path = BENCH / f"console-{make.__name__}"
        path.write_bytes(make())
        little = run([str(WATCH), str(path), str(LITTLE)]).split()
        speed, memory, findings = run([str(WATCH), str(path), str(MUCH)]).split()
        met = int(speed) >= 200 and int(memory) <= int(little[1]) + 256
        print(f"{make.__name__:10} {speed:>5} MB/s, memory +{memory} KiB "
              f"(+{little[1]} KiB for {LITTLE} MiB), {findings} findings: "
              f"{'met' if met else 'NOT met'}", flush=True)
        path.unlink()
