/*
 * How likely are the judgements if the step lies between two kernels that were
 * run?  Below it a run is bad at some small rate, from it on at some larger
 * one; neither is known, and both integrate out exactly (beta-binomial).
 */
#include "bisect/bisect_int.h"

#include <math.h>

/* Before any run: a good kernel hardly ever breaks, a bad one mostly does, and
 * of kernels that are all alike nothing is known. */
static const double good_prior[2] = {0.25, 5};
static const double bad_prior[2] = {1, 0.75};
static const double any_prior[2] = {1, 1};

static double log_beta(double a, double b)
{
	int sign;

	return lgamma_r(a, &sign) + lgamma_r(b, &sign) - lgamma_r(a + b, &sign);
}

static double marginal(const double prior[2], int bad, int good)
{
	return log_beta(prior[0] + bad, prior[1] + good) -
	       log_beta(prior[0], prior[1]);
}

static double share(const double prior[2], int bad, int good)
{
	return (prior[0] + bad) / (prior[0] + prior[1] + bad + good);
}

void rates_weigh(struct evidence *v)
{
	int bad = 0, good = 0, bad_left = 0, good_left = 0;
	double top = -INFINITY, all = 0, low = 0, high = 0;

	for (int i = 0; i < v->n; i++) {
		bad += v->at[i].bad;
		good += v->at[i].good;
	}
	v->none = marginal(any_prior, bad, good);
	for (int pass = 0; pass < 2; pass++) {
		bad_left = good_left = 0;
		for (int j = 0; j + 1 < v->n; j++) {
			double w;

			bad_left += v->at[j].bad;
			good_left += v->at[j].good;
			v->split[j] =
				marginal(good_prior, bad_left, good_left) +
				marginal(bad_prior, bad - bad_left,
					 good - good_left);
			if (!pass) {
				top = fmax(top, v->split[j]);
				continue;
			}
			w = exp(v->split[j] - top);
			all += w;
			low += w * share(good_prior, bad_left, good_left);
			high += w * share(bad_prior, bad - bad_left,
					  good - good_left);
		}
	}
	v->level[0] = low / all;
	v->level[1] = high / all;
	v->var[0] = v->var[1] = v->spread = 0;
}
