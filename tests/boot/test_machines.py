"""Machines for real: guests of a few bytes that hang, spin or panic, a kernel on
every board, and an exact run with a monitor and without."""

import hashlib
import json
import pathlib
import shutil
import subprocess

import pytest

from conftest import Lab

HERE = pathlib.Path(__file__).parent
#: A hung guest is gone so many seconds after its limit; the rest is for a host
#: that is busy with other tests.
AFTER = 2.0
BUSY = 3.0


def play(folder: pathlib.Path, name: str) -> pathlib.Path:
    """Builds guest.S; see there for what it can do."""
    path = folder / name.lower()
    subprocess.run(["gcc", "-nostdlib", "-static", "-no-pie",
                    "-Wl,--build-id=none", "-Wl,-Ttext-segment=0x100000",
                    f"-DPLAY={name}", "-o", path, HERE / "guest.S"], check=True)
    return path


class Guests(Lab):
    """A lab with guests of a few bytes."""

    def run(self, name: str, **keys) -> tuple[subprocess.CompletedProcess, dict,
                                              pathlib.Path]:
        """One boot of a guest on a machine with those keys: klab's result, the
        boot's row, and its folder."""
        image = play(self.folder, name)
        machine = self.folder / f"{name}.machine.yaml"
        machine.write_text("machine: m\n" + "".join(
            f"{key}: {value}\n" for key, value in keys.items()))
        done = self.klab("run", self.study(name.lower(), f"""\
study: {name.lower()}
source: {{ image: [{image}] }}
machines: [{machine}]
workloads: [hackbench-threads]
boots: 1
"""))
        rows = self.rows("SELECT id, outcome, detail, reason, wall_ms FROM boot "
                         "ORDER BY started DESC, rowid DESC")
        assert rows, done.stderr
        row = dict(zip(("id", "outcome", "detail", "reason", "wall_ms"),
                       rows[0]))
        return done, row, self.path / "boots" / row["id"]


@pytest.fixture
def guests(tmp_path) -> Guests:
    return Guests(tmp_path)


@pytest.mark.parametrize("name", ["SPIN", "HALT"])
@pytest.mark.parametrize("keys", [
    {"vcpus": 1}, {"vcpus": 2}, {"accel": "tcg", "vcpus": 2}],
    ids=["exact-1", "exact-2", "tcg-2"])
def test_a_guest_that_hangs_is_stopped(guests, name, keys):
    """With interrupts off, or idle for ever: within its limit and 2 s."""
    limit = 3
    done, boot, folder = guests.run(name, hang_s=limit, **keys)
    assert done.returncode == 3, done.stderr
    assert (boot["outcome"], boot["detail"]) == ("hang", "hang")
    assert boot["reason"].endswith("and was stopped")
    if keys.get("accel") == "tcg" or name == "HALT":
        assert boot["wall_ms"] < (limit + AFTER + BUSY) * 1000
    stacks = (folder / "stacks.txt").read_text()
    for cpu in range(keys["vcpus"]):
        assert f"CPU {cpu}: in the kernel" in stacks
    halted = "CPU 0: in the kernel, halted, RIP: 0x10" in stacks
    assert halted == (name == "HALT"), stacks
    assert not (folder / "qmp").exists()


def test_a_console_that_never_ends(guests):
    """A guest that only chatters is stopped by the cap or the deadline."""
    done, boot, _ = guests.run("CHATTER", accel="tcg", hang_s=2, deadline_s=8)
    assert done.returncode == 3
    assert boot["outcome"] in ("hang", "workload-failed")
    assert boot["wall_ms"] < (8 + AFTER + BUSY) * 1000


@pytest.mark.parametrize("keys", [{}, {"accel": "tcg"}], ids=["exact", "tcg"])
def test_a_panic_is_reported_at_once(guests, keys):
    """The guest's time is 50 ms; the rest is QEMU's start and klab."""
    done, boot, _ = guests.run("PANIC", **keys)
    assert done.returncode == 3
    assert boot["outcome"] == "panic"
    assert boot["reason"] == "Kernel panic - not syncing: as was to be"
    assert boot["wall_ms"] < 1000 + 3 * BUSY * 1000


def test_boards_and_stacks_of_a_real_kernel(filled):
    """The 6.1 kernel of the lab on each board, and hung on one of them."""
    image = next(path for path in (filled.path / "kernels").glob("*/bzImage")
                 if json.loads((path.parent / "manifest.json").read_text())
                 ["release"].startswith("6.1."))
    machines = {"q35": "", "pc": "", "microvm": "",
                "hung": "append: rdinit=/none root=/dev/none rootwait\n"
                        "hang_s: 25\n"}
    paths = []
    for name, more in machines.items():
        path = filled.folder / f"{name}.yaml"
        board = "q35" if name == "hung" else name
        path.write_text(f"machine: {name}\naccel: tcg\nvcpus: 2\n"
                        f"board: {board}\n{more}")
        paths.append(str(path))
    done = filled.klab("run", filled.study("boards", f"""\
study: boards
source: {{ image: [{{name: "6.1", path: {image}}}] }}
machines: [{', '.join(paths)}]
workloads: [boot]
boots: 1
"""))
    assert done.returncode == 3, done.stderr
    rows = filled.rows(
        "SELECT c.machine, b.outcome, b.id FROM cell c "
        "JOIN boot b ON b.id = c.boot JOIN study s ON s.id = c.study "
        "WHERE s.name = 'boards'")
    assert {row[0]: row[1] for row in rows} == {
        "q35": "ok", "pc": "ok", "microvm": "ok", "hung": "hang"}, done.stderr
    hung = next(row[2] for row in rows if row[0] == "hung")
    stacks = (filled.path / "boots" / hung / "stacks.txt").read_text()
    assert "CPU 0: " in stacks and "CPU 1: " in stacks


def run_again(filled, boot: str, folder: pathlib.Path, more: list[str]) -> str:
    """Repeats a boot by its spec and those arguments: what its port and console
    got."""
    spec = filled.spec(boot)
    folder.mkdir()
    kernel = spec["kernel"]
    (folder / "kernel").symlink_to(
        filled.path / "kernels" / kernel["key"] / kernel["file"])
    archive = filled.path / "initramfs" / f"{spec['initramfs']}.cpio"
    job = filled.path / "boots" / boot / "job.cpio"
    (folder / "initramfs.cpio").write_bytes(archive.read_bytes()
                                            + job.read_bytes())
    subprocess.run(["qemu-system-x86_64", *spec["command"], "-seed",
                    str(spec["seed"]), *more], cwd=folder, timeout=600,
                   check=True)
    data = b"".join((folder / name).read_bytes()
                    for name in ("port.log", "console.log"))
    shutil.rmtree(folder)
    return hashlib.sha256(data).hexdigest()


def test_a_monitor_that_nobody_asks_changes_nothing(filled, tmp_path):
    """On 2 vCPUs, whose turns would change first."""
    boot = filled.rows(
        "SELECT boot FROM cell WHERE machine = 'icount-2cpu' AND seed = 1 AND "
        "stage = 0 AND workload = 'hackbench-threads'")[0][0]
    plain = run_again(filled, boot, tmp_path / "plain", [])
    assert run_again(filled, boot, tmp_path / "idle", [
        "-qmp", "unix:qmp,server=on,wait=off"]) == plain


def test_kvm_guests_are_pinned(guests):
    """Where a probe guest runs on KVM; elsewhere this cannot be shown."""
    checks = json.loads(guests.klab("--json", "doctor").stdout)
    kvm = next(c for c in checks if c["check"] == "kvm")
    if kvm["result"] != "ok":
        pytest.skip(f"KVM does not work here: {kvm['detail']}")
    done, boot, folder = guests.run("SPIN", accel="kvm", vcpus=1, hang_s=3)
    assert boot["outcome"] == "hang", done.stderr
    facts = json.loads((folder / "facts.json").read_text())
    assert len(facts["pinned"]) == 1
    assert "CPU 0: in the kernel" in (folder / "stacks.txt").read_text()
