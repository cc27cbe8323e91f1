/* The metrics of a workload.yaml: where each takes its value from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/yml.h"
#include "study/metric.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* With parameters two=2, half=0.5, none="", word=x, zero=0. */
static int read_metric(const char *keys, struct metric *m, struct err *e)
{
	char *text = xasprintf("m: { %s }\n", keys);
	struct params p = {0};
	struct yml_doc *doc;
	int r;

	*m = (struct metric){0};
	params_set(&p, "two", "2");
	params_set(&p, "half", "0.5");
	params_set(&p, "none", "");
	params_set(&p, "word", "x");
	params_set(&p, "zero", "0");
	assert_int_equal(yml_parse("w.yaml", text, strlen(text), &doc, e), 0);
	r = metric_read(yml_root(doc)->at[0], &p, m, e);
	yml_free(doc);
	params_release(&p);
	free(text);
	return r;
}

#define USUAL "unit: u, better: lower, "

/* keys become this spec, and a spec from a file like it is good. */
static void assert_spec(const char *keys, const char *want)
{
	char *all = xasprintf(USUAL "%s", keys);
	json_t *wanted = json_loads(want, 0, NULL), *n;
	struct metric m;
	struct err e;
	char *got;

	assert_non_null(wanted);
	json_object_set_new(wanted, "name", json_string("m"));
	json_object_set_new(wanted, "unit", json_string("u"));
	if (read_metric(all, &m, &e))
		fail_msg("%s: %s", keys, e.text);
	n = json_object_get(m.spec, "per");
	if (json_is_number(n)) /* 2 and 2.0 are one here */
		json_object_set_new(wanted, "per",
				    json_real(json_number_value(
					    json_object_get(wanted, "per"))));
	got = json_dumps(m.spec, JSON_SORT_KEYS);
	if (!json_equal(m.spec, wanted))
		fail_msg("%s is not %s", got, want);
	assert_true(metric_spec_ok(m.spec));
	free(got);
	json_decref(wanted);
	metric_release(&m);
	free(all);
}

static void assert_bad(const char *keys, const char *want)
{
	struct metric m;
	struct err e = {.text = ""};

	if (!read_metric(keys, &m, &e))
		fail_msg("'%s' was taken", keys);
	assert_int_equal(e.kind, ERR_USER);
	if (!str_starts(e.text, "w.yaml:1: key '") || !strstr(e.text, want))
		fail_msg("'%s' does not say '%s'", e.text, want);
	metric_release(&m);
}

static void test_each_source(void **state)
{
	static const char *const rusage[] = {"nvcsw",    "nivcsw",
					     "minflt",   "utime_us",
					     "stime_us", "load_runs"};

	(void)state;
	assert_spec("from: elapsed", "{\"from\":\"elapsed\"}");
	assert_spec("from: elapsed, primary: yes",
		    "{\"from\":\"elapsed\",\"primary\":true}");
	assert_spec("from: elapsed, primary: no", "{\"from\":\"elapsed\"}");
	assert_spec("from: hello", "{\"from\":\"hello\"}");
	assert_spec("from: elapsed, step: warm",
		    "{\"from\":\"elapsed\",\"step\":\"warm\"}");
	assert_spec("from: regex, pattern: '^a{2}=([0-9.]+)'",
		    "{\"from\":\"regex\",\"pattern\":\"^a{2}=([0-9.]+)\"}");
	assert_spec("from: regex, pattern: '(a)', file: '/tmp/{two}', "
		    "take: sum",
		    "{\"from\":\"regex\",\"pattern\":\"(a)\",\"file\":"
		    "\"/tmp/2\",\"take\":\"sum\"}");
	assert_spec("from: regex, pattern: '(a)', stream: err",
		    "{\"from\":\"regex\",\"pattern\":\"(a)\",\"stream\":"
		    "\"err\"}");
	assert_spec("from: json, path: [jobs, 0, 'n={two}', iops], file: /f",
		    "{\"from\":\"json\",\"path\":[\"jobs\",\"0\",\"n=2\","
		    "\"iops\"],\"file\":\"/f\"}");
	assert_spec("from: ktap, field: skip",
		    "{\"from\":\"ktap\",\"field\":\"skip\"}");
	assert_spec("from: ktap, field: pass, file: /f",
		    "{\"from\":\"ktap\",\"field\":\"pass\",\"file\":\"/f\"}");
	assert_spec("from: monitor, monitor: vmstat, row: 'kmalloc-{two}', "
		    "column: 3",
		    "{\"from\":\"monitor\",\"monitor\":\"vmstat\",\"row\":"
		    "\"kmalloc-2\",\"column\":3}");
	assert_spec("from: monitor, monitor: v, row: r, column: '{two}', "
		    "take: before",
		    "{\"from\":\"monitor\",\"monitor\":\"v\",\"row\":\"r\","
		    "\"column\":2,\"take\":\"before\"}");
	assert_spec("from: cyclictest-json, file: /f, field: p999, "
		    "limit_us: '{two}00'",
		    "{\"from\":\"cyclictest-json\",\"file\":\"/f\",\"field\":"
		    "\"p999\",\"limit_us\":200}");
	for (size_t i = 0; i < COUNT(rusage); i++) {
		char *from = xasprintf("from: %s", rusage[i]);
		char *want = xasprintf("{\"from\":\"rusage\",\"field\":\"%s\"}",
				       rusage[i]);

		assert_spec(from, want);
		free(from);
		free(want);
	}
}

static void test_per(void **state)
{
	(void)state;
	assert_spec("from: elapsed, per: 4",
		    "{\"from\":\"elapsed\",\"per\":4}");
	assert_spec("from: elapsed, per: '{two} {two}  {half} 10'",
		    "{\"from\":\"elapsed\",\"per\":20}");
	assert_bad(USUAL "from: elapsed, per: '{zero} 5'",
		   "'per: {zero} 5' are not numbers greater than zero");
	assert_bad(USUAL "from: elapsed, per: '{word}'", "greater than zero");
	assert_bad(USUAL "from: elapsed, per: '2x'", "greater than zero");
	assert_bad(USUAL "from: elapsed, per: '-2'", "greater than zero");
	assert_bad(USUAL "from: elapsed, per: '-2 -2'", "greater than zero");
	assert_bad(USUAL "from: elapsed, per: nan", "greater than zero");
	assert_bad(USUAL "from: elapsed, per: inf", "greater than zero");
	assert_bad(USUAL "from: elapsed, per: '1e300 1e300'",
		   "greater than zero");
	assert_bad(USUAL "from: elapsed, per: ' '", "greater than zero");
	assert_bad(USUAL "from: elapsed, per: '{none}'", "has no value");
	assert_bad(USUAL "from: elapsed, per: '{other}'",
		   "'{other}' names no parameter");
	assert_bad(USUAL "from: elapsed, per: [2]", "expected a single value");
}

static void test_missing_keys(void **state)
{
	static const struct {
		const char *keys, *want;
	} cases[] = {
		{"from: regex", "'from: regex' needs 'pattern'"},
		{"from: json", "'from: json' needs 'path'"},
		{"from: json, path: []", "'from: json' needs 'path'"},
		{"from: ktap", "'from: ktap' needs 'field'"},
		{"from: monitor, row: r, column: 1", "needs 'monitor'"},
		{"from: monitor, monitor: v, column: 1", "needs 'row'"},
		{"from: monitor, monitor: v, row: r", "needs 'column'"},
		{"from: monitor-cost", "needs 'monitor'"},
		{"from: rusage", "needs 'field'"},
		{"from: cyclictest-json, field: max, limit_us: 5",
		 "needs 'file'"},
		{"from: cyclictest-json, file: /f, limit_us: 5",
		 "needs 'field'"},
		{"from: cyclictest-json, file: /f, field: max",
		 "needs 'limit_us'"},
		{"from: guess", "'from: guess' is not known; one of: elapsed"},
		{"from: ''", "'from: ' is not known"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *keys = xasprintf(USUAL "%s", cases[i].keys);

		assert_bad(keys, cases[i].want);
		free(keys);
	}
	assert_bad("better: lower, from: elapsed", "needs 'unit', 'from'");
	assert_bad("unit: u, from: elapsed", "needs 'unit', 'from'");
	assert_bad("unit: u, better: lower", "needs 'unit', 'from'");
	assert_bad("unit: u, better: faster, from: elapsed",
		   "'better: lower' or 'better: higher'");
}

/* What a source has no use for is a mistake, wherever it would fit. */
static void test_stray_keys(void **state)
{
	static const struct {
		const char *from, *takes[6];
	} kinds[] = {
		{"elapsed", {NULL}},
		{"hello", {NULL}},
		{"nvcsw", {"field: x", NULL}}, /* which it sets itself */
		{"regex, pattern: '(x)'",
		 {"file: /f", "stream: err", "take: max", NULL}},
		{"json, path: [a]", {"file: /f", NULL}},
		{"ktap, field: pass", {"file: /f", NULL}},
		{"monitor, monitor: v, row: r, column: 1", {"take: max", NULL}},
		{"cyclictest-json, file: /f, field: max, limit_us: 5", {NULL}},
	};
	static const char *const stray[] = {
		"file: /f",       "stream: err", "take: max",  "field: x",
		"pattern: '(y)'", "path: [b]",   "monitor: w", "row: s",
		"column: 2",      "limit_us: 7"};

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		for (size_t k = 0; k < COUNT(stray); k++) {
			size_t len = strcspn(stray[k], ":") + 1;
			char *key = xasprintf(" %.*s", (int)len, stray[k]);
			char *keys = xasprintf(USUAL "from: %s, %s",
					       kinds[i].from, stray[k]);
			bool taken = strstr(kinds[i].from, key);

			for (size_t n = 0; kinds[i].takes[n]; n++)
				taken |= !strcmp(kinds[i].takes[n], stray[k]);
			key[len] = '\0';
			if (!taken)
				assert_bad(keys, "takes no '");
			free(keys);
			free(key);
		}
	}
	assert_bad(USUAL "from: elapsed, colour: red",
		   "key 'colour': not known here");
}

static void test_wrong_values(void **state)
{
	static const struct {
		const char *keys, *want;
	} cases[] = {
		{"from: regex, pattern: 'x'", "expression with a (group)"},
		{"from: regex, pattern: '(['", "POSIX extended regular"},
		{"from: regex, pattern: '(x)', take: median",
		 "'from: regex' knows no 'take: median'"},
		{"from: regex, pattern: '(x)', take: delta",
		 "knows no 'take: delta'"},
		{"from: regex, pattern: '(x)', stream: in",
		 "knows no 'stream: in'"},
		{"from: monitor, monitor: v, row: r, column: 1, take: sum",
		 "'from: monitor' knows no 'take: sum'"},
		{"from: monitor, monitor: v, row: r, column: 0",
		 "'column: 0' is not a number from 1 to 1000"},
		{"from: monitor, monitor: v, row: r, column: 1001",
		 "from 1 to 1000"},
		{"from: monitor, monitor: v, row: r, column: '{word}'",
		 "'column: x' is not a number"},
		{"from: monitor, monitor: v, row: '{none}', column: 1",
		 "'{none}' has no value"},
		{"from: ktap, field: ok", "knows no 'field: ok'"},
		{"from: ktap, field: max", "knows no 'field: max'"},
		{"from: cyclictest-json, file: /f, field: p50, limit_us: 5",
		 "knows no 'field: p50'"},
		{"from: cyclictest-json, file: /f, field: max, limit_us: 0",
		 "'limit_us: 0' is not a number from 1 to 1000000"},
		{"from: json, path: a", "expected a list"},
		{"from: json, path: [[a]]", "expected a single value"},
		{"from: json, path: ['{x']", "names no parameter"},
		{"from: rusage, field: maxrss", "'from: rusage'"},
		{"from: elapsed, primary: 7", "key 'primary'"},
		{"from: elapsed, step: [a]", "expected a single value"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *keys = xasprintf(USUAL "%s", cases[i].keys);

		assert_bad(keys, cases[i].want);
		free(keys);
	}
}

static void test_cost(void **state)
{
	struct metric m = {0};

	(void)state;
	metric_of_cost(&m, "slabinfo");
	assert_string_equal(m.name, "slabinfo-cost");
	assert_false(m.primary);
	assert_true(metric_spec_ok(m.spec));
	metric_release(&m);
}

/* A spec that anybody may have written. */
static void test_spec_of_a_file(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"5",
		"{\"name\":\"m\",\"unit\":\"u\"}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":5}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"guess\"}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"nvcsw\"}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"regex\"}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"regex\","
		"\"pattern\":5}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"regex\","
		"\"pattern\":\"x\"}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"regex\","
		"\"pattern\":\"(x\"}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"regex\","
		"\"pattern\":\"(x)\",\"take\":\"mean\"}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"regex\","
		"\"pattern\":\"(x)\",\"take\":7}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"elapsed\","
		"\"row\":\"x\"}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"elapsed\","
		"\"primary\":\"yes\"}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"elapsed\",\"per\":"
		"0}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"elapsed\","
		"\"per\":-1.5}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"elapsed\","
		"\"per\":\"2\"}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"elapsed\","
		"\"step\":null}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"json\","
		"\"path\":\"a\"}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"json\",\"path\":[]}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"json\","
		"\"path\":{\"a\":\"b\"}}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"json\","
		"\"path\":[\"a\",0]}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"monitor\","
		"\"monitor\":\"v\",\"row\":\"r\",\"column\":0}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"monitor\","
		"\"monitor\":\"v\",\"row\":\"r\",\"column\":1001}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"monitor\","
		"\"monitor\":\"v\",\"row\":\"r\",\"column\":\"1\"}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"cyclictest-json\","
		"\"file\":\"/f\",\"field\":\"max\",\"limit_us\":1000001}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		json_t *spec = json_loads(bad[i], JSON_DECODE_ANY, NULL);

		assert_non_null(spec);
		if (metric_spec_ok(spec))
			fail_msg("%s was taken", bad[i]);
		json_decref(spec);
	}
}

/* As they were before there were so many kinds. */
static void test_older_spec(void **state)
{
	static const char *const good[] = {
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"elapsed\","
		"\"field\":\"\",\"pattern\":\"\",\"file\":\"\","
		"\"limit_us\":0}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"rusage\","
		"\"field\":\"nvcsw\",\"pattern\":\"\",\"file\":\"\","
		"\"limit_us\":0}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"regex\","
		"\"field\":\"\",\"pattern\":\"a(.*)\",\"file\":\"\","
		"\"limit_us\":0}",
		"{\"name\":\"m\",\"unit\":\"u\",\"from\":"
		"\"cyclictest-json\",\"field\":\"p99\",\"pattern\":\"\","
		"\"file\":\"/f\",\"limit_us\":500}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		json_t *spec = json_loads(good[i], 0, NULL), *old;

		old = json_deep_copy(spec);
		if (!metric_spec_ok(spec))
			fail_msg("%s was refused", good[i]);
		/* It is what it was: the boot's id rests on it. */
		assert_true(json_equal(spec, old));
		json_decref(old);
		json_decref(spec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_source),
		cmocka_unit_test(test_per),
		cmocka_unit_test(test_missing_keys),
		cmocka_unit_test(test_stray_keys),
		cmocka_unit_test(test_wrong_values),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_spec_of_a_file),
		cmocka_unit_test(test_older_spec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
