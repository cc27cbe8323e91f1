"""The kernel tree's own tool for a sweep: tools/testing/ktest, patchcheck.

Set up as well as it can be: every sleep at its least, nothing cleaned, no
network, stage 0's objects there.
"""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

from plain import MAKE_ARGS, UP, Plain, environment, qemu

DEADLINE_S = 1800

CONFIG = """\
MACHINE = guest
SSH_USER = root
BUILD_DIR = {src}
OUTPUT_DIR = {obj}
MAKE_CMD = make {args}
BUILD_OPTIONS = -j{jobs} bzImage
BUILD_NOCLEAN = 1
BUILD_TARGET = arch/x86/boot/bzImage
TARGET_IMAGE = {folder}/bzImage
LOCALVERSION = -test
REBOOT_TYPE = script
REBOOT_SCRIPT = {folder}/start
CONSOLE = tail -n 0 -f {folder}/console
CLOSE_CONSOLE_SIGNAL = KILL
SSH_EXEC = true
SCP_TO_TARGET = cp $SRC_FILE $DST_FILE
REBOOT = true
POWER_CYCLE = true
SUCCESS_LINE = {up}
TIMEOUT = 60
BOOTED_TIMEOUT = 1
STOP_AFTER_SUCCESS = 1
STOP_AFTER_FAILURE = 1
SLEEP_TIME = 1
PATCHCHECK_SLEEP_TIME = 1
REBOOT_ON_SUCCESS = 0
TMP_DIR = {folder}/tmp
LOG_FILE = {folder}/log
CLEAR_LOG = 1
TEST_START
TEST_TYPE = patchcheck
PATCHCHECK_TYPE = boot
PATCHCHECK_START = {first}
PATCHCHECK_END = {last}
IGNORE_WARNINGS = {all}
"""


def write_start(plain: Plain, folder: pathlib.Path) -> None:
    """A QEMU that outlives the script, and holds none of its streams."""
    words = qemu(folder / "bzImage", plain.initrd, "chardev:console")
    words += ["-chardev", f"file,id=console,append=on,path={folder}/console",
              "-daemonize"]
    start = folder / "start"
    start.write_text("#!/bin/sh\n"
                     f"exec {shlex.join(words)} </dev/null >/dev/null 2>&1\n")
    start.chmod(0o755)
    (folder / "console").write_text("")


def missing(tree: pathlib.Path) -> str | None:
    """What keeps ktest.pl from running here, if anything does."""
    if not (tree / "tools/testing/ktest/ktest.pl").exists():
        return "the tree has no tools/testing/ktest"
    for program in ("perl", "diffstat", "script"):
        if not shutil.which(program):
            return f"there is no {program}"
    return None


def prepare(plain: Plain, folder: pathlib.Path, stages: int) -> pathlib.Path:
    """Config and base objects, with the version that ktest.pl gives them."""
    folder.mkdir(exist_ok=True)
    plain.git("checkout", "-q", plain.commits[0])
    (plain.obj / "localversion").write_text("-test\n")
    plain.make("bzImage")
    write_start(plain, folder)
    config = folder / "ktest.conf"
    config.write_text(CONFIG.format(
        src=plain.src, obj=plain.obj, args=" ".join(MAKE_ARGS), folder=folder,
        up=UP, jobs=os.cpu_count() or 1, first=plain.commits[1],
        last=plain.commits[stages], all=" ".join(plain.commits[1:])))
    # Not of the commit that is checked out meanwhile.
    shutil.copy(plain.src / "tools/testing/ktest/ktest.pl", folder)
    return config


def patchcheck(folder: pathlib.Path, config: pathlib.Path,
               stages: int) -> float:
    """Seconds for the stages; it wants a terminal as its standard input."""
    words = ["script", "-qec", shlex.join(["perl", str(folder / "ktest.pl"),
                                           str(config)]), "/dev/null"]
    start = time.monotonic()
    done = subprocess.run(words, env=environment(), capture_output=True,
                          stdin=subprocess.DEVNULL, text=True, check=False,
                          errors="replace", timeout=DEADLINE_S)
    wall = time.monotonic() - start
    log = (folder / "log").read_text(errors="replace")
    seen = len(re.findall("^Successful boot found", log, re.MULTILINE))
    if "SUCCESS!!!!" not in log or seen != stages:
        tail = "\n".join((done.stdout or log).splitlines()[-20:])
        sys.exit(f"ktest.pl: {seen} of {stages} stages booted; see "
                 f"{folder}/log\n{tail}")
    return wall
