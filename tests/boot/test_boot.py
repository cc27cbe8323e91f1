"""The main job, on Debian's kernels under the exact clock."""

import json
import os
import re
import subprocess
import sys

import pytest


def one_boot(lab, machine: str, workload: str) -> str:
    """Id of a boot of the first stage, seed 1."""
    return lab.rows(
        "SELECT boot FROM cell WHERE stage = 0 AND seed = 1 AND machine = ? "
        "AND workload = ?", machine, workload)[0][0]


def test_run_fills_every_cell(filled):
    assert filled.done.returncode in (0, 1), filled.done.stderr
    states = filled.rows(
        "SELECT c.role, b.state, count(*) FROM cell c "
        "JOIN boot b ON b.id = c.boot GROUP BY c.role, b.state")
    assert ("sample", "ok", 16) in states, filled.done.stderr
    assert {state for _, state, _ in states} == {"ok"}


def test_what_is_claimed_was_booted_again(filled):
    """RT costs in hackbench: fresh boots say so, and the verdict is stored."""
    claims = filled.rows(
        "SELECT machine, verdict FROM verdict WHERE workload = "
        "'hackbench-threads' AND metric = 'time' AND stage = 1")
    assert len(claims) == 2
    for machine, verdict in claims:
        fresh = filled.rows(
            "SELECT count(*) FROM cell WHERE role = 'confirm' AND stage = 1 "
            "AND machine = ? AND workload = 'hackbench-threads'", machine)
        assert verdict != "regressed" or fresh[0][0] >= 3


def test_metrics_are_there_and_make_sense(filled):
    rows = filled.rows(
        "SELECT workload, metric, min(value), max(value), count(*) "
        "FROM study_sample WHERE study = 'real' AND role = 'sample' "
        "GROUP BY workload, metric")
    seen = {(w, m): (low, high, n) for w, m, low, high, n in rows}
    low, high, n = seen["hackbench-threads", "time"]
    assert n == 8 and 1e6 < low < high < 60e9
    low, high, n = seen["cyclictest", "p99"]
    assert n == 8 and 0 < low <= high < 1000


def test_histograms_are_whole(filled):
    """cyclictest ends all threads with the first, so one of them is full."""
    rows = filled.rows(
        "SELECT c.machine, h.cpu, h.counts, h.overflow FROM histogram h "
        "JOIN cell c ON c.boot = h.boot WHERE c.stage = 0 AND c.seed = 1")
    totals: dict[str, dict[int, int]] = {}
    for machine, cpu, counts, overflow in rows:
        total = sum(json.loads(counts).values()) + overflow
        totals.setdefault(machine, {})[cpu] = total
    assert set(totals["icount-1cpu"]) == {0}
    assert set(totals["icount-2cpu"]) == {0, 1}
    spec = filled.spec(one_boot(filled, "icount-1cpu", "cyclictest"))
    argv = spec["steps"][0]["argv"]
    loops = int(argv[argv.index("--loops") + 1])
    for cpus in totals.values():
        assert max(cpus.values()) == loops
        assert min(cpus.values()) > loops / 2


def test_seeds_differ(filled):
    rows = filled.rows(
        "SELECT count(DISTINCT value) FROM study_sample WHERE metric = 'time' "
        "AND stage = 0 AND machine = 'icount-2cpu'")
    assert rows == [(2,)]


@pytest.mark.parametrize("machine", ["icount-1cpu", "icount-2cpu"])
@pytest.mark.parametrize("workload", ["hackbench-threads", "cyclictest"])
def test_a_boot_repeats_exactly_on_a_loaded_host(filled, machine, workload):
    boot = one_boot(filled, machine, workload)
    burn = [sys.executable, "-c", "while True: pass"]
    burners = [subprocess.Popen(burn) for _ in range(os.cpu_count() or 1)]
    try:
        result = filled.klab("reproduce", "--times", "2", boot)
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    assert result.returncode == 0, result.stdout + result.stderr
    assert "equal in 2 of 2 repeats" in result.stdout


def test_the_script_repeats_a_boot_without_klab(filled):
    boot = one_boot(filled, "icount-1cpu", "hackbench-threads")
    script = filled.path / "boots" / boot / "reproduce.sh"
    result = subprocess.run(["sh", str(script)], capture_output=True, text=True,
                            timeout=600, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "equal: every frame and the console\n"


def test_another_seed_is_not_equal(filled):
    """The comparison can fail: a boot whose spec was changed by hand differs."""
    boot = one_boot(filled, "icount-1cpu", "hackbench-threads")
    folder = filled.path / "boots" / boot
    original = (folder / "spec.json").read_text()
    spec = json.loads(original)
    spec["seed"] = 77
    (folder / "spec.json").write_text(json.dumps(spec))
    try:
        result = filled.klab("reproduce", boot)
    finally:
        (folder / "spec.json").write_text(original)
    assert result.returncode == 1
    assert "1 different" in result.stdout
    assert "results.jsonl differs from line" in result.stdout


def test_a_second_run_has_nothing_to_do(filled):
    before = filled.rows("SELECT id, started FROM boot ORDER BY id")
    result = filled.klab("run", str(filled.folder / "real.yaml"))
    assert result.returncode == filled.done.returncode
    assert result.stdout == filled.done.stdout
    assert filled.rows("SELECT id, started FROM boot ORDER BY id") == before


def test_report_is_one_file(filled):
    page = filled.path / "reports" / "real" / "index.html"
    text = page.read_text()
    assert filled.done.stdout.strip().endswith(str(page))
    assert "hackbench-threads" in text and "<svg" in text
    assert [entry.name for entry in page.parent.iterdir()] == ["index.html"]


def test_fingerprint_tells_what_was_run(filled):
    boot = one_boot(filled, "icount-2cpu", "cyclictest")
    text = (filled.path / "boots" / boot / "fingerprint.json").read_text()
    fingerprint = json.loads(text)
    assert fingerprint["boot"] == boot
    assert fingerprint["kernel"]["release"].startswith("6.1.0-")
    assert len(fingerprint["kernel"]["sha256"]) == 64
    assert "-icount" in fingerprint["qemu"]["command"]
    assert set(fingerprint["initramfs"]["programs"]) == {"cyclictest",
                                                        "hackbench"}
    assert any(p.startswith("rt-tests ")
               for p in fingerprint["initramfs"]["packages"])


def test_newer_package_layout(filled):
    """From 7.2 on the image is not in linux-image-*; modules are apart."""
    result = filled.klab("run", filled.study("layout", """\
study: layout
source: {suite: trixie-backports, debian-image: linux-image-amd64}
machines: [icount-1cpu]
workloads: [hackbench-threads]
boots: 1
"""))
    assert result.returncode == 0, result.stderr
    package, release = filled.rows(
        "SELECT k.package, k.release FROM kernel k JOIN variant v "
        "ON v.kernel_key = k.key JOIN study s ON s.id = v.study "
        "WHERE s.name = 'layout'")[0]
    assert package == f"linux-binary-{release}"


def test_image_of_the_user(filled):
    """The bzImage itself, which QEMU starts through its boot ROM."""
    key = filled.rows("SELECT kernel_key FROM variant WHERE stage = 0")[0][0]
    image = filled.path / "kernels" / key / "bzImage"
    result = filled.klab("run", filled.study("own", f"""\
study: own
source: {{image: {image}}}
machines: [icount-1cpu]
workloads: [hackbench-threads]
boots: 1
"""))
    assert result.returncode == 0, result.stderr
    assert filled.rows("SELECT count(*) FROM kernel WHERE source = 'image'"
                       ) == [(1,)]


def test_a_kernel_that_panics(filled):
    """Too little memory for the kernel to get as far as init."""
    machine = filled.folder / "tiny.yaml"
    machine.write_text("machine: tiny\nvcpus: 1\nmemory_mib: 76\n")
    result = filled.klab("run", filled.study("panic", """\
study: panic
source: {suite: bookworm, debian-image: linux-image-amd64}
machines: [./tiny.yaml]
workloads: [hackbench-threads]
boots: 1
"""))
    assert result.returncode == 3, result.stderr
    # It says first what led to that.
    assert re.search(r"panic: .*invoked oom-killer.*; then: Kernel panic - not "
                     "syncing", result.stderr), result.stderr
    outcome, excerpt = filled.rows(
        "SELECT b.outcome, b.excerpt FROM boot b JOIN cell c ON c.boot = b.id "
        "JOIN study s ON s.id = c.study WHERE s.name = 'panic'")[0]
    assert outcome == "panic" and "Kernel panic" in excerpt


def test_a_package_that_does_not_exist(filled):
    result = filled.klab("run", filled.study("absent", """\
study: absent
source:
  suite: bookworm
  debian-image: [linux-image-amd64, linux-image-6.1-nosuch]
machines: [icount-1cpu]
workloads: [hackbench-threads]
boots: 2
"""))
    assert result.returncode == 2
    assert "absent.yaml:4: stage 'linux-image-6.1-nosuch'" in result.stderr
    assert "2 of 2 boots done" in result.stderr


def test_doctor_probes_the_accelerators(filled):
    result = filled.klab("doctor", "--json")
    checks = {c["check"]: c["result"] for c in json.loads(result.stdout)}
    assert result.returncode == 0, result.stdout
    assert checks["exact clock"] == "ok" and checks["tcg"] == "ok"
    assert checks["kvm"] in ("ok", "not usable")
