/* The file of a record: what a kill, a full disk or somebody else left in it is
 * read as what it is, or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_folder.h"

#include "base/str.h"
#include "bisect/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define PATH "lab/bisects/s/log.jsonl"
#define SETUP "{\"t\":\"setup\"}\n"

static void put(const char *text, size_t len)
{
	struct err e;
	FILE *f;

	assert_int_equal(file_mkdirs("lab/bisects/s", &e), 0);
	f = fopen(PATH, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
}

static void assert_file(const char *want)
{
	struct str s = STR_INIT;
	struct err e;

	assert_int_equal(file_read(PATH, 1 << 20, &s, &e), 0);
	assert_string_equal(s.buf, want);
	str_release(&s);
}

static void assert_lines(const char *text, size_t want)
{
	struct journal j;
	struct err e;

	put(text, strlen(text));
	assert_int_equal(journal_read(PATH, &j, &e), 0);
	assert_int_equal(json_array_size(j.lines), want);
	assert_int_equal(j.fd, -1);
	journal_close(&j);
	assert_file(text);
}

/* Neither reading nor going on with it is possible, and nothing is changed. */
static void assert_refused_bytes(const char *text, size_t len, const char *why)
{
	struct journal j;
	struct err e = {0};
	struct stat st;

	put(text, len);
	assert_true(journal_read(PATH, &j, &e) < 0);
	assert_int_equal(e.kind, ERR_USER);
	assert_non_null(strstr(e.text, why));
	assert_non_null(strstr(e.text, PATH));
	assert_true(journal_open(PATH, &j, &e) < 0);
	assert_int_equal(stat(PATH, &st), 0);
	assert_int_equal(st.st_size, len);
}

static void assert_refused(const char *text, const char *why)
{
	assert_refused_bytes(text, strlen(text), why);
}

static void test_whole(void **state)
{
	(void)state;
	assert_lines(SETUP, 1);
	assert_lines(SETUP "{\"t\":\"event\"}\n{\"t\":\"result\"}\n", 3);
	/* What a later klab might add. */
	assert_lines(SETUP "{\"t\":\"new\"}\n{}\n", 3);
}

static void test_cut_by_a_kill(void **state)
{
	(void)state;
	assert_lines(SETUP "{\"t\":\"ev", 1);
	assert_lines(SETUP "\xff\x00", 1);
	/* A whole object, but it may be the head of a longer line. */
	assert_lines(SETUP "{\"t\":\"event\"}", 1);
}

static void test_damaged(void **state)
{
	static const char deep[] = SETUP "{\"t\":\"a\0b\"}\n";
	struct str nested = STR_INIT;

	(void)state;
	assert_refused("garbage\n", ":1: is not a line");
	assert_refused(SETUP "\n", ":2: is not a line");
	assert_refused(SETUP "{\"t\":\"event\"\n", ":2: is not a line");
	assert_refused(SETUP "[1]\n", ":2: is not a line");
	assert_refused(SETUP "1\n", ":2: is not a line");
	assert_refused(SETUP "{} {}\n", ":2: is not a line");
	assert_refused(SETUP "{\"t\":\"\xff\xfe\"}\n", ":2: is not a line");
	assert_refused(SETUP "{\"t\":1e999}\n", ":2: is not a line");
	assert_refused(SETUP "{\"t\":\"\\u0000\"}\n", ":2: is not a line");
	assert_refused_bytes(deep, sizeof(deep) - 1, ":2: is not a line");
	str_addf(&nested, SETUP);
	for (int i = 0; i < 100000; i++)
		str_addf(&nested, "{\"a\":");
	str_addf(&nested, "\n");
	assert_refused(nested.buf, ":2: is not a line");
	str_release(&nested);
}

static void test_not_a_record(void **state)
{
	struct journal j;
	struct err e;

	(void)state;
	assert_refused("{\"t\":\"event\"}\n", ":1: is not the setup");
	assert_refused("{\"t\":7}\n" SETUP, ":1: is not the setup");
	put("", 0);
	assert_int_equal(journal_read(PATH, &j, &e), -EINVAL);
	assert_non_null(strstr(e.text, "has no whole line"));
	assert_int_equal(journal_read("none", &j, &e), -ENOENT);
	assert_int_equal(journal_read("lab", &j, &e), -EINVAL);
	assert_non_null(strstr(e.text, "is not a file"));
}

static json_t *line(const char *type, int seed)
{
	return json_pack("{s:s, s:i}", "t", type, "seed", seed);
}

static void test_goes_on(void **state)
{
	struct journal j;
	struct err e;

	(void)state;
	assert_int_equal(journal_open("a/b/log.jsonl", &j, &e), 0);
	assert_null(journal_find(&j, "setup"));
	journal_close(&j);

	put(SETUP "{\"t\":\"cut", strlen(SETUP "{\"t\":\"cut"));
	assert_int_equal(journal_open(PATH, &j, &e), 0);
	assert_int_equal(json_array_size(j.lines), 1);
	assert_int_equal(journal_add(&j, line("event", 1), &e), 0);
	assert_file(SETUP "{\"t\":\"event\",\"seed\":1}\n");
	assert_int_equal(journal_add(&j, line("event", 2), &e), 0);
	assert_int_equal(json_integer_value(json_object_get(
				 journal_find(&j, "event"), "seed")),
			 2);
	journal_close(&j);
	assert_int_equal(journal_read(PATH, &j, &e), 0);
	assert_int_equal(json_array_size(j.lines), 3);
	journal_close(&j);
}

static void test_nothing_twice(void **state)
{
	struct journal j;
	struct err e;

	(void)state;
	put(SETUP, strlen(SETUP));
	assert_int_equal(journal_open(PATH, &j, &e), 0);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(journal_add_new(&j, line("step", 1), &e), 0);
		assert_int_equal(journal_add_new(&j, line("step", 2), &e), 0);
	}
	assert_int_equal(json_array_size(j.lines), 3);
	/* After an event it is another step. */
	assert_int_equal(journal_add(&j, line("event", 1), &e), 0);
	assert_int_equal(journal_add_new(&j, line("step", 2), &e), 0);
	assert_int_equal(json_array_size(j.lines), 5);
	journal_close(&j);
}

static void test_full_disk(void **state)
{
	struct journal j;
	struct err e = {0};

	(void)state;
	put(SETUP, strlen(SETUP));
	assert_int_equal(journal_open(PATH, &j, &e), 0);
	close(j.fd);
	j.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_int_equal(journal_add(&j, line("event", 1), &e), -ENOSPC);
	assert_int_equal(e.kind, ERR_LAB);
	assert_non_null(strstr(e.text, PATH));
	journal_close(&j);
	assert_file(SETUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut_by_a_kill),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_not_a_record),
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_nothing_twice),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
