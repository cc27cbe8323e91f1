/* How many boots a study asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "study/study.h"

#include <unistd.h>

static char dir[] = "/tmp/klab-rules-XXXXXX";

static void put(const char *path, const char *text)
{
	struct err e;

	if (file_write(path, text, strlen(text), &e))
		fail_msg("%s", e.text);
}

static int setup(void **state)
{
	struct err e;

	(void)state;
	if (!mkdtemp(dir) || chdir(dir) ||
	    file_mkdirs("share/configs/machines", &e) ||
	    file_mkdirs("share/workloads/w", &e))
		return -1;
	put("share/configs/machines/m.yaml", "machine: m\n");
	put("share/workloads/w/workload.yaml",
	    "workload: w\nsummary: s\nbinaries: [ls]\n"
	    "steps: [{ name: run, argv: [ls] }]\n"
	    "metrics: { t: { unit: ns, better: lower, primary: yes, "
	    "from: elapsed } }\n");
	put("k1", "image");
	put("k2", "image");
	return 0;
}

static int teardown(void **state)
{
	struct err e;

	(void)state;
	return chdir("/") || file_remove(dir, &e);
}

/* A study of two kernels with two labels, and whatever else is said. */
static int load(const char *more, struct study **s, struct err *e)
{
	char *text = xasprintf("study: x\nsource: {image: [k1, k2]}\n"
			       "machines: [m]\nworkloads: [w, {w: {as: v}}]\n"
			       "%s\n",
			       more);
	int r;

	put("s.yaml", text);
	r = study_load("s.yaml", "share", s, e);
	free(text);
	return r;
}

static struct study *good(const char *more)
{
	struct study *s;
	struct err e;

	if (load(more, &s, &e))
		fail_msg("%s", e.text);
	return s;
}

static void assert_bad(const char *more, const char *want)
{
	struct study *s;
	struct err e;

	assert_true(load(more, &s, &e) < 0);
	assert_int_equal(e.kind, ERR_USER);
	if (!strstr(e.text, want))
		fail_msg("'%s' does not say '%s'", e.text, want);
}

static void assert_rules(const char *more, const char *want)
{
	struct study *s = good(more);
	char *text = rules_text(&s->rules);

	assert_string_equal(text, want);
	free(text);
	study_free(s);
}

static void test_as_the_lab_keeps_them(void **state)
{
	(void)state;
	assert_rules("", "{\"min\":5,\"max\":5,\"until\":null,\"confirm\":true,"
			 "\"budget\":20,\"aa\":0,\"limits\":{}}");
	assert_rules("boots: { min: 3, max: 20, until: 2% }\n"
		     "compare: { confirm: 7, aa: 4, "
		     "limits: { w/t: 50, v/t: 1.5e3 } }",
		     "{\"min\":3,\"max\":20,\"until\":0.02,\"confirm\":true,"
		     "\"budget\":7,\"aa\":4,\"limits\":{\"w/t\":50.0,"
		     "\"v/t\":1500.0}}");
	assert_rules("boots: { min: 3, max: 20 }\ncompare: { confirm: no }",
		     "{\"min\":3,\"max\":20,\"until\":null,\"confirm\":false,"
		     "\"budget\":0,\"aa\":0,\"limits\":{}}");
	assert_rules("boots: { min: 4, max: 4 }\ncompare: { confirm: yes }",
		     "{\"min\":4,\"max\":4,\"until\":null,\"confirm\":true,"
		     "\"budget\":16,\"aa\":0,\"limits\":{}}");
}

static void test_counts(void **state)
{
	struct study *s = good("boots: { min: 3, max: 5 }\n"
			       "compare: { baseline: k2, aa: 4, confirm: 7 }");

	(void)state;
	assert_int_equal(study_cell_boots(s, 0), 3);
	assert_int_equal(study_cell_boots(s, 1), 7);
	assert_int_equal(study_kernel_boots(s, 1), 14);
	assert_int_equal(study_boots(s), 20);
	assert_int_equal(study_boots_max(s), 20 + 4 * 2 + 7);
	study_free(s);
	/* As many as may come without them. */
	s = good("boots: 9\ncompare: { aa: 10 }");
	assert_int_equal(s->rules.budget, 4 * 9 + 20);
	study_free(s);
	s = good("boots: { min: 3, max: 20 }");
	assert_int_equal(s->rules.budget, 4 * 20);
	study_free(s);
	s = good("boots: 5\nstages: [0]");
	assert_int_equal(s->rules.budget, 10);
	study_free(s);
}

static void assert_looks(int min, int max, const char *want)
{
	struct rules r = {.min = min, .max = max};
	struct str got = STR_INIT;
	int n = min;

	str_addf(&got, "%d", n);
	while (n < max) {
		n = rules_next_look(&r, n);
		str_addf(&got, " %d", n);
	}
	assert_string_equal(got.buf, want);
	str_release(&got);
}

static void test_looks(void **state)
{
	(void)state;
	assert_looks(3, 20, "3 5 8 13 20");
	assert_looks(1, 9, "1 2 4 7 9");
	assert_looks(5, 6, "5 6");
	assert_looks(4, 4, "4");
	assert_looks(10, 100, "10 16 26 42 68 100");
}

static void test_bad_boots(void **state)
{
	(void)state;
	assert_bad("boots: 0", "key 'boots': '0' is not a whole number");
	assert_bad("boots: 5%", "key 'boots': '5%' is not a whole number");
	assert_bad("boots: [3, 20]", "is a number, or {min: N, max: N,");
	assert_bad("boots: { min: 3 }", "max");
	assert_bad("boots: { max: 3 }", "min");
	assert_bad("boots: { min: 3, until: 1% }", "max");
	assert_bad("boots: { min: 5, max: 3 }",
		   "key 'max': 3 is less than min, 5");
	assert_bad("boots: { min: -1, max: 3 }", "key 'min': '-1' is not");
	assert_bad("boots: { min: 3, max: 9, until: 100% }", "key 'until'");
	assert_bad("boots: { min: 3, max: 9, until: 0 }",
		   "no number of boots makes an interval that narrow");
	assert_bad("boots: { min: 3, max: 3, until: 1% }",
		   "needs boots to add: a max above min, 3");
	assert_bad("boots: { min: 3, max: 9, untl: 1% }",
		   "did you mean 'until'?");
	assert_bad("boots: { min: 3, max: 10001 }", "key 'max'");
}

static void test_bad_compare(void **state)
{
	(void)state;
	assert_bad("compare: { confirm: maybe }", "'maybe' is neither yes nor");
	assert_bad("compare: { confirm: -3 }", "'-3' is neither yes nor");
	assert_bad("compare: { confirm: 0 }", "'0' is neither yes nor");
	assert_bad("compare: { confirm: [1] }", "key 'confirm'");
	assert_bad("compare: { aa: -1 }", "key 'aa': '-1' is not");
	assert_bad("compare: { aa: 10% }", "key 'aa': '10%' is not");
	assert_bad("compare: { limits: 5 }", "key 'limits'");
	assert_bad("compare: { limits: { t: 5 } }",
		   "key 't': is not of the form WORKLOAD/METRIC");
	assert_bad("compare: { limits: { z/t: 5 } }",
		   "this study has no workload 'z'");
	assert_bad("compare: { limits: { w/x: 5 } }",
		   "workload 'w' has no metric 'x'");
	assert_bad("compare: { limits: { w/t: 5% } }", "'5%' is not a number");
	assert_bad("compare: { limits: { w/t: -1 } }", "'-1' is not a number");
	assert_bad("compare: { limits: { w/t: inf } }", "'inf' is not a numb");
	assert_bad("compare: { limits: { w/t: '' } }", "'' is not a number");
	assert_bad("compare: { limits: { w/t: [1] } }", "key 'w/t'");
	assert_bad("compare: { limit: 3 }", "did you mean 'limits'?");
	/* The second workload fails after the first was read. */
	assert_bad("compare: { limits: { w/t: 1, v/t: x } }", "key 'v/t'");
}

static void test_too_many(void **state)
{
	(void)state;
	assert_bad(
		"boots: { min: 1, max: 10000 }\ncompare: { confirm: 970000 }",
		"more than klab plans in one study");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_the_lab_keeps_them),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_looks),
		cmocka_unit_test(test_bad_boots),
		cmocka_unit_test(test_bad_compare),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
