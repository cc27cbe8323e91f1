/* The spec of a boot: its identity, the job in it, and damaged files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_folder.h"

#include "base/err.h"
#include "base/file.h"

/* Both ends have steps and programs; the latter is also a member. */
#define step guest_step
#define program guest_program
#include "guest/job.h"
#undef step
#undef program

#include "a_spec.h"

#include <unistd.h>

static void test_id(void **state)
{
	json_t *spec = a_spec(1), *same = a_spec(1);
	char id[BOOT_ID], other[BOOT_ID];

	(void)state;
	spec_id(spec, id);
	assert_int_equal(strlen(id), BOOT_ID - 1);
	assert_int_equal(strspn(id, "0123456789abcdef"), BOOT_ID - 1);
	spec_id(same, other);
	assert_string_equal(id, other);
	spec_set_seed(same, 2);
	spec_id(same, other);
	assert_string_not_equal(id, other);
	spec_set_seed(same, 1);
	/* How long it may take does not change what it is. */
	json_object_set_new(same, "deadline_s", json_integer(7));
	spec_id(same, other);
	assert_string_equal(id, other);
	json_decref(same);
	same = a_spec(2);
	spec_id(same, other);
	assert_string_not_equal(id, other);
	json_decref(same);
	json_decref(spec);
}

/* Each leaf of a spec is part of the identity, but for the deadline. */
static void change_each(json_t *spec, json_t *at, const char *id)
{
	json_t *members = json_copy(at), *value;
	const char *key;

	json_object_foreach(members, key, value) {
		char other[BOOT_ID];

		if (json_is_object(value))
			change_each(spec, value, id);
		if (json_is_object(value) || !strcmp(key, "deadline_s") ||
		    !strcmp(key, "hang_s"))
			continue;
		json_object_set_new(at, key, json_string("changed"));
		spec_id(spec, other);
		if (!strcmp(id, other))
			fail_msg("'%s' is not part of the identity", key);
		json_object_set(at, key, value);
	}
	json_decref(members);
}

static void test_all_of_it_counts(void **state)
{
	json_t *spec = a_spec(2);
	char id[BOOT_ID], again[BOOT_ID];

	(void)state;
	spec_id(spec, id);
	change_each(spec, spec, id);
	spec_id(spec, again);
	assert_string_equal(id, again);
	json_decref(spec);
}

static void test_secret(void **state)
{
	json_t *spec = a_spec(1);
	char id[BOOT_ID], secret[BOOT_SECRET], other[BOOT_SECRET];

	(void)state;
	spec_id(spec, id);
	spec_secret(spec, secret);
	assert_int_equal(strspn(secret, "0123456789abcdef"), 32);
	/* Who knows the id does not know the secret. */
	assert_memory_not_equal(secret, id, BOOT_ID - 1);
	spec_set_seed(spec, 2);
	spec_secret(spec, other);
	assert_string_not_equal(secret, other);
	json_decref(spec);
}

/* The agent's own reader takes the job, and finds in it what was meant. */
static void test_job(void **state)
{
	static struct job job;
	json_t *spec = a_spec(2);
	char secret[BOOT_SECRET], why[256], *text;

	(void)state;
	json_array_append_new(json_object_get(spec, "load"),
			      json_string("hackbench"));
	json_array_append_new(json_object_get(spec, "load"),
			      json_string("-s 4096"));
	json_array_append_new(json_object_get(spec, "modules"),
			      json_string("brd.ko.xz"));
	text = spec_job(spec);
	spec_secret(spec, secret);
	if (!job_parse(text, strlen(text), &job, why, sizeof(why)))
		fail_msg("%s", why);
	assert_string_equal(job.secret, secret);
	assert_string_equal(job.port, "/dev/ttyS1");
	assert_int_equal(job.metronome_ns, 20000);
	assert_int_equal(job.n_modules, 1);
	assert_string_equal(job.modules[0].path, "/klab/modules/brd.ko.xz");
	assert_int_equal(job.n_steps, 2);
	assert_string_equal(job.steps[0].name, "prepare");
	assert_int_equal(job.steps[0].deadline_ms, 5000);
	assert_int_equal(job.steps[1].guest_program.n_args, 2);
	assert_string_equal(job.steps[1].guest_program.argv[1], "-q");
	assert_int_equal(job.steps[1].n_collect, 1);
	assert_string_equal(job.steps[1].collect[0], A_CYCLICTEST);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(job.steps[i].load.n_args, 2);
		assert_string_equal(job.steps[i].load.argv[1], "-s 4096");
	}
	free(text);
	json_decref(spec);
}

/* What few workloads have. */
static json_t *rich_spec(void)
{
	static struct monitor monitors[2] = {
		{.name = (char *)"one"}, {.name = (char *)"two"}};
	struct workload w = *a_workload();
	json_t *spec;

	if (!monitors[0].set.n) {
		strv_add(&monitors[0].set, "/proc/a 1");
		strv_add(&monitors[0].reset, "/proc/a 0");
		strv_add(&monitors[0].read, "/proc/b");
		strv_add(&monitors[1].read, "/proc/c");
		strv_add(&monitors[1].wrap, "perf");
		strv_add(&monitors[1].wrap, "--");
		strv_add(&monitors[1].collect, "/tmp/perf");
	}
	w.monitors = monitors;
	w.nmonitors = 2;
	strv_add(&w.kmods, "/x/workloads/y/klab_x.c");
	strv_add(&w.mounts, "tracefs /sys/kernel/tracing");
	spec = a_spec_of(&w, 2);
	strv_release(&w.kmods);
	strv_release(&w.mounts);
	return spec;
}

/* Monitors watch the last step alone. */
static void test_job_with_monitors(void **state)
{
	static struct job job;
	json_t *spec = rich_spec();
	const struct guest_step *last = &job.steps[1];
	char why[256], *text;

	(void)state;
	json_array_append_new(json_object_get(spec, "modules"),
			      json_string("brd.ko rd_nr=1 rd_size=64"));
	text = spec_job(spec);
	if (!job_parse(text, strlen(text), &job, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(job.n_mounts, 1);
	assert_string_equal(job.mounts[0].value, "tracefs");
	assert_string_equal(job.mounts[0].path, "/sys/kernel/tracing");
	/* Those of klab's own are loaded by a step, not by the agent. */
	assert_int_equal(job.n_modules, 1);
	assert_string_equal(job.modules[0].path, "/klab/modules/brd.ko");
	assert_string_equal(job.modules[0].value, "rd_nr=1 rd_size=64");
	assert_int_equal(job.steps[0].n_set + job.steps[0].n_read, 0);
	assert_string_equal(job.steps[0].guest_program.argv[0], "true");
	assert_int_equal(last->n_set, 1);
	assert_string_equal(last->set[0].path, "/proc/a");
	assert_string_equal(last->set[0].value, "1");
	assert_string_equal(last->reset[0].value, "0");
	assert_int_equal(last->n_read, 2);
	assert_string_equal(last->read[1], "/proc/c");
	assert_string_equal(last->guest_program.argv[0], "perf");
	assert_string_equal(last->guest_program.argv[1], "--");
	assert_string_equal(last->guest_program.argv[2], "cyclictest");
	assert_int_equal(last->n_collect, 2);
	assert_string_equal(last->collect[1], "/tmp/perf");
	free(text);
	json_decref(spec);
}

static int store(const json_t *spec)
{
	char *text = json_dumps(spec, 0);
	struct err e;
	int r = file_put("spec.json", text, strlen(text), &e);

	free(text);
	return r;
}

static void test_load(void **state)
{
	json_t *spec = a_spec(2), *loaded;
	struct err e;

	(void)state;
	assert_int_equal(store(spec), 0);
	assert_int_equal(spec_load("spec.json", &loaded, &e), 0);
	assert_true(json_equal(spec, loaded));
	json_decref(loaded);
	json_decref(spec);
	assert_true(spec_load("none.json", &loaded, &e) < 0);
	assert_int_equal(e.kind, ERR_LAB);
	assert_non_null(strstr(e.text, "none.json"));
}

static void assert_refused(const json_t *spec, const char *key)
{
	json_t *loaded;
	struct err e;

	assert_int_equal(store(spec), 0);
	if (!spec_load("spec.json", &loaded, &e))
		fail_msg("a spec with a damaged '%s' was taken", key);
	assert_int_equal(e.kind, ERR_LAB);
}

/* Each member missing, and each of another type. */
static void damage_each(json_t *spec, json_t *at)
{
	json_t *members = json_copy(at), *value;
	const char *key;

	json_object_foreach(members, key, value) {
		json_object_set_new(at, key, json_null());
		assert_refused(spec, key);
		json_object_del(at, key);
		/* Specs from before there was that key; and not each metric is
		 * the primary one. */
		if (strcmp(key, "hang_s") && strcmp(key, "primary"))
			assert_refused(spec, key);
		json_object_set(at, key, value);
		if (json_is_object(value))
			damage_each(spec, value);
		else if (json_is_object(json_array_get(value, 0)))
			damage_each(spec, json_array_get(value, 0));
	}
	json_decref(members);
}

static void test_damaged(void **state)
{
	json_t *spec = a_spec(2), *loaded;
	struct err e;

	(void)state;
	damage_each(spec, spec);
	assert_int_equal(store(spec), 0);
	assert_int_equal(spec_load("spec.json", &loaded, &e), 0);
	json_decref(loaded);
	json_decref(spec);
}

/* A workload that has none of these has a spec without them. */
static void test_extras(void **state)
{
	json_t *spec = rich_spec(), *plain = a_spec(2), *loaded;
	static const char *const keys[] = {"kmods", "mounts", "monitors"};
	char id[BOOT_ID], other[BOOT_ID];
	struct err e;

	(void)state;
	assert_string_equal(json_string_value(json_array_get(
				    json_object_get(spec, "kmods"), 0)),
			    "klab_x.ko");
	assert_int_equal(store(spec), 0);
	if (spec_load("spec.json", &loaded, &e))
		fail_msg("%s", e.text);
	assert_true(json_equal(spec, loaded));
	json_decref(loaded);
	spec_id(spec, id);
	for (size_t i = 0; i < 3; i++) {
		json_t *value = json_incref(json_object_get(spec, keys[i]));

		assert_null(json_object_get(plain, keys[i]));
		json_object_del(spec, keys[i]);
		spec_id(spec, other);
		assert_string_not_equal(id, other);
		json_object_set_new(spec, keys[i], value);
	}
	json_decref(plain);
	json_decref(spec);
}

static void assert_bad_extra(const char *key, const char *json)
{
	json_t *spec = rich_spec();

	json_object_set_new(spec, key, json_loads(json, JSON_DECODE_ANY, NULL));
	assert_refused(spec, key);
	json_decref(spec);
}

static void test_damaged_extras(void **state)
{
	static const char *const lists[] = {"set", "reset", "read", "collect",
					    "name"};
	static const char *const bad[] = {"null", "5", "\"x\"", "{}", "[5]",
					  "[[]]", "[\"a\\nsecret 0\"]"};

	(void)state;
	for (size_t k = 0; k < sizeof(bad) / sizeof(*bad); k++) {
		assert_bad_extra("kmods", bad[k]);
		assert_bad_extra("mounts", bad[k]);
		assert_bad_extra("monitors", bad[k]);
	}
	assert_bad_extra("kmods", "[\"../x.ko\"]");
	assert_bad_extra("kmods", "[\"a/b.ko\"]");
	assert_bad_extra("kmods", "[\"x.ko y=1\"]");
	assert_bad_extra("modules", "[\"../x.ko y=1\"]");
	assert_bad_extra("modules", "[\" y=1\"]");
	assert_bad_extra("modules", "[\"x.ko y=1\\nend\"]");
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		for (size_t k = 0; k < sizeof(bad) / sizeof(*bad); k++) {
			json_t *spec = rich_spec(), *m;

			m = json_array_get(json_object_get(spec, "monitors"),
					   1);
			json_object_set_new(m, lists[i],
					    json_loads(bad[k], JSON_DECODE_ANY,
						       NULL));
			if (strcmp(lists[i], "name") || strcmp(bad[k], "\"x\""))
				assert_refused(spec, lists[i]);
			json_object_del(m, lists[i]);
			assert_refused(spec, lists[i]);
			json_decref(spec);
		}
	}
}

/* Values that would lead out of the lab, or into the next line of the job. */
static void test_hostile(void **state)
{
	static const struct {
		const char *object, *key, *value;
	} cases[] = {
		{"kernel", "key", "../../etc"},
		{"kernel", "file", "/etc/passwd"},
		{"kernel", "file", "a/b"},
		{"kernel", "key", ".."},
		{NULL, "initramfs", "../x"},
	};
	static const char *const lists[] = {"load", "modules", "env",
					    "command"};
	json_t *spec;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		spec = a_spec(1);
		json_object_set_new(cases[i].object
					    ? json_object_get(spec,
							      cases[i].object)
					    : spec,
				    cases[i].key, json_string(cases[i].value));
		assert_refused(spec, cases[i].key);
		json_decref(spec);
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		spec = a_spec(1);
		json_array_append_new(json_object_get(spec, lists[i]),
				      json_string("a\nsecret 0"));
		assert_refused(spec, lists[i]);
		json_decref(spec);
	}
	spec = a_spec(1);
	json_object_set_new(json_array_get(json_object_get(spec, "steps"), 0),
			    "name", json_string("a\nend"));
	assert_refused(spec, "name");
	json_decref(spec);
	spec = a_spec(1);
	json_array_append_new(json_object_get(spec, "modules"),
			      json_string("../../../etc/passwd"));
	assert_refused(spec, "modules");
	json_decref(spec);
	for (long long limit = -1; limit < 2; limit += 2) {
		spec = a_spec(1);
		json_object_set_new(json_array_get(json_object_get(spec,
								   "metrics"),
						   3),
				    "limit_us",
				    json_integer(limit * 1000000000000));
		assert_refused(spec, "limit_us");
		json_decref(spec);
	}
}

static void test_command(void **state)
{
	const struct qemu qemu = {.path = (char *)"/usr/bin/qemu"};
	json_t *spec = a_spec(2);
	const struct flight f = {.qemu = &qemu, .spec = spec};
	struct strv argv = STRV_INIT;
	char *line;

	(void)state;
	backend_of(spec)->boot(&f, &argv);
	line = strv_join(&argv, " ");
	assert_true(str_starts(line, "/usr/bin/qemu "));
	/* What keeps a boot exact: see docs/exact-clock.md. */
	assert_non_null(strstr(line, " -icount shift=0,sleep=off "));
	assert_non_null(strstr(line, " -nic none "));
	assert_non_null(strstr(line, "clock=vm"));
	assert_non_null(strstr(line, " -no-reboot "));
	assert_non_null(strstr(line, " -smp 2 "));
	assert_non_null(strstr(line, " -seed 1"));
	assert_non_null(strstr(line, "hpet=disable"));
	/* And equal wherever the lab lies. */
	assert_null(strstr(line + 1, " /"));
	assert_null(strstr(line, "=/"));
	free(line);
	strv_release(&argv);
	json_decref(spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_all_of_it_counts),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_job),
		cmocka_unit_test(test_job_with_monitors),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_extras),
		cmocka_unit_test(test_damaged_extras),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_command),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
