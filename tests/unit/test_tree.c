#include "a_tree.h"

#include "a_folder.h"

static const char first_diff[] =
	"--- a/mm/slub.c\n+++ b/mm/slub.c\n"
	"@@ -19,3 +19,4 @@ static void f(void)\n 19\n 20\n+first\n 21\n";
static const char second_diff[] =
	"diff --git a/mm/new.c b/mm/new.c\n"
	"new file mode 100755\n"
	"--- /dev/null\n+++ b/mm/new.c\n"
	"@@ -0,0 +1 @@\n+new\n"
	"diff --git a/mm/slab.h b/mm/slabs.h\n"
	"rename from mm/slab.h\nrename to mm/slabs.h\n";
static const char third_diff[] =
	"--- a/Kconfig\n+++ b/Kconfig\n@@ -1 +1,2 @@\n config A\n+config B\n";
static const char bad_diff[] =
	"--- a/mm/slabs.h\n+++ b/mm/slabs.h\n@@ -1 +1 @@\n-one\n+two\n"
	"--- a/mm/slub.c\n+++ b/mm/slub.c\n"
	"@@ -1,3 +1,4 @@\n 1\n 2\n+2.5\n 3\n"
	"@@ -30,3 +31,3 @@ static int g(int a)\n 30\n-\tthirty one\n+x\n 32\n";
static const char last_diff[] =
	"--- a/README\n+++ /dev/null\n@@ -1 +0,0 @@\n-read me\n";

static struct series three(void)
{
	struct series s = {0};

	add_patch(&s, "mm: first", first_diff);
	add_patch(&s, "mm: second", second_diff);
	add_patch(&s, "kconfig: third", third_diff);
	return s;
}

static struct tree_request request(void)
{
	return (struct tree_request){.kind = TREE_GIT, .where = "user"};
}

static void stages(const struct tree_request *rq, const struct series *s,
		   struct tree_stages *out)
{
	struct err e;

	if (tree_stages("lab", rq, s, out, &e))
		fail_msg("%s", e.text);
}

/* All of a folder, with times, hashed. */
static char *hash_of(const char *dir_path)
{
	return output_of((const char *const[]){
		"sh", "-c",
		"cd $0 && find . -type f -exec sha256sum {} + | sort && "
		"find . -printf '%p %m %T@ %C@ %s\\n' | sort",
		dir_path, NULL});
}

static int fresh(void **state)
{
	(void)state;
	RUN("rm", "-rf", "lab", "user");
	a_repository("user");
	return 0;
}

static void test_base(void **state)
{
	char *head = output_of((const char *const[]){
		"git", "-C", "user", "rev-parse", "HEAD", NULL});
	struct tree_request rq = request();
	struct tree_stages out;

	(void)state;
	stages(&rq, NULL, &out);
	assert_int_equal(out.n, 1);
	assert_string_equal(out.at[0].commit, head);
	assert_int_equal(strlen(out.at[0].kconfig), 64);
	assert_null(out.at[0].patch);
	assert_non_null(strstr(out.at[0].subject, "HEAD of user"));
	tree_stages_release(&out);
	free(head);
}

static void test_tag_of_a_bare_repository(void **state)
{
	struct tree_request rq = {.where = "bare.git", .base = "v1"};
	struct tree_stages out;

	(void)state;
	RUN("rm", "-rf", "bare.git");
	RUN("git", "clone", "-q", "--bare", "user", "bare.git");
	stages(&rq, NULL, &out);
	tree_stages_release(&out);
}

static void test_a_worktree_of_a_clone(void **state)
{
	struct tree_request rq = {.where = "linked", .base = "HEAD"};
	struct series s = three();
	struct tree_stages out;
	char *before, *after;

	(void)state;
	RUN("rm", "-rf", "linked", "clone");
	/* Objects at second hand, too. */
	RUN("git", "clone", "-q", "--shared", "user", "clone");
	GIT("clone", "worktree", "add", "-q", "../linked");
	before = hash_of(".");
	stages(&rq, &s, &out);
	assert_string_not_equal(out.at[3].commit, "");
	tree_stages_release(&out);
	RUN("rm", "-rf", "lab");
	after = hash_of("clone");
	free(before);
	free(after);
	drop_series(&s);
}

static void test_a_shallow_clone(void **state)
{
	struct tree_request rq = {.where = "shallow"};
	struct series s = three();
	struct tree_stages out;
	char *url = output_of((const char *const[]){
		"sh", "-c", "echo file://$PWD/user", NULL});

	(void)state;
	RUN("rm", "-rf", "shallow");
	RUN("git", "clone", "-q", "--depth=1", url, "shallow");
	stages(&rq, &s, &out);
	assert_string_not_equal(out.at[3].commit, "");
	tree_stages_release(&out);
	drop_series(&s);
	free(url);
}

static void test_a_url(void **state)
{
	char *url = output_of((const char *const[]){
		"sh", "-c", "echo file://$PWD/user", NULL});
	struct tree_request rq = {.where = url, .base = "v1"};
	struct tree_request range = {.where = url, .base = "v1", .to = "main"};
	struct tree_request odd = {.where = url, .base = "v1~1"};
	struct tree_stages a, b;

	(void)state;
	stages(&rq, NULL, &a);
	stages(&range, NULL, &b);
	assert_int_equal(b.n, 2);
	assert_string_equal(a.at[0].commit, b.at[0].commit);
	tree_stages_release(&a);
	/* It is not asked again. */
	RUN("mv", "user", "away");
	stages(&rq, NULL, &a);
	tree_stages_release(&a);
	rq.refresh = true;
	assert_refused(&rq, NULL, ERR_USER, "does not appear to be");
	assert_refused(&odd, NULL, ERR_USER, "full commit id");
	odd = (struct tree_request){.where = "ext::sh -c true"};
	assert_refused(&odd, NULL, ERR_USER, "URL");
	tree_stages_release(&b);
	free(url);
}

static void test_series(void **state)
{
	struct tree_request rq = request();
	struct series s = three();
	struct tree_stages out, again;

	(void)state;
	stages(&rq, &s, &out);
	assert_int_equal(out.n, 4);
	assert_string_equal(out.at[1].subject, "mm: first");
	assert_string_equal(out.at[1].patch, "mm: first.patch");
	assert_int_equal(out.at[1].paths.n, 1);
	assert_string_equal(out.at[1].paths.v[0], "mm/slub.c");
	assert_int_equal(out.at[2].paths.n, 3);
	assert_true(strv_has(&out.at[2].paths, "mm/slab.h"));
	assert_string_equal(out.at[1].kconfig, out.at[0].kconfig);
	assert_string_equal(out.at[2].kconfig, out.at[0].kconfig);
	assert_string_not_equal(out.at[3].kconfig, out.at[0].kconfig);
	stages(&rq, &s, &again);
	for (size_t i = 0; i < out.n; i++) {
		assert_string_equal(out.at[i].commit, again.at[i].commit);
		assert_string_equal(out.at[i].tree, again.at[i].tree);
		assert_string_equal(out.at[i].kconfig, again.at[i].kconfig);
	}
	tree_stages_release(&again);
	/* Another lab makes the same commits. */
	RUN("rm", "-rf", "lab");
	stages(&rq, &s, &again);
	assert_string_equal(out.at[3].commit, again.at[3].commit);
	tree_stages_release(&again);
	tree_stages_release(&out);
	drop_series(&s);
}

static void test_commit_of_a_patch(void **state)
{
	struct tree_request rq = request();
	struct series s = three();
	struct tree_stages out;
	char *text, *rev;

	(void)state;
	stages(&rq, &s, &out);
	rev = xasprintf("%s", out.at[1].commit);
	text = output_of((const char *const[]){
		"sh", "-c",
		"git -C $(dirname lab/git/*/HEAD) log -1 --date=iso "
		"--format='%an|%ae|%ad|%cn|%B' $0",
		rev, NULL});
	assert_string_equal(text, "Ann Author|ann@example.org|"
				  "2021-08-05 17:20:00 +0200|klab|"
				  "mm: first\n\nBecause.\n");
	free(text);
	free(rev);
	tree_stages_release(&out);
	drop_series(&s);
}

static void test_third_of_five_does_not_apply(void **state)
{
	struct tree_request rq = request();
	struct series s = {0};
	struct tree_stages out;
	struct err e;

	(void)state;
	add_patch(&s, "mm: first", first_diff);
	add_patch(&s, "mm: second", second_diff);
	add_patch(&s, "mm: bad", bad_diff);
	add_patch(&s, "kconfig: third", third_diff);
	add_patch(&s, "last", last_diff);
	stages(&rq, &s, &out);
	assert_int_equal(out.n, 6);
	assert_string_not_equal(out.at[2].commit, "");
	assert_string_equal(out.at[3].commit, "");
	assert_int_equal(out.at[3].why.kind, ERR_USER);
	assert_string_equal(
		out.at[3].why.text,
		"stage 3: patch 'mm: bad.patch' (mm: bad) does not apply: "
		"mm/slub.c: hunk @@ -30,3 +31,3 @@ static int g(int a) does "
		"not fit: ' 30' | '- thirty one' | '+x'");
	assert_non_null(strstr(out.at[5].why.text, "follows stage 3"));
	assert_string_equal(out.at[4].subject, "kconfig: third");
	if (worktree_switch("lab", "0123456789abcdef", out.at[2].commit, &e) ==
	    0)
		fail_msg("of no source");
	tree_stages_release(&out);
	drop_series(&s);
}

static void test_mended_patch_applies(void **state)
{
	struct tree_request rq = request();
	struct series s = three();
	struct tree_stages out;
	char *good = s.patches[1].diff;

	(void)state;
	s.patches[1].diff = xstrdup(bad_diff);
	stages(&rq, &s, &out);
	assert_string_equal(out.at[2].commit, "");
	tree_stages_release(&out);
	free(s.patches[1].diff);
	s.patches[1].diff = good;
	stages(&rq, &s, &out);
	assert_string_not_equal(out.at[3].commit, "");
	tree_stages_release(&out);
	drop_series(&s);
}

static void test_a_file_that_is_not_there(void **state)
{
	struct tree_request rq = request();
	struct series s = {0};
	struct tree_stages out;

	(void)state;
	add_patch(&s, "x",
		  "--- a/mm/none.c\n+++ b/mm/none.c\n@@ -1 +1 @@\n-a\n+b\n");
	stages(&rq, &s, &out);
	assert_non_null(
		strstr(out.at[1].why.text, "mm/none.c: does not exist"));
	tree_stages_release(&out);
	drop_series(&s);
}

static void test_a_file_where_a_folder_is(void **state)
{
	struct tree_request rq = request();
	struct series s = {0};
	struct tree_stages out;

	(void)state;
	add_patch(&s, "x", "--- /dev/null\n+++ b/mm\n@@ -0,0 +1 @@\n+b\n");
	stages(&rq, &s, &out);
	assert_non_null(strstr(out.at[1].why.text, "is a folder"));
	tree_stages_release(&out);
	drop_series(&s);
}

static void test_paths_that_climb(void **state)
{
	static const char *const diffs[] = {
		"--- /dev/null\n+++ b/../evil\n@@ -0,0 +1 @@\n+b\n",
		"--- /dev/null\n+++ b/.git/evil\n@@ -0,0 +1 @@\n+b\n",
		"--- /dev/null\n+++ b//tmp/evil\n@@ -0,0 +1 @@\n+b\n",
		"--- /dev/null\n+++ b/mm/.GIT/evil\n@@ -0,0 +1 @@\n+b\n",
	};
	struct tree_request rq = request();

	(void)state;
	for (size_t i = 0; i < sizeof(diffs) / sizeof(*diffs); i++) {
		struct series s = {0};
		struct tree_stages out;

		add_patch(&s, "x", diffs[i]);
		stages(&rq, &s, &out);
		if (i != 2 || *out.at[1].commit)
			assert_true(i == 2 || !*out.at[1].commit);
		tree_stages_release(&out);
		drop_series(&s);
	}
}

/* What `git am -3` can do: the file was changed near by, but what the patch was
 * made from is known. */
static void test_three_way(void **state)
{
	struct tree_request rq = {.where = "user", .base = "moved"};
	struct series s = {0};
	struct tree_stages out;
	char *diff;

	(void)state;
	GIT("user", "checkout", "-q", "-b", "work");
	RUN("sh", "-c", "sed -i s/^25$/twenty-five/ user/mm/slub.c");
	GIT("user", "commit", "-qam", "the patch");
	diff = output_of((const char *const[]){"git", "-C", "user", "diff",
					       "HEAD~1", NULL});
	GIT("user", "checkout", "-q", "-b", "moved", "main");
	RUN("sh", "-c", "sed -i s/^22$/twenty-two/ user/mm/slub.c");
	GIT("user", "commit", "-qam", "near by");
	diff = xrealloc(diff, strlen(diff) + 2);
	diff[strlen(diff) + 1] = '\0';
	diff[strlen(diff)] = '\n';
	add_patch(&s, "x", diff);
	add_patch(&s, "the same again", diff);
	stages(&rq, &s, &out);
	assert_string_not_equal(out.at[1].commit, "");
	assert_non_null(strstr(out.at[2].why.text, "does not"));
	tree_stages_release(&out);
	drop_series(&s);
	free(diff);
}

/* A fixup changes what a later patch has as context: that patch was made without
 * it, on blobs that nobody has. */
static void test_a_patch_after_a_fixup(void **state)
{
	static const char one[] =
		"--- a/mm/slub.c\n+++ b/mm/slub.c\n@@ -19,3 +19,3 @@\n"
		" 19\n-20\n+twenty\n 21\n";
	static const char fixup[] =
		"--- a/mm/slub.c\n+++ b/mm/slub.c\n@@ -19,3 +19,3 @@\n"
		" 19\n-twenty\n+TWENTY\n 21\n";
	static const char two[] =
		"--- a/mm/slub.c\n+++ b/mm/slub.c\n@@ -20,7 +20,7 @@\n"
		" twenty\n 21\n 22\n-23\n+twenty-three\n 24\n 25\n 26\n";
	static const char never[] =
		"--- a/mm/slub.c\n+++ b/mm/slub.c\n@@ -1,2 +1,2 @@\n"
		" 1\n-not there\n+x\n";
	struct tree_request rq = request();
	struct series s = {0};
	struct tree_stages out, again;

	(void)state;
	add_patch(&s, "one", one);
	add_patch(&s, "fix one", fixup);
	add_patch(&s, "two", two);
	add_patch(&s, "never", never);
	s.patches[1].fixes = 1;
	stages(&rq, &s, &out);
	assert_string_not_equal(out.at[3].commit, "");
	assert_int_equal(out.at[3].paths.n, 1);
	assert_non_null(strstr(out.at[4].why.text, "does not apply"));
	/* Found again, it is the same. */
	stages(&rq, &s, &again);
	assert_string_equal(out.at[3].commit, again.at[3].commit);
	tree_stages_release(&again);
	tree_stages_release(&out);
	drop_series(&s);
}

/* A diff names what it was made from by full ids that nobody has. */
static void test_unknown_preimages(void **state)
{
	struct tree_request rq = request();
	struct series s = {0};
	struct tree_stages out;
	char *diff = xasprintf("diff --git a/mm/slub.c b/mm/slub.c\n"
			       "index %040d1..%040d2 100644\n"
			       "index 0123456789012345678901234567890123456789"
			       "..1 100644\nindex abcdef0..abcdef1\n%s",
			       0, 0, first_diff);

	(void)state;
	add_patch(&s, "x", diff);
	stages(&rq, &s, &out);
	assert_string_not_equal(out.at[1].commit, "");
	tree_stages_release(&out);
	drop_series(&s);
	free(diff);
}

static void test_range(void **state)
{
	struct tree_request rq = {.where = "user", .base = "v1", .to = "HEAD"};
	struct series s = three();
	struct tree_stages out;

	(void)state;
	GIT("user", "checkout", "-q", "-b", "side", "v1");
	RUN("sh", "-c", "echo side > user/side");
	GIT("user", "add", "side");
	GIT("user", "commit", "-qm", "side");
	GIT("user", "checkout", "-q", "main");
	GIT("user", "merge", "-q", "--no-ff", "-m", "merge side", "side");
	stages(&rq, NULL, &out);
	assert_int_equal(out.n, 3);
	assert_string_equal(out.at[1].subject, "second: a readme");
	assert_int_equal(strlen(out.at[1].patch), 12);
	assert_string_equal(out.at[2].subject, "merge side");
	assert_int_equal(out.at[2].paths.n, 1);
	assert_string_equal(out.at[2].paths.v[0], "side");
	tree_stages_release(&out);
	assert_refused(&rq, &s, ERR_USER, "no series as well");
	rq.base = "side";
	assert_refused(&rq, NULL, ERR_USER, "first parents");
	rq.base = "HEAD";
	assert_refused(&rq, NULL, ERR_USER, "no commit");
	drop_series(&s);
}

static void test_wrong_requests(void **state)
{
	struct tree_request rq = request();

	(void)state;
	rq.base = "v9";
	assert_refused(&rq, NULL, ERR_USER, "v9");
	rq.base = "--all";
	assert_refused(&rq, NULL, ERR_USER, "not a revision");
	rq.base = NULL;
	rq.where = "none";
	assert_refused(&rq, NULL, ERR_USER, "none");
	/* A folder in a repository is not that repository. */
	rq.where = "user/mm";
	assert_refused(&rq, NULL, ERR_USER, "not a git repository");
}

static void user_is_untouched(const char *pack)
{
	struct tree_request rq = request();
	struct series s = three();
	struct tree_stages out;
	char *before, *after;

	/* The result of a patch is in it already, unpacked: git would touch
	 * that object's time. */
	RUN("sh", "-c", "sed -i '20afirst' user/mm/slub.c");
	GIT("user", "add", "-A");
	GIT("user", "commit", "-qm", "as the patch does");
	GIT("user", "branch", "done");
	GIT("user", "reset", "-q", "--hard", "HEAD~1");
	GIT("user", pack);
	RUN("sh", "-c",
	    "cd user && echo staged > a && git add a && "
	    "echo dirty >> mm/slab.h && touch mm/slub.c && "
	    "touch .git/hooks/post-checkout && "
	    "chmod +x .git/hooks/post-checkout && "
	    "find . -exec touch -h -d 2020-01-01 {} +");
	GIT("user", "config", "core.autocrlf", "true");
	before = hash_of("user");
	stages(&rq, &s, &out);
	tree_stages_release(&out);
	rq.base = "v1";
	rq.to = "HEAD";
	stages(&rq, NULL, &out);
	after = hash_of("user");
	assert_string_equal(before, after);
	tree_stages_release(&out);
	free(before);
	free(after);
	drop_series(&s);
}

static void test_user_repository_is_untouched(void **state)
{
	(void)state;
	user_is_untouched("prune");
}

static void test_packed_repository_is_untouched(void **state)
{
	(void)state;
	user_is_untouched("gc");
}

static void test_environment_has_no_influence(void **state)
{
	struct tree_request rq = request();
	struct series s = three();
	struct tree_stages out;

	(void)state;
	setenv("GIT_DIR", "/nonexistent", 1);
	setenv("GIT_INDEX_FILE", "/nonexistent", 1);
	setenv("GIT_OBJECT_DIRECTORY", "/nonexistent", 1);
	setenv("GIT_CONFIG_COUNT", "1", 1);
	setenv("GIT_CONFIG_KEY_0", "core.bare", 1);
	setenv("GIT_CONFIG_VALUE_0", "nonsense", 1);
	setenv("GIT_CONFIG_PARAMETERS", "'core.bare=nonsense'", 1);
	stages(&rq, &s, &out);
	assert_string_not_equal(out.at[3].commit, "");
	tree_stages_release(&out);
	drop_series(&s);
	unsetenv("GIT_DIR");
	unsetenv("GIT_INDEX_FILE");
	unsetenv("GIT_OBJECT_DIRECTORY");
	unsetenv("GIT_CONFIG_COUNT");
	unsetenv("GIT_CONFIG_KEY_0");
	unsetenv("GIT_CONFIG_VALUE_0");
	unsetenv("GIT_CONFIG_PARAMETERS");
}

static void test_leftovers_of_a_killed_klab(void **state)
{
	struct tree_request rq = request();
	struct series s = three();
	struct tree_stages out;

	(void)state;
	stages(&rq, NULL, &out);
	tree_stages_release(&out);
	RUN("sh", "-c",
	    "cd lab/git/* && touch objects/pack/tmp_pack_x HEAD.lock "
	    "config.lock packed-refs.lock fast_import_crash_1 && "
	    "mkdir -p refs/klab/stages klab-tmp-1/scratch/objects && "
	    "touch refs/klab/stages/x.lock klab-tmp-1/scratch/index.lock && "
	    "mkdir ../0000000000000000.new");
	stages(&rq, &s, &out);
	assert_string_not_equal(out.at[3].commit, "");
	RUN("sh", "-c",
	    "cd lab/git/* 2>/dev/null || cd lab/git/????????????????;"
	    "! find . -name '*.lock' -o -name 'tmp_*' | grep .");
	tree_stages_release(&out);
	drop_series(&s);
}

static void test_names(void **state)
{
	struct tree_request a = request(), b = request();
	char one[17], two[17];

	(void)state;
	b.where = "./user/../user";
	tree_name(&a, one);
	tree_name(&b, two);
	assert_string_equal(one, two);
	b.base = "v1";
	tree_name(&b, two);
	assert_string_not_equal(one, two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_base, fresh),
		cmocka_unit_test_setup(test_tag_of_a_bare_repository, fresh),
		cmocka_unit_test_setup(test_a_worktree_of_a_clone, fresh),
		cmocka_unit_test_setup(test_a_shallow_clone, fresh),
		cmocka_unit_test_setup(test_a_url, fresh),
		cmocka_unit_test_setup(test_series, fresh),
		cmocka_unit_test_setup(test_commit_of_a_patch, fresh),
		cmocka_unit_test_setup(test_third_of_five_does_not_apply,
				       fresh),
		cmocka_unit_test_setup(test_mended_patch_applies, fresh),
		cmocka_unit_test_setup(test_a_file_that_is_not_there, fresh),
		cmocka_unit_test_setup(test_a_file_where_a_folder_is, fresh),
		cmocka_unit_test_setup(test_paths_that_climb, fresh),
		cmocka_unit_test_setup(test_three_way, fresh),
		cmocka_unit_test_setup(test_a_patch_after_a_fixup, fresh),
		cmocka_unit_test_setup(test_unknown_preimages, fresh),
		cmocka_unit_test_setup(test_range, fresh),
		cmocka_unit_test_setup(test_wrong_requests, fresh),
		cmocka_unit_test_setup(test_user_repository_is_untouched,
				       fresh),
		cmocka_unit_test_setup(test_packed_repository_is_untouched,
				       fresh),
		cmocka_unit_test_setup(test_environment_has_no_influence,
				       fresh),
		cmocka_unit_test_setup(test_leftovers_of_a_killed_klab, fresh),
		cmocka_unit_test_setup(test_names, fresh),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
