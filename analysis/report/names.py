"""What the parts of a page call a group."""

from __future__ import annotations

from ..verdicts import Group, Judgement


def several_configs(judgement: Judgement) -> bool:
    return len({g.config for g in judgement.groups}) > 1


def title(group: Group) -> str:
    return f"{group.workload} {group.metric}"


def where(judgement: Judgement, group: Group) -> str:
    config = f"{group.config} on " if several_configs(judgement) else ""
    return config + group.machine
