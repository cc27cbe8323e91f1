/* What is looked for, as people read it and as a record has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "bisect/criterion.h"

static void assert_amounts(double value, const char *unit, const char *time,
			   const char *instructions)
{
	for (int exact = 0; exact < 2; exact++) {
		char *text = criterion_amount(value, unit, exact);

		assert_string_equal(text, exact ? instructions : time);
		free(text);
	}
}

static void test_amounts(void **state)
{
	(void)state;
	assert_amounts(999, "ns", "999 ns", "999 instr");
	assert_amounts(1000, "ns", "1 us", "1 k instr");
	assert_amounts(100331234, "ns", "100.331 ms", "100.331 M instr");
	assert_amounts(7.2e12, "ns", "7200 s", "7200 G instr");
	assert_amounts(-1500, "ns", "-1.5 us", "-1.5 k instr");
	assert_amounts(0, "ns", "0 ns", "0 instr");
	assert_amounts(12.5, "us", "12.5 us", "12.5 k instr");
	assert_amounts(3.2, "s", "3.2 s", "3.2 G instr");
	assert_amounts(100331234, "1/s", "1.00331e+08 1/s",
		       "1.00331e+08 1/G instr");
	assert_amounts(64, "KiB", "64 KiB", "64 KiB");
}

static void round_trip(const char *text)
{
	json_t *o = json_loads(text, 0, NULL), *again;
	struct criterion c;

	assert_non_null(o);
	assert_true(criterion_from_json(o, &c));
	again = criterion_json(&c);
	assert_true(json_equal(o, again));
	criterion_release(&c);
	json_decref(again);
	json_decref(o);
}

static void refuse(const char *text)
{
	json_t *o = json_loads(text, 0, NULL);
	struct criterion c;

	assert_non_null(o);
	assert_false(criterion_from_json(o, &c));
	assert_null(c.workload);
	json_decref(o);
}

#define REST ", \"direction\": 1, \"min_effect\": 0.01}"

static void test_records(void **state)
{
	(void)state;
	round_trip("{\"kind\": \"metric\", \"workload\": \"w\", "
		   "\"metric\": \"m\", \"unit\": \"ns\"" REST);
	round_trip("{\"kind\": \"metric\", \"workload\": \"w\", "
		   "\"metric\": \"m\", \"unit\": \"ns\", "
		   "\"clock\": \"exact\"" REST);
	round_trip("{\"kind\": \"signature\", \"signature\": \"a\"" REST);
	round_trip("{\"kind\": \"panic\", \"workload\": \"w\"" REST);
	round_trip("{\"kind\": \"build\"" REST);
	refuse("{}");
	refuse("{\"kind\": 7}");
	refuse("{\"kind\": \"other\"}");
	refuse("{\"kind\": \"signature\"}");
	refuse("{\"kind\": \"metric\", \"workload\": \"w\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_amounts),
		cmocka_unit_test(test_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
