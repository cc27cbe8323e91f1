/*
 * What is pure in the source `debian-image`: which packages a request means,
 * which archives a suite means, and what apt is told.
 * Links runner/kernel/{packages,choice,names,suites,aptconf}.c and
 * runner/base/{err,file,str}.c; reads tests/data/debian.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/aptconf.h"
#include "kernel/choice.h"
#include "kernel/packages.h"
#include "kernel/suites.h"

static char *read_data(const char *name)
{
	char *path = xasprintf("tests/data/debian/%s", name);
	struct str text = STR_INIT;
	struct err e;

	if (file_read(path, 1 << 20, &text, &e))
		fail_msg("%s", e.text);
	free(path);
	return str_detach(&text);
}

/* ---- packages ---- */

static int setup(void **state)
{
	struct packages *p = xcalloc(1, sizeof(*p));
	char *all = read_data("show.txt");
	char *candidates = read_data("candidates.txt");

	packages_parse(p, all);
	packages_mark_candidates(p, candidates);
	free(all);
	free(candidates);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	packages_release(*state);
	free(*state);
	return 0;
}

static void expect_part(const char *what, const struct package *p,
			const char *name)
{
	if (!p != !name || (name && strcmp(p->name, name)))
		fail_msg("%s is in '%s', not in '%s'", what, p ? p->name : "-",
			 name ? name : "-");
}

static void expect(const struct packages *p, const char *name,
		   const char *version, const char *image, const char *config,
		   const char *modules)
{
	struct choice c;
	struct err e;

	if (choice_make(&c, p, name, version, &e))
		fail_msg("%s: %s", name, e.text);
	expect_part("image", c.image, image);
	expect_part("config", c.config, config);
	expect_part("modules", c.modules, modules);
}

static void expect_error(const struct packages *p, const char *name,
			 const char *version, const char *words)
{
	struct choice c;
	struct err e = {0};

	assert_int_not_equal(choice_make(&c, p, name, version, &e), 0);
	assert_int_equal(e.kind, ERR_USER);
	if (!strstr(e.text, words))
		fail_msg("\"%s\" does not say \"%s\"", e.text, words);
}

static void test_parse(void **state)
{
	const struct packages *p = *state;
	const struct package *one =
		packages_find(p, "linux-image-amd64", "7.2.12-1~bpo13+1");
	struct packages none = {0};

	assert_non_null(one);
	assert_true(str_ends(one->depends, "(= 7.2.12-1~bpo13+1)"));
	assert_true(str_starts(one->depends, "linux-base-amd64 "));
	assert_null(packages_find(p, "linux-image-of-nothing", NULL));
	packages_parse(&none, "");
	packages_parse(&none, "\n\nPackage: x\nVersion");
	assert_int_equal(none.n, 0);
}

static void test_meta_package(void **state)
{
	static const char new[] = "linux-image-6.1.0-56-amd64";
	static const char old[] = "linux-image-6.1.0-50-amd64";

	/* Not 7.2, the newest: that is no candidate, as with backports. */
	expect(*state, "linux-image-amd64", NULL, new, new, new);
	expect(*state, "linux-image-amd64", "6.1.176-1", old, old, old);
	expect(*state, new, NULL, new, new, new);
	expect(*state, new, "6.1.192-2", new, new, new);
}

static void test_split_package(void **state)
{
	expect(*state, "linux-image-amd64", "7.2.12-1~bpo13+1",
	       "linux-binary-7.2.12+deb13-amd64",
	       "linux-base-7.2.12+deb13-amd64",
	       "linux-modules-7.2.12+deb13-amd64");
	expect(*state, "linux-binary-7.2.12+deb13-amd64", NULL,
	       "linux-binary-7.2.12+deb13-amd64",
	       "linux-base-7.2.12+deb13-amd64",
	       "linux-modules-7.2.12+deb13-amd64");
}

static void test_unsigned_only(void **state)
{
	static const char image[] =
		"linux-binary-unsigned-7.3.4+deb13-rt-amd64";
	static const char config[] = "linux-base-7.3.4+deb13-rt-amd64";

	expect(*state, "linux-image-7.3.4+deb13-rt-amd64", NULL, image, config,
	       NULL);
	expect(*state, "linux-image-7.3-rt-amd64", NULL, image, config, NULL);
	expect_error(*state, "linux-image-7.3-amd64", NULL, "no such kernel");
}

static void test_by_release(void **state)
{
	static const char old[] = "linux-image-6.17.8+deb13-amd64";
	static const char new[] = "linux-image-6.17.13+deb13-amd64";
	static const char rt[] = "linux-image-6.17.13+deb13-rt-amd64";
	static const char six_one[] = "linux-image-6.1.0-56-amd64";

	expect(*state, "linux-image-6.17-amd64", NULL, new, new, new);
	expect(*state, "linux-image-6.17-amd64", "6.17.8-1~bpo13+1", old, old,
	       old);
	expect(*state, "linux-image-6.17.8-amd64", NULL, old, old, old);
	expect(*state, "linux-image-6.17-rt-amd64", NULL, rt, rt, rt);
	expect(*state, "linux-image-6.1-amd64", NULL, six_one, six_one,
	       six_one);
}

static void test_dropped_parts(void **state)
{
	static const char image[] = "linux-image-6.18.15+deb13-amd64";

	expect(*state, image, NULL, image, NULL, image);
	expect_error(*state, "linux-image-7.0.13+deb13-amd64", NULL,
		     "'linux-binary-7.0.13+deb13-amd64' 7.0.13-1~bpo13+1, "
		     "which the mirror no longer has");
}

static void test_not_there(void **state)
{
	const struct packages none = {0};

	expect_error(*state, "linux-image-amd64", "6.5",
		     "7.2.12-1~bpo13+1, 6.1.192-2, 6.1.176-1");
	expect_error(*state, "linux-image-6.99-rt-amd64", NULL,
		     "for example: linux-image-rt-amd64, "
		     "linux-image-7.3.4+deb13-rt-amd64, "
		     "linux-image-6.17.13+deb13-rt-amd64");
	expect_error(*state, "hackbench", NULL, "linux-image-");
	expect_error(*state, "linux-image-", NULL, "no such kernel");
	expect_error(*state, "linux-image-6", NULL, "no such kernel");
	expect_error(*state, "linux-image-loop-amd64", NULL,
		     "leads to no kernel image");
	expect_error(&none, "linux-image-amd64", NULL, "no such kernel");
}

static void test_which_names_count(void **state)
{
	(void)state;
	assert_true(choice_may_use("linux-image-amd64"));
	assert_true(choice_may_use("linux-binary-unsigned-7.3.4-amd64"));
	assert_true(choice_may_use("linux-base-7.2.12+deb13-amd64"));
	assert_true(choice_may_use("linux-modules-7.2.12+deb13-amd64"));
	assert_false(choice_may_use("linux-base"));
	assert_false(choice_may_use("linux-headers-6.1.0-56-amd64"));
	assert_false(choice_may_use("linux-image-6.1.0-56-amd64-dbg"));
	assert_false(choice_may_use(""));
}

/* ---- suites ---- */

static void host_of(struct archive_sources *s, const char *name, bool guess)
{
	char *text = read_data(name);

	*s = (struct archive_sources){0};
	sources_parse(s, text, guess);
	free(text);
}

static void expect_suite(const struct archive_sources *host, const char *suite,
			 const char *list)
{
	struct archive_sources s = {0};
	struct err e;
	char *text;

	if (sources_expand(host, suite, &s, &e))
		fail_msg("%s: %s", suite, e.text);
	text = sources_list(&s, NULL);
	assert_string_equal(text, list);
	free(text);
	sources_release(&s);
}

#define MIRROR "deb [arch=amd64] http://mirror.example/debian/ "
#define SECURITY "deb [arch=amd64] http://mirror.example/debian-security/ "

static void test_suites(void **state)
{
	struct archive_sources host;

	(void)state;
	host_of(&host, "indextargets.txt", false);
	assert_int_equal(host.n, 3);
	expect_suite(&host, NULL,
		     MIRROR "bookworm main\n" MIRROR
			    "bookworm-updates main\n" SECURITY
			    "bookworm-security main\n");
	expect_suite(&host, "trixie",
		     MIRROR "trixie main\n" MIRROR
			    "trixie-updates main\n" SECURITY
			    "trixie-security main\n");
	expect_suite(&host, "trixie-backports",
		     MIRROR "trixie-backports main\n");
	expect_suite(&host, "trixie-security",
		     SECURITY "trixie-security main\n");
	expect_suite(&host, "sid", MIRROR "sid main\n");
	expect_suite(&host, "experimental", MIRROR "experimental main\n");
	sources_release(&host);
}

static void test_suites_before_update(void **state)
{
	struct archive_sources host;

	(void)state;
	host_of(&host, "indextargets-before-update.txt", true);
	assert_int_equal(host.n, 1);
	expect_suite(&host, "trixie-security",
		     SECURITY "trixie-security main\n");
	sources_release(&host);
	host_of(&host, "indextargets-before-update.txt", false);
	assert_int_equal(host.n, 0);
}

static void test_no_mirror(void **state)
{
	struct archive_sources host = {0}, s = {0};
	struct err e;

	(void)state;
	assert_int_not_equal(sources_expand(&host, "sid", &s, &e), 0);
	assert_int_equal(e.kind, ERR_LAB);
	sources_parse(&host, "Debian|main|bookworm|mirror+file:/m.list/",
		      false);
	expect_suite(&host, "trixie",
		     "deb [arch=amd64] mirror+file:/m.list/ trixie main\n"
		     "deb [arch=amd64] mirror+file:/m.list/ trixie-updates "
		     "main\n");
	assert_int_not_equal(sources_expand(&host, "trixie-security", &s, &e),
			     0);
	sources_release(&host);
}

static void test_drop(void **state)
{
	struct archive_sources host, s = {0};
	struct err e;
	char *text;

	(void)state;
	host_of(&host, "indextargets.txt", false);
	assert_int_equal(sources_expand(&host, "trixie", &s, &e), 0);
	assert_false(sources_drop(&s, "trixie"));
	assert_false(sources_drop(&s, "nosuch"));
	assert_true(sources_drop(&s, "trixie-updates"));
	assert_true(sources_drop(&s, "trixie-security"));
	assert_false(sources_drop(&s, "trixie-security"));
	text = sources_list(&s, "/k.gpg");
	assert_string_equal(text,
			    "deb [arch=amd64 signed-by=/k.gpg] "
			    "http://mirror.example/debian/ trixie main\n");
	free(text);
	sources_release(&s);
	sources_release(&host);
}

static void test_suite_names(void **state)
{
	static const char *const bad[] = {"",     "../x", "-o",   "a b",
					  "x\ny", "host", "debs", "a]"};

	(void)state;
	assert_true(suite_is_valid("trixie-backports"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(suite_is_valid(bad[i]));
}

/* ---- apt's configuration ---- */

static void has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("'%s' is missing", line);
}

static void hasnt(const char *text, const char *line)
{
	if (strstr(text, line))
		fail_msg("'%s' is there", line);
}

static void test_aptconf(void **state)
{
	char *dump = read_data("apt-config-dump.txt");
	char *text = aptconf_text("/lab/apt/sid", dump, false);

	(void)state;
	assert_true(str_starts(text, "Dir::Etc::main \"/dev/null\";\n"
				     "Dir::Etc::parts \"/dev/null\";\n"));
	has(text, "\nAcquire::http::Proxy \"http://proxy.example:3128\";\n");
	has(text, "\nAcquire::https::CAInfo \"/etc/ssl/own.pem\";\n");
	has(text, "\nDir::Etc::netrc \"auth.conf\";\n");
	has(text, "\nAPT::Sandbox::User \"_apt\";\n");
	has(text, "\nDir::State::lists \"/lab/apt/sid/lists\";\n");
	has(text, "\nDir::Etc::sourcelist \"/lab/apt/sid/sources.list\";\n");
	has(text, "\nAcquire::AllowInsecureRepositories \"false\";\n");
	has(text, "\nAPT::Get::AllowUnauthenticated \"false\";\n");
	hasnt(text, "AllowInsecureRepositories \"1\"");
	hasnt(text, "hooked");
	hasnt(text, "IndexTargets");
	hasnt(text, "GzipIndexes");
	hasnt(text, "evil");
	hasnt(text, "Sandbox::User \"root\"");
	free(text);
	text = aptconf_text("/lab/apt/sid", dump, true);
	assert_true(str_ends(text, "APT::Sandbox::User \"root\";\n"));
	free(text);
	text = aptconf_user(dump);
	assert_string_equal(text, "_apt");
	free(text);
	assert_null(aptconf_user("APT \"\";\n"));
	free(dump);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_meta_package),
		cmocka_unit_test(test_split_package),
		cmocka_unit_test(test_unsigned_only),
		cmocka_unit_test(test_by_release),
		cmocka_unit_test(test_dropped_parts),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_which_names_count),
		cmocka_unit_test(test_suites),
		cmocka_unit_test(test_suites_before_update),
		cmocka_unit_test(test_no_mirror),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_suite_names),
		cmocka_unit_test(test_aptconf),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
