/*
 * Is it one step?  The other ways that the levels can have come about are two
 * steps, and a drift that each patch adds a little to.  Each is fitted by its
 * largest likelihood (Student's t), summed over where its steps may lie; a
 * further level costs half a logarithm of the values (Schwarz, Ann. Stat. 6,
 * 1978).
 */
#include "bisect/bisect_int.h"
#include "base/str.h"

#include <math.h>

#define ROUNDS 10
#define FLOOR 1e-3 /* spread, against the difference of the ends */
#define PRIOR_DRIFT 0.03
#define PRIOR_TWO 0.03

#define PARTS 4 /* what the richest story has to fit */

struct fit {
	double log;   /* likelihood */
	double *mean; /* by spot */
};

static double weight(double z)
{
	return (ROBUST_DF + 1) / (ROBUST_DF + z * z);
}

/* The weighted means of the spots up to each cut. */
static void fit_levels(const struct evidence *v, const int *cut, int cuts,
		       double spread, double *mean)
{
	for (int i = 0, part = 0; part <= cuts; part++) {
		int last = part < cuts ? cut[part] : v->n - 1, from = i;
		double sum = 0, all = 0;

		for (; i <= last; i++)
			for (int j = 0; j < v->at[i].n; j++) {
				double y = v->at[i].y[j];
				double w = weight((y - mean[i]) / spread);

				sum += w * y;
				all += w;
			}
		for (int k = from; k <= last; k++)
			mean[k] = sum / all;
	}
}

/* A weighted straight line over the kernels. */
static void fit_line(const struct evidence *v, double spread, double *mean)
{
	double w0 = 0, wx = 0, wy = 0, wxx = 0, wxy = 0, slope, x0;

	for (int i = 0; i < v->n; i++)
		for (int j = 0; j < v->at[i].n; j++) {
			double x = v->at[i].kernel, y = v->at[i].y[j];
			double w = weight((y - mean[i]) / spread);

			w0 += w;
			wx += w * x;
			wy += w * y;
			wxx += w * x * x;
			wxy += w * x * y;
		}
	x0 = wx / w0;
	slope = (wxy - x0 * wy) / (wxx - x0 * wx);
	for (int i = 0; i < v->n; i++)
		mean[i] = wy / w0 + slope * (v->at[i].kernel - x0);
}

/* The likeliest spread and means; cuts < 0: a line. */
static void fit(const struct evidence *v, const int *cut, int cuts,
		double least, struct fit *out)
{
	double s = v->spread, sum;
	int n = 0;

	for (int i = 0; i < v->n; i++) {
		n += v->at[i].n;
		out->mean[i] = v->at[i].middle;
	}
	for (int round = 0; round < ROUNDS; round++) {
		if (cuts < 0)
			fit_line(v, s, out->mean);
		else
			fit_levels(v, cut, cuts, s, out->mean);
		sum = 0;
		for (int i = 0; i < v->n; i++)
			for (int j = 0; j < v->at[i].n; j++) {
				double r = v->at[i].y[j] - out->mean[i];

				sum += weight(r / s) * r * r;
			}
		s = fmax(sqrt(sum / n), least);
	}
	out->log = -n * log(s);
	for (int i = 0; i < v->n; i++)
		for (int j = 0; j < v->at[i].n; j++) {
			double z = (v->at[i].y[j] - out->mean[i]) / s;

			out->log -=
				(ROBUST_DF + 1) / 2 * log1p(z * z / ROBUST_DF);
		}
	/* The largest likelihood flatters, more so with few values. */
	out->log *= n > PARTS ? (double)(n - PARTS) / n : 0;
}

static double log_add(double a, double b)
{
	double top = fmax(a, b);

	return top == -INFINITY ? top : top + log1p(exp(-fabs(a - b)));
}

/* What the search looked at, and what it may not look at again. */
struct sums {
	struct fit now;
	double *step, *other; /* means of the best fits */
	double best_step, best_other;
	double log_step, log_two, log_drift;
	int first, last; /* spots before the two steps */
};

static void keep(const struct evidence *v, double log, double *best,
		 double *mean, const struct fit *f)
{
	if (log <= *best)
		return;
	*best = log;
	memcpy(mean, f->mean, (size_t)v->n * sizeof(*mean));
}

static void try_steps(const struct evidence *v, const double *w, double least,
		      struct sums *s)
{
	double n = 0, best_two = -INFINITY;

	for (int i = 0; i < v->n; i++)
		n += v->at[i].n;
	for (int a = 0; a + 1 < v->n; a++) {
		fit(v, &a, 1, least, &s->now);
		s->log_step = log_add(s->log_step, s->now.log + log(w[a]));
		keep(v, s->now.log + log(w[a]), &s->best_step, s->step,
		     &s->now);
		for (int c = a + 1; c + 1 < v->n; c++) {
			int cut[2] = {a, c};
			double x;

			fit(v, cut, 2, least, &s->now);
			x = s->now.log + log(2 * w[a] * w[c]) - log(n) / 2;
			s->log_two = log_add(s->log_two, x);
			keep(v, x, &s->best_other, s->other, &s->now);
			if (x > best_two) {
				best_two = x;
				s->first = a;
				s->last = c;
			}
		}
	}
}

/* Where both stories differ most, for the runs there are. */
static int telling(const struct bisect *b, const struct evidence *v,
		   const struct sums *s)
{
	double best = 0;
	int k = -1;

	for (int i = 0; i < v->n; i++) {
		double d = s->step[i] - s->other[i];
		double x = d * d / (1 + v->at[i].n);

		if (x > best && !b->untestable[v->at[i].again]) {
			best = x;
			k = v->at[i].again;
		}
	}
	return k;
}

/* The likeliest patch between a spot and the next. */
static int likeliest(const struct bisect *b, const struct evidence *v, int spot)
{
	int best = v->at[spot].kernel + 1;

	for (int c = best; c <= v->at[spot + 1].kernel; c++)
		if (b->weight[c] > b->weight[best])
			best = c;
	return best;
}

static void conclude(const struct bisect *b, const struct evidence *v,
		     const struct sums *s, struct models *m)
{
	double step = s->log_step + log(1 - PRIOR_DRIFT - PRIOR_TWO);
	double drift = s->log_drift + log(PRIOR_DRIFT);
	double two = s->log_two + log(PRIOR_TWO);
	double all = log_add(log_add(step, drift), two);

	m->step = exp(step - all);
	m->drift = exp(drift - all);
	m->two = exp(two - all);
	m->first = likeliest(b, v, s->first);
	m->last = likeliest(b, v, s->last);
	m->doubt = telling(b, v, s);
}

void models_compare(const struct bisect *b, const struct evidence *v,
		    struct models *m)
{
	size_t n = (size_t)v->n;
	double *buf = xcalloc(4 * n, sizeof(*buf)), *w = buf + 3 * n;
	double least = FLOOR * fabs(v->level[1] - v->level[0]) + 1e-300;
	struct sums s = {.now = {.mean = buf},
			 .step = buf + n,
			 .other = buf + 2 * n,
			 .best_step = -INFINITY,
			 .best_other = -INFINITY,
			 .log_step = -INFINITY,
			 .log_two = -INFINITY};

	for (int j = 0; j + 1 < v->n; j++)
		for (int c = v->at[j].kernel + 1; c <= v->at[j + 1].kernel; c++)
			w[j] += b->weight[c];
	try_steps(v, w, least, &s);
	fit(v, NULL, -1, least, &s.now);
	s.log_drift = s.now.log;
	keep(v, s.log_drift, &s.best_other, s.other, &s.now);
	conclude(b, v, &s, m);
	free(buf);
}
