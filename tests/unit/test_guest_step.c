/*
 * Steps as the agent runs them, each in a PID namespace of its own, because
 * step_run() must be PID 1: it kills all other processes there are.
 * Links runner/guest/step.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest/job.h"
#include "guest/step.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child found, where the test can see it. */
struct found {
	int rc, children;
	struct step_result r;
	char out[64], err[128];
};

static struct found *found;

static struct step shell(const char *script)
{
	return (struct step){
		.name = "run",
		.deadline_ms = 20000,
		.cap = 1 << 16,
		.program = {{(char *)"sh", (char *)"-c", (char *)script},
			    {NULL},
			    3,
			    0},
	};
}

static void run_as_pid1(const struct step *s)
{
	int sigfd = step_signals();
	const char *what;

	found->rc = sigfd < 0 ? sigfd : step_run(s, sigfd, &found->r, &what);
	if (found->rc)
		return;
	memcpy(found->out, found->r.out.buf,
	       found->r.out.len < 63 ? found->r.out.len : 63);
	memcpy(found->err, found->r.err.buf,
	       found->r.err.len < 127 ? found->r.err.len : 127);
	found->children =
		waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : 1;
	step_release(&found->r);
}

/* Root needs no user namespace, and cannot have one in a chroot. */
static void enter_namespace(void)
{
	if (unshare(CLONE_NEWPID) && unshare(CLONE_NEWUSER | CLONE_NEWPID))
		_exit(3);
}

static void run(const struct step *s)
{
	int status;
	pid_t pid;

	memset(found, 0, sizeof(*found));
	pid = fork();
	if (pid == 0) {
		enter_namespace();
		pid = fork();
		if (pid == 0) {
			run_as_pid1(s);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		_exit(pid > 0 && status == 0 ? 0 : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status == 3 << 8)
		fail_msg("this test needs a PID namespace: run it as root, or "
			 "allow user namespaces");
	assert_int_equal(status, 0);
}

static void outputs_and_status_are_kept(void **state)
{
	struct step s = shell("echo $A$HOME; echo no >&2; exit 3");

	(void)state;
	s.program.envp[s.program.n_envs++] = (char *)"A=home is ";
	run(&s);
	assert_int_equal(found->rc, 0);
	assert_int_equal(found->r.exit, 3);
	assert_int_equal(found->r.signal, 0);
	assert_false(found->r.deadline);
	assert_string_equal(found->out, "home is /\n");
	assert_string_equal(found->err, "no\n");
	assert_true(found->r.elapsed_ns > 1000);
	assert_true(found->r.usage.ru_minflt > 0);
}

static void signal_is_told(void **state)
{
	struct step s = shell("kill -TERM $$");

	(void)state;
	run(&s);
	assert_int_equal(found->r.signal, 15);
	assert_int_equal(found->r.exit, 0);
}

static void missing_program_is_127(void **state)
{
	struct step s = shell("");

	(void)state;
	s.program.argv[0] = (char *)"no-such-program";
	run(&s);
	assert_int_equal(found->rc, 0);
	assert_int_equal(found->r.exit, 127);
	assert_string_equal(found->err, "cannot run 'no-such-program': No such "
					"file or directory\n");
}

static void output_is_capped_and_counted(void **state)
{
	struct step s = shell("head -c 300000 /dev/zero");

	(void)state;
	s.cap = 1000;
	run(&s);
	assert_int_equal(found->r.exit, 0);
	assert_int_equal(found->r.out.len, 1000);
	assert_int_equal(found->r.out.total, 300000);
}

/* The group gets no second chance; what it wrote so far is kept. */
static void deadline_kills_the_group(void **state)
{
	struct step s = shell("trap '' TERM; echo begun; sleep 1000");

	(void)state;
	s.deadline_ms = 300;
	run(&s);
	assert_int_equal(found->rc, 0);
	assert_true(found->r.deadline);
	assert_int_equal(found->r.signal, 9);
	assert_string_equal(found->out, "begun\n");
	assert_true(found->r.elapsed_ns >= 300000000);
	assert_int_equal(found->children, 0);
}

/* A process that left the session and holds the pipes open holds up nothing. */
static void stragglers_are_killed(void **state)
{
	struct step s = shell("setsid sleep 1000 & echo left");

	(void)state;
	run(&s);
	assert_int_equal(found->rc, 0);
	assert_false(found->r.deadline);
	assert_string_equal(found->out, "left\n");
	assert_int_equal(found->children, 0);
}

static void load_is_restarted(void **state)
{
	struct step s = shell("sleep 0.3");

	(void)state;
	s.load = shell("exit 0").program;
	run(&s);
	assert_int_equal(found->r.exit, 0);
	assert_true(found->r.load_runs > 1);
	assert_false(found->r.load_failed);
	assert_int_equal(found->children, 0);
}

/* A load that outlives the program is killed, which is no failure of its. */
static void load_ends_with_the_program(void **state)
{
	struct step s = shell("sleep 0.1");

	(void)state;
	s.load = shell("sleep 1000").program;
	run(&s);
	assert_int_equal(found->r.load_runs, 1);
	assert_false(found->r.load_failed);
	assert_int_equal(found->children, 0);
}

static void failing_load_is_not_restarted(void **state)
{
	struct step s = shell("sleep 0.3");

	(void)state;
	s.load = shell("exit 1").program;
	run(&s);
	assert_int_equal(found->r.exit, 0);
	assert_int_equal(found->r.load_runs, 1);
	assert_true(found->r.load_failed);
}

static void only_pid1_may(void **state)
{
	struct step s = shell("exit 0");
	struct step_result r;
	const char *what;

	(void)state;
	assert_int_equal(step_run(&s, -1, &r, &what), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outputs_and_status_are_kept),
		cmocka_unit_test(signal_is_told),
		cmocka_unit_test(missing_program_is_127),
		cmocka_unit_test(output_is_capped_and_counted),
		cmocka_unit_test(deadline_kills_the_group),
		cmocka_unit_test(stragglers_are_killed),
		cmocka_unit_test(load_is_restarted),
		cmocka_unit_test(load_ends_with_the_program),
		cmocka_unit_test(failing_load_is_not_restarted),
		cmocka_unit_test(only_pid1_may),
	};

	found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (found == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
