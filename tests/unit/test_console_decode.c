/*
 * Source lines of functions: this test is the vmlinux.  Some of its functions
 * say that they are from the files of a kernel that was built in /build/linux.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_folder.h"
#include "base/err.h"
#include "base/file.h"
#include "console/decode.h"
#include "console/ksyms.h"

int start_kernel(int x);
int a_slab_function(int x);

/* clang-format off */
#line 101 "/build/linux/init/main.c"
__attribute__((noinline)) int start_kernel(int x) { return a_slab_function(x) * 3; }
#line 201 "/build/linux/mm/slub.c"
__attribute__((noinline)) int a_slab_function(int x) { return x * 7 + 1; }
#line 27 "tests/unit/test_console_decode.c"
/* clang-format on */

/* This program, for addr2line as well. */
static const char *self(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(n > 0);
	return path;
}

static struct decoder *decoder_of(const char *vmlinux, const char *map)
{
	struct decoder *d;
	struct err e;

	if (decoder_new(vmlinux, map, &d, &e))
		fail_msg("%s", e.text);
	return d;
}

static char *decoded(struct decoder *d, const char *text)
{
	struct str out = STR_INIT;
	struct err e;

	decoder_add(d, text);
	if (decoder_run(d, &e))
		fail_msg("%s", e.text);
	decoder_print(d, text, &out);
	return str_detach(&out);
}

static void test_lines(void **state)
{
	struct decoder *d = decoder_of(self(), NULL);
	char *text;

	(void)state;
	assert_true(decoder_has_lines(d));
	text = decoded(d, "[    1.000000] RIP: 0010:a_slab_function+0x0\n"
			  "[    1.000000]  ? start_kernel+0x0\n"
			  "no function\n\n"
			  " of_a_module+0x1/0x2 [m]\n unknown+0x1/0x2\nend");
	assert_string_equal(text,
			    "[    1.000000] RIP: 0010:a_slab_function+0x0\n"
			    "\tmm/slub.c:201 a_slab_function\n"
			    "[    1.000000]  ? start_kernel+0x0\n"
			    "\tinit/main.c:101 start_kernel\n"
			    "no function\n\n"
			    " of_a_module+0x1/0x2 [m]\n"
			    " unknown+0x1/0x2\nend\n");
	free(text);
	decoder_free(d);
}

static void test_json(void **state)
{
	static const char *const text = " a_slab_function+0x0\n nobody+0x1/0x2";
	struct decoder *d = decoder_of(self(), NULL);
	const json_t *first, *at;
	json_t *list;
	struct err e;

	(void)state;
	decoder_add(d, text);
	assert_int_equal(decoder_run(d, &e), 0);
	list = decoder_json(d, text);
	assert_int_equal(json_array_size(list), 2);
	first = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(first, "symbol")),
			    "a_slab_function+0x0");
	assert_non_null(json_object_get(first, "address"));
	at = json_array_get(json_object_get(first, "at"), 0);
	assert_string_equal(json_string_value(json_object_get(at, "file")),
			    "mm/slub.c");
	assert_int_equal(json_integer_value(json_object_get(at, "line")), 201);
	assert_null(json_object_get(json_array_get(list, 1), "address"));
	json_decref(list);
	decoder_free(d);
}

/* Another kernel has a function of that name, too, but of another length. */
static void test_other_kernel(void **state)
{
	struct decoder *d = decoder_of(self(), NULL);
	char *text;

	(void)state;
	text = decoded(d, " a_slab_function+0x1/0x2000\n"
			  " a_slab_function+0x4000\n");
	assert_string_equal(text, " a_slab_function+0x1/0x2000\n"
				  " a_slab_function+0x4000\n");
	free(text);
	decoder_free(d);
}

static void put_map(const char *text)
{
	struct err e;

	assert_int_equal(file_put("System.map", text, strlen(text), &e), 0);
}

static void test_map(void **state)
{
	static const char *const map = "0000000000000000 D __per_cpu_start\n"
				       "ffffffff81000000 T first\n"
				       "ffffffff81000040 t twice\n"
				       "ffffffff81000080 t second\n"
				       "ffffffff810000f0 t __pfx_twice\n"
				       "ffffffff81000100 t twice\n"
				       "ffffffff81000400 T last\n"
				       "garbage\nffffffff8100\n";
	struct decoder *d;
	char *text;

	(void)state;
	put_map(map);
	d = decoder_of(NULL, "System.map");
	assert_false(decoder_has_lines(d));
	text = decoded(d, " first+0x10/0x40\n twice+0x10/0x300\n"
			  " twice+0x10/0x40\n");
	assert_string_equal(text, " first+0x10/0x40  <ffffffff81000010>\n"
				  " twice+0x10/0x300  <ffffffff81000110>\n"
				  " twice+0x10/0x40  <ffffffff81000050>\n");
	free(text);
	decoder_free(d);
}

static void test_bad_files(void **state)
{
	struct decoder *d;
	struct err e;

	(void)state;
	put_map("this is no map\n");
	assert_true(decoder_new(NULL, "System.map", &d, &e) < 0);
	assert_non_null(strstr(e.text, "is no System.map"));
	assert_true(decoder_new("System.map", NULL, &d, &e) < 0);
	assert_non_null(strstr(e.text, "has no symbol table"));
	assert_true(decoder_new("/nowhere/vmlinux", NULL, &d, &e) < 0);
	assert_int_equal(e.kind, ERR_USER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_other_kernel),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_bad_files),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
