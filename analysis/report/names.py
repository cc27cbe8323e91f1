"""What the parts of a page call a group, and the signs of its verdicts."""

from __future__ import annotations

from .. import verdicts
from ..verdicts import Group, Judgement

#: A sign next to each verdict, so that none is told by colour alone.
SIGNS = {verdicts.REGRESSED: "\u25bc", verdicts.IMPROVED: "\u25b2",
         verdicts.EQUIVALENT: "=", verdicts.INCONCLUSIVE: "?",
         verdicts.SAME: "\u2261", verdicts.NOT_APPLICABLE: "\u2013",
         verdicts.BROKEN: "\u00d7", verdicts.BASELINE: "\u25cf"}


def several_configs(judgement: Judgement) -> bool:
    return len({g.config for g in judgement.groups}) > 1


def title(group: Group) -> str:
    return f"{group.workload} {group.metric}"


def where(judgement: Judgement, group: Group) -> str:
    config = f"{group.config} on " if several_configs(judgement) else ""
    return config + group.machine
