/*
 * The way from one config to another, with a Kconfig that is a table: what each
 * option needs and brings.  Links runner/build/kconfig*.c and runner/base.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "a_folder.h"
#include "base/str.h"
#include "build/kconfig_chain.h"
#include "build/kconfig_file.h"

/* An option of the model; those of a choice have its number, the first of them
 * is its default. */
struct model {
	const char *name, *needs, *selects;
	bool hidden, by_default;
	int choice;
};

struct kernel {
	const struct model *at;
	size_t n;
	int settled; /* so far: also the name of the next file */
	int fail_at; /* this one fails; 0: none does */
};

static bool is_on(const struct kernel *k, const bool *on, const char *name)
{
	for (size_t i = 0; i < k->n; i++)
		if (!strcmp(k->at[i].name, name))
			return on[i];
	return false;
}

static bool is_selected(const struct kernel *k, const bool *on,
			const char *name)
{
	for (size_t i = 0; i < k->n; i++)
		if (on[i] && k->at[i].selects &&
		    !strcmp(k->at[i].selects, name))
			return true;
	return false;
}

static bool is_seen(const struct kernel *k, const bool *on, size_t i)
{
	return !k->at[i].needs || is_on(k, on, k->at[i].needs);
}

/* Of a choice the last one that is asked for. */
static size_t winner(const struct kernel *k, const char *text, int choice)
{
	size_t best = k->n;
	const char *last = NULL;

	for (size_t i = 0; i < k->n; i++) {
		char *line = xasprintf("CONFIG_%s=y\n", k->at[i].name);
		const char *p =
			k->at[i].choice == choice ? strstr(text, line) : NULL;

		if (k->at[i].choice == choice && best == k->n)
			best = i;
		for (; p; p = strstr(p + 1, line))
			if (!last || p > last) {
				last = p;
				best = i;
			}
		free(line);
	}
	return best;
}

static bool value_of(const struct kernel *k, const bool *on,
		     const struct kconfig_file *f, const char *text, size_t i)
{
	const struct model *m = &k->at[i];
	const struct kconfig_entry *x = kconfig_file_find(f, m->name);

	if (is_selected(k, on, m->name))
		return true;
	if (!is_seen(k, on, i))
		return false;
	if (m->choice)
		return winner(k, text, m->choice) == i;
	if (m->hidden || !x)
		return m->by_default;
	return !strcmp(x->value, "y");
}

static int settle(const struct str *text, char **path, void *arg, struct err *e)
{
	struct kernel *k = arg;
	bool *on = xcalloc(k->n + 1, sizeof(*on));
	struct str out = STR_INIT;
	struct kconfig_file f;
	int r;

	if (++k->settled == k->fail_at)
		r = err_lab(e, "the disk is full");
	else
		r = kconfig_file_parse(text->buf, "text", true, &f, e);
	if (r) {
		free(on);
		return r;
	}
	for (int round = 0; round < 20; round++)
		for (size_t i = 0; i < k->n; i++)
			on[i] = value_of(k, on, &f, text->buf, i);
	for (size_t i = 0; i < k->n; i++)
		if (on[i] || (is_seen(k, on, i) && !k->at[i].hidden))
			kconfig_add_text(&out, k->at[i].name,
					 on[i] ? "y" : "n");
	if (kconfig_file_find(&f, "HZ"))
		kconfig_add_text(&out, "HZ",
				 kconfig_file_find(&f, "HZ")->value);
	str_adds(&out, "");
	*path = xasprintf("%d.config", k->settled);
	r = file_put(*path, out.buf, out.len, e);
	kconfig_file_release(&f);
	str_release(&out);
	free(on);
	return r;
}

static char *end(struct kernel *k, const char *text)
{
	struct str s = STR_INIT;
	struct err e;
	char *path;

	str_adds(&s, text);
	if (settle(&s, &path, k, &e))
		fail_msg("%s", e.text);
	str_release(&s);
	return path;
}

/* "A=y B=y | C=y": a bar between steps; an option that goes is "-A". */
static char *told(const struct chain *c)
{
	struct str s = STR_INIT;

	for (size_t i = 1; i < c->n; i++) {
		if (i > 1)
			str_adds(&s, " |");
		for (size_t l = 0; l < c->at[i].lines.n; l++) {
			const char *line = c->at[i].lines.v[l];
			const char *name = strstr(line, "CONFIG_") + 7;

			str_addf(&s, "%s%s%.*s", s.len ? " " : "",
				 *line == '#' ? "-" : "",
				 (int)strcspn(name, " "), name);
		}
	}
	str_adds(&s, "");
	return str_detach(&s);
}

static void go(struct kernel *k, const char *from, const char *to, size_t few,
	       struct chain *out)
{
	char *a = end(k, from), *b = end(k, to);
	const struct chain_request rq = {
		.from = a, .to = b, .settle = settle, .arg = k, .few = few};
	struct err e;

	if (kconfig_chain(&rq, out, &e))
		fail_msg("%s", e.text);
	assert_string_equal(out->at[0].path, a);
	if (out->n > 1)
		assert_string_equal(out->at[out->n - 1].path, b);
	free(a);
	free(b);
}

static void leads(struct kernel *k, const char *from, const char *to,
		  const char *steps)
{
	struct chain c;
	char *text;

	go(k, from, to, 0, &c);
	text = told(&c);
	assert_string_equal(text, steps);
	free(text);
	chain_release(&c);
}

#define KERNEL(...)                                                            \
	static const struct model models[] = {__VA_ARGS__};                    \
	struct kernel k = {.at = models, .n = sizeof(models) / sizeof(*models)}

static void test_one_by_one(void **state)
{
	KERNEL({.name = "A"}, {.name = "B"}, {.name = "C"});

	(void)state;
	leads(&k, "", "CONFIG_A=y\nCONFIG_C=y\n", "A=y | C=y");
	leads(&k, "CONFIG_A=y\n", "CONFIG_B=y\n", "-A | B=y");
	leads(&k, "", "", "");
	leads(&k, "CONFIG_HZ=100\n", "CONFIG_HZ=250\n", "HZ=250");
}

static void test_needs_go_first(void **state)
{
	KERNEL({.name = "A", .needs = "C"}, {.name = "B"}, {.name = "C"});

	(void)state;
	leads(&k, "", "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\n",
	      "B=y | C=y | A=y");
	/* And off it goes the other way round. */
	leads(&k, "CONFIG_A=y\nCONFIG_C=y\n", "", "-A | -C");
}

static void test_what_follows_goes_with_it(void **state)
{
	KERNEL({.name = "A", .selects = "H"}, {.name = "B"},
	       {.name = "H", .hidden = true},
	       {.name = "I", .needs = "H", .hidden = true, .by_default = true});

	(void)state;
	leads(&k, "", "CONFIG_A=y\nCONFIG_B=y\n", "B=y | A=y H=y I=y");
}

static void test_selected_with_a_prompt_goes_first(void **state)
{
	KERNEL({.name = "A", .selects = "S"}, {.name = "S"});

	(void)state;
	leads(&k, "", "CONFIG_A=y\n", "S=y | A=y");
}

/* What comes with an option by default can be told from it. */
static void test_default_comes_after(void **state)
{
	KERNEL({.name = "P"}, {.name = "D", .needs = "P", .by_default = true},
	       {.name = "Z"});

	(void)state;
	leads(&k, "", "CONFIG_P=y\nCONFIG_Z=y\n", "P=y | D=y | Z=y");
	/* The other end has it off: that is no difference. */
	leads(&k, "", "CONFIG_P=y\n# CONFIG_D is not set\n", "P=y");
}

static void test_choice(void **state)
{
	KERNEL({.name = "X", .choice = 1}, {.name = "Y", .choice = 1},
	       {.name = "Z", .choice = 1}, {.name = "A"});

	(void)state;
	leads(&k, "", "CONFIG_Z=y\nCONFIG_A=y\n", "A=y | -X Z=y");
	leads(&k, "CONFIG_Z=y\n", "CONFIG_Y=y\n", "Y=y -Z");
}

static void test_choice_that_appears(void **state)
{
	KERNEL({.name = "P"}, {.name = "X", .needs = "P", .choice = 1},
	       {.name = "Y", .needs = "P", .choice = 1}, {.name = "A"});

	(void)state;
	leads(&k, "", "CONFIG_P=y\nCONFIG_Y=y\nCONFIG_A=y\n", "A=y | P=y Y=y");
}

/* Two that only come together: neither takes, nor is the chain ever stuck. */
static void test_stuck(void **state)
{
	KERNEL({.name = "A", .needs = "B", .hidden = true, .by_default = true},
	       {.name = "B", .needs = "C"}, {.name = "C"});
	struct chain c;

	(void)state;
	go(&k, "", "CONFIG_C=y\nCONFIG_B=y\n", 0, &c);
	assert_int_equal(c.n, 3);
	assert_int_equal(c.at[2].lines.n, 2);
	chain_release(&c);
}

static void test_groups(void **state)
{
	static char names[60][8];
	static struct model models[60];
	struct kernel k = {.at = models, .n = 60};
	struct str to = STR_INIT;
	struct chain c;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 60; i++) {
		snprintf(names[i], sizeof(names[i]), "O%02zu", i);
		models[i].name = names[i];
		str_addf(&to, "CONFIG_%s=y\n", names[i]);
	}
	go(&k, "", to.buf, 20, &c);
	assert_int_equal(c.n, 21);
	for (size_t i = 1; i < c.n; i++) {
		assert_int_equal(c.at[i].leads, 3);
		n += c.at[i].lines.n;
	}
	assert_int_equal(n, 60);
	chain_release(&c);
	go(&k, "", to.buf, 60, &c);
	assert_int_equal(c.n, 61);
	assert_int_equal(c.at[60].leads, 1);
	chain_release(&c);
	str_release(&to);
}

static void test_failure(void **state)
{
	KERNEL({.name = "A"}, {.name = "B"});
	char *a = end(&k, ""), *b = end(&k, "CONFIG_A=y\nCONFIG_B=y\n");
	struct chain_request rq = {
		.from = a, .to = b, .settle = settle, .arg = &k};
	struct chain c;
	struct err e;

	(void)state;
	k.fail_at = k.settled + 2;
	assert_int_not_equal(kconfig_chain(&rq, &c, &e), 0);
	assert_string_equal(e.text, "the disk is full");
	assert_null(c.at);
	rq.from = "none";
	assert_int_not_equal(kconfig_chain(&rq, &c, &e), 0);
	free(a);
	free(b);
}

static void test_apply(void **state)
{
	KERNEL({.name = "A", .needs = "C"}, {.name = "B"}, {.name = "C"});
	char *a = end(&k, "CONFIG_B=y\n"), *path;
	struct strv lines = STRV_INIT, changes = STRV_INIT;
	size_t taken;
	struct err e;

	(void)state;
	strv_add(&lines, "CONFIG_A=y");
	strv_add(&lines, "# CONFIG_B is not set");
	assert_int_equal(
		kconfig_apply(settle, &k, a, &lines, &path, &taken, &e), 0);
	assert_int_equal(taken, 1);
	assert_int_equal(kconfig_changes(a, path, &changes, &e), 0);
	assert_int_equal(changes.n, 1);
	assert_string_equal(changes.v[0], "# CONFIG_B is not set");
	free(path);
	strv_add(&lines, "CONFIG_C=y");
	assert_int_equal(
		kconfig_apply(settle, &k, a, &lines, &path, &taken, &e), 0);
	assert_int_equal(taken, 3);
	free(path);
	strv_release(&changes);
	strv_release(&lines);
	free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_by_one),
		cmocka_unit_test(test_needs_go_first),
		cmocka_unit_test(test_what_follows_goes_with_it),
		cmocka_unit_test(test_selected_with_a_prompt_goes_first),
		cmocka_unit_test(test_default_comes_after),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_choice_that_appears),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_apply),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
