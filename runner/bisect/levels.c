/*
 * How likely are the values if the step lies between two kernels that were run?
 * Both levels and their common spread are unknown, so the likelihood (Student's
 * t, so that an outlier decides nothing) is integrated over them by quadrature:
 * for each of SPREADS spreads, over LEVELS places of either level around what
 * the ends say.  The trapezoid rule is all but exact for such smooth peaks
 * (Trefethen and Weideman, SIAM Review 56, 2014).  Values left of the step tell
 * of the good level only, so sums from the left and from the right serve every
 * split, and the work does not grow with the number of patches.
 */
#include "bisect/bisect_int.h"
#include "base/str.h"

#include <float.h>
#include <math.h>

#define SPREADS 13
#define LEVELS 24
#define REACH 4.5  /* standard errors of an end's mean, to either side */
#define BATCH 8    /* factors whose product has one logarithm */
#define BIG 1e30   /* of one factor, so that a batch does not overflow */
#define SCALE 2.0  /* spreads: how large a difference is, before any run */
#define FLOOR 1e-3 /* spread, against the difference of the ends */

enum { GOOD, BAD, ALL, SIDES };

/* An integral over one level: its logarithm, and the level's first moments. */
struct sum {
	double log, mean, square;
};

struct grid {
	double spread[SPREADS], prior[SPREADS]; /* prior: a logarithm */
	double likely;                          /* spread */
	double centre[SIDES], error[SIDES];     /* in spreads */
};

static double place(const struct grid *g, int side, int s, int m)
{
	/* Of a spread far below the likely one the peak may lie elsewhere. */
	double unit = fmax(g->spread[s], g->likely / 2);
	double half = REACH * g->error[side] * unit;

	return g->centre[side] + half * (2.0 * m / (LEVELS - 1) - 1);
}

static void take_logs(double *product, double *log_at)
{
	for (int m = 0; m < LEVELS; m++) {
		log_at[m] -= (ROBUST_DF + 1) / 2 * log(product[m]);
		product[m] = 1;
	}
}

/* Adds the log likelihood of a spot's values to LEVELS places. */
static void add_spot(const struct grid *g, int side, int s,
		     const struct spot *at, double *log_at)
{
	double root = 1 / (sqrt(ROBUST_DF) * g->spread[s]);
	double mu[LEVELS], product[LEVELS];

	for (int m = 0; m < LEVELS; m++) {
		mu[m] = place(g, side, s, m) * root;
		product[m] = 1;
	}
	for (int i = 0; i < at->n; i++) {
		double y = at->y[i] * root;

		for (int m = 0; m < LEVELS; m++) {
			double r = y - mu[m], x = 1 + r * r;

			product[m] *= x < BIG ? x : BIG;
		}
		if (i % BATCH == BATCH - 1)
			take_logs(product, log_at);
	}
	if (at->n % BATCH)
		take_logs(product, log_at);
}

/* What is thought of the bad level before it is seen: a Cauchy around the good
 * one (Jeffreys, Theory of Probability, 1961), without which no difference
 * could not be weighed against one. */
static double log_prior(const struct grid *g, int side, int s, double mu)
{
	double scale = SCALE * g->spread[s], z;

	if (side != BAD)
		return 0;
	z = (mu - g->centre[GOOD]) / scale;
	return -log(M_PI * scale * (1 + z * z));
}

static void integrate(const struct grid *g, int side, int s,
		      const double *log_at, int n, struct sum *out)
{
	double step = place(g, side, s, 1) - place(g, side, s, 0);
	double top = -DBL_MAX, all = 0, first = 0, second = 0, v[LEVELS];

	for (int m = 0; m < LEVELS; m++) {
		v[m] = log_at[m] + log_prior(g, side, s, place(g, side, s, m));
		top = fmax(top, v[m]);
	}
	for (int m = 0; m < LEVELS; m++) {
		double w = exp(v[m] - top);
		double x = place(g, side, s, m) - g->centre[side];

		all += w;
		first += w * x;
		second += w * x * x;
	}
	out->log = top + log(all * step) - n * log(g->spread[s]);
	out->mean = first / all;
	out->square = second / all;
}

/* Sums over the first, the first two, ... spots from one end. */
static void sweep(const struct grid *g, int side, int s, const struct spot *at,
		  int n, bool backwards, struct sum *out)
{
	double log_at[LEVELS] = {0};
	int values = 0;

	for (int i = 0; i < n; i++) {
		int j = backwards ? n - 1 - i : i;

		add_spot(g, side, s, &at[j], log_at);
		values += at[j].n;
		if (side != ALL || i == n - 1)
			integrate(g, side, s, log_at, values, &out[j]);
	}
}

static double centre_of_all(const struct evidence *v, double guess,
			    double spread)
{
	double *values, centre;
	int n = 0;

	for (int i = 0; i < v->n; i++)
		n += v->at[i].n;
	values = xcalloc((size_t)n, sizeof(*values));
	n = 0;
	for (int i = 0; i < v->n; i++)
		for (int j = 0; j < v->at[i].n; j++)
			values[n++] = v->at[i].y[j];
	centre = robust_mean(values, n, guess, spread);
	free(values);
	return centre;
}

static void place_grid(const struct bisect *b, struct evidence *v,
		       struct grid *g)
{
	const struct spot *good = &v->at[0], *bad = &v->at[v->n - 1];
	const struct bisect_setup *set = &b->set;
	double gap, low, high, spread;
	int df;

	spread = robust_spread(v->at, v->n, &df);
	if (set->spread_df > 0) {
		spread = sqrt((df * spread * spread +
			       set->spread_df * set->spread * set->spread) /
			      (df + set->spread_df));
		df += set->spread_df;
	}
	g->centre[GOOD] = robust_mean(good->y, good->n, good->middle, spread);
	g->centre[BAD] = robust_mean(bad->y, bad->n, bad->middle, spread);
	gap = fabs(g->centre[BAD] - g->centre[GOOD]);
	spread = fmax(spread, FLOOR * gap);
	spread = fmax(spread, 1e-12 * fabs(g->centre[GOOD]) + DBL_MIN * 1e20);
	g->centre[ALL] = centre_of_all(
		v, (g->centre[GOOD] + g->centre[BAD]) / 2, spread);
	g->error[GOOD] = 1 / sqrt(good->n);
	g->error[BAD] = 1 / sqrt(bad->n);
	g->error[ALL] = 1 / sqrt(good->n + bad->n);
	low = -4 / sqrt(2.0 * df) - 0.4;
	high = 5 / sqrt(2.0 * df) + 0.3;
	for (int s = 0; s < SPREADS; s++) {
		double x = low + (high - low) * s / (SPREADS - 1);
		double known = set->spread / (spread * exp(x));

		g->spread[s] = spread * exp(x);
		g->prior[s] =
			set->spread_df <= 0
				? 0
				: -set->spread_df * (x + known * known / 2);
	}
	g->likely = spread;
}

/* The levels' means and variances over everything that is not known. */
static void moments(struct evidence *v, const struct grid *g,
		    const struct sum *left, const struct sum *right,
		    const double *log_w, double top)
{
	double all = 0, m[2] = {0}, q[2] = {0}, spread = 0;

	for (int j = 0; j + 1 < v->n; j++)
		for (int s = 0; s < SPREADS; s++) {
			const struct sum *l = &left[s * v->n + j];
			const struct sum *r = &right[s * v->n + j + 1];
			double w = exp(log_w[j * SPREADS + s] - top);

			if (!(w > 0))
				continue;
			all += w;
			spread += w * g->spread[s];
			m[GOOD] += w * l->mean;
			q[GOOD] += w * l->square;
			m[BAD] += w * r->mean;
			q[BAD] += w * r->square;
		}
	for (int side = GOOD; side <= BAD; side++) {
		m[side] /= all;
		v->level[side] = g->centre[side] + m[side];
		v->var[side] = fmax(0, q[side] / all - m[side] * m[side]);
	}
	v->spread = spread / all;
}

static double log_add(double a, double b)
{
	double top = fmax(a, b);

	return top == -INFINITY ? top : top + log1p(exp(-fabs(a - b)));
}

/* How likely it is, before any run, that the step lies in this split. */
static double weight_of(const struct bisect *b, const struct evidence *v, int j)
{
	double sum = 0;

	for (int c = v->at[j].kernel + 1; c <= v->at[j + 1].kernel; c++)
		sum += b->weight[c];
	return sum;
}

void levels_weigh(const struct bisect *b, struct evidence *v)
{
	size_t n = (size_t)v->n;
	struct sum *left = xcalloc(3 * n * SPREADS, sizeof(*left));
	struct sum *right = left + n * SPREADS, *all = right + n * SPREADS;
	double *log_w = xcalloc(n * SPREADS, sizeof(*log_w));
	double top = -INFINITY;
	struct grid g;

	place_grid(b, v, &g);
	v->none = -INFINITY;
	for (int s = 0; s < SPREADS; s++) {
		sweep(&g, GOOD, s, v->at, v->n, false, left + (size_t)s * n);
		sweep(&g, BAD, s, v->at, v->n, true, right + (size_t)s * n);
		sweep(&g, ALL, s, v->at, v->n, false, all + (size_t)s * n);
		v->none = log_add(v->none,
				  g.prior[s] + all[(size_t)s * n + n - 1].log);
	}
	for (int j = 0; j + 1 < v->n; j++) {
		double w = weight_of(b, v, j);

		v->split[j] = -INFINITY;
		for (int s = 0; s < SPREADS; s++) {
			double x = g.prior[s] + left[(size_t)s * n + j].log +
				   right[(size_t)s * n + j + 1].log;

			v->split[j] = log_add(v->split[j], x);
			log_w[j * SPREADS + s] = x + log(w);
			top = fmax(top, x + log(w));
		}
	}
	moments(v, &g, left, right, log_w, top);
	free(log_w);
	free(left);
}
