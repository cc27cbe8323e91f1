"""Boots on a box that klab knows only by ssh, a console and a power command.

The box is a Debian guest of its own (box.py), started by its own GRUB.  After
each test nothing may be left, on this host or on the box (conftest.py).
"""

import json
import signal
from pathlib import Path

import pytest

from conftest import Lab

QUIESCE = "quiesce: {thp: never, aslr: off, smt: off, governor: performance}"
# The kernel is past its initrd then, and knows no disk.
PANIC = "rdinit=/none root=/dev/nonexistent"
HANG = f"{PANIC} rootwait"


@pytest.fixture(scope="session")
def good(session_lab: Lab) -> Path:
    """A good kernel, booted once; the boot's folder."""
    done = session_lab.run("good", QUIESCE)
    assert done.returncode == 0, done.stderr + logs(session_lab)
    folder = session_lab.boot_of("good")
    release = json.loads((folder / "spec.json").read_text())["kernel"]["release"]
    session_lab.kept = {"klab", release, f"config-{release}"}
    return folder


def logs(lab: Lab) -> str:
    """All metal.log there is, for a message."""
    return "".join(p.read_text() for p in lab.folder.rglob("metal.log"))


def last_line(folder: Path) -> str:
    """What metal.log ends with."""
    return (folder / "metal.log").read_text().splitlines()[-1]


def facts_of(folder: Path) -> dict:
    """facts.json."""
    return json.loads((folder / "facts.json").read_text())


def test_good_kernel_is_measured(lab, good):
    samples = lab.rows("SELECT s.metric, s.value FROM sample s JOIN cell c "
                       "ON c.boot = s.boot WHERE c.machine = 'good'")
    assert dict(samples)["time"] > 0
    facts = facts_of(good)
    release = json.loads((good / "spec.json").read_text())["kernel"]["release"]
    assert facts["ended"] == "agent"
    assert facts["banner"].startswith(f"Linux version {release} ")
    assert "klab.boot=1" in facts["cmdline"].split()
    assert facts["home"].startswith("6.1.")
    for key in ("cpu_model", "memory", "clocksource", "firmware"):
        assert facts[key], key
    assert any(m.startswith("spectre_v2: ") for m in facts["mitigations"])


def test_settings_are_made_and_restored(lab, good):
    facts = facts_of(good)
    made = {line.split()[0].rsplit("/", 1)[-1]: line.split()[1:]
            for line in facts["set"]}
    assert made["randomize_va_space"] == ["2", "0"]
    assert made["control"] == ["on", "off"]
    assert facts["aslr"] == "0" and facts["cpus"] == "0"
    assert facts["absent"] == ["governor"]
    assert len(facts["restored"]) == len(facts["set"])


def test_console_is_the_kernels_own(lab, good):
    text = (good / "console.log").read_text(errors="replace")
    assert text.count("Linux version 6.12") == 1
    assert "Linux version 6.1." not in text


def test_early_panic(lab, good):
    done = lab.run("panics", f"append: {PANIC}")
    assert done.returncode == 3, done.stderr + logs(lab)
    assert lab.rows("SELECT b.outcome, f.kind FROM cell c JOIN boot b ON "
                    "b.id = c.boot JOIN finding f ON f.boot = b.id AND "
                    "f.is_consequence = 0 WHERE c.machine = 'panics'") \
        == [("panic", "no-root")]
    assert facts_of(lab.boot_of("panics"))["ended"] == "reboot"


def test_hang(lab, good):
    done = lab.run("hangs", f"append: {HANG}")
    assert done.returncode == 3, done.stderr + logs(lab)
    assert lab.rows("SELECT b.outcome FROM cell c JOIN boot b ON b.id = c.boot "
                    "WHERE c.machine = 'hangs'") == [("hang",)]
    folder = lab.boot_of("hangs")
    log = (folder / "metal.log").read_text()
    assert "the kernel is there already" in log
    assert "sysrq: " in (folder / "stacks.txt").read_text(errors="replace")
    assert "power cycle" in log
    assert last_line(folder).endswith(facts_of(folder)["home"])


def test_started_once_by_grub(lab, good):
    folder = lab.flight("grub", good, {}, {"start": "grub-reboot"})
    assert lab.boot(folder) == (0, "")
    assert facts_of(folder)["ended"] == "agent"
    console = (folder / "console.log").read_text(errors="replace")
    assert "Linux version 6.12" in console
    assert "Linux version 6.1." not in console
    assert "a klab that is gone" not in (folder / "metal.log").read_text()


def test_panic_in_the_middle(lab, good):
    folder = lab.flight("dies", good, {}, {})
    code, err = lab.boot(folder, lambda: lab.box.ssh(
        "setsid sh -c 'sleep 0.5; echo c >/proc/sysrq-trigger' "
        "</dev/null >/dev/null 2>&1 &"))
    assert (code, err) == (0, "")
    assert facts_of(folder)["ended"] == "reboot"
    assert "Kernel panic" in (folder / "console.log").read_text(errors="replace")


def test_box_restarts_on_its_own(lab, good):
    folder = lab.flight("restarts", good, {}, {})
    code, err = lab.boot(folder, lambda: lab.box.power())
    assert code == 4
    assert "restarted on its own" in err and "restarted on its own" in \
        last_line(folder)


def test_power_command_fails(lab, good):
    folder = lab.flight("powerless", good,
                        {"power_cycle": "echo no route to the PDU >&2; false",
                         "console_break": None}, {"append": HANG})
    code, err = lab.boot(folder)
    assert code == 4
    assert "needs hands" in err and "no route to the PDU" in err
    assert "needs hands" in last_line(folder)
    lab.box.power()
    lab.box.wait_up()
    lab.box.ssh("rm -r /var/lib/klab/lock")


def test_no_power_command(lab, good):
    folder = lab.flight("unplugged", good, {"power_cycle": None},
                        {"append": HANG})
    # BREAK and sysrq b over the console is what is left, and enough.
    assert lab.boot(folder) == (0, "")
    assert facts_of(folder)["ended"] == "hang"


def test_interrupted(lab, good):
    folder = lab.flight("interrupted", good, {}, {})
    process = lab.start(folder)
    lab.wait_for(folder, "loading the kernel", process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=900)
    assert process.returncode == 4
    assert "asked to stop" in err


def test_box_in_use(lab, good):
    lab.box.ssh("mkdir -p /var/lib/klab/lock; cd /var/lib/klab/lock; "
                "echo other 1 >owner; echo $(($(date +%s) + 999)) >expires")
    folder = lab.flight("busy", good, {}, {})
    code, err = lab.boot(folder)
    lab.box.ssh("rm -r /var/lib/klab/lock")
    assert code == 4
    assert "in use by klab on other 1" in err


@pytest.mark.parametrize("host, words", [
    ({"ssh_port": 1}, "ssh to 'root@127.0.0.1' fails"),
    ({"console": "echo no such console; false"}, "no such console"),
    ({"ssh_known_hosts": "/dev/null"}, "verification failed"),
])
def test_box_that_cannot_be_reached(lab, good, host, words):
    name = next(iter(host))
    folder = lab.flight(f"unreachable-{name}", good,
                        {"boot_timeout_s": 2, "power_cycle": "true", **host}, {})
    code, err = lab.boot(folder)
    assert code == 4
    assert words in err


def test_ssh_stalls_in_the_middle(lab, good):
    folder = lab.flight("stalls", good, {"boot_timeout_s": 30,
                                         "ssh_timeout_s": 20}, {})

    def cut():
        lab.box.proxy.cut = True

    code, err = lab.boot(folder, cut)
    assert code == 4
    assert "does not answer by ssh" in err
    assert "its console answers" in (folder / "metal.log").read_text()
    # The network is mended: the next boot clears up and works; it also keeps
    # nothing of the kernel's on the box, as it is not to.
    lab.box.proxy.cut = False
    lab.box.wait_up()
    again = lab.flight("mended", good, {"keep": False}, {"append": PANIC})
    assert lab.boot(again) == (0, "")
    assert "a klab that is gone" in (again / "metal.log").read_text()
    lab.kept = set()
