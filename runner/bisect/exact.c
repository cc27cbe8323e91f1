/* Plain halving, a run per kernel, for runs that do not vary. */
#include "bisect/bisect_int.h"

#include <math.h>

#define NEAR 0.25 /* of the ends' difference: still the level of that end */
/* Spreads between the ends, else a run is not enough: if the spread is known,
 * and if all that is known of it is how two runs of each end differ. */
#define CLEAR 5.0
#define CLEAR_BY_TWO 10.0

enum look { GOOD, BAD, WEAK, ODD };

static void run(struct bisect_step *out, int k, enum bisect_why why)
{
	out->verdict = BISECT_RUN;
	out->kernel = k;
	out->why = why;
}

static enum look look_at(const struct bisect *b, const struct spot *s,
			 const struct bisect_step *out)
{
	double t;

	if (b->set.kind == BISECT_BREAK)
		return s->good && s->bad ? ODD : s->bad ? BAD : GOOD;
	t = (s->middle - out->good) / out->effect;
	if (fabs(t) <= NEAR)
		return GOOD;
	if (fabs(t - 1) <= NEAR)
		return BAD;
	return s->n > 1 ? ODD : WEAK;
}

/* Ends that break the wrong way are run twice before that is said. */
static bool break_ends(const struct bisect *b, const struct spot *good,
		       const struct spot *bad, struct bisect_step *out)
{
	bool wrong_good = good->bad && !good->good;
	bool wrong_bad = bad->good && !bad->bad;

	if (!wrong_good && !wrong_bad)
		return false;
	if (wrong_good && good->n < 2)
		run(out, 0, BISECT_WHY_CALIBRATE);
	else if (wrong_bad && bad->n < 2)
		run(out, b->set.n, BISECT_WHY_CALIBRATE);
	else {
		out->verdict = BISECT_ENDS;
		out->why = !wrong_bad    ? BISECT_WHY_BOTH_BAD
			   : !wrong_good ? BISECT_WHY_BOTH_GOOD
					 : BISECT_WHY_SWAPPED;
	}
	return true;
}

static bool level_ends(const struct bisect *b, struct bisect_step *out)
{
	if (fabs(out->effect) >= b->set.min_effect && out->effect != 0) {
		if (out->effect * b->set.direction >= 0)
			return false;
		out->why = BISECT_WHY_SWAPPED;
	} else {
		out->why =
			out->effect != 0 ? BISECT_WHY_SMALL : BISECT_WHY_EQUAL;
	}
	out->verdict = BISECT_ENDS;
	return true;
}

/* 95 % quantile of Student's t, both tails (Fisher's expansion). */
static double quantile(int df)
{
	const double z = 1.959964, v = 1.0 / df;
	const double a = z * z * z + z;
	const double b = (5 * pow(z, 5) + 16 * z * z * z + 3 * z) / 96;
	const double c =
		(3 * pow(z, 7) + 19 * pow(z, 5) + 17 * z * z * z - 15 * z) /
		384;

	return z + v * (a / 4 + v * (b + v * c));
}

static void widen(struct bisect_step *out, const struct spot ends[2], int df)
{
	double error = quantile(df) * out->spread *
		       sqrt(1.0 / ends[0].n + 1.0 / ends[1].n);

	out->low = out->effect - error;
	out->high = out->effect + error;
}

/* Is the difference so large that one run tells the ends apart? */
static bool clear(const struct bisect *b, struct bisect_step *out)
{
	const struct spot ends[2] = {b->spots[0], b->spots[b->n_spots - 1]};
	int df;

	if (b->set.spread_df > 0) {
		out->spread = b->set.spread;
		widen(out, ends, b->set.spread_df);
		return fabs(out->effect) >= CLEAR * b->set.spread;
	}
	out->spread = robust_spread(ends, 2, &df);
	widen(out, ends, df);
	return fabs(out->effect) >= CLEAR_BY_TWO * out->spread;
}

static void read_ends(const struct bisect *b, struct bisect_step *out)
{
	const struct spot *good = &b->spots[0];
	const struct spot *bad = &b->spots[b->n_spots - 1];

	if (b->set.kind == BISECT_BREAK) {
		out->good = (double)good->bad / good->n;
		out->bad = (double)bad->bad / bad->n;
	} else {
		out->good = good->middle;
		out->bad = bad->middle;
	}
	out->effect = out->low = out->high = out->bad - out->good;
}

/* lo: the last good kernel, hi: the first bad one; false: they are not in
 * order, or one is neither. */
static bool read_between(const struct bisect *b, struct bisect_step *out,
			 int *lo, int *hi, int *weak)
{
	*lo = b->spots[0].kernel;
	*hi = b->spots[b->n_spots - 1].kernel;
	*weak = -1;
	for (int i = 0; i < b->n_spots; i++) {
		const struct spot *s = &b->spots[i];

		switch (look_at(b, s, out)) {
		case GOOD:
			if (*hi < s->kernel)
				return false;
			*lo = s->kernel;
			break;
		case BAD:
			if (s->kernel < *hi)
				*hi = s->kernel;
			break;
		case WEAK:
			*weak = s->again;
			break;
		case ODD:
			return false;
		}
	}
	return true;
}

static void settle(struct bisect *b, int lo, int hi, struct bisect_step *out)
{
	struct gain g;
	int k;

	for (int c = 0; c <= b->set.n; c++)
		b->post[c] = c > lo && c <= hi ? b->weight[c] : 0;
	groups_sum(b);
	for (int c = 1; c <= b->set.n; c++)
		b->post[c] = b->below[c] - b->below[c - 1];
	groups_best(b, out);
	gain_exact(&g);
	k = choose_kernel(b, &g, lo, hi, false);
	if (k >= 0) {
		run(out, k, BISECT_WHY_SEARCH);
		choose_ahead(b, &g, out);
		return;
	}
	out->verdict = out->first == out->last ? BISECT_FOUND : BISECT_RANGE;
}

bool exact_next(struct bisect *b, struct bisect_step *out)
{
	const struct spot *good = &b->spots[0];
	const struct spot *bad = &b->spots[b->n_spots - 1];
	bool blind = b->set.kind == BISECT_METRIC && b->set.spread_df <= 0;
	int lo, hi, weak, need = blind ? 2 : 1, n = b->set.n;

	if (bisect_runs_of(b, 0) < need || bisect_runs_of(b, n) < need) {
		struct gain g;

		run(out, bisect_runs_of(b, n) < bisect_runs_of(b, 0) ? n : 0,
		    BISECT_WHY_CALIBRATE);
		gain_exact(&g);
		choose_ahead(b, &g, out);
		return true;
	}
	read_ends(b, out);
	if (b->set.kind == BISECT_METRIC && !clear(b, out))
		return false;
	if (b->set.kind == BISECT_BREAK ? break_ends(b, good, bad, out)
					: level_ends(b, out))
		return true;
	if (!read_between(b, out, &lo, &hi, &weak))
		return false;
	if (!(b->below[hi] - b->below[lo] > 0))
		return false;
	if (weak >= 0)
		run(out, weak, BISECT_WHY_WEAK);
	else
		settle(b, lo, hi, out);
	return true;
}
