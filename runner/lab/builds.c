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
	for (size_t i = 0; b->lanes && i < b->s->nconfigs; i++)
		free(b->lanes[i].obj);
	tree_stages_release(&b->tree);
	strv_release(&b->folders);
	free(b->planned);
	free(b->settled);
	free(b->lanes);
	free(b->src);
	free(b->ccache);
	free(b);
}

/* ---- the walk ---- */

static void walk(struct builds *b);

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

		if (p->state != PLANNED_TODO || strcmp(p->key, key))
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

	lane_request(b, stage, config, &rq);
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
	struct builds *b = l->b;
	size_t stage = l->stage, config = (size_t)(l - b->lanes);
	struct planned *p = planned_at(b, stage, config);
	const struct build_result *r = build_result(build);

	l->build = NULL;
	b->running--;
	b->alone = false;
	p->state = PLANNED_DONE;
	if (r->state == BUILD_LAB)
		b->stopping = true;
	if (r->state == BUILD_OK || r->state == BUILD_BROKEN)
		share_build(b, p->key);
	walk(b);
	b->done(stage, config, r, b->arg);
	tell_shared(b);
	build_free(build);
}

static int start_lane(struct builds *b, size_t config, struct err *e)
{
	struct lane *l = &b->lanes[config];
	int r;

	lane_request(b, b->at, config, &l->rq);
	l->stage = b->at;
	r = build_start(b->loop, &l->rq, on_build, l, &l->build, e);
	b->running += !r;
	return r;
}

/* A first build compiles everything: it keeps all cores busy by itself, and
 * what it compiles ccache gives to the next config for less. */
static bool is_first(const struct lane *l)
{
	char *vmlinux = xasprintf("%s/vmlinux", l->obj);
	char *killed = xasprintf("%s.building", l->obj);
	bool first = !file_exists(vmlinux) || file_exists(killed);

	free(killed);
	free(vmlinux);
	return first;
}

static bool in_work(const struct builds *b, const char *key)
{
	for (size_t c = 0; c < b->s->nconfigs; c++)
		if (b->lanes[c].build &&
		    !strcmp(planned_at(b, b->lanes[c].stage, c)->key, key))
			return true;
	return false;
}

static bool may_start(const struct builds *b, const struct lane *l,
		      const struct planned *p)
{
	if (in_work(b, p->key) || l->build || b->alone ||
	    b->running >= (size_t)b->o.jobs)
		return false;
	return !b->running || !is_first(l);
}

/* Starts what the tree, as it is now, has to be built for.  Is there any left,
 * running or not? */
static bool start_lanes(struct builds *b)
{
	bool left = false;
	struct err e;

	for (size_t c = 0; c < b->s->nconfigs && !b->stopping; c++) {
		const struct planned *p = planned_at(b, b->at, c);

		if (p->state != PLANNED_TODO)
			continue;
		left = true;
		if (!may_start(b, &b->lanes[c], p))
			continue;
		b->alone = is_first(&b->lanes[c]);
		if (start_lane(b, c, &e))
			give_up(b, &e);
	}
	return left || b->running;
}

static void on_switched(const struct job_result *r, void *arg)
{
	struct builds *b = arg;
	struct err e;

	b->switching = NULL;
	/* What went wrong is put right, or told, by the thorough way. */
	if (!b->stopping && (r->exit || r->signal) &&
	    worktree_switch(b->lab->dir, b->name, tree_at(b, b->at)->commit,
			    &e))
		give_up(b, &e);
	if (!b->stopping)
		start_lanes(b);
	b->done(0, 0, NULL, b->arg);
}

static int switch_tree(struct builds *b, struct err *e)
{
	const char *commit = tree_at(b, b->at)->commit;
	struct strv argv = STRV_INIT, env = STRV_INIT;
	struct job_spec spec = {.cwd = b->lab->dir,
				.deadline_ms = SWITCH_DEADLINE_MS,
				.done = on_switched,
				.arg = b};
	int r;

	if (worktree_command(b->lab->dir, b->name, commit, &argv, &env)) {
		spec.argv = (const char *const *)argv.v;
		spec.env_add = (const char *const *)env.v;
		r = job_start(b->loop, &spec, &b->switching, e);
	} else {
		r = worktree_switch(b->lab->dir, b->name, commit, e);
		if (!r)
			start_lanes(b);
	}
	strv_release(&argv);
	strv_release(&env);
	return r;
}

/* Takes the tree to the next stage that is to be built. */
static void advance(struct builds *b)
{
	struct err e;

	while (b->at < b->s->nstages && !stage_wanted(b, b->at))
		b->at++;
	if (b->at < b->s->nstages && switch_tree(b, &e))
		give_up(b, &e);
}

/* Goes on with the stage that the tree is at, or to the next one. */
static void walk(struct builds *b)
{
	if (!b->stopping && !b->switching && !start_lanes(b))
		advance(b);
}

void builds_start(struct builds *b, uv_loop_t *loop, builds_fn done,
		  builds_fail_fn fail, void *arg)
{
	b->loop = loop;
	b->done = done;
	b->fail = fail;
	b->arg = arg;
	advance(b);
}

void builds_stop(struct builds *b)
{
	b->stopping = true;
	if (b->switching)
		job_stop(b->switching);
	for (size_t c = 0; c < b->s->nconfigs; c++)
		if (b->lanes[c].build)
			build_stop(b->lanes[c].build);
}

size_t builds_running(const struct builds *b)
{
	return b->running + b->shared + (b->switching != NULL);
}
