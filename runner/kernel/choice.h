/*
 * Which of Debian's kernel packages a request means.  Pure.
 *
 * The parts of a kernel have moved.  Up to 6.17 linux-image-<release> has all;
 * in 6.18 the config is in linux-base-<release>; from 6.19 on
 * linux-image-<release> only ties these to linux-binary-<release> (the image)
 * and linux-modules-<release>; and where nothing is signed yet there is only
 * linux-binary-unsigned-<release>.  Names without a release are meta-packages.
 */
#ifndef KLAB_CHOICE_H
#define KLAB_CHOICE_H

#include <stdbool.h>

struct err;
struct package;
struct packages;

/* The packages that the parts of one kernel are in, some of which may be the
 * same.  config and modules are NULL if the mirror has dropped them, as it does
 * with those of older releases.  They belong to the struct packages. */
struct choice {
	const struct package *image, *config, *modules;
};

/* Does a package of this name have a part of a kernel in it, or tie one? */
bool choice_may_use(const char *name);
/* The newest version if version is NULL.  ERR_USER, with what there is instead,
 * if there is no such package or version. */
int choice_make(struct choice *c, const struct packages *p, const char *name,
		const char *version, struct err *e);

#endif
