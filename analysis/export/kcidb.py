"""A submission to KCIDB, the kernel community's database of test results.

Written from the descriptions in the schema that the package kcidb-io
publishes; what is used here is in versions 5.0 to 5.3.  What is not known is
left out: a property is never null or guessed.

    checkout  a source tree, or a prebuilt kernel
    build     a kernel; PASS if there is one, FAIL if it does not build
    test      klab.WORKLOAD: did its boots get through, without findings?
              klab.WORKLOAD.METRIC: is it no worse than the baseline?  number
              is the mean over boots, in the unit that it was measured in

Texts hold no NUL, as the schema wants.  The ids are hashes of what an object
is: exporting the same results again gives the same submission.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

from .. import findings, load, table, text, verdicts
from ..errors import BadRequest
from ..verdicts import Group, Judgement, Row
from . import made

ORIGIN = "klab"
VERSION = {"major": 5, "minor": 0}
#: The schema's limit for an excerpt of a log.
EXCERPT = 16384
#: Characters of a comment; the schema has no limit.
COMMENT = 1000

STATUS = {verdicts.BASELINE: "DONE", verdicts.REGRESSED: "FAIL",
          verdicts.IMPROVED: "PASS", verdicts.EQUIVALENT: "PASS",
          verdicts.INCONCLUSIVE: "DONE", verdicts.NOT_APPLICABLE: "SKIP",
          verdicts.BROKEN: "FAIL"}


def submission(lab: load.Lab, judgement: Judgement, folder: Path,
               origin: str = ORIGIN) -> dict[str, Any]:
    """The whole submission.  Raises BadRequest if KCIDB cannot take origin."""
    if not re.fullmatch(r"[a-z0-9_]+", origin):
        raise BadRequest(f"'{text.plain(origin)}' cannot be an origin: KCIDB "
                         "takes small letters, digits and _")
    maker = _Maker(lab, judgement, folder, origin)
    for variant in lab.variants.itertuples():
        maker.kernel(variant)
    places: dict[tuple, list[tuple[Group, Row]]] = {}
    for group, row in judgement.rows():
        places.setdefault((row.stage, *group.place), []).append((group, row))
    for rows in places.values():
        maker.tests(rows)
    return _clean({"version": VERSION,
                   "checkouts": list(maker.checkouts.values()),
                   "builds": list(maker.builds.values()),
                   "tests": maker.found})


class _Maker:
    """Builds the lists up.  Checkouts and builds are by id, for stages may
    have equal ones."""

    def __init__(self, lab: load.Lab, judgement: Judgement, folder: Path,
                 origin: str) -> None:
        self.lab, self.judgement = lab, judgement
        self.folder, self.origin = folder, origin
        self.checkouts: dict[str, dict[str, Any]] = {}
        self.builds: dict[str, dict[str, Any]] = {}
        self.found: list[dict[str, Any]] = []
        self.build_of: dict[tuple[int, str], str] = {}
        self.stages = {stage.idx: stage for stage in lab.stages.itertuples()}
        self.cells: dict[tuple, list[Any]] = {}
        for cell in lab.cells.itertuples():
            self.cells.setdefault((cell.stage, cell.config, cell.machine,
                                   cell.workload), []).append(cell)
        self.excerpts = {one.signature: one
                         for one in judgement.found.groups}
        self.findings: dict[str, list[str]] = {}
        for row in lab.findings.itertuples():
            if not row.harmless:
                self.findings.setdefault(row.boot, []).append(row.signature)
        self.machines = _machines(lab)

    def id(self, *what: Any) -> str:
        digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()
        return f"{self.origin}:{digest[:32]}"

    # Checkouts and builds

    def kernel(self, variant: Any) -> None:
        """One stage under one config."""
        if variant.state == "todo":
            return
        stage = self.stages[variant.stage]
        how = made.read(self.folder, variant.kernel_key, variant.log)
        checkout = self._checkout(stage, variant, how)
        self.checkouts.setdefault(checkout["id"], checkout)
        if variant.state == "none":
            return
        build = {
            "id": self.id("build", variant.kernel_key or variant.log or [
                self.lab.study["name"], stage.idx, variant.config]),
            "origin": self.origin, "checkout_id": checkout["id"],
            "comment": _comment(variant.error or variant.banner),
            "config_name": variant.config, "compiler": how.toolchain,
            "architecture": _architecture(self.machines),
            "duration": how.seconds,
            "status": "FAIL" if variant.state == "broken" else "PASS",
            "log_excerpt": _errors(variant.errors),
            "misc": {"klab": {
                "study": self.lab.study["name"], "stage": variant.stage,
                "kernel": variant.kernel_key, "image_sha256": variant.sha256,
                "code_identity": variant.identity}}}
        self.builds.setdefault(build["id"], build)
        self.build_of[variant.stage, variant.config] = build["id"]

    def _checkout(self, stage: Any, variant: Any,
                  how: made.Made) -> dict[str, Any]:
        kind, _, request = str(stage.request).partition(" ")
        source = how.tree or variant.sha256 or [
            self.lab.study["name"], stage.idx, stage.request]
        patched = bool(stage.title) and not _is_range(request)
        package = " ".join(filter(None, (variant.package, variant.version)))
        return {
            "id": self.id("checkout", source), "origin": self.origin,
            "comment": _comment(stage.title or package or stage.request),
            "git_repository_url": _url(kind, request),
            # Of a patched tree or of one that comes from no repository, the
            # commit is one of the lab's own.
            "git_commit_hash": how.commit
            if kind == "git" and not patched else None,
            "patchset_hash": "" if kind == "git" and not patched else None,
            "valid": variant.state != "none",
            "log_excerpt": (_tail(variant.error)
                            if variant.state == "none" else None),
            "misc": {"klab": {
                "study": self.lab.study["name"], "stage": stage.idx,
                "request": stage.request, "tree": how.tree,
                "commit": how.commit}}}

    # Tests

    def tests(self, rows: list[tuple[Group, Row]]) -> None:
        """Of one stage at one place; none for what was not run yet, or whose
        kernel does not build."""
        group, row = rows[0]
        build = self.build_of.get((row.stage, group.config))
        cells = self.cells.get((row.stage, *group.place), [])
        done = [cell for cell in cells if cell.state in ("ok", "bad", "lab")]
        unfit = self.lab.unfit.get((row.stage, *group.place))
        if build is None or row.key is None or not (done or unfit):
            return
        common = {"build_id": build, "origin": self.origin,
                  "environment": self.machines.get(group.machine),
                  **_times(done)}
        # Two stages may have one kernel, and so one build and the same boots.
        told = [self.lab.study["name"], build, row.stage, *group.place,
                sorted({cell.boot for cell in done})]
        path = f"klab.{_word(group.workload)}"
        self.found.append({"id": self.id("boots", *told), "path": path,
                           **common, **self._boots(row.stage, done, unfit)})
        ran = [cell for cell in done if cell.state != "lab"]
        for one, row in rows if ran else []:
            self.found.append({
                "id": self.id("metric", *told, one.metric,
                              self.judgement.base),
                "path": f"{path}.{_word(one.metric)}", **common,
                **self._metric(one, row)})

    def _boots(self, stage: int, done: list[Any],
               unfit: str | None) -> dict[str, Any]:
        bad = [cell for cell in done if cell.state == "bad"]
        seen = dict.fromkeys(signature for cell in done
                             for signature in self.findings.get(cell.boot, ()))
        what = [findings.name_of(self.excerpts[one]) for one in seen]
        ran = [cell for cell in done if cell.state != "lab"]
        status = ("FAIL" if bad or seen else "PASS" if ran
                  else "MISS" if done else "SKIP")
        comment = unfit or (f"{len(bad)} of {text.plural(len(ran), 'boot')} "
                            "failed")
        if status == "MISS":
            comment = f"the lab failed: {done[0].reason}"
        excerpt = next((cell.excerpt for cell in bad if cell.excerpt), None)
        if excerpt is None and seen:
            excerpt = self.excerpts[next(iter(seen))].excerpt
        return {"status": status,
                "comment": _comment("; ".join([comment, *what])),
                "log_excerpt": _tail(excerpt),
                "misc": {"klab": {"stage": stage, "boots": _boots(done),
                                  "findings": list(seen)}}}

    def _metric(self, group: Group, row: Row) -> dict[str, Any]:
        status = _status(group, row)
        change, interval = table.change_of(row, table.scale_of(group))
        told = (f"against {self.judgement.base_name}: "
                f"{change} {interval}".strip()) if change else ""
        return {
            "status": status,
            "comment": _comment("; ".join(filter(None, (
                row.same_as, row.reason, told)))),
            "number": _number(group, row) if status != "SKIP" else None,
            "misc": {"klab": {
                **table.row_as_json(group, row),
                "baseline": self.judgement.base,
                "forced": self.judgement.forced or None}}}


def _status(group: Group, row: Row) -> str:
    """A kernel with the code of another has the verdict of that one."""
    if row.limited:
        return "FAIL"
    if row.verdict == verdicts.SAME:
        twin = row.twin or group.base
        return "PASS" if twin is group.base else _status(group, twin)
    return STATUS[row.verdict]


def _number(group: Group, row: Row) -> dict[str, Any] | None:
    """Times in seconds and instruction times in instructions, both with the
    prefix that shows them best; anything else as it was measured."""
    if row.mean is None or not math.isfinite(row.mean):
        return None
    exact = group.clock == "exact"
    if group.unit in text.NANOSECONDS:
        value = row.mean * text.NANOSECONDS[group.unit]
        return {"value": value if exact else value / 1e9,
                "unit": "instructions" if exact else "s", "prefix": "metric"}
    unit = text.on_exact_clock(group.unit) if exact else group.unit
    return {"value": row.mean, "unit": unit or None}


def _times(cells: list[Any]) -> dict[str, Any]:
    """When the first of the boots was started, and what all took."""
    boots = {cell.boot: cell for cell in cells}.values()
    starts = sorted(cell.started for cell in boots if cell.started
                    and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
                                     r"(\.\d+)?Z", cell.started))
    took = sum(cell.wall_ms or 0 for cell in boots)
    return {"start_time": starts[0] if starts else None,
            "duration": took / 1000 if took else None}


def _boots(cells: list[Any]) -> list[dict[str, Any]]:
    return [{"id": cell.boot, "seed": cell.seed, "outcome": cell.outcome}
            for cell in cells]


def _machines(lab: load.Lab) -> dict[str, dict[str, Any]]:
    """The environment of each machine, with what its boots recorded."""
    first: dict[str, dict[str, Any]] = {}
    for cell in lab.cells.itertuples():
        if cell.machine not in first and cell.boot in lab.fingerprints:
            first[cell.machine] = _object(lab.fingerprints[cell.boot])
    found = {}
    for machine in lab.machines.to_dict("records"):
        recorded = first.get(machine["name"], {})
        qemu = recorded.get("qemu")
        host = recorded.get("host")
        exact = machine["clock"] == "exact"
        found[machine["name"]] = {
            "comment": _comment(
                f"klab machine {machine['name']}, {machine['accel']}, "
                f"{text.plural(machine['vcpus'], 'CPU')}, "
                f"{machine['memory_mib']} MiB, "
                + (text.EXACT_CLOCK if exact else "wall clock")),
            "misc": {"klab": {
                "machine": machine, "qemu": qemu if isinstance(qemu, dict)
                else None, "host": host if isinstance(host, dict) else None}}}
    return found


def _architecture(machines: dict[str, dict[str, Any]]) -> str | None:
    """Of the kernels: that of the QEMU that boots them, or of the box."""
    for machine in machines.values():
        known = machine["misc"]["klab"]
        command = str((known["qemu"] or {}).get("command", ""))
        match = re.match(r"(?:\S*/)?qemu-system-([a-z0-9_]+)(?:\s|$)", command)
        if match:
            return match[1]
        box = (known["host"] or {}).get("machine")
        if known["machine"]["accel"] == "metal" and isinstance(
                box, str) and re.fullmatch("[a-z0-9_]+", box):
            return box
    return None


def _is_range(request: str) -> bool:
    """Is each stage a commit of the repository's own?"""
    return bool(re.search(r" range \S*\.\.\S*$", request))


def _url(kind: str, request: str) -> str | None:
    """The repository, where anybody can reach it."""
    match = re.match(r"(https://[!-~]+)(?= |$)", request)
    return match[1] if kind == "git" and match else None


def _word(name: str) -> str:
    """A part of a test's path: letters, digits, _ and -."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:COMMENT] or "_"


def _errors(errors: list[dict[str, Any]]) -> str | None:
    return _tail("".join(f"{one['file']}:{one['line']}: error: "
                         f"{one['text']}\n" for one in errors))


def _tail(words: str | None) -> str | None:
    return words[-EXCERPT:] if words else None


def _comment(words: str | None) -> str | None:
    line = text.plain(words or "").strip("; ")
    return line[:COMMENT] or None


def _object(words: str) -> dict[str, Any]:
    try:
        found = json.loads(words)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _clean(value: Any) -> Any:
    """Without what is not known, with text that every reader of JSON takes."""
    if isinstance(value, dict):
        return {_text(key): _clean(inner) for key, inner in value.items()
                if inner is not None and inner != {}}
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    if isinstance(value, str):
        return _text(value)
    return text.finite(value)


def _text(words: str) -> str:
    """No NUL, which KCIDB refuses, and no half of a surrogate pair."""
    return words.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
