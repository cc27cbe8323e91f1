/* From what a program printed to values: patterns, JSON and KTAP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_extract.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

#define PATTERN(re) METRIC("regex", ",\"pattern\":\"" re "\"")
#define TAKE(take, re)                                                         \
	METRIC("regex", ",\"take\":\"" take "\",\"pattern\":\"" re "\"")
#define JSON(path) METRIC("json", ",\"path\":[" path "]")
#define KTAP(field) METRIC("ktap", ",\"field\":\"" field "\"")

/* ---- regex ---- */

static void test_patterns(void **state)
{
	(void)state;
	assert_value(PATTERN("Time: ([0-9.]+)"), "x\nTime: 1.25\ny", NULL, NULL,
		     1.25);
	assert_value(PATTERN("^a=(.*)$"), "b=1\na=2e3\nc=4\n", NULL, NULL,
		     2000);
	assert_value(PATTERN("^a=(.*)$"), "a=0\n", NULL, NULL, 0);
	assert_value(PATTERN("a=([0-9]+)"), "a=1 a=2\n", NULL, NULL, 1);
	assert_no_value(PATTERN("a=([0-9]+)"), "b=1", NULL, NULL,
			"nothing like 'a=([0-9]+)'");
	assert_no_value(PATTERN("a=([0-9]+)"), NULL, NULL, NULL,
			"it printed nothing");
	assert_no_value(PATTERN("a=([0-9]+)"), "", NULL, NULL,
			"it printed nothing");
	/* A group that is not part of the match. */
	assert_no_value(PATTERN("a(b)?"), "a", NULL, NULL, "nothing like");
}

static void test_no_numbers(void **state)
{
	static const char *const words[] = {
		"",    "x",    "1x",    "inf",   "nan",           "-1",
		"+1",  "-nan", "1e999", "0x10",  "1,5",           "1.234,5",
		"1 2", "1.",   ".5x",   "1.2.3", "<not counted>", " 1",
		"1e",  "--",   "NaN",   "1'000", "1_000",         "0x1p3",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		char *out = xasprintf("a=%s\n", words[i]);
		char *want = xasprintf("has '%s' where", words[i]);

		if (!strcmp(words[i], "1.")) /* C's own way to write 1.0 */
			assert_value(PATTERN("^a=(.*)$"), out, NULL, NULL, 1);
		else
			assert_no_value(PATTERN("^a=(.*)$"), out, NULL, NULL,
					*words[i] == ' ' ||
							strchr(words[i], ' ')
						? "where a number should be"
						: want);
		free(want);
		free(out);
	}
}

/* A group that fits a part of a number alone has not found one. */
static void test_parts_of_numbers(void **state)
{
	static const struct {
		const char *metric, *out;
	} cases[] = {
		{PATTERN("a=([0-9.]+)"), "a=1,5 s\n"},
		{PATTERN("a=([0-9.]+)"), "a=1.234,5 s\n"},
		{PATTERN("a=([0-9]+)"), "a=1.5 s\n"},
		{PATTERN("a=([0-9.]+)"), "a=1e5 s\n"},
		{PATTERN("a=([0-9.]+)"), "a=1.5E-5 s\n"},
		{PATTERN("a=([0-9.]+)"), "a=0x10 s\n"},
		{PATTERN("([0-9.]+) s"), "a=-1 s\n"},
		{PATTERN("([0-9]+) s"), "a=-12 s\n"},
		{PATTERN("([0-9.]+) s"), "a=1,5 s\n"},
		{PATTERN("([0-9]+) s"), "a=1.25 s\n"},
		{PATTERN("1([0-9]) s"), "a=12 s\n"},
		{PATTERN("a=([0-9])"), "a=12 s\n"},
		{PATTERN("e([0-9]+) s"), "a=1e5 s\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_no_value(cases[i].metric, cases[i].out, NULL, NULL,
				"where a number should be");
	/* A text that ends in a number may have been cut there. */
	assert_no_value(PATTERN("a=([0-9]+)"), "a=15", NULL, NULL,
			"has '15' where a number should be");
	/* What follows is not part of it. */
	assert_value(PATTERN("a=([0-9.]+)"), "a=1.5, b\n", NULL, NULL, 1.5);
	assert_value(PATTERN("a=([0-9.]+)"), "a=15 elephants\n", NULL, NULL,
		     15);
	assert_value(PATTERN("a=([0-9]+)"), "a=15.\n", NULL, NULL, 15);
	assert_value(PATTERN("a=([0-9.]+)"), "a=15ms\n", NULL, NULL, 15);
	assert_value(PATTERN("a=([0-9.]+)"), "a=15each\n", NULL, NULL, 15);
	assert_value(PATTERN("x([0-9]+)"), "box5\n", NULL, NULL, 5);
	assert_value(PATTERN("- ([0-9]+)"), "- 5\n", NULL, NULL, 5);
}

static void test_take(void **state)
{
	static const char out[] = "n=3\nn=9\nother\nn=1\nn=5\n";

	(void)state;
	assert_value(PATTERN("^n=(.*)$"), out, NULL, NULL, 3);
	assert_value(TAKE("first", "^n=(.*)$"), out, NULL, NULL, 3);
	assert_value(TAKE("last", "^n=(.*)$"), out, NULL, NULL, 5);
	assert_value(TAKE("max", "^n=(.*)$"), out, NULL, NULL, 9);
	assert_value(TAKE("min", "^n=(.*)$"), out, NULL, NULL, 1);
	assert_value(TAKE("sum", "^n=(.*)$"), out, NULL, NULL, 18);
	/* One that is none spoils all of them, wherever it stands. */
	assert_no_value(TAKE("sum", "^n=(.*)$"), "n=3\nn=nan\nn=4\n", NULL,
			NULL, "has 'nan' where");
	assert_no_value(TAKE("last", "^n=(.*)$"), "n=-3\nn=4\n", NULL, NULL,
			"has '-3' where");
	assert_no_value(TAKE("max", "^n=(.*)$"), "x\n", NULL, NULL,
			"nothing like");
	assert_no_value(TAKE("sum", "^n=(.*)$"), "n=1e308\nn=1e308\n", NULL,
			NULL, "too large");
}

/* Each line for itself, as with the next; and a guest cannot keep klab busy. */
static void test_lines(void **state)
{
	char *line = xcalloc(1, 1u << 19);

	(void)state;
	/* One in which the group has no part is not the end. */
	assert_value(PATTERN("^a ?([0-9]+)?"), "a\na 5\n", NULL, NULL, 5);
	assert_no_value(PATTERN("a\\n([0-9]+)"), "a\n5\n", NULL, NULL,
			"nothing like");
	memset(line, '1', (1u << 19) - 1);
	assert_no_value(PATTERN("([0-9.]+) s"), line, NULL, NULL,
			"a line of more than 8192 bytes");
	memcpy(line, "5 s\n", 4);
	assert_value(PATTERN("([0-9.]+) s"), line, NULL, NULL, 5);
	free(line);
}

static void test_per(void **state)
{
	(void)state;
	assert_value(METRIC("regex", ",\"per\":200.0,\"pattern\":\"a=(.*)\""),
		     "a=50\n", NULL, NULL, 0.25);
	assert_value(METRIC("elapsed", ",\"per\":4.0"), NULL, NULL,
		     END("\"elapsed_ns\":6"), 1.5);
	assert_no_value(METRIC("regex", ",\"per\":1e-300,\"pattern\":"
					"\"a=(.*)\""),
			"a=1e300\n", NULL, NULL, "too large");
}

/* ---- where the text stands ---- */

static void test_streams(void **state)
{
	const struct left l = {.out = "a=1\n", .err = "a=2\n", .file = "a=3\n"};

	(void)state;
	assert_gives(PATTERN("a=(.*)"), &l, 1);
	assert_gives(METRIC("regex", ",\"stream\":\"out\",\"pattern\":"
				     "\"a=(.*)\""),
		     &l, 1);
	assert_gives(METRIC("regex", ",\"stream\":\"err\",\"pattern\":"
				     "\"a=(.*)\""),
		     &l, 2);
	assert_gives(METRIC("regex", ",\"file\":\"" A_CYCLICTEST
				     "\",\"pattern\":\"a=(.*)\""),
		     &l, 3);
	assert_gives_none(METRIC("regex", ",\"file\":\"/tmp/other\","
					  "\"pattern\":\"a=(.*)\""),
			  &l, "'/tmp/other' is empty");
	assert_gives_none(METRIC("regex", ",\"step\":\"prepare\","
					  "\"pattern\":\"a=(.*)\""),
			  &l, "it printed nothing");
}

/* Of a stream that was longer than its cap a part is kept; what is searched may
 * stand in the other. */
static void test_cut(void **state)
{
	static const char file[] = METRIC("regex", ",\"file\":\"" A_CYCLICTEST
						   "\",\"pattern\":\"a=(.*)\"");
	static const char err[] =
		METRIC("regex", ",\"stream\":\"err\",\"pattern\":\"a=(.*)\"");
	struct left l = {.out = "a=1\n",
			 .err = "a=2\n",
			 .file = "a=3\n",
			 .end = END("\"out_bytes\":5,\"err_bytes\":4")};

	(void)state;
	assert_gives_none(PATTERN("a=(.*)"), &l,
			  "its output is longer than the 4 bytes");
	assert_gives_none(JSON("\"a\""), &l, "is longer than");
	assert_gives_none(KTAP("pass"), &l, "is longer than");
	assert_gives(err, &l, 2);
	assert_gives(file, &l, 3);
	l.end = END("\"out_bytes\":4,\"err_bytes\":9000");
	assert_gives(PATTERN("a=(.*)"), &l, 1);
	assert_gives_none(err, &l, "is longer than");
}

/* ---- JSON ---- */

static void test_json(void **state)
{
	static const char doc[] =
		"{\"jobs\": [{\"name\": \"a\", \"read\": {\"iops\": 12.5}},"
		"{\"name\": \"b=c\", \"read\": {\"iops\": 7, \"t\": \"3.5\"}}],"
		"\"n\": 0}\n";

	(void)state;
	assert_value(JSON("\"jobs\",\"0\",\"read\",\"iops\""), doc, NULL, NULL,
		     12.5);
	assert_value(JSON("\"jobs\",\"1\",\"read\",\"iops\""), doc, NULL, NULL,
		     7);
	assert_value(JSON("\"jobs\",\"name=a\",\"read\",\"iops\""), doc, NULL,
		     NULL, 12.5);
	assert_value(JSON("\"jobs\",\"name=b=c\",\"read\",\"t\""), doc, NULL,
		     NULL, 3.5);
	assert_value(JSON("\"n\""), doc, NULL, NULL, 0);
	assert_value(METRIC("json",
			    ",\"path\":[\"n\"],\"file\":\"" A_CYCLICTEST "\""),
		     "no JSON", "{\"n\": 4}", NULL, 4);
	assert_no_value(JSON("\"m\""), doc, NULL, NULL, "has no 'm'");
	assert_no_value(JSON("\"jobs\",\"2\""), doc, NULL, NULL, "has no '2'");
	assert_no_value(JSON("\"jobs\",\"-1\""), doc, NULL, NULL,
			"has no '-1'");
	assert_no_value(JSON("\"jobs\",\"name=z\",\"read\""), doc, NULL, NULL,
			"has no 'name=z'");
	assert_no_value(JSON("\"n\",\"x\""), doc, NULL, NULL, "has no 'x'");
	assert_no_value(JSON("\"jobs\""), doc, NULL, NULL,
			"no number of zero or more");
}

static void test_json_is_no_number(void **state)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
		{"null", "no number of zero or more"},
		{"true", "no number of zero or more"},
		{"-1", "no number of zero or more"},
		{"-0.5", "no number of zero or more"},
		{"[]", "no number of zero or more"},
		{"\"\"", "has '' where"},
		{"\"<not counted>\"", "has '<not counted>' where"},
		{"\"<not supported>\"", "has '<not supported>' where"},
		{"\"1,5\"", "has '1,5' where"},
		{"\"nan\"", "has 'nan' where"},
		{"\"-1\"", "has '-1' where"},
		{"\"12 ms\"", "has '12 ms' where"},
		{"nan", "no JSON"},
		{"1e999", "no JSON"},
		{"1,5", "no JSON"},
		{"01", "no JSON"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *out = xasprintf("{\"a\": %s}\n", cases[i].value);

		assert_no_value(JSON("\"a\""), out, NULL, NULL, cases[i].want);
		free(out);
	}
	assert_value(JSON("\"a\""), "{\"a\": 1e5}", NULL, NULL, 100000);
	assert_no_value(JSON("\"a\""), NULL, NULL, NULL, "it printed nothing");
	assert_no_value(JSON("\"a\""), "{\"a\": 1", NULL, NULL, "no JSON");
	assert_no_value(JSON("\"a\""), "{\"a\": 1}\n{\"a\"", NULL, NULL,
			"has no 'a'");
}

/* One document a line, as perf stat -j, are a list; other lines are none. */
static void test_json_lines(void **state)
{
	static const char lines[] =
		"# started on Saturday\n\n"
		"{\"event\": \"cycles\", \"counter-value\": \"<not "
		"counted>\"}\n"
		"{\"event\": \"faults\", \"counter-value\": \"21.000000\"}\n"
		"{\"event\": \"faults\", \"counter-value\": \"99\"}";

	(void)state;
	assert_value(JSON("\"event=faults\",\"counter-value\""), lines, NULL,
		     NULL, 21);
	assert_value(JSON("\"2\",\"counter-value\""), lines, NULL, NULL, 99);
	assert_no_value(JSON("\"event=cycles\",\"counter-value\""), lines, NULL,
			NULL, "has '<not counted>' where");
	assert_no_value(JSON("\"event=none\",\"counter-value\""), lines, NULL,
			NULL, "has no 'event=none'");
	assert_no_value(JSON("\"0\""), "no JSON\n at all\n", NULL, NULL,
			"is no JSON");
}

/* ---- KTAP ---- */

/* Two suites; in the first one test of two parameters. */
#define NESTED                                                                 \
	"KTAP version 1\n1..2\n"                                               \
	"    KTAP version 1\n    # Subtest: one\n    1..3\n"                   \
	"        KTAP version 1\n        # Subtest: params\n"                  \
	"        ok 1 a\n        not ok 2 b\n"                                 \
	"    not ok 1 params\n"                                                \
	"    ok 2 plain\n"                                                     \
	"    ok 3 later # SKIP not here\n"                                     \
	"not ok 1 one\n"                                                       \
	"    KTAP version 1\n    # Subtest: two\n    1..1\n"                   \
	"    # an okay note\n"                                                 \
	"    ok 1 x\n"                                                         \
	"ok 2 two\n"

static void test_ktap(void **state)
{
	(void)state;
	assert_value(KTAP("pass"), NESTED, NULL, NULL, 3);
	assert_value(KTAP("fail"), NESTED, NULL, NULL, 1);
	assert_value(KTAP("skip"), NESTED, NULL, NULL, 1);
	assert_value(KTAP("pass"), "TAP version 13\n1..1\nok 1 x\n", NULL, NULL,
		     1);
	assert_value(KTAP("fail"), "TAP version 13\n1..1\nok 1 x\n", NULL, NULL,
		     0);
	assert_value(KTAP("skip"), "TAP version 13\n1..1\nok 1 x # skip\n",
		     NULL, NULL, 1);
	assert_value(METRIC("ktap",
			    ",\"field\":\"pass\",\"file\":\"" A_CYCLICTEST
			    "\""),
		     NULL, NESTED, NULL, 3);
	/* A suite of which there is the sum alone. */
	assert_value(KTAP("skip"), "KTAP version 1\n1..1\nok 1 x # SKIP\n",
		     NULL, NULL, 1);
}

/* As the kernel's log has it. */
static void test_ktap_stamps(void **state)
{
	struct str log = STR_INIT;

	(void)state;
	str_adds(&log, "[    0.100000] Booting\n");
	for (const char *at = NESTED; *at;) {
		size_t n = strcspn(at, "\n");

		str_addf(&log, "[   12.345678] %.*s\n", (int)n, at);
		at += n + 1;
	}
	assert_value(KTAP("pass"), log.buf, NULL, NULL, 3);
	assert_value(KTAP("fail"), log.buf, NULL, NULL, 1);
	str_release(&log);
	assert_value(KTAP("pass"),
		     "<6>[    1.2] KTAP version 1\n<6>[    1.2] 1..1\n"
		     "<6>[    1.2] ok 1 x\n",
		     NULL, NULL, 1);
}

static void test_no_ktap(void **state)
{
	(void)state;
	assert_no_value(KTAP("pass"), "ok 1 x\n", NULL, NULL,
			"no line 'KTAP version'");
	assert_no_value(KTAP("pass"), "KTAP version 1\n1..0\n", NULL, NULL,
			"no results");
	assert_no_value(KTAP("pass"), "KTAP version 1\nok x\nok -1 y\n", NULL,
			NULL, "no results");
	assert_no_value(KTAP("pass"), NULL, NULL, NULL, "it printed nothing");
	assert_no_value(KTAP("pass"), "KTAP version 1\n[ 1.0\n<", NULL, NULL,
			"no results");
}

/* A list that ended before its plan says nothing of the rest. */
static void test_ktap_was_cut(void **state)
{
	size_t len = strlen(NESTED);

	(void)state;
	assert_no_value(KTAP("pass"), "KTAP version 1\n1..3\nok 1 x\nok 2 y\n",
			NULL, NULL, "2 of the 3 results");
	assert_no_value(KTAP("pass"),
			"KTAP version 1\n1..1\n    1..2\n    ok 1 a\nok 1 x\n",
			NULL, NULL, "1 of the 2 results");
	for (size_t n = 0; n + 1 < len; n++) {
		char *part = xstrndup(NESTED, n);
		struct collected c;
		char *why;

		if (extract(KTAP("pass"), part, NULL, NULL, &c, &why) &&
		    !strstr(part, "\nok 2"))
			fail_msg("it has a value: %s", part);
		free(why);
		collected_release(&c);
		free(part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_no_numbers),
		cmocka_unit_test(test_parts_of_numbers),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_per),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_is_no_number),
		cmocka_unit_test(test_json_lines),
		cmocka_unit_test(test_ktap),
		cmocka_unit_test(test_ktap_stamps),
		cmocka_unit_test(test_no_ktap),
		cmocka_unit_test(test_ktap_was_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
