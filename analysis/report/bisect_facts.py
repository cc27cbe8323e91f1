"""What the database knows of a bisect besides its record: builds, boots, and
what they cost."""

from __future__ import annotations

import datetime
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import lines, load, text
from ..bisects import INFRA, Record
from ..errors import Problem

STUDY = "SELECT id FROM study WHERE name = ?"
MACHINE = "SELECT clock, accel FROM machine WHERE study = ? AND name = ?"
BUILDS = """
    SELECT stage, state, CAST(wall_ms AS INTEGER) AS wall_ms FROM variant
    WHERE study = ?"""
#: What is the bisect's own: it, what it went on with, and its -undo.
OWN = "(s.name = ?1 OR substr(s.name, 1, length(?1) + 1) = ?1 || '-')"
BOOTS = f"""
    SELECT DISTINCT b.id, b.started, CAST(b.wall_ms AS INTEGER) AS wall_ms
    FROM cell c JOIN boot b ON b.id = c.boot JOIN study s ON s.id = c.study
    WHERE {OWN}"""
OTHERS = f"""
    SELECT DISTINCT c.boot FROM cell c JOIN study s ON s.id = c.study
    WHERE NOT {OWN} AND c.boot IN (
        SELECT c.boot FROM cell c JOIN study s ON s.id = c.study WHERE {OWN})
    """


@dataclass
class Facts:
    """What the database knows besides.

    builds: stage number to state and wall_ms (None: none was needed);
    boots: id to when it started and wall_ms; shared: boots that other studies
    have too.
    """

    clock: str = ""
    accel: str = ""
    builds: dict[int, dict[str, Any]] = field(default_factory=dict)
    boots: dict[str, dict[str, Any]] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)


def read(db: str | Path, record: Record) -> Facts:
    """What can be read of it: a lab that cannot be read has none."""
    found = Facts()
    name = (record.name,)
    try:
        connection = load.open_lab(Path(db))
    except Problem:
        return found
    connection.row_factory = sqlite3.Row
    try:
        for row in connection.execute(STUDY, name):
            _of_study(connection, record, row["id"], found)
        for row in connection.execute(BOOTS, name):
            found.boots[row["id"]] = dict(row)
        found.shared = {row["boot"]
                        for row in connection.execute(OTHERS, name)}
    except sqlite3.Error:
        pass
    finally:
        connection.close()
    return found


def _of_study(connection: sqlite3.Connection, record: Record, study: int,
              found: Facts) -> None:
    machine = lines.string(record.setup, "machine")
    for row in connection.execute(MACHINE, (study, machine)):
        found.clock, found.accel = row["clock"], row["accel"]
    for row in connection.execute(BUILDS, (study,)):
        found.builds[row["stage"]] = dict(row)


def _times(known: Facts) -> list[tuple[datetime.datetime, float]]:
    found = []
    for boot in known.boots.values():
        try:
            start = datetime.datetime.fromisoformat(boot["started"])
        except (TypeError, ValueError):
            continue
        if start.tzinfo is not None:
            found.append((start, (boot["wall_ms"] or 0) / 1000))
    return found


def cost(record: Record, known: Facts) -> list[tuple[str, str]]:
    """Pairs of what and how much."""
    boots = {one.boot for one in record.seen if one.boot and not one.fresh}
    fresh = {one.boot for part in record.confirmations for one in part
             if one.boot}
    tested = {one.kernel for one in record.seen}
    built = [one["wall_ms"] for one in known.builds.values()
             if one["state"] == "ready" and one["wall_ms"] is not None]
    there = sum(one["state"] == "ready" and one["wall_ms"] is None
                for one in known.builds.values())
    broken = sum(one["state"] == "broken" for one in known.builds.values())
    walls = [boot["wall_ms"] or 0 for boot in known.boots.values()]
    shared = len(known.shared & (boots | fresh))
    lost = sum(one.what == INFRA for one in record.seen)
    times = _times(known)
    span = max((start.timestamp() + wall for start, wall in times),
               default=0) - min((start.timestamp() for start, _ in times),
                                default=0)
    pairs = [
        ("Boots", f"{len(boots):,} of the search and {len(fresh):,} fresh "
         "ones to confirm it" + (f"; {shared:,} of them other studies have "
                                 "too" if shared else "")),
        ("Kernels", f"{len(tested):,} of {len(record.kernels):,} tested"
         + (f"; {len(built):,} built for it" if known.builds else "")
         + (f", {there:,} already there" if there else "")
         + (f", {broken:,} that do not build" if broken else "")),
        ("Building", text.duration(sum(built)) if built else ""),
        ("Booting", text.duration(sum(walls)) if any(walls) else ""),
        ("Lost by the lab", f"{text.plural(lost, 'boot')}, done again"
         if lost else ""),
        ("From start to end", f"{text.duration(1000 * span)}, from the first "
         "boot to the last" if span >= 1 else "")]
    return [(what, words) for what, words in pairs if words]
