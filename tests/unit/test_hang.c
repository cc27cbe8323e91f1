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
	const struct hang_look at = {
		.host_ms = ms, .wrote_ms = wrote_ms, .bytes = bytes};

	return hang_judge(h, &at, buf, sizeof(buf));
}

static const char *at_exact(struct hang *h, uint64_t cpu_ms, uint64_t bytes,
			    bool asleep)
{
	const struct hang_look at = {.host_ms = 900 * S,
				     .wrote_ms = 900 * S,
				     .bytes = bytes,
				     .cpu_ms = cpu_ms,
				     .could_ms = cpu_ms,
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
	struct hang_look begin = {.host_ms = 2 * S};
	struct hang_look end = {.host_ms = 50 * S};
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
	struct hang_look begin = {.host_ms = 2 * S};
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

/* The host may be as slow as it likes. */
static void test_silence_on_an_exact_clock(void **state)
{
	struct hang h;

	(void)state;
	hang_init(&h, 10 * S, true);
	assert_null(at_exact(&h, 1 * S, 100, false));
	assert_null(at_exact(&h, 11 * S - 1, 100, false));
	assert_null(at_exact(&h, 11 * S, 101, false));
	assert_string_equal(at_exact(&h, 21 * S, 101, false),
			    "the guest gave no sign of life for 10 s in "
			    "which QEMU could run");
}

/* How much of its time a step has had cannot be seen. */
static void test_a_step_on_an_exact_clock(void **state)
{
	struct hang_look begin = {.could_ms = 1 * S};
	struct hang_look end = {.could_ms = 900 * S};
	struct hang h;

	(void)state;
	hang_init(&h, 10 * S, true);
	hang_step_begins(&h, "run", 60 * S, &begin);
	assert_null(at_exact(&h, 900 * S, 100, false));
	hang_step_ends(&h, &end);
	assert_null(at_exact(&h, 909 * S, 100, false));
	assert_non_null(at_exact(&h, 910 * S, 100, false));
}

static void test_a_guest_that_stands_still(void **state)
{
	struct hang_look begin = {.could_ms = 500};
	struct hang h;

	(void)state;
	hang_init(&h, 600 * S, true);
	hang_step_begins(&h, "run", 600 * S, &begin);
	assert_null(at_exact(&h, 500, 100, true));
	assert_null(at_exact(&h, 501, 100, true));
	assert_null(at_exact(&h, 502, 100, true));
	assert_non_null(at_exact(&h, 503, 100, true));
	assert_non_null(strstr(buf, "halted"));
}

/* A QEMU that waits for a core, or is stopped, or works, does not wait. */
static void test_a_starved_guest(void **state)
{
	struct hang h;

	(void)state;
	hang_init(&h, 600 * S, true);
	for (uint64_t i = 0; i < 10; i++)
		assert_null(at_exact(&h, 500, 100, false));
	for (uint64_t i = 0; i < 10; i++)
		assert_null(at_exact(&h, 600 + i * 100, 100, true));
	for (uint64_t i = 0; i < 10; i++)
		assert_null(at_exact(&h, 1500, 100 + i, true));
}

/* Healthy guests of the host's clock are left alone until they may be hung. */
static void test_wait(void **state)
{
	struct hang_look at = {
		.host_ms = 30 * S, .wrote_ms = 29 * S, .bytes = 5};
	struct hang h;

	(void)state;
	hang_init(&h, 60 * S, false);
	assert_null(hang_judge(&h, &at, buf, sizeof(buf)));
	assert_int_equal(hang_wait_ms(&h, &at), 59 * S);
	at.host_ms = 88 * S + 990;
	assert_int_equal(hang_wait_ms(&h, &at), 1 * S);
	/* On an exact clock, too; but it may have to wait for a core. */
	hang_init(&h, 60 * S, true);
	at = (struct hang_look){.host_ms = 60 * S,
				.wrote_ms = 5 * S,
				.bytes = 5,
				.could_ms = 50 * S};
	assert_null(hang_judge(&h, &at, buf, sizeof(buf)));
	/* Of 55 s since its last sign it waited 10 at most. */
	assert_int_equal(hang_wait_ms(&h, &at), 15 * S);
	at.host_ms = 75 * S;
	at.could_ms = 64 * S + 500;
	assert_null(hang_judge(&h, &at, buf, sizeof(buf)));
	assert_int_equal(hang_wait_ms(&h, &at), 500);
	at.could_ms = 65 * S;
	assert_non_null(hang_judge(&h, &at, buf, sizeof(buf)));
	/* A step has no limit, but QEMU may have nothing to do any more. */
	hang_init(&h, 60 * S, true);
	hang_step_begins(&h, "run", 600 * S, &at);
	assert_int_equal(hang_wait_ms(&h, &at), 60 * S);
	at.asleep = true;
	assert_null(hang_judge(&h, &at, buf, sizeof(buf)));
	assert_null(hang_judge(&h, &at, buf, sizeof(buf)));
	assert_int_equal(hang_wait_ms(&h, &at), 1 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silence_on_the_host_s_clock),
		cmocka_unit_test(test_never_a_word),
		cmocka_unit_test(test_a_step_may_be_silent),
		cmocka_unit_test(test_a_step_must_end),
		cmocka_unit_test(test_silence_on_an_exact_clock),
		cmocka_unit_test(test_a_step_on_an_exact_clock),
		cmocka_unit_test(test_a_guest_that_stands_still),
		cmocka_unit_test(test_a_starved_guest),
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests_name("hang", tests, NULL, NULL);
}
