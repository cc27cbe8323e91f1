/* Strings, lists of them, and the small questions about words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/job.h"
#include "base/str.h"

#include <limits.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void test_str_grows(void **state)
{
	struct str s = STR_INIT;

	(void)state;
	for (int i = 0; i < 1000; i++)
		str_addf(&s, "%d,", i);
	assert_int_equal(s.len, 10 * 2 + 90 * 3 + 900 * 4);
	assert_true(str_starts(s.buf, "0,1,2,"));
	assert_true(str_ends(s.buf, ",999,"));
	str_add(&s, "a\0b", 3);
	assert_int_equal(s.buf[s.len], '\0');
	assert_memory_equal(s.buf + s.len - 3, "a\0b", 3);
	str_release(&s);
	assert_null(s.buf);
}

static void test_str_empty(void **state)
{
	struct str s = STR_INIT;
	char *text = str_detach(&s);

	(void)state;
	assert_string_equal(text, "");
	free(text);
	str_add(&s, NULL, 0);
	assert_string_equal(s.buf, "");
	text = str_detach(&s);
	assert_string_equal(text, "");
	assert_null(s.buf);
	free(text);
	str_release(&s);
	str_release(&s);
}

static void test_strv(void **state)
{
	struct strv l = STRV_INIT;
	char *text = strv_join(&l, ", ");

	(void)state;
	assert_string_equal(text, "");
	free(text);
	assert_false(strv_has(&l, ""));
	strv_add(&l, "a");
	strv_addf(&l, "%d", 7);
	strv_add(&l, "");
	assert_int_equal(l.n, 3);
	assert_null(l.v[3]);
	assert_true(strv_has(&l, "7") && strv_has(&l, ""));
	assert_false(strv_has(&l, "A"));
	text = strv_join(&l, "--");
	assert_string_equal(text, "a--7--");
	free(text);
	strv_release(&l);
	assert_int_equal(l.n, 0);
}

/* What a shell makes of the line is the words again. */
static void test_shell_reads_it_back(void **state)
{
	static const char *const words[] = {
		"plain", "", "two words", "it's", "'", "''", "\"$HOME\"", "`id`",
		"$(id)", "a;b|c&d", "*", "~", "\\", "a\nb", "\t", "-n", "=",
		"#", "!", "\xc3\xa4", "\xff", "{a,b}", "<>", "%s"};
	struct strv l = STRV_INIT;
	struct str want = STR_INIT;
	struct job_spec spec = {.deadline_ms = 10000};
	struct job_result r;
	struct err e;
	char *line, *script;

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		strv_add(&l, words[i]);
		str_addf(&want, "[%s]", words[i]);
	}
	line = strv_shell(&l);
	script = xasprintf("printf '[%%s]' %s", line);
	spec.argv = (const char *const[]){"sh", "-c", script, NULL};
	assert_int_equal(job_run(&spec, &r, &e), 0);
	assert_int_equal(r.exit, 0);
	assert_string_equal(r.out.buf, want.buf);
	job_result_release(&r);
	strv_release(&l);
	str_release(&want);
	free(line);
	free(script);
}

static void test_shell_leaves_plain_words(void **state)
{
	struct strv l = STRV_INIT;
	char *line;

	(void)state;
	strv_add(&l, "-chardev");
	strv_add(&l, "file,id=a,path=/x/y_z-1.log");
	strv_add(&l, "a b");
	line = strv_shell(&l);
	assert_string_equal(line, "-chardev file,id=a,path=/x/y_z-1.log 'a b'");
	free(line);
	strv_release(&l);
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		long long value;
	} cases[] = {
		{"0", true, 0},
		{"100", true, 100},
		{"-5", true, -5},
		{"101", false, 0},
		{"-6", false, 0},
		{"", false, 0},
		{"x", false, 0},
		{"1x", false, 0},
		{"1 ", false, 0},
		{"1.0", false, 0},
		{"0x10", false, 0},
		{"1e1", false, 0},
		{"99999999999999999999", false, 0},
		{"-99999999999999999999", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		long long v = 77;

		assert_int_equal(str_to_ll(cases[i].text, -5, 100, &v),
				 cases[i].ok);
		assert_int_equal(v, cases[i].ok ? cases[i].value : 77);
	}
}

static void test_number_at_the_ends(void **state)
{
	long long v;

	(void)state;
	assert_true(str_to_ll("9223372036854775807", LLONG_MIN, LLONG_MAX,
			      &v));
	assert_true(v == LLONG_MAX);
	assert_false(str_to_ll("9223372036854775808", LLONG_MIN, LLONG_MAX,
			       &v));
}

static void test_nearest(void **state)
{
	static const char *const names[] = {"machines", "workloads", "boots",
					    "compare", "stages"};
	char far[200];

	(void)state;
	assert_string_equal(str_nearest("boots", names, COUNT(names)), "boots");
	assert_string_equal(str_nearest("bots", names, COUNT(names)), "boots");
	assert_string_equal(str_nearest("machine", names, COUNT(names)),
			    "machines");
	assert_string_equal(str_nearest("stage", names, COUNT(names)), "stages");
	assert_null(str_nearest("colour", names, COUNT(names)));
	assert_null(str_nearest("", names, COUNT(names)));
	assert_null(str_nearest("boots", names, 0));
	memset(far, 'x', sizeof(far) - 1);
	far[sizeof(far) - 1] = '\0';
	assert_null(str_nearest(far, names, COUNT(names)));
}

static void test_words(void **state)
{
	static const char *const good[] = {"a", "icount-1cpu", "6.12+rt_1", "A",
					   "0"};
	static const char *const bad[] = {"",	 "-a",	 ".",	 "..",	 ".a",
					  "a/b", "a b",	 "a\n",	 "<b>",	 "\xc3",
					  "a'",	 "a\"",	 "$x",	 "a,b",	 "~"};
	char word[102];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(word_ok(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(word_ok(bad[i]));
	memset(word, 'x', sizeof(word) - 1);
	word[101] = '\0';
	assert_false(word_ok(word));
	word[100] = '\0';
	assert_true(word_ok(word));
}

static void test_plain(void **state)
{
	char text[] = "a~ \x1b[31m\n\x7f\xc3\xa4\x80z";

	(void)state;
	str_plain(text);
	assert_string_equal(text, "a~ ?[31m?????z");
}

static void test_utf8(void **state)
{
	(void)state;
	assert_true(str_is_utf8(""));
	assert_true(str_is_utf8("/a/\xc3\xa4\xe4\xb8\x80"));
	assert_false(str_is_utf8("/a/\xe4"));
	assert_false(str_is_utf8("\xc0\xaf"));
	assert_false(str_is_utf8("\xed\xa0\x80"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_str_grows),
		cmocka_unit_test(test_str_empty),
		cmocka_unit_test(test_strv),
		cmocka_unit_test(test_shell_reads_it_back),
		cmocka_unit_test(test_shell_leaves_plain_words),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_number_at_the_ends),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
