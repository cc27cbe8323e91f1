/*
 * What a patch does in a series without the fixups that were put into it.
 */
#ifndef KLAB_PLAIN_H
#define KLAB_PLAIN_H

#include "tree/repo.h"

struct err;
struct series;
struct str;

/* The diff of patch i of s, made anew in the scratch repository, on top of
 * those before it but the fixups: its preimages are in the repository, so that
 * a three-way merge finds them.  Nothing is added if it does not apply there.
 */
int plain_diff(const struct repo *scratch, const struct series *s, size_t i,
	       struct str *diff, struct err *e);

#endif
