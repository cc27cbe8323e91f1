/* From frames to values: the agent's numbers, and cyclictest's JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"

#include "a_extract.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

#define ELAPSED METRIC("elapsed", "")
#define PATTERN(re) METRIC("regex", ",\"pattern\":\"" re "\"")

static void test_numbers(void **state)
{
	(void)state;
	assert_value(ELAPSED, NULL, NULL, END("\"elapsed_ns\":123"), 123);
	assert_value(ELAPSED, NULL, NULL, END("\"elapsed_ns\":0"), 0);
	assert_value(ELAPSED, NULL, NULL,
		     END("\"elapsed_ns\":9223372036854775807"), 0x1p63);
	assert_value(METRIC("rusage", ",\"field\":\"nvcsw\""), NULL, NULL,
		     END("\"nvcsw\":7,\"elapsed_ns\":1"), 7);
	assert_no_value(ELAPSED, NULL, NULL, END("\"elapsed_ns\":-1"),
			"told no 'elapsed_ns'");
	assert_no_value(ELAPSED, NULL, NULL, END("\"elapsed_ns\":1.5"), "told");
	assert_no_value(ELAPSED, NULL, NULL, END("\"elapsed_ns\":\"1\""),
			"told");
	assert_no_value(ELAPSED, NULL, NULL, END("\"elapsed_ns\":null"),
			"told");
	assert_no_value(ELAPSED, NULL, NULL, END("\"x\":1"), "told");
	assert_no_value(ELAPSED, NULL, NULL, NULL, "told");
	assert_no_value(ELAPSED, NULL, NULL, "{\"t\":\"end\",\"step\":\"other\","
			"\"elapsed_ns\":5}", "told no 'elapsed_ns'");
}

/* ---- cyclictest ---- */

#define LATENCY(field)                                                         \
	METRIC("cyclictest-json", ",\"field\":\"" field "\",\"file\":\"" \
	       A_CYCLICTEST "\",\"limit_us\":100")
#define THREAD(number, counts, cycles, min, max, avg, cpu)                     \
	"\"" number "\":{\"histogram\":{" counts "},\"cycles\":" cycles            \
	",\"min\":" min ",\"max\":" max ",\"avg\":" avg ",\"cpu\":" cpu "}"
#define TWO                                                                    \
	"{\"thread\":{" THREAD("0", "\"1\":900,\"2\":100", "1000", "1", "2",  \
			       "1.1", "0")                                     \
	"," THREAD("1", "\"3\":980,\"9\":10", "1000", "3", "500", "8.06",    \
		   "1") "}}"

static void test_latency(void **state)
{
	(void)state;
	assert_value(LATENCY("min"), NULL, TWO, NULL, 1);
	assert_value(LATENCY("max"), NULL, TWO, NULL, 500);
	assert_value(LATENCY("avg"), NULL, TWO, NULL, (1.1 + 8.06) / 2);
	/* 1980 of 2000 are at 3 or below, ten more at 9. */
	assert_value(LATENCY("p99"), NULL, TWO, NULL, 3);
}

static void test_histograms(void **state)
{
	struct collected c;
	char *why;

	(void)state;
	assert_true(extract(LATENCY("max"), NULL, TWO, NULL, &c, &why));
	assert_int_equal(c.nhistograms, 2);
	assert_string_equal(c.histograms[0].metric, "latency");
	assert_int_equal(c.histograms[1].cpu, 1);
	assert_int_equal(c.histograms[1].limit_us, 100);
	assert_int_equal(c.histograms[0].overflow, 0);
	assert_int_equal(c.histograms[1].overflow, 10);
	assert_string_equal(c.histograms[1].counts,
			    "{\"3\":980,\"9\":10}");
	collected_release(&c);
}

/* A quantile that too few samples carry is no value, and no failure. */
static void test_quantiles_need_samples(void **state)
{
	static const struct {
		int cycles;
		bool p99, p999;
	} cases[] = {{1, false, false},	  {298, false, false},
		     {299, true, false},  {2994, true, false},
		     {2995, true, true}, {100000, true, true}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *json = xasprintf("{\"thread\":{\"0\":{\"histogram\":{\"7\""
				       ":%d},\"cycles\":%d,\"min\":7,\"max\":7,"
				       "\"avg\":7,\"cpu\":0}}}",
				       cases[i].cycles, cases[i].cycles);
		struct collected c;
		char *why;

		assert_true(extract(LATENCY("p99"), NULL, json, NULL, &c,
				    &why));
		assert_int_equal(c.nsamples, cases[i].p99);
		collected_release(&c);
		assert_true(extract(LATENCY("p999"), NULL, json, NULL, &c,
				    &why));
		assert_int_equal(c.nsamples, cases[i].p999);
		collected_release(&c);
		free(json);
	}
}

/* Where a quantile lies beyond the last bucket its value is not known. */
static void test_quantile_overflows(void **state)
{
	const char *json = "{\"thread\":{" THREAD("0", "\"5\":900", "1000", "5",
						  "7000", "500", "0") "}}";
	struct collected c;
	char *why;

	(void)state;
	assert_true(extract(LATENCY("p99"), NULL, json, NULL, &c, &why));
	assert_int_equal(c.nsamples, 0);
	assert_int_equal(c.histograms[0].overflow, 100);
	collected_release(&c);
	assert_value(LATENCY("max"), NULL, json, NULL, 7000);
}

static void test_damaged_latency(void **state)
{
	static const char *const json[] = {
		"", "{", "null", "[]", "{}", "{\"thread\":[]}",
		"{\"thread\":{}}", "{\"thread\":{\"0\":1}}",
		"{\"thread\":{\"0\":{}}}", TWO "x",
		/* a bucket that is none, or beyond the limit */
		"{\"thread\":{" THREAD("0", "\"x\":1", "1", "1", "1", "1", "0")
		"}}",
		"{\"thread\":{" THREAD("0", "\"-1\":1", "1", "1", "1", "1", "0")
		"}}",
		"{\"thread\":{" THREAD("0", "\"100\":1", "1", "1", "1", "1",
				       "0") "}}",
		"{\"thread\":{" THREAD("0", "\"1\":-1", "1", "1", "1", "1", "0")
		"}}",
		"{\"thread\":{" THREAD("0", "\"1\":1.5", "1", "1", "1", "1",
				       "0") "}}",
		"{\"thread\":{" THREAD("0", "\"1\":9223372036854775807,\"2\":"
				       "9223372036854775807", "1", "1", "1",
				       "1", "0") "}}",
		/* numbers that cannot be true together */
		"{\"thread\":{" THREAD("0", "\"1\":2", "1", "1", "1", "1", "0")
		"}}",
		"{\"thread\":{" THREAD("0", "", "0", "0", "0", "0", "0") "}}",
		"{\"thread\":{" THREAD("0", "", "-1", "0", "0", "0", "0") "}}",
		"{\"thread\":{" THREAD("0", "", "9223372036854775807", "1",
				       "1", "1", "0") "}}",
		"{\"thread\":{" THREAD("0", "", "1", "2", "1", "1", "0") "}}",
		"{\"thread\":{" THREAD("0", "", "1", "-2", "1", "1", "0") "}}",
		"{\"thread\":{" THREAD("0", "", "1", "1", "1", "1e300", "0")
		"}}",
		"{\"thread\":{" THREAD("0", "", "1", "5", "9", "1", "0") "}}",
		"{\"thread\":{" THREAD("0", "", "1", "1", "1", "\"1\"", "0")
		"}}",
		/* one CPU twice */
		"{\"thread\":{" THREAD("0", "", "1", "1", "1", "1", "3") ","
		THREAD("1", "", "1", "1", "1", "1", "3") "}}",
		/* one thread twice */
		"{\"thread\":{" THREAD("0", "", "1", "1", "1", "1", "0") ","
		THREAD("0", "", "1", "1", "1", "1", "1") "}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(json); i++)
		assert_no_value(LATENCY("max"), NULL, json[i], NULL,
				"cyclictest's JSON");
	assert_no_value(LATENCY("max"), NULL, NULL, NULL, "cyclictest's JSON");
}

static void test_too_many_threads(void **state)
{
	struct str json = STR_INIT;

	(void)state;
	str_adds(&json, "{\"thread\":{");
	for (int i = 0; i < 1025; i++)
		str_addf(&json, "%s\"%d\":1", i ? "," : "", i);
	str_adds(&json, "}}");
	assert_no_value(LATENCY("max"), NULL, json.buf, NULL, "no threads");
	str_release(&json);
}

/* What rt-tests really writes. */
static void test_real_file(void **state)
{
	struct str json = STR_INIT;
	struct collected c;
	struct err e;
	char *why;

	(void)state;
	assert_int_equal(file_read("tests/data/cyclictest.json", 1 << 20, &json,
				   &e), 0);
	if (!extract(METRIC("cyclictest-json",
			    ",\"field\":\"max\",\"file\":\"" A_CYCLICTEST
			    "\",\"limit_us\":1000"),
		     NULL, json.buf, NULL, &c, &why))
		fail_msg("%s", why);
	assert_int_equal(c.nsamples, 1);
	assert_true(c.nhistograms > 0);
	assert_true(c.samples[0].value > 0);
	collected_release(&c);
	str_release(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_histograms),
		cmocka_unit_test(test_quantiles_need_samples),
		cmocka_unit_test(test_quantile_overflows),
		cmocka_unit_test(test_damaged_latency),
		cmocka_unit_test(test_too_many_threads),
		cmocka_unit_test(test_real_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
