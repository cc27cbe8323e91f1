/*
 * The judgement of a boot: whose fault it was, in one sentence.  How QEMU ended,
 * its port and its console make one file system each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_folder.h"

#include "base/err.h"
#include "base/file.h"
#include "console/console.h"
#include "lab/collect.h"

#include "a_spec.h"

#include <signal.h>
#include <unistd.h>

#define GPF                                                                    \
	"[    0.200000] general protection fault, probably for "               \
	"non-canonical address 0x6b6b6b6b6b6b6b6b: 0000 [#1] SMP\n"            \
	"[    0.200000] CPU: 0 PID: 0 Comm: swapper/0 Not tainted\n"           \
	"[    0.200000] RIP: 0010:kmem_cache_alloc+0x80/0x190\n"               \
	"[    0.200000] Call Trace:\n"                                         \
	"[    0.200000]  start_kernel+0x10/0x20\n"                             \
	"[    0.200000] ---[ end trace 0000000000000000 ]---\n"
#define WARNED                                                                 \
	"[    0.100000] ------------[ cut here ]------------\n"                \
	"[    0.100000] WARNING: CPU: 0 PID: 1 at mm/kfence/core.c:9 "         \
	"kfence_init+0x10/0x20\n"                                              \
	"[    0.100000] RIP: 0010:kfence_init+0x10/0x20\n"                     \
	"[    0.100000] ---[ end trace 0000000000000000 ]---\n"

/* ---- a guest ---- */

struct guest {
	json_t *spec;
	char secret[BOOT_SECRET];
	unsigned seq;
	struct str port, console;
	struct ending end;
	struct collected c;
};

static void guest_open(struct guest *g, int vcpus)
{
	*g = (struct guest){.spec = a_spec(vcpus)};
	spec_secret(g->spec, g->secret);
}

static void say(struct guest *g, const char *json)
{
	a_frame(&g->port, g->secret, &g->seq, json);
}

static void say_step(struct guest *g, const char *step, const char *end)
{
	char *json = xasprintf("{\"t\":\"end\",\"step\":\"%s\",%s}", step, end);

	say(g, json);
	free(json);
}

#define GOOD_END                                                               \
	"\"exit\":0,\"signal\":0,\"deadline\":false,\"elapsed_ns\":12345,"     \
	"\"nvcsw\":6,\"load_failed\":false"

static void say_output(struct guest *g)
{
	say(g, "{\"t\":\"out\",\"step\":\"run\",\"stream\":\"out\",\"data\":"
	       "\"Time: 2.5\\n\"}");
	say(g, "{\"t\":\"out\",\"step\":\"run\",\"stream\":\"file\",\"path\":"
	       "\"" A_CYCLICTEST "\",\"data\":\"{\\\"thread\\\":{\\\"0\\\":"
	       "{\\\"histogram\\\":{\\\"4\\\":9},\\\"cycles\\\":9,"
	       "\\\"min\\\":4,\\\"max\\\":4,\\\"avg\\\":4,\\\"cpu\\\":0}}}\"}");
}

static void say_all(struct guest *g)
{
	say(g, "{\"t\":\"hello\",\"agent\":1,\"ns\":100}");
	if (spec_int(g->spec, "machine", "metronome_us"))
		say(g, "{\"t\":\"metronome\",\"ok\":true}");
	say_step(g, "prepare", GOOD_END);
	say_output(g);
	say_step(g, "run", GOOD_END);
	say(g, "{\"t\":\"bye\",\"ns\":777}");
}

static void collect(struct guest *g)
{
	struct err e;

	assert_int_equal(file_put("port", g->port.buf, g->port.len, &e), 0);
	assert_int_equal(file_put("console", g->console.buf, g->console.len,
				  &e), 0);
	assert_int_equal(collect_boot(g->spec, "port", "console", &g->end,
				      &g->c, &e), 0);
}

static void guest_close(struct guest *g)
{
	collected_release(&g->c);
	str_release(&g->port);
	str_release(&g->console);
	json_decref(g->spec);
}

/* Judges and closes the guest. */
static void assert_judged(struct guest *g, enum boot_state state,
			  const char *outcome, const char *detail,
			  const char *reason)
{
	collect(g);
	if (g->c.state != state || strcmp(g->c.outcome, outcome) ||
	    strcmp(g->c.detail ? g->c.detail : "", detail) ||
	    (reason ? !g->c.reason || !strstr(g->c.reason, reason)
		    : g->c.reason != NULL))
		fail_msg("%s, %s (%s): %s", boot_state_name(g->c.state),
			 g->c.outcome, g->c.detail ? g->c.detail : "",
			 g->c.reason ? g->c.reason : "(none)");
	assert_int_equal(!g->c.excerpt, !strcmp(outcome, "ok"));
	guest_close(g);
}

/* ---- */

static void test_ok(void **state)
{
	struct guest g;

	(void)state;
	guest_open(&g, 1);
	say_all(&g);
	collect(&g);
	assert_int_equal(g.c.state, BOOT_OK);
	assert_string_equal(g.c.outcome, "ok");
	assert_int_equal(g.c.guest_ns, 777);
	assert_int_equal(g.c.nsamples, 4);
	assert_float_equal(g.c.samples[0].value, 12345, 1e-9);
	assert_float_equal(g.c.samples[2].value, 2.5, 1e-9);
	assert_int_equal(g.c.nhistograms, 1);
	assert_true(str_starts(g.c.lines.buf, "{\"t\":\"hello\""));
	assert_true(str_ends(g.c.lines.buf, "\"ns\":777}\n"));
	guest_close(&g);
}

static void test_ending_of_qemu(void **state)
{
	struct guest g;

	(void)state;
	guest_open(&g, 1);
	g.end.exit = 1;
	say_all(&g);
	assert_judged(&g, BOOT_LAB, "infra", "qemu", "exit status 1");
	guest_open(&g, 1);
	g.end.signal = SIGKILL;
	say_all(&g);
	assert_judged(&g, BOOT_LAB, "infra", "qemu", "killed by signal 9");
	/* On metal it is klab that drives the box. */
	guest_open(&g, 1);
	json_object_set_new(json_object_get(g.spec, "machine"), "accel",
			    json_string("metal"));
	g.end.exit = 4;
	assert_judged(&g, BOOT_LAB, "infra", "metal",
		      "the box's driver ended with exit status 4");
	guest_open(&g, 1);
	g.end = (struct ending){.signal = SIGTERM, .deadline = true,
				.wall_ms = 302000};
	say_all(&g);
	assert_judged(&g, BOOT_BAD, "hang", "deadline", "not done after 300 s");
	guest_open(&g, 1);
	g.end.signal = SIGXFSZ;
	say_all(&g);
	assert_judged(&g, BOOT_BAD, "workload-failed", "flood", "port");
}

static void test_flood(void **state)
{
	struct guest g;
	char *much = xcalloc(1, GUEST_FILE_CAP);

	(void)state;
	memset(much, 'x', GUEST_FILE_CAP);
	guest_open(&g, 1);
	say_all(&g);
	str_add(&g.console, much, GUEST_FILE_CAP);
	assert_judged(&g, BOOT_BAD, "workload-failed", "flood", "console");
	guest_open(&g, 1);
	say_all(&g);
	str_add(&g.console, much, GUEST_FILE_CAP - 1);
	assert_judged(&g, BOOT_OK, "ok", "", NULL);
	/* A box's console has no such limit: its begin is read. */
	guest_open(&g, 1);
	say_all(&g);
	str_adds(&g.console, WARNED);
	str_add(&g.console, much, GUEST_FILE_CAP);
	collect(&g);
	assert_string_equal(g.c.detail, "flood");
	assert_non_null(strstr(g.c.reason, "16 MiB to its console"));
	assert_int_equal(g.c.nfindings, 1);
	guest_close(&g);
	guest_open(&g, 1);
	say_all(&g);
	str_add(&g.port, much, GUEST_FILE_CAP);
	assert_judged(&g, BOOT_BAD, "workload-failed", "flood",
		      "16 MiB to its port");
	free(much);
}

static void test_nothing_said(void **state)
{
	struct guest g;
	struct err e;

	(void)state;
	guest_open(&g, 1);
	assert_judged(&g, BOOT_BAD, "no-boot", "silent", "never reported");
	/* A QEMU that made no files at all. */
	guest_open(&g, 1);
	assert_int_equal(collect_boot(g.spec, "none", "none", &g.end, &g.c, &e),
			 0);
	assert_string_equal(g.c.outcome, "no-boot");
	assert_string_equal(g.c.detail, "silent");
	assert_string_equal(g.c.excerpt, "(the console is empty)\n");
	guest_close(&g);
	/* A file that cannot be read is our trouble. */
	guest_open(&g, 1);
	assert_true(collect_boot(g.spec, dir, "none", &g.end, &g.c, &e) < 0);
	assert_int_equal(e.kind, ERR_LAB);
	guest_close(&g);
}

static void test_panic(void **state)
{
	struct guest g;

	(void)state;
	guest_open(&g, 1);
	str_adds(&g.console, "[    1.000000] fine\n[    2.000000] Kernel panic - not syncing: "
			     "\x1b[2Jno init\r\nafter\n");
	say(&g, "{\"t\":\"hello\"}");
	assert_judged(&g, BOOT_BAD, "panic", "panic",
		      "Kernel panic - not syncing: no init");
	/* Garbage on the port may be the panic's doing. */
	guest_open(&g, 1);
	str_adds(&g.console, "Kernel panic - not syncing: x");
	str_adds(&g.port, "garbage\n");
	assert_judged(&g, BOOT_BAD, "panic", "panic", "not syncing: x");
	/* A panic that did not end the guest is no mere hang. */
	guest_open(&g, 1);
	g.end = (struct ending){.signal = SIGTERM, .deadline = true,
				.wall_ms = 300000};
	str_adds(&g.console, "Kernel panic - not syncing: y");
	assert_judged(&g, BOOT_BAD, "panic", "panic", "not syncing: y");
	/* Who said bye has done its work; what comes then is a finding. */
	guest_open(&g, 1);
	str_adds(&g.console, "[    9.000000] Kernel panic - not syncing: late\n");
	say_all(&g);
	assert_judged(&g, BOOT_OK, "splat", "splat", "not syncing: late");
}

/* The first cause is named first, then what ended it. */
static void test_panic_with_a_cause(void **state)
{
	struct guest g;

	(void)state;
	guest_open(&g, 1);
	str_adds(&g.console, GPF
		 "[    0.300000] Kernel panic - not syncing: Attempted to kill "
		 "the idle task!\n");
	collect(&g);
	assert_string_equal(g.c.outcome, "panic");
	assert_true(str_starts(g.c.reason, "general protection fault"));
	assert_non_null(strstr(g.c.reason, "; then: Kernel panic - not syncing"
					   ": Attempted to kill the idle"));
	assert_true(g.c.nfindings >= 1);
	assert_int_equal(g.c.findings[0].kind, FINDING_GPF);
	assert_string_equal(g.c.findings[0].function, "kmem_cache_alloc");
	guest_close(&g);
}

/* What a kernel survives: the samples are there, and so is the finding. */
static void test_splat(void **state)
{
	struct guest g;

	(void)state;
	guest_open(&g, 1);
	str_adds(&g.console, WARNED);
	say_all(&g);
	collect(&g);
	assert_int_equal(g.c.state, BOOT_OK);
	assert_string_equal(g.c.outcome, "splat");
	assert_string_equal(g.c.detail, "splat");
	assert_int_equal(g.c.nsamples, 4);
	assert_int_equal(g.c.nfindings, 1);
	assert_string_equal(g.c.findings[0].function, "kfence_init");
	assert_non_null(strstr(g.c.excerpt, "WARNING: "));
	guest_close(&g);
	/* It may be why a step failed. */
	guest_open(&g, 1);
	str_adds(&g.console, WARNED);
	say_step(&g, "prepare", "\"exit\":1");
	say(&g, "{\"t\":\"bye\"}");
	assert_judged(&g, BOOT_BAD, "workload-failed", "workload",
		      "ended with exit status 1; its console has: WARNING: ");
	/* But it does not make a failure of the lab's the kernel's. */
	guest_open(&g, 1);
	str_adds(&g.console, WARNED);
	g.end.signal = SIGKILL;
	assert_judged(&g, BOOT_LAB, "infra", "qemu", "killed by signal 9");
}

static void test_hang(void **state)
{
	struct guest g;

	(void)state;
	guest_open(&g, 1);
	g.end = (struct ending){.exit = 1, .hang = "no sign of life for 20 s"};
	say(&g, "{\"t\":\"hello\"}");
	assert_judged(&g, BOOT_BAD, "hang", "hang",
		      "no sign of life for 20 s");
	/* A panic that stands still is a panic. */
	guest_open(&g, 1);
	g.end.hang = "no sign of life for 20 s";
	str_adds(&g.console, "[    1.000000] Kernel panic - not syncing: x\n");
	assert_judged(&g, BOOT_BAD, "panic", "panic", "not syncing: x");
}

static void test_infra_instead(void **state)
{
	struct guest g;

	(void)state;
	guest_open(&g, 1);
	str_adds(&g.console, WARNED);
	say_all(&g);
	collect(&g);
	collected_infra(&g.c, "disk", xstrdup("the disk is full"));
	assert_int_equal(g.c.state, BOOT_LAB);
	assert_string_equal(g.c.outcome, "infra");
	assert_string_equal(g.c.detail, "disk");
	assert_string_equal(g.c.reason, "the disk is full");
	guest_close(&g);
}

static void test_untrue_frames(void **state)
{
	struct guest g;

	(void)state;
	guest_open(&g, 1);
	say_all(&g);
	str_adds(&g.port, "x");
	assert_judged(&g, BOOT_BAD, "workload-failed", "garbage", "is a line without an end "
					       "(1 such lines)");
	guest_open(&g, 1);
	say(&g, "{\"t\":\"hello\"}");
	g.secret[0] ^= 1;
	say(&g, "{\"t\":\"bye\"}");
	assert_judged(&g, BOOT_BAD, "workload-failed", "garbage", "line 2 of the guest's port is "
					       "a frame that this boot's agent "
					       "did not write");
}

static void test_agent_gives_up(void **state)
{
	struct guest g;

	(void)state;
	guest_open(&g, 1);
	say(&g, "{\"t\":\"hello\"}");
	assert_judged(&g, BOOT_BAD, "panic", "incomplete", "before its agent was done");
	guest_open(&g, 1);
	say(&g, "{\"t\":\"error\",\"what\":\"cannot\\u001b mount\\u00e9\"}");
	assert_judged(&g, BOOT_BAD, "workload-failed", "agent", "the agent gave up: cannot? "
					     "mount??");
	guest_open(&g, 1);
	say(&g, "{\"t\":\"error\"}");
	assert_judged(&g, BOOT_BAD, "workload-failed", "agent", "the agent gave up: ");
}

static void test_metronome(void **state)
{
	static const char *const said[] = {
		"{\"t\":\"metronome\",\"ok\":false,\"error\":\"no HPET\"}",
		"{\"t\":\"metronome\",\"ok\":\"true\"}",
		"{\"t\":\"metronome\"}", "{\"t\":\"x\"}"};
	static const char *const want[] = {"no HPET", "", "",
					   "the agent said nothing"};
	struct guest g;

	(void)state;
	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++) {
		guest_open(&g, 2);
		say(&g, said[i]);
		say(&g, "{\"t\":\"bye\"}");
		assert_judged(&g, BOOT_BAD, "workload-failed", "metronome", want[i]);
	}
	guest_open(&g, 2);
	say_all(&g);
	assert_judged(&g, BOOT_OK, "ok", "", NULL);
}

static void test_steps(void **state)
{
	static const struct {
		const char *end, *want;
	} cases[] = {
		{"\"exit\":3", "step 'run' ended with exit status 3: no\xc3"},
		{"\"exit\":0,\"signal\":11", "step 'run' was killed by signal "
					     "11"},
		{"\"exit\":0,\"deadline\":true", "step 'run' was not done after "
						 "60 s of guest time"},
		{"\"exit\":0,\"load_failed\":true", "the load beside step "
						    "'run' failed"},
		{"\"exit\":-1", "exit status -1"},
	};
	struct guest g;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *want = xstrdup(cases[i].want);

		str_plain(want);
		guest_open(&g, 1);
		say_step(&g, "prepare", GOOD_END);
		say_output(&g);
		say(&g, "{\"t\":\"out\",\"step\":\"run\",\"stream\":\"err\","
			"\"data\":\"first\\nno\\u00c3\\n\\n\"}");
		say_step(&g, "run", cases[i].end);
		say(&g, "{\"t\":\"bye\"}");
		assert_judged(&g, BOOT_BAD, "workload-failed", "workload", want);
		free(want);
	}
	/* The first step that failed is the one to tell. */
	guest_open(&g, 1);
	say_step(&g, "prepare", "\"exit\":1");
	say(&g, "{\"t\":\"bye\"}");
	assert_judged(&g, BOOT_BAD, "workload-failed", "workload", "step 'prepare' ended with");
	guest_open(&g, 1);
	say_step(&g, "prepare", GOOD_END);
	say(&g, "{\"t\":\"bye\"}");
	assert_judged(&g, BOOT_BAD, "workload-failed", "workload", "step 'run' did not run");
	/* All ran, but what it is judged by is not there. */
	guest_open(&g, 1);
	say_step(&g, "prepare", GOOD_END);
	say_step(&g, "run", "\"exit\":0,\"elapsed_ns\":-1");
	say(&g, "{\"t\":\"bye\"}");
	assert_judged(&g, BOOT_BAD, "workload-failed", "workload", "metric 'time': ");
}

static void assert_missing(const struct collected *c, const char *metric,
			   const char *why)
{
	for (size_t i = 0; i < c->nmissing; i++)
		if (!strcmp(c->missing[i].metric, metric)) {
			if (!strstr(c->missing[i].why, why))
				fail_msg("'%s'", c->missing[i].why);
			return;
		}
	fail_msg("'%s' is not missing", metric);
}

/* What it is not judged by may lack, which is told and is no failure. */
static void test_missing(void **state)
{
	struct guest g;

	(void)state;
	guest_open(&g, 1);
	say_step(&g, "prepare", GOOD_END);
	say_step(&g, "run", GOOD_END);
	say(&g, "{\"t\":\"bye\"}");
	collect(&g);
	assert_string_equal(g.c.outcome, "ok");
	assert_null(g.c.reason);
	assert_int_equal(g.c.nsamples, 2);
	assert_int_equal(g.c.nmissing, 2);
	assert_missing(&g.c, "told", "it printed nothing");
	assert_missing(&g.c, "max", "cyclictest's JSON");
	guest_close(&g);
	/* Each by itself; what the guest wrote comes out plain. */
	guest_open(&g, 1);
	say_step(&g, "prepare", GOOD_END);
	say(&g, "{\"t\":\"out\",\"step\":\"run\",\"stream\":\"out\",\"data\":"
		"\"Time: \\u001b[2J\\n\"}");
	say_step(&g, "run", GOOD_END);
	say(&g, "{\"t\":\"bye\"}");
	collect(&g);
	assert_string_equal(g.c.outcome, "ok");
	assert_missing(&g.c, "told", "has '?[2J' where a number should be");
	guest_close(&g);
}

static void test_excerpt(void **state)
{
	struct str console = STR_INIT;
	struct guest g;

	(void)state;
	for (int i = 0; i < 100; i++)
		str_addf(&console, "line %d\n", i);
	guest_open(&g, 1);
	str_adds(&g.console, console.buf);
	collect(&g);
	assert_true(str_starts(g.c.excerpt, "line 70\n"));
	assert_true(str_ends(g.c.excerpt, "line 99\n"));
	guest_close(&g);
	/* The first finding, if there is one. */
	guest_open(&g, 1);
	str_addf(&g.console, "%s" WARNED "%s" GPF "%s", console.buf,
		 console.buf, console.buf);
	collect(&g);
	assert_string_equal(g.c.excerpt, g.c.findings[0].excerpt);
	assert_non_null(strstr(g.c.excerpt, "kfence_init"));
	guest_close(&g);
	/* One line without an end. */
	guest_open(&g, 1);
	for (int i = 0; i < 100; i++)
		str_adds(&g.console, "\x9b\tabcdefghijklmnopqrstuvwxyz"
				     "abcdefghijklmnopqrstuvwxyz"
				     "abcdefghijklmnopqrstuvwxyz\xc3\xa4");
	collect(&g);
	assert_int_equal(strlen(g.c.excerpt), 8001);
	assert_true(str_starts(g.c.excerpt, "? abc"));
	guest_close(&g);
	str_release(&console);
}

static void test_any_console(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct guest g;
		int n = rand_r(&seed) % 300;

		guest_open(&g, 1);
		for (int i = 0; i < n; i++) {
			char c = (char)(rand_r(&seed) % 4 ? rand_r(&seed)
							  : '\n');

			str_add(&g.console, &c, 1);
		}
		collect(&g);
		for (const char *p = g.c.excerpt; *p; p++)
			assert_true(*p == '\n' || (*p >= 32 && *p < 127));
		guest_close(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ok),
		cmocka_unit_test(test_ending_of_qemu),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_nothing_said),
		cmocka_unit_test(test_panic),
		cmocka_unit_test(test_panic_with_a_cause),
		cmocka_unit_test(test_splat),
		cmocka_unit_test(test_hang),
		cmocka_unit_test(test_infra_instead),
		cmocka_unit_test(test_untrue_frames),
		cmocka_unit_test(test_agent_gives_up),
		cmocka_unit_test(test_metronome),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_excerpt),
		cmocka_unit_test(test_any_console),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
