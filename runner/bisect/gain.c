/*
 * What a run is worth: the mutual information, in bits, between its outcome and
 * the question whether the kernel is bad (Shannon, Bell Syst. Tech. J. 27,
 * 1948), as a table over the probability that it is.
 */
#include "bisect/bisect_int.h"

#include <math.h>

#define FAR 14.0 /* spreads: beyond it a run leaves no doubt */
#define STEP 0.5
#define TAIL 8.0

static double entropy(double p)
{
	return p <= 0 || p >= 1 ? 0 : -(p * log2(p) + (1 - p) * log2(1 - p));
}

/* The curves are steep at 0 and 1, where the points lie close. */
static double point(int i)
{
	double x = (double)i / GAIN_HALF;

	return i <= GAIN_HALF ? 0.5 * x * x : 1 - 0.5 * (2 - x) * (2 - x);
}

void gain_exact(struct gain *g)
{
	for (int i = 0; i < GAIN_POINTS; i++)
		g->bits[i] = entropy(point(i));
}

void gain_rates(struct gain *g, double good, double bad)
{
	for (int i = 0; i < GAIN_POINTS; i++) {
		double p = point(i), q = 1 - p;

		g->bits[i] =
			fmax(0, entropy(p * bad + q * good) - p * entropy(bad) -
					q * entropy(good));
	}
}

/* Student's t with 5 degrees of freedom. */
static double density(double z)
{
	double a = 1 + z * z / ROBUST_DF;

	return 0.3796066898 / (a * a * a);
}

void gain_levels(struct gain *g, double d)
{
	double sum[GAIN_HALF + 1] = {0};

	if (d >= FAR) {
		gain_exact(g);
		return;
	}
	for (double y = -TAIL; y <= d + TAIL; y += STEP) {
		double a = density(y), b = density(y - d);
		double la = log2(a), lb = log2(b);

		for (int i = 0; i <= GAIN_HALF; i++) {
			double p = point(i), mix = (1 - p) * a + p * b;

			sum[i] +=
				(1 - p) * a * la + p * b * lb - mix * log2(mix);
		}
	}
	/* Both levels are alike, so the curve is symmetric. */
	for (int i = 0; i <= GAIN_HALF; i++) {
		g->bits[i] = fmax(0, sum[i] * STEP);
		g->bits[GAIN_POINTS - 1 - i] = g->bits[i];
	}
}

double gain_at(const struct gain *g, double p)
{
	double x, part;
	int i;

	if (p <= 0 || p >= 1)
		return 0;
	x = p <= 0.5 ? sqrt(2 * p) : 2 - sqrt(2 * (1 - p));
	i = (int)fmin(x * GAIN_HALF, GAIN_POINTS - 2);
	part = (p - point(i)) / (point(i + 1) - point(i));
	return g->bits[i] + part * (g->bits[i + 1] - g->bits[i]);
}
