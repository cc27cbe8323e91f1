/* Files and folders: all or nothing, and nothing beside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_folder.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void assert_content(const char *path, const char *want)
{
	struct str s = STR_INIT;
	struct err e;

	assert_int_equal(file_read(path, 1 << 20, &s, &e), 0);
	assert_string_equal(s.buf, want);
	str_release(&s);
}

static int entries(const char *path)
{
	DIR *d = opendir(path);
	int n = -2;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_read(void **state)
{
	struct str s = STR_INIT;
	struct err e;

	(void)state;
	put("r", "12345");
	assert_int_equal(file_read("r", 5, &s, &e), 0);
	assert_int_equal(s.len, 5);
	str_release(&s);
	assert_int_equal(file_read("r", 4, &s, &e), -EFBIG);
	assert_string_equal(e.text, "'r' is longer than 4 bytes");
	str_release(&s);
	assert_int_equal(file_read("none", 4, &s, &e), -ENOENT);
	assert_non_null(strstr(e.text, "'none'"));
	assert_int_equal(file_read(".", 4, &s, &e), -EISDIR);
	put("empty", "");
	assert_int_equal(file_read("empty", 0, &s, &e), 0);
	assert_string_equal(s.buf, "");
	str_release(&s);
	assert_int_equal(file_read("/dev/zero", 1000000, &s, &e), -EFBIG);
	str_release(&s);
}

static void test_write(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(mkdir("w", 0777), 0);
	assert_int_equal(file_write("w/a", "one", 3, &e), 0);
	assert_content("w/a", "one");
	assert_int_equal(file_write("w/a", "", 0, &e), 0);
	assert_content("w/a", "");
	assert_int_equal(entries("w"), 1);
	assert_int_equal(file_write("w/no/a", "x", 1, &e), -ENOENT);
	assert_int_equal(e.kind, ERR_LAB);
}

static void test_write_that_fails_leaves_the_old(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(mkdir("f", 0777), 0);
	assert_int_equal(mkdir("f/target", 0777), 0);
	put("f/target/inside", "old");
	/* A folder cannot be replaced by a file. */
	assert_true(file_write("f/target", "new", 3, &e) < 0);
	assert_non_null(strstr(e.text, "cannot write 'f/target'"));
	assert_content("f/target/inside", "old");
	assert_int_equal(entries("f"), 1);
}

static void test_mkdirs(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(file_mkdirs("m/a/b/c", &e), 0);
	assert_int_equal(file_mkdirs("m/a/b/c/", &e), 0);
	assert_int_equal(file_mkdirs("m//a//d", &e), 0);
	assert_true(file_exists("m/a/b/c") && file_exists("m/a/d"));
	assert_int_equal(file_mkdirs("/", &e), 0);
	put("m/file", "");
	assert_int_equal(file_mkdirs("m/file/x", &e), -ENOTDIR);
	assert_non_null(strstr(e.text, "'m/file/x'"));
	assert_true(file_mkdirs("", &e) < 0);
}

static void test_remove(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(file_mkdirs("d/a/b", &e), 0);
	assert_int_equal(file_mkdirs("kept", &e), 0);
	put("kept/x", "x");
	put("d/a/b/c", "x");
	assert_int_equal(symlink("../../kept", "d/a/link"), 0);
	assert_int_equal(symlink("nowhere", "d/dangling"), 0);
	assert_int_equal(mkfifo("d/fifo", 0600), 0);
	assert_int_equal(file_remove("d", &e), 0);
	assert_false(file_exists("d"));
	assert_content("kept/x", "x");
	assert_int_equal(file_remove("d", &e), 0);
	assert_int_equal(symlink("kept", "link"), 0);
	assert_int_equal(file_remove("link", &e), 0);
	assert_content("kept/x", "x");
	assert_int_equal(file_remove("kept/x", &e), 0);
	assert_int_equal(entries("kept"), 0);
}

static void test_publish(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(file_mkdirs("p/sub", &e), 0);
	put("p/sub/x", "x");
	assert_int_equal(file_publish("p", "published", &e), 0);
	assert_false(file_exists("p"));
	assert_content("published/sub/x", "x");
	assert_int_equal(file_mkdirs("q", &e), 0);
	assert_int_equal(file_publish("q", "published", &e), -ENOTEMPTY);
	assert_non_null(strstr(e.text, "'published'"));
	assert_content("published/sub/x", "x");
	assert_true(file_publish("none", "other", &e) < 0);
}

/* FIPS 180-2, appendix B. */
static void test_sha256(void **state)
{
	static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a"
				  "9cb410ff61f20015ad";
	char hex[SHA256_HEX];
	struct err e;

	(void)state;
	mem_sha256("abc", 3, hex);
	assert_string_equal(hex, abc);
	put("abc", "abc");
	assert_int_equal(file_sha256("abc", hex, &e), 0);
	assert_string_equal(hex, abc);
	mem_sha256("", 0, hex);
	assert_memory_equal(hex, "e3b0c442", 8);
	assert_true(file_sha256("none", hex, &e) < 0);
	assert_non_null(strstr(e.text, "'none'"));
}

static void test_space(void **state)
{
	(void)state;
	assert_true(file_space(".") > 0);
	assert_true(file_space(".") < UINT64_MAX);
	assert_true(file_space("/nonexistent") == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_that_fails_leaves_the_old),
		cmocka_unit_test(test_mkdirs),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_space),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
