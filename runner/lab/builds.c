#include "lab/builds_plan.h"

#include "base/file.h"
#include "base/str.h"

#define SWITCH_DEADLINE_MS (10ull * 60 * 1000)

int builds_new(struct builds **out, struct lab *lab, struct study *s,
	       const struct builds_options *o, struct err *e)
{
	struct builds *b = xcalloc(1, sizeof(*b));
	int r;

	BUG(!o->trouble);
	b->lab = lab;
	b->s = s;
	b->o = *o;
	for (size_t i = 0; i < s->nworkloads; i++)
		strv_merge(&b->kmods, &s->workloads[i]->kmods);
	r = builds_plan(b, e);
	if (r)
		builds_free(b);
	else
		*out = b;
	return r;
}

void builds_free(struct builds *b)
{
	if (!b)
		return;
	for (size_t i = 0; b->planned && i < b->s->nstages * b->s->nconfigs;
	     i++)
		build_result_release(&b->planned[i].was);
	for (size_t i = 0; i < b->nsettled; i++)
		kconfig_result_release(&b->settled[i].r);
	walks_free(b);
	tree_stages_release(&b->tree);
	strv_release(&b->folders);
	strv_release(&b->kmods);
	free(b->planned);
	free(b->wanted);
	free(b->settled);
	free(b->ccache);
	free(b);
}

/* ---- the walks ---- */

static void walk(struct walk *w);

static void walk_all(struct builds *b)
{
	for (size_t i = 0; i < b->nwalks; i++)
		walk(&b->walks[i]);
}

static void give_up(struct builds *b, const struct err *e)
{
	b->stopping = true;
	b->fail(e, b->arg);
}

/* A series may come back to a tree that it had before, and two configs may be
 * settled to one: what has the same key needs no build of its own. */
static void share_build(struct builds *b, const char *key)
{
	for (size_t i = 0; i < b->s->nstages * b->s->nconfigs; i++) {
		struct planned *p = &b->planned[i];

		if ((p->state != PLANNED_TODO && p->state != PLANNED_LATER) ||
		    strcmp(p->key, key))
			continue;
		p->state = PLANNED_SHARED;
		b->shared++;
	}
}

static void tell_one_shared(struct builds *b, size_t stage, size_t config)
{
	struct planned *p = planned_at(b, stage, config);
	struct build_request rq;
	struct err e;

	lane_request(&b->walks->lanes[config], stage, config, &rq);
	p->state = PLANNED_DONE;
	b->shared--;
	build_result_release(&p->was); /* of a run before, that is retried */
	if (build_find(&rq, &p->was, &e)) {
		give_up(b, &e);
		b->done(0, 0, NULL, b->arg);
	} else {
		b->done(stage, config, &p->was, b->arg);
	}
}

static void tell_shared(struct builds *b)
{
	for (size_t g = 0; b->shared && g < b->s->nstages; g++)
		for (size_t c = 0; c < b->s->nconfigs; c++)
			if (planned_at(b, g, c)->state == PLANNED_SHARED)
				tell_one_shared(b, g, c);
}

static void on_build(struct build *build, void *arg)
{
	struct lane *l = arg;
	struct walk *w = l->walk;
	struct builds *b = w->b;
	size_t stage = l->stage, config = (size_t)(l - w->lanes);
	struct planned *p = planned_at(b, stage, config);
	const struct build_result *r = build_result(build);

	l->build = NULL;
	if (r->state == BUILD_OK) {
		l->made = tree_at(b, stage);
		l->made_config = l->rq.config;
	}
	w->running--;
	b->running--;
	b->alone = false;
	p->state = PLANNED_DONE;
	if (r->state == BUILD_LAB)
		b->stopping = true;
	if (r->state == BUILD_OK || r->state == BUILD_BROKEN)
		share_build(b, p->key);
	walk_all(b);
	b->done(stage, config, r, b->arg);
	tell_shared(b);
	build_free(build);
}

/* Where a file changed and changed back, make sees that by its time. */
static void find_changed(struct lane *l, const struct tree_stage *now)
{
	const struct tree_stage *a, *b;

	strv_release(&l->changed);
	if (!l->made || strcmp(l->made_config, l->rq.config))
		return;
	a = l->made < now ? l->made : now;
	b = l->made < now ? now : l->made;
	while (++a <= b)
		strv_merge(&l->changed, &a->paths);
	l->rq.changed = &l->changed;
}

static int start_lane(struct walk *w, size_t config, struct err *e)
{
	struct lane *l = &w->lanes[config];
	int r;

	lane_request(l, w->at, config, &l->rq);
	l->stage = w->at;
	find_changed(l, tree_at(w->b, w->at));
	l->made = NULL;
	r = build_start(w->b->loop, &l->rq, on_build, l, &l->build, e);
	w->running += !r;
	w->b->running += !r;
	return r;
}

static bool in_work(const struct builds *b, const char *key)
{
	for (size_t i = 0; i < b->nwalks; i++) {
		const struct lane *lanes = b->walks[i].lanes;

		for (size_t c = 0; c < b->s->nconfigs; c++)
			if (lanes[c].build &&
			    !strcmp(planned_at(b, lanes[c].stage, c)->key, key))
				return true;
	}
	return false;
}

/* A first build compiles everything: it keeps all cores busy by itself, and
 * what it compiles ccache gives to the next config for less. */
static bool may_start(const struct builds *b, const struct lane *l,
		      const struct planned *p)
{
	if (in_work(b, p->key) || l->build || b->alone ||
	    b->running >= (size_t)b->o.jobs)
		return false;
	return !b->running || !lane_is_first(l);
}

/* Starts what the tree, as it is now, has to be built for.  Is there any left,
 * running or not? */
static bool start_lanes(struct walk *w)
{
	struct builds *b = w->b;
	bool left = false;
	struct err e;

	for (size_t c = 0; c < b->s->nconfigs && !b->stopping; c++) {
		const struct planned *p = planned_at(b, w->at, c);

		if (p->state != PLANNED_TODO)
			continue;
		left = true;
		if (!may_start(b, &w->lanes[c], p))
			continue;
		b->alone = lane_is_first(&w->lanes[c]);
		if (start_lane(w, c, &e))
			give_up(b, &e);
	}
	return left || w->running;
}

/* While the first walk builds, nothing else happens to its tree. */
static void switched(struct walk *w)
{
	w->there = true;
	if (w == w->b->walks && !w->b->stopping)
		walks_copy_trees(w->b);
	walk(w);
}

static void on_switched(const struct job_result *r, void *arg)
{
	struct walk *w = arg;
	struct builds *b = w->b;
	struct err e;

	w->job = NULL;
	/* What went wrong is put right, or told, by the thorough way. */
	if (!b->stopping && (r->exit || r->signal) &&
	    worktree_switch(w->root, b->name, tree_at(b, w->at)->commit, &e))
		give_up(b, &e);
	switched(w);
	b->done(0, 0, NULL, b->arg);
}

static int switch_tree(struct walk *w, struct err *e)
{
	struct builds *b = w->b;
	const char *commit = tree_at(b, w->at)->commit;
	struct strv argv = STRV_INIT, env = STRV_INIT;
	struct job_spec spec = {.cwd = w->root,
				.deadline_ms = SWITCH_DEADLINE_MS,
				.done = on_switched,
				.arg = w};
	int r;

	if (worktree_command(w->root, b->name, commit, &argv, &env)) {
		spec.argv = (const char *const *)argv.v;
		spec.env_add = (const char *const *)env.v;
		r = job_start(b->loop, &spec, &w->job, e);
	} else {
		r = worktree_switch(w->root, b->name, commit, e);
		if (!r)
			switched(w);
	}
	strv_release(&argv);
	strv_release(&env);
	return r;
}

static void on_copied(struct walk *w)
{
	struct builds *b = w->b;

	walk_all(b);
	b->done(0, 0, NULL, b->arg);
}

/* Takes the tree to the next stage that is to be built. */
static void advance(struct walk *w)
{
	struct builds *b = w->b;
	bool first = w == b->walks;
	struct err e;

	if (first && walks_to_copy(b))
		walks_copy_objects(b, on_copied);
	if (first && walks_copying(b))
		return;
	if (!walk_next(w)) {
		if (!first)
			walk_remove(w);
	} else if (switch_tree(w, &e)) {
		give_up(b, &e);
	}
}

/* Goes on with the stage that the tree is at, or to the next one. */
static void walk(struct walk *w)
{
	if (w->b->stopping || !w->ready || w->job)
		return;
	if (!w->there || !start_lanes(w))
		advance(w);
}

void builds_start(struct builds *b, uv_loop_t *loop, builds_fn done,
		  builds_fail_fn fail, void *arg)
{
	b->loop = loop;
	b->done = done;
	b->fail = fail;
	b->arg = arg;
	advance(b->walks);
}

void builds_want(struct builds *b, const size_t *stages, size_t n,
		 size_t config)
{
	BUG(!b->o.on_demand);
	for (size_t g = 0; g < b->s->nstages; g++) {
		struct planned *p = planned_at(b, g, config);

		if (p->state == PLANNED_TODO && !in_work(b, p->key))
			p->state = PLANNED_LATER;
	}
	b->wanted = xrealloc(b->wanted, (n + 1) * sizeof(*b->wanted));
	b->nwanted = n;
	for (size_t i = 0; i < n; i++) {
		struct planned *p = planned_at(b, stages[i], config);

		b->wanted[i] = stages[i];
		if (p->state == PLANNED_LATER)
			p->state = PLANNED_TODO;
	}
	walk(b->walks);
}

void builds_stop(struct builds *b)
{
	b->stopping = true;
	for (size_t i = 0; i < b->nwalks; i++) {
		struct walk *w = &b->walks[i];

		if (w->job)
			job_stop(w->job);
		for (size_t c = 0; c < b->s->nconfigs; c++)
			if (w->lanes[c].build)
				build_stop(w->lanes[c].build);
	}
}

size_t builds_running(const struct builds *b)
{
	size_t n = b->running + b->shared;

	for (size_t i = 0; i < b->nwalks; i++)
		n += b->walks[i].job != NULL;
	return n;
}

size_t builds_lanes(const struct builds *b)
{
	size_t n = b->nwalks * b->s->nconfigs, jobs = (size_t)b->o.jobs;

	return n < jobs ? n : jobs;
}
