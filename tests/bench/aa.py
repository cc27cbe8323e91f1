"""A kernel against itself: how often would klab call it changed?

    aa.py --db LAB/lab.db --study NAME [--stage WORD] [--splits 1000]
          [--margin 0.01] [--primary] [--json]

Takes the boots of one stage (the baseline) of any study that ran, splits them
at random into two "kernels", again and again, and has analysis/ judge each
pair as it would judge a study of two kernels, with the margin that is given.
What is called regressed or improved is a false alarm.  Where the boots
suffice, a claim is also repeated on as many others of them, as a study would
on fresh ones.  It needs 10 boots or more; 30 make 3 against 3, 5 against 5
and 15 against 15.

    study: aa
    source: { suite: bookworm, debian-image: [{ name: "6.12",
              package: linux-image-6.12-cloud-amd64 }] }
    machines: [icount-1cpu, icount-2cpu, tcg-2cpu]
    workloads: [hackbench-threads]
    boots: 30

Splits of the same boots are not independent of each other, so the share has no
Monte-Carlo interval; with B boots it can be off as B boots can be.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
from dataclasses import asdict, dataclass

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "analysis")]

from analysis import load, model, verdicts  # noqa: E402
from analysis.errors import Problem  # noqa: E402
from simulate import FIRST, Boot, frames  # noqa: E402

#: Fewer boots have too few different splits.
LEAST = 10


@dataclass
class Answer:
    """Of one group and one size of the halves: the share of splits with a
    claim, with a regression among them, with a claim that as many fresh boots
    of the same kernel confirmed (None: too few boots), and the share that is
    called equivalent; cv is the spread over boots."""

    machine: str
    clock: str
    config: str
    workload: str
    metric: str
    boots: int
    each: int
    cv: float
    splits: int
    claimed: float
    regressed: float
    confirmed: float | None
    equivalent: float


@dataclass
class Source:
    """One group's values of one stage, one per boot."""

    machine: str
    clock: str
    config: str
    workload: str
    metric: str
    unit: str
    better: str
    values: np.ndarray


def sources(lab: load.Lab, stage: int) -> list[Source]:
    """What can be judged of that stage: groups that analysis/ does not refuse,
    with enough boots.  Rates of rare events are left out: their test wants
    the histograms."""
    found = []
    for group in verdicts.decide(lab, force=True).groups:
        rows = [row for row in group.rows if row.stage == stage]
        if (rows and rows[0].n >= LEAST and group.tail is None
                and rows[0].verdict != model.NOT_APPLICABLE):
            found.append(Source(
                group.machine, group.clock, group.config, group.workload,
                group.metric, group.unit, group.better,
                np.array(rows[0].values, dtype=float)))
    return found


def judge(one: Source, order: np.ndarray, each: int, margin: float,
          confirm: bool) -> str:
    """The verdict on boots of one kernel as if they were two kernels': `each`
    for each, and with confirm as many fresh ones again."""
    boots = []
    for at, index in enumerate(order[:(4 if confirm else 2) * each]):
        part, number = divmod(at, each)
        role = "sample" if part < 2 else "confirm"
        boots.append(Boot(part % 2, 0, FIRST[role] + number + 1, role, at,
                          float(one.values[index])))
    rules = load.Rules(min=each, max=each, confirm=confirm, budget=2 * each)
    lab = frames(boots, rules, stages=2, clock=one.clock, min_effect=margin,
                 unit=one.unit, better=one.better)
    return verdicts.decide(lab).groups[0].rows[1].verdict


def measure(one: Source, each: int, splits: int, margin: float) -> Answer:
    """Split again and again; the same splits every time."""
    rng = np.random.default_rng(len(one.values))
    changed = (model.REGRESSED, model.IMPROVED)
    seen: list[str] = []
    again = 0
    fresh = len(one.values) >= 4 * each
    for _ in range(splits):
        order = rng.permutation(len(one.values))
        seen.append(judge(one, order, each, margin, False))
        if fresh and seen[-1] in changed:
            again += judge(one, order, each, margin, True) in changed
    mean = float(np.mean(one.values))
    return Answer(
        one.machine, one.clock, one.config, one.workload, one.metric,
        len(one.values), each,
        float(np.std(one.values, ddof=1)) / mean if mean else 0.0, splits,
        sum(word in changed for word in seen) / splits,
        seen.count(model.REGRESSED) / splits,
        again / splits if fresh else None,
        seen.count(model.EQUIVALENT) / splits)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--db", required=True)
    parser.add_argument("--study", required=True)
    parser.add_argument("--stage", help="the baseline unless given")
    parser.add_argument("--splits", type=int, default=1000)
    parser.add_argument("--margin", type=float, action="append",
                        help="0.01 is 1 %%; 0 unless given")
    parser.add_argument("--primary", action="store_true",
                        help="primary metrics only")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    try:
        lab = load.load(args.db, args.study)
        stage, word = verdicts.find_stage(lab, args.stage)
    except Problem as error:
        sys.exit(f"aa.py: {error}")
    lab.rules = load.Rules(min=1, max=10 ** 6)
    if args.primary:
        lab.metrics = lab.metrics[lab.metrics.is_primary.astype(bool)]
    found = sources(lab, stage)
    if not found:
        sys.exit(f"aa.py: no metric of stage '{word}' has {LEAST} boots with "
                 "a value that may be judged: run a study of one kernel with "
                 "boots: 30")
    if not args.json:
        head(word)
    for margin in args.margin or [0.0]:
        for one in found:
            for each in sorted({3, 5, len(one.values) // 2}):
                answer = measure(one, each, args.splits, margin)
                print(json.dumps(asdict(answer) | {"margin": margin})
                      if args.json else line(answer, margin), flush=True)


def head(word: str) -> None:
    """The head of the table."""
    print(f"stage '{word}' against itself\n\n"
          "| machine | clock | workload | metric | boots | CV | split "
          "| margin | claimed | of it regressed | confirmed | equivalent |\n"
          + "|---" * 12 + "|")


def line(one: Answer, margin: float) -> str:
    """One line of the table."""
    again = "-" if one.confirmed is None else f"{100 * one.confirmed:.1f} %"
    return (f"| {one.machine} | {one.clock} | {one.workload} | {one.metric} "
            f"| {one.boots} | {100 * one.cv:.2g} % | {one.each} : {one.each} "
            f"| {100 * margin:g} % | {100 * one.claimed:.1f} % "
            f"| {100 * one.regressed:.1f} % | {again} "
            f"| {100 * one.equivalent:.1f} % |")


if __name__ == "__main__":
    main()
