#include "bisect/judge.h"

#include "base/err.h"
#include "base/str.h"
#include "lab/guided.h"
#include "study/study.h"

#include <errno.h>
#include <math.h>

struct judge {
	const struct judge_request *rq;
	struct run *run;
	size_t workload; /* that is booted */
	bool asked, done;
	int good, bad, other; /* boots; those that are neither */
	double sum;           /* of logs of values */
	struct judgement *out;
};

static void conclude(struct judge *j, enum bisect_what what, char *why)
{
	free(j->out->why);
	j->out->what = what;
	j->out->why = why;
	j->done = true;
}

/* ---- boots ---- */

/* That of the first boot that was bad, or else of the first that told nothing.
 */
static void take_reason(struct judge *j, const struct sight *seen)
{
	bool first_bad = seen->what == BISECT_BAD && j->bad == 1;

	if (!first_bad && (j->out->why || seen->what != BISECT_UNTESTABLE))
		return;
	free(j->out->why);
	j->out->why = seen->says ? xstrdup(seen->says) : NULL;
}

static int look(struct judge *j, const char *boot, struct err *e)
{
	struct sight seen;

	if (criterion_look(j->rq->criterion, j->rq->lab->db, run_study(j->run),
			   boot, &seen, e))
		return -EIO;
	j->good += seen.what == BISECT_GOOD || seen.what == BISECT_VALUE;
	j->bad += seen.what == BISECT_BAD;
	j->other += seen.what == BISECT_UNTESTABLE;
	if (seen.what == BISECT_VALUE)
		j->sum += log(seen.value);
	take_reason(j, &seen);
	sight_release(&seen);
	return 0;
}

/* The boots of one workload.  Is one of them still awaited? */
static int look_at_boots(struct judge *j, bool *awaited, struct err *e)
{
	*awaited = false;
	for (int seed = 1; seed <= j->rq->boots; seed++) {
		char id[BOOT_ID], *why;

		*awaited |= guided_boot_state(j->run, 0, j->workload, seed, id,
					      &why) == GUIDED_AWAITED;
		free(why);
	}
	for (int seed = 1; !*awaited && seed <= j->rq->boots; seed++) {
		char id[BOOT_ID], *why;
		enum guided_state state = guided_boot_state(
			j->run, 0, j->workload, seed, id, &why);

		if (state == GUIDED_FAILED)
			err_lab(e, "the lab failed boot %s: %s", id,
				why ? why : "no reason is known");
		if (state == GUIDED_NONE && !j->out->why)
			j->out->why = xstrdup(why ? why : "it does not boot");
		free(why);
		if (state == GUIDED_FAILED ||
		    (state == GUIDED_READY && look(j, id, e)))
			return -EIO;
	}
	return 0;
}

static bool is_wanted(const struct judge *j, size_t w)
{
	const char *label = j->rq->criterion->workload;

	return !label || !strcmp(label, j->rq->study->workloads[w]->label);
}

/* ---- judgement ---- */

static void judge_value(struct judge *j)
{
	const struct criterion *c = j->rq->criterion;
	double value = exp(j->sum / j->good);
	bool bad =
		c->direction > 0 ? value > j->rq->limit : value < j->rq->limit;
	char *is = criterion_amount(value, c->unit, c->instructions);
	char *limit = criterion_amount(j->rq->limit, c->unit, c->instructions);

	conclude(j, bad ? BISECT_BAD : BISECT_GOOD,
		 xasprintf("%s/%s is %s in %d boot%s, %s the limit of %s",
			   c->workload, c->metric, is, j->good,
			   j->good > 1 ? "s" : "", bad ? "beyond" : "within",
			   limit));
	free(is);
	free(limit);
}

static void judge_boots(struct judge *j)
{
	if (j->bad)
		conclude(j, BISECT_BAD,
			 xstrdup(j->out->why ? j->out->why : "broken"));
	else if (!j->good)
		conclude(j, BISECT_UNTESTABLE,
			 xstrdup(j->out->why ? j->out->why
					     : "it cannot be booted there"));
	else if (j->rq->criterion->kind == CRITERION_METRIC)
		judge_value(j);
	else
		conclude(j, BISECT_GOOD,
			 xasprintf("%d boot%s not show it", j->good,
				   j->good > 1 ? "s do" : " does"));
}

/* ---- the kernel ---- */

/* True if it can be booted. */
static bool judge_build(struct judge *j, const struct guided_kernel *k)
{
	bool builds = j->rq->criterion->kind == CRITERION_BUILD;
	const char *why = k->why ? k->why : "no reason is known";

	if (k->state == GUIDED_READY && !builds)
		return true;
	if (k->state == GUIDED_READY)
		conclude(j, BISECT_GOOD, xstrdup("it builds"));
	else
		conclude(j,
			 builds && k->state == GUIDED_BROKEN
				 ? BISECT_BAD
				 : BISECT_UNTESTABLE,
			 xasprintf("it does not build: %s", why));
	return false;
}

/* One workload after the other, until one shows it. */
static int boot(struct judge *j, struct err *e)
{
	size_t n = j->rq->study->nworkloads;
	bool awaited;

	while (!j->done) {
		while (j->workload < n && !is_wanted(j, j->workload))
			j->workload++;
		if (j->workload == n || j->bad) {
			judge_boots(j);
			return 0;
		}
		if (!j->asked && guided_boot(j->run, 0, j->workload,
					     ROLE_SAMPLE, 1, j->rq->boots, e))
			return -EIO;
		j->asked = true;
		if (look_at_boots(j, &awaited, e))
			return -EIO;
		if (awaited)
			return 0;
		j->asked = false;
		j->workload++;
	}
	return 0;
}

static int step(struct judge *j, struct err *e)
{
	const size_t only = 0;
	struct guided_kernel k;
	int r = guided_kernel(j->run, 0, &k, e);

	if (!r && k.state == GUIDED_TODO)
		guided_build(j->run, &only, 1);
	else if (!r && judge_build(j, &k))
		r = boot(j, e);
	guided_kernel_release(&k);
	return r;
}

static void guide(struct run *r, void *arg)
{
	struct judge *j = arg;
	struct err e;

	if (!j->done && step(j, &e)) {
		j->done = true;
		guided_fail(r, &e);
	}
}

int judge_kernel(const struct judge_request *rq, struct judgement *out,
		 struct err *e)
{
	struct judge j = {.rq = rq, .out = out};
	struct run_options o = rq->run;
	char *name = xasprintf("%.90s-judge", rq->study->name);
	int r;

	free(rq->study->name);
	rq->study->name = name;
	o.guide = guide;
	o.guide_arg = &j;
	o.only = rq->criterion->workload;
	rq->criterion->instructions =
		!strcmp(rq->study->machines[0]->clock, "exact");
	*out = (struct judgement){.what = BISECT_UNTESTABLE};
	j.run = run_new(rq->lab, rq->study, &o, &rq->watch);
	r = run_resolve(j.run, e);
	if (!r)
		r = run_work(j.run, e);
	if (!r)
		r = guided_through(j.run, e);
	run_free(j.run);
	if (r) {
		free(out->why);
		out->why = NULL;
	}
	return r;
}
