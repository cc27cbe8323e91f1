#include "a_tree.h"

#include "a_folder.h"
#include "tree/paths.h"

#include <limits.h>

static void sum_of(const char *path, char hex[SHA256_HEX])
{
	struct err e;

	assert_int_equal(file_sha256(path, hex, &e), 0);
}

static struct tree_request request(const char *path)
{
	return (struct tree_request){.kind = TREE_TARBALL, .where = path};
}

static void stages(const struct tree_request *rq, struct tree_stages *out)
{
	struct err e;

	if (tree_stages("lab", rq, NULL, out, &e))
		fail_msg("%s", e.text);
}

static int fresh(void **state)
{
	(void)state;
	RUN("rm", "-rf", "lab", "user", "linux-1", "out");
	a_repository("user");
	RUN("cp", "-a", "user", "linux-1");
	RUN("rm", "-rf", "linux-1/.git");
	RUN("tar", "-cJf", "l.tar.xz", "linux-1");
	return 0;
}

static void assert_same_files(const struct tree_request *rq, const char *wanted)
{
	struct tree_stages out;
	char name[17], *src;
	struct err e;

	stages(rq, &out);
	tree_name(rq, name);
	if (worktree_switch("lab", name, out.at[0].commit, &e))
		fail_msg("%s", e.text);
	src = worktree_path("lab", name);
	RUN("diff", "-r", "--no-dereference", wanted, src);
	RUN("sh", "-c", "test -x $0/scripts/run.sh && ! test -x $0/Kconfig",
	    src);
	free(src);
	tree_stages_release(&out);
}

static void test_a_folder_of_files(void **state)
{
	struct tree_request rq = request("l.tar.xz");

	(void)state;
	assert_same_files(&rq, "linux-1");
}

static void test_no_top_folder(void **state)
{
	struct tree_request rq = request("flat.tar");

	(void)state;
	RUN("sh", "-c", "cd linux-1 && tar -cf ../flat.tar .");
	assert_same_files(&rq, "linux-1");
}

static void test_same_tree_as_of_git(void **state)
{
	struct tree_request rq = request("l.tar.xz");
	struct tree_stages out;
	char *tree = output_of((const char *const[]){
		"git", "-C", "user", "rev-parse", "HEAD^{tree}", NULL});

	(void)state;
	stages(&rq, &out);
	assert_string_equal(out.at[0].tree, tree);
	tree_stages_release(&out);
	free(tree);
}

static void count(const char *text, void *arg)
{
	*(int *)arg += strstr(text, "unpacking") != NULL;
}

static void test_unpacked_once(void **state)
{
	struct tree_request rq = request("l.tar.xz"), copy = request("copy");
	struct tree_stages out;
	int times = 0;

	(void)state;
	rq.note = copy.note = count;
	rq.arg = copy.arg = &times;
	stages(&rq, &out);
	tree_stages_release(&out);
	RUN("cp", "l.tar.xz", "copy");
	stages(&copy, &out);
	tree_stages_release(&out);
	assert_int_equal(times, 1);
}

static void test_sha256(void **state)
{
	struct tree_request rq = request("l.tar.xz");
	struct tree_stages out;
	char hex[SHA256_HEX];

	(void)state;
	sum_of("l.tar.xz", hex);
	rq.sha256 = hex;
	stages(&rq, &out);
	tree_stages_release(&out);
	hex[0] = hex[0] == '0' ? '1' : '0';
	assert_refused(&rq, NULL, ERR_USER, "its sha256 is");
	rq.sha256 = "abc";
	assert_refused(&rq, NULL, ERR_USER, "64 hex digits");
}

/* The sum that was noted is not believed once the file is another. */
static void test_sum_is_remembered_of_that_file_alone(void **state)
{
	struct tree_request rq = request("l.tar.xz");
	struct tree_stages a, b;

	(void)state;
	/* Settled: git and klab need no wait here. */
	RUN("touch", "-d", "2020-01-01", "l.tar.xz");
	stages(&rq, &a);
	RUN("sh", "-c",
	    "echo more >> linux-1/Kconfig && "
	    "tar -cJf l.tar.xz linux-1 && "
	    "touch -d 2020-01-01 l.tar.xz");
	stages(&rq, &b);
	assert_string_not_equal(a.at[0].tree, b.at[0].tree);
	tree_stages_release(&a);
	tree_stages_release(&b);
}

static void test_url(void **state)
{
	char *here = getcwd(NULL, 0), hex[SHA256_HEX];
	char *url = xasprintf("file://%s/l.tar.xz", here);
	struct tree_request rq = request(url);
	struct tree_stages out;

	(void)state;
	assert_refused(&rq, NULL, ERR_USER, "sha256");
	sum_of("l.tar.xz", hex);
	rq.sha256 = hex;
	stages(&rq, &out);
	tree_stages_release(&out);
	/* It is there now. */
	RUN("rm", "l.tar.xz");
	stages(&rq, &out);
	tree_stages_release(&out);
	free(url);
	free(here);
}

static void test_no_archive(void **state)
{
	struct tree_request rq = request("junk");

	(void)state;
	write_text("junk", "this is no archive at all");
	assert_refused(&rq, NULL, ERR_USER, "junk");
	rq.where = "none";
	assert_refused(&rq, NULL, ERR_USER, "no such file");
	rq.where = ".";
	assert_refused(&rq, NULL, ERR_USER, "no such file");
	RUN("sh", "-c", "head -c 300 l.tar.xz > cut.tar.xz");
	rq.where = "cut.tar.xz";
	assert_refused(&rq, NULL, ERR_USER, "cut.tar.xz");
	RUN("tar", "-cf", "empty.tar", "-T", "/dev/null");
	rq.where = "empty.tar";
	assert_refused(&rq, NULL, ERR_USER, "no member");
}

/* An archive with l/a and one more member, in the words of Python's tarfile. */
static void assert_member_refused(const char *name, const char *type,
				  const char *target, const char *part)
{
	struct tree_request rq = request("hostile.tar");

	RUN("/usr/bin/python3", "-c",
	    "import io, sys, tarfile\n"
	    "t = tarfile.open('hostile.tar', 'w')\n"
	    "i = tarfile.TarInfo('l/a'); i.size = 1\n"
	    "t.addfile(i, io.BytesIO(b'x'))\n"
	    "i = tarfile.TarInfo(sys.argv[1])\n"
	    "i.type = getattr(tarfile, sys.argv[2])\n"
	    "i.linkname = sys.argv[3]\n"
	    "t.addfile(i)\n"
	    "t.close()\n",
	    name, type, target);
	assert_refused(&rq, NULL, ERR_USER, part);
	RUN("sh", "-c",
	    "! test -e evil && ! test -e ../evil && "
	    "! git -C lab/git/tarballs for-each-ref | grep .");
}

static void test_hostile_members(void **state)
{
	static const char *const names[] = {
		"../evil",      "l/../../evil", "/tmp/evil", "l/.git/config",
		"l/.GIT/hooks", "l/git~1/x",    "l//x",      "l/./x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_member_refused(names[i], "REGTYPE", "",
				      "not one of a file in a tree");
	assert_member_refused("l/b", "LNKTYPE", "l/a", "hard link");
	assert_member_refused("l/b", "CHRTYPE", "", "neither");
	assert_member_refused("l/b", "FIFOTYPE", "", "neither");
	assert_member_refused("l/b", "SYMTYPE", "/etc/passwd",
			      "out of the tree");
	assert_member_refused("l/b", "SYMTYPE", "../x", "out of the tree");
	assert_member_refused("l/c/b", "SYMTYPE", "../../l/../x",
			      "out of the tree");
}

static void test_names_that_need_quotes(void **state)
{
	struct tree_request rq = request("odd.tar");
	struct tree_stages out;

	(void)state;
	RUN("sh", "-c",
	    "mkdir -p 'odd/a \"b\" \\' && echo x > 'odd/a \"b\" \\/new\nline' "
	    "&& printf x > \"odd/$(printf '\\377')\" && tar -cf odd.tar odd");
	stages(&rq, &out);
	tree_stages_release(&out);
	rq.where = "odd.tar";
	RUN("mkdir", "-p", "odd/scripts");
	RUN("sh", "-c",
	    "echo > odd/Kconfig; echo > odd/scripts/run.sh; "
	    "chmod +x odd/scripts/run.sh; tar -cf odd.tar odd");
	assert_same_files(&rq, "odd");
}

static void test_paths(void **state)
{
	(void)state;
	assert_true(tree_path_ok("a/b.c"));
	assert_true(tree_path_ok(".gitignore"));
	assert_true(tree_path_ok("a/..b/...c"));
	assert_false(tree_path_ok(""));
	assert_false(tree_path_ok("/a"));
	assert_false(tree_path_ok("a/"));
	assert_false(tree_path_ok("a/.."));
	assert_false(tree_path_ok(".git"));
	assert_int_equal(tree_link_depth("a/b/c", "../../d"), 0);
	assert_int_equal(tree_link_depth("a/b/c", "x/../../../../d"), -1);
	assert_int_equal(tree_link_depth("a/b/c", "d"), 2);
	assert_int_equal(tree_link_depth("c", "/d"), INT_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_folder_of_files, fresh),
		cmocka_unit_test_setup(test_no_top_folder, fresh),
		cmocka_unit_test_setup(test_same_tree_as_of_git, fresh),
		cmocka_unit_test_setup(test_unpacked_once, fresh),
		cmocka_unit_test_setup(test_sha256, fresh),
		cmocka_unit_test_setup(
			test_sum_is_remembered_of_that_file_alone, fresh),
		cmocka_unit_test_setup(test_url, fresh),
		cmocka_unit_test_setup(test_no_archive, fresh),
		cmocka_unit_test_setup(test_hostile_members, fresh),
		cmocka_unit_test_setup(test_names_that_need_quotes, fresh),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
