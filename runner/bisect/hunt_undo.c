/* The second confirmation of a hunt: is the bad end cured without the patch?
 * Both are booted on fresh seeds, as hunt_confirm.c does with the patch and its
 * parent. */
#include "bisect/hunt_int.h"

#include "study/narrow.h"
#include "tree/tree.h"

#include <errno.h>

/* A patch that was the last one has been compared with its parent already, and
 * what has no series has nothing to put a patch upon. */
static bool is_of_use(const struct hunt *h)
{
	return h->step.verdict == BISECT_FOUND && h->s->source.series.n &&
	       h->step.last < h->n && h->confirmation &&
	       json_is_true(json_object_get(h->confirmation, "confirmed")) &&
	       guided_commit(h->run, (size_t)h->n);
}

static int reverse(struct hunt *h, struct str *diff, struct err *e)
{
	const struct tree_stage *at =
		guided_commit(h->run, (size_t)h->step.last);
	const struct tree_stage *before =
		guided_commit(h->run, (size_t)h->step.last - 1);

	return tree_reverse(h->rq.lab->dir, guided_source(h->run), at->commit,
			    before->commit, diff, e);
}

/* The study once more: the bad end without the patch, and the bad end. */
static int load(struct hunt *h, struct study **out, struct err *e)
{
	const struct stage *guilty = &h->s->stages[h->step.last];
	const struct narrow keep = {.config = h->s->configs[0].name,
				    .machine = h->s->machines[0]->name};
	struct str diff = STR_INIT;
	struct study *s = NULL;
	int r = reverse(h, &diff, e);

	if (!r)
		r = study_load(h->s->path, h->rq.lab->share, &s, e);
	if (!r)
		r = study_without(s, &keep, guilty->idx, h->s->stages[h->n].idx,
				  diff.buf, e);
	str_release(&diff);
	if (r) {
		study_free(s);
		return r;
	}
	free(s->name);
	s->name = xasprintf("%s-undo", h->s->name);
	*out = s;
	return 0;
}

static void guide(struct run *r, void *arg)
{
	struct hunt *u = arg;

	(void)r;
	while (u->phase == HUNT_CONFIRM)
		if (hunt_confirm(u) == HUNT_WAIT)
			return;
	hunt_build(u, -1, -1, -1);
}

/* A patch that does not apply: where, without what klab calls it. */
static char *obstacle(const struct guided_kernel *k)
{
	static const char mark[] = "does not apply: ";
	const char *why = k->why ? k->why : "no reason is known";
	const char *at = strstr(why, mark), *end;

	if (!at)
		return xstrdup(why);
	at += strlen(mark);
	end = strstr(at, " does not fit: ");
	return xasprintf("its reverse does not apply there: %.*s%s",
			 end ? (int)(end - at) : (int)strlen(at), at,
			 end ? " does not fit" : "");
}

/* Is there no such kernel?  Then why. */
static int find_obstacle(struct hunt *u, json_t **out, struct err *e)
{
	int lacking = u->pair == PAIR_ALONE;
	struct guided_kernel k;
	int r = guided_kernel(u->run, (size_t)lacking, &k, e);

	if (!r && k.state != GUIDED_READY) {
		char *why = obstacle(&k);

		*out = json_pack("{s:b, s:s}", "clean", 0, "says", why);
		free(why);
		/* There is nothing in it. */
		r = db_run(u->rq.lab->db, e, "DELETE FROM study WHERE id = ?",
			   "i", run_study(u->run));
	}
	guided_kernel_release(&k);
	return r;
}

/* Kernels that are there. */
static int count_kernels(struct hunt *u, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && u->cost && i < 2; i++) {
		struct guided_kernel k;

		r = guided_kernel(u->run, i, &k, e);
		if (!r && k.state == GUIDED_READY && k.request)
			hunt_cost_kernel(u->cost, k.request);
		guided_kernel_release(&k);
	}
	return r;
}

static int boot(struct hunt *u, json_t **out, struct err *e)
{
	struct run_watch quiet = u->rq.watch;
	int r;

	quiet.trouble = NULL;
	u->run = run_new(u->rq.lab, u->s, &u->rq.run, &quiet);
	r = run_resolve(u->run, e);
	if (!r)
		r = run_work(u->run, e);
	if (!r)
		r = guided_through(u->run, e);
	if (!r)
		r = count_kernels(u, e);
	if (!r && !u->confirmation)
		r = find_obstacle(u, out, e);
	if (!r && u->confirmation)
		*out = json_incref(u->confirmation);
	run_free(u->run);
	return r;
}

int hunt_pair(struct hunt *h, struct study *s, enum hunt_pair pair,
	      json_t **out, struct err *e)
{
	bool told[2] = {0}, wanted[2] = {0};
	struct hunt u = *h;
	int r;

	u.s = s;
	u.confirmation = u.undo = u.more = u.result = NULL;
	u.n = 1;
	u.step.effect = hunt_effect(h);
	u.step.verdict = BISECT_FOUND;
	u.step.first = u.step.last = 1;
	u.seed = 0;
	u.told = told;
	u.wanted = wanted;
	u.phase = HUNT_CONFIRM;
	u.pair = pair;
	u.rq.run.guide = guide;
	u.rq.run.guide_arg = &u;
	u.rq.run.only = u.c->workload;
	r = boot(&u, out, e);
	json_decref(u.confirmation);
	return r;
}

int hunt_undo(struct hunt *h, struct err *e)
{
	struct study *s;
	int r;

	if (!is_of_use(h))
		return 0;
	r = load(h, &s, e);
	if (r)
		return r;
	r = hunt_pair(h, s, PAIR_WITHOUT, &h->undo, e);
	study_free(s);
	return r;
}
