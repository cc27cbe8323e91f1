"""Study files and command lines that are wrong: one sentence, exit 2."""

from __future__ import annotations

import pytest

import kit

GOOD = """study: s
source: { image: [k1] }
machines: [icount-1cpu]
workloads:
  - hackbench-threads
boots: 2
"""


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


#: A study; where the error is ("line:" or "line: key 'x':"); what it says.
STUDIES = {
    "unknown-key": (GOOD + "bots: 5\n", "7: key 'bots':",
                    "did you mean 'boots'?"),
    "unknown-far": (GOOD + "colour: red\n", "7: key 'colour':",
                    "one of: study, source,"),
    "unknown-nested": (GOOD + "compare: { min_efect: 1% }\n",
                       "7: key 'min_efect':", "'min_effect'"),
    "text-for-number": (changed("boots: 2", "boots: many"), "6: key 'boots':",
                        "'many' is not a whole number from 1 to 10000"),
    "float-for-number": (changed("boots: 2", "boots: 2.5"), "6: key 'boots':",
                         "'2.5' is not a whole number"),
    "huge-number": (changed("boots: 2", "boots: 99999999999999999999999"),
                    "6: key 'boots':", "from 1 to 10000"),
    "zero": (changed("boots: 2", "boots: 0"), "6: key 'boots':", "from 1"),
    "negative": (changed("boots: 2", "boots: -1"), "6: key 'boots':",
                 "from 1"),
    "nothing": (changed("boots: 2", "boots:"), "6: key 'boots':",
                "not a whole number"),
    "list-for-number": (changed("boots: 2", "boots: { min: [2], max: 3 }"),
                        "6: key 'min':",
                        "expected a single value, found a list"),
    "list-for-boots": (changed("boots: 2", "boots: [2]"), "6: key 'boots':",
                       "is a number, or {min: N, max: N, until: 1%}"),
    "map-for-list": (changed("machines: [icount-1cpu]", "machines: {a: b}"),
                     "3: key 'machines':", "expected a list"),
    "text-for-map": (GOOD + "compare: base\n", "7: key 'compare':",
                     "expected a map"),
    "harmless-text": (GOOD + "harmless: WARNING\n", "7: key 'harmless':",
                      "expected a list"),
    "harmless-empty": (GOOD + "harmless: ['']\n", "7: key 'harmless':",
                       "fits every finding"),
    "harmless-bad": (GOOD + "harmless:\n  - fine\n  - 'a(b'\n", "9:",
                     "'a(b'"),
    "no-study": (changed("study: s\n", ""), "1:", "key 'study' is missing"),
    "no-source": (changed("source: { image: [k1] }\n", ""), "1:",
                  "key 'source' is missing"),
    "no-workloads": (changed("workloads:\n  - hackbench-threads\n", ""), "1:",
                     "key 'workloads' is missing"),
    "empty-machines": (changed("[icount-1cpu]", "[]"), "3: key 'machines':",
                       "name at least one machine"),
    "empty-image": (changed("[k1]", "[]"), "2: key 'image':",
                    "name at least one kernel"),
    "two-sources": (changed("image: [k1]", "image: [k1], debian-image: [a]"),
                    "2: key 'source':", "two sources, debian-image and image"),
    "unknown-source": (changed("image: [k1]", "images: [k1]"),
                       "2: key 'images':", "did you mean 'image'?"),
    "unknown-machine": (changed("icount-1cpu", "icount-3cpu"),
                        "3: key 'machines':",
                        "klab has: auto-2cpu, icount-1cpu"),
    "unknown-workload": (changed("hackbench-threads", "hackbanch"),
                         "5: key 'workloads':", "no workload 'hackbanch'; "
                         "klab has: boot, "),
    "no-variant": (changed("hackbench-threads", "hackbench"),
                   "5: key 'workloads':", "threads, processes"),
    "unknown-variant": (changed("hackbench-threads", "hackbench-fibers"),
                        "5: key 'workloads':", "no variant 'fibers'"),
    "unknown-parameter": (changed("hackbench-threads",
                                  "hackbench-threads: { grops: 2 }"),
                          "5: key 'grops':", "groups, fds"),
    "unknown-load": (changed("hackbench-threads", "cyclictest: { load: x }"),
                     "5: key 'load':", "no workload 'x'"),
    "load-without-line": (changed("hackbench-threads",
                                  "hackbench-threads: { load: cyclictest }"),
                          "5: key 'load':", "has no 'load' line"),
    "workload-path": (changed("hackbench-threads", "../workloads/hackbench"),
                      "5: key 'workloads':", "no workload"),
    "workload-map": (changed("hackbench-threads", "{ a: 1, b: 2 }"),
                     "5: key 'workloads':", "a workload is a name"),
    "two-machines": (changed("icount-1cpu", "icount-1cpu, icount-1cpu"),
                     "3: key 'machines':", "'icount-1cpu' is there twice"),
    "two-workloads": (changed("hackbench-threads\n",
                              "hackbench-threads\n  - hackbench-threads\n"),
                      "6: key 'workloads':", "'as: NAME'"),
    "two-stages": (changed("[k1]", "[k1, k1]"), "2: key 'image':",
                   "'k1' is there twice"),
    "key-twice": (GOOD + "boots: 3\n", "7: key 'boots':", "given twice"),
    "no-image": (changed("[k1]", "[k9]"), "2: key 'image':",
                 "there is no kernel image"),
    "bad-baseline": (GOOD + "compare: { baseline: 7 }\n", "7: key 'baseline':",
                     "'7' is neither the number nor the name"),
    "bad-effect": (GOOD + "compare: { min_effect: 200% }\n",
                   "7: key 'min_effect':", "not a share"),
    "bad-stages": (GOOD + "stages: [0, 5]\n", "7: key 'stages':",
                   "from 0 to 0"),
    "bad-every": (GOOD + "stages: { evry: 5 }\n", "7: key 'stages':",
                  "{every: N}"),
    "path-for-name": (changed("study: s", "study: ../../etc/s"),
                      "1: key 'study':", "'../../etc/s' is not a study's "
                      "name"),
    "dots-for-name": (changed("study: s", "study: .."), "1: key 'study':",
                      "'..' is not a study's name"),
    "page-for-name": (changed("study: s", "study: index.html"),
                      "1: key 'study':", "'index.html' cannot be a study's "
                      "name: the lab's reports have a page of that name"),
    "dash-for-name": (changed("study: s", "study: -rf"), "1: key 'study':",
                      "not a study's name"),
    "no-name": (changed("study: s", "study: ''"), "1: key 'study':",
                "not a study's name"),
    "long-name": (changed("study: s", "study: " + "s" * 500),
                  "1: key 'study':", "not a study's name"),
    "longer-name": (changed("study: s", "study: " + "s" * 5000),
                    "1: key 'study':", "600 bytes at most"),
    "long-key": (GOOD + "b" * 500 + ": 2\n", "7:",
                 "a key must be a plain word"),
    "control-key": (GOOD + '"bo\\u001bots": 2\n', "7:",
                    "a key must be a plain word"),
    "control-value": (changed("boots: 2", 'boots: "\\u001b[31m"'),
                      "6: key 'boots':", "one line of plain text"),
    "lines-for-name": (changed("study: s", 'study: "a\\nb"'),
                       "1: key 'study':", "must be one line"),
    "option-for-package": (changed("image: [k1]", "debian-image: [--yes]"),
                           "2: key 'debian-image':",
                           "not the name of a Debian package"),
    "release-for-package": (changed("image: [k1]", "debian-image: [a/sid]"),
                            "2: key 'debian-image':",
                            "not the name of a Debian package"),
    "option-for-suite": (changed("image: [k1]", "debian-image: [a], "
                                 "suite: -t"), "2:", "not the name of a "
                         "suite"),
    "series": (GOOD + "series: { thread: x }\n", "7: key 'series':",
               "needs a source that is built"),
    "too-many": (changed("boots: 2", "boots: 10000").replace(
        "  - hackbench-threads\n", "".join(
            f"  - hackbench-threads: {{ as: w{i} }}\n" for i in range(200))),
        "1:", "boots are more than klab plans"),
    # Not YAML, or no YAML of ours.
    "empty": ("", "1:", "the file is empty"),
    "comment": ("# nothing\n", "1:", "the file is empty"),
    "scalar": ("study", "1:", "expected a map"),
    "list": ("- study\n", "1:", "expected a map"),
    "tabs": ("study: s\nsource:\n\timage: [k1]\n", "3:", "not YAML"),
    "open-brace": ("study: s\nsource: { image: [k1\n", "3:", "not YAML"),
    "nul": ("study: s\0\n", "1:", "not YAML"),
    "nul-escape": ('study: "a\\0b"\n', "1: key 'study':", "NUL"),
    "not-utf8": (b"study: s\xff\xfe\n", "1:", "not YAML"),
    "binary": (bytes(range(256)) * 16, "1:", "not YAML"),
    "map-as-key": ("? {a: b}\n: c\n", "1:", "a key must be a plain word"),
    "two-documents": (GOOD + "---\nboots: 9\n", "7:", "second document"),
    "unknown-alias": (changed("boots: 2", "boots: *x"), "6:", "not YAML"),
    "endless-alias": ("study: &a\n  - *a\n", "1:", "nested too deep"),
    "alias-bomb": ("a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{n}: &{n} [" + ", ".join([f"*{p}"] * 10) + "]\n"
        for p, n in zip("abcdefgh", "bcdefghi")), "1: key '",
        "too many values"),
    "deep": ("study: " + "[" * 40 + "]" * 40 + "\n", "1:",
             "nested too deep"),
    # These cost a parser without a limit minutes.
    "deeper": ("[" * 1000000, "1:", "nested too deep"),
    "deep-braces": ("{" * 1000000, "1:", "nested too deep"),
    "deep-lines": ("".join(" " * i + "a:\n" for i in range(1000)), "33:",
                   "nested too deep"),
    "anchors": ("[" + "".join(f"&a{i} x, " for i in range(90000)) + "]", "1:",
                "too many values"),
    "values": ("[" + "x," * 400000 + "]", "1:", "too many values"),
}


@pytest.mark.parametrize("name", STUDIES)
def test_study(bench: kit.Bench, name: str) -> None:
    text, where, what = STUDIES[name]
    bench.kernel("k1")
    study = bench.write("bad.yaml", text)
    result = bench.klab("run", study)
    assert result.code == kit.USER, result.err
    error = result.one_error()
    assert error.startswith(f"klab: {study}:{where}"), error
    assert what in error
    assert result.err == error + "\n" and error.isprintable()
    assert result.out == ""
    assert not bench.lab.exists()


#: Other files than a study; the words of the error.
FILES = {
    "missing": (lambda b: b.dir / "none.yaml", "No such file"),
    "no-such-name": (lambda b: "nonesuch", "No such file"),
    "folder": (lambda b: b.dir, "Is a directory"),
    "zeros": (lambda b: "/dev/zero", "longer than 1048576 bytes"),
    "long": (lambda b: b.write("long.yaml", "#\n" * 600000),
             "longer than 1048576 bytes"),
    "no-word": (lambda b: "", "No such file"),
}


@pytest.mark.parametrize("name", FILES)
def test_study_is_no_file(bench: kit.Bench, name: str) -> None:
    make, words = FILES[name]
    study = make(bench)
    result = bench.klab("run", study)
    assert result.code == kit.USER, result.err
    assert words in result.one_error()
    assert str(study) in result.one_error()
    assert not bench.lab.exists()


#: A machine file; the error.
MACHINES = {
    "unknown-key": ("machine: m\ncpus: 2\n", ":2: key 'cpus':", "'vcpus'"),
    "no-name": ("vcpus: 2\n", ":1:", "'machine' (its name) is missing"),
    "clock": ("machine: m\nclock: kvm\n", ":2: key 'clock':", "exact"),
    "vcpus": ("machine: m\nvcpus: 1000\n", ":2: key 'vcpus':", "from 1 to 64"),
    "deadline": ("machine: m\ndeadline_s: 0\n", ":2: key 'deadline_s':",
                 "from 1"),
    "path": ("machine: ../m\n", ":1: key 'machine':", "'../m'"),
    "markup": ("machine: <b>\n", ":1: key 'machine':", "'<b>'"),
    "empty": ("", ":1:", "the file is empty"),
}


@pytest.mark.parametrize("name", MACHINES)
def test_machine_file(bench: kit.Bench, name: str) -> None:
    text, where, what = MACHINES[name]
    path = bench.write("m.yaml", text)
    result = bench.klab("run", bench.study(machines=["./m.yaml"]))
    assert result.code == kit.USER
    error = result.one_error()
    assert "s.yaml:3: key 'machines': " in error
    assert f"m.yaml{where}" in error and what in error
    assert str(path.parent) in error


def test_machine_file_is_missing(bench: kit.Bench) -> None:
    result = bench.klab("run", bench.study(machines=["./none.yaml"]))
    assert result.code == kit.USER
    assert "none.yaml" in result.one_error()


#: Files that are no kernel: the study is right, so the lab is made, and what
#: can be done is done.
IMAGES = {
    "empty": b"",
    "short": b"MZ",
    "zeros": bytes(100000),
    "text": b"#!/bin/sh\n" * 1000,
    "elf": b"\x7fELF\x02\x01\x01" + bytes(1000),
}


@pytest.mark.parametrize("name", IMAGES)
def test_image_is_no_kernel(bench: kit.Bench, name: str) -> None:
    bench.write("bad", IMAGES[name])
    study = bench.study(kernels=["bad", "k2"], boots=2)
    result = bench.klab("run", study)
    assert result.code == kit.USER
    error = result.one_error()
    assert error.startswith(f"klab: {study}:2: stage 'bad': image ")
    # The other stage's boots are done and stored.
    assert bench.outcomes() == {1: "ok", 2: "ok"}
    assert bench.rows("SELECT name, error IS NULL, kernel_key IS NULL "
                      "FROM stage JOIN variant ON stage = idx "
                      "ORDER BY idx") == [("bad", 0, 1), ("k2", 1, 0)]
    assert "2 have no kernel" in result.err
    assert not list(bench.lab.glob("kernels/.new*"))


def test_program_of_a_workload_is_missing(bench: kit.Bench) -> None:
    """The others of the study are done; the message says what to install."""
    home = bench.dir / "home"
    (home / "workloads").mkdir(parents=True)
    for name in ("configs", "build", "analysis", "workloads/hackbench"):
        (home / name).symlink_to(kit.ROOT / name)
    (home / "workloads/none").mkdir()
    (home / "workloads/none/workload.yaml").write_text(
        "workload: none\nsummary: nothing\nbinaries: [nonesuch-bench]\n"
        "packages: [nonesuch-tools]\nsteps: [{name: run, argv: [x]}]\n"
        "metrics: {t: {unit: ns, better: lower, primary: yes, from: elapsed}}\n")
    study = bench.study(workloads=["none", "hackbench-threads"], boots=2)
    result = bench.klab("run", study, env={"KLAB_HOME": str(home)})
    assert result.code == kit.LAB
    assert result.one_error() == (
        "klab: workload 'none': program 'nonesuch-bench' is not on this host; "
        "install it from package nonesuch-tools (make setup)")
    assert bench.outcomes() == {1: "ok", 2: "ok"}


#: A workload.yaml; the error.
HEAD = "workload: w\nsummary: x\n"
STEPS = "steps: [{name: run, argv: [ls]}]\n"
METRICS = "metrics: {t: {unit: ns, better: lower, primary: yes, from: elapsed}}\n"
WORKLOADS = {
    "empty": ("", ":1:", "the file is empty"),
    "key": (HEAD + STEPS + METRICS + "step: 1\n", ":5: key 'step':",
            "did you mean 'steps'?"),
    "no-steps": (HEAD + METRICS, ":1:", "key 'steps' is missing"),
    "no-metrics": (HEAD + STEPS, ":1:", "key 'metrics' is missing"),
    "brace": (HEAD + "steps: [{name: run, argv: ['{x']}]\n" + METRICS, ":3:",
              "'{x' names no parameter"),
    "parameter": (HEAD + "steps: [{name: run, argv: ['{x}']}]\n" + METRICS,
                  ":3:", "'{x}' names no parameter"),
    "lines": (HEAD + 'steps: [{name: run, argv: ["a\\nstep b"]}]\n' + METRICS,
              ":3:", "must be one line"),
    "pattern": (HEAD + STEPS + "metrics: {t: {unit: s, better: lower, "
                "from: regex, pattern: '(['}}\n", ":4: key 't':", "pattern"),
    "group": (HEAD + STEPS + "metrics: {t: {unit: s, better: lower, "
              "from: regex, pattern: 'x'}}\n", ":4: key 't':", "(group)"),
    "from": (HEAD + STEPS + "metrics: {t: {unit: s, better: lower, "
             "from: guess}}\n", ":4: key 't':", "'from: guess' is not known"),
    "better": (HEAD + STEPS + "metrics: {t: {unit: s, better: faster, "
               "from: elapsed}}\n", ":4: key 't':", "'better: lower'"),
    "metric-name": (HEAD + STEPS + "metrics: {'<b>': {unit: s, better: lower, "
                    "from: elapsed}}\n", ":4: key '<b>':", "metric's name"),
    "no-primary": (HEAD + STEPS + "metrics: {t: {unit: s, better: lower, "
                   "from: elapsed}}\n", ":4: key 'metrics':",
                   "has 0 metrics with 'primary: yes'"),
    "step-name": (HEAD + "steps: [{name: 'a b', argv: [ls]}]\n" + METRICS,
                  ":3:", "'name' of letters"),
    "two-steps": (HEAD + "steps: [{name: a, argv: [ls]}, {name: a, argv: "
                  "[ls]}]\n" + METRICS, ":3:", "'a' is there twice"),
}


@pytest.mark.parametrize("name", WORKLOADS)
def test_workload_file(bench: kit.Bench, name: str) -> None:
    text, where, what = WORKLOADS[name]
    home = bench.dir / "home"
    (home / "workloads/w").mkdir(parents=True)
    for link in ("configs", "build"):
        (home / link).symlink_to(kit.ROOT / link)
    (home / "workloads/w/workload.yaml").write_text(text)
    result = bench.klab("plan", bench.study(workloads=["w"]),
                        env={"KLAB_HOME": str(home)})
    assert result.code == kit.USER, result.err
    error = result.one_error()
    assert f"/w/workload.yaml{where}" in error and what in error


#: Command lines; what the error says.
LINES = [
    ([], "usage: klab"),
    (["rum", "x"], "did you mean 'run'?"),
    (["frobnicate"], "there is no verb 'frobnicate'"),
    (["run"], "usage: klab run STUDY"),
    (["run", "a", "b"], "usage: klab run STUDY"),
    (["run", "--colour", "a"], "--colour"),
    (["run", "-j"], "'klab run --help' lists the options"),
    (["-j0", "status"], "'-j 0' is not a number from 1 to 1024"),
    (["-j", "1e3", "status"], "'-j 1e3' is not a number"),
    (["-j", "99999999999999999999", "status"], "is not a number"),
    (["reproduce", "--times=0", "x"], "'--times 0' is not a number"),
    (["doctor", "now"], "usage: klab doctor"),
]


@pytest.mark.parametrize("words, what", LINES,
                         ids=[" ".join(case[0])[:20] for case in LINES])
def test_command_line(bench: kit.Bench, words: list[str], what: str) -> None:
    result = bench.klab(*words)
    assert result.code == kit.USER
    assert what in result.err
    assert result.out == ""
    assert not bench.lab.exists()


@pytest.mark.parametrize("verb", ["status", "gc", "compare x", "report x",
                                  "reproduce x"])
def test_there_is_no_lab(bench: kit.Bench, verb: str) -> None:
    result = bench.klab(*verb.split())
    assert result.code == kit.USER
    assert "'klab run STUDY' makes one" in result.one_error()
    assert not bench.lab.exists()


def test_there_is_no_such_study(bench: kit.Bench) -> None:
    assert bench.klab("run", bench.study()).code == kit.DONE
    for verb in ("compare", "report", "status"):
        result = bench.klab(verb, "nonesuch")
        assert result.code == kit.USER
        assert "has no study 'nonesuch'" in result.one_error()
    result = bench.klab("gc", "--forget=nonesuch")
    assert result.code == kit.USER
    assert "has no study 'nonesuch'" in result.one_error()


@pytest.mark.parametrize("word", ["0", "", "..", "../boots", "zz", "%"])
def test_there_is_no_such_boot(bench: kit.Bench, word: str) -> None:
    (bench.lab / "boots").mkdir(parents=True)
    assert bench.klab("run", bench.study(), play="die").code == kit.LAB
    for path in (bench.lab / "boots").iterdir():
        path.rename(path.with_name("abc123"))
    result = bench.klab("reproduce", word)
    assert result.code == kit.USER
    assert "there is no boot" in result.one_error()
