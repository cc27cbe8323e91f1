#include "a_tree.h"

#include "a_folder.h"
#include "kernel/packages.h"
#include "tree/debsource.h"

static const char stanzas[] =
	"Package: linux-source\nVersion: 6.1.192-2\nArchitecture: all\n"
	"SHA256: 00\nDepends: linux-source-6.1 (= 6.1.192-2)\n\n"
	"Package: linux-source-6.1\nVersion: 6.1.192-2\nArchitecture: all\n"
	"SHA256: 01\nDepends: binutils, xz-utils\n\n"
	"Package: linux-source-6.1\nVersion: 6.1.170-3\nArchitecture: all\n"
	"SHA256: 02\nDepends: binutils, xz-utils\n\n";

static void test_names(void **state)
{
	(void)state;
	assert_true(debsource_is("linux-source"));
	assert_true(debsource_is("linux-source-6.12"));
	assert_false(debsource_is("linux-source-6.12/../x"));
	assert_false(debsource_is("linux-source-"));
	assert_false(debsource_is("linux-sources"));
	assert_false(debsource_is("linux-image-6.12"));
	assert_false(debsource_is(""));
}

static void test_find(void **state)
{
	struct packages p = {0};
	struct err e = {0};

	(void)state;
	packages_parse(&p, stanzas);
	assert_string_equal(
		debsource_find(&p, "linux-source-6.1", NULL, &e)->sha256, "01");
	assert_string_equal(
		debsource_find(&p, "linux-source-6.1", "6.1.170-3", &e)->sha256,
		"02");
	assert_string_equal(
		debsource_find(&p, "linux-source", NULL, &e)->sha256, "01");
	assert_null(debsource_find(&p, "linux-source-6.1", "1", &e));
	assert_int_equal(e.kind, ERR_USER);
	assert_non_null(strstr(e.text, "6.1.192-2, 6.1.170-3"));
	assert_null(debsource_find(&p, "linux-source-9", NULL, &e));
	assert_non_null(strstr(e.text, "linux-source-6.1"));
	packages_release(&p);
}

/* "hello\n" has that md5. */
#define SUM "b1946ac92492d2347c6235b4d2611184"
#define TARBALL "usr/src/linux-source-6.1.tar.xz"

static void assert_whole(const char *list, bool whole)
{
	char *path;

	write_text("md5sums", list);
	path = debsource_whole("md5sums", "root");
	if (whole)
		assert_string_equal(path, "root/" TARBALL);
	else
		assert_null(path);
	free(path);
}

static void test_installed_file(void **state)
{
	(void)state;
	write_text("root/" TARBALL, "hello\n");
	assert_whole("0  usr/share/doc/x\n" SUM "  " TARBALL "\n", true);
	assert_whole(SUM "  " TARBALL, true);
	assert_whole("c1946ac92492d2347c6235b4d2611184  " TARBALL "\n", false);
	assert_whole("b1  " TARBALL "\n", false);
	assert_whole("  " TARBALL "\n", false);
	assert_whole(SUM "  usr/src/linux-source-6.2.tar.xz\n", false);
	assert_whole(SUM "  usr/src/linux-source-../../../" TARBALL "\n",
		     false);
	assert_whole("", false);
	RUN("sh", "-c", "echo >> root/" TARBALL);
	assert_whole(SUM "  " TARBALL "\n", false);
	RUN("sh", "-c",
	    "rm root/" TARBALL " && echo hello > x && "
	    "ln -s ../../../x root/" TARBALL);
	assert_whole(SUM "  " TARBALL "\n", false);
	assert_null(debsource_whole("none", "root"));
	assert_null(debsource_installed("linux-source-0.1", "0.1"));
}

static void test_wrong_requests(void **state)
{
	struct tree_request rq = {.kind = TREE_DEBIAN, .where = "bash"};

	(void)state;
	assert_refused(&rq, NULL, ERR_USER, "not called linux-source");
	rq.where = "linux-source-6.1";
	rq.version = "-o1";
	assert_refused(&rq, NULL, ERR_USER, "not the version");
	rq.version = "1;2";
	assert_refused(&rq, NULL, ERR_USER, "not the version");
	rq.version = NULL;
	rq.suite = "../x";
	assert_refused(&rq, NULL, ERR_USER, "not the name of a suite");
}

/* A request that came to something needs neither apt nor host for it. */
static void test_pin(void **state)
{
	struct tree_request tarball = {.kind = TREE_TARBALL,
				       .where = "l.tar.gz"};
	struct tree_request rq = {.kind = TREE_DEBIAN,
				  .where = "linux-source-6.1"};
	struct tree_stages a, b;
	char hex[SHA256_HEX], key[SHA256_HEX], *path, *text;
	struct err e;

	(void)state;
	RUN("sh", "-c", "mkdir l && echo > l/Kconfig && tar -czf l.tar.gz l");
	assert_int_equal(tree_stages("lab", &tarball, NULL, &a, &e), 0);
	assert_int_equal(file_sha256("l.tar.gz", hex, &e), 0);
	mem_sha256(" linux-source-6.1 ", strlen(" linux-source-6.1 "), key);
	path = xasprintf("lab/git/tarballs/klab-debian/%s", key);
	text = xasprintf("linux-source-6.1 6.1.192-2 %s\n", hex);
	write_text(path, text);
	if (tree_stages("lab", &rq, NULL, &b, &e))
		fail_msg("%s", e.text);
	assert_string_equal(a.at[0].tree, b.at[0].tree);
	assert_string_equal(b.at[0].subject, "linux-source-6.1 6.1.192-2");
	tree_stages_release(&a);
	tree_stages_release(&b);
	free(path);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_installed_file),
		cmocka_unit_test(test_wrong_requests),
		cmocka_unit_test(test_pin),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
