/*
 * Many objects of a repository at once, read by one git command.
 */
#ifndef KLAB_OBJECTS_H
#define KLAB_OBJECTS_H

#include <stddef.h>

#include "tree/git.h"

struct err;
struct repo;

struct object {
	char *name;       /* as it was asked for */
	const char *data; /* NULL: there is no such blob */
	size_t len;
};

/* Zeroed: empty. */
struct objects {
	struct object *v; /* in the order of names */
	size_t n;
	struct str text; /* which the data are in */
};

/* names may be abbreviated ids; one that means no blob, or several, has no
 * data. */
int objects_read(const struct repo *r, const struct strv *names,
		 struct objects *o, struct err *e);
void objects_release(struct objects *o);

/* An entry of a tree or an index. */
struct entry {
	char *path;
	char mode[8]; /* octal */
	char id[GIT_ID];
};

/* Zeroed: empty.  Sorted by path. */
struct entries {
	struct entry *v;
	size_t n;
};

/* From lines "<mode> <type> <id>\t<path>" or "<mode> <id> <stage>\t<path>" that
 * end with NUL, as ls-tree -z and ls-files -s -z print them. */
int entries_parse(struct entries *l, const char *text, size_t len,
		  struct err *e);
const struct entry *entries_find(const struct entries *l, const char *path);
void entries_release(struct entries *l);

#endif
