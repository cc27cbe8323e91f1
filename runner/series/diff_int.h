/*
 * Inside the reader of diffs: diff.c has the headers of files, diff_hunks.c
 * what changes in them, diff_names.c their names.
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
	bool rewritten;   /* a rename with changes */
	bool bare;        /* has no content */
	bool empty_index; /* `index` is that of an empty file */
	bool has_index;
};

struct diff_files {
	struct diff_file *at;
	size_t n;
};

struct reader {
	const struct place *at;
	struct lines in;
	struct line l; /* the line at hand */
	bool more;     /* there is one */
	struct diff *out;
	struct diff_files files;
	struct err *e;
};

void reader_next(struct reader *r);
/* Puts the line at hand into the diff. */
void reader_keep(struct reader *r);
/* The same, and goes on. */
void reader_pass(struct reader *r);
/* There is a line, and it starts with prefix. */
bool reader_at(const struct reader *r, const char *prefix);
bool reader_at_signature(const struct reader *r);
/* Refuses a CR at the end of a line that is no content. */
int reader_check_end(struct reader *r);
/* The file whose part this is. */
struct diff_file *reader_file(struct reader *r);

/* The hunks of a file, at least one. */
int diff_hunks(struct reader *r);
/* What follows `GIT binary patch`. */
int diff_binary(struct reader *r);
/* What stands behind the changes of a file is not more of them. */
int diff_no_rest(struct reader *r);

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
