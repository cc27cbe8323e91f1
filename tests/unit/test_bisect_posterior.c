/* The probabilities of the search against plain sums over everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_bisect.h"
#include "bisect/bisect_int.h"

static struct bench t;

struct value {
	int kernel;
	double y;
};

static double t_density(double y, double mu, double s)
{
	double z = (y - mu) / s;

	return 0.3796066898 / s / pow(1 + z * z / 5, 3);
}

/* Of all values at one level or two, over spreads, good and bad levels: the
 * bad one's prior is a Cauchy of 2 spreads around the mean of the good end. */
static double brute(const struct value *v, int n, int step, double centre)
{
	const double from = -12, to = 16, by = 0.1;
	double sum = 0;

	for (double x = log(0.1); x < log(12); x += 0.08) {
		double s = exp(x), good = 0, bad = 0;

		for (double mu = from; mu < to; mu += by) {
			double a = by, z = (mu - centre) / (2 * s);
			double b = by / (M_PI * 2 * s * (1 + z * z));

			for (int i = 0; i < n; i++) {
				double p = t_density(v[i].y, mu, s);

				if (v[i].kernel < step)
					a *= p;
				else
					b *= p;
			}
			good += a;
			bad += b;
		}
		sum += 0.08 * good * (step > 9 ? 1 : bad);
	}
	return sum;
}

/* The mean of the good end, as far as its outliers allow. */
static double good_centre(const struct value *v, int n)
{
	struct spot at[10] = {0};
	double y[10][16];
	int df;

	for (int i = 0; i < n; i++)
		y[v[i].kernel][at[v[i].kernel].n++] = v[i].y;
	for (int k = 0; k < 10; k++) {
		at[k].y = y[k];
		at[k].middle = at[k].n ? robust_middle(y[k], at[k].n) : 0;
		at[k].n += !at[k].n; /* one value of nothing varies not */
	}
	return robust_mean(at[0].y, at[0].n, at[0].middle,
			   robust_spread(at, 10, &df));
}

static void against_brute(const struct value *v, int n)
{
	double want[10], all = 0, centre = good_centre(v, n);

	bench_setup(&t, 9, BISECT_METRIC, BISECT_NOISY);
	t.k[2].weight = 3;
	bench_begin(&t);
	for (int i = 0; i < n; i++)
		bench_value(&t, v[i].kernel, v[i].y);
	/* Half of it before any run: no difference.  Weights sum to 11. */
	want[0] = brute(v, n, 99, centre);
	for (int c = 1; c <= 9; c++)
		want[c] = brute(v, n, c, centre) * (c == 2 ? 3 : 1) / 11;
	for (int c = 0; c <= 9; c++)
		all += want[c];
	for (int c = 0; c <= 9; c++) {
		double got = bisect_posterior(t.b)[c];

		assert_true(fabs(got - want[c] / all) < 0.015);
	}
	bench_end(&t);
}

static void test_levels(void **state)
{
	const struct value clear[] = {{0, 0},   {0, 0.5}, {0, -0.4}, {9, 4},
				      {9, 4.6}, {9, 3.7}, {4, 0.2},  {6, 4.1}};
	const struct value weak[] = {{0, 0.3}, {0, -1},  {0, 0.9}, {9, 1.9},
				     {9, 0.6}, {9, 2.4}, {5, 1.1}, {3, 1.4},
				     {7, 0.2}, {5, 0.8}};
	const struct value outlier[] = {{0, 0.1}, {0, 9},   {0, -0.2},
					{0, 0.3}, {9, 3.1}, {9, 2.6},
					{9, 2.8}, {5, 3.2}, {2, 0.1}};

	(void)state;
	against_brute(clear, 8);
	against_brute(weak, 10);
	against_brute(outlier, 9);
}

/* A share's integral over Beta(a, 1 + more) times its judgements, in steps of
 * u where share = u^(1/a), so that the prior's peak at 0 is flat. */
static double beta_sum(double a, double more, int bad, int good)
{
	double sum = 0, all = 0;

	for (double u = 0.00005; u < 1; u += 0.0001) {
		double p = pow(u, 1 / a);

		all += pow(1 - p, more);
		sum += pow(p, bad) * pow(1 - p, good + more);
	}
	return sum / all;
}

static void test_rates(void **state)
{
	/* bad, good at kernels 0, 3, 6, 9 */
	static const int seen[4][2] = {{0, 2}, {1, 4}, {2, 1}, {3, 0}};
	static const int at[4] = {0, 3, 6, 9};
	double want[4], all = 0;

	(void)state;
	bench_setup(&t, 9, BISECT_BREAK, BISECT_NOISY);
	bench_begin(&t);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < seen[i][0] + seen[i][1]; j++)
			bench_what(&t, at[i],
				   j < seen[i][0] ? BISECT_BAD : BISECT_GOOD);
	want[3] = beta_sum(1, 0, 6, 7);
	for (int j = 0; j < 3; j++) {
		int bad = 0, good = 0;

		for (int i = 0; i <= j; i++) {
			bad += seen[i][0];
			good += seen[i][1];
		}
		/* Beta(1, 0.75) mirrored is Beta(0.75, 1). */
		want[j] = beta_sum(0.25, 4, bad, good) *
			  beta_sum(0.75, 0, 7 - good, 6 - bad) / 3;
	}
	for (int j = 0; j < 4; j++)
		all += want[j];
	assert_true(fabs(bisect_posterior(t.b)[0] - want[3] / all) < 1e-3);
	for (int j = 0; j < 3; j++)
		for (int c = at[j] + 1; c <= at[j + 1]; c++)
			assert_true(fabs(bisect_posterior(t.b)[c] -
					 want[j] / all / 3) < 1e-3);
	bench_end(&t);
}

static double entropy(double p)
{
	return -p * log2(p) - (1 - p) * log2(1 - p);
}

static double gain_by_sum(double p, double d)
{
	double sum = 0, by = 0.01;

	for (double y = -60; y < 60 + d; y += by) {
		double a = t_density(y, 0, 1), b = t_density(y, d, 1);
		double m = (1 - p) * a + p * b;

		sum += by * ((1 - p) * a * log2(a / m) + p * b * log2(b / m));
	}
	return sum;
}

static void test_what_a_run_says(void **state)
{
	static const double p[] = {0.003, 0.05, 0.31, 0.5, 0.77, 0.999};
	static const double d[] = {0.3, 1, 2.5, 7};
	struct gain g;

	(void)state;
	for (size_t j = 0; j < 4; j++) {
		gain_levels(&g, d[j]);
		for (size_t i = 0; i < 6; i++)
			assert_true(fabs(gain_at(&g, p[i]) -
					 gain_by_sum(p[i], d[j])) < 0.004);
		assert_true(gain_at(&g, 0) == 0 && gain_at(&g, 1) == 0);
	}
	gain_levels(&g, 50);
	for (size_t i = 0; i < 6; i++)
		assert_true(fabs(gain_at(&g, p[i]) - entropy(p[i])) < 0.003);
	gain_rates(&g, 0, 0.5);
	assert_true(fabs(gain_at(&g, 0.3) - (entropy(0.15) - 0.3)) < 0.002);
	assert_true(fabs(gain_at(&g, 0.9) - (entropy(0.45) - 0.9)) < 0.002);
}

static void test_spread_and_mean_withstand_outliers(void **state)
{
	double a[] = {1, 1.2, 0.8, 1.1, 0.9, 30}, b[] = {5, 5.1, 4.9, 5.2};
	const struct spot at[] = {{.n = 6, .y = a, .middle = 1},
				  {.n = 4, .y = b, .middle = 5}};
	double s;
	int df;

	(void)state;
	s = robust_spread(at, 2, &df);
	assert_int_equal(df, 8);
	assert_true(s > 0.05 && s < 2);
	assert_true(fabs(robust_mean(a, 6, robust_middle(a, 6), s) - 1) < 0.3);
	assert_true(robust_middle(b, 4) >= 5 && robust_middle(b, 4) <= 5.1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_what_a_run_says),
		cmocka_unit_test(test_spread_and_mean_withstand_outliers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
