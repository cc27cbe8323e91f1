/*
 * What klab must know of a vmlinux: is it one for x86-64, can QEMU start it by
 * its PVH note, and which release is it.  The file is untrusted.
 */
#ifndef KLAB_ELF_H
#define KLAB_ELF_H

#include <stdbool.h>

#include "kernel/bzimage.h"

struct err;

/* Is it an ELF64 file for x86-64?  And one with a XEN_ELFNOTE_PHYS32_ENTRY? */
bool elf_is_x86_64(int fd);
bool elf_has_pvh(int fd);
/* Finds "Linux version ..." in the file. */
int elf_banner(int fd, char release[RELEASE_MAX], char banner[BANNER_MAX],
	       struct err *e);

#endif
