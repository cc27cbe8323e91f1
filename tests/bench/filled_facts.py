"""What filled.py says of kernels and boots besides their numbers: subjects of
patches, configs, manifests, fingerprints, consoles."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

RELEASE = "6.12.57"
TOOLCHAIN = ("gcc (Debian 12.2.0-14+deb12u1) 12.2.0, GNU ld (GNU Binutils for "
             "Debian) 2.40, pahole v1.24")
QEMU = "10.0.2 (Debian 1:10.0.2+ds-2+deb13u1~bpo12+1)"

#: Config to what it asks for.
CONFIGS = {
    "nort": "base tiny, fragment virt.config",
    "rt": "base tiny, fragment virt.config, fragment rt.config",
    "lockstat": "base tiny, fragment virt.config, LOCK_STAT=y",
    "debug": "base tiny, fragment virt.config, fragment lockdep.config, "
             "SLUB_DEBUG_ON=y",
}

SUBJECTS = (
    "mm/slub: say which lock guards the node's partial list",
    "mm/slub: move the statistics of a node out of the fast path",
    "mm/slub: pass the node to the helpers instead of the cache",
    "mm/slub: give slab counters a type of their own",
    "mm/slub: count frozen slabs per CPU and not per node",
    "mm/slab_common: warn of caches with the same name and other flags",
    "mm/slub: split new_slab() into its page and its object part",
    "mm/slub: initialise freelists before the slab is published",
    "mm/slub: fix typos in the comments on freelist order",
    "mm/slub: return detached slabs as a list",
    "mm/slub: discard empty slabs outside of list_lock",
    "mm/slub: check the state of a slab once more after taking list_lock",
    "mm/slub: unfreeze partial slabs in batches of one node",
    "mm/slub: stop disabling interrupts around the partial list",
    "mm/slub: restore the order of irqsave and list_lock in __slab_free()",
    "mm/memcontrol: charge slab objects after they have been initialised",
    "mm/slub: try list_lock before waiting for it when a slab is freed",
    "mm/slub: declare node_slab_trylock() where it is used",
    "mm/slub: make the cpu slab's lock a raw spinlock on debug caches",
    "mm/slub: defer freeing to a work item while interrupts are off on PREEMPT_RT",
    "mm/slub: reserve one object of each cpu slab for atomic contexts",
    "mm/slub: check redzones of deferred objects",
    "mm/slub: reword the description of slub_debug= on the command line",
    "Documentation/mm: describe the states of a slab",
    "mm/slub: do not check redzones of objects that were never handed out",
    "mm/slub: let kmem_cache_shrink() skip nodes without partial slabs",
    "mm/slub: use a per-cache key for lockdep classes of node lists",
    "mm/slub: add SLUB_NODE_STATS to read the lists' lengths from debugfs",
    "mm/slub: replace the bit spinlock of a slab with cmpxchg where possible",
    "mm/slub: take the cpu slab's lock around the fast path on PREEMPT_RT",
    "mm/slub: do not touch the lock's owner when it is not RT",
    "mm/slub: shorten the section that is protected in ___slab_alloc()",
    "mm/slub: flush cpu slabs of all caches from one work item",
    "mm/slub: remove the flag for interrupts from struct slab_alloc_context",
    "mm/slub: turn the cpu slab's lock into a local_lock of all configs",
)

#: The options that differ; the others are equal everywhere.
OPTIONS = {
    "nort": {"PREEMPT_NONE": "y"},
    "rt": {"EXPERT": "y", "PREEMPT_RT": "y", "PREEMPT_COUNT": "y",
           "PREEMPTION": "y", "RCU_BOOST": "y", "PREEMPT_RCU": "y"},
    "lockstat": {"PREEMPT_NONE": "y", "LOCK_STAT": "y", "LOCKDEP": "y",
                 "DEBUG_SPINLOCK": "y", "DEBUG_LOCK_ALLOC": "y"},
    "debug": {"PREEMPT_NONE": "y", "PROVE_LOCKING": "y", "LOCKDEP": "y",
              "SLUB_DEBUG_ON": "y", "DEBUG_SPINLOCK": "y",
              "DEBUG_LOCK_ALLOC": "y", "DEBUG_ATOMIC_SLEEP": "y"},
}
#: From this stage on there is one more option.
NEW_OPTION, NEW_SINCE = "SLUB_NODE_STATS", 28
PARTS = ("ACPI", "NET", "PCI", "SERIAL", "CRYPTO", "HAVE_ARCH", "USB", "FS",
         "GENERIC", "MEDIA")


@dataclass(frozen=True)
class Report:
    """What a sick kernel says."""

    kind: str
    function: str
    line: str
    excerpt: str


def _stamped(lines: str, start: float) -> str:
    return "".join(f"[{start + at / 1e5:12.6f}] {line}\n"
                   for at, line in enumerate(lines.splitlines()))


PANIC = Report(
    "panic", "local_lock_acquire",
    "Kernel panic - not syncing: cpu slab lock taken before it is set up",
    _stamped("""\
BUG: lock 'cpu_slab' of cache 'kmem_cache_node' has no class yet
CPU: 0 UID: 0 PID: 0 Comm: swapper Not tainted 6.12.57 #1
Call Trace:
 <TASK>
 dump_stack_lvl+0x5d/0x80
 register_lock_class+0x4a1/0x4b0
 local_lock_acquire+0x2c/0x60
 ___slab_alloc+0x1b4/0x9f0
 kmem_cache_alloc_node+0xe1/0x2c0
 kmem_cache_init+0x9d/0x150
 start_kernel+0x2ff/0x690
 </TASK>
Kernel panic - not syncing: cpu slab lock taken before it is set up
""", 0.004211))
WARNING = Report(
    "warning", "check_deferred_object",
    "WARNING: CPU: 1 PID: 31 at mm/slub.c:1288 check_deferred_object+0x8c/0xa0",
    _stamped("""\
------------[ cut here ]------------
WARNING: CPU: 1 PID: 31 at mm/slub.c:1288 check_deferred_object+0x8c/0xa0
CPU: 1 UID: 0 PID: 31 Comm: kworker/1:1 Not tainted 6.12.57 #1
RIP: 0010:check_deferred_object+0x8c/0xa0
Call Trace:
 <TASK>
 free_deferred_objects+0x71/0x110
 process_one_work+0x1e3/0x3f0
 worker_thread+0x1b8/0x350
 </TASK>
---[ end trace 0000000000000000 ]---
""", 0.412077))


def config_file(stage: int, config: str) -> str:
    """A resolved .config of some 1,500 options."""
    lines = ["#", "# Automatically generated file; DO NOT EDIT.",
             f"# Linux/x86 {RELEASE} Kernel Configuration", "#"]
    for at in range(1500):
        name = f"CONFIG_{PARTS[at % len(PARTS)]}_PART_{at:04}"
        lines.append(f"# {name} is not set" if at % 3 == 0 else
                     f"{name}={'y' if at % 7 else at}")
    known = sorted({name for one in OPTIONS.values() for name in one})
    for name in known:
        value = OPTIONS[config].get(name)
        lines.append(f"CONFIG_{name}={value}" if value
                     else f"# CONFIG_{name} is not set")
    if stage >= NEW_SINCE:
        lines.append(f"CONFIG_{NEW_OPTION}=y")
    return "\n".join(lines) + "\n"


def _hash(*words: object) -> str:
    return hashlib.sha256(repr(words).encode()).hexdigest()


def manifest(key: str, stage: int, config: str, text: str, *, code: str
             ) -> dict[str, Any]:
    """manifest.json of a kernel; code is the key of the first with its code."""
    flavour = "SMP PREEMPT_RT" if config == "rt" else "SMP"
    return {
        "manifest": 1, "key": key, "source": "git", "release": RELEASE,
        "banner": f"{RELEASE} (klab@klab) ({TOOLCHAIN.rsplit(',', 1)[0]}) #1 "
                  f"{flavour} Wed Jan  1 00:00:00 UTC 2020",
        "sha256": _hash("image", key), "pvh": True, "config": "config",
        "symbols": "System.map", "debs": [], "hz": 250,
        "identity": _hash("code", code),
        "commit": _hash("commit", stage)[:40],
        "tree": _hash("tree", stage)[:40],
        "build": {"stage": str(stage) if stage else "base",
                  "toolchain": TOOLCHAIN, "llvm": False, "make_args": [],
                  "sandboxed": True,
                  "config_sha256": hashlib.sha256(text.encode()).hexdigest(),
                  "wall_ms": 150_000 if stage == 0 else 9_000 + 37 * stage,
                  "bytes": {"file": 16_250_384, "loaded": 11_386_552}},
    }


def fingerprint(boot: str, key: str, stage: int, config: str, seed: int,
                rng: np.random.Generator) -> dict[str, Any]:
    """What klab records of a boot's surroundings."""
    append = ("console=ttyS0 printk.time=1 panic=-1 nokaslr tsc=reliable "
              "hpet=disable iomem=relaxed random.trust_cpu=on no_timer_check "
              "cryptomgr.notests lpj=4000000")
    command = ("-nodefaults -no-user-config -display none -no-reboot -nic none "
               "-machine pc-i440fx-7.2,hpet=on -accel tcg,thread=single "
               "-icount shift=0,sleep=off -rtc base=2024-01-01T00:00:00,"
               "clock=vm -cpu qemu64,+rdrand,+rdseed -chardev file,id=console,"
               "path=console.log -serial chardev:console -chardev file,id=port,"
               "path=port.log -serial chardev:port -kernel kernel -initrd "
               f"initramfs.cpio -append '{append}' -smp 2 -m 512M")
    kernel = manifest(key, stage, config, config_file(stage, config), code=key)
    return {
        "boot": boot,
        "facts": {
            "accel": "icount", "accel_why": "the machine file says so",
            "clocksource": "tsc", "cmdline": append,
            "cpu_model": "AMD EPYC",
            "firmware": f"bios-256k.bin {_hash('bios')[:12]}, pvh.bin "
                        f"{_hash('pvh')[:12]}",
            "host_kernel": "6.12.57+deb13-amd64",
            "host_load": [round(float(one), 2)
                          for one in rng.gamma(4, 0.6, 2)],
            "memory": 24105, "microcode": "0x1000065",
            "mitigations": "meltdown=Not affected; spectre_v1=Mitigation: "
                           "usercopy/swapgs barriers and __user pointer "
                           "sanitization; spectre_v2=Mitigation: Retpolines",
            "qemu": QEMU, "smt": "notsupported",
            "steal": int(rng.integers(0, 60)), "thp": "madvise"},
        "host": {"cpu": "AMD EPYC", "cpus": 2,
                 "kernel": "6.12.57+deb13-amd64", "machine": "x86_64"},
        "initramfs": {"agent": _hash("agent"), "packages": ["rt-tests 2.4-1"],
                      "programs": {"hackbench": _hash("hackbench"),
                                   "cyclictest": _hash("cyclictest")},
                      "sha256": _hash("initramfs")},
        "kernel": kernel, "klab": "598467d",
        "matters": {"command": command, "judge": "2", "qemu": QEMU,
                    "initramfs": _hash("initramfs"),
                    "settings": '{"clock":"exact","memory_mib":512,'
                                '"metronome_us":20,"name":"icount-2cpu",'
                                '"vcpus":2}'},
        "qemu": {"command": f"qemu-system-x86_64 {command} -seed {seed}",
                 "version": QEMU},
    }


def console(config: str, excerpt: str) -> str:
    """A whole console that ends with what the kernel said."""
    head = (f"Linux version {RELEASE} (klab@klab) ({config})",
            "Command line: console=ttyS0 printk.time=1 panic=-1 nokaslr",
            "BIOS-provided physical RAM map:", "tsc: Detected 1000.000 MHz",
            "Memory: 490312K/523880K available")
    return _stamped("\n".join(head), 0.0) + excerpt
