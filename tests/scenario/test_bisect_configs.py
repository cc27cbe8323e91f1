"""klab bisect --between-configs: the options that make the difference are found,
through Kconfig's dependencies, and no other ones are blamed."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

import fake_kconfig
import fake_tree
import kit
from shop import Shop

METRIC = "hackbench-threads/time"
MANY = [f"O{i}" for i in range(1, 11)]


class Hunt:
    """A tree with options in a shop, and bisects between config a and b."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.bench = shop, shop.bench

    def tree(self, options: list[str], says: dict[str, str], rules: str = "",
             b: list[str] | None = None, a: str = "",
             more: dict[str, str] | None = None) -> Path:
        """A study with config a, and b that has these options on top (all of
        them, if not told)."""
        fake_tree.Repository(self.bench.dir / "tree", fake_kconfig.files(
            options, says, rules, more))
        wanted = ", ".join(word if ":" in word else f"{word}: y"
                           for word in (options if b is None else b))
        return self.study(f"  a: {{ base: tiny, fragments: [virt], "
                          f"set: {{ HZ: 100, {a} }} }}\n"
                          f"  b: {{ extends: a, set: {{ {wanted} }} }}\n")

    def study(self, configs: str, source: str = "git: tree",
              series: str = "") -> Path:
        return self.bench.write(
            "s.yaml", f"study: s\nsource: {{ {source} }}\n{series}configs:\n"
            f"{configs}machines: [icount-1cpu]\n"
            "workloads: [hackbench-threads]\nboots: 1\n")

    def bisect(self, study: Path, *words: str, code: int = kit.DONE,
               **how: Any) -> kit.Result:
        result = self.bench.klab("bisect", "-j2", study, "--between-configs",
                                 "a", "b", *words, **how)
        assert result.code == code, result.err
        return result

    def found(self, study: Path, *words: str, **how: Any) -> dict[str, Any]:
        return json.loads(self.bisect(study, "--json", *words, **how).out)

    def record(self) -> list[dict[str, Any]]:
        path, = (p for p in self.bench.lab.glob("bisects/*/log.jsonl")
                 if not re.search(r"-\d$", p.parent.name))
        return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def hunt(shop: Shop) -> Hunt:
    return Hunt(shop)


def options(found: dict[str, Any]) -> list[list[str]]:
    return [part["lines"] for part in found["options"]]


def test_one_option_of_many(hunt: Hunt) -> None:
    study = hunt.tree(MANY, {"-bad": "defined(CONFIG_O7)"})
    run = hunt.bisect(study, "--broken", play="/-bad=panic")
    assert run.out.startswith("option CONFIG_O7=y\nprobability: "), run.out
    assert "\nalone upon the good config: 1 and 0 are broken\n" in run.out
    assert re.search("\nthe bad end without it is cured, 1 boots? with it and 1 "
                     "without: 1 and 0 are broken\n", run.out)
    setup, *_, result = hunt.record()
    assert setup["axis"] == result["axis"] == "config"
    assert setup["between"] == ["a", "b"]
    assert setup["config"] == "a" and setup["at"] == "base"
    assert {k.get("subject") for k in setup["kernels"][1:]} \
        == {f"CONFIG_{o}=y" for o in MANY}
    booted = [x["kernel"] for x in hunt.record()
              if x["t"] == "event" and "seed" in x]
    assert len(booted) == len(set(booted)) <= 6
    assert hunt.bench.rows("SELECT name FROM study WHERE name = 's'") == []


def test_spelling_of_the_two_names(hunt: Hunt) -> None:
    """The option takes two words, wherever it stands."""
    study = hunt.tree(["O1"], {})
    for words in (["--between-configs", "a", "b", study, "--broken"],
                  [study, "--broken", "--between-configs", "a", "b"],
                  ["--broken", "--between-configs=a", "b", study]):
        run = hunt.bench.klab("bisect", "-n", *words)
        assert run.out == (
            "would search the options between config a and config b, stage "
            "base, machine icount-1cpu: broken\n"), run.err
    run = hunt.bench.klab("bisect", study, "--broken", "--between-configs", "a")
    assert run.code == kit.USER
    assert run.one_error() == ("klab: option '--between-configs' needs two "
                               "values: A B")
    assert not hunt.bench.lab.exists()


def test_pair_that_only_together_makes_it(hunt: Hunt) -> None:
    study = hunt.tree(MANY, {
        "-bad": "defined(CONFIG_O2) && defined(CONFIG_O6)"})
    run = hunt.bisect(study, "--broken", play="/-bad=panic")
    assert run.out.startswith("option"), run.out
    result = hunt.record()[-1]
    assert options(result) == [["CONFIG_O6=y"], ["CONFIG_O2=y"]]
    assert run.out.startswith("options CONFIG_O6=y and CONFIG_O2=y\n")
    assert [part["alone"]["confirmed"] for part in result["options"]] \
        == [False, False]
    assert result["enough"] and result["together"]["confirmed"]
    assert result["without"]["confirmed"]
    assert "that is not enough alone: what else has to be there?" in run.err


def test_three_that_only_together_make_it(hunt: Hunt) -> None:
    study = hunt.tree(MANY, {"-bad": "defined(CONFIG_O2) && "
                             "defined(CONFIG_O6) && defined(CONFIG_O9)"})
    found = hunt.found(study, "--broken", play="/-bad=panic")
    assert sorted(options(found)) == [["CONFIG_O2=y"], ["CONFIG_O6=y"],
                                      ["CONFIG_O9=y"]]
    assert found["enough"]


def test_option_that_needs_another(hunt: Hunt) -> None:
    """The one that it needs is named as that, and not blamed."""
    study = hunt.tree(["A1", "B1", "C1", "D1"], {
        "-bad": "defined(CONFIG_A1)"}, rules="A1 needs C1\n")
    run = hunt.bisect(study, "--broken", play="/-bad=panic")
    assert run.out.startswith("option CONFIG_A1=y\n  which needs CONFIG_C1=y\n")
    result = hunt.record()[-1]
    assert result["enough"] and result["needs"] == ["CONFIG_C1=y"]


def test_option_that_brings_others(hunt: Hunt) -> None:
    """What follows from it by Kconfig alone cannot be told from it."""
    study = hunt.tree(["O1", "O2", "H1", "H2"], {
        "-bad": "defined(CONFIG_H2)"}, rules="O2 selects H1\nO2 selects H2\n"
        "H1 hidden\nH2 hidden\n", b=["O1", "O2"])
    run = hunt.bisect(study, "--broken", play="/-bad=panic")
    assert run.out.startswith(
        "option CONFIG_O2=y, CONFIG_H1=y, CONFIG_H2=y (together, by Kconfig's "
        "dependencies)\n"), run.out


def test_what_is_selected_but_has_a_prompt(hunt: Hunt) -> None:
    """It is put before what selects it, and so can be told from that."""
    study = hunt.tree(["O1", "O2", "O3"], {"-bad": "defined(CONFIG_O3)"},
                      rules="O1 selects O3\n", b=["O1", "O2"])
    run = hunt.bisect(study, "--broken", play="/-bad=panic")
    assert run.out.startswith("option CONFIG_O3=y\n"), run.out
    assert "it cannot be taken back from the bad end: Kconfig does not let it" \
        in run.out


def test_choice(hunt: Hunt) -> None:
    """One of a choice goes as the other one comes."""
    study = hunt.tree(["P1", "P2", "P3", "Z1"], {
        "-bad": "defined(CONFIG_P3)"}, rules="choice P1 P2 P3\n",
        b=["Z1", "P3"])
    run = hunt.bisect(study, "--broken", play="/-bad=panic")
    assert run.out.startswith("option CONFIG_P3=y, # CONFIG_P1 is not set (")
    assert hunt.record()[-1]["enough"]


def test_metric(hunt: Hunt) -> None:
    study = hunt.tree(MANY, {"-slow9": "defined(CONFIG_O4)"})
    run = hunt.bisect(study, "--metric", METRIC)
    assert run.out.startswith("option CONFIG_O4=y\n"), run.out
    result = hunt.record()[-1]
    for part in "confirmation", "together", "without":
        assert result[part]["confirmed"]
        assert result[part]["low"] < 0.09 < result[part]["high"]


@pytest.mark.parametrize("names", [MANY, ["O4", "O8"]])
def test_two_that_add_up(hunt: Hunt, names: list[str]) -> None:
    """Each costs a part: both are named, with what each of them costs."""
    study = hunt.tree(names, {
        "-slow9": "defined(CONFIG_O4) && !defined(CONFIG_O8)",
        "-slow18": "defined(CONFIG_O4) && defined(CONFIG_O8)",
        "-slow8": "!defined(CONFIG_O4) && defined(CONFIG_O8)"})
    run = hunt.bisect(study, "--metric", METRIC)
    assert run.out.startswith("options CONFIG_O4=y and CONFIG_O8=y\n"), \
        run.out + run.err
    result = hunt.record()[-1]
    cost = [part["alone"]["change"] for part in result["options"]]
    assert cost == [pytest.approx(0.09, abs=0.01),
                    pytest.approx(0.08, abs=0.01)]
    assert result["together"]["change"] == pytest.approx(0.18, abs=0.01)
    assert result["without"]["confirmed"]


def test_what_costs_too_little(hunt: Hunt) -> None:
    """Of two steps one is below the least effect: it is not named."""
    study = hunt.tree(["O4", "O8"], {
        "-slow3": "defined(CONFIG_O4) && !defined(CONFIG_O8)",
        "-slow12": "defined(CONFIG_O4) && defined(CONFIG_O8)",
        "-slow9": "!defined(CONFIG_O4) && defined(CONFIG_O8)"})
    run = hunt.bisect(study, "--metric", METRIC, "--min-effect", "6%")
    assert run.out.startswith("option CONFIG_O8=y\n"), run.out + run.err
    result = hunt.record()[-1]
    assert result["together"]["change"] == pytest.approx(0.09, abs=0.01)


def test_build_break(hunt: Hunt) -> None:
    study = hunt.tree(MANY, {}, more={"mm/slub.c": fake_tree.SLUB_C
                                      + "#ifdef CONFIG_O3\n#error no\n#endif\n"})
    found = hunt.found(study, "--broken=build")
    assert options(found) == [["CONFIG_O3=y"]]
    assert found["enough"] and found["without"]["confirmed"]
    assert hunt.bench.rows("SELECT * FROM boot") == []
    found = hunt.found(study, "--broken", "--again")
    assert options(found) == [["CONFIG_O3=y"]]
    assert found["criterion"]["kind"] == "build"
    run = hunt.bench.klab("bisect", study, "--broken=build",
                          "--between-configs", "b", "a")
    assert run.code == kit.USER
    assert "the good end, config 'b', does not build either" in run.one_error()


def test_option_between_that_does_not_build(hunt: Hunt) -> None:
    """With O1 and not O10 it does not build: that is not what is searched."""
    study = hunt.tree(MANY, {"-bad": "defined(CONFIG_O7)"}, more={
        "mm/slub.c": fake_tree.SLUB_C + "#if defined(CONFIG_O2) && "
        "!defined(CONFIG_O4)\n#error no\n#endif\n"})
    found = hunt.found(study, "--broken=panic", play="/-bad=panic")
    assert options(found) == [["CONFIG_O7=y"]]


def test_options_that_change_no_code(hunt: Hunt) -> None:
    """They are built, and never booted nor blamed."""
    study = hunt.tree(["O5"], {"-bad": "defined(CONFIG_O5)"}, b=MANY)
    found = hunt.found(study, "--broken", play="/-bad=panic")
    assert options(found) == [["CONFIG_O5=y"]]
    assert found["boots"] == 2


def test_many_options_are_taken_in_groups(hunt: Hunt) -> None:
    """And the group that is found is taken apart."""
    many = [f"O{i}" for i in range(1, 61)]
    study = hunt.tree(["O33"], {"-bad": "defined(CONFIG_O33)"}, b=many)
    found = hunt.found(study, "--broken", play="/-bad=panic")
    assert options(found) == [["CONFIG_O33=y"]]
    assert len(hunt.record()[0]["kernels"]) < 40
    assert found["without"]["confirmed"]


def test_values(hunt: Hunt) -> None:
    """A number is an option as any other."""
    study = hunt.tree(["O1"], {"-bad": "CONFIG_HZ > 500"},
                      b=["O1", "HZ: 1000"], more={})
    makefile = hunt.bench.dir / "tree/Makefile"
    makefile.write_text(makefile.read_text().replace(
        "SETTLE =", "ARCH_FLAGS += -DCONFIG_HZ=$(CONFIG_HZ)\nSETTLE ="))
    fake_tree.subprocess.run(
        ["git", "-C", makefile.parent, "commit", "-qam", "HZ"], check=True,
        env=kit.os.environ | fake_tree.IDENTITY)
    found = hunt.found(study, "--broken", play="/-bad=panic")
    assert options(found) == [["CONFIG_HZ=1000"]]


def test_stage_is_chosen(hunt: Hunt) -> None:
    """The break came with a patch: before it there is nothing to find."""
    study = hunt.tree(["O1", "O2"], {})
    series = fake_tree.Series(hunt.bench.dir / "series", fake_kconfig.files(
        ["O1", "O2"], {}))
    series.tag("s1")
    series.edit("mm: uses O2", "#define OPTION",
                '#ifdef CONFIG_O2\n#define X "-bad"\n#else\n#define X ""\n'
                "#endif\n#define OPTION X", "mm/slub.h")
    text = study.read_text().replace("configs:", "series: ./series\nconfigs:")
    study.write_text(text)
    found = hunt.found(study, "--broken", play="/-bad=panic")
    assert options(found) == [["CONFIG_O2=y"]] and found["at"] == "2"
    run = hunt.bisect(study, "--broken", "--stage", "1", play="/-bad=panic",
                      code=kit.USER)
    assert "the bad end, config 'b', is " in run.one_error()


def test_replay_log_and_going_on(hunt: Hunt) -> None:
    """One that has ended says again what it found; and without its last line it
    comes to the same end, with the boots that are there."""
    study = hunt.tree(MANY, {
        "-bad": "defined(CONFIG_O2) && defined(CONFIG_O6)"})
    first = hunt.bisect(study, "--broken", play="/-bad=panic")
    again = hunt.bisect(study, "--broken", play="/-bad=panic")
    assert again.out == first.out
    path, = (p for p in hunt.bench.lab.glob("bisects/*/log.jsonl")
             if not re.search(r"-\d$", p.parent.name))
    replayed = hunt.bench.klab("bisect", "--replay", path)
    assert replayed.out.endswith(first.out) and replayed.code == kit.DONE
    log = hunt.bench.klab("bisect", study, "--log")
    assert "10 steps from config a to config b, stage base" in log.out
    assert log.out.endswith(first.out)
    assert "\nup to O6: bad, seed 1, boot " in log.out
    status = hunt.bench.klab("status").out
    assert status.count("\n") == 1
    assert "does not boot, 10 steps from config a to b, stage base, machine " \
        "icount-1cpu: CONFIG_O6=y and CONFIG_O2=y, confirmed (" in status
    boots = hunt.bench.rows("SELECT id, started FROM boot ORDER BY 1")
    lines = path.read_text().splitlines(True)
    assert '"t":"result"' in lines[-1]
    path.write_text("".join(lines[:-1]))
    found = hunt.found(study, "--broken", play="/-bad=panic")
    assert options(found) == [["CONFIG_O6=y"], ["CONFIG_O2=y"]]
    assert hunt.bench.rows("SELECT id, started FROM boot ORDER BY 1") == boots


def test_forgotten_as_a_whole(hunt: Hunt) -> None:
    study = hunt.tree(MANY, {
        "-bad": "defined(CONFIG_O2) && defined(CONFIG_O6)"})
    name = hunt.found(study, "--broken", play="/-bad=panic")["name"]
    assert len(hunt.bench.rows("SELECT * FROM study")) > 4
    assert hunt.bench.klab("gc", "--forget", name).code == kit.DONE
    assert hunt.bench.rows("SELECT * FROM study") == []
    assert hunt.bench.rows("SELECT * FROM boot") == []
    assert list(hunt.bench.lab.glob("bisects/*")) == []


def test_interrupted(hunt: Hunt) -> None:
    """While it looks for what else has to be there; then it goes on, and no boot
    is done twice."""
    study = hunt.tree(MANY, {
        "-bad": "defined(CONFIG_O2) && defined(CONFIG_O6)"})
    events = hunt.bench.events()
    hunt.bench.gate().open(1)
    running = hunt.bench.start(
        "bisect", "-j2", study, "--broken", "--between-configs", "a", "b",
        play="/-bad=panic 300001=gate")
    # What was found and the one before it, then the good config with it.
    fresh = 0
    while fresh < 3:
        fresh += events.next()[1] == 300001
    running.signal(signal.SIGINT)
    ended = running.finish()
    assert ended.code == kit.INTERRUPTED, ended.err
    assert ended.err.count("\nconfirming config 'a' ") == 2
    assert "result" not in [line["t"] for line in hunt.record()]
    before = set(hunt.bench.rows("SELECT id, started FROM boot WHERE state = "
                                 "'ok'"))
    found = hunt.found(study, "--broken", play="/-bad=panic")
    assert options(found) == [["CONFIG_O6=y"], ["CONFIG_O2=y"]]
    assert before and before <= set(
        hunt.bench.rows("SELECT id, started FROM boot"))


def test_ends_that_are_wrong(hunt: Hunt) -> None:
    study = hunt.tree(["O1", "O2"], {"-slow9": "defined(CONFIG_O1)"})

    def refused(*words: str, play: str = "ok", code: int = kit.USER) -> str:
        run = hunt.bench.klab("bisect", study, *words, play=play)
        assert run.code == code, run.err
        return run.one_error()

    def between(*words: str, **how: Any) -> str:
        return refused("--between-configs", *words, **how)

    swapped = between("b", "a", "--metric", METRIC)
    assert "the ends are swapped: hackbench-threads/time is " in swapped
    assert " at config 'b' and " in swapped
    assert "the bad end, config 'a', is not broken so" in between(
        "b", "a", "--broken=panic")
    assert "has no config 'c'; it has a, b" in between("a", "c", "--broken")
    assert "are one config, 'a'" in between("a", "a", "--broken")
    assert "takes no --config; --stage says" in between(
        "a", "b", "--broken", "--config", "a")
    assert "takes no --good" in between("a", "b", "--broken", "--good", "base")
    assert "has no stage 'x'" in between("a", "b", "--broken", "--stage", "x")
    assert "--stage goes with --between-configs" in refused(
        "--broken", "--stage", "base")


def test_bad_end_that_is_not_broken(hunt: Hunt) -> None:
    study = hunt.tree(["O1", "O2"], {})
    run = hunt.bisect(study, "--broken=panic", code=kit.USER)
    assert re.search(r"the bad end, config 'b', is not broken so \(panics\): 3 "
                     r"boots .*on machine 'icount-1cpu'", run.one_error())
    assert "under config" not in run.one_error()


def test_good_end_that_is_broken(hunt: Hunt) -> None:
    study = hunt.tree(["O1", "O2"], {})
    run = hunt.bisect(study, "--broken=panic", play="panic", code=kit.USER)
    assert "the good end, config 'a', is broken as well (panics" \
        in run.one_error()
    assert run.one_error().endswith("compare other configs")


def test_configs_that_are_settled_to_the_same(hunt: Hunt) -> None:
    study = hunt.tree(["O1"], {}, b=["HZ: 100"])
    run = hunt.bisect(study, "--broken", code=kit.USER)
    assert run.one_error() == (
        "klab: config 'a' and config 'b' are settled to the same at stage "
        "'base': there is no option between them")


def test_config_that_does_not_settle(hunt: Hunt) -> None:
    study = hunt.tree(["O1", "O2"], {}, rules="O1 needs O2\n", b=["O1"])
    run = hunt.bisect(study, "--broken", code=kit.USER)
    assert "config 'b': CONFIG_O1" in run.one_error()
    assert hunt.bench.rows("SELECT * FROM boot") == []


def test_configs_that_are_one_kernel(hunt: Hunt) -> None:
    study = hunt.tree([], {}, b=["O1", "O2"])
    run = hunt.bisect(study, "--metric", METRIC, code=kit.USER)
    assert "config 'a' and config 'b' are the same kernel, code for code" \
        in run.one_error()


def test_prebuilt_kernels(bench: kit.Bench) -> None:
    study = bench.study(kernels=["k1", "k2"])
    run = bench.klab("bisect", study, "--broken", "--between-configs", "a", "b")
    assert run.code == kit.USER
    assert "there is no config to change" in run.one_error()
