/*
 * A unified diff, read strictly: what git apply is given later is complete and
 * names no file outside the tree.
 */
#ifndef KLAB_SERIES_DIFF_H
#define KLAB_SERIES_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "series/text.h"

struct err;

#define STRIP_AUTO -1 /* 1, or 0 where the names say so */

struct diff {
	struct str text;   /* without what stands between and behind */
	struct strv paths; /* files it touches, stripped, sorted */
	int strip;
	size_t blanks; /* blank context lines that had lost their space */
	size_t crs;    /* lines whose content ends in CR */
};

/* Does a diff start at the line that was just read, l?  in stands behind it. */
bool diff_starts(const struct line *l, const struct lines *in);
/*
 * Reads the diff that starts at line `first` (from 1) of text.  Refused, with
 * the line: a diff that is cut off, hunks that have other lines than their
 * headers say, names that disagree or leave the tree, `Binary files differ`,
 * submodules.  What follows the signature or is no diff is left out.  out is
 * released by the caller, after an error, too.
 */
int diff_read(const struct place *at, const char *text, size_t len,
	      size_t first, int strip, struct diff *out, struct err *e);
void diff_release(struct diff *d);

/* What a diff says of one file: the ids of the contents before and after, as
 * far as given.  The strings are abbreviated hex and end at any other byte. */
struct diff_index {
	const char *name; /* after the change, as given, ends at a newline */
	const char *before, *after;
};

/* The next `index` line of a checked diff at *text, which is moved on. */
bool diff_next_index(const char **text, struct diff_index *out);

#endif
