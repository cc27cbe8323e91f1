"""axe-core, a checker of accessibility, as npm has it: fetched once into the
build folder, and only used if it is the file that is named here."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

VERSION = "4.10.3"
SHA512 = ("Xm7bpRXnDSX2YE2YFfBk2FnF0ep6tmG7xPh8iHee8MIcrgq762Nkce856dYtJYLk"
          "uIoYZvGfTs/PbZhideTcEg==")
PACKAGE = f"axe-core-{VERSION}.tgz"
TIMEOUT_S = 300


class NoAxe(Exception):
    """One sentence: why it cannot be had, and what to do."""


def source(build: Path) -> str:
    """Its code, to be run in a page.  Raises NoAxe."""
    kept = build / "axe" / PACKAGE
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            _fetch(Path(folder))
            _check(Path(folder) / PACKAGE)
            os.replace(Path(folder) / PACKAGE, kept)
    _check(kept)
    with tarfile.open(kept) as package:
        return package.extractfile("package/axe.min.js").read().decode()


def _fetch(folder: Path) -> None:
    # The user's settings say which registry; nothing else is looked up there.
    environment = {**os.environ, "npm_config_update_notifier": "false",
                   "npm_config_cache": str(folder / "cache")}
    try:
        done = subprocess.run(
            ["npm", "pack", f"axe-core@{VERSION}", "--loglevel=error"],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S, capture_output=True, text=True,
            errors="replace")
    except FileNotFoundError:
        raise NoAxe("npm is missing, which fetches axe-core; install it "
                    "(make setup TESTS=1)") from None
    except subprocess.TimeoutExpired:
        raise NoAxe(f"npm did not get axe-core {VERSION} in {TIMEOUT_S} s; "
                    "look at the network") from None
    if done.returncode or not (folder / PACKAGE).exists():
        said = " ".join(done.stderr.split())[:200] or "it said nothing"
        raise NoAxe(f"npm could not get axe-core {VERSION}; look at the "
                    f"network and at npm's settings ({said})")


def _check(path: Path) -> None:
    found = base64.b64encode(hashlib.sha512(path.read_bytes()).digest())
    if found.decode() != SHA512:
        raise NoAxe(f"'{path}' is not the axe-core {VERSION} that the tests "
                    "know (sha512 differs); remove it")
