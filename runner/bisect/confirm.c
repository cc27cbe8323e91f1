#include "bisect/confirm.h"

#include <math.h>

#define RUNS_FEW 3
#define RUNS_MANY 20
/* Standard errors that the effect should be above 0. */
#define CLEAR 4.0
/* The chance that what breaks now and then does not in all runs. */
#define MISS 0.02
/* Of the ends' difference: a patch that surely makes less than half of it is
 * not the one that was looked for, and one that surely makes less than 0.9 of
 * it is not the only one. */
#define HALF 0.5
#define WHOLE 0.9

static double between(double low, double x, double high)
{
	return x < low ? low : x > high ? high : x;
}

int confirm_runs(const struct bisect_setup *set, const struct bisect_step *s)
{
	double spread = s->spread > 0 ? s->spread : set->spread;
	double ratio, share;

	if (set->kind == BISECT_METRIC) {
		ratio = CLEAR * spread / fabs(s->effect);
		return (int)between(RUNS_FEW, ceil(2 * ratio * ratio),
				    RUNS_MANY);
	}
	if (s->mode == BISECT_EXACT)
		return 1;
	share = between(0.1, s->bad, 0.9);
	return (int)between(RUNS_FEW, ceil(log(MISS) / log(1 - share)),
			    RUNS_MANY);
}

/* Two-sided 95 % points of Student's t. */
static double t_point(int df)
{
	static const double points[] = {12.706, 4.303, 3.182, 2.776, 2.571,
					2.447,  2.365, 2.306, 2.262, 2.228};

	if (df <= 10)
		return points[df - 1];
	return 1.96 + 2.4 / df + 3.0 / (df * (double)df);
}

static double mean_of(const double *y, int n, double *squares)
{
	double mean = 0;

	for (int i = 0; i < n; i++)
		mean += y[i] / n;
	for (int i = 0; i < n; i++)
		*squares += pow(y[i] - mean, 2);
	return mean;
}

void confirm_values(const struct bisect_setup *set, const struct bisect_step *s,
		    const double *culprit, int n, const double *parent, int m,
		    struct confirm *out)
{
	double squares = 0, half, most;

	out->culprit = mean_of(culprit, n, &squares);
	out->parent = mean_of(parent, m, &squares);
	out->change = out->culprit - out->parent;
	half = t_point(n + m - 2) *
	       sqrt(squares / (n + m - 2) * (1.0 / n + 1.0 / m));
	out->low = out->change - half;
	out->high = out->change + half;
	out->share = out->change / s->effect;
	/* The largest effect that the runs allow. */
	most = fabs(out->change) + half;
	out->partial = most < WHOLE * fabs(s->effect);
	out->why = CONFIRM_AGREES;
	if (!(out->share > 0) || fabs(out->change) <= half)
		out->why = CONFIRM_NONE;
	else if (most < HALF * fabs(s->effect) || most < set->min_effect)
		out->why = CONFIRM_SMALL;
}

bool confirm_breaks(const struct bisect_step *s, int culprit, int n, int parent,
		    int m)
{
	int enough = s->mode == BISECT_EXACT ? n : 1;
	int few = (int)(s->good * m + 0.5);

	return culprit >= enough && culprit * m > parent * n && parent <= few;
}
