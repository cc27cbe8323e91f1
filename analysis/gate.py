"""Which boots may be compared: those that ran under the same conditions.

Every boot records what could matter for it (the object "matters" of its
fingerprint, runner/lab/fingerprint.h); compiler and config are no part of that,
since they are what a study may compare.  Boots of one config, machine and
workload that differ in any of it are not to be compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import load, text
from .errors import BadRequest

#: Longest value in a sentence.
WIDTH = 60


@dataclass
class Difference:
    """One key that differs on one machine: value to its boots by stage."""

    machine: str
    key: str
    values: dict[str, dict[int, set[str]]] = field(default_factory=dict)


def check(lab: load.Lab, force: bool) -> list[str]:
    """Sentences on what differs; none if all may be compared.

    Raises BadRequest with the first of them unless forced.
    """
    told = [_sentence(lab, one) for one in differences(lab)]
    if told and not force:
        more = (f" (and {len(told) - 1} more that differ)" if len(told) > 1
                else "")
        name = lab.study["name"]
        raise BadRequest(
            f"{told[0]}{more}, so these boots cannot be compared: boot them "
            f"again under one condition (klab gc --forget {name}, then klab "
            "run), or compare them all the same with --force")
    return told


def differences(lab: load.Lab) -> list[Difference]:
    """What differs between boots that would be compared, in the order of
    machines and keys.  What a boot has not recorded is not held against it."""
    places: dict[tuple[str, str, str], dict[str, int]] = {}
    for cell in lab.cells[lab.cells.state == "ok"].itertuples():
        places.setdefault((cell.machine, cell.config, cell.workload),
                          {})[cell.boot] = cell.stage
    found: dict[tuple[str, str], Difference] = {}
    for (machine, _, _), boots in places.items():
        for key, values in _values(lab, boots).items():
            if len(values) < 2:
                continue
            one = found.setdefault((machine, key), Difference(machine, key))
            for value, stages in values.items():
                known = one.values.setdefault(value, {})
                for stage, names in stages.items():
                    known.setdefault(stage, set()).update(names)
    return [found[key] for key in sorted(found)]


def _values(lab: load.Lab, boots: dict[str, int]
            ) -> dict[str, dict[str, dict[int, set[str]]]]:
    """Key to value to stage to boots."""
    found: dict[str, dict[str, dict[int, set[str]]]] = {}
    for boot, stage in boots.items():
        for key, value in lab.facts.get(boot, {}).items():
            found.setdefault(key, {}).setdefault(value, {}).setdefault(
                stage, set()).add(boot)
    return found


def _sentence(lab: load.Lab, one: Difference) -> str:
    """"machine 'm': governor is 'a' in 2 boots of old and 'b' in ..."."""
    words = dict(zip(lab.stages.idx, lab.stages.word))
    # What most boots have comes first.
    order = sorted(one.values, key=lambda value: -_count(one.values[value]))
    shown = _shorten(order)
    parts = []
    for value, short in list(zip(order, shown))[:3]:
        stages = one.values[value]
        names = [text.plain(words.get(stage, stage))
                 for stage in sorted(stages)]
        if len(names) > 3:
            names[2:] = [f"{len(names) - 2} more stages"]
        boots = sorted(boot for found in stages.values() for boot in found)
        which = f" ({text.plain(boots[0])})" if len(boots) == 1 else ""
        parts.append(f"'{text.plain(short)}' in "
                     f"{text.plural(len(boots), 'boot')}{which} of "
                     + ", ".join(names))
    if len(order) > 3:
        parts.append(f"{len(order) - 3} more values")
    return (f"machine '{text.plain(one.machine)}': {text.plain(one.key)} is "
            + ", ".join(parts[:-1]) + " and " + parts[-1])


def _count(stages: dict[int, set[str]]) -> int:
    return sum(map(len, stages.values()))


def _shorten(values: list[str]) -> list[str]:
    """Of long values of many words only those words that differ."""
    if max(map(len, values)) <= WIDTH:
        return values
    common = set.intersection(*(set(value.split()) for value in values))
    short = [" ".join(word for word in value.split() if word not in common)
             for value in values]
    if len(set(short)) < len(values):
        short = values
    return [value if len(value) <= WIDTH else value[:WIDTH - 2] + ".."
            for value in short]
