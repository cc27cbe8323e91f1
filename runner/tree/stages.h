/*
 * The patches of a series as commits, one on top of the other.
 *
 * Patches are applied in a scratch repository that has nothing but the files
 * that they touch, so this costs next to nothing, whatever the tree's size;
 * then all commits are made at once.
 */
#ifndef KLAB_STAGES_H
#define KLAB_STAGES_H

#include "base/err.h"
#include "base/str.h"

struct patch;
struct repo;
struct series;

/*
 * Adds the commit of each patch that applies to commits, from the memory of the
 * repository as far as they are in it.  The first that does not apply ends it:
 * then why is set.  Fails only where the lab does.
 */
int stages_make(const struct repo *r, const char *base, const struct series *s,
		struct strv *commits, struct err *why, struct err *e);

/* What a message calls a patch. */
const char *patch_name(const struct patch *p);

#endif
