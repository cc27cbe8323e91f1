/*
 * Kernel source `image`: a bzImage or a vmlinux of the user's own.
 *
 * A vmlinux must have a PVH entry (CONFIG_PVH=y), for without one QEMU cannot
 * start it.  The file is copied into the store, so the user may overwrite it.
 */
#ifndef KLAB_IMAGE_H
#define KLAB_IMAGE_H

#include "kernel/kernel.h"

struct err;

struct image_request {
	const char *path;   /* bzImage or vmlinux */
	const char *config; /* its .config, or NULL */
	const char *map;    /* its System.map, or NULL */
};

/* ERR_USER if a file is missing, or the image is not one that can be booted. */
int image_kernel(const char *lab, const struct image_request *rq,
		 struct kernel *k, struct err *e);

#endif
