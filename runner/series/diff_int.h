/*
 * Inside the reader of diffs: diff.c has the lines, diff_names.c the names.
 */
#ifndef KLAB_SERIES_DIFF_INT_H
#define KLAB_SERIES_DIFF_INT_H

#include "series/diff.h"

/* One file of a diff.  Names are unquoted and have their prefix; NULL stands
 * for one that is not given and for /dev/null. */
struct diff_file {
	size_t line;
	bool git;                /* has a `diff --git` line */
	char *git_old, *git_new; /* from there, where that is unambiguous */
	char *old, *new;         /* from --- and +++ */
	char *from, *to;         /* of a rename or copy, without prefix */
	char *target;            /* of a symbolic link that it makes */
	bool link;               /* is one afterwards */
	bool made, removed;
	bool mode_changes;
	bool empty_index; /* `index` is that of an empty file */
	bool has_index;
};

struct diff_files {
	struct diff_file *at;
	size_t n;
};

void diff_files_release(struct diff_files *f);
/* The names of a `diff --git` line. */
void diff_git_names(const char *text, size_t len, struct diff_file *f);
/* The name of a --- or +++ line, behind the mark: *out is NULL for /dev/null.
 */
int diff_plain_name(const struct place *at, size_t line, const char *text,
		    size_t len, bool git, char **out, struct err *e);
/* Settles out->strip, fills out->paths and checks every name. */
int diff_check_names(const struct place *at, const struct diff_files *f,
		     int strip, struct diff *out, struct err *e);

#endif
