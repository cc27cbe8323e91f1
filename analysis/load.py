"""Read one study of a lab into pandas frames.

The database is opened read-only and read in one transaction, so a run that is
still writing shows one consistent moment.  Nothing here computes.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator

import pandas as pd

from .errors import BadRequest, CannotWork


@dataclass(frozen=True)
class Rules:
    """The rules by which a study asks for boots.

    min, max  boots per cell; equal unless the study is adaptive
    until     an adaptive cell needs no more boots when half its interval is
              that narrow (0.01 is 1 %); None: only when its verdict is decided
    confirm   a claimed change is repeated on fresh seeds
    budget    boots that all confirmations of the study may take
    aa        further boots of the baseline per cell, to compare it with itself
    limits    (workload, metric) to the largest value that is allowed, in the
              metric's unit
    """

    min: int = 1
    max: int = 1
    until: float | None = None
    confirm: bool = False
    budget: int = 0
    aa: int = 0
    limits: dict[tuple[str, str], float] = field(default_factory=dict)


@dataclass
class Lab:
    """One study of a lab.  Every frame has a plain 0.. index.

    study     name, path, text, baseline (stage number), min_effect (0.01 is
              1 %), updated, judged (when verdicts were stored, or None)
    rules     see Rules; of a study that was last run before there were rules:
              as many boots as it has, and no confirmation
    stages    idx, word (what the study calls it), title (subject of its
              patch, or None), name (both, cut to fit a table), request; in
              idx order
    configs   name, request; in the study's order
    variants  one row per stage and config, in that order: stage, config,
              state (todo, ready, broken: does not build, none: cannot be
              had), key (of the kernel that its boots run; equal for equal
              code), kernel_key (of its own), error, errors (of the compiler:
              a list of dicts with file, line, text, touched), log, wall_ms,
              and of its own kernel: release, banner, source, package,
              version, sha256, identity
    machines  name, clock, accel, vcpus, memory_mib, metronome_us (0: none)
    metrics   workload, name, unit, better, is_primary, is_latency; primary
              metrics first
    cells     one row per (stage, config, machine, workload, seed): these and
              role (sample; aa: one more of the baseline; confirm: a fresh
              boot of what is claimed), boot, state (None: not started),
              outcome, detail (the finer word), reason, excerpt, started,
              wall_ms, guest_ns; one boot may answer several cells; a splat of
              which all findings are harmless has the outcome ok
    findings  one row per cell and finding of its boot: stage, config, machine,
              workload, seed, boot, idx (order on the console), kind,
              signature, function, offset, line, detail, count, is_fatal,
              is_consequence, harmless (to this study), excerpt (None but
              for the first of each signature, by harmless, stage and seed)
    facts     boot to what could matter when it is compared: key to text
    samples   one row per cell and metric that an ok boot reported: stage,
              config, machine, workload, metric, seed, role, boot, value (in
              the metric's unit)
    counts    one row per boot, metric and CPU of a histogram: boot, metric,
              cpu, limit_us, counts (microseconds to count, or None when it
              cannot be read), overflow
    """

    study: dict[str, Any]
    stages: pd.DataFrame
    configs: pd.DataFrame
    variants: pd.DataFrame
    machines: pd.DataFrame
    metrics: pd.DataFrame
    cells: pd.DataFrame
    samples: pd.DataFrame
    counts: pd.DataFrame
    findings: pd.DataFrame
    rules: Rules = field(default_factory=Rules)
    missing: dict[tuple[str, str], str] = field(default_factory=dict)
    unfit: dict[tuple[int, str, str, str], str] = field(default_factory=dict)
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)

    def machine(self, name: str) -> dict[str, Any]:
        """The row of one machine; an unknown name gives an empty one."""
        rows = self.machines[self.machines.name == name]
        return rows.iloc[0].to_dict() if len(rows) else {}


#: Characters of a stage's name in a table.
NAME_WIDTH = 40

STAGES = """
    SELECT idx, name AS word, title, name, request
    FROM stage WHERE study = ? ORDER BY idx"""

CONFIGS = """
    SELECT name, request FROM config WHERE study = ? ORDER BY rowid"""

VARIANTS = """
    SELECT v.stage, v.config, v.state, v.run_key AS key, v.kernel_key,
           v.error, v.errors, v.log, v.wall_ms, k.release, k.banner,
           k.source, k.package, k.version, k.sha256, k.identity
    FROM variant v JOIN config c ON c.study = v.study AND c.name = v.config
    LEFT JOIN kernel k ON k.key = v.kernel_key
    WHERE v.study = ? ORDER BY v.stage, c.rowid"""

MACHINES = """
    SELECT name, clock, accel, vcpus, memory_mib, metronome_us
    FROM machine WHERE study = ? ORDER BY rowid"""

METRICS = """
    SELECT workload, name, unit, better, is_primary, is_latency
    FROM metric WHERE study = ? ORDER BY is_primary DESC, rowid"""

CELLS = """
    SELECT c.stage, c.config, c.machine, c.workload, c.seed, c.role, c.boot,
           b.state,
           CASE WHEN b.outcome = 'splat' AND NOT EXISTS (
               SELECT 1 FROM study_finding f
               WHERE f.study_id = c.study AND f.boot = c.boot)
           THEN 'ok' ELSE b.outcome END AS outcome, b.detail, b.reason,
           b.excerpt, b.started, b.wall_ms, b.guest_ns
    FROM cell c LEFT JOIN boot b ON b.id = c.boot
    WHERE c.study = ? ORDER BY c.rowid"""

SAMPLES = """
    SELECT c.stage, c.config, c.machine, c.workload, x.metric, c.seed,
           c.role, c.boot, x.value
    FROM cell c
    JOIN boot b ON b.id = c.boot AND b.state = 'ok'
    JOIN sample x ON x.boot = c.boot
    JOIN metric k ON k.study = c.study AND k.workload = c.workload
                 AND k.name = x.metric
    WHERE c.study = ? ORDER BY c.rowid"""

COUNTS = """
    SELECT h.boot, h.metric, h.cpu, h.limit_us, h.counts, h.overflow
    FROM histogram h JOIN boot b ON b.id = h.boot AND b.state = 'ok'
    WHERE h.boot IN (SELECT boot FROM cell WHERE study = ?)
    ORDER BY h.boot, h.metric, h.cpu"""

MISSING = """
    SELECT boot, metric, why FROM missing
    WHERE boot IN (SELECT boot FROM cell WHERE study = ?)"""

UNFIT = """
    SELECT stage, config, machine, workload, why FROM not_applicable
    WHERE study = ? ORDER BY rowid"""

# The excerpts of thousands of boots would take gigabytes: only that of the
# first boot of each signature is read.
FINDINGS = """
    SELECT t.*, CASE WHEN t.nth = 1 THEN
        (SELECT f.excerpt FROM finding f
         WHERE f.boot = t.boot AND f.idx = t.idx) END AS excerpt
    FROM (
        SELECT n.*, row_number() OVER (
            PARTITION BY n.signature
            ORDER BY n.harmless, n.stage, n.seed, n.cell, n.idx) AS nth
        FROM (
            SELECT c.rowid AS cell, c.stage, c.config, c.machine, c.workload,
                   c.seed, c.boot, f.idx, f.kind, f.signature, f.function,
                   f.offset, f.line, f.detail, f.count, f.is_fatal,
                   f.is_consequence,
                   EXISTS (SELECT 1 FROM harmless h WHERE h.study = c.study
                           AND h.line = f.line) AS harmless
            FROM cell c JOIN finding f ON f.boot = c.boot
            WHERE c.study = ?) n) t
    ORDER BY t.cell, t.idx"""

FACTS = """
    SELECT id, json_extract(fingerprint, '$.matters') FROM boot
    WHERE fingerprint IS NOT NULL AND json_valid(fingerprint)
      AND id IN (SELECT boot FROM cell WHERE study = ?)"""

FINGERPRINTS = """
    SELECT id, fingerprint FROM boot
    WHERE fingerprint IS NOT NULL
      AND id IN (SELECT boot FROM cell WHERE study = ?)"""


def load(db: str | Path, study: str, *, fingerprints: bool = False) -> Lab:
    """Read a study.

    fingerprints: read those too; they are large and only the report shows
    them.  Raises BadRequest if the lab has no such study and CannotWork if
    the database is missing or is not one of klab's.
    """
    connection = open_lab(Path(db))
    try:
        connection.execute("BEGIN")
        return _read(connection, study, fingerprints)
    except sqlite3.Error as error:
        raise CannotWork(f"'{db}' cannot be read as a lab: {error}") from None
    finally:
        connection.close()


def open_lab(path: Path) -> sqlite3.Connection:
    """The database, to be read alone.  Raises CannotWork."""
    if not path.is_file():
        raise CannotWork(f"'{path}' is not there: no lab yet; "
                         "`klab run STUDY` makes one")
    try:
        connection = sqlite3.connect(path.absolute().as_uri() + "?mode=ro",
                                     uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise CannotWork(f"'{path}' cannot be opened: {error}") from None
    # What a guest printed need not be UTF-8.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return connection


def _read(connection: sqlite3.Connection, name: str,
          fingerprints: bool) -> Lab:
    row = connection.execute(
        "SELECT id, name, path, text, baseline, min_effect, updated, judged, "
        "compare FROM study WHERE name = ?", (name,)).fetchone()
    if row is None:
        known = [n for (n,) in
                 connection.execute("SELECT name FROM study ORDER BY name")]
        raise BadRequest(f"no study '{name}' in this lab; it has: "
                         + (", ".join(known) or "none"))
    keys = ("id", "name", "path", "text", "baseline", "min_effect", "updated",
            "judged", "compare")
    study = dict(zip(keys, row))
    ident = study.pop("id")
    cells = _frame(connection, CELLS, ident)
    counts = _frame(connection, COUNTS, ident)
    counts["counts"] = [_buckets(text) for text in counts["counts"]]
    prints = (dict(connection.execute(FINGERPRINTS, (ident,)))
              if fingerprints else {})
    stages = _frame(connection, STAGES, ident)
    stages["name"] = [_stage_name(*names) for names in
                      zip(stages.word, stages.title)]
    variants = _frame(connection, VARIANTS, ident)
    variants["errors"] = [_errors(words) for words in variants.errors]
    return Lab(study=study, stages=stages,
               configs=_frame(connection, CONFIGS, ident), variants=variants,
               machines=_frame(connection, MACHINES, ident),
               metrics=_frame(connection, METRICS, ident),
               cells=cells, rules=_rules(study.pop("compare"), cells),
               samples=_frame(connection, SAMPLES, ident),
               counts=counts, findings=_frame(connection, FINDINGS, ident),
               missing={(boot, metric): why for boot, metric, why in
                        connection.execute(MISSING, (ident,))},
               unfit={tuple(place): why for *place, why in
                      connection.execute(UNFIT, (ident,))},
               facts={boot: _facts(words) for boot, words in
                      connection.execute(FACTS, (ident,))},
               fingerprints=prints)


def _frame(connection: sqlite3.Connection, sql: str,
           ident: int) -> pd.DataFrame:
    cursor = connection.execute(sql, (ident,))
    columns = [column[0] for column in cursor.description]
    rows = cursor.fetchall()
    # Columns of objects: None stays None, and whole numbers stay whole.
    frame = pd.DataFrame(rows, columns=columns, dtype=object)
    if "value" in columns:
        frame["value"] = frame["value"].astype(float)
    return frame


def _rules(words: str, cells: pd.DataFrame) -> Rules:
    """The study's rules; what cannot be read is as it was before there were
    rules."""
    seeds = cells.seed[cells.role == "sample"]
    seen = int(seeds.max()) if len(seeds) else 1
    try:
        said = dict(json.loads(words))
        until, limits = said.get("until"), said.get("limits") or {}
        most = int(said.get("max") or seen)
        return Rules(
            min=int(said.get("min") or most), max=most,
            until=None if until is None else float(until),
            confirm=bool(said.get("confirm")),
            budget=int(said.get("budget") or 0), aa=int(said.get("aa") or 0),
            limits={tuple(key.split("/", 1)): float(value)
                    for key, value in limits.items() if "/" in key})
    except (ValueError, TypeError, AttributeError, OverflowError):
        return Rules(min=seen, max=seen)


def _stage_name(word: str, title: str | None) -> str:
    """'35 mm, slub: convert kmem_cpu_slab ..', or the word alone."""
    name = f"{word} {title}" if title else word
    if not title or len(name) <= NAME_WIDTH:
        return name
    return name[:NAME_WIDTH - 2].rstrip() + ".."


def _errors(words: str | None) -> list[dict[str, Any]]:
    """The compiler's errors; none for what is not such a list."""
    try:
        found = json.loads(words or "[]")
        return [dict(file=one.get("file"), line=int(one.get("line") or 0),
                     text=str(one.get("text", "")),
                     touched=bool(one.get("touched"))) for one in found]
    except (ValueError, TypeError, AttributeError):
        return []


def _facts(words: str | None) -> dict[str, str]:
    """Key to text; none for what is not such an object."""
    try:
        return {str(key): str(value)
                for key, value in json.loads(words or "{}").items()}
    except (ValueError, AttributeError):
        return {}


def _buckets(text: str) -> dict[int, int] | None:
    """Microseconds to count; None for what is not such an object."""
    try:
        return {int(us): int(count) for us, count in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError):
        return None


def wakeups(counts: pd.DataFrame) -> Iterator[tuple[str, int]]:
    """Per boot with readable histograms, how many latencies it measured.

    A boot with histograms of several metrics gives the smallest total.
    """
    totals: dict[tuple[str, str], int] = {}
    for row in counts.itertuples():
        if row.counts is not None:
            key = (row.boot, row.metric)
            totals[key] = (totals.get(key, 0) + sum(row.counts.values())
                           + int(row.overflow))
    smallest: dict[str, int] = {}
    for (boot, _), total in totals.items():
        smallest[boot] = min(total, smallest.get(boot, total))
    yield from smallest.items()
