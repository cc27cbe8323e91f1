"""What was the same in all boots that ran, and what differed: fingerprints,
compilers, configs."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from .. import gate, load, text
from . import files, kconfig

#: So many different values of a fingerprint's key are listed.
VALUES = 5
#: What a banner says between the builder and the number of the build:
#: "(klab@klab) (gcc 12.2.0, GNU ld 2.40) #1 SMP".
COMPILER = re.compile(r"\) \((.+)\) #")


def environment(lab: load.Lab, folder: Path,
                forced: bool = False) -> dict[str, Any]:
    """What was the same in all boots that ran, and what differed; folder is
    the lab's.

    forced: boots were compared although what matters differs, so that is
    marked.
    """
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
    matters = {f"matters.{one.key}" for one in gate.differences(lab)
               } if forced else set()
    # A boot's own id says nothing.
    for key in sorted({key for boot in boots for key in boot} - {"boot"}):
        values = Counter(boot.get(key, "(not recorded)") for boot in boots)
        if len(values) == 1:
            same.append((key, next(iter(values))))
        else:
            differs.append((key, _different(values),
                            key in matters))
    manifests = {(v.stage, v.config): files.manifest(folder, v)
                 for v in lab.variants.itertuples()}
    # What matters comes first.
    return {"boots": len(boots), "damaged": damaged, "same": same,
            "missing": len(ran - set(lab.fingerprints)),
            "differs": sorted(differs, key=lambda one: not one[2]),
            "tools": _toolchain(lab, manifests) + _emulators(boots),
            "kconfig": kconfig.differences(lab, folder, manifests)}


def _toolchain(lab: load.Lab,
               manifests: dict[tuple[int, str], dict[str, Any]]
               ) -> list[dict[str, Any]]:
    """Compilers and binutils, each with the number of kernels built by it."""
    seen: dict[str, dict[str, set[str]]] = {}
    for variant in lab.variants.itertuples():
        said = manifests[variant.stage, variant.config]
        key = variant.kernel_key or said.get("key") or variant.log
        for tool in _tools(variant, said):
            kind = ("linker" if re.match("GNU ld|LLD|ld", tool) else
                    "BTF" if tool.startswith("pahole") else "compiler")
            seen.setdefault(kind, {}).setdefault(tool, set()).add(str(key))
    return [{"kind": kind, "values": [
        (tool, text.plural(len(keys), "kernel"))
        for tool, keys in sorted(values.items(), key=lambda one: -len(one[1]))
        ][:VALUES], "more": len(values) - VALUES}
            for kind, values in seen.items()]


def _tools(variant: Any, said: dict[str, Any]) -> list[str]:
    """'gcc (Debian ..) 12.2.0', 'GNU ld ..', 'pahole v1.24'."""
    build = said.get("build")
    words = (build if isinstance(build, dict) else said).get("toolchain")
    if not isinstance(words, str):
        found = COMPILER.search(variant.banner or "")
        words = found[1] if found else ""
    return [one.strip() for one in words.split(", ") if one.strip()]


def _emulators(boots: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The versions of QEMU, each with the number of boots."""
    values = Counter(boot[key] for boot in boots
                     for key in ("facts.qemu", "qemu.version")
                     if key in boot and not (
                         key == "qemu.version" and "facts.qemu" in boot))
    if not values:
        return []
    return [{"kind": "QEMU", "values": [
        (value, text.plural(number, "boot"))
        for value, number in values.most_common(VALUES)],
             "more": len(values) - VALUES}]


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
