/*
 * What builds.c (the loop), builds_plan.c (what there is to build) and walks.c
 * (the trees that it is built in) share.
 */
#ifndef KLAB_BUILDS_PLAN_H
#define KLAB_BUILDS_PLAN_H

#include "lab/builds.h"

#include "base/job.h"
#include "build/kconfig.h"
#include "tree/tree.h"

/* A config as it was settled by one state of the tree's Kconfig files. */
struct settled {
	size_t config;
	const char *id; /* struct tree_stage's kconfig; of a stage that brings
			   its config the path of that */
	struct kconfig_result r;
	bool failed; /* why is set, and r may have what is unmet */
	struct err why;
};

/* What builds one config on one walk. */
struct lane {
	struct walk *walk;
	struct sandbox box;
	char *obj;
	struct build_request rq;
	struct build *build; /* NULL: idle */
	size_t stage;
	/* What its objects were last made from without an error; NULL: not
	 * known. */
	const struct tree_stage *made;
	const char *made_config; /* as in rq */
	struct strv changed;     /* from that to the stage it builds */
};

#define WALKS_MAX 16

/* One way through the stages: a tree that is switched from one to the next, and
 * an object folder for each config.  The first is kept in the lab; the others
 * are copies of it in lab/walks/<n>, which last for the run. */
struct walk {
	struct builds *b;
	char *root; /* has trees/ and obj/: the lab, or lab/walks/<n> */
	char *src;
	struct lane *lanes; /* by config */
	bool has_objects;   /* of a copy: its tree is still to come */
	bool ready;         /* its tree and its objects are there */
	size_t at;          /* stage that it has come to */
	bool there;         /* its tree is switched to that */
	size_t end;         /* it goes as far as the stage before this one */
	size_t running;     /* lanes that build */
	struct job *job;    /* switches the tree, copies or removes; or NULL */
};

struct builds {
	struct lab *lab;
	struct study *s;
	struct builds_options o;
	struct tree_stages tree;
	char name[17]; /* of the source */
	char *ccache;
	struct strv kmods;   /* sources of the workloads' own modules */
	struct strv folders; /* of a compiler that is not a system one */
	struct walk *walks;
	size_t nwalks;
	struct settled *settled;
	size_t nsettled;
	const struct tree_stage *settles_at; /* builds_settle() switched to it;
						or NULL */
	struct planned *planned;             /* by stage and config */

	uv_loop_t *loop;
	builds_fn done;
	builds_fail_fn fail;
	void *arg;
	size_t running; /* lanes that build, of all walks */
	size_t shared;  /* kernels in state SHARED */
	bool alone;     /* the one that runs is a first build */
	bool copied;    /* walks_copy_objects() was called */
	size_t copying; /* walks that are being copied */
	void (*copied_one)(struct walk *w);
	bool stopping;
	size_t *wanted; /* on demand: stages in the order in which they are
			   wanted */
	size_t nwanted;
};

/* Fills all of b that is not for the walk; lab, study and options are set. */
int builds_plan(struct builds *b, struct err *e);

/* builds_settle.c: settles all configs of the study for all its stages; what
 * cannot be settled says why. */
void settle_all(struct builds *b);
struct settled *settled_at(const struct builds *b, size_t stage, size_t config);

struct planned *planned_at(const struct builds *b, size_t stage, size_t config);
/* Is there a config that this stage is still to be built for? */
bool stage_wanted(const struct builds *b, size_t stage);
/* The stage of the tree that the study's stage of that index is. */
const struct tree_stage *tree_at(const struct builds *b, size_t stage);
/* What builds that kernel in that lane; it points into b. */
void lane_request(const struct lane *l, size_t stage, size_t config,
		  struct build_request *rq);

/* ---- walks.c ---- */

/* Makes room for as many walks as are of use; only the first is ready. */
void walks_new(struct builds *b);
void walks_free(struct builds *b);
/* Does a walk have to be copied from the first one, and can it be? */
bool walks_to_copy(const struct builds *b);
/* Copies the objects of the first walk, which nothing may build meanwhile; done
 * comes from the loop for each copy. */
void walks_copy_objects(struct builds *b, void (*done)(struct walk *w));
/* Copies the tree to where the objects are, which then are of a stage before
 * it: make sees that by the times.  It may be built meanwhile, but not
 * switched. The same done comes for each copy, which is ready, or could not be
 * made. */
void walks_copy_trees(struct builds *b);
/* Is one being copied? */
bool walks_copying(const struct builds *b);
/* Takes the walk to its next stage that is to be built, or to a part of what
 * another one has before it.  False if there is nothing left. */
bool walk_next(struct walk *w);
/* Removes a copy that has no more to do. */
void walk_remove(struct walk *w);
/* Would the lane's next build compile everything? */
bool lane_is_first(const struct lane *l);

#endif
