/*
 * A stream for git fast-import, as text.  Pure, but for import_run().
 */
#ifndef KLAB_IMPORT_H
#define KLAB_IMPORT_H

#include <stddef.h>

#include "base/str.h"

struct err;
struct repo;

/* Adds a path as fast-import reads it, quoted. */
void import_path(struct str *s, const char *path);
/* Adds "data <n>" and the bytes. */
void import_data(struct str *s, const void *data, size_t len);
/* Adds the head of a commit to a ref, by klab; from is a commit or NULL. */
void import_commit(struct str *s, const char *ref, const char *message,
		   const char *from);
/* The same with an author: "Name <address>" and an ISO 8601 date, each may be
 * NULL or nonsense. */
void import_commit_by(struct str *s, const char *ref, const char *author,
		      const char *date, const char *message, const char *from);
/* Runs fast-import with that stream, which gets its end. */
int import_run(const struct repo *r, struct str *stream, struct err *e);

#endif
