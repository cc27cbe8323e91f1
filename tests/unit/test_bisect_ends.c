/* When there is nothing to search: one clear reason each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_bisect.h"

#include <errno.h>

static struct bench t;

static void assert_ends(enum bisect_why why)
{
	assert_int_equal(t.step.verdict, BISECT_ENDS);
	assert_int_equal(t.step.why, why);
	bench_end(&t);
}

static void both_modes(int n, enum bisect_kind kind, int culprit, double d,
		       double min_effect, int direction, enum bisect_why why)
{
	for (int mode = 0; mode < 2; mode++) {
		bench_setup(&t, n, kind, (enum bisect_mode)mode);
		t.set.min_effect = min_effect;
		t.set.direction = direction;
		bench_begin(&t);
		bench_search(&t, culprit, d);
		assert_ends(why);
	}
}

static void test_values_that_do_not_differ(void **state)
{
	(void)state;
	both_modes(9, BISECT_METRIC, 4, 0, 0.01, 0, BISECT_WHY_EQUAL);
	both_modes(9, BISECT_METRIC, 4, 0, 0, 0, BISECT_WHY_EQUAL);
	both_modes(9, BISECT_METRIC, 4, 0.005, 0.01, 0, BISECT_WHY_SMALL);
	/* Outside of the range. */
	both_modes(9, BISECT_METRIC, 10, 1, 0.01, 0, BISECT_WHY_EQUAL);
	both_modes(9, BISECT_METRIC, 0, 1, 0.01, 0, BISECT_WHY_EQUAL);
}

/* A change that grows with each patch: neither one step nor none is like it,
 * but that the ends differ is beyond doubt. */
static void test_ends_that_a_slope_lies_between(void **state)
{
	static const struct {
		int kernel;
		double of_base;
	} seen[] = {{0, 1.0033}, {8, 1.1638}, {0, 1.0066}, {8, 1.1677},
		    {4, 1.0836}, {4, 1.0872}, {0, 1.0023}, {8, 1.1626},
		    {2, 1.0434}, {4, 1.0824}, {4, 1.0855}, {4, 1.0832},
		    {4, 1.0901}, {3, 1.0635}, {0, 1.0051}, {4, 1.0813}};

	(void)state;
	bench_setup(&t, 8, BISECT_METRIC, BISECT_EXACT);
	t.set.min_effect = log(1.01);
	t.set.direction = 1;
	bench_begin(&t);
	for (size_t i = 0; i < sizeof(seen) / sizeof(*seen); i++)
		bench_value(&t, seen[i].kernel, log(seen[i].of_base));
	assert_true(t.step.low > log(1.05));
	assert_int_not_equal(t.step.verdict, BISECT_ENDS);
	for (int i = 0; i < 40 && t.step.verdict == BISECT_RUN; i++)
		bench_value(&t, t.step.kernel, 0.02 * t.step.kernel);
	assert_int_equal(t.step.verdict, BISECT_NO_STEP);
	bench_end(&t);
}

static void test_the_numbers_are_given(void **state)
{
	(void)state;
	bench_setup(&t, 9, BISECT_METRIC, BISECT_NOISY);
	t.set.min_effect = 1;
	t.seed = 2;
	bench_begin(&t);
	bench_search(&t, 10, 0);
	assert_int_equal(t.run[0] + t.run[9], t.step.runs);
	assert_true(t.step.low < 0 && t.step.high > 0);
	assert_true(fabs(t.step.good) < 1 && fabs(t.step.bad) < 1);
	assert_true(t.step.spread > 0.3 && t.step.spread < 3);
	assert_ends(BISECT_WHY_EQUAL);
}

static void test_swapped(void **state)
{
	(void)state;
	both_modes(9, BISECT_METRIC, 4, -1, 0.01, 1, BISECT_WHY_SWAPPED);
	both_modes(9, BISECT_METRIC, 4, 1, 0.01, -1, BISECT_WHY_SWAPPED);
	for (int mode = 0; mode < 2; mode++) {
		bench_setup(&t, 9, BISECT_BREAK, (enum bisect_mode)mode);
		bench_begin(&t);
		while (t.step.verdict == BISECT_RUN)
			bench_what(&t, t.step.kernel,
				   t.step.kernel < 4 ? BISECT_BAD
						     : BISECT_GOOD);
		assert_ends(BISECT_WHY_SWAPPED);
	}
}

static void test_breaks_at_both_ends_or_none(void **state)
{
	(void)state;
	both_modes(9, BISECT_BREAK, 0, 0, 0, 0, BISECT_WHY_BOTH_BAD);
	both_modes(9, BISECT_BREAK, 10, 0, 0, 0, BISECT_WHY_BOTH_GOOD);
}

static void test_an_end_that_cannot_be_tested(void **state)
{
	(void)state;
	for (int end = 0; end <= 9; end += 9) {
		bench_setup(&t, 9, BISECT_METRIC, BISECT_EXACT);
		bench_begin(&t);
		bench_what(&t, end, BISECT_UNTESTABLE);
		assert_int_equal(t.step.kernel, end);
		assert_ends(BISECT_WHY_END);
	}
}

static void test_ends_with_one_code(void **state)
{
	(void)state;
	bench_setup(&t, 9, BISECT_METRIC, BISECT_EXACT);
	t.k[0].identity = t.k[9].identity = 5;
	bench_begin(&t);
	assert_ends(BISECT_WHY_SAME_CODE);
	bench_setup(&t, 9, BISECT_METRIC, BISECT_EXACT);
	for (int c = 1; c <= 9; c++)
		t.k[c].weight = 0;
	bench_begin(&t);
	assert_ends(BISECT_WHY_NOBODY);
}

static void test_budgets(void **state)
{
	(void)state;
	bench_setup(&t, 1000, BISECT_METRIC, BISECT_NOISY);
	t.set.max_runs = 20;
	t.seed = 1;
	bench_begin(&t);
	bench_search(&t, 300, 1);
	assert_int_equal(t.step.verdict, BISECT_GAVE_UP);
	assert_int_equal(t.step.why, BISECT_WHY_BUDGET);
	assert_int_equal(t.step.runs, 20);
	assert_true(t.step.first >= 1 && t.step.last <= 1000);
	bench_end(&t);

	bench_setup(&t, 1000, BISECT_BREAK, BISECT_EXACT);
	t.set.max_s = 100; /* five builds and runs */
	bench_begin(&t);
	bench_search(&t, 300, 1);
	assert_int_equal(t.step.why, BISECT_WHY_BUDGET);
	assert_int_equal(t.step.runs, 5);
	assert_true(t.step.first <= 300 && 300 <= t.step.last);
	bench_end(&t);
}

static void test_setups_that_make_no_sense(void **state)
{
	struct err e;

	(void)state;
	bench_setup(&t, 9, BISECT_METRIC, BISECT_NOISY);
	t.set.n = 0;
	assert_null(bisect_new(&t.set, &e));
	assert_int_equal(e.kind, ERR_USER);
	t.set.n = 9;
	t.k[3].weight = NAN;
	assert_null(bisect_new(&t.set, &e));
	t.k[3].weight = -1;
	assert_null(bisect_new(&t.set, &e));
	t.k[3].weight = 1;
	t.k[3].run_s = -1;
	assert_null(bisect_new(&t.set, &e));
	t.k[3].run_s = 1;
	t.set.stop = 1;
	assert_null(bisect_new(&t.set, &e));
	t.set.stop = 0;
	t.set.spread_df = 3;
	assert_null(bisect_new(&t.set, &e));
}

static void test_events_that_make_no_sense(void **state)
{
	const struct bisect_event bad[] = {
		{-1, BISECT_VALUE, 1, 0},    {10, BISECT_VALUE, 1, 0},
		{3, BISECT_VALUE, NAN, 0},   {3, BISECT_VALUE, INFINITY, 0},
		{3, BISECT_VALUE, 1e300, 0}, {3, BISECT_GOOD, 0, 0},
		{3, BISECT_BAD, 0, 0},       {3, (enum bisect_what)77, 0, 0},
	};
	struct bisect_step before;
	struct err e;

	(void)state;
	bench_setup(&t, 9, BISECT_METRIC, BISECT_NOISY);
	bench_begin(&t);
	bench_value(&t, 0, 1);
	memcpy(&before, &t.step, sizeof(before));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(bisect_add(t.b, &bad[i], &e), -EINVAL);
		bisect_next(t.b, &t.step);
		assert_int_equal(t.step.kernel, before.kernel);
		assert_int_equal(t.step.runs, 1);
	}
	bench_end(&t);
	bench_setup(&t, 9, BISECT_BREAK, BISECT_NOISY);
	bench_begin(&t);
	assert_int_equal(
		bisect_add(t.b, &(struct bisect_event){0, BISECT_VALUE, 1, 0},
			   &e),
		-EINVAL);
	bench_end(&t);
}

/* Huge, tiny and equal values must not make a number that is none. */
static void test_odd_values(void **state)
{
	static const double of[][2] = {
		{1e90, -1e90}, {1e-300, 2e-300}, {1e9, 1e9 + 1e-6},
		{0, 1e-12},    {5, 5},           {-3, 3e15},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++)
		for (int mode = 0; mode < 2; mode++) {
			bench_setup(&t, 9, BISECT_METRIC,
				    (enum bisect_mode)mode);
			bench_begin(&t);
			while (t.step.verdict == BISECT_RUN) {
				int k = t.step.kernel;

				bench_value(&t, k, of[i][k >= 4]);
				for (int c = 0; c <= 9; c++)
					assert_true(bisect_posterior(t.b)[c] >=
							    0 &&
						    bisect_posterior(t.b)[c] <=
							    1 + 1e-9);
			}
			if (t.step.verdict == BISECT_FOUND)
				assert_int_equal(t.step.first, 4);
			else
				assert_int_equal(t.step.verdict, BISECT_ENDS);
			bench_end(&t);
		}
}

static unsigned pick(unsigned n)
{
	t.seed = t.seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(t.seed >> 33) % n;
}

static void assert_sane(void)
{
	const struct bisect_step *s = &t.step;
	double sum = 0;

	for (int c = 0; c <= t.set.n; c++) {
		double p = bisect_posterior(t.b)[c];

		assert_true(p >= 0 && p <= 1 + 1e-9);
		sum += p;
	}
	assert_true(sum < 1e-9 || fabs(sum - 1) < 1e-6);
	if (s->verdict == BISECT_RUN) {
		assert_in_range(s->kernel, 0, t.set.n);
		assert_int_not_equal(bisect_judge(t.b, s->kernel),
				     BISECT_IS_UNTESTABLE);
	} else if (s->verdict != BISECT_ENDS) {
		assert_in_range(s->first, 1, s->last);
		assert_in_range(s->last, s->first, t.set.n);
	}
	for (int i = 0; i < 2; i++)
		assert_true(s->ahead[i] >= -1 && s->ahead[i] <= t.set.n);
}

/* Whatever happens, in whatever order, what it says makes sense. */
static void test_any_record(void **state)
{
	(void)state;
	for (int round = 1; round <= 300; round++) {
		bool breaks = round % 2;
		int n = 1 + round % 13;

		bench_setup(&t, n, breaks ? BISECT_BREAK : BISECT_METRIC,
			    (enum bisect_mode)(round / 2 % 2));
		t.seed = (uint64_t)round;
		for (int k = 0; k <= n; k++) {
			t.k[k].weight = pick(4);
			t.k[k].identity = pick(3) ? 0 : 1 + pick(9);
			t.k[k].built = pick(2);
		}
		bench_begin(&t);
		for (int i = 0; i < 40; i++) {
			enum bisect_what what = (enum bisect_what)pick(6);
			int k = pick(2) && t.step.kernel >= 0
					? t.step.kernel
					: (int)pick((unsigned)n + 1);

			if (what <= BISECT_BAD)
				what = !breaks   ? BISECT_VALUE
				       : pick(2) ? BISECT_GOOD
						 : BISECT_BAD;
			bench_tell(&t, (struct bisect_event){
					       k, what, pick(7) + 3.0 * (k > 4),
					       pick(5) ? 0 : pick(9)});
			assert_sane();
		}
		bench_end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_that_do_not_differ),
		cmocka_unit_test(test_ends_that_a_slope_lies_between),
		cmocka_unit_test(test_the_numbers_are_given),
		cmocka_unit_test(test_swapped),
		cmocka_unit_test(test_breaks_at_both_ends_or_none),
		cmocka_unit_test(test_an_end_that_cannot_be_tested),
		cmocka_unit_test(test_ends_with_one_code),
		cmocka_unit_test(test_budgets),
		cmocka_unit_test(test_setups_that_make_no_sense),
		cmocka_unit_test(test_events_that_make_no_sense),
		cmocka_unit_test(test_odd_values),
		cmocka_unit_test(test_any_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
