"""klab decode: what went wrong in a boot, from its folder in the lab."""

from __future__ import annotations

import json
from pathlib import Path

import kit


def boots_folder(bench: kit.Bench, seed: int = 1) -> Path:
    """The folder of a boot."""
    return bench.lab / "boots" / bench.boot(seed)["id"]


def test_findings_are_printed(bench: kit.Bench) -> None:
    bench.klab("run", bench.study(), play="panic")
    result = bench.klab("decode", bench.boot(1)["id"])
    assert result.code == 0, result.err
    assert result.out.startswith("oops")
    assert "] BUG: kernel NULL pointer" in result.out
    assert "Kernel panic - not syncing" in result.out
    assert "\x1b" not in result.out
    # Nobody knows anything of the fake kernel, and that is said once.
    assert result.err.count("as the kernel printed them") == 1


def test_json(bench: kit.Bench) -> None:
    bench.klab("run", bench.study(), play="panic")
    result = bench.klab("decode", "--json", bench.boot(1)["id"][:6])
    assert result.code == 0, result.err
    told = json.loads(result.out)
    assert [f["kind"] for f in told["findings"]] == ["oops", "panic"]
    assert told["findings"][1]["fatal"]
    assert len(told["findings"][0]["signature"]) == 16
    assert "source lines" in told["note"] or "printed them" in told["note"]


def test_nothing_wrong(bench: kit.Bench) -> None:
    bench.klab("run", bench.study())
    result = bench.klab("decode", bench.boot(1)["id"])
    assert (result.code, result.out) == (0, "")
    assert "has no findings" in result.err


def test_stacks_of_a_hang(bench: kit.Bench) -> None:
    bench.klab("run", bench.study())
    folder = boots_folder(bench)
    (folder / "stacks.txt").write_bytes(b"CPU 0: RIP: f+0x1/0x2\x1b[2J\n  ? g\n")
    result = bench.klab("decode", folder.name)
    assert result.code == 0, result.err
    assert "CPU 0: RIP: f+0x1/0x2?[2J\n  ? g\n" in result.out


def test_a_kernel_that_is_gone(bench: kit.Bench) -> None:
    bench.klab("run", bench.study(), play="panic")
    for kernel in (bench.lab / "kernels").iterdir():
        kernel.rename(kernel.with_name(f".gone-{kernel.name}"))
    result = bench.klab("decode", bench.boot(1)["id"])
    assert result.code == 0, result.err
    assert "BUG: kernel NULL pointer" in result.out
    assert "has this boot's kernel no more" in result.err


def test_errors(bench: kit.Bench) -> None:
    bench.klab("run", bench.study(), play="panic")
    boot = bench.boot(1)["id"]
    text = bench.write("notes.txt", "no vmlinux")
    for words, says in ((["zz"], "there is no boot 'zz'"),
                        ([boot, "--vmlinux", text], "has no symbol table"),
                        ([boot, "--vmlinux", "/nowhere"], "cannot open")):
        result = bench.klab("decode", *words)
        assert (result.code, result.out) == (kit.USER, ""), result.err
        assert says in result.err
    (boots_folder(bench) / "console.log").unlink()
    result = bench.klab("decode", boot)
    assert result.code == kit.USER
    assert "has no console.log" in result.err
