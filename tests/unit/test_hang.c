/* The rules by which a guest counts as hung. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "machine/hang.h"

#define S 1000 /* ms */

static char buf[256];

static const char *at_host(struct hang *h, uint64_t ms, uint64_t bytes,
			   uint64_t wrote_ms)
{
	const struct hang_look at = {.host_ms = ms, .wrote_ms = wrote_ms,
				     .guest_ms = -1, .bytes = bytes};

	return hang_judge(h, &at, buf, sizeof(buf));
}

static const char *at_guest(struct hang *h, int64_t ms, uint64_t bytes,
			    uint64_t cpu_ms, bool asleep)
{
	const struct hang_look at = {.host_ms = 5, .guest_ms = ms,
				     .bytes = bytes, .cpu_ms = cpu_ms,
				     .asleep = asleep};

	return hang_judge(h, &at, buf, sizeof(buf));
}

static void test_silence_on_the_host_s_clock(void **state)
{
	struct hang h;

	(void)state;
	hang_init(&h, 10 * S, false);
	assert_null(at_host(&h, 9 * S, 0, 0));
	/* Silence begins when the guest last wrote, not when that was seen. */
	assert_null(at_host(&h, 10 * S, 100, 3 * S));
	assert_null(at_host(&h, 13 * S - 1, 100, 3 * S));
	assert_string_equal(at_host(&h, 13 * S, 100, 3 * S),
			    "the guest gave no sign of life for 10 s of host "
			    "time");
}

static void test_never_a_word(void **state)
{
	struct hang h;

	(void)state;
	hang_init(&h, 10 * S, false);
	assert_non_null(at_host(&h, 10 * S, 0, 0));
}

static void test_a_step_may_be_silent(void **state)
{
	struct hang_look begin = {.host_ms = 2 * S, .guest_ms = -1};
	struct hang_look end = {.host_ms = 50 * S, .guest_ms = -1};
	struct hang h;

	(void)state;
	hang_init(&h, 10 * S, false);
	hang_step_begins(&h, "run", 60 * S, &begin);
	assert_null(at_host(&h, 40 * S, 7, 2 * S));
	hang_step_ends(&h, &end);
	assert_null(at_host(&h, 59 * S, 7, 50 * S));
	assert_non_null(at_host(&h, 61 * S, 7, 50 * S));
}

/* However much its kernel has to say meanwhile. */
static void test_a_step_must_end(void **state)
{
	struct hang_look begin = {.host_ms = 2 * S, .guest_ms = -1};
	struct hang h;

	(void)state;
	hang_init(&h, 10 * S, false);
	hang_step_begins(&h, "run", 60 * S, &begin);
	for (uint64_t s = 3; s < 72; s++)
		assert_null(at_host(&h, s * S, s, s * S));
	assert_string_equal(at_host(&h, 72 * S, 99, 72 * S),
			    "the guest's step 'run' may take 60 s, was not "
			    "over after 70 s of host time");
}

static void test_silence_in_guest_time(void **state)
{
	struct hang h;

	(void)state;
	hang_init(&h, 10 * S, true);
	assert_null(at_guest(&h, 1 * S, 100, 1 * S, false));
	/* The host may be as slow as it likes. */
	assert_null(at_guest(&h, 10 * S, 100, 2 * S, false));
	assert_string_equal(at_guest(&h, 11 * S, 100, 3 * S, false),
			    "the guest gave no sign of life for 10 s of guest "
			    "time");
}

static void test_an_unknown_time_is_no_verdict(void **state)
{
	struct hang h;

	(void)state;
	hang_init(&h, 10 * S, true);
	assert_null(at_guest(&h, 1 * S, 1, 0, false));
	assert_null(at_guest(&h, -1, 1, 900 * S, true));
	assert_non_null(at_guest(&h, 90 * S, 1, 0, false));
}

/* PAUSE is so dear in emulation that guest time hardly passes. */
static void test_a_guest_that_spins(void **state)
{
	struct hang_look begin = {.guest_ms = 1 * S};
	struct hang h;

	(void)state;
	hang_init(&h, 10 * S, true);
	assert_null(at_guest(&h, 1 * S, 100, 3 * S, false));
	assert_null(at_guest(&h, 1 * S, 100, 12 * S, false));
	assert_string_equal(at_guest(&h, 2 * S, 100, 13 * S, false),
			    "the guest gave no sign of life for 10 s of "
			    "processor time");
	/* A step may be dear. */
	hang_step_begins(&h, "run", 60 * S, &begin);
	assert_null(at_guest(&h, 2 * S, 100, 900 * S, false));
}

static void test_a_guest_that_stands_still(void **state)
{
	struct hang_look begin = {.guest_ms = 1 * S};
	struct hang h;

	(void)state;
	hang_init(&h, 600 * S, true);
	hang_step_begins(&h, "run", 600 * S, &begin);
	assert_null(at_guest(&h, 3 * S, 100, 500, true));
	assert_null(at_guest(&h, 3 * S, 100, 501, true));
	assert_null(at_guest(&h, 3 * S, 100, 502, true));
	assert_non_null(at_guest(&h, 3 * S, 100, 503, true));
	assert_non_null(strstr(buf, "halted"));
}

/* A QEMU that waits for a core, or is stopped, or works, does not wait. */
static void test_a_starved_guest(void **state)
{
	struct hang h;

	(void)state;
	hang_init(&h, 600 * S, true);
	for (uint64_t i = 0; i < 10; i++)
		assert_null(at_guest(&h, 3 * S, 100, 500, false));
	for (uint64_t i = 0; i < 10; i++)
		assert_null(at_guest(&h, 3 * S, 100, 600 + i * 100, true));
	for (uint64_t i = 0; i < 10; i++)
		assert_null(at_guest(&h, 3 * S, 100 + i, 1500, true));
	for (int64_t i = 0; i < 10; i++)
		assert_null(at_guest(&h, (3 + i) * S, 200, 1500, true));
}

static void test_a_clock_that_is_set_back(void **state)
{
	struct hang h;

	(void)state;
	hang_init(&h, 10 * S, true);
	assert_null(at_guest(&h, 900 * S, 100, 0, false));
	assert_null(at_guest(&h, 1 * S, 100, 0, false));
	assert_null(at_guest(&h, 10 * S, 100, 0, false));
	assert_non_null(at_guest(&h, 11 * S, 100, 0, false));
}

/* Healthy guests of the host's clock are left alone until they may be hung. */
static void test_wait(void **state)
{
	struct hang_look at = {.host_ms = 30 * S, .wrote_ms = 29 * S,
			       .guest_ms = -1, .bytes = 5};
	struct hang h;

	(void)state;
	hang_init(&h, 60 * S, false);
	assert_null(hang_judge(&h, &at, buf, sizeof(buf)));
	assert_int_equal(hang_wait_ms(&h, &at), 59 * S);
	at.host_ms = 88 * S + 990;
	assert_int_equal(hang_wait_ms(&h, &at), 1 * S);
	hang_init(&h, 60 * S, true);
	assert_int_equal(hang_wait_ms(&h, &at), 1 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silence_on_the_host_s_clock),
		cmocka_unit_test(test_never_a_word),
		cmocka_unit_test(test_a_step_may_be_silent),
		cmocka_unit_test(test_a_step_must_end),
		cmocka_unit_test(test_silence_in_guest_time),
		cmocka_unit_test(test_an_unknown_time_is_no_verdict),
		cmocka_unit_test(test_a_guest_that_spins),
		cmocka_unit_test(test_a_guest_that_stands_still),
		cmocka_unit_test(test_a_starved_guest),
		cmocka_unit_test(test_a_clock_that_is_set_back),
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests_name("hang", tests, NULL, NULL);
}
