/*
 * The toolchain of a study: what is asked of the host, and what make is told.
 * Links runner/build/{toolchain,sandbox}.c and runner/base.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "a_folder.h"
#include "base/err.h"
#include "base/str.h"
#include "build/toolchain.h"

static void words_are(const struct toolchain *t, const char *expected)
{
	struct strv argv = STRV_INIT;
	char *text;

	toolchain_argv(t, &argv);
	text = strv_join(&argv, "|");
	assert_string_equal(text, expected);
	free(text);
	strv_release(&argv);
}

static void test_words_of_make(void **state)
{
	struct toolchain t = {0};

	(void)state;
	words_are(&t, "CC=gcc|HOSTCC=gcc");
	t.ccache = true;
	words_are(&t, "CC=ccache gcc|HOSTCC=ccache gcc");
	t.cc = xstrdup("gcc-11");
	strv_add(&t.make_args, "WERROR=0");
	words_are(&t, "CC=ccache gcc-11|HOSTCC=ccache gcc|WERROR=0");
	toolchain_release(&t);
	t.llvm = true;
	words_are(&t, "LLVM=1|CC=clang|HOSTCC=clang");
}

static void test_this_host(void **state)
{
	struct toolchain t = {0};
	struct err e;

	(void)state;
	if (toolchain_find(&t, &e))
		fail_msg("%s", e.text);
	assert_true(str_starts(t.version, "gcc "));
	assert_non_null(strstr(t.version, ", GNU ld"));
	toolchain_release(&t);
}

static void find_fails(const char *cc, enum err_kind kind, const char *words)
{
	struct toolchain t = {.cc = xstrdup(cc)};
	struct err e = {0};

	assert_true(toolchain_find(&t, &e) < 0);
	assert_int_equal(e.kind, kind);
	if (!strstr(e.text, words))
		fail_msg("\"%s\" does not say \"%s\"", e.text, words);
	toolchain_release(&t);
}

static void test_no_such_compiler(void **state)
{
	(void)state;
	find_fails("gcc-0.1", ERR_LAB, "install package gcc-0.1");
	find_fails("/nosuch/gcc", ERR_LAB, "'/nosuch/gcc' is not there");
	find_fails("/usr", ERR_LAB, "not there");
	find_fails("false", ERR_LAB, "'false --version' does not");
}

static void test_a_compiler_is_one_word(void **state)
{
	static const char *const bad[] = {"",       "gcc -m32", "gcc;id",
					  "$(id)",  "bin/gcc",  "-E",
					  "gcc\nx", "'gcc'"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		find_fails(bad[i], ERR_USER, "is not a compiler");
}

/* A stand-in for a program; what it prints when asked for its version. */
static void program(const char *path, const char *says)
{
	char *text = xasprintf("#!/bin/sh\necho '%s'\n", says);
	struct err e;

	assert_int_equal(file_put(path, text, strlen(text), &e), 0);
	assert_int_equal(chmod(path, 0755), 0);
	free(text);
}

static void test_a_missing_tool_is_named(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(file_mkdirs("bin", &e), 0);
	program("bin/gcc", "gcc 1");
	program("bin/make", "make 1");
	setenv("KLAB_BUILD_PATH", "/nosuch:bin", 1);
	find_fails("gcc", ERR_LAB, "'flex' is missing");
	find_fails("gcc", ERR_LAB, "install package flex");
	unsetenv("KLAB_BUILD_PATH");
}

/* A config has the version of pahole in it, whether it is used or not. */
static void test_tools_that_are_in_a_config(void **state)
{
	struct toolchain t = {0};
	struct err e;

	(void)state;
	assert_int_equal(file_mkdirs("tools", &e), 0);
	setenv("KLAB_BUILD_PATH", "tools:/usr/bin:/bin", 1);
	program("tools/pahole", "v1.99");
	assert_int_equal(toolchain_find(&t, &e), 0);
	assert_non_null(strstr(t.version, ", pahole v1.99"));
	program("tools/pahole", "");
	assert_int_equal(toolchain_find(&t, &e), 0);
	assert_null(strstr(t.version, "pahole"));
	unsetenv("KLAB_BUILD_PATH");
	toolchain_release(&t);
}

static void folders_are(const char *cc, const char *expected)
{
	struct toolchain t = {.cc = xstrdup(cc)};
	struct strv folders = STRV_INIT;
	char *text;

	toolchain_folders(&t, &folders);
	text = strv_join(&folders, "|");
	assert_string_equal(text, expected);
	free(text);
	strv_release(&folders);
	toolchain_release(&t);
}

static void test_folders_of_a_compiler(void **state)
{
	char *home = xstrdup(getenv("HOME") ? getenv("HOME") : "/");
	char *here = realpath(".", NULL), *cc, *expected;
	struct err e;

	(void)state;
	folders_are("gcc-12", "");
	folders_are("/usr/bin/gcc", "");
	folders_are("/opt/gcc/bin/gcc", "");
	assert_int_equal(file_mkdirs("home/cross/bin", &e), 0);
	assert_int_equal(file_mkdirs("home/bin", &e), 0);
	program("home/cross/bin/gcc", "gcc 1");
	program("home/bin/gcc", "gcc 1");
	assert_int_equal(symlink("../cross/bin/gcc", "home/bin/link"), 0);
	cc = xasprintf("%s/home", here);
	setenv("HOME", cc, 1);
	free(cc);

	cc = xasprintf("%s/home/cross/bin/gcc", here);
	expected = xasprintf("%s/home/cross/bin|%s/home/cross", here, here);
	folders_are(cc, expected);
	free(cc);
	free(expected);
	/* Its prefix is the home, which stays out of sight. */
	cc = xasprintf("%s/home/bin/gcc", here);
	expected = xasprintf("%s/home/bin", here);
	folders_are(cc, expected);
	free(cc);
	free(expected);
	cc = xasprintf("%s/home/bin/link", here);
	expected = xasprintf("%s/home/bin|%s/home/cross", here, here);
	folders_are(cc, expected);
	free(cc);
	free(expected);
	setenv("HOME", home, 1);
	free(home);
	free(here);
}

static void test_args_that_are_fine(void **state)
{
	static const char *const good[] = {"WERROR=0", "KCFLAGS=-O2 -g",
					   "LLVM_IAS=0", "W=1", "OBJTOOL="};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (toolchain_check_arg(good[i], &e))
			fail_msg("%s", e.text);
}

static void arg_fails(const char *word, const char *words)
{
	struct err e = {0};

	assert_true(toolchain_check_arg(word, &e) < 0);
	assert_int_equal(e.kind, ERR_USER);
	if (!strstr(e.text, words))
		fail_msg("\"%s\" does not say \"%s\"", e.text, words);
}

static void test_args_that_are_not(void **state)
{
	char longest[600];

	(void)state;
	arg_fails("all", "is not NAME=value");
	arg_fails("", "is not NAME=value");
	arg_fails("-k", "is not NAME=value");
	arg_fails("--eval=x", "is not NAME=value");
	arg_fails("A:=b", "is not NAME=value");
	arg_fails("1=2", "is not NAME=value");
	arg_fails("O=/tmp", "set by klab itself");
	arg_fails("M=drivers", "set by klab itself");
	arg_fails("ARCH=arm64", "set by klab itself");
	arg_fails("LOCALVERSION=-x", "set by klab itself");
	arg_fails("KBUILD_BUILD_USER=me", "set by klab itself");
	arg_fails("MAKEFLAGS=-k", "set by klab itself");
	arg_fails("CC=gcc", "`cc:`");
	arg_fails("LLVM=1", "`llvm:`");
	arg_fails("CONFIG_SMP=y", "`configs:`");
	arg_fails("X=$(shell id)", "'$'");
	arg_fails("X=`id`", "'$'");
	arg_fails("X=a\nb", "unprintable");
	memset(longest, 'A', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	arg_fails(longest, "longer than");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_of_make),
		cmocka_unit_test(test_this_host),
		cmocka_unit_test(test_no_such_compiler),
		cmocka_unit_test(test_a_compiler_is_one_word),
		cmocka_unit_test(test_a_missing_tool_is_named),
		cmocka_unit_test(test_tools_that_are_in_a_config),
		cmocka_unit_test(test_folders_of_a_compiler),
		cmocka_unit_test(test_args_that_are_fine),
		cmocka_unit_test(test_args_that_are_not),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
