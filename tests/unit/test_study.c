/*
 * Studies and workloads that are right: what is made of them.  Those that are
 * wrong are in tests/scenario/test_bad_input.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/yml.h"
#include "study/study.h"

#include <unistd.h>

static char dir[] = "/tmp/klab-study-XXXXXX";

static void put(const char *path, const char *text)
{
	struct err e;
	char *slash, *folder = xstrdup(path);

	slash = strrchr(folder, '/');
	if (slash) {
		*slash = '\0';
		assert_int_equal(file_mkdirs(folder, &e), 0);
	}
	assert_int_equal(file_write(path, text, strlen(text), &e), 0);
	free(folder);
}

/* klab's own folder, in small. */
static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	put("share/configs/machines/one.yaml", "machine: one\n");
	put("share/configs/machines/two.yaml",
	    "machine: two\nclock: exact\nvcpus: 2\nmemory_mib: 256\n"
	    "metronome_us: 5\ndeadline_s: 7\nfallback: one\n");
	put("share/workloads/plain/workload.yaml",
	    "workload: plain\nsummary: does little\npackages: [coreutils]\n"
	    "binaries: [ls]\nmodules: [brd]\n"
	    "parameters:\n  n: { default: 5, unit: x, help: h }\n"
	    "  flag: { default: '' }\n"
	    "steps:\n"
	    "  - { name: first, argv: [ls], deadline_s: 9 }\n"
	    "  - { name: run, argv: [ls, '-{n}', '{flag}', 'a{n}b{n}'], "
	    "collect: ['/tmp/{n}'] }\n"
	    "load: [ls, '{n}']\n"
	    "metrics:\n"
	    "  t: { unit: ns, better: lower, primary: yes, from: elapsed }\n"
	    "  c: { unit: n, better: higher, from: nvcsw }\n"
	    "  r: { unit: s, better: lower, from: regex, pattern: 'T(.)' }\n"
	    "  l: { unit: us, better: lower, latency: yes, from: "
	    "cyclictest-json, field: max, file: /f, limit_us: '{n}00' }\n");
	put("share/workloads/many-ways/workload.yaml",
	    "workload: many-ways\nsummary: s\nbinaries: [ls, cat]\n"
	    "parameters: { m: { default: z } }\n"
	    "variants: { a: { m: x }, b-c: { m: y } }\n"
	    "steps: [{ name: run, argv: [cat, '{m}'] }]\n"
	    "metrics: { t: { unit: ns, better: lower, primary: yes, "
	    "from: elapsed } }\n");
	put("k1", "image");
	put("k2", "image");
	put("k3", "image");
	return 0;
}

static int teardown(void **state)
{
	struct err e;

	(void)state;
	return chdir("/") || file_remove(dir, &e);
}

static struct study *load(const char *text)
{
	struct study *s = NULL;
	struct err e;

	put("s.yaml", text);
	if (study_load("s.yaml", "share", &s, &e))
		fail_msg("%s", e.text);
	return s;
}

#define REST                                                                   \
	"machines: [one]\nworkloads: [plain]\n"

static void test_defaults(void **state)
{
	struct study *s = load("study: x\nsource: {image: k1}\n" REST);

	(void)state;
	assert_string_equal(s->name, "x");
	assert_int_equal(s->rules.min, 5);
	assert_int_equal(s->baseline, 0);
	assert_float_equal(s->min_effect, 0.01, 1e-9);
	assert_int_equal(study_boots(s), 5);
	assert_int_equal(s->stages[0].kind, SOURCE_IMAGE);
	assert_string_equal(s->stages[0].name, "k1");
	/* Paths start at the study, and are absolute wherever klab is. */
	assert_true(s->stages[0].path[0] == '/');
	assert_true(str_ends(s->stages[0].path, "/k1"));
	assert_true(str_starts(s->text, "study: x\n"));
	study_free(s);
	study_free(NULL);
}

static void test_everything(void **state)
{
	struct study *s = load(
		"study: x\n"
		"source: {image: [{path: ./k1, name: base, config: c, "
		"system_map: m}, k2, k3]}\n"
		"machines: [two, one]\nworkloads: [plain, many-ways-a]\n"
		"boots: 3\ncompare: {baseline: k2, min_effect: 2.5%}\n"
		"harmless: ['^WARNING: .*a[0-9]+', two, two]\n");

	(void)state;
	assert_int_equal(study_boots(s), 3 * 2 * 2 * 3);
	assert_int_equal(s->baseline, 1);
	assert_float_equal(s->min_effect, 0.025, 1e-9);
	assert_string_equal(s->stages[0].name, "base");
	assert_true(str_ends(s->stages[0].config, "/c"));
	assert_true(str_ends(s->stages[0].map, "/m"));
	assert_null(s->stages[1].config);
	assert_int_equal(s->stages[2].line, 2);
	assert_int_equal(s->machines[0]->vcpus, 2);
	assert_int_equal(s->machines[0]->metronome_us, 5);
	assert_int_equal(s->machines[0]->deadline_s, 7);
	assert_string_equal(s->machines[0]->fallback, "one");
	assert_int_equal(s->harmless.n, 2);
	assert_string_equal(s->harmless.v[0], "^WARNING: .*a[0-9]+");
	/* One vCPU needs no metronome. */
	assert_int_equal(s->machines[1]->metronome_us, 0);
	study_free(s);
}

static void assert_stages(const char *selection, const char *baseline,
			  const char *want, int baseline_idx)
{
	char *text = xasprintf("study: x\nsource: {image: [k1, k2, k3]}\n" REST
			       "stages: %s\ncompare: {baseline: %s}\n",
			       selection, baseline);
	struct study *s = load(text);
	struct str got = STR_INIT;

	for (size_t i = 0; i < s->nstages; i++)
		str_addf(&got, "%d:%s ", s->stages[i].idx, s->stages[i].name);
	assert_string_equal(got.buf, want);
	assert_int_equal(s->baseline, baseline_idx);
	str_release(&got);
	study_free(s);
	free(text);
}

/* A stage keeps its number where others are left out. */
static void test_selection(void **state)
{
	(void)state;
	assert_stages("all", "0", "0:k1 1:k2 2:k3 ", 0);
	assert_stages("[2, 0]", "k3", "0:k1 2:k3 ", 2);
	assert_stages("[1, 1]", "1", "1:k2 ", 1);
	assert_stages("{every: 2}", "2", "0:k1 2:k3 ", 2);
	assert_stages("{every: 100}", "0", "0:k1 2:k3 ", 0);
	assert_stages("{every: 1}", "k2", "0:k1 1:k2 2:k3 ", 1);
}

static void assert_no_study(const char *text, const char *want)
{
	struct study *s;
	struct err e;

	put("s.yaml", text);
	assert_true(study_load("s.yaml", "share", &s, &e) < 0);
	assert_int_equal(e.kind, ERR_USER);
	if (!strstr(e.text, want))
		fail_msg("'%s' does not say '%s'", e.text, want);
}

static void test_baseline_is_measured(void **state)
{
	(void)state;
	assert_no_study("study: x\nsource: {image: [k1, k2]}\n" REST
			"stages: [1]\ncompare: {baseline: k1}\n",
			"s.yaml:6: key 'baseline': 'k1' is neither");
	assert_no_study("study: x\nsource: {image: [k1, k2]}\n" REST
			"stages: []\n", "s.yaml:5: key 'stages': ");
	assert_no_study("study: x\nsource: {image: [k1, k2]}\n" REST
			"stages: [-1]\n", "s.yaml:5: key 'stages': ");
}

static void test_debian(void **state)
{
	struct study *s = load(
		"study: x\nsource:\n  suite: bookworm\n  debian-image:\n"
		"    - linux-image-amd64\n"
		"    - {package: linux-image-rt-amd64, suite: trixie, name: rt}\n"
		"    - {package: linux-image-rt-amd64, version: 6.1.2-1}\n" REST);
	const char *const want[] = {
		"debian-image linux-image-amd64 suite bookworm",
		"debian-image linux-image-rt-amd64 suite trixie",
		"debian-image linux-image-rt-amd64 suite bookworm version "
		"6.1.2-1"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char *request = stage_request(&s->source, &s->stages[i]);

		assert_string_equal(request, want[i]);
		free(request);
	}
	assert_string_equal(s->stages[1].name, "rt");
	assert_int_equal(s->stages[2].line, 7);
	study_free(s);
}

static void test_machine_of_the_study(void **state)
{
	struct study *s;

	(void)state;
	put("sub/own.yaml", "machine: own\nmemory_mib: 100\n");
	s = load("study: x\nsource: {image: k1}\nmachines: [./sub/own.yaml]\n"
		 "workloads: [plain]\n");
	assert_string_equal(s->machines[0]->name, "own");
	assert_int_equal(s->machines[0]->memory_mib, 100);
	study_free(s);
}

static void test_home(void **state)
{
	char *home = getcwd(NULL, 0);
	struct study *s;

	(void)state;
	setenv("HOME", home, 1);
	s = load("study: x\nsource: {image: ~/k2}\n" REST);
	assert_true(str_starts(s->stages[0].path, home));
	assert_true(str_ends(s->stages[0].path, "/k2"));
	study_free(s);
	free(home);
}

static void test_shipped_studies(void **state)
{
	struct study *s;
	struct err e;

	(void)state;
	put("share/configs/studies/shipped.yaml",
	    "study: shipped\nsource: {debian-image: a}\n" REST);
	assert_int_equal(study_load("shipped", "share", &s, &e), 0);
	assert_string_equal(s->name, "shipped");
	study_free(s);
	assert_int_equal(study_load("shipped.yaml", "share", &s, &e), 0);
	study_free(s);
	assert_true(study_load("./shipped", "share", &s, &e) < 0);
}

/* ---- workloads ---- */

static struct workload *workload(const char *item)
{
	struct workload *w = NULL;
	struct yml_doc *doc;
	struct err e;

	assert_int_equal(yml_parse("item", item, strlen(item), &doc, &e), 0);
	if (workload_load(yml_root(doc), "share", &w, &e))
		fail_msg("%s", e.text);
	yml_free(doc);
	return w;
}

static void assert_words(const struct strv *l, const char *want)
{
	char *got = strv_join(l, "|");

	assert_string_equal(got, want);
	free(got);
}

static const char *word(const struct workload *w, size_t i, const char *key)
{
	return json_string_value(json_object_get(w->metrics[i].spec, key));
}

static long long limit_us(const struct workload *w)
{
	return json_integer_value(
		json_object_get(w->metrics[3].spec, "limit_us"));
}

static void test_workload(void **state)
{
	struct workload *w = workload("plain");

	(void)state;
	assert_string_equal(w->label, "plain");
	assert_string_equal(w->name, "plain");
	assert_int_equal(w->nsteps, 2);
	assert_int_equal(w->steps[0].deadline_s, 9);
	assert_int_equal(w->steps[1].deadline_s, 60);
	/* A word that comes out empty is none. */
	assert_words(&w->steps[1].argv, "ls|-5|a5b5");
	assert_words(&w->steps[1].collect, "/tmp/5");
	assert_words(&w->load, "");
	assert_words(&w->modules, "brd");
	assert_int_equal(w->nmetrics, 4);
	assert_true(w->metrics[0].primary && !w->metrics[0].latency);
	assert_string_equal(word(w, 0, "from"), "elapsed");
	assert_string_equal(word(w, 1, "from"), "rusage");
	assert_string_equal(word(w, 1, "field"), "nvcsw");
	assert_string_equal(w->metrics[1].better, "higher");
	assert_string_equal(word(w, 2, "pattern"), "T(.)");
	assert_true(w->metrics[3].latency);
	assert_int_equal(limit_us(w), 500);
	workload_free(w);
	workload_free(NULL);
}

static void test_parameters(void **state)
{
	struct workload *w = workload("plain: {n: 12, flag: --all, as: mine}");

	(void)state;
	assert_string_equal(w->label, "mine");
	assert_string_equal(w->name, "plain");
	assert_words(&w->steps[1].argv, "ls|-12|--all|a12b12");
	assert_int_equal(limit_us(w), 1200);
	workload_free(w);
	/* A value is a value, whatever it looks like. */
	w = workload("plain: {flag: '; rm {n} /'}");
	assert_words(&w->steps[0].argv, "ls");
	assert_words(&w->steps[1].argv, "ls|-5|; rm {n} /|a5b5");
	workload_free(w);
}

static void test_variants(void **state)
{
	struct workload *w = workload("many-ways-a");

	(void)state;
	assert_words(&w->steps[0].argv, "cat|x");
	assert_string_equal(w->label, "many-ways-a");
	workload_free(w);
	w = workload("many-ways-b-c");
	assert_words(&w->steps[0].argv, "cat|y");
	workload_free(w);
	w = workload("many-ways-b-c: {m: own}");
	assert_words(&w->steps[0].argv, "cat|own");
	workload_free(w);
}

static void test_load(void **state)
{
	struct workload *w = workload("many-ways-a: {load: plain}");

	(void)state;
	assert_words(&w->load, "ls|5");
	/* What both need is there, each once. */
	assert_words(&w->binaries, "ls|cat");
	assert_words(&w->packages, "coreutils");
	assert_words(&w->modules, "brd");
	assert_words(&w->steps[0].argv, "cat|x");
	workload_free(w);
}

static void assert_no_workload(const char *item, const char *want)
{
	struct workload *w;
	struct yml_doc *doc;
	struct err e;

	assert_int_equal(yml_parse("item", item, strlen(item), &doc, &e), 0);
	assert_true(workload_load(yml_root(doc), "share", &w, &e) < 0);
	assert_int_equal(e.kind, ERR_USER);
	if (!strstr(e.text, want))
		fail_msg("'%s' does not say '%s'", e.text, want);
	yml_free(doc);
}

static void test_no_workload(void **state)
{
	(void)state;
	assert_no_workload("plain-a", "has no variant 'a'");
	assert_no_workload("plain-", "");
	assert_no_workload("''", "there is no workload ''");
	assert_no_workload("[plain]", "a workload is a name");
	assert_no_workload("plain: 5", "expected a map");
	assert_no_workload("plain: {n: [1]}", "expected a single value");
	assert_no_workload("plain: {as: ../x}", "'../x' is not a word");
	assert_no_workload("plain: {n: x}", "'limit_us: x00' is not a number");
	assert_no_workload("plain: {n: 99999}", "from 1 to 1000000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_selection),
		cmocka_unit_test(test_baseline_is_measured),
		cmocka_unit_test(test_debian),
		cmocka_unit_test(test_machine_of_the_study),
		cmocka_unit_test(test_home),
		cmocka_unit_test(test_shipped_studies),
		cmocka_unit_test(test_workload),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_no_workload),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
