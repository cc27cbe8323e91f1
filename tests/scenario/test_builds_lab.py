"""What happens to builds when the lab is disturbed: signals, kills, full disks,
missing tools, code that is not to be trusted; and what gc leaves of them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from pathlib import Path

import pytest

import fake_tree
import kit
from shop import TWO_CONFIGS, Shop

NO_HOOK = {"mm/Makefile": "# Hooks of a test.\n"}


def gated(shop: Shop) -> tuple[Path, kit.Events, kit.Gate]:
    """Stages base, 1, 2 and 3, of which 2 waits at the gate."""
    events, gate, commands = shop.gate()
    shop.series.tag("s1")
    shop.series.change("mm: wait", {
        "mm/Makefile": fake_tree.hook(commands),
        "mm/slub.c": shop.series.files["mm/slub.c"].replace('"s1"', '"s2"')})
    shop.series.change("mm: no more", NO_HOOK)
    return shop.study(), events, gate


# ---- signals ----

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_it_builds(shop: Shop, number: int) -> None:
    study, events, gate = gated(shop)
    running = shop.bench.start("run", "-j2", study)
    events.next()
    assert len(kit.processes_of(shop.dir)) >= 3   # klab, bwrap, make
    begin = time.monotonic()
    running.signal(number)
    result = running.finish()
    assert result.code == kit.INTERRUPTED, result.err
    assert time.monotonic() - begin < 10
    assert result.err.splitlines()[-1].endswith(
        "run the same command again to go on")
    assert kit.processes_of(shop.dir) == []
    assert shop.variants() == {(0, "nort"): "ready", (1, "nort"): "ready",
                               (2, "nort"): "todo", (3, "nort"): "todo"}
    assert "2 kernels to build" in shop.bench.klab("status").out
    gate.open()
    run = shop.run(study)
    assert [stage for stage, _ in run.built] == ["2", "3"]
    shop.all_well(4)


def test_killed_while_it_builds(shop: Shop) -> None:
    study, events, gate = gated(shop)
    running = shop.bench.start("run", "-j2", study)
    events.next()
    running.signal(signal.SIGKILL)
    running.finish()
    shop.bench.no_process_left()
    marker, = shop.lab.glob("obj/*.building")
    folder = marker.with_suffix("")
    (folder / "half").write_text("x")
    gate.open()
    run = shop.run(study)
    assert [stage for stage, _ in run.built] == ["2", "3"]
    # In a folder of its own: who knows what state the other was in.
    assert not (folder / "half").exists()
    shop.all_well(4)


def test_klab_ends_with_a_build(shop: Shop) -> None:
    """A build that is killed under klab's hands is the lab's fault."""
    study, events, gate = gated(shop)
    running = shop.bench.start("run", "-j2", study)
    events.next()
    for pid in kit.processes_of(shop.dir):
        if pid != running.process.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    result = running.finish()
    assert result.code == kit.LAB, result.err
    assert "cannot be built" in result.err and "killed" in result.err
    assert shop.variants()[2, "nort"] == "todo"
    gate.open()
    shop.run(study)
    shop.all_well(4)


def caught(events: kit.Events, running: kit.Running) -> bool:
    """Waits until something is stopped, or klab has ended by itself."""
    handle = os.pidfd_open(running.process.pid)
    ready, _, _ = select.select([events.fd, handle], [], [], kit.DEADLINE)
    os.close(handle)
    assert ready
    return events.fd in ready


#: Stops at the call that is named by its number, after some damage.
GIT = """\
#!/bin/sh
case " $* " in
*" fast-import "*|*" read-tree "*|*" init "*|*" update-ref "*|*" clean "*)
	echo x >>{dir}/calls
	if [ $(wc -l <{dir}/calls) = $(cat {dir}/stop) ]; then
		case " $* " in
		*" read-tree "*)
			: >"$GIT_INDEX_FILE.lock"
			echo half >mm/slub.c;;
		esac
		echo 1 1 >{dir}/events
		exec sleep 1000
	fi;;
esac
exec /usr/bin/git "$@"
"""


def test_killed_while_git_works(shop: Shop) -> None:
    """At each call of git that writes, one after the other."""
    shop.series.tag("s1")
    shop.series.tag("s2")
    study = shop.study()
    events = kit.Events(shop.dir / "events")
    shop.bench.fifos.append(events)
    shop.program("git", GIT.format(dir=shop.dir))
    stops = 0
    while True:
        (shop.dir / "stop").write_text(f"{stops % 7 + 1}\n")
        (shop.dir / "calls").write_text("")
        running = shop.bench.start("run", "-j2", study)
        if not caught(events, running):
            break
        events.next()
        running.signal(signal.SIGKILL)
        running.finish()
        shop.bench.no_process_left()
        stops += 1
        assert stops < 30
    assert stops >= 4
    result = running.finish()
    assert result.code == kit.DONE, result.err
    shop.all_well(3)
    assert sorted(banner.split(" ")[2] for banner, in shop.bench.rows(
        "SELECT banner FROM kernel")) == ["s0", "s1", "s2"]


# ---- full disks ----

def test_disk_fills_up_during_a_build(shop: Shop) -> None:
    with kit.small_disk(shop.lab, 200):
        study, events, gate = gated(shop)
        running = shop.bench.start("run", "-j2", study)
        events.next()
        kit.fill(shop.lab / "filler", 0)
        gate.open()
        result = running.finish()
        assert result.code == kit.LAB, result.err
        assert "disk" in result.err and "full" in result.err or \
            "No space left" in result.err, result.err
        assert not list(shop.lab.glob("broken/*"))
        (shop.lab / "filler").unlink()
        gate.open()
        shop.run(study)
        shop.all_well(4)


def test_no_room_for_the_tree(shop: Shop) -> None:
    with kit.small_disk(shop.lab, 200):
        (shop.lab / "git").mkdir()
        kit.fill(shop.lab / "filler", 300 << 10)
        shop.series.tag("s1")
        study = shop.study()
        run = shop.run(study, code=kit.LAB)
        # git has words of its own, in some places.
        assert any(words in run.err for words in (
            "No space left", "full", "Out of diskspace",
            "couldn't write")), run.err
        (shop.lab / "filler").unlink()
        shop.run(study)
        shop.all_well(2)


# ---- the sandbox ----

def test_code_that_breaks_out(shop: Shop) -> None:
    home = shop.dir / "home"
    (home / "secret").write_text("klab-test-secret\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        name = shop.dir.name
        tries = [f"cat {home}/secret", "cat $$HOME/secret",
                 f"touch {shop.dir}/pwned", f"touch {shop.lab}/pwned",
                 "touch /klab/src/mm/pwned", "touch /klab/pwned",
                 f"touch /usr/{name}", f"touch /etc/{name}", f"touch /{name}",
                 "cat /etc/shadow", "echo x >/klab/src/mm/slub.c",
                 f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'",
                 f"kill -9 {os.getpid()}", "mount -t tmpfs none /usr"]
        shop.series.hook("\n".join(
            f"if {words}; then echo ESCAPED {i}; fi"
            for i, words in enumerate(tries))
            + f"\ntouch /tmp/{name}\necho tried")
        shop.run(shop.study())
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    log = shop.log_of(1)
    assert "tried" in log and "ESCAPED" not in log, log
    assert "klab-test-secret" not in log
    assert [path for path in shop.dir.rglob("pwned")] == []
    for folder in ("/usr", "/etc", "/", "/tmp"):
        assert not (Path(folder) / name).exists()
    assert all(manifest["build"]["sandboxed"]
               for manifest in shop.manifests().values())


def test_code_that_must_get_out_does_not_build(shop: Shop) -> None:
    shop.series.hook(f"echo x >{shop.dir}/pwned")
    run = shop.run(shop.study(), code=kit.KERNEL)
    assert run.broken == [("1", "nort")]
    assert not (shop.dir / "pwned").exists()


@pytest.mark.parametrize("text, says", [
    ("echo 'bwrap: No permissions to create new namespace' >&2; exit 1",
     "kernel.unprivileged_userns_clone"),
    ("echo 'bwrap: Something else' >&2; exit 1", "bwrap: Something else"),
    ("kill -9 $$", "killed by signal 9")])
def test_sandbox_does_not_work(shop: Shop, text: str, says: str) -> None:
    shop.series.tag("s1")
    study = shop.study()
    shop.program("bwrap", f"#!/bin/sh\n{text}\n")
    run = shop.run(study, code=kit.LAB)
    error, = run.errors
    assert says in error and "--no-sandbox" in error
    shop.run(study, "--no-sandbox")
    shop.all_well(2)
    assert {manifest["build"]["sandboxed"]
            for manifest in shop.manifests().values()} == {False}


def test_no_bubblewrap(shop: Shop) -> None:
    tools = shop.dir / "few"
    tools.mkdir()
    for folder in ("/usr/bin", "/usr/sbin"):
        for tool in Path(folder).iterdir():
            if tool.name != "bwrap" and not (tools / tool.name).exists():
                (tools / tool.name).symlink_to(tool)
    run = shop.run(shop.study(series=None), code=kit.LAB,
                   env={"PATH": str(tools)})
    error, = run.errors
    assert "install package bubblewrap" in error and "--no-sandbox" in error


# ---- tools ----

def test_missing_compiler(shop: Shop) -> None:
    run = shop.run(shop.study(series=None,
                              more="toolchain: { cc: gcc-99 }\n"),
                   code=kit.LAB)
    error, = run.errors
    assert "'gcc-99'" in error and "install package gcc-99" in error


def test_missing_tool(shop: Shop) -> None:
    tools = shop.build_path()
    for name in ("make", "gcc", "ld", "objcopy", "bison", "bc", "perl",
                 "gzip"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    run = shop.run(shop.study(series=None), code=kit.LAB,
                   env={"KLAB_BUILD_PATH": str(tools)})
    error, = run.errors
    assert "'flex' is missing" in error and "install package flex" in error


def test_compiler_elsewhere(shop: Shop) -> None:
    """One that the user has built, and named through a link."""
    real = shop.dir / "cross" / "bin"
    real.mkdir(parents=True)
    (real / "my-gcc").write_text("#!/bin/sh\nexec $(dirname $(readlink -f $0))/"
                                 "../libexec/cc \"$@\"\n")
    (real.parent / "libexec").mkdir()
    (real.parent / "libexec/cc").write_text("#!/bin/sh\nexec gcc \"$@\"\n")
    for path in (real / "my-gcc", real.parent / "libexec/cc"):
        path.chmod(0o755)
    (shop.dir / "links").mkdir()
    link = shop.dir / "links" / "cc"
    link.symlink_to(real / "my-gcc")
    shop.series.tag("s1")
    shop.run(shop.study(more=f"toolchain: {{ cc: {link} }}\n"))
    shop.all_well(2)


# ---- gc ----

def below(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()} if path.exists() else set()


def test_gc_of_builds(shop: Shop) -> None:
    shop.series.tag("s1")
    shop.series.bad_code()
    both = shop.study("both", configs=TWO_CONFIGS)
    one = shop.study("one")
    shop.run(one, code=kit.KERNEL)
    parts = ("trees", "obj", "configs", "kernels", "broken")
    kept = {part: below(shop.lab / part) for part in parts}
    shop.run(both, code=kit.KERNEL)
    full = {part: below(shop.lab / part) for part in parts}
    assert [len(full[part]) for part in ("trees", "configs", "kernels",
                                         "broken")] == [1, 2, 4, 2]
    assert shop.bench.klab("gc").out == ""
    before = shop.bench.tree()
    dry = shop.bench.klab("gc", "-n", "--forget=both")
    assert dry.code == kit.DONE and shop.bench.tree() == before
    done = shop.bench.klab("gc", "--forget=both")
    assert done.out == dry.out.replace("would remove", "removed")
    for part in parts:
        assert f"/{part}/" in done.out or part == "trees"
        assert below(shop.lab / part) == kept[part], part
    assert shop.run(one, code=kit.KERNEL).built == []
    shop.bench.klab("gc", "--forget=one")
    for part in parts:
        assert below(shop.lab / part) == set(), part
    # And all comes back.
    assert len(shop.run(both, code=kit.KERNEL).built) == 4
