/* Diffs: what is taken, what is refused, and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "series/diff.h"
#include "series/path.h"
#include "series/subject.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct place here = {.name = "p", .line = 1};

static int read_diff(const char *text, int strip, struct diff *d, struct err *e)
{
	return diff_read(&here, text, strlen(text), 1, strip, d, e);
}

static void assert_taken(const char *text, int strip, const char *want,
			 const char *paths, int want_strip)
{
	struct diff d;
	struct err e;
	char *all;

	if (read_diff(text, strip, &d, &e))
		fail_msg("%s\n%s", text, e.text);
	assert_string_equal(d.text.buf, want ? want : text);
	all = strv_join(&d.paths, " ");
	assert_string_equal(all, paths);
	assert_int_equal(d.strip, want_strip);
	free(all);
	diff_release(&d);
}

static void assert_refused(const char *text, const char *want)
{
	struct diff d;
	struct err e;

	if (!read_diff(text, STRIP_AUTO, &d, &e))
		fail_msg("taken: %s", text);
	assert_int_equal(e.kind, ERR_USER);
	if (!strstr(e.text, want))
		fail_msg("'%s' does not say '%s'", e.text, want);
	diff_release(&d);
}

#define HUNK "@@ -1,3 +1,3 @@ f()\n a\n-b\n+c\n d\n"

static void test_git(void **state)
{
	(void)state;
	assert_taken("diff --git a/m/x.c b/m/x.c\nindex 1234567..89abcde "
		     "100644\n--- a/m/x.c\n+++ b/m/x.c\n" HUNK,
		     STRIP_AUTO, NULL, "m/x.c", 1);
	assert_taken("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n",
		     STRIP_AUTO, NULL, "x", 1);
	assert_taken("diff --git a/m/x b/n/y\nsimilarity index 100%\n"
		     "rename from m/x\nrename to n/y\n",
		     STRIP_AUTO, NULL, "m/x n/y", 1);
	assert_taken("diff --git a/m/x b/n/y\nsimilarity index 90%\n"
		     "rename from m/x\nrename to n/y\nindex 1234567..89abcde\n"
		     "--- a/m/x\n+++ b/n/y\n" HUNK,
		     STRIP_AUTO, NULL, "m/x n/y", 1);
	assert_taken("diff --git a/x b/x\nnew file mode 100644\n"
		     "index 0000000..1234567\n--- /dev/null\n+++ b/x\n"
		     "@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n",
		     STRIP_AUTO, NULL, "x", 1);
	assert_taken("diff --git a/x b/x\ndeleted file mode 100644\n"
		     "index 1234567..0000000\n--- a/x\n+++ /dev/null\n"
		     "@@ -1 +0,0 @@\n-a\n",
		     STRIP_AUTO, NULL, "x", 1);
	assert_taken("diff --git a/x b/x\nnew file mode 100644\n"
		     "index 0000000..e69de29\n",
		     STRIP_AUTO, NULL, "x", 1);
	assert_taken(
		"diff --git \"a/m/\\303\\244 b\" \"b/m/\\303\\244 b\"\n"
		"--- \"a/m/\\303\\244 b\"\n+++ \"b/m/\\303\\244 b\"\n" HUNK,
		STRIP_AUTO, NULL, "m/\xc3\xa4 b", 1);
	assert_taken("diff --git a/m/a b b/m/a b\n--- a/m/a b\t\n"
		     "+++ b/m/a b\t\n" HUNK,
		     STRIP_AUTO, NULL, "m/a b", 1);
}

static void test_binary(void **state)
{
	static const char patch[] =
		"diff --git a/x b/x\nindex 1234567..89abcde 100644\n"
		"GIT binary patch\nliteral 4\nLc${NkU|;|M00aO5\n\n"
		"delta 4\nLc${NkU|;|M00aO5\n\n";

	(void)state;
	assert_taken(patch, STRIP_AUTO, NULL, "x", 1);
	assert_refused("diff --git a/x b/x\nGIT binary patch\nliteral 4\n"
		       "Zc${NkU|;|M00aO5\n\n",
		       "p:4: the binary patch is mangled");
	assert_refused("diff --git a/x b/x\nGIT binary patch\n",
		       "binary patch is cut off");
	assert_refused("diff --git a/x b/x\nindex 1234567..89abcde 100644\n"
		       "Binary files a/x and b/x differ\n",
		       "p:3: the diff says that a binary file differs");
	assert_refused("Binary files a/x and b/x differ\n", "binary file");
}

/* What is around diffs goes; -pN is seen. */
static void test_plain(void **state)
{
	(void)state;
	assert_taken("Index: l/m/x.c\n=====\n--- l.orig/m/x.c\t2020-01-01\n"
		     "+++ l/m/x.c\t2020-01-01\n" HUNK "\nwords\n\n-- \n2.3\n",
		     STRIP_AUTO,
		     "--- l.orig/m/x.c\t2020-01-01\n+++ l/m/x.c\t2020-01-01"
		     "\n" HUNK,
		     "m/x.c", 1);
	assert_taken(
		"diff -u m/x.c.orig m/x.c\n--- m/x.c.orig\n+++ m/x.c\n" HUNK,
		STRIP_AUTO, "--- m/x.c.orig\n+++ m/x.c\n" HUNK, "m/x.c", 0);
	assert_taken("diff --git m/x.c m/x.c\n--- m/x.c\n+++ m/x.c\n" HUNK,
		     STRIP_AUTO, NULL, "m/x.c", 0);
	assert_taken("--- a/b/m/x.c\n+++ c/d/m/x.c\n" HUNK, 2, NULL, "m/x.c",
		     2);
	assert_taken("diff --git a/b/x b/b/y\nrename from b/x\nrename to b/y\n",
		     2, NULL, "x y", 2);
	assert_taken("--- a/x\n+++ b/x\n" HUNK "--- a/y\n+++ b/y\n" HUNK,
		     STRIP_AUTO, NULL, "x y", 1);
}

/* The counts of a hunk say what its lines are, whatever they look like. */
static void test_lines_that_look_like_others(void **state)
{
	static const char odd[] =
		"--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n a\n--- a/y\n-- \n"
		"+++ b/y\n+diff --git a/z b/z\n \n";

	(void)state;
	assert_taken(odd, STRIP_AUTO, NULL, "x", 1);
}

static void test_blank_context_is_mended(void **state)
{
	const char *text = "--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n a\n\n-b\n+c\n\n"
			   "-- \n2.3\n";
	struct diff d;
	struct err e;

	(void)state;
	assert_int_equal(read_diff(text, STRIP_AUTO, &d, &e), 0);
	assert_string_equal(d.text.buf, "--- a/x\n+++ b/x\n@@ -1,4 +1,4 @@\n"
					" a\n \n-b\n+c\n \n");
	assert_int_equal(d.blanks, 2);
	diff_release(&d);
}

/* A file whose own lines end in CR LF keeps them. */
static void test_cr_is_content(void **state)
{
	struct diff d;
	struct err e;

	(void)state;
	assert_int_equal(read_diff("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n"
				   "-a\r\n+b\r\n c\r\n",
				   STRIP_AUTO, &d, &e),
			 0);
	assert_int_equal(d.crs, 3);
	assert_non_null(strstr(d.text.buf, "+b\r\n c\r\n"));
	diff_release(&d);
	assert_refused("--- a/x\r\n+++ b/x\r\n@@ -1 +1 @@\r\n-a\n+b\n",
		       "p:1: the line ends in CR LF");
	assert_refused("--- a/x\n+++ b/x\n@@ -1 +1 @@\r\n-a\n+b\n",
		       "p:3: the line ends in CR LF");
	assert_refused("diff --git a/x b/x\r\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n"
		       "-a\n+b\n",
		       "p:1: the line ends in CR LF");
}

#define HEAD "--- a/x\n+++ b/x\n"

static void test_broken(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{HEAD, "p:2: the diff is cut off: a hunk must follow"},
		{HEAD "@@ -1,3 +1,3 @@\n a\n-b\n",
		 "p:3: the diff is cut off: this hunk lacks 1 old and 2 new"},
		{HEAD "@@ -1,4 +1,3 @@\n a\n-b\n+c\n d\n-- \n2.3\n\n",
		 "p:9: the diff is cut off: the signature stands"},
		{HEAD "@@ -1,4 +1,4 @@\n a\n-b\n+c\n d\n-- \n2.3\n\n",
		 "p:3: the diff is cut off"},
		{HEAD "@@ -1,3 +1,3 @@\n a\n-b\n+c and more\nof it\n d\n",
		 "p:7: the diff is mangled: 'of it'"},
		{HEAD "@@ -1,3 +1,3 @@\n a\n-b\n+c\n\td\n",
		 "p:7: the diff is mangled"},
		{HEAD "@@ -1,2 +1,2 @@\n a\n-b\n+c\n d\n",
		 "p:7: the diff is mangled: the hunk before this line has "
		 "more"},
		{HEAD "@@ -1,2 +1,2 @@\n a\n-b\n+c\n\n+d\n",
		 "p:8: the diff is mangled: the hunk before this line has "
		 "more"},
		{HEAD "@@ -1,1 +1,2 @@\n a\n-b\n+c\n", "p:5: the diff is mang"},
		{HEAD "@@ -1 @@\n", "p:3: this is not the header of a hunk"},
		{HEAD "@@ -1,99999999 +1 @@\n", "no hunk is that long"},
		{HEAD "@@ -1,99999999999999999999999 +1 @@\n", "that long"},
		{"@@ -1 +1 @@\n-a\n+b\n", "p:1: a hunk without the names"},
		{"diff --cc x\n@@@ -1 -1 +1 @@@\n", "combined diff"},
		{"nothing\n", "there is no diff in it"},
		{"--- a/x\n@@ -1 +1 @@\n-a\n+b\n", "a hunk without the names"},
		{"diff --git a/x b/x\n--- a/x\n@@ -1 +1 @@\n",
		 "a +++ line must follow"},
		{"diff --git a/x b/x\nindex 1234567..89abcde 100644\n",
		 "p:1: the diff is cut off: it does not say"},
		{"diff --git a/x b/x\nnew file mode 100644\n"
		 "index 0000000..1234567\n",
		 "p:1: the diff is cut off"},
		{"diff --git a/x b/x\nnew file mode 100644\n",
		 "p:1: the diff is cut"},
		{"diff --git a/x b/y\nsimilarity index 90%\nrename from x\n"
		 "rename to y\n",
		 "p:1: the diff is cut off"},
		{"diff --git a/x b/x\nold mode 100644\nnew mode 100755\nindx "
		 "1234567..89abcde\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n",
		 "p:4: the diff is mangled: this is not a header"},
		{"diff --git a/x b/x\nold mode 100644\nnew mode 100755\n\n"
		 "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n",
		 "p:5: the diff is mangled: the names of a file stand apart"},
		{"diff --git a/x b/x\nindex 12345g7..89abcde\n",
		 "the index line of the diff is mangled"},
		{"diff --git a/x b/y\nrename from x\n", "needs both names"},
		{"diff --git a/x b/x\nnew mode 160000\n", "a submodule"},
		{"diff --git a/x b/x\nnew mode 1006\n", "not the mode"},
		{HEAD "@@ -1 +1 @@\n-a\n+b\n-- \n2.3\n\ndiff --git a/y b/y\n",
		 "p:9: another diff follows behind the signature"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_refused(cases[i].text, cases[i].want);
}

static void test_names(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"--- a/../x\n+++ b/../x\n" HUNK, "climbs out of the tree"},
		{"--- a/m/../../x\n+++ b/m/../../x\n" HUNK, "climbs out"},
		{"--- /etc/x\n+++ /etc/x\n" HUNK, "'/etc/x' is absolute"},
		{"--- a//etc/x\n+++ b//etc/x\n" HUNK, "is absolute"},
		{"--- a/.git/config\n+++ b/.git/config\n" HUNK, "is in .git"},
		{"--- a/m/.GiT/x\n+++ b/m/.GiT/x\n" HUNK, "is in .git"},
		{"--- /dev/null\n+++ b/.git/hooks/x\n@@ -0,0 +1 @@\n+a\n",
		 "is in .git"},
		{"--- a/x\n+++ b/y\n" HUNK, "name different files"},
		{"diff --git a/x b/x\n--- a/y\n+++ b/y\n" HUNK,
		 "name different files"},
		{"diff --git a/x b/y\nrename from x\nrename to ../y\n",
		 "climbs out"},
		{"diff --git a/x b/y\nrename from x\nrename to /y\n",
		 "is absolute"},
		{"diff --git a/x b/z\nrename from x\nrename to y\n--- a/x\n"
		 "+++ b/z\n" HUNK,
		 "name different files"},
		{"--- \"a/x\\ny\"\n+++ \"b/x\\ny\"\n" HUNK,
		 "control character"},
		{"--- \"a/x\\000y\"\n+++ \"b/x\\000y\"\n" HUNK, "quoted wrong"},
		{"--- \"a/x\n+++ \"b/x\n" HUNK, "quoted wrongly"},
		{"--- a/\xff\n+++ b/\xff\n" HUNK, "is not UTF-8"},
		{"--- a/x y\n+++ b/x y\n" HUNK, "has a space"},
		{"--- x\n+++ y\n" HUNK, "no folder to strip"},
		{"--- /dev/null\n+++ /dev/null\n" HUNK, "both names"},
		{"--- a/x\n+++ b/x\n" HUNK "--- y\n+++ y\n" HUNK,
		 "some for -p1"},
		{"diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n"
		 "+++ b/x\n@@ -0,0 +1 @@\n+../y\n",
		 "points out of the tree"},
		{"diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n"
		 "+++ b/x\n@@ -0,0 +1 @@\n+/etc/passwd\n",
		 "absolute"},
		{"diff --git a/m/x b/m/x\nnew file mode 120000\n--- /dev/null\n"
		 "+++ b/m/x\n@@ -0,0 +1 @@\n+../.git/config\n",
		 "points into .git"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_refused(cases[i].text, cases[i].want);
	assert_taken("diff --git a/m/x b/m/x\nnew file mode 120000\n"
		     "--- /dev/null\n+++ b/m/x\n@@ -0,0 +1 @@\n+../y\n",
		     STRIP_AUTO, NULL, "m/x", 1);
}

static void test_paths(void **state)
{
	static const char *const bad[] = {
		"",        "/a",      "a//b", "a/",     "./a",
		"a/../b",  "..",      ".git", ".GIT/x", "a/.git/b",
		"git~1/x", ".git./x", "a\nb", "a\x7f"};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!path_problem(bad[i]))
			fail_msg("'%s' is taken", bad[i]);
	assert_null(path_problem("mm/slub.c"));
	assert_null(path_problem(".gitignore"));
	assert_null(path_problem("a/..b/...c"));
}

static void test_subjects(void **state)
{
	static const struct {
		const char *text;
		struct subject want;
	} cases[] = {
		{"[PATCH] mm: x",
		 {false, true, false, 1, 0, 0, (char *)"mm: x"}},
		{"[PATCH v4 07/35] mm, slub: [a] b",
		 {false, true, true, 4, 7, 35, (char *)"mm, slub: [a] b"}},
		{"Re: [PATCH slab v5 0/6] x",
		 {true, true, true, 5, 0, 6, (char *)"x"}},
		{"RE: Re[2]: [list] [RFC PATCH 1/7] x",
		 {true, true, true, 1, 1, 7, (char *)"x"}},
		{"[RFC v2 3/9] x", {false, true, true, 2, 3, 9, (char *)"x"}},
		{"[PATCH net-next,v3,1/2] [media] x",
		 {false, true, true, 3, 1, 2, (char *)"[media] x"}},
		{"[list] x",
		 {false, false, false, 1, 0, 0, (char *)"[list] x"}},
		{"[PATCH 1/0] x", {false, true, false, 1, 0, 0, (char *)"x"}},
		{"[PATCH 99999999999/2] x",
		 {false, true, false, 1, 0, 0, (char *)"x"}},
		{"[PATCH x",
		 {false, false, false, 1, 0, 0, (char *)"[PATCH x"}},
		{"", {false, false, false, 1, 0, 0, (char *)""}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct subject *want = &cases[i].want;
		struct subject s;

		subject_parse(cases[i].text, &s);
		assert_string_equal(s.title, want->title);
		assert_int_equal(s.reply, want->reply);
		assert_int_equal(s.patch, want->patch);
		assert_int_equal(s.numbered, want->numbered);
		assert_int_equal(s.version, want->version);
		assert_int_equal(s.number, want->number);
		assert_int_equal(s.total, want->total);
		subject_release(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_git),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_lines_that_look_like_others),
		cmocka_unit_test(test_blank_context_is_mended),
		cmocka_unit_test(test_cr_is_content),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_subjects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
