"""klab bisect --between-configs: what it says is what was measured, and what
cannot be told is not told as something else."""

from __future__ import annotations

import math

import pytest

import fake_tree
import kit
from shop import Shop
from test_bisect_configs import MANY, METRIC, Hunt, options

ADD_UP = {"-slow9": "defined(CONFIG_O4) && !defined(CONFIG_O8)",
          "-slow18": "defined(CONFIG_O4) && defined(CONFIG_O8)",
          "-slow8": "!defined(CONFIG_O4) && defined(CONFIG_O8)"}
PAIR = {"-bad": "defined(CONFIG_O2) && defined(CONFIG_O6)"}


@pytest.fixture
def hunt(shop: Shop) -> Hunt:
    return Hunt(shop)


def breaks(when: str) -> dict[str, str]:
    """A file that does not compile then."""
    return {"mm/slub.c": f"{fake_tree.SLUB_C}#if {when}\n#error no\n#endif\n"}


@pytest.mark.parametrize("names", [MANY, ["O4", "O8"]])
def test_share_of_two_that_add_up(hunt: Hunt, names: list[str]) -> None:
    """It is that of what the ends differ by, not of a step that is none."""
    result = hunt.found(hunt.tree(names, ADD_UP), "--metric", METRIC)
    assert result["verdict"] == "no-step"
    whole = math.log1p(result["effect"]["change"])
    assert result["together"]["share"] == pytest.approx(1, abs=0.02)
    for part in result["options"]:
        assert part["alone"]["share"] == pytest.approx(
            math.log1p(part["alone"]["change"]) / whole, abs=0.01)


def test_what_cannot_be_tested_alone(hunt: Hunt) -> None:
    """It is found, and nothing else is looked for: what it does alone is not
    known."""
    study = hunt.tree(MANY, {
        "-bad": "defined(CONFIG_O7)",
        "-alone": "defined(CONFIG_O7) && !defined(CONFIG_O6)"})
    run = hunt.bisect(study, "--broken=panic",
                      play="/-alone=exit /-bad=panic")
    assert run.out.startswith("option CONFIG_O7=y\n"), run.out
    assert "\nalone upon the good config: cannot be tested: " in run.out
    assert "what else has to be there" not in run.err
    result = hunt.record()[-1]
    assert "enough" not in result and result["without"]["confirmed"]


def test_what_does_not_build_alone(hunt: Hunt) -> None:
    study = hunt.tree(MANY, {"-bad": "defined(CONFIG_O7)"}, more=breaks(
        "defined(CONFIG_O7) && !defined(CONFIG_O6)"))
    run = hunt.bisect(study, "--broken=panic", play="/-bad=panic")
    assert run.out.startswith("option CONFIG_O7=y\n"), run.out
    assert "\nalone upon the good config: cannot be tested: " in run.out
    assert "what else has to be there" not in run.err


@pytest.mark.parametrize("words", [["--again"], []])
def test_parts_are_put_aside_at_once(hunt: Hunt, words: list[str]) -> None:
    """Whatever becomes of the search that begins anew, the old answers do not
    go into it."""
    study = hunt.tree(MANY, PAIR)
    name = hunt.found(study, "--broken=panic", play="/-bad=panic")["name"]
    parts = [path for path in hunt.bench.lab.glob("bisects/*/log.jsonl")
             if path.parent.name != name]
    assert parts
    code = hunt.bench.dir / "tree/mm/slub.h"
    code.write_text(code.read_text().replace('"-bad"', '"-mad"'))
    fake_tree.subprocess.run(
        ["git", "-C", code.parent, "commit", "-qam", "other"], check=True,
        env=kit.os.environ | fake_tree.IDENTITY)
    hunt.bisect(study, "--broken=panic", *words, play="/-bad=panic",
                code=kit.USER)
    assert [path for path in parts if path.exists()] == []
    assert all((path.parent / "log.1.jsonl").exists() for path in parts)


def test_range_is_no_dependency(hunt: Hunt) -> None:
    """Between two options nothing builds: it is one of them."""
    study = hunt.tree(MANY, {"-bad": "defined(CONFIG_O7)"}, more=breaks(
        "defined(CONFIG_O7) && !defined(CONFIG_O8)"))
    run = hunt.bisect(study, "--broken=panic", play="/-bad=panic")
    assert run.out.startswith(
        "option CONFIG_O7=y, CONFIG_O8=y (one of these: nothing between them "
        "can be tested)\n"), run.out
    assert hunt.record()[-1]["options"][0]["as"] == "range"


def test_group_that_is_not_told_apart(hunt: Hunt) -> None:
    """Each option of a group does a half of it."""
    many = [f"O{i}" for i in range(1, 61)]
    study = hunt.tree(["O32", "O33"], {
        "-slow9": "defined(CONFIG_O33) && !defined(CONFIG_O32)",
        "-slow18": "defined(CONFIG_O33) && defined(CONFIG_O32)",
        "-slow8": "!defined(CONFIG_O33) && defined(CONFIG_O32)"}, b=many)
    run = hunt.bisect(study, "--metric", METRIC)
    one, = (part for part in hunt.record()[-1]["options"]
            if "CONFIG_O33=y" in part["lines"])
    assert one["as"] == "group" and "CONFIG_O32=y" in one["lines"]
    assert "(not told apart)\n" in run.out
    assert "by Kconfig's dependencies" not in run.out


def test_builds_are_no_boots(hunt: Hunt) -> None:
    study = hunt.tree(MANY, {}, more=breaks(
        "defined(CONFIG_O2) && defined(CONFIG_O6)"))
    run = hunt.bisect(study, "--broken=build")
    assert run.out.startswith("options CONFIG_O6=y and CONFIG_O2=y\n"), run.out
    assert ("\nalone upon the good config: does not build\n"
            "  CONFIG_O6=y: builds\n  CONFIG_O2=y: builds\n"
            "the bad end without it builds\n") in run.out


def test_many_that_add_up(hunt: Hunt) -> None:
    """No step of many is divided where half of the difference is."""
    study = hunt.tree(MANY, {
        f"-slow{3 * n}": "(" + "+".join(f"defined(CONFIG_{o})" for o in MANY)
        + f") == {n}" for n in range(1, 11)})
    run = hunt.bisect(study, "--metric", METRIC)
    result = hunt.found(study, "--metric", METRIC)
    assert len(options(result)) > 1, run.out + run.err
    assert {line for part in options(result) for line in part} \
        <= {f"CONFIG_{o}=y" for o in MANY}
    assert "probability: " not in run.out and "first: " not in run.out


def test_cost_is_that_of_all_parts(hunt: Hunt) -> None:
    result = hunt.found(hunt.tree(MANY, PAIR), "--broken",
                        play="/-bad=panic")
    boots = hunt.bench.rows("SELECT count(*) FROM boot")[0][0]
    fresh = hunt.bench.rows(
        "SELECT count(*) FROM boot WHERE seed > 300000")[0][0]
    assert (result["boots"], result["fresh_boots"]) == (boots - fresh, fresh)
    assert result["kernels"] == len(list(
        hunt.bench.lab.glob("kernels/*/manifest.json")))


def test_kill_leaves_no_config_behind(hunt: Hunt) -> None:
    study = hunt.tree(MANY, {"-bad": "defined(CONFIG_O7)"})
    events = hunt.bench.events()
    for _ in range(2):
        running = hunt.bench.start("bisect", study, "--broken",
                                   "--between-configs", "a", "b", play="hang")
        events.next()
        running.process.kill()
        running.finish()
    assert hunt.bench.klab("gc").code == kit.DONE
    lab = hunt.bench.lab
    assert [*lab.glob(".config*"), *lab.glob("flight/config*")] == []


def test_log_names_the_kernels(hunt: Hunt) -> None:
    study = hunt.tree(MANY, PAIR)
    hunt.found(study, "--broken", play="/-bad=panic")
    log = hunt.bench.klab("bisect", study, "--log").out
    assert "\nconfig 'a': good, seed 1, boot " in log
    assert "\nconfig 'b': bad, seed 1, boot " in log
    assert "\nup to O6: bad, seed 300001, boot " in log
    assert "\nconfig 'b' without it: good, seed 30" in log
    assert "up to config" not in log and "up to a:" not in log
