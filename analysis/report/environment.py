"""What was the same in all boots that ran, and what differed."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from .. import load, text

#: So many different values of a fingerprint's key are listed.
VALUES = 5


def environment(lab: load.Lab) -> dict[str, Any]:
    """What was the same in all boots that ran, and what differed."""
    boots, damaged = [], 0
    ran = set(lab.cells.boot[lab.cells.state.isin(["ok", "bad", "lab"])])
    for words in lab.fingerprints.values():
        try:
            found = json.loads(words)
        except ValueError:
            found = None
        if isinstance(found, dict):
            boots.append(dict(_flat(found)))
        else:
            damaged += 1
    same, differs = [], []
    for key in sorted({key for boot in boots for key in boot}):
        values = Counter(boot.get(key, "(not recorded)") for boot in boots)
        if len(values) == 1:
            same.append((key, next(iter(values))))
        else:
            differs.append((key, _different(values)))
    return {"boots": len(boots), "damaged": damaged, "same": same,
            "missing": len(ran - set(lab.fingerprints)),
            "differs": differs}


def _flat(value: Any, path: str = ""):
    """(dotted key, text) of every leaf."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        yield path, ", ".join(str(inner) for inner in value)
    else:
        yield path, str(value)


def _different(values: Counter) -> list[str]:
    if len(values) <= VALUES:
        return [f"{value} ({text.plural(number, 'boot')})"
                for value, number in values.most_common()]
    words = [value.split() for value in values]
    if min(map(len, words)) > 1 and len(set(map(len, words))) == 1:
        return [f"{len(values)} values: " + " ".join(
            column[0] if len(set(column)) == 1 else "\u2026"
            for column in zip(*words))]
    return [f"{len(values)} values, for example {next(iter(values))}"]
