"""Labs whose reports the tests look at."""

from __future__ import annotations

import json
import random
import sqlite3
from pathlib import Path

from analysis import report
from analysis.report import names
from labs import LabMaker
from searches import Search

STAGES = 36
CONFIGS = ("nort", "rt")
#: Metrics per workload: primary ones, and all; exceedances come by
#: themselves.
PRIMARY = {"hackbench": 1, "cyclictest": 2}
METRICS = {"hackbench": 2, "cyclictest": 2}
ROWS = STAGES * len(CONFIGS) * sum(METRICS.values())
#: Stages of `series` with a fate of their own.
BROKEN, SAME, SLOWER_ON_RT, FASTER, REPORTS = 12, 7, 20, 29, 25
VERBS = ("convert", "replace", "split", "annotate", "drop")
NOUNS = ("kmem_cpu_slab protection to local_lock", "the list lock",
         "partial lists", "irq-off regions of bootup",
         "deactivate_slab() callers")
MACHINE = "icount-2cpu"


def title(stage: int) -> str | None:
    """The subject of a stage's patch."""
    if stage == 0:
        return None
    return (f"mm, slub: {VERBS[stage % 5]} {NOUNS[stage // 5 % 5]}, "
            f"part {stage}")


def series(folder: Path, stages: int = STAGES) -> Path:
    """A series under two configs, with all that a report can show: a patch
    that costs 8 % on rt, one that gains 5 %, one that does not build, one that
    changes no code, one whose kernel warns; latencies of two CPUs."""
    lab = LabMaker(folder, "series", kernels=(),
                   text="study: series\n# a comment\n")
    for config in CONFIGS:
        for stage in range(stages):
            _stage(lab, stage, config)
    lab.machine(MACHINE, vcpus=2, metronome_us=20)
    lab.metric("hackbench", "time")
    lab.metric("hackbench", "switches", "switches", primary=False)
    lab.metric("cyclictest", "p99", "us", latency=True)
    for config in CONFIGS:
        for stage in range(stages):
            if stage not in (BROKEN, SAME):
                _boots(lab, stage, config)
    for config in CONFIGS:
        for workload in ("hackbench", "cyclictest"):
            for seed in (1, 2, 3):
                _twin(lab, config, workload, seed)
    return lab.done()


def _stage(lab: LabMaker, stage: int, config: str) -> None:
    name = f"p{stage:02d}" if stage else "base"
    fate: dict[str, str] = {}
    if stage == SAME:
        fate = {"run_key": lab.keys[SAME - 1]}
    elif stage == BROKEN:
        fate = {"state": "broken", "error": "mm/slub.c does not compile",
                "errors": json.dumps([{"file": "mm/slub.c", "line": 7,
                                       "text": "expected ';'",
                                       "touched": True}])}
    lab.stage(stage, name, title=title(stage), config=config, **fate)


def _boots(lab: LabMaker, stage: int, config: str) -> None:
    rng = random.Random(f"{stage}-{config}")
    level = 1.08 if config == "rt" and stage >= SLOWER_ON_RT else 1.0
    level *= 0.95 if stage >= FASTER else 1.0
    for seed in (1, 2, 3):
        value = 8e8 * level * rng.gauss(1, 0.002)
        boot = lab.boot(stage, seed, {"time": value, "switches": value // 1e4},
                        config=config, machine=MACHINE,
                        fingerprint={"qemu": {"version": "10.0.2"}})
        if stage == REPORTS and config == "rt":
            lab.finding(boot, excerpt="[    0.6] WARNING: CPU: 0 PID: 1 at "
                                      "mm/slub.c:9\n[    0.6] Call Trace:\n")
        boot = lab.boot(stage, seed, {"p99": 10.0 + rng.random() * level},
                        config=config, machine=MACHINE, workload="cyclictest")
        for cpu in (0, 1):
            lab.histogram(boot, "latency", cpu, {
                3 + cpu: 2, 5: 900 + rng.randrange(50), 9: 300, 14: 20 + cpu,
                40 + rng.randrange(9) + stage: 1})


def _twin(lab: LabMaker, config: str, workload: str, seed: int) -> None:
    """The stage that changes no code shares the boots of the one before."""
    lab.cell(SAME, seed, f"{lab.keys[SAME - 1]}-{config}-{MACHINE}-"
                         f"{workload}-{seed}", config, MACHINE, workload)


def releases(folder: Path, flavours: tuple[str, ...] = ("amd64", "rt-amd64"),
             ) -> Path:
    """Study `releases`: three releases of each flavour; the last is slow."""
    kernels = [f"6.{minor}.0-{flavour}" for flavour in flavours
               for minor in (1, 6, 12)]
    lab = LabMaker(folder, "releases", kernels=())
    for stage, name in enumerate(kernels):
        lab.stage(stage, name, release=name, key=f"k{stage}")
    lab.machine(MACHINE, vcpus=2)
    lab.metric("hackbench", "time")
    lab.metric("hackbench", "switches", "switches", primary=False)
    for stage, name in enumerate(kernels):
        rng = random.Random(stage)
        for seed in range(1, 5):
            value = (9e8 if "6.12" in name else 8e8) * rng.gauss(1, 0.002)
            lab.boot(stage, seed, {"time": value, "switches": value // 1e4},
                     machine=MACHINE)
    return lab.done()


#: What a stranger may write into a subject, a name or a console.
HOSTILE = {
    "tags": "<script>alert(1)</script><b id=own class=own>x</b>",
    "attribute": "\" onmouseover='alert(2)' autofocus onfocus=alert(3) own=\"",
    "image": "</title></style><img src=x onerror=alert(4)>",
    "script-end": "</script><script>alert(5)</script>",
    "cdata": "]]><svg onload=alert(6)><![CDATA[ <!-- -->",
    "css": "}</style>*{background:url(http://evil.invalid/x.png)}",
    "template": "{{ 7 * 7 }} {% raw %} ${alert(7)} `x`",
    "entities": "&lt;b&gt; & &#x202e; &amp;lt; \\x41 @name0",
    "override": "\u202eevil\u202c \u2066abc\u2069 \u200f \u061c",
    "combining": "Z" + "\u0351\u0323" * 60 + "algo",
    "control": "\033[31mred\x00\x07\x7f\x85 \u2028 line",
    "long": "word " * 2000,
    "unbroken": "x" * 10_000,
    "wide": "\ufdfd\u7530\U0001f9ea" * 300,
    "selector": "a\" b] #id,.x>y~z:not(*)'\\",
}


def hostile(folder: Path, study: str) -> Path:
    """The words of HOSTILE in each place that a stranger can fill: each is the
    subject of a patch, and by turns a name of anything else, or a text."""
    words = list(HOSTILE.values())
    lab = LabMaker(folder, study, kernels=("base", *words),
                   text="\n".join(words))
    for stage, word in enumerate(words, 1):
        lab.stage(stage, word, key=f"k{stage}", title=word, release=word,
                  package=word, version=word, sha256=word)
    lab.stage(len(words) + 1, "does not build", title=words[0],
              state="broken", error=HOSTILE["unbroken"],
              errors=json.dumps([{"file": word, "line": 1, "text": word}
                                 for word in words]))
    lab.machine(HOSTILE["attribute"], vcpus=2, metronome_us=20)
    for workload in (HOSTILE["tags"], HOSTILE["unbroken"]):
        lab.metric(workload, METRIC, HOSTILE["image"],
                   latency=workload == HOSTILE["tags"])
    for config, workload in PLACES:
        for stage in range(len(words) + 1):
            _hostile_boots(lab, stage, config, workload)
    return lab.done()


#: The hostile lab's metric, and what ran where: config and workload.
METRIC = HOSTILE["entities"]
PLACES = (("default", HOSTILE["tags"]), ("default", HOSTILE["unbroken"]),
          (HOSTILE["unbroken"], HOSTILE["tags"]),
          (HOSTILE["override"], HOSTILE["tags"]))


def _hostile_boots(lab: LabMaker, stage: int, config: str,
                   workload: str) -> None:
    words = list(HOSTILE.values())
    word = words[stage % len(words)]
    where = {"config": config, "machine": HOSTILE["attribute"],
             "workload": workload}
    for seed in (1, 2):
        boot = lab.boot(
            stage, seed, {METRIC: 100.0 + stage % 3 + seed / 10}, **where,
            fingerprint={word[:200]: word, "x": f"{seed} {word}"})
        if workload == HOSTILE["tags"]:
            for cpu in (0, 1):
                lab.histogram(boot, HOSTILE["css"], cpu, {5: 100, 9: seed})
        if seed == 2 and stage and config == "default":
            lab.finding(boot, function=word[:200], line=word, detail=word,
                        excerpt=f"{word}\n{word}")
    if config == "default":
        lab.boot(stage, 9, {}, **where, state="bad", outcome=word,
                 detail=word, reason=word, excerpt="\n".join(words))


def judge(db: Path) -> None:
    """Store a verdict of each kind, as a run does at its end."""
    with sqlite3.connect(db) as lab:
        lab.execute("UPDATE study SET judged = updated")
        for stage, verdict in enumerate(names.SIGNS):
            lab.execute(
                "INSERT INTO verdict (study, stage, config, machine, workload,"
                " metric, verdict, change) VALUES (1, ?, 'rt', ?, 'hackbench',"
                " 'time', ?, 0.08)", (stage, MACHINE, verdict))


def add_studies(db: Path, reports: Path) -> None:
    """A study of each name in HOSTILE that the lab has not, judged, and one
    whose report is there and whose name would be an address."""
    words = [*list(HOSTILE.values())[1:], "javascript:alert(8)"]
    (reports / words[-1]).mkdir(parents=True)
    (reports / words[-1] / "index.html").write_text("<!doctype html>")
    with sqlite3.connect(db) as lab:
        for ident, name in enumerate(words, 100):
            lab.execute(
                "INSERT INTO study VALUES (?, ?, ?, ?, 0, 0.01, "
                "'2026-01-02T00:00:00Z', '{}', '2026-01-03T00:00:00Z')",
                (ident, name, name, name))
            lab.execute("INSERT INTO stage VALUES (?, 1, ?, ?, ?)",
                        (ident, name, name, name))
            lab.execute("INSERT INTO machine VALUES (?, ?, ?, 1, 1, 0, ?)",
                        (ident, name, name, name))
            lab.execute(
                "INSERT INTO verdict (study, stage, config, machine, workload,"
                " metric, verdict, change) VALUES (?, 1, ?, ?, ?, ?, ?, 0.5)",
                (ident, name, name, name, name, "regressed"))


def bisects(lab: Path) -> list[Path]:
    """The pages of three bisects of study `series`: 35 patches, a metric over
    1,000 of them, and one of which much is said in many boots."""
    first = Search(35, 31, subjects=[title(k) for k in range(1, 36)])
    first.whole(without={"clean": False, "says": "hunk 1 does not fit"})
    noisy = Search(9, 5).ends()
    for k in range(60):
        noisy.step(kernel=k % 9, why="weak")
        noisy.boot(k % 9, what=("good", "bad", "untestable", "infra")[k % 4],
                   says=f"panic: number {k}; " + "then another, " * 9)
    noisy.step("gave-up", "budget")
    noisy.result("gave-up", "budget")
    searches = [first, Search(1000, 640, metric=True, range=True).whole(),
                noisy]
    return _written(lab, "series", searches)


def hostile_bisects(lab: Path) -> list[Path]:
    """The same with the words of HOSTILE in each place."""
    words = list(HOSTILE.values())
    made = []
    for metric in (False, True):
        search = Search(len(words), 7, subjects=words, metric=metric,
                        config=words[0], machine=words[1], study=words[2])
        search.whole(without={"clean": False, "says": " ".join(words)})
        search.setup["criterion"] = {
            **search.setup["criterion"], "workload": HOSTILE["unbroken"],
            "metric": HOSTILE["tags"], "unit": HOSTILE["image"]}
        for kernel, word in zip(search.setup["kernels"], words):
            kernel["stage"] = word
        for i, line in enumerate(search.lines[1:]):
            line["says"] = words[i % len(words)]
            if line["t"] == "step":
                line["why"] = line["mode"] = words[-1 - i % len(words)]
        made.append(search)
    return _written(lab, "demo", made)


def _written(lab: Path, study: str, searches: list[Search]) -> list[Path]:
    made = []
    for i, search in enumerate(searches):
        name = f"{study}-bisect-{i:08x}"
        search.write(lab, name)
        made.append(report.write_bisect(lab / "lab.db", lab, name))
    return made
