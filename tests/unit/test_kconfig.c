/*
 * Kernel configs: fragments, wishes, what differs, the sentence for a wish that
 * did not come true, and settling with a Makefile that stands in for a tree.
 * Links runner/build/{kconfig*,sandbox,toolchain}.c and runner/base; needs
 * bubblewrap and make.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>

#include "a_folder.h"
#include "base/err.h"
#include "base/str.h"
#include "build/kconfig.h"
#include "build/kconfig_file.h"
#include "build/kconfig_why.h"
#include "build/kconfig_wish.h"

static void put(const char *path, const char *text)
{
	struct err e;

	if (file_put(path, text, strlen(text), &e))
		fail_msg("%s", e.text);
}

static void says(const struct err *e, enum err_kind kind, const char *words)
{
	if (e->kind != kind || !strstr(e->text, words))
		fail_msg("\"%s\" (%d) does not say \"%s\"", e->text, e->kind,
			 words);
}

/* ---- fragments and .config files ---- */

static void parse(const char *text, struct kconfig_file *f)
{
	struct err e;

	if (kconfig_file_parse(text, "x.config", true, f, &e))
		fail_msg("%s", e.text);
}

static void is(const struct kconfig_file *f, const char *option,
	       const char *value)
{
	const struct kconfig_entry *x = kconfig_file_find(f, option);

	assert_non_null(x);
	assert_string_equal(x->value, value);
}

static void test_lines(void **state)
{
	struct kconfig_file f;

	(void)state;
	parse("# a comment\n\nCONFIG_Z=y\nCONFIG_A=m \r\n"
	      "# CONFIG_B is not set\nCONFIG_C=n\nCONFIG_N=-12\n"
	      "CONFIG_H=0xFf\nCONFIG_S=\"a \\\"b\\\" # c\"\nCONFIG_E=\"\"\n"
	      "#CONFIG_X is not set\n# CONFIG_X=y",
	      &f);
	assert_int_equal(f.n, 8);
	assert_string_equal(f.at[0].option, "A");
	assert_string_equal(f.at[7].option, "Z");
	assert_int_equal(f.at[7].line, 3);
	is(&f, "A", "m");
	is(&f, "B", "n");
	is(&f, "C", "n");
	is(&f, "N", "-12");
	is(&f, "S", "\"a \\\"b\\\" # c\"");
	assert_null(kconfig_file_find(&f, "X"));
	kconfig_file_release(&f);
	parse("", &f);
	assert_null(kconfig_file_find(&f, "X"));
	kconfig_file_release(&f);
}

static void test_the_later_line_wins(void **state)
{
	struct kconfig_file f;

	(void)state;
	parse("CONFIG_A=y\nCONFIG_B=1\n# CONFIG_A is not set\nCONFIG_B=2\n"
	      "CONFIG_B=3\n",
	      &f);
	assert_int_equal(f.n, 2);
	is(&f, "A", "n");
	is(&f, "B", "3");
	kconfig_file_release(&f);
}

static void test_lines_for_trees_that_have_it(void **state)
{
	static const struct {
		const char *option;
		bool if_there;
	} expected[] = {{"A", true},  {"B", true},  {"C", false}, {"D", true},
			{"E", false}, {"F", false}, {"G", false}};
	struct kconfig_file f;

	(void)state;
	parse("# klab: if there\nCONFIG_A=y\n# CONFIG_B is not set\n\n"
	      "CONFIG_C=y\n# klab: if there \r\nCONFIG_D=y\n# why\nCONFIG_E=y\n"
	      "# klab: if there\n# and why\nCONFIG_F=y\n"
	      "# klab: if there or not\nCONFIG_G=y\n",
	      &f);
	assert_int_equal(f.n, sizeof(expected) / sizeof(*expected));
	for (size_t i = 0; i < f.n; i++) {
		assert_string_equal(f.at[i].option, expected[i].option);
		assert_int_equal(f.at[i].if_there, expected[i].if_there);
	}
	kconfig_file_release(&f);
	/* Of a line that is there twice the later one says it, too. */
	parse("# klab: if there\nCONFIG_A=y\n\nCONFIG_A=y\n", &f);
	assert_false(f.at[0].if_there);
	kconfig_file_release(&f);
}

static void test_bad_lines_have_a_place(void **state)
{
	static const char *const bad[] = {"CONFIG_A",        "CONFIG_A=",
					  "CONFIG_=y",       "CONFIG_A=yes",
					  "CONFIG_A=\"x",    "CONFIG_A=\"x\"y",
					  "CONFIG_A=\"\\\"", "CONFIG_A=y # no",
					  "CONFIG_A-B=y",    "A=y",
					  "rm -rf /",        "CONFIG_A=0x",
					  " CONFIG_A=y",     "CONFIG_A=$(id)",
					  "include other"};
	struct kconfig_file f;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *text = xasprintf("# one\nCONFIG_OK=y\n%s\n", bad[i]);

		assert_int_equal(
			kconfig_file_parse(text, "x.config", true, &f, &e),
			-EINVAL);
		says(&e, ERR_USER, "x.config:3: '");
		assert_null(f.at);
		assert_int_equal(
			kconfig_file_parse(text, "x.config", false, &f, &e), 0);
		assert_int_equal(f.n, 1);
		kconfig_file_release(&f);
		free(text);
	}
}

static void test_long_words_are_refused(void **state)
{
	struct str s = STR_INIT;
	struct kconfig_file f;
	struct err e;

	(void)state;
	str_adds(&s, "CONFIG_");
	for (int i = 0; i <= KCONFIG_OPTION_CAP; i++)
		str_adds(&s, "A");
	str_adds(&s, "=y\n");
	assert_true(kconfig_file_parse(s.buf, "x", true, &f, &e) < 0);
	str_release(&s);
	str_adds(&s, "CONFIG_A=\"");
	for (int i = 0; i < KCONFIG_VALUE_CAP; i++)
		str_adds(&s, "a");
	str_adds(&s, "\"\n");
	assert_true(kconfig_file_parse(s.buf, "x", true, &f, &e) < 0);
	str_release(&s);
}

static void quotes_to(const char *text, const char *expected)
{
	char *quoted = kconfig_quote(text), *back;

	assert_string_equal(quoted, expected);
	back = kconfig_unquote(quoted);
	if (*text != '"')
		assert_string_equal(back, text);
	free(quoted);
	free(back);
}

static void test_quotes(void **state)
{
	(void)state;
	quotes_to("y", "y");
	quotes_to("1000", "1000");
	quotes_to("0x1f", "0x1f");
	quotes_to("yes", "\"yes\"");
	quotes_to("", "\"\"");
	quotes_to("a \"b\" \\c", "\"a \\\"b\\\" \\\\c\"");
	quotes_to("\"12\"", "\"12\"");
}

static void test_values_of_a_config(void **state)
{
	char *v;

	(void)state;
	put("a.config", "CONFIG_HZ=250\nCONFIG_NAME=\"a b\"\n"
			"# CONFIG_OFF is not set\nCONFIG_M=m\n");
	v = kconfig_value("a.config", "HZ");
	assert_string_equal(v, "250");
	free(v);
	v = kconfig_value("a.config", "NAME");
	assert_string_equal(v, "a b");
	free(v);
	assert_null(kconfig_value("a.config", "OFF"));
	assert_null(kconfig_value("a.config", "NOSUCH"));
	assert_null(kconfig_value("nosuch.config", "HZ"));
}

static void test_difference(void **state)
{
	struct strv lines = STRV_INIT;
	struct err e;
	char *text;

	(void)state;
	put("a.config", "CONFIG_Z=y\nCONFIG_SAME=1\nCONFIG_B=m\n"
			"# CONFIG_OFF is not set\nCONFIG_T=\"x\"\n");
	put("b.config", "CONFIG_A=y\nCONFIG_SAME=1\nCONFIG_B=y\n"
			"# CONFIG_NEW is not set\nCONFIG_T=\"y\"\n");
	assert_int_equal(kconfig_diff("a.config", "b.config", &lines, &e), 0);
	text = strv_join(&lines, "\n");
	assert_string_equal(text, "-# CONFIG_A is not set\n+CONFIG_A=y\n"
				  "-CONFIG_B=m\n+CONFIG_B=y\n"
				  "-CONFIG_T=\"x\"\n+CONFIG_T=\"y\"\n"
				  "-CONFIG_Z=y\n+# CONFIG_Z is not set");
	free(text);
	strv_release(&lines);
	assert_int_equal(kconfig_diff("a.config", "a.config", &lines, &e), 0);
	assert_int_equal(lines.n, 0);
	assert_true(kconfig_diff("a.config", "nosuch", &lines, &e) < 0);
	says(&e, ERR_LAB, "nosuch");
	strv_release(&lines);
}

/* ---- wishes ---- */

/* A study with a config of tiny, in the test's folder. */
struct fixture {
	struct kconfig config;
	struct toolchain tools;
	struct sandbox box;
	struct kconfig_request rq;
	char *src, *obj, *lab;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e;

	f->src = xasprintf("%s/tree", dir);
	f->obj = xasprintf("%s/objects", dir);
	f->lab = xasprintf("%s/lab", dir);
	if (file_remove("lab", &e) || file_remove("objects", &e) ||
	    file_mkdirs("tree", &e) || file_mkdirs("configs/kernel", &e))
		return -1;
	put("configs/kernel/tiny.config", "CONFIG_SLUB=y\n");
	f->config.name = xstrdup("rt");
	f->tools.version = xstrdup("gcc 12");
	f->box = (struct sandbox){.src = f->src, .obj = f->obj};
	f->rq = (struct kconfig_request){
		.lab = f->lab,
		.share = dir,
		.study = "study.yaml",
		.config = &f->config,
		.tree_id = "0123",
		.tools = &f->tools,
		.box = &f->box,
	};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	kconfig_release(&f->config);
	toolchain_release(&f->tools);
	free(f->src);
	free(f->obj);
	free(f->lab);
	free(f);
	return 0;
}

static void add_set(struct fixture *f, const char *option, const char *value)
{
	struct kconfig *c = &f->config;

	c->set = xrealloc(c->set, (c->nset + 1) * sizeof(*c->set));
	c->set[c->nset] = (struct kconfig_set){xstrdup(option), xstrdup(value),
					       10 + (int)c->nset};
	c->nset++;
}

static void add_fragment(struct fixture *f, const char *name, const char *text)
{
	put(name, text);
	strv_addf(&f->config.fragments, "%s/%s", dir, name);
}

static void wishes_are(const struct fixture *f, const char *expected)
{
	struct kconfig_wishes w;
	struct str text = STR_INIT;
	struct err e;

	if (kconfig_wishes_read(&f->rq, &w, &e))
		fail_msg("%s", e.text);
	kconfig_wishes_text(&w, &text);
	assert_string_equal(text.buf, expected);
	str_release(&text);
	kconfig_wishes_release(&w);
}

#define OURS "CONFIG_LOCALVERSION=\"\"\n# CONFIG_LOCALVERSION_AUTO is not set\n"

static void test_later_wishes_win(void **state)
{
	struct fixture *f = *state;

	wishes_are(f, "CONFIG_SLUB=y\n" OURS);
	add_fragment(f, "one", "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=1\n");
	add_fragment(f, "two", "# CONFIG_A is not set\nCONFIG_C=2\n");
	add_set(f, "C", "3");
	add_set(f, "CONFIG_NAME", "a b");
	add_set(f, "B", "m");
	wishes_are(f, "# CONFIG_A is not set\nCONFIG_B=m\nCONFIG_C=3\n"
		      "CONFIG_NAME=\"a b\"\nCONFIG_SLUB=y\n" OURS);
	f->config.base = KCONFIG_DEFCONFIG;
	wishes_are(f, "# CONFIG_A is not set\nCONFIG_B=m\nCONFIG_C=3\n"
		      "CONFIG_NAME=\"a b\"\n" OURS);
}

static void test_where_a_wish_is_from(void **state)
{
	struct fixture *f = *state;
	struct kconfig_wishes w;
	struct err e;
	char *from;

	add_fragment(f, "one",
		     "# why\nCONFIG_A=y\n# klab: if there\n"
		     "CONFIG_D=y\nCONFIG_B=y\n");
	add_set(f, "B", "y");
	assert_int_equal(kconfig_wishes_read(&f->rq, &w, &e), 0);
	from = xasprintf("%s/one:2", dir);
	assert_string_equal(kconfig_wishes_find(&w, "A")->from, from);
	assert_string_equal(kconfig_wishes_find(&w, "B")->from,
			    "study.yaml:10");
	assert_null(kconfig_wishes_find(&w, "C"));
	assert_false(kconfig_wishes_find(&w, "A")->if_there);
	assert_true(kconfig_wishes_find(&w, "D")->if_there);
	assert_false(kconfig_wishes_find(&w, "B")->if_there);
	kconfig_wishes_release(&w);
	free(from);
}

static void wishes_fail(struct fixture *f, const char *words)
{
	struct kconfig_wishes w;
	struct err e = {0};

	assert_true(kconfig_wishes_read(&f->rq, &w, &e) < 0);
	says(&e, ERR_USER, words);
}

static void test_bad_settings(void **state)
{
	struct fixture *f = *state;

	add_set(f, "A B", "y");
	wishes_fail(f, "study.yaml:10: 'A B' is not the name");
}

static void test_a_newline_cannot_smuggle_an_option(void **state)
{
	struct fixture *f = *state;

	add_set(f, "A", "x\"\nCONFIG_B=\"y");
	wishes_fail(f, "study.yaml:10: A: not a value");
}

static void test_no_such_fragment(void **state)
{
	struct fixture *f = *state;

	strv_add(&f->config.fragments, "/nosuch");
	wishes_fail(f, "cannot open '/nosuch'");
}

static void test_a_fragment_must_be_a_text(void **state)
{
	struct fixture *f = *state;

	strv_add(&f->config.fragments, "/dev/zero");
	wishes_fail(f, "'/dev/zero' is not a file");
}

static void test_the_local_version_is_ours(void **state)
{
	struct fixture *f = *state;

	add_fragment(f, "one",
		     "CONFIG_LOCALVERSION=\"\"\n"
		     "# CONFIG_LOCALVERSION_AUTO is not set\n");
	wishes_are(f, "CONFIG_SLUB=y\n" OURS);
	add_set(f, "LOCALVERSION", "-mine");
	wishes_fail(f, "study.yaml:10: CONFIG_LOCALVERSION is klab's own");
}

static void holds(const char *value, const char *config, bool expected)
{
	struct kconfig_wish w = {(char *)"X", (char *)value, NULL, false};
	struct kconfig_file f;

	parse(config, &f);
	if (kconfig_wish_holds(&w, &f) != expected)
		fail_msg("wish %s, config \"%s\"", value, config);
	kconfig_file_release(&f);
}

static void test_what_came_true(void **state)
{
	(void)state;
	holds("y", "CONFIG_X=y", true);
	holds("y", "CONFIG_X=m", false);
	holds("y", "# CONFIG_X is not set", false);
	holds("y", "CONFIG_XY=y", false);
	holds("m", "CONFIG_X=y", false);
	holds("n", "# CONFIG_X is not set", true);
	holds("n", "", true);
	holds("n", "CONFIG_X=m", false);
	holds("16", "CONFIG_X=16", true);
	holds("16", "CONFIG_X=0x10", true);
	holds("16", "CONFIG_X=17", false);
	holds("16", "CONFIG_X=\"16\"", true);
	holds("\"a\"", "CONFIG_X=\"a\"", true);
	holds("\"a\"", "CONFIG_X=\"b\"", false);
	holds("\"\"", "", true);
	holds("\"a\"", "", false);
}

/* ---- the sentence ---- */

static void sentence(const char *answer, const char *wanted, const char *value,
		     const char *expected)
{
	const struct why_question q = {.option = "X",
				       .wanted = wanted,
				       .is = value ? value : "n",
				       .present = value,
				       .modules = false};
	struct why w;
	bool unknown;
	char *text;

	why_parse(answer, &w);
	text = why_sentence(&w, &q, &unknown);
	assert_string_equal(text, expected);
	assert_int_equal(unknown, !strncmp(text, "the tree has no", 15));
	free(text);
	why_release(&w);
}

#define STUCK_N "CONFIG_X did not stick: it is n"
#define STUCK_Y "CONFIG_X did not stick: it is y"

static void test_what_it_needs(void **state)
{
	(void)state;
	sentence("", "y", NULL, STUCK_N);
	sentence("option X\ntype bool\nprompt n\nterm n free EXPERT=y\n"
		 "term y free SMP=y\nterm n hidden ARCH_SUPPORTS_RT=y\n"
		 "term n hidden ARCH_SUPPORTS_RT=y\n",
		 "y", NULL,
		 STUCK_N "; it needs EXPERT=y and ARCH_SUPPORTS_RT=y, which "
			 "has no prompt");
	sentence("option X\ntype bool\nprompt n\nterm n nothing HAS=y\n", "y",
		 NULL,
		 STUCK_N "; it needs HAS=y, which nothing in this tree "
			 "switches on");
	sentence("option X\ntype bool\nprompt n\nterm n free A && B || C\n"
		 "term n free D=n\n",
		 "y", NULL, STUCK_N "; it needs (A && B || C) and D=n");
	sentence("option X\ntype tristate\nprompt m\nterm m free PCI=y\n", "y",
		 "m", "CONFIG_X did not stick: it is m; it needs PCI=y, not m");
	sentence("option X\ntype integer\nprompt n\nterm n free SMP=y\n", "8",
		 NULL,
		 "CONFIG_X did not stick: it is not there; it needs SMP=y");
}

static void test_who_else_has_a_say(void **state)
{
	(void)state;
	sentence("option X\ntype bool\nprompt y\nby A\nby B\ncould C\n", "n",
		 "y", STUCK_Y "; selected by A and B");
	sentence("option X\ntype bool\nprompt none\ncould A\ncould B\n", "y",
		 NULL,
		 STUCK_N "; it has no prompt, so it cannot be wished for: A "
			 "and B select it");
	sentence("option X\ntype bool\nprompt y\nchoice Y\n", "y", NULL,
		 STUCK_N "; it is one of a choice that Y won");
	sentence("option X\ntype bool\nprompt y\nchoice X\n", "n", "y",
		 STUCK_Y "; it won its choice: wish for another one of it");
	sentence("option X\ntype bool\nprompt n\nterm n free EXPERT=y\n", "n",
		 "y", STUCK_Y "; it can be switched off only with EXPERT=y");
	sentence("option X\ntype bool\nprompt none\n", "n", "y",
		 STUCK_Y "; it has no prompt, so it cannot be switched off");
	sentence("option X\ntype bool\nby A\nby B\nby C\nby D\nby E\n", "n",
		 "y", STUCK_Y "; selected by A, B, C, D and others");
}

static void test_types(void **state)
{
	(void)state;
	sentence("option X\ntype bool\nprompt y\n", "m", "y",
		 STUCK_Y "; it cannot be a module, its type is bool");
	sentence("option X\ntype tristate\nprompt y\n", "m", "y",
		 STUCK_Y "; m needs MODULES=y");
	sentence("option X\ntype integer\nprompt y\nrange 2 to 8\n", "9", "8",
		 "CONFIG_X did not stick: it is 8; its range is 2 to 8");
	sentence("option X\ntype integer\nprompt y\n", "y", "8",
		 "CONFIG_X did not stick: it is 8; its type is integer, which "
		 "y is not");
	sentence("option X\ntype bool\nprompt y\n", "12", NULL,
		 "CONFIG_X did not stick: it is not there; its type is bool, "
		 "which 12 is not");
}

static void test_unknown_options(void **state)
{
	(void)state;
	sentence("option X\ntype unknown\nname Y\nname LOCK_STAT\n", "y", NULL,
		 "the tree has no option CONFIG_X (nearest: CONFIG_Y)");
	sentence("option X\ntype unknown\nname LOCK_STAT\n", "y", NULL,
		 "the tree has no option CONFIG_X");
}

/* It comes out of the sandbox, and may be anything. */
static void test_answers_that_are_none(void **state)
{
	struct str s = STR_INIT;
	struct why w;

	(void)state;
	sentence("term\nterm n\nterm n free\ntype\nby A\n\n\n", "y", NULL,
		 STUCK_N);
	sentence("option X\nterm n\nterm n free\nterm n  \nby\nrange\n"
		 "\001\377junk\noptions X\n",
		 "y", NULL, STUCK_N "; it needs ");
	sentence("option X\ntype bool\nterm n free A\033[31m\377=y", "y", NULL,
		 STUCK_N "; it needs A?[31m?=y");
	for (int i = 0; i < 3000; i++)
		str_adds(&s, "option A\nname B\nterm n free C\n");
	why_parse(s.buf, &w);
	assert_int_equal(w.n, 2000);
	why_release(&w);
	str_release(&s);
}

/* ---- settling, with a Makefile for a tree ---- */

static void makefile(const char *text)
{
	put("tree/Makefile", text);
}

/* Every wish comes true but NEVER. */
#define GRANTS                                                                 \
	"allnoconfig:\n"                                                       \
	"\t@grep -v -e NEVER $(KCONFIG_ALLCONFIG) > $(O)/.config\n"            \
	"\t@echo run >> $(O)/runs\n"

static size_t runs(void)
{
	struct stat st;

	return stat("objects/runs", &st) ? 0 : (size_t)st.st_size / 4;
}

static void settle(struct fixture *f, struct kconfig_result *x)
{
	struct err e;

	if (kconfig_settle(&f->rq, x, &e))
		fail_msg("%s", e.text);
}

static void settle_fails(struct fixture *f, enum err_kind kind,
			 const char *words)
{
	struct kconfig_result x;
	struct err e = {0};

	assert_true(kconfig_settle(&f->rq, &x, &e) < 0);
	says(&e, kind, words);
	assert_null(x.path);
	assert_int_equal(kconfig_find(&f->rq, &x, &e), -ENOENT);
}

static void test_settled_once_and_found_again(void **state)
{
	struct fixture *f = *state;
	struct kconfig_result a, b;
	char hex[SHA256_HEX];
	struct err e;
	char *v;

	makefile(GRANTS);
	add_set(f, "HZ", "250");
	assert_int_equal(kconfig_find(&f->rq, &a, &e), -ENOENT);
	settle(f, &a);
	assert_int_equal(a.nunmet, 0);
	v = kconfig_value(a.path, "HZ");
	assert_string_equal(v, "250");
	free(v);
	assert_int_equal(file_sha256(a.path, hex, &e), 0);
	assert_string_equal(hex, a.sha256);
	assert_int_equal(kconfig_find(&f->rq, &b, &e), 0);
	assert_string_equal(a.path, b.path);
	assert_string_equal(a.sha256, b.sha256);
	kconfig_result_release(&b);
	settle(f, &b);
	assert_int_equal(runs(), 1);
	kconfig_result_release(&a);
	kconfig_result_release(&b);
}

static void test_unmet_wishes_are_kept(void **state)
{
	struct fixture *f = *state;
	struct kconfig_result x;
	struct err e;

	makefile(GRANTS);
	add_set(f, "A", "y");
	add_set(f, "NEVER", "y");
	settle(f, &x);
	kconfig_result_release(&x);
	f->config.set[1].line = 77; /* the study was edited above it */
	assert_int_equal(kconfig_find(&f->rq, &x, &e), 0);
	assert_int_equal(x.nunmet, 1);
	assert_string_equal(x.unmet[0].option, "NEVER");
	assert_string_equal(x.unmet[0].from, "study.yaml:77");
	assert_string_equal(x.unmet[0].text,
			    "CONFIG_NEVER did not stick: it is n");
	assert_false(x.unmet[0].unknown);
	kconfig_result_release(&x);
}

static void not_found(struct fixture *f, const char *what)
{
	struct kconfig_result x;
	struct err e;

	if (kconfig_find(&f->rq, &x, &e) != -ENOENT)
		fail_msg("found although %s differs", what);
}

static void test_all_input_is_in_the_key(void **state)
{
	struct fixture *f = *state;
	struct kconfig_result x;
	struct err e;

	makefile(GRANTS);
	add_fragment(f, "one", "CONFIG_A=y\n");
	add_set(f, "B", "y");
	settle(f, &x);
	kconfig_result_release(&x);
	put("one", "CONFIG_A=m\n");
	not_found(f, "a fragment");
	put("one", "CONFIG_A=y\n");
	put("configs/kernel/tiny.config", "# CONFIG_SLUB is not set\n");
	not_found(f, "tiny");
	put("configs/kernel/tiny.config", "CONFIG_SLUB=y\n");
	f->config.set[0].value[0] = 'm';
	not_found(f, "a setting");
	f->config.set[0].value[0] = 'y';
	f->rq.tree_id = "0124";
	not_found(f, "the tree");
	f->rq.tree_id = "0123";
	f->tools.version[0] = 'G';
	not_found(f, "the compiler");
	f->tools.version[0] = 'g';
	f->config.base = KCONFIG_DEFCONFIG;
	not_found(f, "the base");
	f->config.base = KCONFIG_TINY;
	strv_add(&f->tools.make_args, "WERROR=0");
	not_found(f, "make_args");
	strv_release(&f->tools.make_args);
	assert_int_equal(kconfig_find(&f->rq, &x, &e), 0);
	kconfig_result_release(&x);
}

static void test_a_spoilt_memo_is_made_anew(void **state)
{
	struct fixture *f = *state;
	struct kconfig_result x;
	char *memo;

	makefile(GRANTS);
	settle(f, &x);
	memo = xasprintf("%.*s/unmet.json",
			 (int)(strrchr(x.path, '/') - x.path), x.path);
	kconfig_result_release(&x);
	put(memo, "{\"sha256\": \"12\", \"unmet\": []}");
	not_found(f, "the memo");
	settle(f, &x);
	assert_int_equal(runs(), 2);
	kconfig_result_release(&x);
	free(memo);
}

static void test_other_bases(void **state)
{
	struct fixture *f = *state;
	struct kconfig_result x;
	char *v;

	makefile("x86_64_defconfig:\n\t@echo CONFIG_D=y > $(O)/.config\n"
		 "olddefconfig:\n\t@echo CONFIG_OLD=y >> $(O)/.config\n");
	add_set(f, "A", "y");
	f->config.base = KCONFIG_DEFCONFIG;
	settle(f, &x);
	v = kconfig_value(x.path, "D");
	assert_string_equal(v, "y");
	free(v);
	v = kconfig_value(x.path, "OLD");
	assert_string_equal(v, "y");
	free(v);
	kconfig_result_release(&x);
	put("own.config", "CONFIG_A=m\nCONFIG_OWN=12"); /* no newline */
	f->config.base = KCONFIG_FILE;
	f->config.base_path = xasprintf("%s/own.config", dir);
	settle(f, &x);
	assert_int_equal(x.nunmet, 0);
	v = kconfig_value(x.path, "OWN");
	assert_string_equal(v, "12");
	free(v);
	v = kconfig_value(x.path, "A");
	assert_string_equal(v, "y");
	free(v);
	kconfig_result_release(&x);
}

static void test_whose_fault_it_is(void **state)
{
	struct fixture *f = *state;

	makefile("allnoconfig:\n"
		 "\t@echo 'arch/Kconfig:2:warning: odd' >&2\n"
		 "\t@echo 'mm/Kconfig:33: syntax error' >&2; exit 1\n");
	settle_fails(f, ERR_KERNEL, "mm/Kconfig:33: syntax error");
	makefile("all:\n");
	settle_fails(f, ERR_KERNEL, "No rule to make target");
	makefile("allnoconfig:\n\t@klab-no-such-tool x\n");
	settle_fails(f, ERR_LAB, "klab-no-such-tool");
}

/* What a killed klab leaves: make takes half an object file for whole. */
static void test_a_damaged_folder_is_left(void **state)
{
	struct fixture *f = *state;
	struct kconfig_result x;
	struct err e;

	makefile("allnoconfig: $(O)/conf.o\n"
		 "\t@grep -q whole $<\n"
		 "\t@cp $(KCONFIG_ALLCONFIG) $(O)/.config\n"
		 "$(O)/conf.o:\n\t@echo whole > $@\n");
	assert_int_equal(file_mkdirs("objects", &e), 0);
	put("objects/conf.o", "ha");
	settle(f, &x);
	kconfig_result_release(&x);
}

/* What a hostile tree leaves in place of its .config. */
static void test_nothing_is_read_through_a_link(void **state)
{
	struct fixture *f = *state;

	makefile("allnoconfig:\n\t@ln -sf /etc/passwd $(O)/.config\n");
	settle_fails(f, ERR_KERNEL, "left no usable config");
	makefile("allnoconfig:\n\t@rm $(O)/.config; mkfifo $(O)/.config\n");
	settle_fails(f, ERR_KERNEL, "left no usable config");
	makefile("allnoconfig:\n\t@rm $(O)/.config\n");
	settle_fails(f, ERR_KERNEL, "left no usable config");
}

static void test_nothing_is_written_through_a_link(void **state)
{
	struct fixture *f = *state;
	struct kconfig_result x;
	struct str text = STR_INIT;
	struct err e;

	makefile(GRANTS);
	put("victim", "mine\n");
	assert_int_equal(file_mkdirs("objects", &e), 0);
	assert_int_equal(symlink("../victim", "objects/.config"), 0);
	assert_int_equal(symlink("../victim", "objects/klab-wishes.config"), 0);
	settle(f, &x);
	kconfig_result_release(&x);
	assert_int_equal(file_read("victim", 100, &text, &e), 0);
	assert_string_equal(text.buf, "mine\n");
	str_release(&text);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_lines_for_trees_that_have_it),
		cmocka_unit_test(test_the_later_line_wins),
		cmocka_unit_test(test_bad_lines_have_a_place),
		cmocka_unit_test(test_long_words_are_refused),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_values_of_a_config),
		cmocka_unit_test(test_difference),
		WITH(test_later_wishes_win),
		WITH(test_where_a_wish_is_from),
		WITH(test_bad_settings),
		WITH(test_a_newline_cannot_smuggle_an_option),
		WITH(test_no_such_fragment),
		WITH(test_a_fragment_must_be_a_text),
		WITH(test_the_local_version_is_ours),
		cmocka_unit_test(test_what_came_true),
		cmocka_unit_test(test_what_it_needs),
		cmocka_unit_test(test_who_else_has_a_say),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_unknown_options),
		cmocka_unit_test(test_answers_that_are_none),
		WITH(test_settled_once_and_found_again),
		WITH(test_unmet_wishes_are_kept),
		WITH(test_all_input_is_in_the_key),
		WITH(test_a_spoilt_memo_is_made_anew),
		WITH(test_other_bases),
		WITH(test_whose_fault_it_is),
		WITH(test_a_damaged_folder_is_left),
		WITH(test_nothing_is_read_through_a_link),
		WITH(test_nothing_is_written_through_a_link),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
