/*
 * The kernel store: lab/kernels/<key>/, one folder per kernel.
 *
 * bzImage as delivered, vmlinux if it can be had and QEMU can start it (PVH; of
 * a kernel that klab built with its symbols, but without debug data), config
 * and System.map where the source has them, build.log.zst of a kernel that klab
 * built, and manifest.json, which says what all of it is and where it came
 * from. A folder appears whole, by rename, and does not change afterwards,
 * except that modules/ fills up.  The key is made from the content, that of a
 * built kernel from what went into it, so a kernel that is there already is
 * found again, and of two klabs that add the same kernel at once one wins and
 * both are right.
 *
 * To add one: kernel_store_stage(), put the files into the folder, then
 * kernel_store_add(), which consumes the folder whether it succeeds or not.
 * Folders named .new.* in lab/kernels are left over from a killed klab.
 */
#ifndef KLAB_STORE_H
#define KLAB_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "kernel/kernel.h"

struct err;

/* Names of the files that a source puts into a stage; only image must be. */
#define STAGE_IMAGE "image"
#define STAGE_CONFIG "config"
#define STAGE_MAP "System.map"
/* What the store adds where it can: see exact.h. */
#define EXACT_IMAGE "vmlinux-exact"
#define STAGE_LOG "build.log.zst"

/* A package that a part of the kernel is in. */
struct kernel_deb {
	char *part; /* "image", "config" or "modules" */
	char *name, *version, *arch, *sha256;
};

/* How klab built a kernel. */
struct kernel_build {
	const char *key;
	const char *identity, *commit, *tree, *stage;
	const char *toolchain; /* version text */
	const struct strv *make_args;
	bool llvm, sandboxed;
	const char *config_sha256; /* of the settled config */
	uint64_t loaded;           /* bytes of the kernel in memory */
	uint64_t wall_ms;
};

/* Where a kernel comes from, for its manifest; all but source may be NULL. */
struct kernel_origin {
	const char *source;
	const char *requested; /* the name asked for, if not the package's */
	const char *package, *version, *suite;
	const struct kernel_deb *debs;
	size_t ndebs;
	const struct kernel_build *build; /* NULL: prebuilt */
};

/* Makes an empty folder in lab/kernels; *stage is freed by the caller. */
int kernel_store_stage(const char *lab, char **stage, struct err *e);
/* Removes a folder that did not come to be added. */
void kernel_store_drop(const char *stage);
/* Checks the image, adds what can be derived from it, and publishes. */
int kernel_store_add(const char *lab, const char *stage,
		     const struct kernel_origin *from, struct kernel *k,
		     struct err *e);
/* The same for a kernel that klab built: from->build has the key. */
int kernel_store_add_built(const char *lab, const char *stage,
			   const struct kernel_origin *from, struct kernel *k,
			   struct err *e);
/* -ENOENT if the store has no such kernel. */
int kernel_store_find(const char *lab, const char *key, struct kernel *k,
		      struct err *e);
/* The package that a part of the kernel is in; -ENOENT if there is none. */
int kernel_store_deb(const struct kernel *k, const char *part,
		     struct kernel_deb *deb, struct err *e);
void kernel_deb_release(struct kernel_deb *deb);

#endif
