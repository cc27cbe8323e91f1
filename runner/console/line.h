/*
 * Lines of a console: cleaned of what is no text, and printk's prefix read.
 *
 * A slice is a piece of text that belongs to somebody else.
 */
#ifndef KLAB_CONSOLE_LINE_H
#define KLAB_CONSOLE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Longer lines are read in pieces of this size; printk itself stops at 1024. */
#define LINE_CAP 2048

struct slice {
	const char *p;
	size_t n;
};

/* One message of the kernel, or a line of somebody else. */
struct message {
	struct slice whole; /* with the prefix */
	struct slice text;  /* without it and without leading blanks */
	int64_t us;         /* -1: it has no time */
	uint32_t caller;    /* of printk's caller field; 0: it has none */
	bool mark;          /* has a prefix: it is the kernel's */
	size_t line;
};

/* Here, so that the length of a constant is one. */
static inline bool slice_starts(struct slice s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && !memcmp(s.p, prefix, n);
}

bool slice_has(struct slice s, const char *text);
/* Without leading and trailing blanks. */
struct slice slice_trim(struct slice s);
/* Without its first n bytes. */
struct slice slice_from(struct slice s, size_t n);
/* What stands behind mark; of length 0 if it is not there. */
struct slice slice_after(struct slice s, const char *mark);
/* As a string, trimmed, cut if it is too long. */
void slice_copy(char *out, size_t size, struct slice s);

/* Is there a byte that line_clean() would change? */
bool line_dirty(struct slice s);
/* Drops escape sequences and control bytes, makes a tab a blank and whatever is
 * not ASCII a question mark.  Returns the length of out, at most s.n. */
size_t line_clean(struct slice s, char *out);

/* Reads "<6>[   12.345678][  T123] text"; each part may be missing. */
void line_read(struct slice s, struct message *m);
/* Where after the first byte a time stamp "[   12.345678]" starts, as it does
 * where one message cuts into another; s.n if nowhere. */
size_t line_cut(struct slice s);

#endif
