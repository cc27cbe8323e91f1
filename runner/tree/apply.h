/*
 * Patches applied one after the other in a scratch repository.
 */
#ifndef KLAB_APPLY_H
#define KLAB_APPLY_H

#include "tree/objects.h"
#include "tree/repo.h"

struct patch;
struct series;

/* Zeroed: closed. */
struct apply {
	struct repo scratch;
	struct strv folders;   /* names that patches touch, but are folders */
	struct entries before; /* the files as the last patch left them */
};

/* What one patch changes. */
struct delta {
	struct strv removed;
	struct entries written; /* their blobs are in the scratch repository */
};

/* Makes a scratch repository in r for the n patches, on top of a commit. */
int apply_open(struct apply *a, const struct repo *r, const char *commit,
	       const struct patch *patches, size_t n, struct err *e);
/* Applies the next one, patch i of s, which has those before it.  *refused
 * says, in a sentence that the caller frees, why it does not apply; else it is
 * NULL and d is what has changed.  After a fixup, which later patches were made
 * without, what the patch does without it is merged. */
int apply_patch(struct apply *a, const struct series *s, size_t i,
		struct delta *d, char **refused, struct err *e);
void apply_close(struct apply *a);
void delta_release(struct delta *d);

#endif
