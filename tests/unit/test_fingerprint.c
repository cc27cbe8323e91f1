/* What of a boot's conditions must be equal before it is compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab/fingerprint.h"

#include "a_spec.h"

static json_t *facts(void)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:[s, s], s:s, s:s, s:[f,f],"
			 " s:i, s:s, s:s}",
			 "cpu_model", "A CPU", "microcode", "0x1", "governor",
			 "performance", "memory", "16265432 kB", "cmdline",
			 "BOOT_IMAGE=/boot/vmlinuz-6.1 root=/dev/vda1 ro "
			 "lpj=4000000 quiet", "mitigations", "a: b", "c: d",
			 "firmware", "SeaBIOS 1.16", "host_kernel", "6.1.0",
			 "host_load", 0.5, 3.25, "steal", 7, "compiler", "gcc",
			 "accel_why", "because");
}

static const char *value(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static json_t *on(const char *accel)
{
	json_t *spec = a_spec(1);

	json_object_set_new(json_object_get(spec, "machine"), "accel",
			    json_string(accel));
	return spec;
}

/* The host has no part in the exact clock. */
static void test_exact(void **state)
{
	static const char *const none[] = {
		"cpu_model", "microcode", "governor", "memory", "cmdline",
		"mitigations", "host_kernel", "accel", "host_load", "steal",
		"compiler", "accel_why"};
	json_t *spec = a_spec(2), *f = facts();
	json_t *o = fingerprint_matters(spec, "10.0.2", f);

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		assert_null(json_object_get(o, none[i]));
	assert_string_equal(value(o, "qemu"), "10.0.2");
	assert_string_equal(value(o, "initramfs"), "abc");
	assert_string_equal(value(o, "firmware"), "SeaBIOS 1.16");
	assert_non_null(strstr(value(o, "command"), "-icount shift=0"));
	assert_non_null(strstr(value(o, "settings"), "\"metronome_us\":20"));
	assert_non_null(value(o, "judge"));
	json_decref(o);
	json_decref(f);
	json_decref(spec);
}

/* Neither has the seed, nor what a kernel's config makes of the command. */
static void test_what_may_differ(void **state)
{
	json_t *spec = a_spec(1), *one, *two, *argv;

	(void)state;
	one = fingerprint_matters(spec, "10.0.2", NULL);
	spec_set_seed(spec, 7);
	json_object_set_new(json_object_get(spec, "kernel"), "release",
			    json_string("another"));
	argv = json_object_get(spec, "command");
	for (size_t i = 0; i < json_array_size(argv); i++) {
		const char *word = json_string_value(json_array_get(argv, i));
		char *more = xasprintf("%s lpj=%d", word, 1000000);

		if (str_starts(word, "console="))
			json_array_set_new(argv, i, json_string(more));
		free(more);
	}
	two = fingerprint_matters(spec, "10.0.2", NULL);
	assert_true(json_equal(one, two));
	json_decref(two);
	two = fingerprint_matters(spec, "10.0.3", NULL);
	assert_false(json_equal(one, two));
	json_decref(two);
	json_array_append_new(argv, json_string("-more"));
	two = fingerprint_matters(spec, "10.0.2", NULL);
	assert_false(json_equal(one, two));
	json_decref(two);
	json_decref(one);
	json_decref(spec);
}

static void test_metal(void **state)
{
	json_t *spec = on("metal"), *f = facts();
	json_t *o = fingerprint_matters(spec, "10.0.2", f);

	(void)state;
	assert_string_equal(value(o, "accel"), "metal");
	assert_string_equal(value(o, "cpu_model"), "A CPU");
	assert_string_equal(value(o, "governor"), "performance");
	assert_string_equal(value(o, "memory"), "about 16000 MiB");
	assert_string_equal(value(o, "cmdline"), "root=/dev/vda1 ro quiet");
	/* The measured kernel's own, or klab's host's. */
	assert_null(json_object_get(o, "mitigations"));
	assert_null(json_object_get(o, "host_kernel"));
	assert_null(json_object_get(o, "qemu"));
	/* What is not known is not there. */
	assert_null(json_object_get(o, "turbo"));
	json_decref(o);
	/* Or is odd. */
	json_object_set_new(f, "memory", json_string("much"));
	json_object_set_new(f, "governor", json_array());
	o = fingerprint_matters(spec, "10.0.2", f);
	assert_string_equal(value(o, "memory"), "much");
	assert_string_equal(value(o, "governor"), "[]");
	json_decref(o);
	json_decref(f);
	json_decref(spec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_what_may_differ),
		cmocka_unit_test(test_metal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
