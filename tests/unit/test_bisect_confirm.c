/* What fresh runs say of what was found: it has to be what the ends differ by.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bisect/confirm.h"

#include <math.h>

static const struct bisect_setup metric = {.kind = BISECT_METRIC,
					   .min_effect = 0.01};
static const struct bisect_setup breaks = {.kind = BISECT_BREAK};

static struct confirm compare(double effect, double culprit, double parent,
			      double noise)
{
	const double a[] = {culprit - noise, culprit, culprit + noise};
	const double b[] = {parent - noise, parent, parent + noise};
	const struct bisect_step step = {.effect = effect};
	struct confirm c;

	confirm_values(&metric, &step, a, 3, b, 3, &c);
	return c;
}

static void test_runs(void **state)
{
	struct bisect_step s = {.effect = 1, .spread = 0.01};

	(void)state;
	assert_int_equal(confirm_runs(&metric, &s), 3);
	s.spread = 0.5;
	assert_int_equal(confirm_runs(&metric, &s), 8);
	s.effect = -0.1;
	assert_int_equal(confirm_runs(&metric, &s), 20);
	s = (struct bisect_step){.bad = 1, .mode = BISECT_EXACT};
	assert_int_equal(confirm_runs(&breaks, &s), 1);
	s = (struct bisect_step){.bad = 0.5, .mode = BISECT_NOISY};
	assert_int_equal(confirm_runs(&breaks, &s), 6);
	s.bad = 0;
	assert_int_equal(confirm_runs(&breaks, &s), 20);
}

static void test_whole_effect(void **state)
{
	struct confirm c = compare(0.08, 1.08, 1.0, 0.002);

	(void)state;
	assert_int_equal(c.why, CONFIRM_AGREES);
	assert_false(c.partial);
	assert_true(c.low < 0.08 && 0.08 < c.high);
	assert_true(fabs(c.share - 1) < 1e-9);
	assert_true(fabs(c.culprit - 1.08) < 1e-9);
	assert_true(fabs(c.parent - 1) < 1e-9);
	/* Where higher is better. */
	assert_int_equal(compare(-0.08, 1.0, 1.08, 0.002).why, CONFIRM_AGREES);
}

static void test_no_effect(void **state)
{
	(void)state;
	assert_int_equal(compare(0.08, 1.001, 1.0, 0.01).why, CONFIRM_NONE);
	assert_int_equal(compare(0.08, 0.92, 1.0, 0.002).why, CONFIRM_NONE);
	assert_int_equal(compare(0.08, 1.0, 1.0, 0).why, CONFIRM_NONE);
	/* It may be large, but nobody knows. */
	assert_int_equal(compare(0.08, 1.08, 1.0, 0.2).why, CONFIRM_NONE);
}

static void test_part_of_the_effect(void **state)
{
	struct confirm c = compare(0.08, 1.06, 1.0, 0.002);

	(void)state;
	assert_int_equal(c.why, CONFIRM_AGREES);
	assert_true(c.partial);
	c = compare(0.08, 1.02, 1.0, 0.002);
	assert_int_equal(c.why, CONFIRM_SMALL);
	assert_true(c.low > 0 && fabs(c.share - 0.25) < 1e-9);
	/* All of it, but less than is looked for. */
	assert_int_equal(compare(0.008, 1.008, 1.0, 0.0001).why, CONFIRM_SMALL);
}

/* The share of seeds whose interval holds the truth, by simulation. */
static void test_interval(void **state)
{
	const struct bisect_step step = {.effect = 1};
	uint64_t x = 88172645463325252u;
	int holds = 0;

	(void)state;
	for (int i = 0; i < 4000; i++) {
		double y[7];
		struct confirm c;

		for (int j = 0; j < 7; j++) {
			y[j] = j < 4 ? 1 : 0;
			/* The sum of 12 uniform numbers is nearly normal. */
			for (int u = 0; u < 12; u++) {
				x ^= x << 13;
				x ^= x >> 7;
				x ^= x << 17;
				y[j] += (double)(x >> 11) / 0x1p53 - 0.5;
			}
		}
		confirm_values(&metric, &step, y, 4, y + 4, 3, &c);
		holds += c.low <= 1 && 1 <= c.high;
	}
	assert_in_range(holds, 3750, 3850);
}

static void test_breaks(void **state)
{
	struct bisect_step s = {.bad = 1, .mode = BISECT_EXACT};

	(void)state;
	assert_true(confirm_breaks(&s, 1, 1, 0, 1));
	assert_false(confirm_breaks(&s, 0, 1, 0, 1));
	assert_false(confirm_breaks(&s, 1, 1, 1, 1));
	s = (struct bisect_step){.good = 0.1, .bad = 0.5, .mode = BISECT_NOISY};
	assert_true(confirm_breaks(&s, 3, 6, 1, 6));
	assert_false(confirm_breaks(&s, 3, 6, 3, 6));
	assert_false(confirm_breaks(&s, 3, 6, 2, 6));
	/* As many of fewer is more. */
	assert_true(confirm_breaks(&s, 1, 2, 1, 6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_whole_effect),
		cmocka_unit_test(test_no_effect),
		cmocka_unit_test(test_part_of_the_effect),
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_breaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
