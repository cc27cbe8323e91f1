"""Resolved .config files: what differs between the configs of a study, and
what a stage changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable, Sequence

from .. import load, text
from . import files

#: So many options are listed, between configs and for each stage.
LISTED, PER_STAGE = 120, 25
#: Characters of a value.
WIDTH = 60
#: What tends to show in figures, and is listed first where not all is.
TELLING = re.compile(
    r"CONFIG_(PREEMPT|HZ|SMP|NR_CPUS|SLAB|SLUB|DEBUG|PROVE|LOCK|RCU|SCHED|"
    r"NUMA|NO_HZ|MITIGATION|TRANSPARENT|MEMCG|KASAN|KCSAN|KFENCE|KMSAN|UBSAN|"
    r"FTRACE|FUNCTION|INIT_ON|RANDOM|CC_|HARDENED|PAGE_|CPU_)")


def differences(lab: load.Lab, folder: Path,
                manifests: dict[tuple[int, str], dict[str, Any]]
                ) -> dict[str, Any]:
    """What differs between resolved configs.

    manifests: by stage and config.  An option that is not set and one that is
    not there are both 'n'.
    """
    read: dict[str, dict[str, str]] = {}
    known: dict[tuple[int, str], dict[str, str]] = {}
    for variant in lab.variants.itertuples():
        if not variant.kernel_key:
            continue
        said = manifests[variant.stage, variant.config].get("build")
        digest = said.get("config_sha256") if isinstance(said, dict) else None
        # Most stages have the config of the one before.
        name = str(digest or variant.kernel_key)
        if name not in read:
            read[name] = files.options(folder, str(variant.kernel_key))
        if read[name]:
            known[variant.stage, variant.config] = read[name]
    return {"configs": _between(lab, known), "stages": _along(lab, known)}


def _between(lab: load.Lab, known: dict[tuple[int, str], dict[str, str]]
             ) -> dict[str, Any] | None:
    """The configs of the first stage that has all of them, side by side; None
    if there is nothing to compare."""
    names = list(lab.configs.name)
    for stage in lab.stages.itertuples():
        sides = [known.get((stage.idx, name)) for name in names]
        if len(names) > 1 and all(sides):
            rows = [(option, [_value(side, option) for side in sides])
                    for option in sorted(set().union(*sides))]
            rows = [(option, values) for option, values in rows
                    if len(set(values)) > 1]
            return {"stage": stage.name, "names": names,
                    "rows": _most_telling(rows, LISTED, lambda row: row[0]),
                    "more": len(rows[LISTED:])}
    return None


def _along(lab: load.Lab, known: dict[tuple[int, str], dict[str, str]]
           ) -> list[dict[str, Any]]:
    """What each stage changes against the one before that has a kernel; equal
    changes under several configs are told once."""
    told: list[dict[str, Any]] = []
    names = dict(zip(lab.stages.idx, lab.stages.name))
    places: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    for config in lab.configs.name:
        before: dict[str, str] | None = None
        for stage in lab.stages.idx:
            here = known.get((stage, config))
            if here is None:
                continue
            # The same object: the very same file.
            if before is not None and here is not before:
                changes = tuple(_changes(before, here))
                if changes:
                    places.setdefault((stage, changes), []).append(config)
            before = here
    for (stage, changes), configs in sorted(places.items(),
                                            key=lambda item: item[0][0]):
        told.append({"stage": names[stage],
                     "configs": configs if len(lab.configs) > 1 else [],
                     "all": len(configs) == len(lab.configs),
                     "changes": tuple(_most_telling(changes, PER_STAGE, str)),
                     "more": len(changes[PER_STAGE:])})
    return told


def _most_telling(found: Sequence[Any], most: int,
                  name: Callable[[Any], str]) -> list[Any]:
    """At most so many, in their order."""
    if len(found) <= most:
        return list(found)
    kept = sorted(found, key=lambda one: not TELLING.match(name(one)))[:most]
    return [one for one in found if one in kept]


def _changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [f"{option}: {_value(before, option)} \u2192 "
            f"{_value(after, option)}"
            for option in sorted(before.keys() | after.keys())
            if before.get(option, "n") != after.get(option, "n")]


def _value(options: dict[str, str], name: str) -> str:
    value = text.plain(options.get(name, "n"))
    return value if len(value) <= WIDTH else value[:WIDTH - 2] + ".."
