"""What is in a line of JSON that a stranger may have written: of the kind that
is wanted, or as if it were not there."""

from __future__ import annotations

import math
from typing import Any


def string(line: dict[str, Any], key: str) -> str:
    found = line.get(key)
    if not isinstance(found, str):
        return ""
    # JSON may have halves of a character.
    return found.encode("utf-8", "replace").decode("utf-8")


def strings(line: dict[str, Any], key: str) -> list[str]:
    """Those of a list."""
    found = line.get(key)
    return [one for one in (string({"": one}, "") for one in found)
            if one] if isinstance(found, list) else []


def number(line: dict[str, Any], key: str) -> float | None:
    """A finite one, or None."""
    found = line.get(key)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return None
    try:
        found = float(found)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def whole(line: dict[str, Any], key: str, top: int) -> int | None:
    """One from 0 to top, or None."""
    found = line.get(key)
    right = isinstance(found, int) and not isinstance(found, bool)
    return found if right and 0 <= found <= top else None


def member(line: dict[str, Any], key: str) -> dict[str, Any]:
    found = line.get(key)
    return found if isinstance(found, dict) else {}
