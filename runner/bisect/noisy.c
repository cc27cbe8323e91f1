/*
 * The search among runs that vary: the probability of each patch, given all
 * runs so far, and the run that says most about it per second.
 */
#include "bisect/bisect_int.h"

#include <math.h>

#define UNSURE 0.4   /* probability of no difference: ends first */
#define SURE 0.05    /* of one: it is there */
#define UNLIKELY 0.9 /* of none: enough runs of the ends */
#define END_CAP 60   /* runs of each end before a difference is given up */
#define END_CAP_BREAK 24
#define SHARE 4        /* a run in so many is of an end */
#define LOOK 8         /* runs between looks for other models */
#define OTHERWISE 0.95 /* probability of these: it is no single step */
#define LIKELY 0.8     /* probability of a single step that will do */
#define KINDS 10       /* kernels run, to tell a drift from two steps */
#define Z95 1.959964

static void run(struct bisect_step *out, int k, enum bisect_why why)
{
	out->verdict = BISECT_RUN;
	out->kernel = k;
	out->why = why;
}

static void end_with(struct bisect_step *out, enum bisect_verdict verdict,
		     enum bisect_why why)
{
	out->verdict = verdict;
	out->why = why;
	out->kernel = -1;
}

static int end_runs(const struct bisect *b, bool bad)
{
	return bisect_runs_of(b, bad ? b->set.n : 0);
}

/* The end that was run less. */
static int poorer_end(const struct bisect *b)
{
	return end_runs(b, true) < end_runs(b, false) ? b->set.n : 0;
}

static int fewest_end_runs(const struct bisect *b)
{
	return bisect_runs_of(b, poorer_end(b));
}

static int calibration(const struct bisect *b)
{
	if (b->set.kind == BISECT_BREAK || b->set.spread_df >= 4)
		return 2;
	return 3;
}

static void weigh_patches(struct bisect *b, const struct evidence *v)
{
	double top = v->none, step = 0;

	for (int j = 0; j + 1 < v->n; j++)
		top = fmax(top, v->split[j]);
	b->post[0] = 0;
	for (int j = 0; j + 1 < v->n; j++) {
		double w = exp(v->split[j] - top);

		for (int c = v->at[j].kernel + 1; c <= v->at[j + 1].kernel; c++)
			step += b->post[c] = w * b->weight[c];
	}
	/* Behind the first kernel with the bad end's code all are acquitted. */
	for (int c = v->at[v->n - 1].kernel + 1; c <= b->set.n; c++)
		b->post[c] = 0;
	b->post[0] = exp(v->none - top);
	for (int c = 1; c <= b->set.n; c++)
		b->post[c] /= step + b->post[0];
	b->post[0] /= step + b->post[0];
	groups_sum(b);
}

static void describe(const struct bisect *b, const struct evidence *v,
		     struct bisect_step *out)
{
	double error = Z95 * sqrt(v->var[0] + v->var[1]);

	out->good = v->level[0];
	out->bad = v->level[1];
	out->spread = v->spread;
	out->effect = out->bad - out->good;
	out->low = out->effect - error;
	out->high = out->effect + error;
	groups_best(b, out);
}

/* A change in more than one step makes one step and none look alike bad.  Do
 * the runs of the ends alone leave no doubt that they differ? */
static bool ends_differ(const struct bisect *b, const struct evidence *v)
{
	const struct spot at[2] = {v->at[0], v->at[v->n - 1]};
	double split;
	struct evidence own = {.n = 2, .at = at, .split = &split};

	if (b->set.kind == BISECT_BREAK || v->n <= 2 || b->post[0] <= UNSURE)
		return false;
	levels_weigh(b, &own);
	return 1 / (1 + exp(split - own.none)) < SURE;
}

/* False: they differ well enough to go on. */
static bool level_ends(const struct bisect *b, bool sloped,
		       struct bisect_step *out)
{
	double least = b->set.min_effect, none = sloped ? 0 : b->post[0];

	if (least > 0 && out->low > -least && out->high < least)
		end_with(out, BISECT_ENDS,
			 none < SURE ? BISECT_WHY_SMALL : BISECT_WHY_EQUAL);
	else if (none < SURE && out->effect * b->set.direction < 0)
		end_with(out, BISECT_ENDS, BISECT_WHY_SWAPPED);
	else if (none <= UNSURE)
		return false;
	else if (none >= UNLIKELY || fewest_end_runs(b) >= END_CAP)
		end_with(out, BISECT_ENDS, BISECT_WHY_EQUAL);
	else
		run(out, poorer_end(b), BISECT_WHY_CALIBRATE);
	return true;
}

static bool break_ends(const struct bisect *b, struct bisect_step *out)
{
	const struct spot *good = &b->spots[0];
	const struct spot *bad = &b->spots[b->n_spots - 1];

	if (b->post[0] <= UNSURE)
		return false;
	if (b->post[0] < UNLIKELY && fewest_end_runs(b) < END_CAP_BREAK)
		run(out, poorer_end(b), BISECT_WHY_CALIBRATE);
	else if (good->bad * bad->n > bad->bad * good->n &&
		 2 * bad->bad < bad->n)
		end_with(out, BISECT_ENDS, BISECT_WHY_SWAPPED);
	else
		end_with(out, BISECT_ENDS,
			 good->bad ? BISECT_WHY_BOTH_BAD
				   : BISECT_WHY_BOTH_GOOD);
	return true;
}

static bool ends(const struct bisect *b, bool sloped, struct bisect_step *out)
{
	return b->set.kind == BISECT_BREAK ? break_ends(b, out)
					   : level_ends(b, sloped, out);
}

static void make_gain(const struct bisect *b, const struct evidence *v,
		      struct gain *g)
{
	double vague;

	if (b->set.kind == BISECT_BREAK) {
		gain_rates(g, v->level[0], v->level[1]);
		return;
	}
	vague = fmax(v->var[0], v->var[1]);
	gain_levels(g, fabs(v->level[1] - v->level[0]) /
			       sqrt(v->spread * v->spread + vague));
}

/* The middle one of the patches between two kernels that were run, of whose
 * gaps the widest; -1: there is none. */
static int widest(const struct bisect *b, const struct evidence *v)
{
	int best = 1, found = -1;

	for (int j = 0; j + 1 < v->n; j++) {
		int lo = v->at[j].kernel, hi = v->at[j + 1].kernel;

		for (int k = lo + 1; k < hi; k++) {
			int near = k - lo < hi - k ? k - lo : hi - k;

			if (near >= best && !b->untestable[k] &&
			    b->cell[k] == k) {
				best = near + 1;
				found = k;
			}
		}
	}
	return found;
}

/* No single step; but of which kind? */
static void no_step(const struct bisect *b, const struct evidence *v,
		    const struct models *m, struct bisect_step *out)
{
	bool drift = m->drift > m->two;
	int k = widest(b, v);

	if (fmax(m->drift, m->two) < OTHERWISE && v->n < KINDS && k >= 0) {
		run(out, k, BISECT_WHY_DOUBT);
		return;
	}
	end_with(out, BISECT_NO_STEP,
		 drift ? BISECT_WHY_DRIFT : BISECT_WHY_TWO_STEPS);
	if (drift) {
		groups_credible(b, out);
	} else {
		out->first = m->first;
		out->last = m->last;
	}
	out->posterior = fmax(m->drift, m->two);
}

/* Is the answer good enough, or is it no single step? */
static bool judge(const struct bisect *b, const struct evidence *v, bool sloped,
		  struct bisect_step *out)
{
	bool enough = out->posterior >= b->set.stop;
	bool due = sloped || b->runs % LOOK == 0;
	struct models m = {.step = 1, .doubt = -1};

	if (!enough && (b->set.kind == BISECT_BREAK || !due))
		return false;
	if (b->set.kind == BISECT_METRIC && v->n > 2)
		models_compare(b, v, &m);
	out->single = m.step;
	if (1 - m.step >= OTHERWISE) {
		no_step(b, v, &m, out);
		return true;
	}
	if (!enough)
		return false;
	if (m.step < LIKELY && m.doubt >= 0) {
		run(out, m.doubt, BISECT_WHY_DOUBT);
		return true;
	}
	end_with(out, out->first == out->last ? BISECT_FOUND : BISECT_RANGE,
		 BISECT_WHY_NONE);
	return true;
}

static void search(const struct bisect *b, const struct gain *g,
		   struct bisect_step *out)
{
	int k = choose_kernel(b, g, 0, b->set.n, false);

	/* Nothing between the ends tells anything: only they are left. */
	if (k < 0)
		run(out, poorer_end(b), BISECT_WHY_CALIBRATE);
	else
		run(out, k,
		    bisect_runs_of(b, k) ? BISECT_WHY_WEAK : BISECT_WHY_SEARCH);
}

void noisy_next(struct bisect *b, struct bisect_step *out)
{
	struct evidence v = {
		.n = b->n_spots, .at = b->spots, .split = b->split};
	struct gain g;
	bool sloped;

	*out = (struct bisect_step){.kernel = -1,
				    .ahead = {-1, -1},
				    .mode = BISECT_NOISY,
				    .runs = out->runs,
				    .kernels = out->kernels,
				    .infra = out->infra,
				    .cost_s = out->cost_s};
	gain_exact(&g);
	if (fewest_end_runs(b) < calibration(b)) {
		run(out, poorer_end(b), BISECT_WHY_CALIBRATE);
		choose_ahead(b, &g, out);
		return;
	}
	if (b->set.kind == BISECT_BREAK)
		rates_weigh(&v);
	else
		levels_weigh(b, &v);
	weigh_patches(b, &v);
	describe(b, &v, out);
	make_gain(b, &v, &g);
	sloped = ends_differ(b, &v);
	if (!ends(b, sloped, out) && !judge(b, &v, sloped, out)) {
		if ((end_runs(b, false) + end_runs(b, true)) * SHARE < b->runs)
			run(out, poorer_end(b), BISECT_WHY_CALIBRATE);
		else
			search(b, &g, out);
	}
	if (out->verdict == BISECT_RUN)
		choose_ahead(b, &g, out);
}
