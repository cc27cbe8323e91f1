/*
 * Location and spread that an outlier hardly moves: the likeliest ones under
 * Student's t, by iterated reweighting (Lange, Little and Taylor, J. Am. Stat.
 * Assoc. 84, 1989).
 */
#include "bisect/bisect_int.h"

#include <math.h>

#define ROUNDS 12

static double weight(double r, double spread)
{
	double z = r / spread;

	return (ROBUST_DF + 1) / (ROBUST_DF + z * z);
}

/* Of few values, without sorting them. */
static double middle(const double *y, int n)
{
	for (int i = 0; i < n; i++) {
		int below = 0, equal = 0;

		for (int j = 0; j < n; j++) {
			below += y[j] < y[i];
			equal += y[j] == y[i];
		}
		if (below <= (n - 1) / 2 && (n - 1) / 2 < below + equal)
			return y[i];
	}
	return y[0];
}

double robust_middle(const double *y, int n)
{
	return n > 2 ? middle(y, n) : (y[0] + y[n - 1]) / 2;
}

double robust_mean(const double *y, int n, double m, double spread)
{
	if (!(spread > 0))
		return m;
	for (int round = 0; round < ROUNDS; round++) {
		double sum = 0, all = 0;

		for (int i = 0; i < n; i++) {
			double w = weight(y[i] - m, spread);

			sum += w * y[i];
			all += w;
		}
		m = sum / all;
	}
	return m;
}

double robust_spread(const struct spot *at, int n, int *df)
{
	double s = 0;

	*df = 0;
	for (int i = 0; i < n; i++)
		*df += at[i].n - 1;
	if (!*df)
		return 0;
	for (int round = 0; round < ROUNDS; round++) {
		double sum = 0;

		for (int i = 0; i < n; i++) {
			double m;

			if (at[i].n < 2)
				continue;
			m = robust_mean(at[i].y, at[i].n, at[i].middle, s);
			for (int j = 0; j < at[i].n; j++) {
				double r = at[i].y[j] - m;

				sum += r * r * (s > 0 ? weight(r, s) : 1);
			}
		}
		s = sqrt(sum / *df);
		if (!(s > 0))
			break;
	}
	return s;
}
