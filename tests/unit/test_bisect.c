/* The search for the guilty patch: what it runs, and what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_bisect.h"

static struct bench t;

static void assert_found(int culprit)
{
	assert_int_equal(t.step.verdict, BISECT_FOUND);
	assert_int_equal(t.step.first, culprit);
	assert_int_equal(t.step.last, culprit);
	assert_true(t.step.posterior >= 0.95);
}

static void test_halving_takes_a_run_per_kernel(void **state)
{
	(void)state;
	for (int c = 1; c <= 35; c++) {
		bench_setup(&t, 35, BISECT_BREAK, BISECT_EXACT);
		bench_begin(&t);
		bench_search(&t, c, 0);
		assert_found(c);
		assert_true(t.step.runs <= 2 + 6);
		assert_int_equal(t.step.runs, t.step.kernels);
		assert_int_equal(t.step.mode, BISECT_EXACT);
		bench_end(&t);
	}
}

static void test_one_two_and_three_patches(void **state)
{
	(void)state;
	for (int mode = 0; mode < 2; mode++)
		for (int kind = 0; kind < 2; kind++)
			for (int n = 1; n <= 3; n++)
				for (int c = 1; c <= n; c++) {
					bench_setup(&t, n,
						    (enum bisect_kind)kind,
						    (enum bisect_mode)mode);
					bench_begin(&t);
					bench_search(&t, c, 1);
					assert_found(c);
					bench_end(&t);
				}
}

static void test_many_patches(void **state)
{
	(void)state;
	for (int mode = 0; mode < 2; mode++) {
		bench_setup(&t, 5000, BISECT_METRIC, (enum bisect_mode)mode);
		t.seed = 5;
		bench_begin(&t);
		bench_search(&t, 3777, 100);
		assert_found(3777);
		assert_true(t.step.kernels <= 2 + 13);
		assert_true(t.step.low < 100 && t.step.high > 100);
		bench_end(&t);
	}
}

/* Of two kernels that say as much the later one is run. */
static void test_the_later_one_of_two(void **state)
{
	int runs = 0;

	(void)state;
	for (int n = 3; n < 60; n += 2) {
		bench_setup(&t, n, BISECT_BREAK, BISECT_EXACT);
		bench_begin(&t);
		bench_what(&t, 0, BISECT_GOOD);
		bench_what(&t, n, BISECT_BAD);
		assert_int_equal(t.step.kernel, n / 2 + 1);
		bench_end(&t);
	}
	bench_setup(&t, 35, BISECT_BREAK, BISECT_EXACT);
	bench_begin(&t);
	bench_search(&t, 35, 1);
	assert_found(35);
	for (int k = 0; k <= 35; k++)
		runs += t.run[k];
	assert_int_equal(runs, 7);
	bench_end(&t);
}

static void test_values_between_the_levels_end_the_halving(void **state)
{
	(void)state;
	bench_setup(&t, 10, BISECT_METRIC, BISECT_EXACT);
	bench_begin(&t);
	bench_value(&t, 0, 0);
	bench_value(&t, 10, 10);
	bench_value(&t, 0, 0.1);
	bench_value(&t, 10, 10.1);
	assert_int_equal(t.step.why, BISECT_WHY_SEARCH);
	assert_int_equal(t.step.kernel, 5);
	bench_value(&t, 5, 5);
	assert_int_equal(t.step.kernel, 5);
	assert_int_equal(t.step.why, BISECT_WHY_WEAK);
	assert_int_equal(t.step.mode, BISECT_EXACT);
	bench_value(&t, 5, 5.1);
	assert_int_equal(t.step.mode, BISECT_NOISY);
	bench_end(&t);
}

static void test_good_after_bad_ends_the_halving(void **state)
{
	(void)state;
	bench_setup(&t, 10, BISECT_BREAK, BISECT_EXACT);
	bench_begin(&t);
	bench_what(&t, 0, BISECT_GOOD);
	bench_what(&t, 10, BISECT_BAD);
	bench_what(&t, 3, BISECT_BAD);
	assert_int_equal(t.step.mode, BISECT_EXACT);
	bench_what(&t, 7, BISECT_GOOD);
	assert_int_equal(t.step.mode, BISECT_NOISY);
	assert_int_equal(t.step.verdict, BISECT_RUN);
	bench_end(&t);
}

/* A confirmation that fails goes into the record, and the search goes on. */
static void test_a_parent_that_breaks_after_all(void **state)
{
	(void)state;
	bench_setup(&t, 10, BISECT_BREAK, BISECT_EXACT);
	bench_begin(&t);
	bench_what(&t, 0, BISECT_GOOD);
	bench_what(&t, 10, BISECT_BAD);
	bench_what(&t, 4, BISECT_GOOD);
	bench_what(&t, 5, BISECT_BAD);
	assert_found(5);
	bench_what(&t, 4, BISECT_BAD);
	assert_int_equal(t.step.verdict, BISECT_RUN);
	assert_int_equal(t.step.mode, BISECT_NOISY);
	while (t.step.verdict == BISECT_RUN)
		bench_what(&t, t.step.kernel,
			   t.step.kernel >= 3 ? BISECT_BAD : BISECT_GOOD);
	assert_found(3);
	bench_end(&t);
}

static void test_untestable_kernels_widen_the_answer(void **state)
{
	(void)state;
	for (int mode = 0; mode < 2; mode++) {
		bench_setup(&t, 8, BISECT_BREAK, (enum bisect_mode)mode);
		bench_begin(&t);
		bench_what(&t, 4, BISECT_UNTESTABLE);
		bench_what(&t, 5, BISECT_UNTESTABLE);
		bench_search(&t, 5, 0);
		assert_int_equal(t.step.verdict, BISECT_RANGE);
		assert_int_equal(t.step.first, 4);
		assert_int_equal(t.step.last, 6);
		assert_int_equal(t.run[4] + t.run[5], 0);
		assert_int_equal(bisect_judge(t.b, 4), BISECT_IS_UNTESTABLE);
		assert_int_equal(bisect_judge(t.b, 3), BISECT_IS_GOOD);
		assert_int_equal(bisect_judge(t.b, 6), BISECT_IS_BAD);
		bench_end(&t);
	}
}

static void test_nothing_between_the_ends_can_be_tested(void **state)
{
	(void)state;
	for (int mode = 0; mode < 2; mode++) {
		bench_setup(&t, 8, BISECT_METRIC, (enum bisect_mode)mode);
		t.seed = 3;
		bench_begin(&t);
		for (int k = 1; k < 8; k++)
			bench_what(&t, k, BISECT_UNTESTABLE);
		bench_search(&t, 5, 50);
		assert_int_equal(t.step.verdict, BISECT_RANGE);
		assert_int_equal(t.step.first, 1);
		assert_int_equal(t.step.last, 8);
		bench_end(&t);
	}
}

/* Kernel 4 has the code of 3: patch 4 is innocent, and one of both is run. */
static void test_the_same_code_is_never_blamed(void **state)
{
	(void)state;
	for (int mode = 0; mode < 2; mode++)
		for (int c = 1; c <= 8; c++) {
			if (c == 4)
				continue;
			bench_setup(&t, 8, BISECT_BREAK,
				    (enum bisect_mode)mode);
			for (int k = 0; k <= 8; k++)
				t.k[k].identity = k == 4 ? 103 : 100u + k;
			bench_begin(&t);
			bench_search(&t, c, 0);
			assert_found(c);
			assert_true(bisect_posterior(t.b)[4] == 0);
			assert_false(t.run[3] && t.run[4]);
			bench_end(&t);
		}
}

/* Patch 4 is taken back by patch 6, which is known once both are built. */
static void test_what_is_taken_back_is_innocent(void **state)
{
	(void)state;
	bench_setup(&t, 8, BISECT_BREAK, BISECT_EXACT);
	bench_begin(&t);
	bench_tell(&t, (struct bisect_event){3, BISECT_BUILT, 0, 77});
	bench_tell(&t, (struct bisect_event){6, BISECT_BUILT, 0, 77});
	bench_search(&t, 3, 0);
	assert_found(3);
	for (int c = 4; c <= 6; c++)
		assert_true(bisect_posterior(t.b)[c] == 0);
	bench_end(&t);
}

/* The bad end's code is there from kernel 5 on, so 7 is bad whatever it says;
 * a run of it must not be taken for the end's neighbour. */
static void test_the_end_s_code_comes_early(void **state)
{
	(void)state;
	for (int mode = 0; mode < 2; mode++) {
		bench_setup(&t, 9, BISECT_METRIC, (enum bisect_mode)mode);
		t.k[5].identity = t.k[9].identity = 7;
		t.seed = 9;
		bench_begin(&t);
		bench_value(&t, 7, 20);
		bench_search(&t, 4, 20);
		assert_found(4);
		bench_end(&t);
	}
}

static void test_likely_and_impossible_patches(void **state)
{
	(void)state;
	bench_setup(&t, 100, BISECT_BREAK, BISECT_EXACT);
	t.k[90].weight = 1000;
	t.k[20].weight = 0;
	bench_begin(&t);
	bench_search(&t, 90, 0);
	assert_found(90);
	/* The ends and both sides of the one that is likely. */
	assert_int_equal(t.step.runs, 4);
	bench_end(&t);

	bench_setup(&t, 100, BISECT_BREAK, BISECT_EXACT);
	t.k[20].weight = 0;
	bench_begin(&t);
	bench_search(&t, 21, 0);
	assert_found(21);
	assert_true(bisect_posterior(t.b)[20] == 0);
	bench_end(&t);
}

static void test_a_kernel_that_is_built_costs_less(void **state)
{
	(void)state;
	bench_setup(&t, 100, BISECT_BREAK, BISECT_EXACT);
	for (int k = 0; k <= 100; k++)
		t.k[k].build_s = 1000;
	t.k[30].built = true;
	bench_begin(&t);
	bench_what(&t, 0, BISECT_GOOD);
	bench_what(&t, 100, BISECT_BAD);
	assert_int_equal(t.step.kernel, 30);
	assert_true(t.step.cost_s == 2 * (1000 + 10));
	bench_end(&t);
}

static void test_what_to_build_ahead(void **state)
{
	(void)state;
	bench_setup(&t, 100, BISECT_BREAK, BISECT_EXACT);
	bench_begin(&t);
	assert_int_equal(t.step.ahead[0], 50);
	bench_what(&t, 0, BISECT_GOOD);
	bench_what(&t, 100, BISECT_BAD);
	assert_int_equal(t.step.kernel, 50);
	assert_int_equal(t.step.ahead[0] + t.step.ahead[1], 25 + 75);
	bench_what(&t, 75, BISECT_BUILT);
	assert_int_equal(t.step.kernel, 75);
	bench_end(&t);
}

static void test_the_lab_s_failures_are_no_judgement(void **state)
{
	int k;

	(void)state;
	bench_setup(&t, 20, BISECT_BREAK, BISECT_EXACT);
	bench_begin(&t);
	bench_what(&t, 0, BISECT_GOOD);
	bench_what(&t, 20, BISECT_BAD);
	k = t.step.kernel;
	bench_what(&t, k, BISECT_INFRA);
	assert_int_equal(t.step.kernel, k);
	assert_int_equal(t.step.why, BISECT_WHY_INFRA);
	bench_what(&t, k, BISECT_INFRA);
	bench_what(&t, k, BISECT_INFRA);
	/* Another one for now. */
	assert_int_not_equal(t.step.kernel, k);
	assert_int_equal(t.step.infra, 3);
	assert_int_equal(t.step.runs, 2);
	bench_search(&t, k, 0);
	assert_found(k);
	bench_end(&t);

	bench_setup(&t, 20, BISECT_BREAK, BISECT_EXACT);
	bench_begin(&t);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(t.step.verdict, BISECT_RUN);
		bench_what(&t, t.step.kernel, BISECT_INFRA);
	}
	assert_int_equal(t.step.verdict, BISECT_GAVE_UP);
	assert_int_equal(t.step.why, BISECT_WHY_INFRA);
	bench_end(&t);
}

/* Asked after each event or only at the end, it says the same. */
static void test_the_record_alone_decides(void **state)
{
	static struct bench u;
	struct bisect_step a, c;
	struct err e;

	(void)state;
	bench_setup(&t, 60, BISECT_METRIC, BISECT_NOISY);
	bench_setup(&u, 60, BISECT_METRIC, BISECT_NOISY);
	t.seed = 11;
	bench_begin(&t);
	bench_begin(&u);
	while (t.step.verdict == BISECT_RUN) {
		int k = t.step.kernel;
		struct bisect_event ev = {k, BISECT_VALUE,
					  (k >= 23 ? 2 : 0) + bench_noise(&t),
					  0};

		bench_tell(&t, ev);
		assert_int_equal(bisect_add(u.b, &ev, &e), 0);
	}
	memset(&a, 0, sizeof(a));
	memset(&c, 0, sizeof(c));
	bisect_next(t.b, &a);
	bisect_next(u.b, &c);
	assert_memory_equal(&a, &c, sizeof(a));
	assert_memory_equal(bisect_posterior(t.b), bisect_posterior(u.b),
			    61 * sizeof(double));
	assert_int_equal(a.verdict, BISECT_FOUND);
	bench_end(&t);
	bench_end(&u);
}

/* At 5 spreads: 18 runs, and hardly one in a hundred wrong (docs/bisect.md has
 * more of these). */
static void test_noise(void **state)
{
	int right = 0, runs = 0, ends = 0, all = 0;

	(void)state;
	for (int s = 1; s <= 100; s++) {
		int c = 1 + s * 7 % 35;

		bench_setup(&t, 35, BISECT_METRIC, BISECT_NOISY);
		t.seed = (uint64_t)s;
		bench_begin(&t);
		bench_search(&t, c, 5);
		right += t.step.verdict == BISECT_FOUND && t.step.first == c;
		runs += t.step.runs;
		bench_end(&t);

		bench_setup(&t, 35, BISECT_METRIC, BISECT_NOISY);
		t.seed = (uint64_t)s;
		bench_begin(&t);
		bench_search(&t, c, 1.5);
		ends += t.run[0] + t.run[35];
		all += t.step.runs;
		bench_end(&t);
	}
	assert_true(right >= 97);
	assert_true(runs <= 1800);
	assert_true(4 * ends >= all);
}

static void test_a_change_that_each_patch_adds_to(void **state)
{
	int said = 0;

	(void)state;
	for (int s = 1; s <= 30; s++) {
		bench_setup(&t, 35, BISECT_METRIC, BISECT_NOISY);
		t.seed = (uint64_t)s;
		bench_begin(&t);
		while (t.step.verdict == BISECT_RUN)
			bench_value(&t, t.step.kernel,
				    6.0 * t.step.kernel / 35 + bench_noise(&t));
		said += t.step.verdict == BISECT_NO_STEP;
		bench_end(&t);
	}
	assert_true(said >= 28);
}

static void test_two_steps(void **state)
{
	(void)state;
	bench_setup(&t, 30, BISECT_METRIC, BISECT_EXACT);
	t.seed = 4;
	bench_begin(&t);
	while (t.step.verdict == BISECT_RUN) {
		int k = t.step.kernel;

		bench_value(&t, k,
			    10 * ((k >= 8) + (k >= 24)) + bench_noise(&t));
	}
	assert_int_equal(t.step.verdict, BISECT_NO_STEP);
	assert_int_equal(t.step.why, BISECT_WHY_TWO_STEPS);
	assert_true(t.step.first <= 15 && t.step.last > 15);
	bench_end(&t);
}

static void test_an_outlier_decides_nothing(void **state)
{
	int wrong = 0;

	(void)state;
	for (int s = 1; s <= 50; s++) {
		int n = 0;

		bench_setup(&t, 35, BISECT_METRIC, BISECT_NOISY);
		t.seed = (uint64_t)s;
		bench_begin(&t);
		while (t.step.verdict == BISECT_RUN) {
			int k = t.step.kernel;

			n++;
			bench_value(&t, k,
				    (k >= 12 ? 5 : 0) + bench_noise(&t) +
					    (n == 4 + s % 6 ? 12 : 0));
		}
		wrong += t.step.verdict == BISECT_FOUND && t.step.first != 12;
		bench_end(&t);
	}
	assert_true(wrong <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_halving_takes_a_run_per_kernel),
		cmocka_unit_test(test_one_two_and_three_patches),
		cmocka_unit_test(test_many_patches),
		cmocka_unit_test(test_the_later_one_of_two),
		cmocka_unit_test(
			test_values_between_the_levels_end_the_halving),
		cmocka_unit_test(test_good_after_bad_ends_the_halving),
		cmocka_unit_test(test_a_parent_that_breaks_after_all),
		cmocka_unit_test(test_untestable_kernels_widen_the_answer),
		cmocka_unit_test(test_nothing_between_the_ends_can_be_tested),
		cmocka_unit_test(test_the_same_code_is_never_blamed),
		cmocka_unit_test(test_what_is_taken_back_is_innocent),
		cmocka_unit_test(test_the_end_s_code_comes_early),
		cmocka_unit_test(test_likely_and_impossible_patches),
		cmocka_unit_test(test_a_kernel_that_is_built_costs_less),
		cmocka_unit_test(test_what_to_build_ahead),
		cmocka_unit_test(test_the_lab_s_failures_are_no_judgement),
		cmocka_unit_test(test_the_record_alone_decides),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_a_change_that_each_patch_adds_to),
		cmocka_unit_test(test_two_steps),
		cmocka_unit_test(test_an_outlier_decides_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
