/*
 * The commits of a range in the user's repository, for a look before anything
 * is fetched or built.
 */
#ifndef KLAB_RANGE_H
#define KLAB_RANGE_H

#include <stddef.h>

#include "base/str.h"

struct err;

/* "abbreviated-id subject" of each commit of from..to along first parents,
 * oldest first.  ERR_USER if there is no such revision, no commit, or more than
 * max. */
int range_titles(const char *repository, const char *from, const char *to,
		 size_t max, struct strv *titles, struct err *e);

#endif
