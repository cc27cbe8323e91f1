"""python3 -m analysis: what `klab compare`, `klab report` and `klab export`
call.

Exit codes: 0 nothing regressed; 1 something regressed, or broke that worked
before, or failed more boots than the baseline, or a kernel reported something;
2 the request names something unknown, or boots that cannot be compared; 4 the
lab or a tool is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from pathlib import Path

from .errors import BadRequest, CannotWork, Problem, missing_module


def _common(needs_study: bool) -> argparse.ArgumentParser:
    """The options of all that judges a study."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--db", required=True, help="LAB/lab.db")
    common.add_argument("--study", required=needs_study,
                        help="name of the study")
    common.add_argument("--base", metavar="STAGE",
                        help="baseline: name or number of a stage")
    common.add_argument("--force", action="store_true",
                        help="compare also what ran under other conditions")
    return common


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="analysis", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    common = _common(needs_study=True)
    compare = verbs.add_parser("compare", parents=[common],
                               help="print the verdict table")
    compare.add_argument("--metric", help="metric or workload/metric")
    compare.add_argument("--json", action="store_true")
    export = verbs.add_parser("export", parents=[common],
                              help="print the results in another format")
    export.add_argument("--lab", required=True, help="the lab folder")
    export.add_argument("--format", required=True,
                        choices=("lkml", "csv", "json", "ktap", "kcidb"))
    export.add_argument("--metric", help="metric or workload/metric")
    export.add_argument("--all", action="store_true",
                        help="lkml: every stage and metric")
    export.add_argument("--samples", action="store_true",
                        help="csv: a row per boot and metric")
    export.add_argument("--origin", default="klab",
                        help="kcidb: the CI system that submits")
    following = verbs.add_parser(
        "next", help="print what boots the study wants next, and its verdicts "
                     "so far, as JSON")
    following.add_argument("--db", required=True, help="LAB/lab.db")
    following.add_argument("--study", required=True, help="name of the study")
    report = verbs.add_parser("report", parents=[_common(needs_study=False)],
                              help="write the HTML report of a study, or of "
                                   "a bisect, and the page of all studies; "
                                   "without a study that page alone")
    report.add_argument("--lab", required=True, help="the lab folder")
    report.add_argument("--out", required=True,
                        help="folder for index.html; made if missing")
    return parser


def _compare(args: argparse.Namespace) -> bool:
    from . import load, table, verdicts
    lab = load.load(args.db, args.study)
    judgement = verdicts.judge(lab, args.base, args.force)
    if args.metric:
        judgement = verdicts.select(judgement, args.metric)
    if args.json:
        json.dump(table.as_json(judgement), sys.stdout, indent=1,
                  allow_nan=False)
        print()
    else:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        words = dict(zip(lab.stages.idx, lab.stages.word))
        sys.stdout.write(table.render(judgement, colour, words))
    return judgement.worse()


def _export(args: argparse.Namespace) -> bool:
    from . import export, load, verdicts
    lab = load.load(args.db, args.study,
                    fingerprints=args.format == "kcidb")
    judgement = verdicts.judge(lab, args.base, args.force)
    if args.metric:
        judgement = verdicts.select(judgement, args.metric)
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(export.render(
        args.format, lab, judgement, Path(args.lab),
        export.Options(args.all, args.samples, args.origin)))
    return judgement.worse()


def _next(args: argparse.Namespace) -> bool:
    from . import load, rounds
    json.dump(rounds.answer(load.load(args.db, args.study)), sys.stdout,
              allow_nan=False)
    print()
    return False


def _report(args: argparse.Namespace) -> bool:
    from . import bisects, report
    if args.study is None:
        print(report.write_index(args.db, args.out))
        return False
    search = args.study.removesuffix("-undo")
    if bisects.is_bisect(Path(args.lab), search):
        if search != args.study:
            raise BadRequest(
                f"'{args.study}' has the boots of bisect '{search}' without "
                f"what it found: `klab report {search}` shows them")
        print(report.write_bisect(args.db, args.lab, args.study))
        report.write_index(args.db, Path(args.lab) / "reports")
        return False
    path, worse = report.write(args.db, args.lab, args.study, args.out,
                               args.base, args.force)
    report.write_index(args.db, Path(args.lab) / "reports")
    print(path)
    return worse


def main(argv: list[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    # Names may hold what the locale cannot show.
    sys.stdout.reconfigure(errors="replace")
    sys.stderr.reconfigure(errors="replace")
    try:
        worse = {"compare": _compare, "export": _export, "next": _next,
                 "report": _report}[args.verb](args)
        sys.stdout.flush()
        return int(worse)
    except ImportError as error:
        problem: Problem = missing_module(error)
    except Problem as error:
        problem = error
    except OSError as error:
        # What is left in the buffer must not fail once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        problem = CannotWork(f"cannot write the results: {error}")
    except Exception:
        # Python's own exit code would be 1, which is a verdict.
        traceback.print_exc()
        return CannotWork.code
    print(f"klab: {problem}", file=sys.stderr)
    return problem.code


if __name__ == "__main__":
    sys.exit(main())
