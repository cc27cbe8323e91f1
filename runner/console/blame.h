/*
 * Whom a report points at: symbols in a line, and which functions only report,
 * lock or wait on behalf of the one that a developer would name.
 */
#ifndef KLAB_CONSOLE_BLAME_H
#define KLAB_CONSOLE_BLAME_H

#include "console/line.h"

#define SYMBOL_CAP 128

/* Groups of functions that are passed over. */
enum blame_skip {
	SKIP_REPORT = 1, /* print the report; checkers; interrupt entry */
	SKIP_LOCK = 2,
	SKIP_WAIT = 4,
	SKIP_ALLOC = 8,
	SKIP_FREE = 16,
	SKIP_COPY = 32, /* memcpy() and the like */
};

struct symbol {
	char name[SYMBOL_CAP]; /* without .isra.0 and the like */
	unsigned offset;
};

/* The first "name+0x12/0x34" in s. */
bool symbol_find(struct slice s, struct symbol *out);
/* Is s one line of a stack trace, "name+0x12/0x34 [module]" and no more?  One
 * with "? " in front, which is not known to be a caller, is none for this. */
bool symbol_frame(struct slice s, struct symbol *out);
/* The word at the start of s as a symbol without offset. */
bool symbol_word(struct slice s, struct symbol *out);

/* The names of all groups, by their first letter. */
struct blame;

struct blame *blame_new(void);
void blame_free(struct blame *b);
/* Is the function in one of these groups? */
bool blame_skips(const struct blame *b, const char *function, unsigned groups);

#endif
