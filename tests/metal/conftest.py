"""A box in QEMU for the whole session, and labs that know it only as metal."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from box import Box, disk  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("KLAB_BUILD", ROOT / "build")).resolve()
KLAB = Path(os.environ.get("KLAB_BIN", ROOT / "klab")).resolve()

STUDY = """\
study: {name}
source:
  suite: bookworm
  debian-image:
    - {{name: "6.12", package: linux-image-6.12-cloud-amd64}}
machines: [./{name}.yaml]
workloads:
  - hackbench-threads: {{groups: 2, fds: 4, loops: 500}}
boots: 1
"""

MACHINE = """\
machine: {name}
accel: metal
ssh: root@127.0.0.1
ssh_port: {port}
ssh_identity: {key}
ssh_known_hosts: {known_hosts}
ssh_timeout_s: 60
console: {console}
console_break: "~B"
power_cycle: {power}
boot_timeout_s: 400
hang_s: 30
initrd: auto
keep: yes
{more}
"""

# What klab could leave on the box, and what it could have changed: one text.
STATE = r"""
uname -r; cat /proc/cmdline; ls -a /boot /boot/grub /lib/modules /var/lib /run
cat /boot/grub/grubenv | tr -d '#'; cat /sys/kernel/kexec_loaded
cat /sys/kernel/mm/transparent_hugepage/enabled
cat /proc/sys/kernel/randomize_va_space /sys/devices/system/cpu/smt/control
cat /sys/devices/system/cpu/online; awk '{print $2, $3}' /proc/mounts | sort
ls /tmp /root
"""


def host_state() -> dict:
    """What a boot could leave on this host."""
    return {
        "mounts": Path("/proc/self/mounts").read_text(encoding="utf-8"),
        "loops": sorted(p.parent.name for p in
                        Path("/sys/block").glob("loop*/loop/backing_file")),
    }


def processes_of(*needles: str) -> list[str]:
    """Command lines of live processes that name one of these."""
    found = []
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            words = (proc / "cmdline").read_bytes().replace(b"\0", b" ")
            where = os.readlink(proc / "cwd")
        except OSError:
            continue
        text = words.decode(errors="replace")
        if int(proc.name) != os.getpid() and text and \
                any(n in text or n in where for n in needles):
            found.append(f"{proc.name} {text}")
    return found


class Lab:
    """A lab, the box, and what both looked like before."""

    def __init__(self, folder: Path, box: Box):
        self.folder = folder
        self.path = folder / "lab"
        self.box = box
        self.env = dict(os.environ, KLAB_HOME=str(ROOT))
        self.before = host_state()
        self.home = box.ssh(STATE)
        self.kept: set[str] = set()  # what `keep: yes` leaves there

    def study(self, name: str, more: str) -> str:
        """Writes a study with a machine; the path."""
        box = self.box
        (self.folder / f"{name}.yaml").write_text(MACHINE.format(
            name=name, port=box.proxy.port, key=box.key, more=more,
            known_hosts=box.known_hosts, console=box.command("console"),
            power=box.command("power")), encoding="ascii")
        path = self.folder / f"{name}-study.yaml"
        path.write_text(STUDY.format(name=name), encoding="ascii")
        return str(path)

    def run(self, name: str, more: str) -> subprocess.CompletedProcess:
        """klab run of such a study."""
        return subprocess.run(
            [str(KLAB), "--lab", str(self.path), "run", self.study(name, more)],
            capture_output=True, text=True, timeout=1800, check=False,
            env=self.env)

    def rows(self, sql: str, *values) -> list[tuple]:
        """All rows of a query on lab.db."""
        with sqlite3.connect(f"file:{self.path}/lab.db?mode=ro", uri=True) as db:
            return db.execute(sql, values).fetchall()

    def boot_of(self, name: str) -> Path:
        """The folder of the one boot on the machine of that name."""
        (boot,), = self.rows("SELECT c.boot FROM cell c WHERE c.machine = ?",
                             name)
        return self.path / "boots" / boot

    # ---- a boot without its lab, for what the lab would try again ----

    def flight(self, name: str, template: Path, host: dict, own: dict) -> Path:
        """A boot's folder as klab run makes it, with other settings; None is
        a key that is left out."""
        folder = self.folder / name
        folder.mkdir()
        spec = json.loads((template / "spec.json").read_text())
        spec["host"].update(host)
        spec["host"] = {k: v for k, v in spec["host"].items() if v is not None}
        spec["machine"]["own"].update(own)
        (folder / "spec.json").write_text(json.dumps(spec))
        store = self.path / "kernels" / spec["kernel"]["key"]
        for file in ("bzImage", "modules.tar", "config"):
            (folder / file).symlink_to(store / file)
        base = self.path / "initramfs" / f"{spec['initramfs']}.cpio"
        job = (template / "job.cpio").read_bytes()
        (folder / "job.cpio").write_bytes(job)
        (folder / "initramfs.cpio").write_bytes(base.read_bytes() + job)
        return folder

    def start(self, folder: Path) -> subprocess.Popen:
        """Starts klab metal-boot there."""
        return subprocess.Popen(
            [str(KLAB), "metal-boot", str(folder)], env=self.env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def boot(self, folder: Path,
             during: Callable[[], None] | None = None,
             when: str = "agent") -> tuple[int, str]:
        """Runs one; during() is called when metal.log has a line that ends in
        `when`.  The exit code and stderr."""
        with self.start(folder) as process:
            try:
                if during:
                    self.wait_for(folder, when, process)
                    during()
                _, err = process.communicate(timeout=1500)
            except BaseException:
                process.kill()
                raise
        return process.returncode, err

    @staticmethod
    def wait_for(folder: Path, words: str, process: subprocess.Popen) -> None:
        """Until a line of metal.log ends in these words."""
        log = folder / "metal.log"
        while process.poll() is None:
            if log.exists() and any(line.endswith(words) for line in
                                    log.read_text().splitlines()):
                return
            time.sleep(0.2)
        raise AssertionError(f"no '{words}' in {log}: "
                             f"{log.read_text() if log.exists() else ''}")

    def left(self) -> tuple:
        """What is there now, here and on the box."""
        now = self.box.ssh(STATE).splitlines()
        return (processes_of(str(self.folder)), host_state(),
                [p for p in self.folder.rglob("*") if p.is_socket()],
                [line for line in now if line not in self.kept])

    def check_nothing_left(self) -> None:
        """Neither here nor there, a moment after the boot at the latest: a
        process that was told to end may need one."""
        want = ([], self.before, [], self.home.splitlines())
        self.box.wait_up()
        end = time.monotonic() + 15
        while self.left() != want and time.monotonic() < end:
            time.sleep(1)
        assert self.left() == want


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """The box, up."""
    image = disk(BUILD / "metal")
    made = Box(tmp_path_factory.mktemp("box"), image)
    try:
        made.wait_up()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def session_lab(tmp_path_factory: pytest.TempPathFactory, box: Box) -> Lab:
    """One lab: the kernel is fetched once."""
    return Lab(tmp_path_factory.mktemp("metal"), box)


@pytest.fixture
def lab(session_lab: Lab) -> Iterator[Lab]:
    """That lab; whatever the test did, nothing is left of it."""
    yield session_lab
    session_lab.box.proxy.cut = False
    session_lab.check_nothing_left()
