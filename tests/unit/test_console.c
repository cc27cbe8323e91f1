/*
 * The console watch on real and true-to-format consoles, tests/data/consoles/:
 * each as it is, and each in the ways in which consoles arrive.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_console.h"
#include "console/blame.h"
#include "console/kinds.h"

#define LINES 1   /* the numbers of lines are as expected */
#define TIMES 2   /* and the times */
#define DETAILS 4 /* and the details and first lines */
#define ALL (LINES | TIMES | DETAILS)

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static long long number_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_boolean(v) ? json_is_true(v) : json_integer_value(v);
}

static void same_number(const char *what, const char *key, long long is,
			const json_t *want)
{
	if (is != number_of(want, key))
		fail_msg("%s: %s of '%s' is %lld, not %lld", what, key,
			 text_of(want, "first_line"), is, number_of(want, key));
}

static void same_text(const char *what, const char *key, const char *is,
		      const json_t *want)
{
	if (strcmp(is, text_of(want, key)))
		fail_msg("%s: %s of '%s' is '%s', not '%s'", what, key,
			 text_of(want, "first_line"), is, text_of(want, key));
}

static void check_one(const char *what, const struct finding *f,
		      const json_t *want, unsigned fields)
{
	same_text(what, "kind", finding_kind_name(f->kind), want);
	same_text(what, "function", f->function, want);
	same_text(what, "signature", f->signature, want);
	same_number(what, "offset", f->offset, want);
	same_number(what, "count", (long long)f->count, want);
	same_number(what, "fatal", f->fatal, want);
	same_number(what, "consequence", f->consequence, want);
	if (fields & LINES)
		same_number(what, "line", (long long)f->line, want);
	if (fields & TIMES)
		same_number(what, "us", f->us, want);
	if (!(fields & DETAILS))
		return;
	same_text(what, "first_line", f->first_line, want);
	same_text(what, "detail", f->detail, want);
}

/* what: path and how it was treated. */
static void check(const char *what, const struct console *c, const json_t *want,
		  unsigned fields)
{
	const struct finding *list;
	size_t n = console_findings(c, &list);

	if (n != json_array_size(want)) {
		for (size_t i = 0; i < n; i++)
			print_message("%zu: %s\n", list[i].line,
				      list[i].first_line);
		fail_msg("%s: %zu findings, not %zu", what, n,
			 json_array_size(want));
	}
	for (size_t i = 0; i < n; i++)
		check_one(what, &list[i], json_array_get(want, i), fields);
}

typedef void (*treat_fn)(const char *path, const struct str *text,
			 const json_t *want);

static void each_console(treat_fn fn)
{
	struct corpus c;

	corpus_open(&c);
	assert_true(c.paths.gl_pathc >= 20);
	for (size_t i = 0; i < c.paths.gl_pathc; i++) {
		struct str text;
		json_t *want;

		corpus_read(&c, i, &text, &want);
		fn(c.paths.gl_pathv[i], &text, want);
		str_release(&text);
		json_decref(want);
	}
	globfree(&c.paths);
}

/* Of a console changed by fn. */
static void check_damaged(const char *how, const char *path,
			  const struct str *text, const json_t *want,
			  damage_fn fn, unsigned fields)
{
	char *what = xasprintf("%s, %s", path, how);
	struct str other = damaged(text, fn);
	struct console *c = watch(&other, NULL, NULL);

	check(what, c, want, fields);
	console_free(c);
	str_release(&other);
	free(what);
}

/* ---- as it is, and in pieces ---- */

/* The report is all there, and nothing that follows it. */
static void check_excerpts(const char *path, const struct console *c,
			   const json_t *want)
{
	const struct finding *list;
	size_t n = console_findings(c, &list);

	for (size_t i = 0; i < n; i++) {
		const char *last =
			text_of(json_array_get(want, i), "last_line");
		char *line = xasprintf("%s\n", last);

		assert_non_null(strstr(list[i].excerpt, list[i].first_line));
		if (!str_ends(list[i].excerpt, line))
			fail_msg("%s: the excerpt does not end with '%s' but: "
				 "%s",
				 path, last, list[i].excerpt);
		free(line);
	}
}

static void whole(const char *path, const struct str *text, const json_t *want)
{
	struct console *c = watch(text, NULL, NULL);

	check(path, c, want, ALL);
	check_excerpts(path, c, want);
	console_free(c);
}

static size_t one(void *arg)
{
	(void)arg;
	return 1;
}

static size_t some(void *arg)
{
	uint32_t *seed = arg;

	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 24) + 1;
}

static void in_pieces(const char *path, const struct str *text,
		      const json_t *want)
{
	struct console *c = watch(text, one, NULL);
	uint32_t seed = 1;

	check(path, c, want, ALL);
	check_excerpts(path, c, want);
	console_free(c);
	for (int i = 0; i < 20; i++) {
		c = watch(text, some, &seed);
		check(path, c, want, ALL);
		console_free(c);
	}
}

static void test_whole(void **state)
{
	(void)state;
	each_console(whole);
}

static void test_pieces(void **state)
{
	(void)state;
	each_console(in_pieces);
}

/* ---- what terminals and serial lines do ---- */

static void serial(const char *path, const struct str *text, const json_t *want)
{
	check_damaged("with cr", path, text, want, with_cr, ALL);
	check_damaged("with colours", path, text, want, with_colours, ALL);
	check_damaged("with nuls", path, text, want, with_nuls, ALL);
	check_damaged("with level", path, text, want, with_level, ALL);
	check_damaged("without stamp", path, text, want, without_stamp,
		      LINES | DETAILS);
}

static void test_serial(void **state)
{
	(void)state;
	each_console(serial);
}

/* ---- another CPU prints at the same time ---- */

static void other_cpu(const char *path, const struct str *text,
		      const json_t *want)
{
	/* A second line between two of them, or in them, may be taken for what
	 * UBSAN or WARN() say in words. */
	check_damaged("with other", path, text, want, with_other, TIMES);
	check_damaged("cut by other", path, text, want, cut_by_other, TIMES);
	check_damaged("without end", path, text, want, without_end, TIMES);
}

static void test_other_cpu(void **state)
{
	(void)state;
	each_console(other_cpu);
}

/* Adds lines to out, with this caller. */
static bool add_called(const struct str *text, size_t *at, const char *caller,
		       struct str *out)
{
	size_t n, stamp;
	const char *line = next_line(text, at, &n);

	if (!line)
		return false;
	stamp = stamp_length(line, n);
	str_addf(out, "[%12.6f]%s", 5.0, caller);
	str_add(out, line + stamp, n - stamp);
	str_adds(out, "\n");
	return true;
}

/* Two reports at once, told apart by printk's caller field. */
static void check_two(const struct str *a, const json_t *want_a,
		      const struct str *b, const json_t *want_b)
{
	struct str both = STR_INIT;
	const struct finding *list;
	size_t at_a = 0, at_b = 0, found_a = 0, found_b = 0, n;
	struct console *c;
	bool more_a, more_b;

	do {
		more_a = add_called(a, &at_a, "[  T101]", &both);
		more_b = add_called(b, &at_b, "[    C1]", &both);
	} while (more_a || more_b);
	c = watch(&both, NULL, NULL);
	n = console_findings(c, &list);
	for (size_t i = 0; i < n; i++) {
		const json_t *wa = json_array_get(want_a, found_a);
		const json_t *wb = json_array_get(want_b, found_b);

		if (!strcmp(list[i].signature, text_of(wa, "signature")))
			found_a++;
		else if (!strcmp(list[i].signature, text_of(wb, "signature")))
			found_b++;
		else
			fail_msg("an unexpected '%s' in '%s' between '%s' and "
				 "'%s'",
				 list[i].first_line, list[i].function,
				 text_of(wa, "first_line"),
				 text_of(wb, "first_line"));
		if (strstr(list[i].excerpt, "][  T101]") &&
		    strstr(list[i].excerpt, "][    C1]"))
			fail_msg("'%s' has lines of the other: %s",
				 list[i].first_line, list[i].excerpt);
	}
	assert_int_equal(found_a, json_array_size(want_a));
	assert_int_equal(found_b, json_array_size(want_b));
	console_free(c);
	str_release(&both);
}

/* One that does not die, so that the other can go on, and without callers. */
static bool goes_on(const struct str *text, const json_t *want)
{
	return json_array_size(want) == 1 && !strstr(text->buf, "][ ") &&
	       !json_is_true(
		       json_object_get(json_array_get(want, 0), "fatal")) &&
	       json_integer_value(
		       json_object_get(json_array_get(want, 0), "count")) == 1;
}

static void test_two_callers(void **state)
{
	struct corpus c;
	struct str text[2];
	json_t *want[2];
	size_t last = 0, pairs = 0;

	(void)state;
	corpus_open(&c);
	corpus_read(&c, 0, &text[0], &want[0]);
	for (size_t i = 1; i < c.paths.gl_pathc; i++) {
		corpus_read(&c, i, &text[1], &want[1]);
		if (goes_on(&text[0], want[0]) && goes_on(&text[1], want[1]) &&
		    strcmp(text_of(json_array_get(want[0], 0), "signature"),
			   text_of(json_array_get(want[1], 0), "signature"))) {
			check_two(&text[0], want[0], &text[1], want[1]);
			pairs++;
		}
		str_release(&text[last]);
		json_decref(want[last]);
		text[0] = text[1];
		want[0] = want[1];
	}
	assert_true(pairs >= 10);
	str_release(&text[0]);
	json_decref(want[0]);
	globfree(&c.paths);
}

/* ---- a console that ends early ---- */

/* The kinds of what is found of a console that was cut are those of the whole;
 * the functions too, or one that is passed over where the right one had not
 * come yet. */
static bool fits_one(const struct finding *f, const struct blame *b,
		     const json_t *want)
{
	json_t *w;
	size_t i;

	json_array_foreach(want, i, w)
	{
		if (strcmp(finding_kind_name(f->kind), text_of(w, "kind")))
			continue;
		if (!*f->function ||
		    !strcmp(f->function, text_of(w, "function")) ||
		    blame_skips(b, f->function, kind_get(f->kind)->skip))
			return true;
	}
	return false;
}

static void check_start(const char *path, const struct console *c,
			const json_t *want, size_t lines)
{
	const struct finding *list;
	struct blame *b = blame_new();
	size_t n = console_findings(c, &list);

	for (size_t i = 0; i < n; i++)
		if (!fits_one(&list[i], b, want))
			fail_msg("%s: %s in '%s' in the first %zu lines", path,
				 finding_kind_name(list[i].kind),
				 list[i].function, lines);
	blame_free(b);
}

static void cut_short(const char *path, const struct str *text,
		      const json_t *want)
{
	size_t at = 0, n, lines = 0;

	while (next_line(text, &at, &n)) {
		struct str start = {text->buf, at < text->len ? at : text->len,
				    0};
		struct console *c = watch(&start, NULL, NULL);

		check_start(path, c, want, ++lines);
		console_free(c);
	}
}

static void test_cut_short(void **state)
{
	(void)state;
	each_console(cut_short);
}

/* ---- between garbage ---- */

static void amid_garbage(const char *path, const struct str *text,
			 const json_t *want)
{
	size_t mib = 1 << 20;
	struct str all = STR_INIT;
	struct console *c;

	for (size_t i = 0; i < mib; i++)
		str_add(&all, i % 5 ? "A[ 1" + i % 4 : "\xff", 1);
	/* A stamp ends a line of somebody else, however long. */
	if (!stamp_length(text->buf, text->len))
		str_adds(&all, "\n");
	str_add(&all, text->buf, text->len);
	str_adds(&all, "\n");
	for (size_t i = 0; i < mib; i++)
		str_add(&all, "\0xBUG: \t" + i % 8, 1);
	c = watch(&all, NULL, NULL);
	check(path, c, want, TIMES | DETAILS);
	console_free(c);
	str_release(&all);
}

static void test_garbage(void **state)
{
	(void)state;
	each_console(amid_garbage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_serial),
		cmocka_unit_test(test_other_cpu),
		cmocka_unit_test(test_two_callers),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
