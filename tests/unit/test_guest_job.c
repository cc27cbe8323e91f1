/*
 * The agent's orders: what a good job becomes, and that every bad one is
 * refused with its line and never read past.
 * Links runner/guest/job.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest/job.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define HEAD "klab-job 1\nsecret " SECRET "\nport /dev/ttyS1\n"

static const char full[] = HEAD "metronome_ns 20000\n"
				"mount tracefs /sys/kernel/tracing\n"
				"mount debugfs /sys/kernel/debug\n"
				"module /klab/modules/a.ko\n"
				"module /klab/modules/b.ko.xz x=1 y=a,b\n"
				"load\n"
				"arg hackbench\n"
				"arg -Tp\n"
				"env A=1\n"
				"step run\n"
				"deadline_ms 5000\n"
				"cap 100\n"
				"env LC_ALL=C\n"
				"arg cyclictest\n"
				"arg a b  c\n"
				"arg \n"
				"collect /tmp/out.json\n"
				"step again\n"
				"arg true\n"
				"set /proc/a 1\n"
				"set /proc/b two words \n"
				"set /proc/c\n"
				"reset /proc/a 0\n"
				"read /proc/d\n"
				"read /proc/e with blanks\n"
				"end\n";

static struct job job;
static char why[256];

/* Parses a copy that ends with its memory, so that ASan sees any overrun.  The
 * copy of the call before is freed: the job points into it. */
static bool parse(const char *text, size_t len)
{
	static char *copy;

	free(copy);
	copy = malloc(len + 1);
	assert_non_null(copy);
	memcpy(copy, text, len);
	copy[len] = '\0';
	why[0] = '\0';
	return job_parse(copy, len, &job, why, sizeof(why));
}

static void good_job_is_read(void **state)
{
	const struct step *s = &job.steps[0];

	(void)state;
	assert_true(parse(full, strlen(full)));
	assert_string_equal(job.secret, SECRET);
	assert_string_equal(job.port, "/dev/ttyS1");
	assert_int_equal(job.metronome_ns, 20000);
	assert_int_equal(job.n_modules, 2);
	assert_string_equal(job.modules[1].path, "/klab/modules/b.ko.xz");
	assert_int_equal(job.n_steps, 2);
	assert_int_equal(s->n_set + s->n_reset + s->n_read, 0);
	assert_string_equal(s->name, "run");
	assert_int_equal(s->deadline_ms, 5000);
	assert_int_equal(s->cap, 100);
	assert_int_equal(s->program.n_args, 3);
	assert_string_equal(s->program.argv[1], "a b  c");
	assert_string_equal(s->program.argv[2], "");
	assert_null(s->program.argv[3]);
	assert_string_equal(s->program.envp[0], "LC_ALL=C");
	assert_null(s->program.envp[1]);
	assert_int_equal(s->load.n_args, 2);
	assert_string_equal(s->load.argv[1], "-Tp");
	assert_string_equal(s->load.envp[0], "A=1");
	assert_string_equal(s->collect[0], "/tmp/out.json");
	assert_int_equal(job.steps[1].load.n_args, 0);
	assert_int_equal(job.steps[1].deadline_ms, 60000);
	assert_int_equal(job.steps[1].cap, 1 << 20);
}

static void what_goes_with_a_path_is_read(void **state)
{
	const struct step *s = &job.steps[1];

	(void)state;
	assert_true(parse(full, strlen(full)));
	assert_int_equal(job.n_mounts, 2);
	assert_string_equal(job.mounts[0].path, "/sys/kernel/tracing");
	assert_string_equal(job.mounts[0].value, "tracefs");
	assert_string_equal(job.modules[0].path, "/klab/modules/a.ko");
	assert_string_equal(job.modules[0].value, "");
	assert_string_equal(job.modules[1].value, "x=1 y=a,b");
	assert_int_equal(s->n_set, 3);
	assert_string_equal(s->set[0].path, "/proc/a");
	assert_string_equal(s->set[0].value, "1");
	assert_string_equal(s->set[1].value, "two words ");
	assert_string_equal(s->set[2].path, "/proc/c");
	assert_string_equal(s->set[2].value, "");
	assert_int_equal(s->n_reset, 1);
	assert_string_equal(s->reset[0].value, "0");
	assert_int_equal(s->n_read, 2);
	assert_string_equal(s->read[1], "/proc/e with blanks");
}

static void job_without_steps_is_good(void **state)
{
	(void)state;
	assert_true(parse(HEAD "end\n", strlen(HEAD "end\n")));
	assert_int_equal(job.n_steps, 0);
	assert_int_equal(job.metronome_ns, 0);
}

static void bad_jobs_are_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"", "line 0: no end"},
		{"klab-job 2\nend\n", "line 1: 'klab-job 1' expected"},
		{"end\n", "line 1: 'klab-job 1' expected"},
		{"klab-job 1\nend\n", "no port"},
		{"klab-job 1\nport /dev/ttyS1\nend\n", "no secret"},
		{HEAD, "no end"},
		{HEAD "end", "line 4: no newline"},
		{HEAD "end x\n", "end takes no value"},
		{HEAD "end\nend\n", "line 5: text after end"},
		{HEAD "colour red\nend\n", "line 4: unknown key 'colour'"},
		{HEAD "\nend\n", "unknown key ''"},
		{HEAD " end\n", "unknown key ''"},
		{HEAD "end\r\n", "unknown key"},
		{"klab-job 1\nsecret 12\n", "32 hex digits"},
		{"klab-job 1\nsecret 0123456789ABCDEF0123456789abcdef\n",
		 "32 hex digits"},
		{"klab-job 1\nport ttyS1\n", "not in /dev"},
		{"klab-job 1\nport /tmp/x\n", "not in /dev"},
		{HEAD "metronome_ns -1\n", "not a number"},
		{HEAD "metronome_ns 1x\n", "not a number"},
		{HEAD "metronome_ns \n", "not a number"},
		{HEAD "metronome_ns 18446744073709551617\n", "not a number"},
		{HEAD "metronome_ns 999\n", "faster than 1 us"},
		{HEAD "module a.ko\n", "not an absolute path"},
		{HEAD "mount tracefs\n", "not an absolute path: ''"},
		{HEAD "mount tracefs tracing\n", "not an absolute path"},
		{HEAD "mount  /sys\n", "a mount has a type and a path"},
		{HEAD "mount \n", "a mount has a type and a path"},
		{HEAD "set /proc/a 1\n", "set outside a step"},
		{HEAD "reset /proc/a 1\n", "reset outside a step"},
		{HEAD "read /proc/a\n", "read outside a step"},
		{HEAD "load\nread /proc/a\n", "read outside a step"},
		{HEAD "step run\nset proc 1\n", "not an absolute path: 'proc'"},
		{HEAD "step run\nset  1\n", "not an absolute path: ''"},
		{HEAD "step run\nreset 1\n", "not an absolute path: '1'"},
		{HEAD "step run\nread a\n", "not an absolute path: 'a'"},
		{HEAD "step run\nread \n", "not an absolute path: ''"},
		{HEAD "step run\nread /\n", "not an absolute path: '/'"},
		{HEAD "arg x\n", "outside a step or load"},
		{HEAD "env A=1\n", "outside a step or load"},
		{HEAD "cap 1\n", "outside a step"},
		{HEAD "collect /x\n", "outside a step"},
		{HEAD "load\ndeadline_ms 1\n", "outside a step"},
		{HEAD "load x\n", "load takes no value"},
		{HEAD "load\narg x\nload\n", "two loads"},
		{HEAD "load\nstep run\n", "load above has no arg"},
		{HEAD "load\narg x\nend\n", "load above has no step"},
		{HEAD "step run\nend\n", "step above has no arg"},
		{HEAD "step run\nstep b\n", "step above has no arg"},
		{HEAD "step \n", "1 to 63 letters"},
		{HEAD "step run\narg \n", "needs a name"},
		{HEAD "step run\nenv A\n", "not NAME=value"},
		{HEAD "step run\nenv =1\n", "not NAME=value"},
		{HEAD "step run\ndeadline_ms 0\n", "from 1 to"},
		{HEAD "step run\ncap 16777217\n", "from 1 to 16777216"},
		{HEAD "step run\ncollect out\n", "not an absolute path"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(parse(bad[i].text, strlen(bad[i].text)));
		if (!strstr(why, bad[i].says))
			fail_msg("'%s' gave '%s'", bad[i].text, why);
	}
}

static void nul_byte_is_refused(void **state)
{
	static const char text[] = HEAD "end\n\0end\n";

	(void)state;
	assert_false(parse(text, sizeof(text) - 1));
	assert_non_null(strstr(why, "NUL"));
}

/* The sentence about a bad job has to get out. */
static void port_and_secret_survive_an_error(void **state)
{
	(void)state;
	assert_false(parse("x\n", 2));
	assert_string_equal(job.port, "/dev/ttyS1");
	assert_int_equal(strlen(job.secret), 32);
	assert_false(parse(HEAD "x\n", strlen(HEAD "x\n")));
	assert_string_equal(job.secret, SECRET);
}

/* One more than each list holds is refused, and the list is not left. */
static void lists_are_bounded(void **state)
{
	static const struct {
		const char *begin, *line;
		int most;
	} lists[] = {
		{"", "module /a\n", JOB_MODULES},
		{"", "mount a /a\n", JOB_MOUNTS},
		{"step s\narg a\n", "set /a 1\n", JOB_WRITES},
		{"step s\narg a\n", "reset /a 1\n", JOB_WRITES},
		{"step s\narg a\n", "read /a\n", JOB_READS},
		{"step s\n", "arg a\n", JOB_ARGS},
		{"step s\narg a\n", "env A=1\n", JOB_ENVS},
		{"step s\narg a\n", "collect /a\n", JOB_COLLECTS},
		{"load\n", "arg a\n", JOB_ARGS},
		{"", "step s\narg a\n", JOB_STEPS},
		{"", "load\narg a\nstep s\narg a\n", JOB_STEPS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		static char text[16384];
		int len =
			snprintf(text, sizeof(text), HEAD "%s", lists[i].begin);

		for (int n = 0; n <= lists[i].most; n++)
			len += snprintf(text + len, sizeof(text) - (size_t)len,
					"%s", lists[i].line);
		assert_false(parse(text, (size_t)len));
		assert_non_null(strstr(why, "more than"));
	}
}

static void long_words_are_refused(void **state)
{
	static char text[1024];
	int len;

	(void)state;
	len = snprintf(text, sizeof(text), HEAD "module /%0300d\n", 0);
	assert_false(parse(text, (size_t)len));
	assert_non_null(strstr(why, "not an absolute path"));
	len = snprintf(text, sizeof(text), HEAD "step %064d\n", 0);
	assert_false(parse(text, (size_t)len));
	assert_non_null(strstr(why, "1 to 63 letters"));
	len = snprintf(text, sizeof(text), HEAD "%0500d\n", 0);
	assert_false(parse(text, (size_t)len));
	assert_int_equal(strlen(why), sizeof(why) - 1);
}

/* Every beginning of a good job, and every job with one byte changed: none may
 * crash, and none that was cut may pass. */
static void damaged_jobs_do_no_harm(void **state)
{
	static const char bytes[] = {0, '\n', ' ', '9', 'x', (char)0xff};
	size_t len = strlen(full);
	char text[sizeof(full)];

	(void)state;
	for (size_t n = 0; n < len; n++)
		assert_false(parse(full, n));
	for (size_t n = 0; n < len; n++) {
		for (size_t b = 0; b < sizeof(bytes); b++) {
			memcpy(text, full, sizeof(full));
			text[n] = bytes[b];
			if (!parse(text, len))
				assert_int_not_equal(why[0], 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_job_is_read),
		cmocka_unit_test(what_goes_with_a_path_is_read),
		cmocka_unit_test(job_without_steps_is_good),
		cmocka_unit_test(bad_jobs_are_refused),
		cmocka_unit_test(nul_byte_is_refused),
		cmocka_unit_test(port_and_secret_survive_an_error),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(long_words_are_refused),
		cmocka_unit_test(damaged_jobs_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
