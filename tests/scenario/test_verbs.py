"""What each verb does in a lab that is well, and in one that is damaged."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

import kit


# ---- plan ----

def test_plan_changes_nothing(bench: kit.Bench) -> None:
    study = bench.study(boots=3, kernels=["k1", "k2"],
                        machines=["icount-1cpu", "icount-2cpu"],
                        workloads=["hackbench-threads", "cyclictest"])
    before = bench.tree()
    for words in (["plan", study], ["plan", "--json", study],
                  ["run", "--dry-run", study], ["run", "-n", study]):
        result = bench.klab(*words)
        assert result.code == kit.DONE
    assert bench.tree() == before
    assert not bench.lab.exists()


def test_plan(bench: kit.Bench) -> None:
    study = bench.study(boots=3, kernels=["k1", "k2"],
                        machines=["icount-1cpu", "icount-2cpu"],
                        more="compare: { baseline: k2 }\n")
    text = bench.klab("plan", study).out
    assert ("12 boots (2 stages x 1 configs x 2 machines x 1 workloads x 3 "
            "seeds), 0 done") in text
    assert re.search(r"  1  k2 .*\[baseline\]", text)
    plan = json.loads(bench.klab("plan", "--json", study).out)
    assert plan["boots"] == 12 and plan["done"] == 0
    assert plan["estimate_is_guess"] is True
    assert [stage["name"] for stage in plan["stages"]] == ["k1", "k2"]
    bench.klab("run", study, play="2=die")
    plan = json.loads(bench.klab("plan", "--json", study).out)
    assert plan["done"] == 8 and plan["estimate_is_guess"] is False


# ---- machines ----

def test_old_qemu_falls_back_to_one_cpu(bench: kit.Bench) -> None:
    study = bench.study(boots=2, machines=["icount-2cpu"])
    plan = bench.klab("plan", study, env={"FAKE_QEMU_VERSION": "7.2.0"})
    assert plan.err.splitlines()[0].endswith("'icount-1cpu' takes its place")
    assert "icount-1cpu" in plan.out and "icount-2cpu" not in plan.out
    result = bench.klab("run", study, env={"FAKE_QEMU_VERSION": "7.2.0"})
    assert result.code == kit.DONE
    note = result.err.splitlines()[0]
    assert "needs QEMU >= 8.1" in note.replace("need QEMU", "needs QEMU")
    assert "this is 7.2.0" in note
    assert note.endswith("'icount-1cpu' takes its place")
    assert bench.rows("SELECT DISTINCT machine FROM cell") == [
        ("icount-1cpu",)]
    assert bench.outcomes() == {1: "ok", 2: "ok"}
    folder = bench.lab / "boots" / bench.boot(1)["id"]
    print_ = json.loads((folder / "fingerprint.json").read_text())
    assert print_["qemu"]["version"].startswith("7.2.0")
    assert " -smp 1 " in print_["qemu"]["command"]


def test_fallback_that_is_there_already(bench: kit.Bench) -> None:
    study = bench.study(machines=["icount-1cpu", "icount-2cpu",
                                  "icount-4cpu"])
    result = bench.klab("run", study, env={"FAKE_QEMU_VERSION": "8.0.5"})
    assert result.code == kit.DONE
    assert result.err.count("takes its place") == 2
    assert "1 of 1 boots done" in result.err


def test_no_fallback(bench: kit.Bench) -> None:
    """The machine's boots are left out, the others are done."""
    two = bench.machine("two", vcpus=2)
    study = bench.study(boots=2, machines=[two, "icount-1cpu"])
    result = bench.klab("run", study, env={"FAKE_QEMU_VERSION": "8.0.5"})
    assert result.code == kit.LAB
    assert "machine 'two' has 2 vCPUs" in result.one_error()
    assert bench.outcomes() == {1: "ok", 2: "ok"}
    assert "2 have no kernel, machine or program" in result.err


@pytest.mark.parametrize("version", ["8.1.0", "9.0.0", "10.0.2", "11.0.50"])
def test_new_qemu(bench: kit.Bench, version: str) -> None:
    study = bench.study(machines=["icount-4cpu"])
    result = bench.klab("run", study, env={"FAKE_QEMU_VERSION": version})
    assert result.code == kit.DONE
    assert bench.rows("SELECT DISTINCT machine FROM cell") == [
        ("icount-4cpu",)]


@pytest.mark.parametrize("qemu", ["/nonexistent/qemu", "/bin/true",
                                  "/bin/false", "/bin/cat", "/etc/passwd"])
def test_qemu_is_none(bench: kit.Bench, qemu: str) -> None:
    result = bench.klab("run", bench.study(), env={"KLAB_QEMU": qemu})
    assert result.code == kit.LAB
    assert result.one_error() == (f"klab: '{qemu} --version' does not answer "
                                  "like QEMU: install QEMU (make setup)")


@pytest.mark.parametrize("name", ["./fake", "../fake", "fake"])
def test_qemu_where_klab_is(bench: kit.Bench, name: str) -> None:
    """A path is taken from klab's folder, a word from PATH."""
    (bench.dir / "here").mkdir()
    (bench.dir / "fake").symlink_to(kit.BUILD / "fake_qemu")
    (bench.dir / "here/fake").symlink_to(kit.BUILD / "fake_qemu")
    env = {"KLAB_QEMU": name, "PATH": f"{bench.dir}:{os.environ['PATH']}"}
    result = bench.klab("run", bench.study(), env=env, cwd=bench.dir / "here")
    assert result.code == kit.DONE, result.err


def test_metronome_of_a_study(bench: kit.Bench) -> None:
    """A boot's identity holds what it depends on, and not more."""
    fast = bench.machine("fast", vcpus=2, metronome_us=5)
    study = bench.study(machines=["icount-2cpu", fast])
    assert bench.klab("run", study).code == kit.DONE
    assert len(bench.outcomes()) == 1 and bench.rows(
        "SELECT count(*) FROM boot") == [(2,)]


# ---- status ----

def test_status(bench: kit.Bench) -> None:
    bench.klab("run", bench.study("one", boots=2))
    bench.klab("run", bench.study("two", boots=3), play="2=panic 3=die")
    # The second study shares two boots with the first one.
    assert bench.rows("SELECT count(*) FROM boot") == [(3,)]
    bench.klab("run", bench.study("three", boots=2, kernels=["k3"]),
               play="1=panic 2=die")
    text = bench.klab("status").out
    assert "one: 2 of 2 boots done; complete" in text
    assert "three: 1 of 2 boots done, 1 bad, 1 failed in the lab" in text
    assert "'klab run' goes on with it" in text
    found = {study["study"]: study for study in
             json.loads(bench.klab("status", "--json").out)}
    assert set(found) == {"one", "two", "three"}
    assert found["three"]["bad"] == 1 and found["three"]["lab"] == 1
    assert found["three"]["todo"] == 1
    alone = json.loads(bench.klab("status", "--json", "one").out)
    assert [study["study"] for study in alone] == ["one"]
    # A file names its study, too.
    assert bench.klab("status", bench.dir / "one.yaml").out.startswith("one:")


# ---- shared boots ----

def test_boots_are_shared(bench: kit.Bench) -> None:
    """The same kernel under two names, the same workload under two labels, and
    another study: one boot each."""
    bench.kernel("k1", "6.1.0-same")
    bench.kernel("k2", "6.1.0-same")
    study = bench.study(boots=2, kernels=["k1", "k2"], workloads=[
        "hackbench-threads", "hackbench-threads: { as: again }",
        "hackbench-threads: { mode: -Tp, as: default }"])
    result = bench.klab("run", study)
    assert result.code == kit.DONE
    assert "2 of 2 boots done" in result.err
    assert bench.rows("SELECT count(*), count(DISTINCT boot) FROM cell") == [
        (12, 2)]
    events = bench.events()
    assert bench.klab("run", bench.study("other", boots=3)).code == kit.DONE
    assert events.next()[1] == 3


def test_changed_study_leaves_no_stale_cells(bench: kit.Bench) -> None:
    bench.klab("run", bench.study(boots=3, kernels=["k1", "k2"]))
    assert bench.klab("run", bench.study(boots=2)).code == kit.DONE
    assert bench.rows("SELECT count(*) FROM cell") == [(2,)]
    assert bench.rows("SELECT count(*) FROM stage") == [(1,)]
    # The boots stay: the study may grow again.
    assert bench.rows("SELECT count(*) FROM boot") == [(6,)]


def test_selected_stages(bench: kit.Bench) -> None:
    names = [f"k{i}" for i in range(5)]
    bench.klab("run", bench.study(kernels=names,
                                  more="stages: { every: 3 }\n"))
    assert bench.rows("SELECT idx, name FROM stage ORDER BY idx") == [
        (0, "k0"), (3, "k3"), (4, "k4")]
    bench.klab("run", bench.study(kernels=names, more="stages: [3, 1, 3]\n"))
    assert bench.rows("SELECT idx, name FROM stage ORDER BY idx") == [
        (1, "k1"), (3, "k3")]


# ---- gc ----

def lost(bench: kit.Bench, before: dict[str, bytes]) -> set[str]:
    """Names of files that are not there any more, the database left out."""
    return {name for name in before.keys() - bench.tree().keys()
            if "lab.db" not in name}


def test_gc_keeps_what_is_used(bench: kit.Bench) -> None:
    bench.klab("run", bench.study("one", boots=2))
    bench.klab("run", bench.study("two", kernels=["k1", "k2"],
                                  workloads=["cyclictest"]))
    before = bench.tree()
    result = bench.klab("gc")
    assert result.code == kit.DONE and result.out == ""
    assert lost(bench, before) == set()
    assert bench.rows("SELECT count(*) FROM boot") == [(4,)]


def test_gc_drops_what_is_not_used(bench: kit.Bench) -> None:
    bench.klab("run", bench.study("one", boots=2))
    bench.klab("run", bench.study("two", kernels=["k1", "k2"],
                                  workloads=["cyclictest"]))
    two = {boot for boot, in bench.rows(
        "SELECT boot FROM cell c JOIN study s ON s.id = c.study "
        "WHERE s.name = 'two'")}
    key, = bench.rows("SELECT kernel_key FROM variant WHERE stage = 1")[0]
    (bench.lab / "reports/two/index.html").write_text("x")
    (bench.lab / "reports/one/index.html").write_text("x")
    (bench.lab / "kernels/.new.abc").mkdir()
    (bench.lab / "kernels/.new.abc/image").write_text("half")
    before = bench.tree()

    dry = bench.klab("gc", "--dry-run", "--forget=two")
    assert bench.tree() == before
    result = bench.klab("gc", "--forget=two")
    assert result.code == kit.DONE
    assert dry.out.replace("would remove", "removed") == result.out
    assert json.loads(bench.klab("gc", "--json").out)["removed"] == []
    gone = lost(bench, before)
    assert {name.split("/")[2] for name in gone
            if name.startswith("lab/boots/")} == two
    assert {name.split("/")[2] for name in gone
            if name.startswith("lab/kernels/")} == {key, ".new.abc"}
    assert {name for name in gone if name.startswith("lab/reports/")} == {
        "lab/reports/two/index.html"}
    # cyclictest's archive went, hackbench's did not.
    assert len({name for name in gone
                if name.startswith("lab/initramfs/")}) == 2
    assert bench.rows("SELECT DISTINCT state FROM boot") == [("ok",)]
    assert bench.rows("SELECT count(*) FROM boot") == [(2,)]
    assert bench.rows("SELECT count(*) FROM sample "
                      "WHERE boot NOT IN (SELECT id FROM boot)") == [(0,)]
    assert bench.klab("run", bench.dir / "one.yaml").code == kit.DONE
    # And it comes back.
    assert bench.klab("run", bench.dir / "two.yaml").code == kit.DONE
    assert bench.rows("SELECT count(*) FROM boot") == [(4,)]


def test_gc_follows_no_link(bench: kit.Bench) -> None:
    bench.klab("run", bench.study())
    precious = bench.dir / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    (bench.lab / "boots/link").symlink_to(precious)
    assert bench.klab("gc").code == kit.DONE
    assert (precious / "file").exists()
    assert not (bench.lab / "boots/link").is_symlink()


# ---- reproduce ----

def test_reproduce(bench: kit.Bench) -> None:
    bench.klab("run", bench.study(workloads=["cyclictest: {load: hackbench}"],
                                  machines=["icount-2cpu"]))
    boot = bench.boot(1)["id"]
    before = bench.tree()
    result = bench.klab("reproduce", "--times=5", boot[:6])
    assert result.code == kit.DONE
    assert result.out == (f"boot {boot}: equal in 5 of 5 repeats: every "
                          "sample, frame and console byte\n")
    found = json.loads(bench.klab("reproduce", "--json", boot).out)
    assert found["equal"] == 1 and found["different"] == 0
    assert lost(bench, before) == set() and bench.flights() == []
    assert bench.klab("reproduce", "-n", boot).code == kit.DONE


def test_reproduce_differs(bench: kit.Bench) -> None:
    bench.klab("run", bench.study())
    boot = bench.boot(1)["id"]
    path = bench.lab / "boots" / boot / "results.jsonl"
    path.write_text(path.read_text().replace('"minflt":99', '"minflt":98'))
    result = bench.klab("reproduce", boot)
    assert result.code == kit.CHANGED
    assert f"boot {boot}: 0 equal, 1 different, 0 failed" in result.out
    assert "results.jsonl differs from line 5 on" in result.out


def test_reproduce_fails(bench: kit.Bench) -> None:
    bench.klab("run", bench.study())
    boot = bench.boot(1)["id"]
    result = bench.klab("reproduce", "--times=3", "-j1", boot, play="die")
    assert result.code == kit.LAB
    assert "0 equal, 0 different, 1 failed" in result.out
    assert "could not set up host memory" in result.out
    # A guest that fails is a result, and not the same one.
    result = bench.klab("reproduce", boot, play="panic")
    assert result.code == kit.CHANGED


@pytest.mark.parametrize("damage", ["not JSON", "{}", "[]", '{"version": 2}'])
def test_reproduce_damaged_spec(bench: kit.Bench, damage: str) -> None:
    bench.klab("run", bench.study())
    boot = bench.boot(1)["id"]
    (bench.lab / "boots" / boot / "spec.json").write_text(damage)
    result = bench.klab("reproduce", boot)
    assert result.code == kit.LAB
    assert "spec" in result.one_error()


def test_reproduce_without_kernel(bench: kit.Bench) -> None:
    bench.klab("run", bench.study())
    for path in bench.lab.glob("kernels/*/bzImage"):
        path.unlink()
    result = bench.klab("reproduce", bench.boot(1)["id"])
    assert result.code == kit.LAB
    assert "not in the store any more" in result.out


def test_reproduce_script(bench: kit.Bench) -> None:
    """The script in the folder of a boot works without klab."""
    bench.klab("run", bench.study())
    boot = bench.lab / "boots" / bench.boot(1)["id"]
    tools = bench.dir / "bin"
    tools.mkdir()
    (tools / "qemu-system-x86_64").symlink_to(kit.BUILD / "fake_qemu")
    done = subprocess.run([boot / "reproduce.sh"], text=True,
                          capture_output=True, check=False,
                          env={"PATH": f"{tools}:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stderr
    assert done.stdout == "equal: every frame and the console\n"
    console = boot / "console.log"
    console.write_text(console.read_text() + "x")
    done = subprocess.run([boot / "reproduce.sh"], text=True,
                          capture_output=True, check=False,
                          env={"PATH": f"{tools}:{os.environ['PATH']}"})
    assert done.returncode == 1


# ---- what a boot leaves ----

def test_boot_folder(bench: kit.Bench) -> None:
    bench.klab("run", bench.study())
    boot = bench.boot(1)
    folder = bench.lab / "boots" / boot["id"]
    assert {path.name for path in folder.iterdir()} == {
        "spec.json", "job.cpio", "console.log", "results.jsonl", "facts.json",
        "fingerprint.json", "reproduce.sh"}
    found = json.loads((folder / "fingerprint.json").read_text())
    assert found == json.loads(boot["fingerprint"])
    assert found["boot"] == boot["id"]
    assert found["kernel"]["release"] == "6.1.0-k1"
    assert re.fullmatch(r"[0-9a-f]{64}", found["initramfs"]["agent"])
    assert found["initramfs"]["packages"][0].startswith("rt-tests ")
    for rule in ("-icount shift=0,sleep=off", "-seed 1", "-nic none",
                 "clock=vm", "nokaslr", "hpet=disable"):
        assert rule in found["qemu"]["command"]
    kinds = [json.loads(line)["t"] for line in
             (folder / "results.jsonl").read_text().splitlines()]
    assert kinds == ["hello", "start", "out", "out", "end", "bye"]


ODD_NAMES = ["with space", "com,ma,,s", "quo'te\"s", "-dash", "umlaut-ä",
             "a=b;c", "%s%n", "line\nfeed"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_folder_names(bench: kit.Bench, name: str) -> None:
    place = bench.dir / name
    place.mkdir()
    study = bench.study()
    result = bench.klab("run", study, lab=place / "lab")
    assert result.code == kit.DONE, result.err
    bench.dir = place
    boot = bench.boot(1)
    assert boot["outcome"] == "ok"
    tools = place / "bin"
    tools.mkdir()
    (tools / "qemu-system-x86_64").symlink_to(kit.BUILD / "fake_qemu")
    done = subprocess.run(
        [place / "lab/boots" / boot["id"] / "reproduce.sh"], text=True,
        capture_output=True, check=False,
        env={"PATH": f"/usr/bin:/bin", "LAB": ""} | {
            "PATH": f"{tools}:{os.environ['PATH']}" if ":" not in name
            else os.environ["PATH"]})
    assert done.returncode == 0, done.stderr


def test_folder_name_that_is_no_text(bench: kit.Bench) -> None:
    """Records are UTF-8, and hold paths."""
    place = Path(os.fsdecode(os.fsencode(bench.dir) + b"/latin-\xe9"))
    place.mkdir()
    study = bench.study()
    result = bench.klab("run", study, lab=place)
    assert result.code == kit.USER
    assert "is not UTF-8" in result.one_error()
    study.rename(place / "s.yaml")
    for verb in ("plan", "run"):
        result = bench.klab(verb, place / "s.yaml")
        assert result.code == kit.USER
        assert "is not UTF-8" in result.one_error()


@pytest.mark.parametrize("damage", [b"", b"no database\n" * 1000])
def test_database_is_damaged(bench: kit.Bench, damage: bytes) -> None:
    study = bench.study()
    bench.lab.mkdir()
    (bench.lab / "lab.db").write_bytes(damage)
    for verb in ("status", "run", "gc"):
        words = [verb, study] if verb == "run" else [verb]
        result = bench.klab(*words)
        if damage:
            assert result.code == kit.LAB
            assert "lab.db': file is not a database" in result.one_error()
        elif verb == "status":
            # What a klab leaves that was killed at its very first start.
            assert result.code == kit.USER
            assert "is no lab yet" in result.one_error()
        else:
            assert result.code == kit.DONE


def test_database_is_damaged_inside(bench: kit.Bench) -> None:
    study = bench.study()
    assert bench.klab("run", study).code == kit.DONE
    bench.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    path = bench.lab / "lab.db"
    data = bytearray(path.read_bytes())
    for at in range(4096, len(data), 4096):
        data[at:at + 100] = b"\xa5" * 100
    path.write_bytes(data)
    for words in (["status"], ["run", study], ["gc"], ["plan", study]):
        result = bench.klab(*words)
        assert result.code == kit.LAB
        assert "lab.db': database disk image is malformed" \
            in result.one_error()


def test_database_of_a_newer_klab(bench: kit.Bench) -> None:
    study = bench.study()
    bench.klab("run", study)
    bench.rows("PRAGMA user_version = 99")
    for words in (["run", study], ["status"], ["gc"], ["compare", "s"]):
        result = bench.klab(*words)
        assert result.code == kit.LAB
        assert "was written by a newer klab" in result.one_error()


def test_lab_is_a_file(bench: kit.Bench) -> None:
    bench.lab.write_text("x")
    result = bench.klab("run", bench.study())
    assert result.code == kit.LAB
    assert "Not a directory" in result.one_error()


def test_klab_is_not_at_home(bench: kit.Bench) -> None:
    result = bench.klab("run", bench.study(), env={"KLAB_HOME": "/tmp"})
    assert result.code == kit.LAB
    assert "set KLAB_HOME" in result.one_error()


# ---- doctor ----

def test_doctor(bench: kit.Bench) -> None:
    """The probe guest does not run; all else is told all the same."""
    for version, smp in (("10.0.2", "ok"), ("7.2.0", "not usable")):
        env = {"FAKE_QEMU_VERSION": version, "FAKE_QEMU_KVM": "dead",
               "KLAB_PYTHON": "/usr/bin/python3"}
        result = bench.klab("doctor", "--json", env=env)
        assert result.code == kit.LAB
        found = {check["check"]: check for check in json.loads(result.out)}
        assert found["QEMU"]["result"] == "ok"
        assert found["exact clock"]["result"] == "MISSING"
        assert found["exact clock, SMP"]["result"] == smp
        assert found["python"]["result"] == "ok"
    result = bench.klab("doctor", env={"KLAB_QEMU": "/nonexistent",
                                       "KLAB_PYTHON": "/bin/false"})
    assert result.code == kit.LAB
    assert re.search(r"^MISSING +QEMU .*install QEMU", result.out, re.M)
    assert re.search(r"^MISSING +python .*python3-pandas", result.out, re.M)
    assert not bench.lab.exists()


# ---- what the analysis is told ----

def fake_python(bench: kit.Bench, text: str) -> dict[str, str]:
    """An environment in which text is what klab calls python3, unless it asks
    which boots come next."""
    path = bench.write("python", "#!/bin/sh\n"
                       f'[ "$3" != next ] || exec {kit.NO_ANALYSIS} "$@"\n'
                       + text)
    path.chmod(0o755)
    return {"KLAB_PYTHON": str(path)}


@pytest.mark.parametrize("verb, code, expected", [
    ("compare", 1, kit.CHANGED), ("compare", 4, kit.LAB),
    ("report", 4, kit.LAB), ("report", 0, kit.DONE),
    ("compare", 77, kit.LAB), ("report", 77, kit.LAB)])
def test_run_ends_as_the_analysis_does(bench: kit.Bench, verb: str, code: int,
                                       expected: int) -> None:
    env = fake_python(bench, f'[ "$3" != {verb} ] || exit {code}\n')
    assert bench.klab("run", bench.study(), env=env).code == expected


def test_lab_failure_outranks_verdict(bench: kit.Bench) -> None:
    env = fake_python(bench, "exit 1\n")
    study = bench.study(boots=2)
    assert bench.klab("run", study, env=env, play="2=die").code == kit.LAB
    assert bench.klab("run", study, env=env, play="2=panic").code == kit.KERNEL
    env = fake_python(bench, "exit 4\n")
    assert bench.klab("run", study, env=env).code == kit.LAB


@pytest.mark.parametrize("death", ["kill -9 $$", "exit 127"])
def test_analysis_dies(bench: kit.Bench, death: str) -> None:
    bench.klab("run", bench.study())
    env = fake_python(bench, death + "\n")
    for verb in ("compare", "report"):
        result = bench.klab(verb, "s", env=env)
        assert result.code == kit.LAB
        assert "the analysis ended with" in result.one_error()
