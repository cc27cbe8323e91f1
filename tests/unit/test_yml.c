/* YAML: where a value stood, what it must be, and what a file may cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "base/yml.h"

#include <time.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static struct yml_doc *parse(const char *text)
{
	struct yml_doc *doc = NULL;
	struct err e;

	if (yml_parse("f.yaml", text, strlen(text), &doc, &e))
		fail_msg("%s: %s", text, e.text);
	return doc;
}

static void assert_refused(const char *text, size_t len, const char *want)
{
	struct yml_doc *doc;
	struct err e;

	assert_true(yml_parse("f.yaml", text, len, &doc, &e) < 0);
	assert_int_equal(e.kind, ERR_USER);
	if (!str_starts(e.text, want))
		fail_msg("'%s' does not start with '%s'", e.text, want);
}

static void test_tree(void **state)
{
	struct yml_doc *doc = parse("a: 1\nb:\n  - x\n  - {c: [y]}\n");
	struct yml_node *root = yml_root(doc), *b, *c;

	(void)state;
	assert_int_equal(root->kind, YML_MAP);
	assert_int_equal(root->n, 2);
	b = yml_get(root, "b");
	assert_int_equal(b->kind, YML_LIST);
	assert_int_equal(b->line, 3);
	assert_string_equal(b->at[0]->text, "x");
	assert_string_equal(b->at[0]->key, "b");
	c = yml_get(b->at[1], "c");
	assert_int_equal(c->line, 4);
	assert_string_equal(c->at[0]->text, "y");
	assert_null(yml_get(root, "c"));
	yml_free(doc);
	yml_free(NULL);
}

static void test_aliases_and_texts(void **state)
{
	struct yml_doc *doc = parse("a: &x {k: v}\nb: *x\nc: >-\n  two\n  lines"
				    "\nd: 'it''s'\ne: \"\\u00e4\"\nf: ~\ng:\n");
	struct yml_node *root = yml_root(doc);
	const char *text;
	struct err e;

	(void)state;
	assert_string_equal(yml_get(yml_get(root, "b"), "k")->text, "v");
	assert_int_equal(yml_text(yml_get(root, "c"), &text, &e), 0);
	assert_string_equal(text, "two lines");
	assert_string_equal(yml_get(root, "d")->text, "it's");
	assert_string_equal(yml_get(root, "e")->text, "\xc3\xa4");
	assert_string_equal(yml_get(root, "f")->text, "~");
	assert_string_equal(yml_get(root, "g")->text, "");
	yml_free(doc);
}

static void test_not_yaml(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"", "f.yaml:1: the file is empty"},
		{"# only\n", "f.yaml:1: the file is empty"},
		{"a: [1\n", "f.yaml:2: not YAML: "},
		{"a: b: c\n", "f.yaml:1: not YAML: "},
		{"a: 1\n\tb: 2\n", "f.yaml:2: not YAML: "},
		{"a: 'x\n", "f.yaml:2: not YAML: "},
		{"a: *b\n", "f.yaml:1: not YAML: "},
		{"\xff\xfe\xff", "f.yaml:1: not YAML: "},
		{"a: \xc3\n", "f.yaml:1: not YAML: "},
		{"a: 1\na: 2\n", "f.yaml:2: key 'a': given twice"},
		{"[a]: 1\n", "f.yaml:1: a key must be a plain word"},
		{"a: 1\n\"b\\0c\": 1\n", "f.yaml:2: a key must be a plain "
					 "word"},
		{"a: \"x\\0y\"\n", "f.yaml:1: key 'a': holds a NUL"},
		{"a: 1\n---\nb: 2\n", "f.yaml:2: a second document begins"},
		{"a: &a [*a]\n", "f.yaml:1: key 'a': nested too deep"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_refused(cases[i].text, strlen(cases[i].text),
			       cases[i].want);
	assert_refused("a: 1\0b", 6, "f.yaml:1: not YAML: ");
}

/* A million of anything is refused, and at once. */
static void test_costs(void **state)
{
	static const struct {
		const char *head, *more;
	} cases[] = {
		{"", "["},	{"", "{"},	   {"", "- "},
		{"", "? "},	{"a: [", "x,"},	   {"a: [", "&a x,"},
		{"a: [", "[],"}, {"a: ", "!!str "}, {"a: ", "\""},
		{"a: [", "&"},	{"", "*a "},	   {"%TAG ! tag:", "x"},
		{"a: |\n", " "}, {"", "a:\n"},	   {"", "---\n"},
	};
	clock_t start = clock();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str s = STR_INIT;
		struct yml_doc *doc = NULL;
		struct err e;

		str_adds(&s, cases[i].head);
		while (s.len < 1000000)
			str_adds(&s, cases[i].more);
		yml_parse("f", s.buf, s.len, &doc, &e);
		yml_free(doc);
		str_release(&s);
	}
	assert_true((clock() - start) / CLOCKS_PER_SEC < 20);
}

static void test_alias_bomb(void **state)
{
	struct str s = STR_INIT;

	(void)state;
	str_adds(&s, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 20; i++) {
		str_addf(&s, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			str_addf(&s, "*a%d,", i - 1);
		str_adds(&s, "]\n");
	}
	assert_refused(s.buf, s.len, "f.yaml:1: key 'a");
	str_release(&s);
}

static void test_missing_and_unknown(void **state)
{
	static const char *const known[] = {"boots", "study"};
	struct yml_doc *doc = parse("study: s\nbots: 3\n");
	struct yml_node *root = yml_root(doc), *n;
	struct err e;

	(void)state;
	assert_true(yml_need(root, "boots", &n, &e) < 0);
	assert_string_equal(e.text, "f.yaml:1: key 'boots' is missing");
	assert_int_equal(yml_need(root, "study", &n, &e), 0);
	assert_true(yml_check_unused(root, known, 2, &e) < 0);
	assert_string_equal(e.text, "f.yaml:2: key 'bots': not known here; did "
				    "you mean 'boots'?");
	assert_true(yml_check_unused(root, known, 0, &e) < 0);
	assert_string_equal(e.text, "f.yaml:2: key 'bots': not known here; one "
				    "of: (none)");
	yml_get(root, "bots");
	assert_int_equal(yml_check_unused(root, known, 2, &e), 0);
	yml_free(doc);
}

static void test_scalars(void **state)
{
	struct yml_doc *doc = parse("n: 12\nbig: 1e3\nt: \"a\\nb\"\nl: [1]\n"
				    "y: yes\nno: 'false'\nq: maybe\nc: \"\\e\""
				    "\n");
	struct yml_node *r = yml_root(doc);
	const char *text = "kept";
	long long v = -1;
	bool b = false;
	struct err e;

	(void)state;
	assert_int_equal(yml_opt_int(r, "n", 1, 12, &v, &e), 0);
	assert_int_equal(v, 12);
	assert_true(yml_opt_int(r, "n", 13, 20, &v, &e) < 0);
	assert_string_equal(e.text, "f.yaml:1: key 'n': '12' is not a whole "
				    "number from 13 to 20");
	assert_int_equal(yml_opt_int(r, "none", 1, 2, &v, &e), 0);
	assert_int_equal(v, 12);
	assert_true(yml_opt_int(r, "big", 0, 9999, &v, &e) < 0);
	assert_true(yml_opt_int(r, "l", 0, 9, &v, &e) < 0);
	assert_string_equal(e.text, "f.yaml:4: key 'l': expected a single "
				    "value, found a list");
	assert_true(yml_opt_text(r, "t", &text, &e) < 0);
	assert_true(yml_opt_text(r, "c", &text, &e) < 0);
	assert_int_equal(yml_opt_text(r, "none", &text, &e), 0);
	assert_string_equal(text, "kept");
	assert_int_equal(yml_opt_bool(r, "y", &b, &e), 0);
	assert_true(b);
	assert_int_equal(yml_opt_bool(r, "no", &b, &e), 0);
	assert_false(b);
	assert_true(yml_opt_bool(r, "q", &b, &e) < 0);
	assert_string_equal(e.text, "f.yaml:7: key 'q': 'maybe' is neither yes "
				    "nor no");
	yml_free(doc);
}

static void test_fractions(void **state)
{
	static const struct {
		const char *text;
		double want; /* negative: refused */
	} cases[] = {
		{"1%", 0.01},  {"0.5%", 0.005}, {"0.25", 0.25}, {"0", 0},
		{"99.9%", 0.999}, {"100%", -1},	 {"1", -1},	{"-1%", -1},
		{"nan", -1},   {"inf", -1},	{"1 %", -1},	{"%", -1},
		{"", -1},      {"1%%", -1},	{"x", -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *line = xasprintf("a: '%s'\n", cases[i].text);
		struct yml_doc *doc = parse(line);
		double v = 7;
		struct err e;
		int r = yml_fraction(yml_root(doc)->at[0], &v, &e);

		assert_int_equal(!r, cases[i].want >= 0);
		if (!r)
			assert_float_equal(v, cases[i].want, 1e-6);
		yml_free(doc);
		free(line);
	}
}

static void test_load(void **state)
{
	struct yml_doc *doc;
	struct err e;

	(void)state;
	assert_true(yml_load("/nonexistent.yaml", &doc, &e) < 0);
	assert_int_equal(e.kind, ERR_USER);
	assert_true(yml_load("/dev/zero", &doc, &e) < 0);
	assert_int_equal(e.kind, ERR_USER);
	assert_true(yml_load("/", &doc, &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_aliases_and_texts),
		cmocka_unit_test(test_not_yaml),
		cmocka_unit_test(test_costs),
		cmocka_unit_test(test_alias_bomb),
		cmocka_unit_test(test_missing_and_unknown),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_fractions),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
