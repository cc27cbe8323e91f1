/*
 * What the files of a build share; for build*.c alone.
 */
#ifndef KLAB_BUILD_INT_H
#define KLAB_BUILD_INT_H

#include "base/file.h"
#include "build/build.h"
#include "build/build_kmods.h"

/* Raised when what the fixed environment or the command line makes of the same
 * source changes: kernels built before have other keys then. */
#define BUILD_ENVIRONMENT 1

#define BUILD_CONFIG_CAP (8u << 20)
/* Above any vmlinux with debug data. */
#define BUILD_FILE_CAP (8ull << 30)

/* ---- key ---- */

/* The settled config of a request. */
struct build_config {
	struct str text;
	char sha256[SHA256_HEX];
	bool pvh;     /* QEMU can start the vmlinux itself */
	bool modules; /* it can load modules */
};

int build_config_read(const char *path, struct build_config *c, struct err *e);
void build_config_release(struct build_config *c);
void build_key_of(const struct build_request *rq, const struct build_config *c,
		  const struct build_kmods *m, char key[17]);
/* Do two configs set the same?  If not, `where` gets the first line that only
 * one of them has. */
bool build_config_same(const char *a, const char *b, char where[160]);

/* ---- object folder ----
 *
 * What is in it was written by the build, which is not trusted: no link in it
 * is followed.  Log and marker are beside it, where a sandboxed build cannot
 * get.
 */

struct build_obj {
	const char *path;
	char *log;    /* <path>.log: the last build's output */
	char *marker; /* <path>.building: there while make runs, and after it
			 was killed */
	bool fresh;   /* was made for this build */
};

void build_obj_init(struct build_obj *o, const char *path);
void build_obj_release(struct build_obj *o);
/* Makes the folder, or puts one away that a killed build left; sets the marker
 * and puts the config in. */
int build_obj_prepare(struct build_obj *o, const struct build_config *c,
		      struct err *e);
/* Make has ended by itself: what it left may be built upon. */
void build_obj_clean(const struct build_obj *o);
/* Removes a file in it. */
void build_obj_drop(const struct build_obj *o, const char *name);
/* The folders that were put away, as words of an rm command line; false if
 * there are none. */
bool build_obj_old(const struct build_obj *o, struct strv *argv);
/* Opens a file in it; -ENOENT (ERR_KERNEL) if there is none. */
int build_obj_open(const struct build_obj *o, const char *name, int *fd,
		   struct err *e);
/* Copies a file of at most cap bytes out of it. */
int build_obj_copy(const struct build_obj *o, const char *name, const char *to,
		   uint64_t cap, struct err *e);

/* ---- make ---- */

/* Adds the whole command line, sandbox and all.  fresh: nothing was built in
 * the object folder before. */
void build_make_argv(const struct build_request *rq, bool fresh,
		     const struct build_config *c, struct strv *argv);

/* Adds make with what is the same for a kernel and its modules; targets are
 * still to come. */
void build_make_words(const struct build_request *rq, struct strv *argv);

/* ---- kernels that do not build: lab/broken/<key> ---- */

int build_broken_find(const struct build_request *rq, const char *key,
		      struct build_result *out, struct err *e);
/* Writes errors, reason and log of r; sets r->log. */
int build_broken_add(const struct build_request *rq, const char *key,
		     bool deadline, const struct str *log,
		     struct build_result *r, struct err *e);

/* ---- after make ---- */

#define STRIPPED ".klab-stripped" /* in the object folder */

struct build_outcome {
	int exit, signal;
	bool deadline;
	bool stripped; /* STRIPPED is there in place of vmlinux */
	struct build_kmods *kmods;
};

/* Judges what make did, and puts it into the lab: a kernel, or a known break.
 * Blocks; needs no loop.  *again: the object folder was bad, try a new one.
 * *clean: the object folder may be used again. */
void build_take(const struct build_request *rq, const struct build_config *c,
		const char *key, const struct build_obj *o,
		const struct build_outcome *how, struct build_result *out,
		bool *again, bool *clean);

#endif
