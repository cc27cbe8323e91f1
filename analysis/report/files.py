"""What lies in a lab's folder beside the database: consoles and logs to link
to, manifests and configs of kernels, patches.

Names come from the database, and what is in the files from guests and trees:
nothing is opened or linked that is not below the lab.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

#: Of a manifest, or of a resolved .config, at most; more is not read.
FILE_MAX = 4 << 20
#: Characters of a patch that are shown.
PATCH_MAX = 20_000
TIMEOUT_S = 10
#: git looks at no config but the repository's, and asks nobody for what a
#: partial clone has not.
ALONE = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
         "GIT_ALLOW_PROTOCOL": "none", "LC_ALL": "C"}


def below(folder: Path, name: str) -> Path | None:
    """A file of the lab by its name in it; None if it is not there, or not
    below the lab."""
    parts = Path(name).parts
    if not name or "\0" in name or ".." in parts or name.startswith("/"):
        return None
    path = folder.joinpath(*parts)
    try:
        return path if path.is_file() else None
    except OSError:
        return None


def link(folder: Path, name: str) -> str:
    """What a page in lab/reports/STUDY/ links to a file of the lab with; ''
    if it is not there."""
    return f"../../{quote(name)}" if below(folder, name) else ""


def console(folder: Path, boot: str) -> str:
    """The link to a boot's console, or ''."""
    return link(folder, f"boots/{boot}/console.log")


def _read(folder: Path, name: str) -> str:
    """The text of a file; '' if there is none."""
    path = below(folder, name)
    if path is None:
        return ""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(FILE_MAX)
    except OSError:
        return ""


def _json(folder: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads(_read(folder, name))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def manifest(folder: Path, variant: Any) -> dict[str, Any]:
    """What klab noted of a kernel that it built or took, or of one that does
    not build; {} if nothing."""
    if variant.kernel_key:
        return _json(folder, f"kernels/{variant.kernel_key}/manifest.json")
    if variant.log:
        return _json(folder, str(Path(variant.log).parent / "result.json"))
    return {}


OPTION = re.compile(r"^(CONFIG_\w+)=(.*)$", re.M | re.A)


def options(folder: Path, key: str) -> dict[str, str]:
    """The resolved .config of a kernel, option to value; what is not set is
    left out."""
    return dict(OPTION.findall(_read(folder, f"kernels/{key}/config")))


def patch(folder: Path, commit: object) -> tuple[str, bool]:
    """The patch of a stage as mail, and whether it was cut; '' if git does
    not have it.

    klab makes each stage a commit of a repository in lab/git.
    """
    if not isinstance(commit, str) or not re.fullmatch(
            "[0-9a-f]{40}|[0-9a-f]{64}", commit):
        return "", False
    for repository in sorted((folder / "git").glob("*")):
        if found := _show(repository, commit):
            return found[:PATCH_MAX], len(found) > PATCH_MAX
    return "", False


def _show(repository: Path, commit: str) -> str:
    """The first characters of a commit, or ''."""
    words = ["git", f"--git-dir={repository}", "show", "--format=email",
             "--stat", "--patch", "--first-parent", "--no-ext-diff",
             "--no-textconv", "--no-color", commit, "--"]
    try:
        with subprocess.Popen(words, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL,
                              env={**os.environ, **ALONE}) as git:
            clock = threading.Timer(TIMEOUT_S, git.kill)
            clock.start()
            # A merge may be as large as a release.
            found = git.stdout.read(PATCH_MAX * 4 + 4)
            git.stdout.close()
            git.wait()
            clock.cancel()
    except OSError:
        return ""
    return found.decode("utf-8", "replace")
