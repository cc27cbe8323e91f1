/* Cells of what a monitor read before and after a step, and what that took. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_extract.h"

#define MONITORS                                                               \
	"[{\"name\":\"other\",\"read\":[\"/proc/y\"]},"                        \
	"{\"name\":\"x\",\"read\":[\"/proc/x\"]}]"
#define CELL(row, column, more)                                                \
	METRIC("monitor", ",\"monitor\":\"x\",\"row\":\"" row                  \
			  "\",\"column\":" #column more)

static void assert_cell(const char *metric, const char *before,
			const char *after, double want)
{
	const struct left l = {
		.before = before, .after = after, .monitors = MONITORS};

	assert_gives(metric, &l, want);
}

static void assert_no_cell(const char *metric, const char *before,
			   const char *after, const char *want)
{
	const struct left l = {
		.before = before, .after = after, .monitors = MONITORS};

	assert_gives_none(metric, &l, want);
}

static void test_rows(void **state)
{
	(void)state;
	assert_cell(CELL("pgfault", 1, ""), "pgfault 5\n",
		    "nr_x 1\npgfault 12\n", 7);
	/* A name is not the begin of a longer one. */
	assert_cell(CELL("pg", 1, ""), "pg 1\n", "pgfault 12\npg 3\n", 2);
	/* With a colon; columns start after the name. */
	assert_cell(CELL("&n->list_lock", 2, ""),
		    "head\n   &n->list_lock:   1   10  0.50\n",
		    "head\n   &n->list_lock:   3   14  0.75\n", 4);
	assert_cell(CELL("&n->list_lock", 3, ""),
		    "   &n->list_lock:   1   10  0.50\n",
		    "   &n->list_lock:   3   14  0.75\n", 0.25);
	assert_cell(CELL("a", 2, ""), "\ta\t1\t2\n", "\ta\t1\t2\t3", 0);
	/* key=value */
	assert_cell(CELL("some", 4, ""),
		    "some avg10=0.00 avg60=0.00 avg300=0.00 total=100\n",
		    "some avg10=0.00 avg60=0.00 avg300=0.00 total=350\n", 250);
	/* The first row of that name. */
	assert_cell(CELL("a", 1, ""), "a 1\na 50\n", "a 3\na 90\n", 2);
}

static void test_take(void **state)
{
	(void)state;
	assert_cell(CELL("a", 1, ",\"take\":\"before\""), "a 9\n", "a 4\n", 9);
	assert_cell(CELL("a", 1, ",\"take\":\"after\""), "a 9\n", "a 4\n", 4);
	assert_cell(CELL("a", 1, ",\"take\":\"delta\""), "a 4\n", "a 9\n", 5);
	assert_cell(CELL("a", 1, ",\"take\":\"delta\",\"per\":2.0"), "a 4\n",
		    "a 9\n", 2.5);
	/* Each needs its own alone. */
	assert_cell(CELL("a", 1, ",\"take\":\"before\""), "a 9\n", NULL, 9);
	assert_cell(CELL("a", 1, ",\"take\":\"after\""), NULL, "a 4\n", 4);
	assert_cell(CELL("a", 1, ",\"take\":\"after\""), "a x\n", "a 4\n", 4);
	/* What was not there before began at zero. */
	assert_cell(CELL("a", 1, ""), "b 1\n", "a 4\n", 4);
	assert_no_cell(CELL("a", 1, ",\"take\":\"before\""), "b 1\n", "a 4\n",
		       "'/proc/x' has no number in column 1 of 'a'");
}

static void test_no_cell(void **state)
{
	static const char *const rows[] = {
		"a x\n",   "a\n",      "a:\n",      "a -1\n",   "a nan\n",
		"a 1,5\n", "a 0x10\n", "a k=\n",    "a =\n",    "a k=-1\n",
		"a: \n",   "a5 6\n",   "a 1e999\n", "a\t\n5\n", "a 5"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_no_cell(CELL("a", 1, ""), "a 1\n", rows[i],
			       "'/proc/x' has no number in column 1 of 'a'");
	/* Before, too, a row that is there has to be right. */
	assert_no_cell(CELL("a", 1, ""), "a x\n", "a 5\n", "has no number");
	assert_no_cell(CELL("a", 3, ""), "a 1 2\n", "a 1 2\n",
		       "has no number in column 3 of 'a'");
	assert_no_cell(CELL("a", 1, ""), "a 10\n", "a 3\n",
		       "'a' of '/proc/x' went down from 10 to 3");
	assert_no_cell(CELL("a", 1, ""), "", "a 3\n", "'/proc/x' is empty");
	assert_no_cell(CELL("a", 1, ""), NULL, "a 3\n", "'/proc/x' is empty");
	assert_no_cell(CELL("a", 1, ""), "a 3\n", "", "'/proc/x' is empty");
	assert_no_cell(CELL("a", 1, ",\"step\":\"prepare\""), "a 3\n", "a 4\n",
		       "'/proc/x' is empty");
}

static void test_monitor_is_off(void **state)
{
	const struct left l = {.before = "a 1\n", .after = "a 2\n"};

	(void)state;
	assert_gives_none(CELL("a", 1, ""), &l, "monitor 'x' is not on");
	assert_gives_none(METRIC("monitor-cost", ",\"monitor\":\"x\""), &l,
			  "monitor 'x' is not on");
}

/* ---- what it takes ---- */

#define COST METRIC("monitor-cost", ",\"monitor\":\"x\"")
#define TWO_FILES "[{\"name\":\"x\",\"read\":[\"/a\",\"/b\"]}]"

struct cost {
	const char *step, *path, *ns;
};

/* The frames are by hand: a struct left has one of them. */
static char *cost_of(const struct cost *costs, size_t n, double *value)
{
	json_t *spec = json_pack("{s:[{s:s}], s:[o], s:o}", "steps", "name",
				 "run", "metrics", json_loads(COST, 0, NULL),
				 "monitors", json_loads(TWO_FILES, 0, NULL));
	struct frames f = {.list = json_array()};
	struct collected c = {0};
	char *why = NULL;

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_pack("{s:s, s:s, s:s}", "t", "read", "step",
				      costs[i].step, "path", costs[i].path);

		json_object_set_new(
			o, "cost_ns",
			json_loads(costs[i].ns, JSON_DECODE_ANY, NULL));
		json_array_append_new(f.list, o);
	}
	if (extract_metrics(spec, &f, &c, &why))
		*value = c.samples[0].value;
	collected_release(&c);
	json_decref(f.list);
	json_decref(spec);
	return why;
}

static void test_cost(void **state)
{
	static const struct cost good[] = {
		{"run", "/a", "1000"},      {"run", "/b", "200"},
		{"prepare", "/b", "90000"}, {"run", "/other", "50000"},
		{"run", "/a", "30"},        {"run", "/b", "4"}};
	static const char *const bad[] = {"-5", "0", "1.5", "\"7\"", "null"};
	struct cost damaged[6];
	double value = 0;
	char *why;

	(void)state;
	why = cost_of(good, 6, &value);
	assert_null(why);
	assert_float_equal(value, 1234, 1e-9);
	/* One reading of four is not there, or is none. */
	why = cost_of(good, 5, &value);
	assert_non_null(strstr(why, "the agent did not read all of it"));
	free(why);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memcpy(damaged, good, sizeof(good));
		damaged[5].ns = bad[i];
		why = cost_of(damaged, 6, &value);
		if (!why)
			fail_msg("a cost of %s was taken", bad[i]);
		assert_non_null(strstr(why, "did not read all of it"));
		free(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_no_cell),
		cmocka_unit_test(test_monitor_is_off),
		cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
