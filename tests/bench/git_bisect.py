"""A section of bench.py: the boot break of the SLUB series, by klab and by git.

`klab bisect` beside `git bisect run` with a script that makes and boots, over
the same stages from the same base.  Inputs are those of sweep.py.  git takes
both ends for granted and does not test the guilty stage again; klab boots both
ends, and its time has the confirmation in it.
"""

from __future__ import annotations

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time

from figures import KLAB, goal, run
from plain import MAKE_ARGS, UP, Plain, environment, qemu
from sweep import FOLDER, HOW, Lab, Study, given, stages_to, last_stage

#: The goal: both together, klab's part of git's wall time.
SHARE = 0.6
BOOTS = 8


def script(plain: Plain) -> pathlib.Path:
    """What git runs at each commit: 125 if it does not build."""
    path, console = plain.folder / "judge.sh", plain.folder / "console"
    make = ["make", "-C", str(plain.src), f"O={plain.obj}", *MAKE_ARGS,
            f"-j{os.cpu_count() or 1}", "bzImage"]
    boot = qemu(plain.obj / "arch/x86/boot/bzImage", plain.initrd,
                f"file:{console}")
    path.write_text("#!/bin/sh\n"
                    f"{shlex.join(make)} >{plain.folder}/make.log 2>&1 "
                    "|| exit 125\n"
                    f"{shlex.join(boot)} </dev/null || exit 128\n"
                    f"grep -q {shlex.quote(UP)} {console}\n")
    path.chmod(0o755)
    return path


def by_git(plain: Plain) -> tuple[float, str, int]:
    """Wall seconds, the number of the stage it found, and the steps."""
    judge = script(plain)
    plain.git("checkout", "-q", plain.commits[0])
    start = time.monotonic()
    plain.git("bisect", "start", plain.commits[-1], plain.commits[0])
    out = run(["git", "-C", str(plain.src), "bisect", "run", str(judge)],
              env=environment())
    wall = time.monotonic() - start
    found = next(line.split()[0] for line in out.splitlines()
                 if line.endswith("is the first bad commit"))
    plain.git("bisect", "reset")
    return wall, str(plain.commits.index(found)), out.count("running ")


def by_klab(lab: Lab, path: str) -> tuple[float, dict]:
    """Wall seconds and the result."""
    start = time.monotonic()
    done = subprocess.run(
        [str(KLAB), "--lab", str(lab.path), "bisect", path, "--broken=panic",
         "--json"], env=lab.environment(), text=True, capture_output=True,
        check=False)
    wall = time.monotonic() - start
    if done.returncode:
        sys.exit(f"klab bisect: exit {done.returncode}\n{done.stderr}")
    return wall, json.loads(done.stdout)


def prepare(inputs: list[str]) -> tuple[Lab, Study, Plain]:
    """Both have built the base, and neither a stage after it."""
    folder = FOLDER / "bisect"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    study, lab = Study(*inputs), Lab("bisect/lab")
    lab.ccache.mkdir()
    lab.klab("run", study.write("bisect-base", "[0]"))
    config = folder / "settled.config"
    shutil.copy(lab.kernel("bisect-base", 0) / "config", config)
    lab.forget()
    run([str(KLAB), "series", "import", "--out", str(folder / "patches"),
         inputs[1]])
    plain = Plain(folder, inputs[0], folder / "patches", config)
    plain.prepare()
    return lab, study, plain


def bisect() -> None:
    """Both, one after the other, on a base that is built."""
    print(f"== bisect of the SLUB series' boot break, {os.cpu_count()} cores",
          flush=True)
    inputs = given(*HOW)
    if not inputs:
        return
    lab, study, plain = prepare(inputs)
    git_s, found, steps = by_git(plain)
    print(f"git bisect run: {git_s:.1f} s, stage {found}, {steps} steps",
          flush=True)
    klab_s, result = by_klab(lab, study.write("bisect",
                                              stages_to(last_stage())))
    print(json.dumps(result)[:1500])
    goal("klab bisect against git bisect run", klab_s / git_s, SHARE)
