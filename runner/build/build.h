/*
 * One build of one kernel on the event loop.
 *
 * Runs make in the sandbox for a tree that is switched to the right commit,
 * with an object folder that may have been used for another stage before.
 * Nothing else may switch the tree until done was called.  An object folder
 * that a killed build left behind is thrown away: ccache makes up for it.
 *
 * Beside the object folder are <obj>.log, the output of its last build,
 * <obj>.building, the mark of one that has not ended well, <obj>.old.N, which
 * is on its way out, and <obj>.kmods, where klab's own modules are built.
 *
 * A kernel that does not build is a result, with the first errors of the
 * compiler, and not a failure of the lab; a full disk, a killed compiler or a
 * missing tool is one, which is not remembered.  A make that has not ended at
 * its deadline is a kernel that does not build, until it is given more time.
 */
#ifndef KLAB_BUILD_H
#define KLAB_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/str.h"
#include "build/sandbox.h"
#include "build/toolchain.h"
#include "kernel/kernel.h"

struct build;

struct build_request {
	const char *lab;
	const struct sandbox
		*box; /* obj is the object folder; made if need be */
	const struct toolchain *tools;
	const char *config;         /* the settled .config */
	const char *commit, *tree;  /* of the stage, for the manifest */
	const char *source;         /* "git", "tarball", "debian-source" */
	const char *stage;          /* its name, for the manifest */
	const struct strv *touched; /* files that the stage's patch touches */
	const struct strv *changed; /* files in which the tree differs from what
				       the object folder was last built from,
				       without an error and with this config;
				       NULL: not known */
	const struct strv *kmods;   /* absolute paths of C files, each a kernel
				       module of klab's own, with the headers
				       beside it; NULL: none */
	int jobs;                   /* make -j */
	uint64_t deadline_ms;
};

enum build_state { BUILD_OK, BUILD_BROKEN, BUILD_LAB, BUILD_STOPPED };

struct build_error {
	char *file; /* in the tree; NULL for the linker's */
	int line;   /* 0 if unknown */
	char *text;
	bool touched; /* the stage's own patch touches that file */
};

struct build_result {
	enum build_state state;
	char *reason;               /* one sentence; NULL if BUILD_OK */
	struct build_error *errors; /* the first few */
	size_t nerrors;
	char *log; /* lab/kernels/.../build.log.zst, or
		      lab/broken/<key>/build.log.zst; NULL */
	uint64_t wall_ms;
	struct kernel kernel; /* of BUILD_OK, in the store */
};

typedef void (*build_done_fn)(struct build *b, void *arg);

/* The content key that this request leads to: 16 hex digits from tree, config,
 * toolchain, make arguments and modules of klab's own.  Knows it without
 * building. */
int build_key(const struct build_request *rq, char key[17], struct err *e);
/* Was this key built before?  0: a kernel, or a known break, is in *out (state
 * BUILD_OK or BUILD_BROKEN).  -ENOENT: no. */
int build_find(const struct build_request *rq, struct build_result *out,
	       struct err *e);
/* done comes once, from the loop; the build is the caller's from then on.  What
 * rq points to must live until then. */
int build_start(uv_loop_t *loop, const struct build_request *rq,
		build_done_fn done, void *arg, struct build **out,
		struct err *e);
/* Ends it before its time; done still comes. */
void build_stop(struct build *b);
const struct build_result *build_result(const struct build *b);
void build_free(struct build *b);
void build_result_release(struct build_result *r);

/* Folder in the kernel's own, with NAME.ko or, of a module that does not build
 * against this kernel, NAME.err. */
#define BUILD_KMODS "kmods"
/* The module of a source: of "/x/klab_kmalloc.c" it is klab_kmalloc.  Freed by
 * the caller. */
char *build_kmod_name(const char *source);
/* A module that this kernel was built with.  0: *path is NAME.ko's, or *why
 * says in one sentence why there is none; both are the caller's to free, one of
 * them is NULL.  ERR_LAB: the kernel was built without asking for it. */
int build_kmod_find(const struct kernel *k, const char *name, char **path,
		    char **why, struct err *e);

#endif
