/* Errors: kinds, codes, and sentences that are too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

#include <errno.h>

static void test_kinds(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(err_user(&e, "key '%s'", "a"), -EINVAL);
	assert_int_equal(e.kind, 2);
	assert_string_equal(e.text, "key 'a'");
	assert_int_equal(err_kernel(&e, "x"), -EIO);
	assert_int_equal(e.kind, 3);
	assert_int_equal(err_lab(&e, "y"), -EIO);
	assert_int_equal(e.kind, 4);
	assert_int_equal(err_sys(&e, ENOENT, "cannot open '%s'", "f"), -ENOENT);
	assert_int_equal(e.kind, 4);
	assert_string_equal(e.text, "cannot open 'f': No such file or "
				    "directory");
}

static void test_prefix(void **state)
{
	struct err e;

	(void)state;
	err_user(&e, "wrong");
	err_prefix(&e, "%s:%d", "study.yaml", 7);
	err_prefix(&e, "stage '%s'", "a");
	assert_string_equal(e.text, "stage 'a': study.yaml:7: wrong");
	assert_int_equal(e.kind, ERR_USER);
}

static void test_too_long(void **state)
{
	struct err e;
	char text[5000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_lab(&e, "%s", text);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	err_prefix(&e, "boot");
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	assert_memory_equal(e.text, "boot: xxx", 9);
	assert_string_equal(e.text + sizeof(e.text) - 6, "xx...");
	err_prefix(&e, "%s", text);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	err_sys(&e, EACCES, "%s", text);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
