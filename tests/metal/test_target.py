"""The settings that runner/metal/target.sh makes on a box, on a folder that
looks like /sys and /proc of a machine with what the box in QEMU has not."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT

SCRIPT = ROOT / "runner" / "metal" / "target.sh"


class Fake:
    """Such a folder."""

    def __init__(self, folder: Path, boost: str = "intel_pstate/no_turbo"):
        self.folder = folder
        cpu = "sys/devices/system/cpu"
        self.files = {
            f"{cpu}/cpu0/cpufreq/scaling_governor": "powersave",
            f"{cpu}/cpu1/cpufreq/scaling_governor": "schedutil",
            f"{cpu}/{boost}": "1" if boost.endswith("boost") else "0",
            f"{cpu}/smt/control": "on",
            "sys/kernel/mm/transparent_hugepage/enabled":
                "always [madvise] never",
            "proc/sys/kernel/randomize_va_space": "2",
        }
        for path, text in self.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text + "\n")

        self.env = dict(os.environ, KLAB_SYS=str(folder / "sys"),
                        KLAB_PROC=str(folder / "proc"),
                        KLAB_RUN=str(folder / "run"))

    def start(self, *words: str) -> subprocess.Popen:
        """A verb of the script, in a session of its own as sshd makes it."""
        return subprocess.Popen(["sh", str(SCRIPT), *words], env=self.env,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, start_new_session=True)

    def run(self, *words: str) -> subprocess.CompletedProcess:
        """The same, to its end."""
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def now(self) -> dict[str, str]:
        """What the files hold."""
        return {path: (self.folder / path).read_text().strip()
                for path in self.files}


@pytest.fixture(name="fake")
def fixture_fake(tmp_path: Path) -> Fake:
    """One with Intel's turbo."""
    return Fake(tmp_path)


@pytest.mark.parametrize("boost, off", [("intel_pstate/no_turbo", "1"),
                                        ("cpufreq/boost", "0")])
def test_all_of_it_there_and_back(tmp_path, boost, off):
    fake = Fake(tmp_path, boost)
    done = fake.run("quiesce", "governor=performance", "turbo=off", "smt=off",
                    "aslr=off")
    assert done.returncode == 0, done.stderr
    assert list(fake.now().values()) == [
        "performance", "performance", off, "off", "always [madvise] never", "0"]
    assert done.stdout.count("set ") == 5
    done = fake.run("restore")
    assert done.returncode == 0, done.stderr
    assert fake.now() == fake.files
    assert not (tmp_path / "run" / "saved").exists()


def test_what_is_so_already_is_left_alone(fake):
    done = fake.run("quiesce", "aslr=on", "smt=on", "thp=madvise")
    assert (done.returncode, done.stdout) == (0, "")
    assert fake.run("restore").stdout == ""


def test_what_is_not_there_is_told(fake):
    (fake.folder / "sys/devices/system/cpu/smt/control").write_text(
        "notsupported\n")
    done = fake.run("quiesce", "smt=off")
    assert (done.returncode, done.stdout) == (0, "absent smt\n")


def test_what_does_not_stick_is_an_error_and_is_undone(fake):
    thp = fake.folder / "sys/kernel/mm/transparent_hugepage/enabled"
    done = fake.run("quiesce", "aslr=off", "thp=[sometimes]x")
    assert done.returncode == 1
    assert "cannot set thp" in done.stderr
    thp.write_text("madvise\n")
    assert fake.run("restore").returncode == 0
    assert fake.now()["proc/sys/kernel/randomize_va_space"] == "2"


def test_a_setting_that_cannot_be_restored_is_told(fake):
    assert fake.run("quiesce", "aslr=off").returncode == 0
    (fake.folder / "proc/sys/kernel/randomize_va_space").unlink()
    (fake.folder / "proc/sys/kernel/randomize_va_space").mkdir()
    done = fake.run("restore")
    assert done.returncode == 1
    assert "cannot restore '2'" in done.stderr


def test_a_verb_that_was_interrupted_is_ended_first(fake):
    aslr = fake.folder / "proc/sys/kernel/randomize_va_space"
    aslr.unlink()
    os.mkfifo(aslr)  # who reads this waits
    waits = fake.start("quiesce", "governor=performance", "aslr=off")
    governor = fake.folder / "sys/devices/system/cpu/cpu1/cpufreq" / \
        "scaling_governor"
    while governor.read_text() != "performance\n":
        assert waits.poll() is None
    assert waits.poll() is None
    done = fake.run("restore")
    assert done.returncode == 0, done.stderr
    assert governor.read_text() == "schedutil\n"
    assert waits.wait(timeout=10) == -signal.SIGTERM


def test_the_command_line_is_the_boxs_own(fake):
    (fake.folder / "proc/cmdline").write_text(
        "BOOT_IMAGE=/vmlinuz root=/dev/sda2 initrd=/x panic=0 console=ttyS1 "
        "klab.boot=1\n")
    done = fake.run("cmdline", "klab.boot=1 threadirqs")
    assert done.stdout == ("root=/dev/sda2 console=ttyS1 panic=5 "
                           "sysrq_always_enabled=1 klab.boot=1 threadirqs\n")
