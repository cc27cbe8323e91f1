#!/usr/bin/python3
"""A box of bare metal, played by QEMU: klab knows it only by ssh, by the output
of a console command and by a power command.

    box.py console FOLDER   the serial console on stdin and stdout; ~B is BREAK
    box.py power FOLDER     off and on again

FOLDER is where the running box has its sockets.  The class Box starts one.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUITE = "bookworm"
UP_S = 300


def qmp(path: Path, *commands: dict) -> None:
    """Sends commands to QEMU; an error is an exception."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(str(path))
        stream = s.makefile("rw")
        stream.readline()
        for command in ({"execute": "qmp_capabilities"},) + commands:
            stream.write(json.dumps(command) + "\n")
            stream.flush()
            while True:
                answer = json.loads(stream.readline())
                if "error" in answer:
                    raise RuntimeError(answer["error"]["desc"])
                if "return" in answer:
                    break


def power(folder: Path) -> None:
    """Power off and on."""
    qmp(folder / "power.sock", {"execute": "system_reset"})


def console(folder: Path) -> None:
    """Like `ipmitool sol activate`: as long as it runs, a terminal."""
    serial = socket.socket(socket.AF_UNIX)
    serial.connect(str(folder / "serial.sock"))
    typed = b""
    while True:
        ready, _, _ = select.select([serial, 0], [], [])
        if serial in ready:
            data = serial.recv(65536)
            if not data:
                return
            os.write(1, data)
        if 0 in ready:
            data = os.read(0, 4096)
            if not data:
                return
            typed += data
            if typed.startswith(b"~B"):
                qmp(folder / "break.sock",
                    {"execute": "chardev-send-break",
                     "arguments": {"id": "serial"}})
                typed = typed[2:]
            serial.sendall(typed)
            typed = b""


# ---- the disk, which is made once ----

def content() -> str:
    """What the disk is made from, as a hash: our files, and the versions that
    apt would install now."""
    hashed = hashlib.sha256()
    for path in sorted([HERE / "make_box.sh", *(HERE / "box").iterdir()]):
        hashed.update(path.name.encode() + b"\0" + path.read_bytes())
    listing = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", "linux-image-cloud-amd64",
         "sysvinit-core", "openssh-server", "kexec-tools", "udev",
         "initramfs-tools", "grub-pc-bin"],
        capture_output=True, text=True, check=False)
    for line in listing.stdout.splitlines():
        if line.startswith(("Package:", "Version:")):
            hashed.update(line.encode())
    return hashed.hexdigest()[:16]


def disk(cache: Path) -> Path:
    """The folder with the disk; makes it if it is not there, and removes older
    ones."""
    folder = cache / f"box-{content()}"
    if not (folder / "disk.img").exists():
        shutil.rmtree(cache, ignore_errors=True)
        with open(os.devnull, encoding="ascii") as nothing:
            subprocess.run(["sh", str(HERE / "make_box.sh"), str(folder), SUITE],
                           stdin=nothing, check=True)
    return folder


class Proxy:
    """Between klab and the box's sshd: what a network is that may fail."""

    def __init__(self, port: int):
        self.target = port
        self.cut = False  # takes connections and forwards nothing
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,),
                             daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        try:
            with client, socket.create_connection(
                    ("127.0.0.1", self.target), timeout=60) as box:
                ends = {client: box, box: client}
                while True:
                    ready, _, _ = select.select(list(ends), [], [], 0.5)
                    while self.cut:
                        time.sleep(0.1)
                    for end in ready:
                        data = end.recv(65536)
                        if not data:
                            return
                        ends[end].sendall(data)
        except OSError:
            return

    def close(self) -> None:
        """No new connections."""
        self.server.close()


class Box:
    """The box, running; its serial output is kept in folder/serial.log."""

    def __init__(self, folder: Path, image: Path):
        self.folder = folder
        self.image = image
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.proxy = Proxy(port)
        key = (image / "host_key.pub").read_text(encoding="ascii").split()
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.write_text("".join(
            f"[127.0.0.1]:{p} {key[0]} {key[1]}\n"
            for p in (self.proxy.port, port)), encoding="ascii")
        self.key = folder / "key"
        shutil.copy(image / "id_ed25519", self.key)
        self.key.chmod(0o600)
        self.port = port
        self.qemu = subprocess.Popen(
            self._argv(), cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=(folder / "qemu.log").open("wb"))

    def _argv(self) -> list[str]:
        return [
            "setpriv", "--pdeathsig", "KILL",
            "qemu-system-x86_64", "-nodefaults", "-no-user-config",
            "-display", "none", "-machine", "q35",
            "-accel", "tcg,thread=multi",
            # Intel's, because with AMD's two threads are two cores to QEMU.
            "-cpu", "max,vendor=GenuineIntel", "-m", "512",
            "-smp", "2,cores=1,threads=2",
            "-kernel", str(self.image / "grub.lkrn"),
            "-drive", f"file={self.image}/disk.img,format=raw,if=virtio,"
                      "snapshot=on",
            "-netdev", "user,id=net,restrict=on,"
                       f"hostfwd=tcp:127.0.0.1:{self.port}-10.0.2.15:22",
            "-device", "virtio-net-pci,netdev=net,romfile=",
            "-device", "virtio-rng-pci",
            "-chardev", "socket,id=serial,path=serial.sock,server=on,wait=off,"
                        "logfile=serial.log",
            "-serial", "chardev:serial",
            "-qmp", "unix:power.sock,server=on,wait=off",
            "-qmp", "unix:break.sock,server=on,wait=off",
        ]

    def ssh(self, command: str, check: bool = True) -> str:
        """Runs a command there, past the proxy; its output."""
        done = subprocess.run(
            ["ssh", "-oBatchMode=yes", "-oConnectTimeout=20", "-oLogLevel=ERROR",
             "-oServerAliveInterval=5",
             f"-oUserKnownHostsFile={self.known_hosts}", "-oControlPath=none",
             "-oIdentitiesOnly=yes", "-i", str(self.key), "-p", str(self.port),
             "root@127.0.0.1", command],
            capture_output=True, text=True, timeout=120, check=False)
        if check and done.returncode:
            raise RuntimeError(f"{command}: {done.stderr}")
        return done.stdout if done.returncode == 0 else ""

    def wait_up(self) -> None:
        """Until ssh answers."""
        end = time.monotonic() + UP_S
        while not self.ssh("true; echo up", check=False):
            assert self.qemu.poll() is None, "QEMU has ended"
            assert time.monotonic() < end, "the box does not come up"
            time.sleep(1)

    def command(self, verb: str) -> str:
        """The console or the power command of a machine file."""
        return f"{sys.executable} {HERE / 'box.py'} {verb} {self.folder}"

    def power(self) -> None:
        """Off and on again, by nobody that klab knows."""
        power(self.folder)

    def stop(self) -> None:
        """Power off for good."""
        self.proxy.close()
        self.qemu.terminate()
        self.qemu.wait(20)


if __name__ == "__main__":
    {"console": console, "power": power}[sys.argv[1]](Path(sys.argv[2]))
