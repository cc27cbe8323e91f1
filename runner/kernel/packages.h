/*
 * Debian's kernel packages, and which of them a request means.  Pure: text of
 * `apt-cache show` in, packages out.
 *
 * The image has lived in three places.  Up to 6.18 linux-image-<release> has
 * all; then linux-image-<release> only ties linux-binary-<release> (the image),
 * linux-base-<release> (the config) and linux-modules-<release> together; and
 * where nothing is signed yet there is only linux-binary-unsigned-<release>.
 * Names without a release are meta-packages.
 */
#ifndef KLAB_PACKAGES_H
#define KLAB_PACKAGES_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct strv;

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

/* The packages that the parts of one kernel are in; two or all three may be
 * the same.  They belong to the struct packages. */
struct choice {
	const struct package *image, *config, *modules;
};

/* Adds the stanzas of `apt-cache show`; incomplete ones are left out. */
void packages_parse(struct packages *p, const char *text);
/* Marks those that stand in `apt-cache show --no-all-versions`. */
void packages_mark_candidates(struct packages *p, const char *text);
void packages_release(struct packages *p);
/* Does a package of this name have a part of a kernel in it, or tie one? */
bool package_is_kernel(const char *name);
/* The newest version if version is NULL.  ERR_USER, with what there is instead,
 * if there is no such package or version. */
int packages_choose(const struct packages *p, const char *name,
		    const char *version, struct choice *c, struct err *e);

#endif
