#include "bisect/bisect_int.h"
#include "base/str.h"

#include <errno.h>
#include <math.h>

#define MAX_PATCHES 1000000
#define STOP 0.989    /* by simulation: then 98 in 100 are right at d = 1 */
#define LARGEST 1e100 /* value, so that squares are numbers */
#define INFRA_LIMIT 8 /* failures of the lab in a row */

static int check_setup(const struct bisect_setup *s, struct err *e)
{
	if (s->n < 1 || s->n > MAX_PATCHES)
		return err_user(e,
				"%d patches cannot be bisected, only 1 to %d",
				s->n, MAX_PATCHES);
	for (int k = 0; k <= s->n; k++) {
		const struct bisect_kernel *at = &s->kernels[k];

		if (!(at->weight >= 0) || !isfinite(at->weight))
			return err_user(e,
					"patch %d: weight %g is below 0 or "
					"no number",
					k, at->weight);
		if (!(at->build_s >= 0) || !(at->run_s >= 0) ||
		    !isfinite(at->build_s) || !isfinite(at->run_s))
			return err_user(e,
					"kernel %d: a build of %g s or a run "
					"of %g s cannot be",
					k, at->build_s, at->run_s);
	}
	if (!(s->min_effect >= 0) || !(s->spread >= 0) ||
	    !(s->stop >= 0 && s->stop < 1) || !(s->max_s >= 0) ||
	    s->max_runs < 0 || s->spread_df < 0 ||
	    (s->spread_df > 0 && !(s->spread > 0)))
		return err_user(e,
				"a bisect's least effect, spread, budget and "
				"probability to stop at cannot be negative, "
				"and the last is below 1");
	return 0;
}

struct bisect *bisect_new(const struct bisect_setup *s, struct err *e)
{
	struct bisect *b;
	size_t n;

	if (check_setup(s, e))
		return NULL;
	b = xcalloc(1, sizeof(*b));
	n = (size_t)s->n + 1;
	b->set = *s;
	b->k = xcalloc(n, sizeof(*b->k));
	b->given = xcalloc(n, sizeof(*b->given));
	memcpy(b->given, s->kernels, n * sizeof(*b->given));
	b->set.kernels = b->given;
	if (b->set.stop <= 0)
		b->set.stop = STOP;
	if (!b->set.max_runs)
		b->set.max_runs = 150 + (int)(60 * log2((double)n));
	b->same = xcalloc(n, sizeof(*b->same));
	b->cell = xcalloc(n, sizeof(*b->cell));
	b->weight = xcalloc(n, sizeof(*b->weight));
	b->untestable = xcalloc(n, sizeof(*b->untestable));
	b->infra = xcalloc(n, sizeof(*b->infra));
	b->post = xcalloc(n, sizeof(*b->post));
	b->below = xcalloc(n, sizeof(*b->below));
	b->spot_of = xcalloc(n, sizeof(*b->spot_of));
	b->spots = xcalloc(n, sizeof(*b->spots));
	b->split = xcalloc(n, sizeof(*b->split));
	record_read(b);
	return b;
}

void bisect_free(struct bisect *b)
{
	if (!b)
		return;
	free(b->k);
	free(b->given);
	free(b->ev);
	free(b->same);
	free(b->cell);
	free(b->weight);
	free(b->untestable);
	free(b->infra);
	free(b->post);
	free(b->below);
	free(b->spot_of);
	free(b->spots);
	free(b->split);
	free(b->values);
	free(b);
}

static int check_event(const struct bisect *b, const struct bisect_event *ev,
		       struct err *e)
{
	bool judged = ev->what == BISECT_GOOD || ev->what == BISECT_BAD;

	if (ev->kernel < 0 || ev->kernel > b->set.n)
		return err_user(e, "there is no kernel %d, only 0 to %d",
				ev->kernel, b->set.n);
	if (ev->what < BISECT_VALUE || ev->what > BISECT_INFRA)
		return err_user(e, "kernel %d: %d is no outcome of a run",
				ev->kernel, (int)ev->what);
	if (judged && b->set.kind != BISECT_BREAK)
		return err_user(e,
				"kernel %d: good or bad was recorded where "
				"values are compared",
				ev->kernel);
	if (ev->what == BISECT_VALUE && b->set.kind != BISECT_METRIC)
		return err_user(e,
				"kernel %d: a value was recorded where runs "
				"are good or bad",
				ev->kernel);
	if (ev->what == BISECT_VALUE && !(fabs(ev->value) <= LARGEST))
		return err_user(e,
				"kernel %d: a value of %g cannot be compared",
				ev->kernel, ev->value);
	return 0;
}

int bisect_add(struct bisect *b, const struct bisect_event *ev, struct err *e)
{
	int r = check_event(b, ev, e);

	if (r)
		return r;
	if (b->n_ev == b->cap_ev) {
		b->cap_ev = b->cap_ev ? 2 * b->cap_ev : 64;
		b->ev = xrealloc(b->ev, b->cap_ev * sizeof(*b->ev));
		b->values = xrealloc(b->values, b->cap_ev * sizeof(*b->values));
	}
	b->ev[b->n_ev++] = *ev;
	return 0;
}

static void end_with(struct bisect_step *out, enum bisect_why why, int kernel)
{
	out->verdict = BISECT_ENDS;
	out->why = why;
	out->kernel = kernel;
}

static double total_weight(const struct bisect *b)
{
	double sum = 0;

	for (int c = 1; c <= b->set.n; c++)
		sum += b->weight[c];
	return sum;
}

/* What needs no search at all. */
static bool trivial(const struct bisect *b, struct bisect_step *out)
{
	int n = b->set.n;

	if (b->same[n] == b->same[0])
		end_with(out, BISECT_WHY_SAME_CODE, -1);
	else if (!(total_weight(b) > 0))
		end_with(out, BISECT_WHY_NOBODY, -1);
	else if (b->untestable[0] || b->untestable[n])
		end_with(out, BISECT_WHY_END, b->untestable[0] ? 0 : n);
	else
		return false;
	return true;
}

static void give_up(const struct bisect *b, enum bisect_why why,
		    struct bisect_step *out)
{
	out->verdict = BISECT_GAVE_UP;
	out->why = why;
	out->kernel = -1;
	groups_credible(b, out);
}

static bool over_budget(const struct bisect *b)
{
	return b->runs >= b->set.max_runs ||
	       (b->set.max_s > 0 && b->cost_s >= b->set.max_s);
}

void bisect_next(struct bisect *b, struct bisect_step *out)
{
	*out = (struct bisect_step){.kernel = -1, .ahead = {-1, -1}};
	record_read(b);
	out->mode = b->set.mode;
	out->runs = b->runs;
	out->kernels = b->kernels;
	out->infra = b->infra_all;
	out->cost_s = b->cost_s;
	memcpy(b->post, b->weight, ((size_t)b->set.n + 1) * sizeof(*b->post));
	groups_sum(b);
	if (trivial(b, out))
		return;
	if (b->set.mode == BISECT_NOISY || !exact_next(b, out)) {
		out->mode = BISECT_NOISY;
		noisy_next(b, out);
	}
	if (out->verdict != BISECT_RUN) {
		out->ahead[0] = out->ahead[1] = -1;
		return;
	}
	if (b->infra_tail >= INFRA_LIMIT)
		give_up(b, BISECT_WHY_INFRA, out);
	else if (over_budget(b))
		give_up(b, BISECT_WHY_BUDGET, out);
	else if (b->n_ev && b->ev[b->n_ev - 1].what == BISECT_INFRA &&
		 b->ev[b->n_ev - 1].kernel == out->kernel)
		out->why = BISECT_WHY_INFRA;
}

const double *bisect_posterior(const struct bisect *b)
{
	return b->post;
}

enum bisect_judgement bisect_judge(const struct bisect *b, int k)
{
	double bad = b->below[k] * (1 - b->post[0]);
	bool run = bisect_runs_of(b, k) > 0;

	if (b->untestable[k])
		return BISECT_IS_UNTESTABLE;
	if (b->post[0] < 0.05 && bad >= 0.95)
		return BISECT_IS_BAD;
	if (b->post[0] < 0.05 && b->below[k] <= 0.05)
		return BISECT_IS_GOOD;
	return run ? BISECT_IS_WEAK : BISECT_IS_OPEN;
}
