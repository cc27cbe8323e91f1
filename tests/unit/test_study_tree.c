/* Studies of kernels that klab builds: source, series, configs, toolchain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_folder.h"

#include "base/str.h"
#include "study/study.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define REST "machines: [one]\nworkloads: [plain]\n"

static void put(const char *path, const char *text)
{
	struct err e;
	char *folder = xstrdup(path), *slash = strrchr(folder, '/');

	if (slash) {
		*slash = '\0';
		assert_int_equal(file_mkdirs(folder, &e), 0);
	}
	assert_int_equal(file_write(path, text, strlen(text), &e), 0);
	free(folder);
}

static void put_patch(const char *path, int n, const char *line)
{
	char *text = xasprintf(
		"From 0000000000000000000000000000000000000000 Mon Sep 17 "
		"00:00:00 2001\nFrom: A B <a@b.example>\n"
		"Date: Thu, 1 Jan 2026 00:00:00 +0000\n"
		"Subject: [PATCH %d/2] mm: change %s\n\nWhy.\n\n---\n"
		" f | 2 +-\n\n"
		"diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-old\n"
		"+%s\n-- \n2.39\n", n, line, line);

	put(path, text);
	free(text);
}

/* klab's own folder and a series, in small. */
static int setup(void **state)
{
	if (enter_folder(state))
		return -1;
	put("share/configs/machines/one.yaml", "machine: one\n");
	put("share/configs/kernel/virt.config", "CONFIG_TTY=y\n");
	put("share/configs/kernel/rt.config", "CONFIG_PREEMPT_RT=y\n");
	put("share/workloads/plain/workload.yaml",
	    "workload: plain\nsummary: s\nbinaries: [ls]\n"
	    "steps: [{ name: run, argv: [ls] }]\n"
	    "metrics: { t: { unit: ns, better: lower, primary: yes, "
	    "from: elapsed } }\n");
	put("share/workloads/needy/workload.yaml",
	    "workload: needy\nsummary: s\nbinaries: [ls]\n"
	    "needs: { options: [LOCK_STAT, BRD=m, SLUB=n, HZ] }\n"
	    "steps: [{ name: run, argv: [ls] }]\n"
	    "metrics: { t: { unit: ns, better: lower, primary: yes, "
	    "from: elapsed } }\n");
	put("share/configs/monitors/m.yaml",
	    "monitor: m\nread: [/proc/a]\n"
	    "needs: { options: [PSI, LOCK_STAT] }\n");
	put("own.config", "CONFIG_X=y\n");
	put("tree.tar", "x");
	put("repo/HEAD", "x");
	put_patch("patches/0001-one.patch", 1, "one");
	put_patch("patches/0002-two.patch", 2, "two");
	return 0;
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

static void assert_no_study(const char *text, const char *want)
{
	struct study *s;
	struct err e;
	char *whole = xasprintf("study: x\n%s" REST, text);

	put("s.yaml", whole);
	if (!study_load("s.yaml", "share", &s, &e))
		fail_msg("'%s' is taken for a study", text);
	assert_int_equal(e.kind, ERR_USER);
	if (!strstr(e.text, want))
		fail_msg("'%s' does not say '%s'", e.text, want);
	free(whole);
}

static void test_series_makes_stages(void **state)
{
	struct study *s = load("study: x\nsource: {git: ./repo, base: v1}\n"
			       "series: {folder: patches}\n" REST
			       "compare: {baseline: base}\n");
	char *request;

	(void)state;
	assert_int_equal(s->source.kind, SOURCE_GIT);
	assert_true(source_is_built(&s->source));
	assert_string_equal(s->source.base, "v1");
	assert_int_equal(s->nstages, 3);
	assert_string_equal(s->stages[0].name, "base");
	assert_null(s->stages[0].title);
	assert_string_equal(s->stages[2].name, "2");
	assert_string_equal(s->stages[2].title, "mm: change two");
	assert_int_equal(s->baseline, 0);
	request = stage_request(&s->source, &s->stages[0]);
	assert_true(str_starts(request, "git /"));
	assert_true(str_ends(request, "/repo base v1"));
	free(request);
	assert_int_equal(study_boots(s), 15);
	study_free(s);
}

static void test_places(void **state)
{
	struct study *s = load("study: x\nsource: {tarball: tree.tar}\n" REST);

	(void)state;
	assert_int_equal(s->source.kind, SOURCE_TARBALL);
	assert_int_equal(s->nstages, 1);
	study_free(s);
	s = load("study: x\nsource: {debian-source: linux-source-6.12, "
		 "suite: bookworm}\nseries: patches\nstages: [0, 2]\n" REST);
	assert_string_equal(s->source.where, "linux-source-6.12");
	assert_int_equal(s->nstages, 2);
	assert_int_equal(s->stages[1].idx, 2);
	study_free(s);
	s = load("study: x\nsource: {git: 'https://example.org/linux.git', "
		 "base: v6.12}\n" REST);
	assert_string_equal(s->source.where, "https://example.org/linux.git");
	study_free(s);
}

static void test_configs(void **state)
{
	struct study *s = load(
		"study: x\nsource: {git: ./repo}\nconfigs:\n"
		"  nort: {base: tiny, fragments: [virt], set: {HZ: 1000}}\n"
		"  rt: {extends: nort, fragments: [rt, ./own.config], "
		"set: {CONFIG_LOCK_STAT: yes, SLUB: no, NAME: a b}}\n"
		"  own: {base: ./own.config}\n  def: {base: defconfig}\n" REST);
	const struct kconfig *rt = &s->configs[1];
	const char *const want[] = {"HZ=1000", "LOCK_STAT=y", "SLUB=n",
				    "NAME=a b"};
	char *text;

	(void)state;
	assert_int_equal(s->nconfigs, 4);
	assert_string_equal(rt->name, "rt");
	assert_int_equal(rt->line, 5);
	assert_int_equal(rt->base, KCONFIG_TINY);
	assert_int_equal(rt->fragments.n, 3);
	assert_string_equal(rt->fragments.v[0],
			    "share/configs/kernel/virt.config");
	assert_true(str_ends(rt->fragments.v[2], "/own.config"));
	assert_int_equal(rt->nset, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++) {
		text = xasprintf("%s=%s", rt->set[i].option, rt->set[i].value);
		assert_string_equal(text, want[i]);
		free(text);
	}
	text = config_request(rt);
	assert_string_equal(text, "base tiny, fragment virt.config, fragment "
				  "rt.config, fragment own.config, HZ=1000, "
				  "LOCK_STAT=y, SLUB=n, NAME=a b");
	free(text);
	assert_int_equal(s->configs[2].base, KCONFIG_FILE);
	assert_int_equal(s->configs[3].base, KCONFIG_DEFCONFIG);
	study_free(s);
}

#define NEEDY                                                                  \
	"study: x\nsource: {git: ./repo}\nmachines: [one]\n"                   \
	"workloads: [plain, needy: {monitors: [m]}]\n"                         \
	"configs:\n  a: {base: tiny, set: {HZ: 250}}\n"                        \
	"  b: {base: tiny, set: {SLUB: yes}}\n"

static void assert_set(const struct kconfig *c, const char *want)
{
	struct str got = STR_INIT;

	for (size_t i = 0; i < c->nset; i++)
		str_addf(&got, "%s=%s ", c->set[i].option, c->set[i].value);
	assert_string_equal(got.buf ? got.buf : "", want);
	str_release(&got);
}

/* What workloads and monitors need becomes a wish of each config, unless that
 * has one of its own. */
static void test_merged_needs(void **state)
{
	struct study *s = load(NEEDY "merge_needs: yes\n");

	(void)state;
	assert_set(&s->configs[0], "HZ=250 LOCK_STAT=y BRD=m SLUB=n PSI=y ");
	assert_set(&s->configs[1], "SLUB=y LOCK_STAT=y BRD=m HZ=y PSI=y ");
	assert_int_equal(s->configs[0].set[1].line, 8);
	study_free(s);
	s = load(NEEDY "merge_needs: no\n");
	assert_set(&s->configs[0], "HZ=250 ");
	study_free(s);
	s = load(NEEDY);
	assert_set(&s->configs[0], "HZ=250 ");
	study_free(s);
	assert_no_study("source: {git: ./repo}\nmerge_needs: maybe\n",
			"key 'merge_needs'");
	assert_no_study("source: {image: tree.tar}\nmerge_needs: yes\n",
			"prebuilt kernels have the config that they have");
}

static void test_default_config(void **state)
{
	struct study *s = load("study: x\nsource: {git: ./repo}\n" REST);

	(void)state;
	assert_int_equal(s->nconfigs, 1);
	assert_string_equal(s->configs[0].name, "default");
	assert_int_equal(s->configs[0].fragments.n, 1);
	study_free(s);
}

static void test_toolchain(void **state)
{
	struct study *s = load("study: x\nsource: {git: ./repo}\n"
			       "toolchain: {cc: gcc-12, make_args: WERROR=0}\n"
			       REST);

	(void)state;
	assert_string_equal(s->tools.cc, "gcc-12");
	assert_false(s->tools.llvm);
	assert_string_equal(s->tools.make_args.v[0], "WERROR=0");
	study_free(s);
	s = load("study: x\nsource: {git: ./repo}\n"
		 "toolchain: {llvm: yes, make_args: [WERROR=0, V=1]}\n" REST);
	assert_true(s->tools.llvm);
	assert_int_equal(s->tools.make_args.n, 2);
	study_free(s);
}

/* What is wrong is named with its line. */
static void test_errors(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"source: {}\n", "s.yaml:2: key 'source': needs one source"},
		{"source: {git: ./repo, tarball: tree.tar}\n",
		 "has two sources, git and tarball"},
		{"source: {git: ./nowhere}\n", "there is no repository"},
		{"source: {git: ./repo, bse: v1}\n", "'bse'"},
		{"source: {git: ./repo, base: --upload-pack=x}\n",
		 "is not a revision"},
		{"source: {git: ./repo, base: v1, range: a..b}\n",
		 "a range starts from its own base"},
		{"source: {git: ./repo, range: a...b}\n", "is not a range"},
		{"source: {git: ./repo, range: a..}\n", "is not a range"},
		{"source: {git: ./repo, range: a}\n", "is not a range"},
		{"source: {git: 'https://h/r', range: a..b}\n",
		 "a range needs its history: clone"},
		{"source: {tarball: nowhere.tar}\n", "there is no tarball"},
		{"source: {tarball: tree.tar, sha256: 12}\n",
		 "is not a sha256"},
		{"source: {tarball: 'https://h/t.tar'}\n", "needs its sha256"},
		{"source: {debian-source: ../linux}\n",
		 "is not one of Debian's kernel sources"},
		{"source: {git: ./repo}\nseries: ./nowhere\n",
		 "s.yaml:3: key 'series'"},
		{"source: {git: ./repo}\nseries: {fixups: yes}\n",
		 "needs a place: thread, mbox, folder or quilt"},
		{"source: {git: ./repo}\nseries: {folder: a, mbox: b}\n",
		 "names two places"},
		{"source: {git: ./repo}\nconfigs: {}\n", "s.yaml:3: key"},
		{"source: {git: ./repo}\nconfigs: {a/b: {base: tiny}}\n",
		 "'a/b' is not a config's name"},
		{"source: {git: ./repo}\nconfigs: {a: {}}\n",
		 "needs a base"},
		{"source: {git: ./repo}\nconfigs: {a: {extends: a}}\n",
		 "there is no config 'a' above this one"},
		{"source: {git: ./repo}\nconfigs:\n  a: {base: tiny}\n"
		 "  a: {base: tiny}\n", "s.yaml:5"},
		{"source: {git: ./repo}\nconfigs: {a: {base: huge}}\n",
		 "is neither tiny nor defconfig"},
		{"source: {git: ./repo}\nconfigs: {a: {base: tiny, "
		 "fragments: [vrit]}}\n", "there is no fragment 'vrit'"},
		{"source: {git: ./repo}\nconfigs: {a: {base: tiny, "
		 "set: {A-B: y}}}\n", "is not the name of an option"},
		{"source: {git: ./repo}\nconfigs: {a: {base: tiny, "
		 "set: {A: 'x\"'}}}\n", "neither quotes nor backslashes"},
		{"source: {git: ./repo}\ntoolchain: {cc: 'gcc; rm x'}\n",
		 "is not a compiler"},
		{"source: {git: ./repo}\ntoolchain: {make_args: [O=/x]}\n",
		 "s.yaml:3: key 'make_args'"},
		{"source: {image: own.config}\nseries: patches\n",
		 "s.yaml:3: key 'series': needs a source that is built"},
		{"source: {image: own.config}\nconfigs: {a: {base: tiny}}\n",
		 "s.yaml:3: key 'configs': needs a source that is built"},
		{"source: {image: own.config}\ntoolchain: {cc: gcc}\n",
		 "s.yaml:3: key 'toolchain': needs a source that is built"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_no_study(cases[i].text, cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_series_makes_stages),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_configs),
		cmocka_unit_test(test_merged_needs),
		cmocka_unit_test(test_default_config),
		cmocka_unit_test(test_toolchain),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests_name("study_tree", tests, setup,
					   leave_folder);
}
