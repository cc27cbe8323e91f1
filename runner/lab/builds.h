/*
 * The kernels of a study that klab builds: what there is to build, and building
 * it on the event loop beside the boots.
 *
 * builds_new() makes the stages and settles the configs, which blocks and may
 * fetch; from then on builds_at() tells of each kernel whether it is there, is
 * to be built, or cannot be.  builds_start() walks the stages: the tree is
 * switched to a stage, then the configs that need it are built side by side,
 * each in an object folder of its own, so that each is an incremental build.
 * Where that leaves cores idle, copies of tree and objects take later parts of
 * the series at the same time.
 */
#ifndef KLAB_BUILDS_H
#define KLAB_BUILDS_H

#include <uv.h>

#include "build/build.h"
#include "lab/lab.h"
#include "study/study.h"

struct builds;
struct tree_stage;

struct builds_options {
	int jobs;        /* configs side by side, and make -j */
	bool no_sandbox; /* make runs as klab does */
	bool refresh;    /* ask a mirror or a URL again */
	bool retry;      /* build again what did not build */
	bool on_demand;  /* nothing is built unless builds_want() asks */
	/* Told what takes long, and what of the study cannot be had. */
	void (*note)(const char *text, void *arg);
	void (*trouble)(const struct err *e, void *arg);
	void *arg;
};

enum planned_state {
	PLANNED_NONE,
	PLANNED_DONE,
	PLANNED_TODO,
	PLANNED_LATER,  /* on demand: nobody has asked for it */
	PLANNED_SHARED, /* a kernel with its key was built, not told yet */
};

/* One kernel: a stage under a config. */
struct planned {
	enum planned_state state;
	char key[17];            /* content key; empty if NONE */
	struct err why;          /* of NONE */
	struct build_result was; /* of DONE: built, or known not to build */
};

/* Fails only if there is no tree or no tool to build with. */
int builds_new(struct builds **out, struct lab *lab, struct study *s,
	       const struct builds_options *o, struct err *e);
void builds_free(struct builds *b);
/* Indices are those of the study's arrays. */
const struct planned *builds_at(const struct builds *b, size_t stage,
				size_t config);
/* The settled .config of a kernel; NULL, and why, if there is none. */
const char *builds_config(const struct builds *b, size_t stage, size_t config,
			  const struct err **why);
/* What Kconfig makes of the text at that path, at a stage: another .config in
 * the lab, whose path is the caller's to free.  What was settled before is
 * found again; else it blocks for some seconds.  From the first call on,
 * nothing else may switch the tree to another stage. */
int builds_settle(struct builds *b, size_t stage, const char *path,
		  char **settled, struct err *e);
/* The stage of the tree that the study's stage of that index is. */
const struct tree_stage *builds_stage(const struct builds *b, size_t stage);
/* The name of the source: see tree_name(). */
const char *builds_source(const struct builds *b);
/* The object folder of a config, which need not be there. */
const char *builds_objects(const struct builds *b, size_t config);
/* The folders that it builds in, as paths below the lab. */
void builds_folders(const struct builds *b, struct strv *paths);
/* How many are to be built. */
size_t builds_todo(const struct builds *b);

/* Told of each build that has ended; r is NULL when only the tree was switched.
 */
typedef void (*builds_fn)(size_t stage, size_t config,
			  const struct build_result *r, void *arg);
/* Told, once, that the lab cannot go on building; what runs still ends. */
typedef void (*builds_fail_fn)(const struct err *e, void *arg);

void builds_start(struct builds *b, uv_loop_t *loop, builds_fn done,
		  builds_fail_fn fail, void *arg);
/* On demand, after builds_start(): these stages (n of them) are to be built for
 * their config, the first one first, and no others; what runs is not ended. */
void builds_want(struct builds *b, const size_t *stages, size_t n,
		 size_t config);
/* Ends what runs; done still comes for each, with BUILD_STOPPED. */
void builds_stop(struct builds *b);
/* Builds and switches of the tree that run now: 0 means that builds has nothing
 * on the loop, and after builds_start() that it has ended. */
size_t builds_running(const struct builds *b);
/* How many it does side by side at most. */
size_t builds_lanes(const struct builds *b);

#endif
