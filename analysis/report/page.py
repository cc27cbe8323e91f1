"""One HTML file that says what was run, what came out, and how to repeat it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Sequence

from .. import (attribution, bisects, headline, load, plots, releases,
                summary, table, text, verdicts)
from ..verdicts import Judgement
from . import (bisect_list, embedded, environment, heatmap, history, html,
               latency, metrics, names, problems, results, runs, trust)


def write(db: str | Path, lab: str | Path, study: str, out: str | Path,
          base: str | None = None, force: bool = False) -> tuple[Path, bool]:
    """Write index.html into `out`, history.html if the kernels are releases,
    and the pages of the study's bisects; the path of the first, and whether
    anything is worse.

    Published by rename.  Raises BadRequest and CannotWork.
    """
    found = load.load(db, study, fingerprints=True)
    judgement = verdicts.judge(found, base, force)
    names = bisects.of_study(Path(lab), study)
    failed = bisect_list.write_pages(db, Path(lab), names)
    listed = [{**one, "failed": "" if one["lost"] else failed.get(
        one["name"], "")} for one in bisect_list.lines(
            Path(lab), names, "../")]
    page = render(found, judgement, Path(lab), listed)
    path = Path(out) / "index.html"
    html.publish(path, page)
    history.write(found, judgement, path.parent)
    return path, judgement.worse()


def render(lab: load.Lab, judgement: Judgement, folder: Path,
           listed: Sequence[dict[str, Any]] = ()) -> str:
    """The page as text; listed: the study's bisects (bisect_list.py)."""
    templates = html.environment()
    patches = problems.Patches(lab, folder)
    points = metrics.plots_of(judgement)
    latencies = latency.figures(lab, judgement)
    trusted = trust.of(lab, judgement)
    figures = points + latencies + trusted["drifts"]
    svg = plots.draw([figure["plot"] for figure in figures])
    for figure in figures:
        # Rebuilt from allowed elements by plots.py, so safe as it is.
        figure["svg"] = html.markup(svg[figure["plot"].name])
    tally = summary.counts(judgement, True)
    code = html.script("page", "heatmap", "results", "plots")
    return templates.get_template("report.html.j2").render(
        style=html.style("page", "heatmap", "results", "plots", "run"),
        script=code,
        policy=html.policy(code),
        study=lab.study, judgement=judgement, signs=names.SIGNS,
        headline=headline.sentence(judgement),
        history=bool(releases.flavours(lab)), bisects=listed,
        tone=_tone(judgement), tally=tally or summary.counts(judgement),
        tallied="primary" if tally else "",
        heatmap=heatmap.heatmap(lab, judgement),
        places=results.places(lab, judgement),
        choices=results.choices(judgement), points=points,
        latencies=latencies,
        findings=problems.reported(lab, judgement, folder, patches),
        bad_words=table.bad_words(judgement), trust=trusted,
        changes=attribution.lines(judgement.attribution),
        failures=problems.failures(lab, folder, patches),
        kernels=runs.kernels(lab), stages=runs.records(lab.stages),
        configs=runs.records(lab.configs), machines=runs.records(lab.machines),
        workloads=runs.workloads(lab), boots=runs.boots(lab),
        time=runs.time(lab),
        repeat="klab run " + shlex.quote(str(lab.study["path"])),
        environment=environment.environment(
            lab, folder, bool(judgement.forced)),
        exact=any(g.clock == "exact" for g in judgement.groups),
        virtual=judgement.virtual(),
        generated=html.now(),
        margin=f"{100 * verdicts.margin_of(lab):g} %",
        data=embedded.data(lab, judgement))


def _tone(judgement: Judgement) -> str:
    """What colour the finding has; the sentence itself says it too."""
    found = summary.counts(judgement)
    if judgement.worse() or verdicts.BROKEN in found:
        return "bad"
    return "open" if verdicts.INCONCLUSIVE in found or not found else "good"
