"""What the lab's folder knows of a kernel, beside the database: from which
commit it was built, by what."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Of a manifest; what is larger is none of klab's.
MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Made:
    """commit and tree are of git, in the lab's own repository; toolchain is
    compiler, linker and more, as they call themselves; seconds is what the
    build took.  None: not known, or not built by klab."""

    commit: str | None = None
    tree: str | None = None
    toolchain: str | None = None
    seconds: float | None = None


def read(folder: Path, key: str | None, log: str | None) -> Made:
    """Of the kernel `key` of a lab; without a key of the build that failed,
    whose log, below the lab, is `log`."""
    if key:
        if not re.fullmatch(r"[0-9A-Za-z-]+", key):
            return Made()
        found = _object(folder / "kernels" / key / "manifest.json")
        build = found.get("build")
        build = build if isinstance(build, dict) else {}
    else:
        match = re.fullmatch(r"broken/([0-9a-f]+)/build\.log\.zst", log or "")
        if not match:
            return Made()
        found = build = _object(folder / "broken" / match[1] / "result.json")
    wall = build.get("wall_ms")
    return Made(_word(found.get("commit")), _word(found.get("tree")),
                _text(build.get("toolchain")),
                wall / 1000 if isinstance(wall, int) and wall > 0 else None)


def _object(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _word(value: Any) -> str | None:
    """A hash of git's, 40 hex digits."""
    known = isinstance(value, str) and re.fullmatch(r"[0-9a-f]{40}", value)
    return value if known else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
