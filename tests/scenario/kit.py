"""What the scenarios share: a lab with a study, the real klab, a fake QEMU.

A scenario writes a study, says what each guest does (``play``, see
fake_qemu.c), runs ``klab`` and looks at exit code, streams, database and
processes.  Nothing here sleeps for a time that was guessed: what must happen is
awaited, on FIFOs and process handles, up to DEADLINE.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sqlite3
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("KLAB_BUILD", ROOT / "build")).resolve()
#: In the place of python3: wants no more boots.
NO_ANALYSIS = ROOT / "tests/scenario/no_analysis"
#: Seconds after which what was awaited counts as never coming.
DEADLINE = 60.0
#: Variable by which the processes of a Bench are known.
MARK = "KLAB_TEST_FOLDER"
#: Exit codes of klab.
DONE, CHANGED, USER, KERNEL, LAB, INTERRUPTED = 0, 1, 2, 3, 4, 130


def program() -> Path:
    """klab, or the build of it that $KLAB_BIN names (with sanitizers)."""
    path = Path(os.environ.get("KLAB_BIN", ROOT / "klab"))
    return path if path.is_absolute() else ROOT / path


def bzimage(path: Path, version: str = "6.1.0-fake") -> Path:
    """Writes the least that is a bzImage: a boot header and a version string.

    Offsets are those of Documentation/arch/x86/boot.rst in the kernel.
    """
    image = bytearray(4096)
    image[0x1F1] = 4                                # setup_sects
    struct.pack_into("<H", image, 0x1FE, 0xAA55)    # boot_flag
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", image, 0x206, 0x020F)    # protocol 2.15
    struct.pack_into("<H", image, 0x20E, 0x0400)    # version at 0x600
    text = f"{version} (klab@test) #1 SMP".encode()
    image[0x600:0x600 + len(text)] = text
    path.write_bytes(image)
    return path


@dataclass
class Result:
    """How a klab ended."""

    code: int
    out: str
    err: str

    def errors(self) -> list[str]:
        """The lines of stderr that klab itself marks as errors."""
        return [line for line in self.err.splitlines()
                if line.startswith("klab: ")]

    def one_error(self) -> str:
        """The only error line; anything else is a failure of the test."""
        lines = self.errors()
        assert len(lines) == 1, self.err
        return lines[0]


@dataclass
class Running:
    """A klab at work."""

    process: subprocess.Popen[bytes]

    def finish(self) -> Result:
        out, err = self.process.communicate(timeout=DEADLINE)
        return Result(self.process.returncode,
                      (out or b"").decode(errors="replace"),
                      (err or b"").decode(errors="replace"))

    def signal(self, number: int) -> None:
        self.process.send_signal(number)


class Events:
    """The FIFO on which guests announce themselves."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        # Read and write, so that opening waits for nobody.
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self.rest = b""

    def next(self) -> tuple[int, int]:
        """Waits for the next guest: its process id and seed."""
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.fd], [], [], DEADLINE)
            assert ready, "no guest was started"
            self.rest += os.read(self.fd, 4096)
        line, self.rest = self.rest.split(b"\n", 1)
        pid, seed = line.split()
        return int(pid), int(seed)

    def close(self) -> None:
        os.close(self.fd)


class Gate:
    """The FIFO at which guests with play "gate" wait."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def open(self, guests: int = 1) -> None:
        """Lets so many guests through."""
        os.write(self.fd, b"x" * guests)

    def left(self) -> int:
        """How many more would be let through."""
        ready, _, _ = select.select([self.fd], [], [], 0)
        return len(os.read(self.fd, 4096)) if ready else 0

    def close(self) -> None:
        os.close(self.fd)


def await_end(pid: int) -> None:
    """Waits until a process is gone (a zombie counts as gone)."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([handle], [], [], DEADLINE)
        assert ready, f"process {pid} is still there"
    finally:
        os.close(handle)


def builds_in(process: Path, folder: Path) -> bool:
    """Is it in a sandbox, where no environment tells, whose object folder is
    below that folder?"""
    for line in (process / "mountinfo").read_text().splitlines():
        root, point = line.split(" ")[3:5]
        if point.endswith("/klab/obj") and f"/{folder.name}/" in root:
            return True
    return False


def processes_of(folder: Path) -> list[int]:
    """Processes that a Bench in that folder started, or that they started."""
    mark = f"{MARK}={folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0") \
                    or builds_in(entry, folder):
                found.append(int(entry.name))
    return found


@dataclass
class Bench:
    """A folder with a lab, a kernel and a study in it."""

    dir: Path
    env: dict[str, str] = field(default_factory=dict)
    fifos: list[Events | Gate] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mark = self.dir

    @property
    def lab(self) -> Path:
        return self.dir / "lab"

    # ---- files ----

    def kernel(self, name: str, version: str | None = None) -> Path:
        return bzimage(self.dir / name, version or f"6.1.0-{name}")

    def machine(self, name: str, **keys: Any) -> str:
        """Writes a machine file; returns what the study calls it."""
        lines = [f"machine: {name}"]
        lines += [f"{key}: {value}" for key, value in keys.items()]
        (self.dir / f"{name}.yaml").write_text("\n".join(lines) + "\n")
        return f"./{name}.yaml"

    def study(self, name: str = "s", *, kernels: list[str] | None = None,
              machines: list[str] | None = None,
              workloads: list[str] | None = None,
              boots: int | str = 1,
              more: str = "") -> Path:
        """Writes a study over kernels of the user's own, made if missing."""
        kernels = kernels or ["k1"]
        for kernel in kernels:
            if not (self.dir / kernel).exists():
                self.kernel(kernel)
        images = ", ".join(kernels)
        machines_text = ", ".join(machines or ["icount-1cpu"])
        items = "".join(f"  - {w}\n" for w in workloads
                        or ["hackbench-threads"])
        return self.write(f"{name}.yaml", f"study: {name}\n"
                          f"source: {{ image: [{images}] }}\n"
                          f"machines: [{machines_text}]\n"
                          f"workloads:\n{items}boots: {boots}\n{more}")

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.dir / name
        data = text.encode() if isinstance(text, str) else text
        path.write_bytes(data)
        return path

    # ---- running klab ----

    def environment(self, play: str, more: dict[str, str]) -> dict[str, str]:
        env = {key: value for key, value in os.environ.items()
               if not key.startswith(("KLAB", "FAKE_"))}
        env |= {
            MARK: str(self.mark),
            "KLAB_HOME": str(ROOT),
            "KLAB_QEMU": str(BUILD / "fake_qemu"),
            # Most scenarios end before the analysis, which takes seconds.
            "KLAB_PYTHON": str(NO_ANALYSIS),
            "FAKE_QEMU_PLAY": play,
            "ASAN_OPTIONS": "exitcode=99",
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
        }
        return env | self.env | more

    def start(self, *args: str | Path, play: str = "ok",
              env: dict[str, str] | None = None, lab: Path | None = None,
              **popen: Any) -> Running:
        """Starts klab; what popen says overrides the usual."""
        argv = [str(program())]
        if args[:1] != ("completion",):
            argv += ["--lab", str(lab or self.lab)]
        argv += [str(arg) for arg in args]
        usual = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                 "stdin": subprocess.DEVNULL, "cwd": self.dir}
        return Running(subprocess.Popen(
            argv, env=self.environment(play, env or {}), **(usual | popen)))

    def klab(self, *args: str | Path, **how: Any) -> Result:
        """Runs klab to its end."""
        result = self.start(*args, **how).finish()
        for bad in ("Sanitizer", "runtime error", "klab: bug"):
            assert bad not in result.err, result.err
        return result

    # ---- events ----

    def events(self) -> Events:
        """Makes the FIFO; the klabs started from now on get it."""
        made = Events(self.dir / "events")
        self.env["FAKE_QEMU_EVENTS"] = str(made.path)
        self.fifos.append(made)
        return made

    def gate(self) -> Gate:
        made = Gate(self.dir / "gate")
        self.env["FAKE_QEMU_GATE"] = str(made.path)
        self.fifos.append(made)
        return made

    # ---- what came of it ----

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.lab / "lab.db")) as db:
            return db.execute(sql, values).fetchall()

    def boot(self, seed: int) -> dict[str, Any]:
        """The row of a seed's only boot."""
        with contextlib.closing(sqlite3.connect(self.lab / "lab.db")) as db:
            db.row_factory = sqlite3.Row
            rows = db.execute("SELECT * FROM boot WHERE seed = ?",
                              (seed,)).fetchall()
        assert len(rows) == 1, [dict(row) for row in rows]
        return dict(rows[0])

    def outcomes(self) -> dict[int, str]:
        """Outcome by seed."""
        return dict(self.rows("SELECT seed, outcome FROM boot"))

    def details(self) -> dict[int, str | None]:
        """The finer word for the outcome, by seed."""
        return dict(self.rows("SELECT seed, detail FROM boot"))

    def flights(self) -> list[Path]:
        return sorted((self.lab / "flight").iterdir())

    def tree(self) -> dict[str, bytes]:
        """All files below the folder, FIFOs left out, with their bytes."""
        return {str(path.relative_to(self.dir)): path.read_bytes()
                for path in sorted(self.dir.rglob("*")) if path.is_file()}

    def no_process_left(self) -> None:
        """Nothing that was started for this lab runs any more."""
        for pid in processes_of(self.mark):
            await_end(pid)


def roomy_memory() -> Path | None:
    """A folder in memory, where fsync costs nothing, if there is room."""
    shm = Path("/dev/shm")
    if shm.is_dir() and os.access(shm, os.W_OK) \
            and shutil.disk_usage(shm).free > 1 << 30:
        return shm
    return None


@contextlib.contextmanager
def bench_in(folder: Path) -> Iterator[Bench]:
    """A Bench that leaves no process and no open FIFO behind."""
    bench = Bench(folder)
    try:
        yield bench
    finally:
        for fifo in bench.fifos:
            fifo.close()
        for pid in processes_of(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def small_disk(path: Path, mib: int) -> Iterator[None]:
    """A file system of its own at path, which only root can make."""
    if os.geteuid():
        pytest.skip("a small file system can be mounted by root only")
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "none",
                    path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


def fill(path: Path, leave: int) -> None:
    """Writes a file until only so many bytes are free."""
    room = os.statvfs(path.parent)
    free = room.f_bavail * room.f_frsize
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - leave)


def in_terminal(bench: Bench, *words: str | Path, code: int = KERNEL,
                **how: Any) -> str:
    """Runs klab with a terminal as stderr; returns what came there."""
    master, slave = os.openpty()
    running = bench.start(*words, stderr=slave, **how)
    os.close(slave)
    text = b""
    with contextlib.suppress(OSError):   # EIO when the last writer is gone
        while chunk := os.read(master, 65536):
            text += chunk
    os.close(master)
    assert running.process.wait(DEADLINE) == code
    return text.decode()
