"""How fast klab is around a boot: its start, its end when a kernel is sick."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time

from figures import BENCH, KLAB, ROOT, goal

GUEST = ROOT / "tests/boot/guest.S"
ROUNDS = 5
#: vng of virtme-ng; its place unless it is in PATH.
VNG = os.environ.get("KLAB_VNG") or shutil.which("vng")


def study(folder: pathlib.Path, image: pathlib.Path, **keys) -> pathlib.Path:
    """A study of one boot of one image on a machine with those keys."""
    machine = folder / "m.yaml"
    machine.write_text("machine: m\n" + "".join(
        f"{key}: {value}\n" for key, value in keys.items()))
    path = folder / "s.yaml"
    path.write_text(f"study: s\nsource: {{image: [{image}]}}\n"
                    f"machines: [{machine}]\nworkloads: [boot]\nboots: 1\n")
    return path


def run(folder: pathlib.Path, image: pathlib.Path, env: dict | None = None,
        **keys) -> tuple[float, dict]:
    """Boots once in a new lab.  Seconds from the boot's start to klab's line
    about it, and the boot's row."""
    lab = folder / "lab"
    shutil.rmtree(lab, ignore_errors=True)
    more = {"KLAB_HOME": str(ROOT),
            "KLAB_PYTHON": str(ROOT / "tests/scenario/no_analysis")}
    more |= env or {}
    klab = subprocess.Popen(
        [str(KLAB), "--lab", str(lab), "run", study(folder, image, **keys)],
        env=os.environ | more, text=True, stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL)
    started = told = None
    for line in klab.stderr:
        if line.startswith("boot ") and ", seed 1: " in line:
            told = time.time()
            break
    klab.stderr.read()
    klab.wait()
    with sqlite3.connect(lab / "lab.db") as db:
        db.row_factory = sqlite3.Row
        row = dict(db.execute("SELECT * FROM boot").fetchone())
    # The job's archive is made just before the process is started.
    folder_of = lab / "boots" / row["id"]
    started = (folder_of / "job.cpio").stat().st_mtime
    return told - started, row


def play(folder: pathlib.Path, name: str) -> pathlib.Path:
    path = folder / name.lower()
    subprocess.run(["gcc", "-nostdlib", "-static", "-no-pie",
                    "-Wl,--build-id=none", "-Wl,-Ttext-segment=0x100000",
                    f"-DPLAY={name}", "-o", path, GUEST], check=True)
    return path


def sick() -> None:
    """A panic is reported at once, a hang stopped soon after its limit, which
    on the exact clock leaves out waits for a core: so the host must be quiet."""
    limit = 3
    print(f"the host's load: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        panic = play(folder, "PANIC")
        fake = {"KLAB_QEMU": str(ROOT / "build/fake_qemu"),
                "FAKE_QEMU_MS": "500", "FAKE_QEMU_PLAY": "panic"}
        times = [run(folder, panic, fake)[0] for _ in range(ROUNDS)]
        goal("a kernel that panics after 0.5 s (fake QEMU), reported after",
             statistics.median(times), 1, " s")
        times = [run(folder, panic)[0] for _ in range(ROUNDS)]
        print(f"one that panics after 0.05 s of the exact clock, QEMU's start "
              f"included: {statistics.median(times):.2f} s")
        for guest in ("SPIN", "HALT"):
            image = play(folder, guest)
            for keys in ({"vcpus": 2}, {"accel": "tcg", "vcpus": 2}):
                took, row = run(folder, image, hang_s=limit, **keys)
                assert row["outcome"] == "hang", row
                goal(f"{guest.lower()}, {keys.get('accel', 'icount')}, 2 vCPUs,"
                     f" limit {limit} s: stopped after", took, limit + 2, " s")


# ---- from process start to the agent's first line ----

def first_line(boot: pathlib.Path, spec: dict, lab: pathlib.Path) -> float:
    """Seconds from QEMU's start to the agent's first frame: the command of a
    boot, run again."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        kernel = spec["kernel"]
        (folder / "kernel").symlink_to(
            lab / "kernels" / kernel["key"] / kernel["file"])
        (folder / "initramfs.cpio").write_bytes(
            (lab / "initramfs" / f"{spec['initramfs']}.cpio").read_bytes()
            + (boot / "job.cpio").read_bytes())
        begin = time.monotonic()
        with subprocess.Popen(["qemu-system-x86_64", *spec["command"]],
                              cwd=folder) as qemu:
            port = folder / "port.log"
            while not port.exists() or b"\n" not in port.read_bytes():
                assert qemu.poll() is None and time.monotonic() - begin < 120
                time.sleep(0.002)
            took = time.monotonic() - begin
            qemu.kill()
        return took


def vng(kernel: pathlib.Path) -> float | None:
    """Seconds from vng's start to the first command that it runs."""
    begin = time.monotonic()
    with subprocess.Popen(
            [VNG, "--run", str(kernel), "--disable-kvm", "--user", "root",
             "--", "echo", "klab-first-line"], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT) as process:
        took = None
        for line in process.stdout:
            if "klab-first-line" in line:
                took = time.monotonic() - begin
                break
        process.kill()
    return took


def boot_time() -> None:
    """The minimal 6.12 kernel of the bench, or $KLAB_BENCH_KERNEL, on tcg."""
    kernels = sorted((BENCH / "series").glob("**/kernels/*/vmlinux"))
    named = os.environ.get("KLAB_BENCH_KERNEL")
    if not named and not kernels:
        print("boot-time: there is no minimal 6.12 kernel yet: run the section "
              "'series' first, or name one in $KLAB_BENCH_KERNEL")
        return
    kernel = pathlib.Path(named or kernels[0])
    slower = 0.0
    for board in ("q35", "microvm"):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            _, row = run(folder, kernel, accel="tcg", board=board, vcpus=1)
            boot = folder / "lab/boots" / row["id"]
            spec = json.loads((boot / "spec.json").read_text())
            ours = statistics.median(
                first_line(boot, spec, folder / "lab") for _ in range(ROUNDS))
        print(f"QEMU's start to the agent's first line, tcg, {board}: "
              f"{ours:.2f} s")
        slower = max(slower, ours)
    if not VNG:
        print("virtme-ng is not on this host ($KLAB_VNG may name its vng, which "
              "Debian has from trixie on): nothing to compare with")
        return
    times = [t for t in (vng(kernel) for _ in range(ROUNDS)) if t]
    if times:
        goal("the slower of these, against virtme-ng's "
             f"{statistics.median(times):.2f} s", slower,
             statistics.median(times), " s")
    else:
        print("virtme-ng did not get as far as its first command")
