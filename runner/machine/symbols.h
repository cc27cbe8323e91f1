/*
 * Names of a kernel's code addresses.
 */
#ifndef KLAB_SYMBOLS_H
#define KLAB_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct symbols;

/* Of a kernel in the store: from its System.map, or else from its vmlinux if
 * that has symbols.  -ENOENT if there are none. */
int symbols_of(const char *store, struct symbols **out, struct err *e);
/* Reads a System.map, of which a line that is none is left out. */
int symbols_load(const char *path, struct symbols **out, struct err *e);
void symbols_free(struct symbols *s);
/* Could a call in the kernel's own code return to there?  NULL knows of none.
 */
bool symbols_called_from(const struct symbols *s, uint64_t address);
/* "name+0x12/0x80" as the kernel writes it, or the plain address; buf is
 * returned. */
const char *symbols_name(const struct symbols *s, uint64_t address, char *buf,
			 size_t size);

#endif
