/*
 * A workload.yaml and what it needs in the guest: programs, files, modules,
 * monitors; the parameters that make it longer.  Steps, variants and loads are
 * in test_study.c.
 */
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
#include "study/workload.h"

#include <string.h>

static void put(const char *path, const char *text)
{
	struct err e;
	char *folder = xstrdup(path);

	*strrchr(folder, '/') = '\0';
	assert_int_equal(file_mkdirs(folder, &e), 0);
	assert_int_equal(file_put(path, text, strlen(text), &e), 0);
	free(folder);
}

#define HEAD "workload: w\nsummary: s\n"
#define STEPS "steps: [{ name: run, argv: [x] }]\n"
#define METRICS                                                                \
	"metrics: { t: { unit: ns, better: lower, primary: yes, from: "        \
	"elapsed } }\n"

static int setup(void **state)
{
	if (enter_folder(state))
		return -1;
	put("share/workloads/w/own.c", "");
	put("share/workloads/w/two.c", "");
	put("share/workloads/w/x.bpf.c", "");
	put("share/workloads/w/job.fio", "");
	put("share/workloads/w/klab_x.c", "");
	put("share/workloads/common/pin.c", "");
	put("share/workloads/other/side.c", "");
	put("share/workloads/other/data.txt", "");
	put("share/workloads/other/workload.yaml",
	    "workload: other\nsummary: s\nbinaries: [ls]\nmodules: [brd]\n"
	    "programs: [side]\nfiles: [data.txt]\nload: [side, '5']\n"
	    "needs: { options: [BRD], vcpus: 2 }\n"
	    "mounts: { debugfs: /sys/kernel/debug }\n" STEPS METRICS);
	put("share/configs/monitors/reads.yaml",
	    "monitor: reads\nread: [/proc/a]\nneeds: { options: [READS] }\n"
	    "packages: [p]\nbinaries: [perf]\n"
	    "mounts: { tracefs: /sys/kernel/tracing }\n");
	put("share/configs/monitors/wraps.yaml",
	    "monitor: wraps\nwrap: [perf]\nbinaries: [perf]\n");
	return 0;
}

static int load(const char *item, const char *text, struct workload **w,
		struct err *e)
{
	struct yml_doc *doc;
	int r;

	*w = NULL;
	put("share/workloads/w/workload.yaml", text);
	assert_int_equal(yml_parse("study.yaml", item, strlen(item), &doc, e),
			 0);
	r = workload_load(yml_root(doc), "share", w, e);
	yml_free(doc);
	return r;
}

static struct workload *loaded(const char *item, const char *text)
{
	struct workload *w;
	struct err e;

	if (load(item, text, &w, &e))
		fail_msg("%s", e.text);
	return w;
}

static void assert_bad(const char *item, const char *text, const char *want)
{
	struct workload *w;
	struct err e = {.text = ""};

	if (!load(item, text, &w, &e))
		fail_msg("'%s' was taken", text);
	assert_int_equal(e.kind, ERR_USER);
	if (!strstr(e.text, want))
		fail_msg("'%s' does not say '%s'", e.text, want);
}

/* With the lines that each workload has. */
static void assert_bad_lines(const char *lines, const char *want)
{
	char *text = xasprintf(HEAD "%s" STEPS METRICS, lines);

	assert_bad("w", text, want);
	free(text);
}

static void assert_words(const struct strv *l, const char *want)
{
	char *got = strv_join(l, "|");

	assert_string_equal(got, want);
	free(got);
}

/* ---- programs, files, modules ---- */

static void test_programs(void **state)
{
	struct workload *w = loaded(
		"w", HEAD
		"programs:\n  - own\n"
		"  - { name: both, sources: [own.c, ../common/pin.c],"
		" libraries: [elf, z] }\n"
		"  - { name: x.bpf.o, sources: [x.bpf.c] }\n" STEPS METRICS);

	(void)state;
	assert_int_equal(w->nprograms, 3);
	assert_string_equal(w->programs[0].name, "own");
	assert_words(&w->programs[0].sources, "share/workloads/w/own.c");
	assert_int_equal(w->programs[0].libraries.n, 0);
	assert_string_equal(w->programs[1].name, "both");
	assert_words(&w->programs[1].sources,
		     "share/workloads/w/own.c|"
		     "share/workloads/w/../common/pin.c");
	assert_words(&w->programs[1].libraries, "elf|z");
	assert_string_equal(w->programs[2].name, "x.bpf.o");
	workload_free(w);
}

static void test_bad_programs(void **state)
{
	(void)state;
	assert_bad_lines("programs: [none]\n",
			 "there is no file 'share/workloads/w/none.c'");
	assert_bad_lines("programs: own\n", "key 'programs': expected a list");
	assert_bad_lines("programs: [[own]]\n", "expected a map");
	assert_bad_lines("programs: [{ name: a, sources: [none.c] }]\n",
			 "there is no file 'share/workloads/w/none.c'");
	assert_bad_lines("programs: [{ sources: [own.c] }]\n",
			 "has 'name' and 'sources'");
	assert_bad_lines("programs: [{ name: a }]\n",
			 "has 'name' and 'sources'");
	assert_bad_lines("programs: [{ name: a/b, sources: [own.c] }]\n",
			 "a program is the name of a .c file");
	assert_bad_lines("programs: [{ name: .., sources: [own.c] }]\n",
			 "a program is the name of a .c file");
	assert_bad_lines("programs: [../common/pin]\n",
			 "a program is the name of a .c file");
	assert_bad_lines("programs: [{ name: a, source: [own.c] }]\n",
			 "did you mean 'sources'?");
	assert_bad_lines("programs: [own, { name: own, sources: [two.c] }]\n",
			 "program 'own' is there twice");
}

static void test_files(void **state)
{
	struct workload *w =
		loaded("w", HEAD "files: [job.fio]\n" STEPS METRICS);

	(void)state;
	assert_words(&w->files, "share/workloads/w/job.fio");
	workload_free(w);
	assert_bad_lines("files: [none.fio]\n",
			 "there is no file 'share/workloads/w/none.fio'");
	assert_bad_lines("files: job.fio\n", "key 'files': expected a list");
}

static void test_modules(void **state)
{
	struct workload *w = loaded(
		"w",
		HEAD "modules: [brd, 'null_blk:nr_devices=1 gb=2', brd]\n" STEPS
			METRICS);

	(void)state;
	assert_words(&w->modules, "brd|null_blk nr_devices=1 gb=2");
	assert_false(w->needs.own_kernel);
	workload_free(w);
}

static void test_kmods(void **state)
{
	struct workload *w =
		loaded("w", HEAD "kmods: [klab_x]\n" STEPS METRICS);

	(void)state;
	assert_words(&w->kmods, "share/workloads/w/klab_x.c");
	/* klab has to build the kernel to build these. */
	assert_true(w->needs.own_kernel);
	workload_free(w);
	assert_bad_lines("kmods: [none]\n",
			 "there is no file 'share/workloads/w/none.c'");
}

static void test_needs(void **state)
{
	struct workload *w = loaded(
		"w",
		HEAD "needs: { kernel: '>= 6.1', options: [A=y], vcpus: 2, "
		     "memory_mib: 99 }\n"
		     "mounts: { debugfs: /sys/kernel/debug }\n" STEPS METRICS);

	(void)state;
	assert_words(&w->needs.kernel, ">= 6.1");
	assert_words(&w->needs.options, "A=y");
	assert_int_equal(w->needs.vcpus, 2);
	assert_int_equal(w->needs.memory_mib, 99);
	assert_words(&w->mounts, "debugfs /sys/kernel/debug");
	workload_free(w);
	assert_bad_lines("needs: { kernel: 6.1 }\n", "'6.1' is not like");
	assert_bad_lines("mounts: [debugfs]\n", "key 'mounts': expected a map");
}

/* A load runs beside the steps: what it needs is there, too. */
static void test_load_brings_its_own(void **state)
{
	struct workload *w = loaded(
		"w: { load: other }",
		HEAD "programs: [own]\nfiles: [job.fio]\nmodules: [null_blk]\n"
		     "needs: { vcpus: 1, options: [A] }\n" STEPS METRICS);

	(void)state;
	assert_words(&w->load, "side|5");
	assert_int_equal(w->nprograms, 2);
	assert_string_equal(w->programs[1].name, "side");
	assert_words(&w->programs[1].sources, "share/workloads/other/side.c");
	assert_words(&w->files, "share/workloads/w/job.fio|"
				"share/workloads/other/data.txt");
	assert_words(&w->modules, "null_blk|brd");
	assert_words(&w->binaries, "ls");
	assert_words(&w->mounts, "debugfs /sys/kernel/debug");
	assert_words(&w->needs.options, "A|BRD");
	assert_int_equal(w->needs.vcpus, 2);
	workload_free(w);
	/* Itself: nothing is there twice. */
	w = loaded("w: { load: w }",
		   HEAD "programs: [own]\nload: [own]\n" STEPS METRICS);
	assert_int_equal(w->nprograms, 1);
	workload_free(w);
}

/* ---- scale ---- */

#define SCALED                                                                 \
	HEAD "parameters: { n: { default: 5 }, m: { default: 3 }, "            \
	     "text: { default: x }, big: { default: 9223372036854775807 }, "   \
	     "zero: { default: 0 }, more: { default: 1.5 } }\n"                \
	     "variants: { long: { n: 50 } }\n"                                 \
	     "steps: [{ name: run, argv: [x, '{n}', '{m}', '{big}'] }]\n"      \
	     "metrics: { t: { unit: ns, better: lower, primary: yes, from: "   \
	     "elapsed, per: '{n}' } }\n"

static void assert_scaled(const char *item, const char *argv, double per)
{
	struct workload *w = loaded(item, SCALED "scale: [n, m]\n");

	assert_words(&w->steps[0].argv, argv);
	assert_float_equal(
		json_number_value(json_object_get(w->metrics[0].spec, "per")),
		per, 1e-9);
	workload_free(w);
}

static void test_scale(void **state)
{
	(void)state;
	assert_scaled("w-long", "x|50|3|9223372036854775807", 50);
	assert_scaled("w-long: { scale: 1 }", "x|50|3|9223372036854775807", 50);
	assert_scaled("w-long: { scale: 10 }", "x|500|30|9223372036854775807",
		      500);
	/* Of what the study gives, wherever it stands. */
	assert_scaled("w-long: { scale: 10, n: 7 }",
		      "x|70|30|9223372036854775807", 70);
	assert_scaled("w-long: { n: 7, scale: 10 }",
		      "x|70|30|9223372036854775807", 70);
}

static void test_bad_scale(void **state)
{
	(void)state;
	assert_bad("w-long: { scale: 2 }", SCALED,
		   "'w-long' has no parameter that makes it longer");
	assert_bad("w-long: { scale: 2 }", SCALED "scale: [big]\n",
		   "parameter 'big' is no number that can be multiplied by 2");
	assert_bad("w-long: { scale: 2 }", SCALED "scale: [text]\n",
		   "parameter 'text' is no number");
	assert_bad("w-long: { scale: 2 }", SCALED "scale: [more]\n",
		   "parameter 'more' is no number");
	assert_bad("w-long: { scale: 2 }", SCALED "scale: [zero]\n",
		   "parameter 'zero' is no number");
	assert_bad("w-long: { scale: 2, n: -7 }", SCALED "scale: [n]\n",
		   "parameter 'n' is no number");
	assert_bad("w-long: { scale: 2 }", SCALED "scale: [none]\n",
		   "parameter 'none'");
	assert_bad("w-long: { scale: 0 }", SCALED "scale: [n]\n",
		   "key 'scale': '0' is not a whole number from 1 to 1000000");
	assert_bad("w-long: { scale: 1.5 }", SCALED "scale: [n]\n",
		   "key 'scale': '1.5' is not");
	assert_bad("w-long: { scale: 1000001 }", SCALED "scale: [n]\n",
		   "key 'scale'");
	assert_bad("w-long: { scale: [2] }", SCALED "scale: [n]\n",
		   "expected a single value");
	assert_bad("w-long", SCALED "scale: n\n", "key 'scale'");
	/* Nobody has scaled it yet, and it could not be. */
	assert_bad("w-long", SCALED "scale: [none]\n", "'none'");
}

/* ---- monitors ---- */

#define WATCHED                                                                \
	HEAD "binaries: [ls]\n" STEPS "metrics:\n"                             \
	     "  t: { unit: ns, better: lower, primary: yes, from: elapsed }\n" \
	     "  a: { unit: n, better: lower, from: monitor, monitor: reads, "  \
	     "row: a, column: 1 }\n"

static void assert_metrics(const struct workload *w, const char *want)
{
	struct strv names = STRV_INIT;

	for (size_t i = 0; i < w->nmetrics; i++)
		strv_add(&names, w->metrics[i].name);
	assert_words(&names, want);
	strv_release(&names);
}

static void test_monitors(void **state)
{
	struct workload *w = loaded("w", WATCHED "monitors: [reads]\n");

	(void)state;
	assert_int_equal(w->nmonitors, 1);
	/* What it needs, the workload needs. */
	assert_words(&w->binaries, "ls|perf");
	assert_words(&w->packages, "p");
	assert_words(&w->mounts, "tracefs /sys/kernel/tracing");
	assert_words(&w->needs.options, "READS");
	assert_metrics(w, "t|a|reads-cost");
	workload_free(w);
}

static void test_monitors_of_the_study(void **state)
{
	struct workload *w = loaded("w: { monitors: [reads, wraps] }", WATCHED);

	(void)state;
	assert_int_equal(w->nmonitors, 2);
	/* Reading costs; a program around the step is part of it. */
	assert_metrics(w, "t|a|reads-cost");
	workload_free(w);
	/* Without its monitor there is no metric, and nothing is needed. */
	w = loaded("w", WATCHED);
	assert_int_equal(w->nmonitors, 0);
	assert_metrics(w, "t");
	assert_words(&w->needs.options, "");
	workload_free(w);
}

static void test_monitors_twice(void **state)
{
	struct workload *w = loaded("w: { monitors: [wraps, reads, wraps] }",
				    WATCHED "monitors: [reads, reads]\n");

	(void)state;
	assert_int_equal(w->nmonitors, 2);
	assert_string_equal(w->monitors[0].name, "reads");
	assert_string_equal(w->monitors[1].name, "wraps");
	assert_metrics(w, "t|a|reads-cost");
	workload_free(w);
}

/* As irqsoff and preemptoff, which both set the tracer. */
static void test_monitors_that_quarrel(void **state)
{
	struct workload *w;

	(void)state;
	put("share/configs/monitors/one.yaml",
	    "monitor: one\nset: { /proc/t: a, /proc/same: x }\n");
	put("share/configs/monitors/two.yaml",
	    "monitor: two\nset: { /proc/tt: b, /proc/same: x }\n");
	put("share/configs/monitors/three.yaml",
	    "monitor: three\nset: { /proc/t: b }\n");
	w = loaded("w: { monitors: [one, two] }", WATCHED);
	assert_int_equal(w->nmonitors, 2);
	workload_free(w);
	assert_bad("w: { monitors: [one, two, three] }", WATCHED,
		   "monitors 'one' and 'three' cannot be on together: both "
		   "set '/proc/t'");
	unlink("share/configs/monitors/one.yaml");
	unlink("share/configs/monitors/two.yaml");
	unlink("share/configs/monitors/three.yaml");
}

static void test_bad_monitors(void **state)
{
	(void)state;
	assert_bad("w", WATCHED "monitors: [nosuch]\n",
		   "there is no monitor 'nosuch'; klab has: reads, wraps");
	assert_bad("w: { monitors: [nosuch] }", WATCHED,
		   "study.yaml:1: key 'monitors': there is no monitor");
	assert_bad("w: { monitors: reads }", WATCHED,
		   "key 'monitors': expected a list");
	/* A metric that no study could have. */
	assert_bad("w",
		   HEAD STEPS
		   "metrics: { a: { unit: n, better: lower, primary: yes, "
		   "from: monitor, monitor: reads, row: a, column: 1 } }\n",
		   "it is the primary one and comes from monitor 'reads', "
		   "which 'monitors' does not switch on");
}

/* ---- metrics ---- */

static void test_metrics(void **state)
{
	(void)state;
	assert_bad("w",
		   HEAD STEPS "metrics: { t: { unit: ns, better: lower, "
			      "primary: yes, from: elapsed, step: warm } }\n",
		   "there is no step 'warm'");
	assert_bad("w",
		   HEAD STEPS "metrics: { a: { unit: ns, better: lower, "
			      "primary: yes, from: elapsed }, b: { unit: ns, "
			      "better: lower, primary: yes, from: hello } }\n",
		   "has 2 metrics with 'primary: yes'");
	assert_bad("w", HEAD STEPS "metrics: {}\n", "is empty");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_bad_programs),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_kmods),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_load_brings_its_own),
		cmocka_unit_test(test_scale),
		cmocka_unit_test(test_bad_scale),
		cmocka_unit_test(test_monitors),
		cmocka_unit_test(test_monitors_of_the_study),
		cmocka_unit_test(test_monitors_twice),
		cmocka_unit_test(test_monitors_that_quarrel),
		cmocka_unit_test(test_bad_monitors),
		cmocka_unit_test(test_metrics),
	};

	return cmocka_run_group_tests(tests, setup, leave_folder);
}
