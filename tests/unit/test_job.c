/*
 * Child processes: how they end, what is kept of what they say, and that
 * nothing of theirs stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/job.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static char dir[] = "/tmp/klab-job-XXXXXX";

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	struct err e;

	(void)state;
	return file_remove(dir, &e);
}

/* A shell that does what text says; the spec is filled but for argv. */
static struct job_result sh(const char *text, struct job_spec spec)
{
	struct job_result r;
	struct err e;

	if (!spec.deadline_ms)
		spec.deadline_ms = 20000;
	spec.argv = (const char *const[]){"sh", "-c", text, NULL};
	assert_int_equal(job_run(&spec, &r, &e), 0);
	return r;
}

static void assert_described(const struct job_result *r, const char *want)
{
	char buf[80];

	assert_string_equal(job_describe(r, buf, sizeof(buf)), want);
}

static void test_exit(void **state)
{
	struct job_result r = sh("echo out; echo err >&2; exit 7",
				 (struct job_spec){0});

	(void)state;
	assert_int_equal(r.exit, 7);
	assert_int_equal(r.signal, 0);
	assert_false(r.deadline || r.stopped || r.out_cut);
	assert_string_equal(r.out.buf, "out\n");
	assert_string_equal(r.err.buf, "err\n");
	assert_described(&r, "exit status 7");
	job_result_release(&r);
}

static void test_signal(void **state)
{
	struct job_result r = sh("kill -SEGV $$", (struct job_spec){0});

	(void)state;
	assert_int_equal(r.signal, SIGSEGV);
	assert_described(&r, "killed by signal 11 (Segmentation fault)");
	assert_string_equal(r.out.buf, "");
	job_result_release(&r);
}

static void test_no_such_program(void **state)
{
	struct job_spec spec = {.argv = (const char *const[]){
					"/nonexistent/program", NULL}};
	struct job_result r;
	struct err e;

	(void)state;
	assert_int_equal(job_run(&spec, &r, &e), 0);
	assert_int_equal(r.exit, 127);
	assert_non_null(strstr(r.err.buf, "/nonexistent/program"));
	job_result_release(&r);
}

static void test_no_such_folder(void **state)
{
	struct job_spec spec = {.argv = (const char *const[]){"true", NULL},
				.cwd = "/nonexistent"};
	struct job_result r;
	struct err e;

	(void)state;
	assert_int_equal(job_run(&spec, &r, &e), -ENOENT);
	assert_int_equal(e.kind, ERR_LAB);
	assert_non_null(strstr(e.text, "cannot start 'true'"));
	job_result_release(&r);
}

static void test_stdout_is_capped(void **state)
{
	struct job_result r = sh("head -c 100000 /dev/zero | tr '\\0' a",
				 (struct job_spec){.out_cap = 1000});

	(void)state;
	assert_int_equal(r.exit, 0);
	assert_true(r.out_cut);
	assert_int_equal(r.out.len, 1000);
	job_result_release(&r);
	r = sh("printf 12345", (struct job_spec){.out_cap = 5});
	assert_false(r.out_cut);
	job_result_release(&r);
}

static void test_end_of_stderr_is_kept(void **state)
{
	struct job_result r = sh("seq 100000 >&2", (struct job_spec){0});

	(void)state;
	assert_true(r.err.len <= 16384);
	assert_true(str_ends(r.err.buf, "\n99999\n100000\n"));
	job_result_release(&r);
}

static void test_environment_and_folder(void **state)
{
	const char *const add[] = {"KLAB_A=new", "KLAB_B=", NULL};
	struct job_result r;

	(void)state;
	setenv("KLAB_A", "old", 1);
	setenv("KLAB_AB", "other", 1);
	r = sh("echo \"$KLAB_A|${KLAB_B-none}|$KLAB_AB\"; pwd; "
	       "env | grep -c ^KLAB_A=",
	       (struct job_spec){.env_add = add, .cwd = "/"});
	assert_string_equal(r.out.buf, "new||other\n/\n1\n");
	job_result_release(&r);
}

static void test_nothing_to_read(void **state)
{
	struct job_result r = sh("wc -c", (struct job_spec){0});

	(void)state;
	assert_string_equal(r.out.buf, "0\n");
	job_result_release(&r);
}

static void test_own_session(void **state)
{
	struct job_result r = sh("set -- $(cut -d' ' -f1,5,6 /proc/$$/stat); "
				 "[ $1 = $2 ] && [ $1 = $3 ]",
				 (struct job_spec){0});

	(void)state;
	assert_int_equal(r.exit, 0);
	job_result_release(&r);
}

static void test_signals_are_as_usual(void **state)
{
	struct job_result r;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	r = sh("yes | head -n 1 >/dev/null; kill -PIPE $$; exit 0",
	       (struct job_spec){0});
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(r.signal, SIGPIPE);
	job_result_release(&r);
}

static void test_log(void **state)
{
	char *path = xasprintf("%s/log", dir);
	struct str text = STR_INIT;
	struct err e;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct job_result r = sh("echo a; echo b >&2",
					 (struct job_spec){.log_path = path});

		assert_int_equal(r.out.len + r.err.len, 0);
		job_result_release(&r);
	}
	assert_int_equal(file_read(path, 100, &text, &e), 0);
	assert_string_equal(text.buf, "a\nb\na\nb\n");
	str_release(&text);
	free(path);
}

static void test_log_that_cannot_be(void **state)
{
	struct job_spec spec = {.argv = (const char *const[]){"true", NULL},
				.log_path = "/nonexistent/log"};
	struct job_result r;
	struct err e;

	(void)state;
	assert_int_equal(job_run(&spec, &r, &e), -ENOENT);
	assert_non_null(strstr(e.text, "cannot open log '/nonexistent/log'"));
	job_result_release(&r);
}

static void test_files_are_capped(void **state)
{
	struct job_result r = sh("exec head -c 100000 /dev/zero >big",
				 (struct job_spec){.file_cap = 5000,
						   .cwd = dir});
	char *path = xasprintf("%s/big", dir);
	struct str text = STR_INIT;
	struct err e;

	(void)state;
	assert_int_equal(r.signal, SIGXFSZ);
	job_result_release(&r);
	assert_int_equal(file_read(path, 1 << 20, &text, &e), 0);
	assert_int_equal(text.len, 5000);
	str_release(&text);
	free(path);
}

static void test_deadline(void **state)
{
	struct job_result r = sh("echo begun; sleep 1000",
				 (struct job_spec){.deadline_ms = 200});

	(void)state;
	assert_true(r.deadline);
	assert_int_equal(r.signal, SIGTERM);
	assert_string_equal(r.out.buf, "begun\n");
	assert_true(r.wall_ms >= 200 && r.wall_ms < 10000);
	assert_non_null(strstr(job_describe(&r, (char[80]){0}, 80),
			       "deadline passed after 0."));
	job_result_release(&r);
}

/* TERM is asked politely; KILL is not. */
static void test_deadline_is_ignored(void **state)
{
	struct job_result r = sh("trap '' TERM; while :; do sleep 0.1; done",
				 (struct job_spec){.deadline_ms = 100});

	(void)state;
	assert_true(r.deadline);
	assert_int_equal(r.signal, SIGKILL);
	assert_true(r.wall_ms >= 2000);
	job_result_release(&r);
}

/* One that tidies up when it is told to end has the time to. */
static void test_deadline_is_obeyed_slowly(void **state)
{
	struct job_result r = sh("trap 'echo tidy; exit 5' TERM; "
				 "while :; do sleep 0.01; done",
				 (struct job_spec){.deadline_ms = 200});

	(void)state;
	assert_true(r.deadline);
	assert_int_equal(r.exit, 5);
	assert_string_equal(r.out.buf, "tidy\n");
	job_result_release(&r);
}

static bool gone(const char *pid)
{
	long long n;

	assert_true(str_to_ll(pid, 2, 1 << 30, &n));
	/* It was killed, but may not be buried yet. */
	for (int i = 0; i < 1000 && !kill((pid_t)n, 0); i++)
		usleep(10000);
	return kill((pid_t)n, 0) && errno == ESRCH;
}

/* What it leaves behind neither holds the loop nor stays. */
static void test_grandchild(void **state)
{
	struct job_result r = sh("sleep 1000 & echo $!", (struct job_spec){0});

	(void)state;
	assert_int_equal(r.exit, 0);
	assert_false(r.deadline);
	assert_true(r.wall_ms < 10000);
	r.out.buf[strcspn(r.out.buf, "\n")] = '\0';
	assert_true(gone(r.out.buf));
	job_result_release(&r);
}

/* A job ends when it exits, not when it closes its pipes. */
static void test_pipes_closed_early(void **state)
{
	struct job_result r = sh("echo a; exec >&- 2>&-; sleep 0.3; exit 3",
				 (struct job_spec){0});

	(void)state;
	assert_int_equal(r.exit, 3);
	assert_true(r.wall_ms >= 300);
	assert_string_equal(r.out.buf, "a\n");
	job_result_release(&r);
}

/* ---- several on one loop ---- */

struct many {
	struct job *job[50];
	int done, stopped;
};

static void on_done(const struct job_result *r, void *arg)
{
	struct many *m = arg;

	m->done++;
	m->stopped += r->stopped;
}

static void test_many_at_once(void **state)
{
	struct many m = {0};
	struct job_spec spec = {
		.argv = (const char *const[]){"sh", "-c", "yes | head -n 1000",
					      NULL},
		.done = on_done, .arg = &m};
	uv_loop_t loop;
	struct err e;

	(void)state;
	uv_loop_init(&loop);
	for (int i = 0; i < 50; i++)
		assert_int_equal(job_start(&loop, &spec, &m.job[i], &e), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(m.done, 50);
	assert_int_equal(m.stopped, 0);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_stop(void **state)
{
	struct many m = {0};
	struct job_spec spec = {
		.argv = (const char *const[]){"sleep", "1000", NULL},
		.deadline_ms = 60000, .done = on_done, .arg = &m};
	uv_loop_t loop;
	struct err e;

	(void)state;
	uv_loop_init(&loop);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(job_start(&loop, &spec, &m.job[i], &e), 0);
		assert_true(job_pid(m.job[i]) > 1);
	}
	for (int i = 0; i < 3; i++) {
		job_stop(m.job[i]);
		job_stop(m.job[i]);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(m.done, 3);
	assert_int_equal(m.stopped, 3);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_no_such_program),
		cmocka_unit_test(test_no_such_folder),
		cmocka_unit_test(test_stdout_is_capped),
		cmocka_unit_test(test_end_of_stderr_is_kept),
		cmocka_unit_test(test_environment_and_folder),
		cmocka_unit_test(test_nothing_to_read),
		cmocka_unit_test(test_own_session),
		cmocka_unit_test(test_signals_are_as_usual),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_log_that_cannot_be),
		cmocka_unit_test(test_files_are_capped),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_deadline_is_ignored),
		cmocka_unit_test(test_deadline_is_obeyed_slowly),
		cmocka_unit_test(test_grandchild),
		cmocka_unit_test(test_pipes_closed_early),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
