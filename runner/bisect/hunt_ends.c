/* Both ends of a hunt: are they there, and how is the bad one broken? */
#include "bisect/hunt_int.h"

#include <errno.h>

#define PROBES 3 /* boots of each workload to see a break */

/* ---- builds ---- */

static const char *not_there(const struct guided_kernel *k)
{
	return k->state == GUIDED_BROKEN ? "does not build" : "cannot be had";
}

static enum hunt_go refuse_good(struct hunt *h, const struct guided_kernel *k)
{
	char *stage = hunt_stage(h, 0);
	const char *why = k->why ? k->why : "no reason is known";

	if (h->c->kind == CRITERION_BUILD && k->state == GUIDED_BROKEN)
		err_user(&h->why,
			 "the good end, %s, does not build either: %s; %s",
			 stage, why,
			 hunt_either(h, "give an earlier one with --good",
				     "compare other configs"));
	else
		err_kernel(&h->why, "the good end, %s, %s: %s; %s", stage,
			   not_there(k), why,
			   hunt_either(h, "give another one with --good",
				       "compare other configs"));
	free(stage);
	return hunt_refuse(h);
}

static enum hunt_go refuse_bad(struct hunt *h, const struct guided_kernel *k)
{
	char *stage = hunt_stage(h, h->n);

	err_kernel(&h->why,
		   "the bad end, %s, %s: %s; --broken=build finds why%s", stage,
		   not_there(k), k->why ? k->why : "no reason is known",
		   hunt_either(h, ", --bad gives another end", ""));
	free(stage);
	return hunt_refuse(h);
}

static enum hunt_go refuse_builds(struct hunt *h)
{
	char *stage = hunt_stage(h, h->n);

	err_user(&h->why,
		 "the bad end, %s, builds: there is no break to find; %s",
		 stage,
		 hunt_either(h, "give a later one with --bad",
			     "compare other configs"));
	free(stage);
	return hunt_refuse(h);
}

static enum hunt_go judge_ends(struct hunt *h, const struct guided_kernel *good,
			       const struct guided_kernel *bad)
{
	bool breaks = bad->state == GUIDED_BROKEN;

	if (breaks && h->c->kind == CRITERION_ANY)
		h->c->kind = CRITERION_BUILD;
	if (good->state != GUIDED_READY)
		return refuse_good(h, good);
	if (h->c->kind == CRITERION_BUILD && !breaks &&
	    bad->state == GUIDED_READY)
		return refuse_builds(h);
	if (bad->state != GUIDED_READY &&
	    (h->c->kind != CRITERION_BUILD || !breaks))
		return refuse_bad(h, bad);
	h->phase = HUNT_PROBE;
	if (h->c->kind == CRITERION_BUILD || h->c->workload)
		h->phase = HUNT_BEGIN;
	return HUNT_AGAIN;
}

/* While the bad end is built, the good one is booted: the search wants to know
 * what it does in any case. */
static int boot_early(struct hunt *h, struct err *e)
{
	bool known = h->c->workload || h->s->nworkloads == 1;

	if (h->early || !known || h->c->kind == CRITERION_BUILD ||
	    guided_alone(h->run))
		return 0;
	h->early = true;
	return guided_boot(h->run, 0, hunt_workload(h), ROLE_SAMPLE, 1, 1, e);
}

static bool early_runs(struct hunt *h)
{
	char id[BOOT_ID], *why;
	enum guided_state state;

	if (!h->early)
		return false;
	state = guided_boot_state(h->run, 0, hunt_workload(h), 1, id, &why);
	free(why);
	return state == GUIDED_AWAITED;
}

enum hunt_go hunt_ends(struct hunt *h)
{
	struct guided_kernel good, bad;
	enum hunt_go go = HUNT_WAIT;
	struct err e = {0};

	if (guided_kernel(h->run, 0, &good, &e))
		return hunt_fail(h, &e);
	if (guided_kernel(h->run, (size_t)h->n, &bad, &e)) {
		guided_kernel_release(&good);
		return hunt_fail(h, &e);
	}
	if (good.state == GUIDED_TODO || bad.state == GUIDED_TODO) {
		hunt_build(h, 0, h->n, -1);
		if (good.state == GUIDED_READY && boot_early(h, &e))
			go = hunt_fail(h, &e);
	} else if (!early_runs(h)) {
		go = judge_ends(h, &good, &bad);
	}
	guided_kernel_release(&good);
	guided_kernel_release(&bad);
	return go;
}

/* ---- the break ---- */

static enum hunt_go refuse_sound(struct hunt *h)
{
	char *stage = hunt_stage(h, h->n), *what = criterion_text(h->c);
	bool any = h->c->kind == CRITERION_ANY;

	err_user(&h->why,
		 "the bad end, %s, %s%s%s: %zu boots%s%s%s on machine '%s' do "
		 "not show it; %s",
		 stage, any ? "is sound" : "is not broken so (",
		 any ? "" : what, any ? "" : ")", h->probe,
		 hunt_either(h, " under config '", ""),
		 hunt_either(h, h->s->configs[0].name, ""),
		 hunt_either(h, "'", ""), h->s->machines[0]->name,
		 hunt_either(h,
			     "give a later one with --bad, or another config "
			     "or machine",
			     "compare other configs, or take another machine"));
	free(stage);
	free(what);
	return hunt_refuse(h);
}

static int look(struct hunt *h, size_t workload, const char *boot, bool *bad,
		struct err *e)
{
	struct sight seen;
	char *stage;

	if (criterion_look(h->c, h->rq.lab->db, run_study(h->run), boot, &seen,
			   e))
		return -EIO;
	*bad = seen.what == BISECT_BAD;
	if (*bad) {
		criterion_learn(h->c, &seen);
		h->c->workload = xstrdup(h->s->workloads[workload]->label);
		stage = hunt_short(h, h->n);
		hunt_say(h, "%s: workload %s: %s", stage, h->c->workload,
			 seen.says ? seen.says : "broken");
		free(stage);
	}
	sight_release(&seen);
	return 0;
}

/* One boot of each workload, then another of each. */
enum hunt_go hunt_probe(struct hunt *h)
{
	size_t nw = h->s->nworkloads, w = h->probe % nw;
	int seed = 1 + (int)(h->probe / nw);
	enum guided_state state;
	char id[BOOT_ID], *why;
	bool bad = false;
	struct err e;

	if (seed > PROBES)
		return refuse_sound(h);
	state = guided_boot_state(h->run, (size_t)h->n, w, seed, id, &why);
	free(why);
	if (state == GUIDED_AWAITED)
		return HUNT_WAIT;
	if (state == GUIDED_NONE && h->seed != seed) {
		h->seed = seed;
		if (guided_boot(h->run, (size_t)h->n, w, ROLE_SAMPLE, seed, 1,
				&e))
			return hunt_fail(h, &e);
		return HUNT_AGAIN;
	}
	h->seed = 0;
	if (state == GUIDED_READY && look(h, w, id, &bad, &e))
		return hunt_fail(h, &e);
	h->probe++;
	if (bad)
		h->phase = HUNT_BEGIN;
	return HUNT_AGAIN;
}
