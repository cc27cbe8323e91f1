"""The page of all studies of a lab, newest first.

It judges nothing: verdicts are those that the last run of each study stored.
"""

from __future__ import annotations

import datetime
import sqlite3
from pathlib import Path
from typing import Any, Sequence
from urllib.parse import quote

from .. import bisects, load, summary, text
from ..errors import CannotWork
from ..verdicts import REGRESSED
from . import bisect_list, files, html
from .names import SIGNS

STUDIES = """
    SELECT id, name, path, updated, min_effect, text FROM study
    ORDER BY updated DESC, id DESC"""

JUDGED = "SELECT id, judged FROM study"

STAGES = """
    SELECT study, count(*) AS stages, sum(title IS NOT NULL) AS patches
    FROM stage GROUP BY study"""

CONFIGS = "SELECT study, count(*) AS configs FROM config GROUP BY study"

CLOCKS = """
    SELECT DISTINCT study, clock, accel FROM machine ORDER BY rowid"""

# A boot that several stages share is one.
BOOTS = """
    SELECT study, count(*) AS planned, sum(state = 'ok') AS ok,
           sum(state = 'bad') AS bad, sum(state = 'lab') AS lab,
           min(started) AS first, sum(wall_ms) AS wall
    FROM (SELECT DISTINCT c.study, c.boot, b.state, b.started, b.wall_ms
          FROM cell c LEFT JOIN boot b ON b.id = c.boot)
    GROUP BY study"""

FINDINGS = """
    SELECT study_id AS study, count(DISTINCT signature) AS findings
    FROM study_finding WHERE NOT is_consequence GROUP BY study_id"""

UNBUILT = """
    SELECT study, count(*) AS unbuilt FROM variant
    WHERE state = 'broken' GROUP BY study"""

VERDICTS = """
    SELECT study, verdict, count(*) AS number FROM verdict
    GROUP BY study, verdict"""

# The largest change for the worse of each study, of primary metrics if there is
# one.  What the analysis derives from histograms is in no table, and primary.
WORST = """
    SELECT study, stage, config, workload, metric, change FROM (
        SELECT v.*, row_number() OVER (
            PARTITION BY v.study ORDER BY coalesce(m.is_primary, 1) DESC,
            abs(change) DESC, stage) AS nth
        FROM verdict v LEFT JOIN metric m ON m.study = v.study
            AND m.workload = v.workload AND m.name = v.metric
        WHERE verdict = ? AND change IS NOT NULL)
    WHERE nth = 1"""

TITLES = "SELECT study, idx, name, title FROM stage"


def write(db: str | Path, folder: str | Path) -> Path:
    """Write index.html into `folder`, the lab's reports; its path.  Bisects
    have a list of their own, and the studies they made are in none.

    Published by rename.  Raises CannotWork if there is no lab.
    """
    path = Path(folder) / "index.html"
    lab = Path(db).parent
    names = bisects.names(lab)
    studies = [one for one in read(db, Path(folder))
               if not bisect_list.is_made(one["name"], one["text"])]
    html.publish(path, render(studies, bisect_list.lines(lab, names, "")))
    return path


def read(db: str | Path, folder: Path) -> list[dict[str, Any]]:
    """What is known of each study.  A part of the database that cannot be
    read (of an older klab, or damaged) leaves its facts out."""
    connection = load.open_lab(Path(db))
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("BEGIN")
        try:
            studies = [dict(row) for row in connection.execute(STUDIES)]
        except sqlite3.Error as error:
            raise CannotWork(f"'{db}' cannot be read as a lab: "
                             f"{error}") from None
        _fill(connection, {one["id"]: one for one in studies})
    finally:
        connection.close()
    for one in studies:
        one.update(_links(folder, one["name"]))
    return studies


def _rows(connection: sqlite3.Connection, sql: str,
          *values: object) -> list[dict[str, Any]] | None:
    """None: it cannot be read."""
    try:
        return [dict(row) for row in connection.execute(sql, values)]
    except sqlite3.Error:
        return None


def _fill(connection: sqlite3.Connection,
          studies: dict[int, dict[str, Any]]) -> None:
    for one in studies.values():
        one.update(stages=0, patches=0, configs=0, planned=0, ok=0, bad=0,
                   lab=0, first=None, wall=0, findings=0, unbuilt=0,
                   clocks=[], verdicts={}, judged=None, worst=None)
    for sql in (STAGES, CONFIGS, BOOTS, FINDINGS, UNBUILT):
        for row in _rows(connection, sql) or []:
            if (study := studies.get(row.pop("study"))) is not None:
                study.update({key: value for key, value in row.items()
                              if value is not None})
    for row in _rows(connection, CLOCKS) or []:
        if row["study"] in studies:
            studies[row["study"]]["clocks"].append(_clock(row))
    for row in _rows(connection, JUDGED) or []:
        studies[row["id"]]["judged"] = row["judged"]
    found = _rows(connection, VERDICTS)
    for one in studies.values():
        one["unread"] = found is None
    for row in found or []:
        if row["study"] in studies:
            studies[row["study"]]["verdicts"][row["verdict"]] = row["number"]
    for one in studies.values():
        one["verdicts"] = {word: one["verdicts"][word]
                           for word in summary.ORDER
                           if word in one["verdicts"]}
    _worst(connection, studies)


def _worst(connection: sqlite3.Connection,
           studies: dict[int, dict[str, Any]]) -> None:
    names = {(row["study"], row["idx"]): row
             for row in _rows(connection, TITLES) or []}
    for row in _rows(connection, WORST, REGRESSED) or []:
        if row["study"] not in studies:
            continue
        study = studies[row["study"]]
        stage = names.get((row["study"], row["stage"]),
                          {"name": row["stage"], "title": None})
        study["worst"] = {
            "change": text.typeset(text.percent(row["change"])),
            "what": f"{row['workload']} {row['metric']}",
            "stage": f"{stage['name']} {stage['title'] or ''}".strip(),
            "config": row["config"] if study["configs"] > 1 else ""}


def _clock(row: dict[str, Any]) -> str:
    if row["clock"] == "exact":
        return "exact"
    return "bare metal" if row["accel"] == "metal" else (
        f"wall clock ({row['accel']})")


def _links(folder: Path, name: str) -> dict[str, str]:
    """The pages of a study that are there."""
    pages = {"report": "index.html", "history": "history.html"}
    inside = name not in ("", ".", "..") and "/" not in name
    return {key: f"{quote(name, safe='')}/{page}" if inside
            and files.below(folder, f"{name}/{page}") else ""
            for key, page in pages.items()}


def render(studies: list[dict[str, Any]],
           searches: Sequence[dict[str, Any]] = ()) -> str:
    """The page as text; searches: the lab's bisects (bisect_list.py)."""
    for one in studies:
        one["run"] = _when(one["updated"])
        one["took"] = text.duration(one["wall"]) if one["wall"] else ""
        one["open"] = one["planned"] - one["ok"] - one["bad"] - one["lab"]
        # A run stores its verdicts last.
        one["stale"] = bool(one["judged"] and one["judged"] < one["updated"])
    return html.environment().get_template("index.html.j2").render(
        style=html.style("page", "index"), policy=html.policy(""),
        studies=studies, bisects=searches, signs=SIGNS,
        generated=html.now())


def _when(stamp: str) -> str:
    """'2026-01-01 14:05 UTC'; what is no time stays as it is."""
    try:
        return datetime.datetime.fromisoformat(stamp).strftime(
            "%Y-%m-%d %H:%M UTC")
    except ValueError:
        return stamp
