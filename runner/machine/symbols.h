/*
 * Names of a kernel's code addresses, from its System.map.
 */
#ifndef KLAB_SYMBOLS_H
#define KLAB_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct symbols;

/* Reads a System.map, of which a line that is none is left out. */
int symbols_load(const char *path, struct symbols **out, struct err *e);
void symbols_free(struct symbols *s);
/* Is it in the kernel's own code?  NULL knows of none. */
bool symbols_has(const struct symbols *s, uint64_t address);
/* "name+0x12/0x80" as the kernel writes it, or the plain address; buf is
 * returned. */
const char *symbols_name(const struct symbols *s, uint64_t address, char *buf,
			 size_t size);

#endif
