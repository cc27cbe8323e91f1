#include "a_tree.h"

#include "a_folder.h"

/* The worktree of one source, with stage 1 and 2. */
struct fixture {
	char name[17];
	char *src, *dir;
	struct tree_stages at;
};

static const char first_diff[] =
	"--- a/mm/slub.c\n+++ b/mm/slub.c\n"
	"@@ -19,3 +19,4 @@ static void f(void)\n 19\n 20\n+first\n 21\n"
	"--- /dev/null\n+++ b/mm/new.c\n@@ -0,0 +1 @@\n+new\n";

static int fresh(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct tree_request rq = {.where = "user"};
	struct series s = {0};
	struct err e;

	RUN("rm", "-rf", "lab", "user");
	a_repository("user");
	add_patch(&s, "first", first_diff);
	add_patch(&s, "last",
		  "--- a/README\n+++ /dev/null\n@@ -1 +0,0 @@\n-read me\n");
	if (tree_stages("lab", &rq, &s, &f->at, &e))
		fail_msg("%s", e.text);
	drop_series(&s);
	tree_name(&rq, f->name);
	f->src = worktree_path("lab", f->name);
	f->dir = xasprintf("lab/trees/%s", f->name);
	*state = f;
	return 0;
}

static int done(void **state)
{
	struct fixture *f = *state;

	tree_stages_release(&f->at);
	free(f->src);
	free(f->dir);
	free(f);
	return 0;
}

static void to_stage(struct fixture *f, size_t k)
{
	struct err e;

	if (worktree_switch("lab", f->name, f->at.at[k].commit, &e))
		fail_msg("%s", e.text);
}

static int exit_of_command(struct fixture *f, size_t k)
{
	struct strv argv = STRV_INIT, env = STRV_INIT;
	struct job_spec spec = {.cwd = "lab", .deadline_ms = 60000};
	struct job_result r;
	struct err e;
	int exit;

	assert_true(worktree_command("lab", f->name, f->at.at[k].commit, &argv,
				     &env));
	spec.argv = (const char *const *)argv.v;
	spec.env_add = (const char *const *)env.v;
	assert_int_equal(job_run(&spec, &r, &e), 0);
	exit = r.exit + r.signal;
	job_result_release(&r);
	strv_release(&argv);
	strv_release(&env);
	return exit;
}

/* Is it what the commit has, byte for byte, and nothing else? */
static void assert_stage(struct fixture *f, size_t k)
{
	RUN("rm", "-rf", "want");
	RUN("mkdir", "want");
	RUN("sh", "-c",
	    "for f in $(git -C lab/git/* ls-tree -r --name-only $0); do "
	    "mkdir -p want/$(dirname $f); "
	    "git -C lab/git/* cat-file blob $0:$f > want/$f || exit 1; done; "
	    "chmod +x want/scripts/run.sh; "
	    "t=$(cat want/mm/link); rm want/mm/link; ln -s $t want/mm/link",
	    f->at.at[k].commit);
	RUN("diff", "-r", "--no-dereference", "want", f->src);
	RUN("sh", "-c",
	    "test -x $0/scripts/run.sh && ! test -x $0/Kconfig && "
	    "! test -e $0/.git && ! test -e $0/../index.lock",
	    f->src);
}

static void test_switch(void **state)
{
	to_stage(*state, 0);
	assert_stage(*state, 0);
	to_stage(*state, 2);
	assert_stage(*state, 2);
	to_stage(*state, 1);
	assert_stage(*state, 1);
}

static char *times(struct fixture *f)
{
	return output_of(
		(const char *const[]){"sh", "-c",
				      "cd $0 && find . -type f ! -name slub.c "
				      "-printf '%p %T@ %C@\\n'",
				      f->src, NULL});
}

static void test_only_changed_files_are_written(void **state)
{
	struct fixture *f = *state;
	char *before, *after;

	to_stage(f, 0);
	RUN("sh", "-c", "rm $0/mm/new.c 2>/dev/null; true", f->src);
	before = times(f);
	to_stage(f, 1);
	RUN("rm", "-f", "x");
	to_stage(f, 0);
	after = times(f);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void test_command(void **state)
{
	struct fixture *f = *state;
	struct strv argv = STRV_INIT, env = STRV_INIT;

	/* There is no worktree yet. */
	assert_false(worktree_command("lab", f->name, f->at.at[0].commit, &argv,
				      &env));
	assert_int_equal(argv.n + env.n, 0);
	to_stage(f, 0);
	for (size_t k = 0; k < 3; k++) {
		assert_int_equal(exit_of_command(f, k), 0);
		assert_stage(f, k);
	}
	assert_int_equal(exit_of_command(f, 0), 0);
	assert_stage(f, 0);
}

static void scribble(struct fixture *f)
{
	RUN("sh", "-c",
	    "cd $0 && echo scribble >> mm/slub.c && rm Kconfig && "
	    "chmod -x scripts/run.sh && mkdir -p include/config && "
	    "touch .config include/config/auto.conf a.o && rm -rf kernel && "
	    "echo > kernel && rm mm/link && ln -s / mm/link && "
	    "mkdir sub && git init -q sub",
	    f->src);
}

static void test_scribbles_are_put_right(void **state)
{
	to_stage(*state, 0);
	scribble(*state);
	to_stage(*state, 0);
	assert_stage(*state, 0);
	scribble(*state);
	to_stage(*state, 1);
	assert_stage(*state, 1);
}

static void test_command_does_not_overwrite_scribbles(void **state)
{
	struct fixture *f = *state;

	to_stage(f, 0);
	scribble(f);
	assert_int_not_equal(exit_of_command(f, 1), 0);
	to_stage(f, 1);
	assert_stage(f, 1);
}

/* Killed after some files were written. */
static void test_half_switched(void **state)
{
	struct fixture *f = *state;
	struct strv argv = STRV_INIT, env = STRV_INIT;

	to_stage(f, 0);
	RUN("sh", "-c",
	    "cd $0 && echo half > mm/slub.c && echo new > mm/new.c && "
	    "head -c 100 ../index > ../index.lock",
	    f->src);
	assert_false(worktree_command("lab", f->name, f->at.at[1].commit, &argv,
				      &env));
	to_stage(f, 1);
	assert_stage(f, 1);
	RUN("sh", "-c", "touch $0/../index.lock; rm $0/README", f->src);
	to_stage(f, 0);
	assert_stage(f, 0);
}

static void test_broken_beyond_repair(void **state)
{
	struct fixture *f = *state;

	to_stage(f, 0);
	RUN("sh", "-c", "head -c 100 $0/index > x; mv x $0/index", f->dir);
	to_stage(f, 1);
	assert_stage(f, 1);
	RUN("sh", "-c", "rm $0/index; touch $0/index.lock; echo > $0/src/x",
	    f->dir);
	to_stage(f, 0);
	assert_stage(f, 0);
	RUN("sh", "-c", "rm -r $0/src", f->dir);
	to_stage(f, 2);
	assert_stage(f, 2);
}

static void test_repository_of_the_user_is_gone(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};

	RUN("mv", "user", "elsewhere");
	assert_true(worktree_switch("lab", f->name, f->at.at[1].commit, &e) <
		    0);
	assert_int_equal(e.kind, ERR_LAB);
	RUN("mv", "elsewhere", "user");
	to_stage(f, 1);
	assert_stage(f, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_switch, fresh, done),
		cmocka_unit_test_setup_teardown(
			test_only_changed_files_are_written, fresh, done),
		cmocka_unit_test_setup_teardown(test_command, fresh, done),
		cmocka_unit_test_setup_teardown(test_scribbles_are_put_right,
						fresh, done),
		cmocka_unit_test_setup_teardown(
			test_command_does_not_overwrite_scribbles, fresh, done),
		cmocka_unit_test_setup_teardown(test_half_switched, fresh,
						done),
		cmocka_unit_test_setup_teardown(test_broken_beyond_repair,
						fresh, done),
		cmocka_unit_test_setup_teardown(
			test_repository_of_the_user_is_gone, fresh, done),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
