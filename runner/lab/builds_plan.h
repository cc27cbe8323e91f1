/*
 * What builds.c (the walk) and builds_plan.c (what there is to build) share.
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
	const char *id; /* struct tree_stage's kconfig */
	struct kconfig_result r;
	bool failed; /* why is set, and r may have what is unmet */
	struct err why;
};

/* What builds one config. */
struct lane {
	struct builds *b;
	struct sandbox box;
	char *obj;
	struct build_request rq;
	struct build *build; /* NULL: idle */
	size_t stage;
};

struct builds {
	struct lab *lab;
	struct study *s;
	struct builds_options o;
	struct tree_stages tree;
	char name[17]; /* of the source */
	char *src, *ccache;
	struct strv folders; /* of a compiler that is not a system one */
	struct lane *lanes;  /* by config */
	struct settled *settled;
	size_t nsettled;
	struct planned *planned; /* by stage and config */

	uv_loop_t *loop;
	builds_fn done;
	builds_fail_fn fail;
	void *arg;
	size_t at; /* stage that the tree is at, or is switched to */
	struct job *switching;
	size_t running; /* lanes that build */
	size_t shared;  /* kernels in state SHARED */
	bool alone;     /* the one that runs is a first build */
	bool stopping;
};

/* Fills all of b that is not for the walk; lab, study and options are set. */
int builds_plan(struct builds *b, struct err *e);

struct planned *planned_at(const struct builds *b, size_t stage, size_t config);
/* Is there a config that this stage is still to be built for? */
bool stage_wanted(const struct builds *b, size_t stage);
/* The stage of the tree that the study's stage of that index is. */
const struct tree_stage *tree_at(const struct builds *b, size_t stage);
/* What builds that kernel; it points into b. */
void lane_request(struct builds *b, size_t stage, size_t config,
		  struct build_request *rq);

#endif
