"""One HTML file that says what was run, what came out, and how to repeat it.

Everything from a guest, a study or a package is hostile text: the template
escapes all of it, the plots are rebuilt from allowed elements (plots.py), and
the page's own policy forbids scripts and any request.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import shlex
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from . import (attribution, findings, load, plots, summary, table, text,
               verdicts)
from .cells import turns_show
from .errors import CannotWork
from .verdicts import Group, Judgement, Row

#: A sign next to each verdict, so that none is told by colour alone.
SIGNS = {verdicts.REGRESSED: "\u25bc", verdicts.IMPROVED: "\u25b2",
         verdicts.EQUIVALENT: "=", verdicts.INCONCLUSIVE: "?",
         verdicts.SAME: "\u2261", verdicts.NOT_APPLICABLE: "\u2013",
         verdicts.BROKEN: "\u00d7", verdicts.BASELINE: "\u25cf"}
#: So many failures are shown with their console; the rest are in the list.
FAILURES = 25
EXCERPT = 20_000
#: So many different values of a fingerprint's key are listed.
VALUES = 5
FOREST = 168


def write(db: str | Path, lab: str | Path, study: str, out: str | Path,
          base: str | None = None, force: bool = False) -> tuple[Path, bool]:
    """Write index.html into `out`; its path, and whether anything is worse.

    Published by rename.  Raises BadRequest and CannotWork.
    """
    found = load.load(db, study, fingerprints=True)
    judgement = verdicts.judge(found, base, force)
    page = render(found, judgement, Path(lab))
    path = Path(out) / "index.html"
    _publish(path, page)
    return path, judgement.worse()


def _publish(path: Path, page: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".index-",
                                             dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(page.encode("utf-8", "replace"))
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise CannotWork(f"'{path}' cannot be written: "
                         f"{error.strerror}") from None


def render(lab: load.Lab, judgement: Judgement, folder: Path) -> str:
    """The page as text."""
    import jinja2
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(plots.REPORTS), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True)
    environment.filters.update(plain=text.plain, console=text.console,
                               plural=text.plural)
    points, histograms = _point_plots(judgement), _histograms(lab, judgement)
    svg = plots.draw([p["plot"] for p in points + histograms])
    for figure in points + histograms:
        # Rebuilt from allowed elements by plots.py, so safe as it is.
        figure["svg"] = jinja2.utils.markupsafe.Markup(
            svg[figure["plot"].name])
    return environment.get_template("report.html.j2").render(
        style=jinja2.utils.markupsafe.Markup(
            (plots.REPORTS / "report.css").read_text()),
        study=lab.study, judgement=judgement, signs=SIGNS,
        headline=summary.headline(judgement),
        tone=_tone(judgement), tally=summary.counts(judgement, True)
        or summary.counts(judgement),
        places=_places(lab, judgement), points=points,
        histograms=histograms, findings=_findings(lab, judgement),
        bad_words=table.bad_words(judgement), trust=summary.trust(judgement),
        changes=attribution.lines(judgement.attribution),
        failures=_failures(lab, folder),
        kernels=_kernels(lab), stages=_records(lab.stages),
        configs=_records(lab.configs), machines=_records(lab.machines),
        workloads=_workloads(lab), boots=_boots(lab), time=_time(lab),
        repeat="klab run " + shlex.quote(str(lab.study["path"])),
        environment=_environment(lab),
        exact=any(g.clock == "exact" for g in judgement.groups),
        virtual=judgement.virtual(),
        generated=datetime.datetime.now(datetime.timezone.utc).strftime(
            "%Y-%m-%d %H:%M UTC"),
        margin=f"{100 * verdicts.margin_of(lab):g} %",
        data=_data(lab, judgement))


def _tone(judgement: Judgement) -> str:
    """What colour the finding has; the sentence itself says it too."""
    found = summary.counts(judgement)
    if judgement.worse() or verdicts.BROKEN in found:
        return "bad"
    return "open" if verdicts.INCONCLUSIVE in found or not found else "good"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return frame.to_dict("records")


def _several_configs(judgement: Judgement) -> bool:
    return len({g.config for g in judgement.groups}) > 1


def _title(group: Group) -> str:
    return f"{group.workload} {group.metric}"


def _where(judgement: Judgement, group: Group) -> str:
    config = f"{group.config} on " if _several_configs(judgement) else ""
    return config + group.machine


# The table

def _places(lab: load.Lab, judgement: Judgement) -> list[dict[str, Any]]:
    """One table per config and machine."""
    places: dict[tuple, dict[str, Any]] = {}
    for group in judgement.groups:
        place = places.setdefault((group.config, group.machine), {
            "title": _where(judgement, group), "primary": [], "other": [],
            "machine": lab.machine(group.machine)})
        place["primary" if group.primary else "other"].append(
            _block(group, verdicts.margin_of(lab)))
    return list(places.values())


def _block(group: Group, margin: float) -> dict[str, Any]:
    scale = table.scale_of(group)
    reach = _reach(group, margin)
    return {"title": _title(group), "unit": scale.unit,
            "better": group.better, "notes": table.reasons(group),
            "axis": _axis(group, reach),
            "band": 2 * _forest_x(group, margin, reach) - FOREST
            if reach else 0,
            "rows": [_row(group, row, scale, reach) for row in group.rows]}


def _row(group: Group, row: Row, scale: text.Scale,
         reach: float | None) -> dict[str, Any]:
    change, interval = table.change_of(row, scale)
    mean = scale.show(row.mean)
    return {"kernel": row.kernel, "n": table.count_of(row), "mean": mean,
            "cv": text.spread(row.cv), "change": text.typeset(change),
            "interval": text.typeset(interval), "q": text.rate(row.q),
            "verdict": row.verdict,
            "more": f"as {row.twin.word}" if row.same_as != row.verdict
            else table.boots_more(row),
            "forest": _forest(group, row, reach)}


def _reach(group: Group, margin: float) -> float | None:
    """How far the small interval plots of a group go up, as a fraction; they
    go down by the same factor (on the plain scale: by the same amount)."""
    rows = [row for row in group.rows if row.interval]
    if not rows:
        return None
    largest = max(_along(group, abs(_along(group, row.change)), back=True)
                  for row in rows)
    widest = max(_along(group, abs(_along(group, end)), back=True)
                 for row in rows for end in row.interval)
    reach = max(min(widest, 2.5 * largest + 2 * margin), 1.5 * margin, 1e-6)
    size = 10.0 ** math.floor(math.log10(reach))
    return next(size * k for k in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
                if size * k >= reach * 0.999)


def _along(group: Group, value: float, back: bool = False) -> float:
    """From a change to its place on the axis, or back: ratios by logarithm,
    so that twice and half are equally far."""
    if not group.log:
        return value
    if back:
        return math.expm1(min(value, 20.0))
    return math.log(max(1 + value, 1e-9))


def _axis(group: Group, reach: float | None) -> tuple[str, ...]:
    """What the ends and the middle of the axis are called."""
    if reach is None:
        return ()
    low = -_along(group, reach)
    low = math.expm1(low) if group.log else low
    factor = reach > text.FACTOR_FROM
    low, high = (f"x{1 + end:.2g}" if factor else f"{100 * end:+.0f} %"
                 if reach >= 0.05 else f"{100 * end:+.2g} %"
                 for end in (low, reach))
    return text.typeset(low), "\u00d71" if factor else "0", text.typeset(high)


def _forest_x(group: Group, value: float, reach: float) -> float:
    half = FOREST / 2
    place = _along(group, value) / _along(group, reach)
    return round(half + min(max(place, -1.0), 1.0) * (half - 6), 1)


def _forest(group: Group, row: Row,
            reach: float | None) -> dict[str, float] | None:
    if reach is None or row.interval is None:
        return None
    low, at, high = (_forest_x(group, value, reach) for value in
                     (row.interval[0], row.change, row.interval[1]))
    edge = _along(group, reach) * 1.0001
    return {"low": low, "high": high, "at": at,
            "beyond_low": _along(group, row.interval[0]) < -edge,
            "beyond_high": _along(group, row.interval[1]) > edge}


# The plots

def _point_plots(judgement: Judgement) -> list[dict[str, Any]]:
    figures = []
    for group in judgement.groups:
        if not any(math.isfinite(v) for r in group.rows for v in r.values):
            continue
        scale = table.scale_of(group)
        title = f"{_title(group)}, {_where(judgement, group)}"
        figures.append({
            "title": _title(group), "where": _where(judgement, group),
            "unit": scale.unit, "better": group.better,
            "primary": group.primary,
            "plot": _points(f"p{len(figures)}", title, group, scale,
                            float(judgement.study["min_effect"]))})
    return figures


def _points(name: str, title: str, group: Group, scale: text.Scale,
            margin: float) -> plots.Plot:
    def shown(value: float | None) -> float | None:
        return None if value is None else value * scale.factor

    kernels = [{"title": text.plain(row.kernel),
                "values": [shown(v) for v in row.values],
                "mean": shown(row.mean),
                "interval": row.mean_interval and tuple(
                    shown(end) for end in row.mean_interval),
                "note": text.typeset(table.change_of(row, scale)[0]) or (
                    row.verdict if row.verdict == verdicts.BROKEN else "")}
               for row in group.rows]
    base = group.base.mean if group.base and group.log else None
    return plots.points(name, f"{title}: every boot's value per kernel, with "
                        "mean and 95 % interval", kernels, base=shown(base),
                        margin=margin)


def _histograms(lab: load.Lab, judgement: Judgement) -> list[dict[str, Any]]:
    """Boots and CPUs of a kernel are added up: this shows, it judges not."""
    if lab.counts.empty:
        return []
    cells = lab.cells[lab.cells.state == "ok"]
    merged = cells.merge(lab.counts, on="boot")
    several = _several_configs(judgement)
    figures = []
    for (config, machine, workload, metric), frame in merged.groupby(
            ["config", "machine", "workload", "metric"], sort=False):
        clock = lab.machine(machine).get("clock", "")
        where = f"{config} on {machine}" if several else machine
        kernels = [_kernel_histogram(stage, frame[frame.stage == stage.idx])
                   for stage in lab.stages.itertuples()
                   if (frame.stage == stage.idx).any()]
        unit = text.on_exact_clock("us") if clock == "exact" else "us"
        base = [i for i, k in enumerate(kernels)
                if k["stage"] == judgement.base]
        figures.append({
            "title": f"{workload} {metric}", "where": where,
            "base": bool(base),
            "refused": turns_show(lab.machine(machine)),
            "plot": plots.histogram(
                f"h{len(figures)}", f"{workload} {metric}, {where}: latency "
                "histogram per kernel", unit, kernels,
                base[0] if base else None)})
    return figures


def _kernel_histogram(stage: Any, frame: pd.DataFrame) -> dict[str, Any]:
    counts: Counter[int] = Counter()
    for found in frame["counts"]:
        counts.update(found or {})
    overflow = int(frame.overflow.sum())
    total = sum(counts.values()) + overflow
    boots = frame.boot.nunique()
    highest = max((us for us, n in counts.items() if n), default=None)
    most = ("" if highest is None else f"highest bucket {highest:,} us, "
            if not overflow else "")
    return {"stage": int(stage.idx), "title": text.plain(stage.name),
            "counts": dict(counts), "overflow": overflow,
            "limit": int(frame.limit_us.max()),
            "note": f"{most}{text.plural(total, 'latency', 'latencies')} in "
                    f"{text.plural(boots, 'boot')}"}


# What was run

def _workloads(lab: load.Lab) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for m in lab.metrics.itertuples():
        workload = found.setdefault(m.workload, {"name": m.workload,
                                                 "primary": [], "other": []})
        workload["primary" if m.is_primary else "other"].append(m.name)
    return list(found.values())


def _boots(lab: load.Lab) -> list[dict[str, Any]]:
    """One row per boot, with the stages that share it."""
    names = dict(zip(lab.stages.idx, lab.stages.name))
    several = lab.cells.config.nunique() > 1
    rows: dict[str, dict[str, Any]] = {}
    for cell in lab.cells.itertuples():
        row = rows.setdefault(cell.boot, {
            "id": cell.boot, "kernels": [], "machine": cell.machine,
            "config": cell.config if several else "",
            "workload": cell.workload, "seed": cell.seed,
            "state": cell.state or "open",
            "outcome": cell.outcome if cell.state not in (None, "running")
            else "not done",
            "wall": text.duration(cell.wall_ms) if cell.wall_ms else "",
            "repeat": f"klab reproduce {cell.boot}"})
        name = names.get(cell.stage, str(cell.stage))
        if name not in row["kernels"]:
            row["kernels"].append(name)
    return list(rows.values())


def _time(lab: load.Lab) -> dict[str, str]:
    """Host time: the sum over boots, and from first start to last end."""
    boots = lab.cells.drop_duplicates("boot")
    wall_ms = pd.to_numeric(boots.wall_ms).fillna(0)
    wall = wall_ms.sum()
    starts = pd.to_datetime(boots.started, errors="coerce", utc=True)
    ends = starts + pd.to_timedelta(wall_ms, unit="ms")
    span = (ends.max() - starts.min()).total_seconds() * 1000
    return {"sum": text.duration(wall) if wall else "",
            "span": text.duration(span) if span == span else "",
            "first": "" if starts.isna().all()
            else starts.min().strftime("%Y-%m-%d %H:%M UTC")}


def _findings(lab: load.Lab, judgement: Judgement) -> dict[str, Any]:
    """What the kernels reported on their consoles, a block per signature."""
    words = dict(zip(lab.stages.idx, lab.stages.word))
    titles = dict(zip(lab.stages.idx, lab.stages.title))
    found = judgement.found
    several = lab.cells.config.nunique() > 1
    shown = [{"kind": one.kind, "function": one.function, "new": one.new,
              "line": findings.line_of(one), "then": one.then,
              "places": [{
                  "text": findings.where_of(place, several, words),
                  "title": titles.get(place.first) or "",
                  "word": words.get(place.first, str(place.first)),
                  "on": ", ".join(dict.fromkeys(
                      f"{workload} on {machine}"
                      for machine, workload in place.where))}
                         for place in one.places],
              "excerpt": one.excerpt[:EXCERPT], "boot": one.boot,
              "decode": f"klab decode {one.boot}",
              "count": one.count, "boots": one.boots}
             for one in found.causes()[:FAILURES]]
    return {"shown": shown, "more": len(found.causes()) - len(shown),
            "harmless": text.harmless(found.harmless, found.harmless_boots)
            if found.harmless else ""}


def _failures(lab: load.Lab, folder: Path) -> dict[str, Any]:
    names = dict(zip(lab.stages.idx, lab.stages.name))
    rows = lab.cells[lab.cells.state.isin(["bad", "lab"])]
    rows = rows.drop_duplicates("boot")
    shown = [{"kernel": names.get(cell.stage, str(cell.stage)),
              "machine": cell.machine, "config": cell.config,
              "workload": cell.workload, "seed": cell.seed, "id": cell.boot,
              "outcome": cell.outcome, "detail": cell.detail
              if cell.detail != cell.outcome else "",
              "reason": cell.reason or "",
              "lab": cell.state == "lab",
              "excerpt": (cell.excerpt or "")[-EXCERPT:],
              "stacks": _stacks(folder, cell),
              "console": str(folder / "boots" / str(cell.boot)
                             / "console.log"),
              "repeat": f"klab reproduce {cell.boot}"}
             for cell in rows.head(FAILURES).itertuples()]
    builds = [{**kernel, "log": str(folder / kernel["log"])
               if kernel["log"] else ""}
              for kernel in _kernels(lab) if kernel["error"]]
    return {"shown": shown, "more": len(rows) - len(shown),
            "builds": builds}


def _stacks(folder: Path, cell: Any) -> str:
    """What the CPUs of a boot that hung were at, or ''."""
    if cell.outcome != "hang":
        return ""
    try:
        with open(folder / "boots" / str(cell.boot) / "stacks.txt",
                  errors="replace") as file:
            return file.read(EXCERPT)
    except OSError:
        return ""


def _kernels(lab: load.Lab) -> list[dict[str, Any]]:
    """One row per stage and config; same names an earlier stage whose code
    it has, or is ''."""
    names = dict(zip(lab.stages.idx, lab.stages.name))
    several = lab.variants.config.nunique() > 1
    first: dict[tuple[str, str], str] = {}
    rows = []
    for variant in _records(lab.variants):
        name = names[variant["stage"]]
        twin = first.setdefault((variant["config"], variant["key"]), name) \
            if variant["key"] else name
        rows.append({**variant, "name": name,
                     "config": variant["config"] if several else "",
                     "same": twin if twin != name else ""})
    return rows


# The environment

def _environment(lab: load.Lab) -> dict[str, Any]:
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


def _data(lab: load.Lab, judgement: Judgement) -> dict[str, Any]:
    """What the page embeds for programs: the comparison, and what was run."""
    return {**table.as_json(judgement),
            "kernels": [{key: stage[key] for key in
                         ("stage", "name", "config", "state", "release",
                          "source", "package", "version", "sha256",
                          "kernel_key", "key", "identity", "error",
                          "errors")}
                        for stage in _kernels(lab)],
            "machines": _records(lab.machines)}
