"""One HTML file that says what was run, what came out, and how to repeat it."""

from __future__ import annotations

import datetime
import shlex
from pathlib import Path
from typing import Any

from .. import (attribution, headline, load, plots, summary, table, text,
                verdicts)
from ..verdicts import Judgement
from . import environment, html, latency, metrics, problems, results, runs


def write(db: str | Path, lab: str | Path, study: str, out: str | Path,
          base: str | None = None, force: bool = False) -> tuple[Path, bool]:
    """Write index.html into `out`; its path, and whether anything is worse.

    Published by rename.  Raises BadRequest and CannotWork.
    """
    found = load.load(db, study, fingerprints=True)
    judgement = verdicts.judge(found, base, force)
    page = render(found, judgement, Path(lab))
    path = Path(out) / "index.html"
    html.publish(path, page)
    return path, judgement.worse()


def render(lab: load.Lab, judgement: Judgement, folder: Path) -> str:
    """The page as text."""
    templates = html.environment()
    points = metrics.plots_of(judgement)
    histograms = latency.histograms(lab, judgement)
    svg = plots.draw([p["plot"] for p in points + histograms])
    for figure in points + histograms:
        # Rebuilt from allowed elements by plots.py, so safe as it is.
        figure["svg"] = html.markup(svg[figure["plot"].name])
    code = html.script("page", "plots")
    return templates.get_template("report.html.j2").render(
        style=html.style("page", "plots"), script=code,
        policy=html.policy(code),
        study=lab.study, judgement=judgement, signs=results.SIGNS,
        headline=headline.sentence(judgement),
        tone=_tone(judgement), tally=summary.counts(judgement, True)
        or summary.counts(judgement),
        places=results.places(lab, judgement), points=points,
        histograms=histograms, findings=problems.reported(lab, judgement),
        bad_words=table.bad_words(judgement), trust=summary.trust(judgement),
        changes=attribution.lines(judgement.attribution),
        failures=problems.failures(lab, folder),
        kernels=runs.kernels(lab), stages=runs.records(lab.stages),
        configs=runs.records(lab.configs), machines=runs.records(lab.machines),
        workloads=runs.workloads(lab), boots=runs.boots(lab),
        time=runs.time(lab),
        repeat="klab run " + shlex.quote(str(lab.study["path"])),
        environment=environment.environment(lab),
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


def _data(lab: load.Lab, judgement: Judgement) -> dict[str, Any]:
    """What the page embeds for programs: the comparison, and what was run."""
    return {**table.as_json(judgement),
            "kernels": [{key: stage[key] for key in
                         ("stage", "name", "config", "state", "release",
                          "source", "package", "version", "sha256",
                          "kernel_key", "key", "identity", "error",
                          "errors")}
                        for stage in runs.kernels(lab)],
            "machines": runs.records(lab.machines)}
