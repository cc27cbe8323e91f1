"""What people do without klab: check out, make, boot; the peer of sweep.py.

A shell loop in Python: no ccache, no sandbox, no store, one stage after the
other, and the same compiler, config and make arguments as klab has.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import time

from figures import ROOT, run

UP = "bench guest is up"
PANIC = "Kernel panic"
MAKE_ARGS = ["ARCH=x86_64", "WERROR=0"]
BOOT_DEADLINE_S = 300
#: Without the folders in which ccache poses as the compiler.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def environment() -> dict[str, str]:
    """Of make: what a login shell has, and CCACHE_DISABLE to be sure."""
    keep = {name: os.environ[name] for name in ("HOME", "USER", "TERM")
            if name in os.environ}
    return {**keep, "PATH": PATH, "LC_ALL": "C", "CCACHE_DISABLE": "1"}


def cpio_entry(name: str, mode: int, data: bytes = b"",
               device: tuple[int, int] = (0, 0)) -> bytes:
    """One file of a cpio archive of the newc form."""
    raw = name.encode() + b"\0"
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(raw), 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + raw
    return (head + b"\0" * (-len(head) % 4)
            + data + b"\0" * (-len(data) % 4))


def initramfs(folder: pathlib.Path) -> pathlib.Path:
    """The least that a kernel can boot into."""
    program, path = folder / "guest", folder / "guest.cpio"
    compiler = shutil.which("musl-gcc") or "gcc"
    run([compiler, "-static", "-Os", "-o", str(program),
         str(ROOT / "tests/bench/guest.c")])
    path.write_bytes(cpio_entry("dev", 0o040755)
                     + cpio_entry("dev/console", 0o020600, device=(5, 1))
                     + cpio_entry("init", 0o100755, program.read_bytes())
                     + cpio_entry("TRAILER!!!", 0))
    return path


def qemu(image: pathlib.Path, initrd: pathlib.Path, console: str) -> list[str]:
    """One vCPU and as much memory as klab's machine has, on the usual clock."""
    return ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display",
            "none", "-no-reboot", "-nic", "none", "-machine", "pc", "-accel",
            "tcg", "-smp", "1", "-m", "512M", "-serial", console, "-kernel",
            str(image), "-initrd", str(initrd), "-append",
            "console=ttyS0 panic=-1"]


class Plain:
    """A clone with a commit for each stage, and an object folder."""

    def __init__(self, folder: pathlib.Path, tree: str, patches: pathlib.Path,
                 config: pathlib.Path) -> None:
        self.folder, self.tree = folder, tree
        self.patches, self.config = patches, config
        self.src, self.obj = folder / "src", folder / "obj"
        self.commits: list[str] = []

    def git(self, *words: str) -> str:
        """Runs git in the clone."""
        return run(["git", "-C", str(self.src), "-c", "user.name=bench", "-c",
                    "user.email=bench@localhost", "-c", "gc.auto=0", *words],
                   env=environment())

    def make(self, *words: str) -> None:
        """Runs make, its output going to a log beside the objects."""
        run(["make", "-C", str(self.src), f"O={self.obj}", *MAKE_ARGS,
             f"-j{os.cpu_count() or 1}", *words], env=environment())

    def prepare(self) -> None:
        """Clone, commits and the base's objects; none of it is timed."""
        if not self.src.exists():
            run(["git", "clone", "-q", "--shared", self.tree, str(self.src)])
            self.git("config", "advice.detachedHead", "false")
        if not (self.folder / "commits").exists():
            base = self.git("rev-parse", "HEAD").strip()
            self.git("am", "-q", "-3",
                     *sorted(str(p) for p in self.patches.glob("*.patch")))
            made = self.git("rev-list", "--reverse", f"{base}..HEAD").split()
            (self.folder / "commits").write_text("\n".join([base, *made]))
        self.commits = (self.folder / "commits").read_text().split()
        self.initrd = initramfs(self.folder)
        self.git("checkout", "-q", self.commits[0])
        self.obj.mkdir(exist_ok=True)
        if not (self.obj / ".config").exists():
            shutil.copy(self.config, self.obj / ".config")
            self.make("olddefconfig")
        self.make("bzImage")

    def boot(self) -> str:
        """Boots what was built: 'up', 'panic', or something went wrong."""
        console = self.folder / "console"
        image = self.obj / "arch/x86/boot/bzImage"
        subprocess.run(qemu(image, self.initrd, f"file:{console}"), check=True,
                       stdin=subprocess.DEVNULL, timeout=BOOT_DEADLINE_S)
        text = console.read_text(errors="replace")
        if UP in text:
            return "up"
        return "panic" if PANIC in text else "silent"

    def stage(self, number: int) -> tuple[str, list[float]]:
        """One turn of the loop, and what checkout, make and boot took."""
        marks = [time.monotonic()]
        if number:
            self.git("checkout", "-q", self.commits[number])
            marks.append(time.monotonic())
            self.make("bzImage")
            marks.append(time.monotonic())
        else:
            marks += marks * 2
        how = self.boot()
        marks.append(time.monotonic())
        return how, [after - before
                     for before, after in zip(marks, marks[1:])]
