/*
 * Kernel modules of klab's own, built against a kernel after its vmlinux; for
 * build*.c alone.
 *
 * Each source is copied to <obj>.kmods/NAME, a new folder, with the headers
 * that are beside it, and built there by the tree's own rules for modules from
 * outside.  The sandbox then shows the
 * object folder for reading only, so that the kernel's next stage finds it as
 * it was; what these rules still need in it comes from modules_prepare before.
 * The kernel's own make is the same with modules and without.
 *
 * A module that does not compile against this kernel is a result: NAME.err,
 * with one sentence, takes the place of NAME.ko in the store.
 */
#ifndef KLAB_BUILD_KMODS_H
#define KLAB_BUILD_KMODS_H

#include "build/build.h"

#include "base/file.h"

struct build_config;
struct build_obj;

struct build_kmod_file {
	char *name;
	struct str text;
};

struct build_kmod {
	char *name;
	struct build_kmod_file *files; /* its source, then the headers */
	size_t nfiles;
	char sha256[SHA256_HEX]; /* of all of them */
	bool built;
	char *why; /* it is not built: one sentence */
};

struct build_kmods {
	struct build_kmod *at; /* by name */
	size_t n;
	char *folder;   /* <obj>.kmods, once they are built */
	struct str log; /* what the makes said */
	char *trouble;  /* the lab's, so nothing is to be remembered; or NULL */
	/* While they are built. */
	uv_loop_t *loop;
	const struct build_request *rq;
	struct job **job;
	void (*done)(void *arg);
	void *arg;
	size_t next; /* 0: modules_prepare; then each module */
	bool stopped;
};

/* Reads the sources, of which one name may be there once only. */
int build_kmods_read(const struct strv *paths, struct build_kmods *m,
		     struct err *e);
void build_kmods_release(struct build_kmods *m);
/* Adds to a key's text what they are; nothing if there are none. */
void build_kmods_digest(const struct build_kmods *m, struct str *s);
/* Builds them one by one; done comes from the loop, unless it fails.  *job is
 * the process that runs, for job_stop(); `stopped` tells of it then. */
int build_kmods_start(struct build_kmods *m, uv_loop_t *loop,
		      const struct build_request *rq,
		      const struct build_config *c, struct job **job,
		      void (*done)(void *arg), void *arg, struct err *e);
/* Copies what came out into a folder kmods of the stage. */
int build_kmods_take(const struct build_kmods *m, const char *stage,
		     struct err *e);
/* Removes the folder that they were built in. */
void build_kmods_clean(const struct build_kmods *m);

#endif
