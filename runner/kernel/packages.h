/*
 * Packages as `apt-cache show` tells of them.  Pure: text in, packages out.
 */
#ifndef KLAB_PACKAGES_H
#define KLAB_PACKAGES_H

#include <stdbool.h>
#include <stddef.h>

struct package {
	char *name, *version, *arch, *sha256;
	char *depends;  /* "" if none */
	bool candidate; /* the version apt itself would install */
};

/* Zeroed: empty.  Versions of one name stand newest first, as apt has them. */
struct packages {
	struct package *v;
	size_t n;
};

/* Adds the stanzas of `apt-cache show`; incomplete ones are left out. */
void packages_parse(struct packages *p, const char *text);
/* Marks those that stand in `apt-cache show --no-all-versions`. */
void packages_mark_candidates(struct packages *p, const char *text);
/* That version; with NULL apt's candidate, for of two suites the newer version
 * may be in one that apt uses only when told to (backports). */
const struct package *packages_find(const struct packages *p, const char *name,
				    const char *version);
void packages_release(struct packages *p);

#endif
