/*
 * Where a kernel's functions are: from the symbol table of its vmlinux, or from
 * its System.map.  Both are untrusted files.
 */
#ifndef KLAB_CONSOLE_KSYMS_H
#define KLAB_CONSOLE_KSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct ksyms;

/* A user error if the file is no ELF file with a symbol table. */
int ksyms_from_elf(const char *path, struct ksyms **out, struct err *e);
int ksyms_from_map(const char *path, struct ksyms **out, struct err *e);
void ksyms_free(struct ksyms *s);
/* Does the file also say which line an address is? */
bool ksyms_have_lines(const struct ksyms *s);
/* The address of name+offset.  Of several functions of that name it is the one
 * whose length is nearest to size (0: not known).  False if there is none of
 * about that length: then the file is of another kernel. */
bool ksyms_find(const struct ksyms *s, const char *name, uint64_t offset,
		uint64_t size, uint64_t *address);

#endif
