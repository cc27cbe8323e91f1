/*
 * lab/kernels/<key>/manifest.json: what a kernel is and where it is from.
 */
#ifndef KLAB_MANIFEST_H
#define KLAB_MANIFEST_H

#include "kernel/store.h"

/* Writes dir/manifest.json. */
int manifest_write(const char *dir, const struct kernel *k,
		   const struct kernel_origin *from, struct err *e);
/* Fills k, of which dir and key are set, from dir/manifest.json. */
int manifest_read(struct kernel *k, struct err *e);
/* The entry of that part in its list of packages; -ENOENT if there is none. */
int manifest_read_deb(const char *dir, const char *part, struct kernel_deb *deb,
		      struct err *e);

#endif
