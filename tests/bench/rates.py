"""The tables of docs/statistics.md: what the verdicts are worth on simulated
studies of known truth, and what others' rules say of the same boots.

    rates.py [--studies 1000] [--jobs N] [SECTION ...]

Sections are "No effect", "One effect", "Noise", "Few boots", "Adaptive boots",
"A/A boots", "Drift", "Intervals", "Latency", "Attribution" and "Others"; all
unless named.  Seeds are fixed: the same number of studies and jobs gives the
same table.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "analysis")]

import scenarios  # noqa: E402
from scenarios import Count, Rival  # noqa: E402

OTHERS, LATENCY, ATTRIBUTION = "Others", "Latency", "Attribution"


def shares(studies: int, jobs: int) -> list[int]:
    """So many studies for each job."""
    return [studies // jobs + (i < studies % jobs) for i in range(jobs)]


def table(pool, name: str, studies: int, jobs: int) -> None:
    """One group of scenarios."""
    some = scenarios.GROUPS[name]()
    print(f"\n### {name}\n\n{scenarios.head(some)}", flush=True)
    for scenario in some:
        seed = scenarios.seed_of(scenario.name)
        found = Count()
        for part in pool.starmap(scenarios.count, [
                (scenario.truth, share, seed + i)
                for i, share in enumerate(shares(studies, jobs))]):
            found.merge(part)
        print(scenarios.line(some, scenario, found), flush=True)


def others(pool, studies: int, jobs: int) -> None:
    """klab beside the others: one line for each sort of boots."""
    rules = [*scenarios.RULES, "klab's fresh boots"]
    print(f"\n### {OTHERS}\n\nChanges found / tests with a false alarm / "
          "studies with one, in per cent.\n\n"
          f"| boots | {' | '.join(rules)} |\n" + "|---" * (len(rules) + 1)
          + "|", flush=True)
    for name, truth in scenarios.comparisons().items():
        seed = scenarios.seed_of(name)
        seen: dict[str, Rival] = {}
        for part in pool.starmap(scenarios.compare, [
                (truth, share, seed + i)
                for i, share in enumerate(shares(studies, jobs))]):
            for rule, counts in part.items():
                whole = seen.setdefault(rule, Rival())
                for key, value in vars(counts).items():
                    setattr(whole, key, getattr(whole, key) + value)
        cells = [three(seen.get(rule)) for rule in scenarios.RULES]
        more = seen["klab"].boots / seen["klab"].studies
        print(f"| {name} | {' | '.join(cells)} "
              f"| {more:.1f} beside {truth.planned} |", flush=True)


def three(one: Rival | None) -> str:
    """A cell of it."""
    if one is None:
        return "-"
    found = (f"{100 * one.found / one.effects:.0f}" if one.effects else "-")
    return (f"{found} / {100 * one.false_tests / one.tests:.2f} / "
            f"{100 * one.false_studies / one.studies:.1f}")


def latencies(runs: int) -> None:
    """Tails: boots of 40,000 latencies whose scale differs by 5 % over boots
    (2 % where the tail is doubled), as test_latency.py has it."""
    from test_latency import coverage, tail_rates
    print(f"\n### {LATENCY}\n\n| boots of four kernels | called different at "
          "5 %: klab | latencies pooled | goal | met |\n|---|---|---|---|---|",
          flush=True)
    for boots in (3, 5, 10):
        for pick, word in ((0.999, "p99.9"), (0.9999, "p99.99")):
            ours, pooled = tail_rates(runs, boots, 1.0, pick=pick)
            print(f"| {boots}, tail unchanged, threshold {word} "
                  f"| {100 * ours:.1f} % | {100 * pooled:.1f} % | at most 5 % "
                  f"| {'met' if ours <= 0.05 else 'not met'} |", flush=True)
    for boots in (3, 5, 10):
        for pick, word in ((0.999, "p99.9"), (0.9999, "p99.99")):
            ours, _ = tail_rates(runs, boots, 2.0, pick=pick, spread=0.02)
            print(f"| {boots}, tail doubled, threshold {word} "
                  f"| {100 * ours:.1f} % | | - | |", flush=True)
    print("\n| 95 % intervals of p99.9, boots of 6,000 | hold the truth: klab "
          "| bootstrap over boots |\n|---|---|---|")
    for boots in (3, 5, 10):
        ours, plain, _ = coverage(runs, boots, 0.999)
        print(f"| {boots} boots | {100 * ours:.1f} % | {100 * plain:.1f} % |",
              flush=True)


def attribution(runs: int) -> None:
    """Which stage of 12, five boots each, one config; and under which of
    two."""
    from test_attribution import crossed_rates, step_rates
    print(f"\n### {ATTRIBUTION}\n\n| stages | exactly the right one "
          "| a wrong one |\n|---|---|---|", flush=True)
    for size in (0, 2, 3, 5):
        right, wrong = step_rates(float(size), runs=runs)
        named = f"{100 * right:.1f} %" if size else "-"
        print(f"| a step of d = {size} | {named} | {100 * wrong:.1f} % |",
              flush=True)
    for size, both, what in ((3, True, "both configs"),
                             (3, False, "one of two"),
                             (5, False, "one of two")):
        right, wrong = crossed_rates(float(size), both=both, runs=runs)
        named = "-" if both else f"{100 * right:.1f} %"
        print(f"| interaction: a step of d = {size} under {what} | {named} "
              f"| {100 * wrong:.1f} % |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("sections", nargs="*", metavar="SECTION")
    args = parser.parse_args()
    known = [*scenarios.GROUPS, LATENCY, ATTRIBUTION, OTHERS]
    for name in args.sections:
        if name not in known:
            parser.error(f"no section '{name}'; there are: "
                         + ", ".join(known))
    start = time.monotonic()
    with multiprocessing.Pool(args.jobs) as pool:
        for name in args.sections or known:
            if name == OTHERS:
                others(pool, args.studies, args.jobs)
            elif name == LATENCY:
                latencies(args.studies)
            elif name == ATTRIBUTION:
                attribution(args.studies)
            else:
                table(pool, name, args.studies, args.jobs)
    print(f"\n{args.studies} studies of each, "
          f"{time.monotonic() - start:.0f} s on {args.jobs} cores")


if __name__ == "__main__":
    main()
