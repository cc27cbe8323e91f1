"""A source tree that is small enough to be built in a moment.

To klab it is a kernel tree: it has the targets of make that klab calls, a
Kconfig that answers, and its ``vmlinux`` is an ELF file with a PVH note and a
version string, which the store takes for a kernel and fake_qemu for a guest.
All code is in ``mm/slub.c`` (and ``mm/slub.h``); what tag() says there stands
in the version string, so that a play of fake_qemu can be for one stage, and so
does the option LOCK_STAT, so that it can be for one config.
"""

from __future__ import annotations

import difflib
import os
import subprocess
from pathlib import Path

MAKEFILE = """\
# Called as make -C SRC O=OBJ ... TARGET
-include $(O)/.config
ARCH_FLAGS = -O1 -pipe -ffreestanding -fno-pie -fno-asynchronous-unwind-tables
ifeq ($(CONFIG_LOCK_STAT),y)
ARCH_FLAGS += -DLOCK_STAT
endif
SETTLE = sh $(CURDIR)/scripts/settle.sh $(CURDIR)/Kconfig $(O)/.config

vmlinux: $(O)/vmlinux $(O)/System.map

allnoconfig:
	@$(SETTLE) $(KCONFIG_ALLCONFIG)
x86_64_defconfig:
	@$(SETTLE) $(CURDIR)/arch/x86/configs/x86_64_defconfig
olddefconfig:
	@$(SETTLE) $(O)/.config

$(O)/mm/slub.o: mm/slub.c mm/slub.h mm/Makefile
	@mkdir -p $(@D)
	@echo '  CC      mm/slub.o'
	@$(CC) $(ARCH_FLAGS) -c -o $@ $(CURDIR)/$<
$(O)/vmlinux: $(O)/mm/slub.o
	@$(CC) -static -nostdlib -no-pie -Wl,--build-id -o $@ $<
$(O)/System.map: $(O)/vmlinux
	@nm -n $< > $@

include mm/Makefile
"""

#: Later lines win; an option without what it needs is left out.
SETTLE = """\
awk '
FNR == 1 { file++ }
file == 1 { if ($2 == "needs") needs[$1] = $3; next }
/^CONFIG_/ { split($0, at, "="); name = at[1] }
/^# CONFIG_/ { name = $2 }
/^(# )?CONFIG_/ { if (!(name in is)) order[++n] = name; is[name] = $0 }
END {
	for (i = 1; i <= n; i++) {
		need = "CONFIG_" needs[substr(order[i], 8)]
		if (need == "CONFIG_" || is[need] == need "=y")
			print is[order[i]]
	}
}' "$1" "$3" > "$2.new" && mv "$2.new" "$2"
"""

SLUB_H = """\
#ifdef LOCK_STAT
#define OPTION "-lockstat"
#else
#define OPTION ""
#endif
"""

SLUB_C = """\
#include "slub.h"
#define TAG "s0"

/* What the kernel says of itself. */
const char banner[] = "Linux version 6.12.0-klab (klab@klab) "
		      TAG OPTION " #1 SMP";

int slub(int x)
{
	return x + banner[x];
}

__asm__(".globl _start\\n_start: call slub\\n"
	".pushsection .note.Xen, \\"a\\", @note\\n.long 4, 4, 18\\n"
	".asciz \\"Xen\\"\\n.long 0x1000000\\n.popsection\\n");
"""

FILES = {
    "Makefile": MAKEFILE,
    "Kconfig": "LOCK_STAT needs DEBUG_KERNEL\n",
    "scripts/settle.sh": SETTLE,
    "arch/x86/configs/x86_64_defconfig": "CONFIG_PVH=y\nCONFIG_HZ=250\n",
    "mm/Makefile": "# Hooks of a test.\n",
    "mm/slub.c": SLUB_C,
    "mm/slub.h": SLUB_H,
}

IDENTITY = {
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "1600000000 +0000",
    "GIT_COMMITTER_NAME": "C", "GIT_COMMITTER_EMAIL": "c@example.org",
    "GIT_COMMITTER_DATE": "1600000000 +0000",
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
}


def write_files(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def diff(before: dict[str, str], after: dict[str, str]) -> str:
    """What makes the files of before those of after, as git would say it."""
    text = ""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        text += f"diff --git a/{name} b/{name}\n"
        if old is None:
            text += "new file mode 100644\n"
        text += "".join(difflib.unified_diff(
            (old or "").splitlines(True), (new or "").splitlines(True),
            "/dev/null" if old is None else f"a/{name}", f"b/{name}"))
    return text


def hook(commands: str) -> str:
    """A mm/Makefile with which these commands run before each compilation."""
    lines = "".join(f"\t@{line}\n" for line in commands.splitlines())
    return f"$(O)/mm/slub.o: | hook\n.PHONY: hook\nhook:\n{lines}"


class Repository:
    """The user's repository, with a tag ``v1`` at the only commit of main."""

    def __init__(self, path: Path, files: dict[str, str] | None = None) -> None:
        self.path = path
        write_files(path, FILES | (files or {}))
        self.git("init", "-q", "-b", "main")
        self.commit("the base")
        self.git("tag", "v1")

    def git(self, *words: str) -> str:
        return subprocess.run(["git", "-C", self.path, *words], check=True,
                              capture_output=True, text=True,
                              env=os.environ | IDENTITY).stdout.strip()

    def commit(self, subject: str, files: dict[str, str] | None = None) -> str:
        write_files(self.path, files or {})
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def make_dirty(self) -> None:
        """Changes that are staged, that are not, and a file nobody knows."""
        write_files(self.path, {"mm/slub.h": "staged\n"})
        self.git("add", "mm/slub.h")
        write_files(self.path, {"mm/slub.c": "garbage\n", "notes": "mine\n"})


def snapshot(path: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, mtime and content of every file, those of git included."""
    found = {}
    for file in sorted(path.rglob("*")):
        stat = file.lstat()
        plain = file.is_file()
        found[str(file.relative_to(path))] = (
            stat.st_mode, stat.st_mtime_ns if plain else 0,
            file.read_bytes() if plain else b"")
    return found


class Series:
    """Patches upon FILES, written as a folder of git's mails."""

    def __init__(self, folder: Path, files: dict[str, str] | None = None
                 ) -> None:
        self.folder = folder
        self.files = FILES | (files or {})
        self.n = 0
        folder.mkdir(exist_ok=True)

    def raw(self, subject: str, text: str) -> str:
        """Adds a patch with such a diff; returns the name of its file."""
        self.n += 1
        name = f"{self.n:04}-patch.patch"
        (self.folder / name).write_text(
            f"From {'0' * 40} Mon Sep 17 00:00:00 2001\n"
            "From: Ann Author <ann@example.org>\n"
            f"Date: Thu, 5 Aug 2021 17:20:{self.n:02} +0200\n"
            f"Subject: [PATCH {self.n}] {subject}\n\n"
            f"Because.\n---\n{text}-- \n2.39.5\n")
        return name

    def change(self, subject: str, files: dict[str, str]) -> str:
        after = self.files | files
        text = diff(self.files, after)
        self.files = after
        return self.raw(subject, text)

    # ---- patches that are asked for often ----

    def edit(self, subject: str, old: str, new: str,
             file: str = "mm/slub.c") -> str:
        assert old in self.files[file], old
        return self.change(subject,
                           {file: self.files[file].replace(old, new, 1)})

    def tag(self, tag: str) -> str:
        """Another kernel, whose version string says so."""
        now = self.files["mm/slub.c"].split('#define TAG "')[1].split('"')[0]
        return self.edit(f"mm: tag {tag}", f'TAG "{now}"', f'TAG "{tag}"')

    def comment(self) -> str:
        """Another text, the same kernel."""
        return self.edit("mm: a comment", "/* What", "/* Here: what")

    def bad_code(self) -> str:
        return self.edit("mm: does not build", "return x +",
                         "return undeclared +")

    def good_code(self) -> str:
        return self.edit("mm: builds again", "return undeclared +",
                         "return x +")

    def hook(self, commands: str) -> str:
        return self.change("mm: a hook", {"mm/Makefile": hook(commands)})
