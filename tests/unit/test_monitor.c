/* The files of configs/monitors: those that there are, and bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_folder.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/yml.h"
#include "guest/limits.h"
#include "study/monitor.h"

#include <dirent.h>
#include <string.h>

static char *home; /* where the tests were started: klab's own folder */

static int setup(void **state)
{
	struct err e;

	home = getcwd(NULL, 0);
	return enter_folder(state) || file_mkdirs("configs/monitors", &e);
}

static int teardown(void **state)
{
	free(home);
	return leave_folder(state);
}

static int load(const char *share, const char *name, struct monitor *m,
		struct err *e)
{
	static const char item[] = "monitors: [x]\n";
	struct yml_doc *doc;
	int r;

	assert_int_equal(yml_parse("study.yaml", item, strlen(item), &doc, e),
			 0);
	r = monitor_load(yml_root(doc)->at[0], share, name, m, e);
	yml_free(doc);
	return r;
}

static void put(const char *name, const char *text)
{
	char *path = xasprintf("configs/monitors/%s.yaml", name);
	struct err e;

	assert_int_equal(file_put(path, text, strlen(text), &e), 0);
	free(path);
}

static void assert_words(const struct strv *l, const char *want)
{
	char *got = strv_join(l, "|");

	assert_string_equal(got, want);
	free(got);
}

static void test_all_keys(void **state)
{
	struct monitor m;
	struct err e;

	(void)state;
	put("full", "monitor: full\nsummary: all of it\nsource: a manual\n"
		    "cost: little\n"
		    "needs: { options: [A], vcpus: 2 }\n"
		    "packages: [p]\nbinaries: [b]\n"
		    "mounts: { tracefs: /sys/kernel/tracing }\n"
		    "set: { /proc/a: '1', /proc/b: two words }\n"
		    "reset: { /proc/a: '0' }\n"
		    "read: [/proc/c, /proc/d]\n"
		    "wrap: [perf, stat, --]\ncollect: [/tmp/x]\n");
	if (load(".", "full", &m, &e))
		fail_msg("%s", e.text);
	assert_string_equal(m.name, "full");
	assert_words(&m.needs.options, "A");
	assert_int_equal(m.needs.vcpus, 2);
	assert_words(&m.packages, "p");
	assert_words(&m.binaries, "b");
	assert_words(&m.mounts, "tracefs /sys/kernel/tracing");
	/* In their order: one may depend on the one before. */
	assert_words(&m.set, "/proc/a 1|/proc/b two words");
	assert_words(&m.reset, "/proc/a 0");
	assert_words(&m.read, "/proc/c|/proc/d");
	assert_words(&m.wrap, "perf|stat|--");
	assert_words(&m.collect, "/tmp/x");
	monitor_release(&m);
}

static void test_little(void **state)
{
	struct monitor m;
	struct err e;

	(void)state;
	put("little", "monitor: little\nread: [/proc/c]\n");
	assert_int_equal(load(".", "little", &m, &e), 0);
	assert_words(&m.read, "/proc/c");
	assert_int_equal(m.set.n + m.reset.n + m.wrap.n + m.mounts.n, 0);
	monitor_release(&m);
}

static void test_unknown(void **state)
{
	static const char *const names[] = {
		"none", "", "../monitors/full", "full.yaml", "-x", "a/b"};

	(void)state;
	put("alpha", "monitor: alpha\nread: [/a]\n");
	put("beta", "monitor: beta\nread: [/b]\n");
	assert_int_equal(
		file_put("configs/monitors/README", "x", 1, &(struct err){0}),
		0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *want = xasprintf("there is no monitor '%s'; klab has: "
				       "alpha, beta, ",
				       names[i]);
		struct monitor m;
		struct err e;

		assert_true(load(".", names[i], &m, &e) < 0);
		assert_int_equal(e.kind, ERR_USER);
		assert_true(str_starts(e.text, "study.yaml:1: "));
		if (!strstr(e.text, want) || strstr(e.text, "README"))
			fail_msg("'%s' does not say '%s'", e.text, want);
		free(want);
		monitor_release(&m);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", "the file is empty"},
		{"[]", "expected a map"},
		{"monitor: bad\nreads: [/a]\n", "did you mean 'read'?"},
		{"read: /proc/c\n", "key 'read': expected a list"},
		{"read: [[/proc/c]]\n", "expected a single value"},
		{"set: [/proc/a]\n", "key 'set': expected a map"},
		{"set: { /proc/a: [1] }\n", "expected a single value"},
		{"reset: { /proc/a: {b: c} }\n", "expected a single value"},
		{"mounts: [debugfs /sys/kernel/debug]\n",
		 "key 'mounts': expected a map"},
		{"wrap: perf\n", "key 'wrap': expected a list"},
		{"needs: { options: [a] }\n", "'a' is not like LOCK_STAT"},
		{"cost: [5]\n", "key 'cost': expected a single value"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct monitor m;
		struct err e = {.text = ""};

		put("bad", cases[i].text);
		if (!load(".", "bad", &m, &e))
			fail_msg("'%s' was taken", cases[i].text);
		assert_int_equal(e.kind, ERR_USER);
		if (!strstr(e.text, "bad.yaml") ||
		    !strstr(e.text, cases[i].want))
			fail_msg("'%s' does not say '%s'", e.text,
				 cases[i].want);
		monitor_release(&m);
	}
}

static bool all_absolute(const struct strv *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		if (paths->v[i][0] != '/' ||
		    strcspn(paths->v[i], " ") > JOB_PATH_MAX)
			return false;
	return true;
}

/* klab's own: each has a name that is its file's, does something, and keeps to
 * what the agent takes. */
static void check_one(const char *name)
{
	struct monitor m;
	struct err e;

	if (load(home, name, &m, &e))
		fail_msg("%s", e.text);
	assert_string_equal(m.name, name);
	assert_true(m.read.n || m.wrap.n);
	assert_true(m.read.n <= JOB_READS && m.set.n <= JOB_WRITES &&
		    m.reset.n <= JOB_WRITES && m.mounts.n <= JOB_MOUNTS &&
		    m.collect.n <= JOB_COLLECTS);
	assert_true(all_absolute(&m.read) && all_absolute(&m.set) &&
		    all_absolute(&m.reset) && all_absolute(&m.collect));
	for (size_t i = 0; i < m.mounts.n; i++)
		assert_non_null(strstr(m.mounts.v[i], " /"));
	/* What is only there while a program runs needs that program. */
	assert_true(!m.wrap.n || strv_has(&m.binaries, m.wrap.v[0]));
	monitor_release(&m);
}

static void test_shipped(void **state)
{
	char *path = xasprintf("%s/configs/monitors", home);
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort), seen = 0;

	(void)state;
	for (int i = 0; i < n; i++) {
		char *name = xstrdup(list[i]->d_name);

		if (str_ends(name, ".yaml")) {
			name[strlen(name) - 5] = '\0';
			check_one(name);
			seen++;
		}
		free(name);
		free(list[i]);
	}
	free(list);
	free(path);
	assert_true(seen >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_keys), cmocka_unit_test(test_little),
		cmocka_unit_test(test_unknown),  cmocka_unit_test(test_bad),
		cmocka_unit_test(test_shipped),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
