/* From frames to values: numbers, patterns, and cyclictest's JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "lab/extract.h"

#include "a_spec.h"

#include <math.h>

#define SECRET "0123456789abcdef0123456789abcdef"
#define COUNT(a) (sizeof(a) / sizeof(*(a)))


/* A spec with one metric, and frames with a stdout, a file and an end. */
static bool extract(const char *metric, const char *out, const char *file,
		    const char *end, struct collected *c, char **why)
{
	json_t *spec = json_pack("{s:[{s:s}], s:[o]}", "steps", "name", "run",
				 "metrics", json_loads(metric, 0, NULL));
	struct str port = STR_INIT;
	unsigned seq = 0;
	struct frames f;
	json_t *o;
	char *text;
	bool ok;

	assert_non_null(spec);
	if (out) {
		o = json_pack("{s:s, s:s, s:s, s:s}", "t", "out", "step", "run",
			      "stream", "out", "data", out);
		text = json_dumps(o, JSON_ENSURE_ASCII);
		a_frame(&port, SECRET, &seq, text);
		free(text);
		json_decref(o);
	}
	for (size_t n = file ? strlen(file) : 0, at = 0; at < n; at += 1000) {
		o = json_pack("{s:s, s:s, s:s, s:s, s:s%}", "t", "out", "step",
			      "run", "stream", "file", "path", A_CYCLICTEST,
			      "data", file + at,
			      n - at < 1000 ? n - at : (size_t)1000);
		text = json_dumps(o, JSON_ENSURE_ASCII);
		a_frame(&port, SECRET, &seq, text);
		free(text);
		json_decref(o);
	}
	if (end)
		a_frame(&port, SECRET, &seq, end);
	frames_read(&f, port.buf, port.len, SECRET);
	assert_int_equal(f.bad, 0);
	*c = (struct collected){0};
	*why = NULL;
	ok = extract_metrics(spec, &f, c, why);
	assert_int_equal(ok, !*why);
	frames_release(&f);
	str_release(&port);
	json_decref(spec);
	return ok;
}

static void assert_value(const char *metric, const char *out, const char *file,
			 const char *end, double want)
{
	struct collected c;
	char *why;

	if (!extract(metric, out, file, end, &c, &why))
		fail_msg("%s", why);
	assert_int_equal(c.nsamples, 1);
	assert_string_equal(c.samples[0].metric, "m");
	assert_string_equal(c.samples[0].unit, "u");
	if (fabs(c.samples[0].value - want) > 1e-9 * fabs(want))
		fail_msg("%.17g is not %.17g", c.samples[0].value, want);
	collected_release(&c);
}

static void assert_no_value(const char *metric, const char *out,
			    const char *file, const char *end, const char *want)
{
	struct collected c;
	char *why;

	assert_false(extract(metric, out, file, end, &c, &why));
	if (!str_starts(why, "metric 'm': ") || !strstr(why, want))
		fail_msg("'%s' does not say '%s'", why, want);
	free(why);
	collected_release(&c);
}

#define METRIC(from, more) "{\"name\":\"m\",\"unit\":\"u\",\"from\":\"" from "\"" more "}"
#define END(more) "{\"t\":\"end\",\"step\":\"run\"," more "}"
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
	assert_no_value(METRIC("guess", ""), NULL, NULL, END("\"x\":1"),
			"klab knows no 'guess'");
}

static void test_patterns(void **state)
{
	(void)state;
	assert_value(PATTERN("Time: ([0-9.]+)"), "x\nTime: 1.25\ny", NULL, NULL,
		     1.25);
	assert_value(PATTERN("^a=(.*)$"), "b=1\na=-2e3\nc=4\n", NULL, NULL,
		     -2000);
	/* The first one counts. */
	assert_value(PATTERN("a=([0-9]+)"), "a=1 a=2", NULL, NULL, 1);
	assert_no_value(PATTERN("a=([0-9]+)"), "b=1", NULL, NULL,
			"nothing like 'a=([0-9]+)'");
	assert_no_value(PATTERN("a=([0-9]+)"), NULL, NULL, NULL,
			"nothing like");
	assert_no_value(PATTERN("a=(.*)"), "a=1x", NULL, NULL, "has '1x' where");
	assert_no_value(PATTERN("a=(.*)"), "a=", NULL, NULL, "has '' where");
	assert_no_value(PATTERN("a=(.*)"), "a=inf", NULL, NULL, "has 'inf'");
	assert_no_value(PATTERN("a=(.*)"), "a=nan", NULL, NULL, "has 'nan'");
	assert_no_value(PATTERN("a=(.*)"), "a=1e999", NULL, NULL, "has '1e999'");
	/* A group that is not part of the match. */
	assert_no_value(PATTERN("a(b)?"), "a", NULL, NULL, "nothing like");
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
		cmocka_unit_test(test_patterns),
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
