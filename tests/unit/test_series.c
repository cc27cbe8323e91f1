/* Series: from a thread, an mbox, a folder, a quilt series, and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_folder.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "series/series.h"

#include <sys/stat.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Where the tests were started; they run in a folder of their own. */
static char start[4096];

static int enter(void **state)
{
	return getcwd(start, sizeof(start)) ? enter_folder(state) : -1;
}

static char *data_path(const char *name)
{
	return xasprintf("%s/tests/data/series/%s", start, name);
}

static struct series import(const char *path, enum series_form form,
			    bool fixups)
{
	struct series_request rq = {
		.form = form, .path = path, .fixups = fixups};
	struct series s;
	struct err e;

	if (series_import(&rq, &s, &e))
		fail_msg("%s: %s", path, e.text);
	return s;
}

static struct series import_data(const char *name, bool fixups)
{
	char *path = data_path(name);
	struct series s = import(path, SERIES_AUTO, fixups);

	free(path);
	return s;
}

static void refuse(const char *path, int version, const char *want)
{
	struct series_request rq = {.path = path, .version = version};
	struct series s;
	struct err e;

	if (!series_import(&rq, &s, &e))
		fail_msg("%s is taken, which should say '%s'", path, want);
	assert_int_equal(e.kind, ERR_USER);
	if (!strstr(e.text, want))
		fail_msg("'%s' does not say '%s'", e.text, want);
	assert_int_equal(s.n, 0);
}

static void put(const char *path, const char *text)
{
	struct err e;

	assert_int_equal(file_put(path, text, strlen(text), &e), 0);
}

static bool has_note(const struct series *s, const char *what)
{
	for (size_t i = 0; i < s->notes.n; i++)
		if (strstr(s->notes.v[i], what))
			return true;
	return false;
}

static void assert_patch(const struct patch *p, int number, const char *author,
			 const char *subject)
{
	assert_int_equal(p->number, number);
	assert_string_equal(p->author, author);
	assert_string_equal(p->subject, subject);
	assert_true(str_starts(p->diff, "diff --git "));
	assert_true(str_ends(p->diff, "\n"));
	assert_int_equal(p->strip, 1);
}

#define ADA "Ada Example <ada@example.org>"
#define ZOE "Zo\xc3\xab Ex\xc3\xa4mple <zoe@example.org>"

static void assert_pool(const struct series *s)
{
	assert_int_equal(s->n, 3);
	assert_int_equal(s->version, 2);
	assert_string_equal(s->title, "lib/pool: reset, and a faster search");
	assert_string_equal(s->base_commit,
			    "711c6a2e5dd4d68dabc090ab4b97ba8e3a220c74");
	assert_patch(&s->patches[0], 1, ADA,
		     "lib/pool: count a slot where it is taken");
	assert_patch(&s->patches[1], 2, ZOE,
		     "lib/pool: start the search at a hint");
	assert_patch(&s->patches[2], 3, ADA, "lib/pool: add pool_reset()");
	assert_string_equal(s->patches[0].message,
			    "No change in what it does; the next patch needs "
			    "both lines together.\n\nSigned-off-by: " ADA "\n");
	assert_string_equal(s->patches[2].file,
			    "0003-lib-pool-add-pool_reset.patch");
	assert_int_equal(s->patches[2].paths.n, 3);
	assert_string_equal(s->patches[2].paths.v[0], "include/pool.h");
}

static void assert_fixups(const struct series *s)
{
	const struct patch *f = s->fixups;

	assert_int_equal(s->nfixups, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(f[i].fixes, 2);
	assert_patch(&f[0], 2, ADA, "lib/pool: look at freed slots again");
	assert_patch(&f[1], 2, ADA, "lib/pool: look at freed slots again");
	assert_patch(&f[2], 2, ADA, "lib/pool: say what the hint means");
	assert_non_null(strstr(f[0].skipped, "replaced by"));
	assert_null(f[1].skipped);
	assert_null(f[2].skipped);
	assert_string_equal(f[1].date, "2024-03-04T09:00:00+01:00");
	assert_non_null(strstr(f[1].diff, "\thint = slot"));
	assert_true(has_note(s, "there is version 1, too, with 1 of 2"));
	assert_true(has_note(s, "by Max Sample"));
	assert_true(has_note(s, "a fixup is left out"));
	assert_true(has_note(s, "these quote a patch"));
}

static void test_thread(void **state)
{
	struct series s = import_data("thread.txt", false);

	(void)state;
	assert_pool(&s);
	assert_fixups(&s);
	assert_string_equal(s.patches[0].date, "2024-03-02T09:20:00+00:00");
	assert_true(str_ends(s.patches[1].where, "thread.txt: message 3"));
	assert_true(str_ends(s.fixups[1].where, "thread.txt: message 7"));
	series_release(&s);
}

/* Mails in any order, encoded in each way that mails are. */
static void test_mbox(void **state)
{
	struct series s = import_data("thread.mbox", false), t;

	(void)state;
	assert_pool(&s);
	assert_fixups(&s);
	t = import_data("thread.txt", false);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(s.patches[i].diff, t.patches[i].diff);
		assert_string_equal(s.patches[i].message, t.patches[i].message);
		assert_string_equal(s.fixups[i].diff, t.fixups[i].diff);
	}
	series_release(&s);
	series_release(&t);
}

static void test_folder(void **state)
{
	struct series s = import_data("patches", true), t;

	(void)state;
	assert_pool(&s);
	assert_int_equal(s.nfixups, 0);
	assert_string_equal(s.patches[1].date, "2024-03-02T10:05:00+01:00");
	t = import_data("thread.txt", false);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(s.patches[i].diff, t.patches[i].diff);
	series_release(&s);
	series_release(&t);
}

static void test_fixups_are_put_in(void **state)
{
	struct series s = import_data("thread.txt", true);

	(void)state;
	assert_int_equal(s.n, 5);
	assert_int_equal(s.patches[1].fixes, 0);
	assert_patch(&s.patches[2], 2, ADA,
		     "lib/pool: look at freed slots again");
	assert_int_equal(s.patches[2].fixes, 2);
	assert_int_equal(s.patches[3].fixes, 2);
	assert_int_equal(s.patches[4].fixes, 0);
	assert_int_equal(s.patches[4].number, 3);
	assert_string_equal(s.patches[3].file,
			    "0004-lib-pool-say-what-the-hint-means.patch");
	assert_int_equal(s.nfixups, 1);
	series_release(&s);
}

/* ---- back ---- */

static void assert_text(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a)
		assert_string_equal(a, b);
}

static void assert_same_patch(const struct patch *a, const struct patch *b)
{
	assert_int_equal(a->number, b->number);
	assert_int_equal(a->strip, b->strip);
	assert_int_equal(a->fixes, b->fixes);
	assert_text(a->author, b->author);
	assert_text(a->date, b->date);
	assert_text(a->subject, b->subject);
	assert_text(a->message, b->message);
	assert_text(a->diff, b->diff);
	assert_text(a->file, b->file);
	assert_text(a->skipped, b->skipped);
	assert_int_equal(a->paths.n, b->paths.n);
}

static void assert_same(const struct series *a, const struct series *b)
{
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->nfixups, b->nfixups);
	for (size_t i = 0; i < a->n; i++)
		assert_same_patch(&a->patches[i], &b->patches[i]);
	for (size_t i = 0; i < a->nfixups; i++)
		assert_same_patch(&a->fixups[i], &b->fixups[i]);
	assert_text(a->title, b->title);
	assert_text(a->base_commit, b->base_commit);
	assert_int_equal(a->version, b->version);
	assert_int_equal(a->notes.n, b->notes.n);
}

static void write_to(const struct series *s, const char *to)
{
	struct err e;

	if (series_write(s, to, &e))
		fail_msg("%s", e.text);
}

static void test_write_and_read(void **state)
{
	(void)state;
	for (int fixups = 0; fixups < 2; fixups++) {
		const char *to = fixups ? "deep/er/b" : "a/";
		struct series s = import_data("thread.txt", fixups), t;

		write_to(&s, to);
		t = import(to, SERIES_AUTO, false);
		assert_same(&s, &t);
		series_release(&t);
		series_release(&s);
	}
}

/* Fixups that were kept aside can be put in later. */
static void test_fixups_are_put_in_later(void **state)
{
	struct series s = import_data("thread.txt", false), t, u;

	(void)state;
	write_to(&s, "aside");
	t = import("aside", SERIES_AUTO, true);
	u = import_data("thread.txt", true);
	assert_same(&t, &u);
	series_release(&s);
	series_release(&t);
	series_release(&u);
}

static void test_write_refuses(void **state)
{
	struct series s = import_data("patches", false);
	struct err e;

	(void)state;
	assert_int_equal(mkdir("full", 0700), 0);
	put("full/x", "");
	assert_true(series_write(&s, "full", &e) < 0);
	assert_int_equal(e.kind, ERR_USER);
	assert_non_null(strstr(e.text, "'full' is there already"));
	put("file", "");
	assert_true(series_write(&s, "file", &e) < 0);
	assert_int_equal(symlink("nowhere", "link"), 0);
	assert_true(series_write(&s, "link", &e) < 0);
	assert_int_equal(mkdir("empty", 0700), 0);
	write_to(&s, "empty");
	series_release(&s);
}

/* What a header or a mail's text would take for its own. */
static void test_odd_texts_come_back(void **state)
{
	static const char *const messages[] = {
		"",
		"From: somebody who is not the author\n\nText\n",
		"Subject: of another mail\n",
		"From 0123456789 Mon Sep 17 00:00:00 2001\n",
		"a\n\n b\t\xc3\xa4\n\n=3D\n> q\n",
		"--\nno signature\n"};
	static const char *const authors[] = {
		ADA, ZOE, "Q. Public, \"Jr\" <q@example.org>", "x <unknown>",
		"a@example.org <a@example.org>"};
	static const char *const subjects[] = {"x", "[media] x: y",
					       "=?utf-8?q?x?=", "Re: again",
					       "\xc3\xa4 [PATCH] 1/2"};

	(void)state;
	for (size_t i = 0; i < COUNT(messages); i++) {
		struct series s = import_data("patches", false), t;
		struct patch *p = &s.patches[0];
		char *to = xasprintf("odd-%zu", i);

		free(p->message);
		p->message = xstrdup(messages[i]);
		free(p->author);
		p->author = xstrdup(authors[i % COUNT(authors)]);
		free(p->subject);
		p->subject = xstrdup(subjects[i % COUNT(subjects)]);
		write_to(&s, to);
		t = import(to, SERIES_AUTO, false);
		assert_string_equal(t.patches[0].message, messages[i]);
		assert_string_equal(t.patches[0].author, p->author);
		if (i % COUNT(subjects) != 2) /* RFC 2047 decodes it */
			assert_string_equal(t.patches[0].subject, p->subject);
		free(to);
		series_release(&s);
		series_release(&t);
	}
}

/* ---- pages ---- */

static void add_message(struct str *page, const char *subject, const char *text)
{
	str_addf(page,
		 "* %s\n@ 2024-01-02 03:04 Some Body\n  0 replies\n"
		 "From: Some Body @ 2024-01-02 03:04 UTC (permalink / raw)\n"
		 "  To: list\n\n%s\n^ permalink raw reply\t[flat|nested]\n\n",
		 subject, text);
}

#define DIFF(a, b)                                                             \
	"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-" a "\n+" b       \
	"\n-- \n2.3\n"
#define SCISSORS "--- >8 ---\n"

static struct series parse(const struct str *text, const char **error,
			   struct err *e)
{
	struct series_request rq = {.version = 0};
	struct series s;

	*error =
		series_parse("t", SERIES_AUTO, text->buf, text->len, &rq, &s, e)
			? e->text
			: NULL;
	return s;
}

static void refuse_page(struct str *page, const char *want)
{
	const char *error;
	struct err e;
	struct series s = parse(page, &error, &e);

	if (!error || !strstr(error, want))
		fail_msg("'%s' does not say '%s'", error ? error : "taken",
			 want);
	assert_int_equal(e.kind, ERR_USER);
	series_release(&s);
	str_release(page);
}

static struct series take_page(struct str *page)
{
	const char *error;
	struct err e;
	struct series s = parse(page, &error, &e);

	if (error)
		fail_msg("%s", error);
	str_release(page);
	return s;
}

static void test_numbers(void **state)
{
	struct str p = STR_INIT;
	struct series s;

	(void)state;
	add_message(&p, "[PATCH 1/5] a", DIFF("a", "b"));
	add_message(&p, "[PATCH 4/5] a", DIFF("a", "b"));
	refuse_page(&p, "t: patches 2-3, 5 of 5 are missing");
	add_message(&p, "[PATCH 1/2] a", DIFF("a", "b"));
	refuse_page(&p, "t: patch 2 of 2 is missing");
	add_message(&p, "[PATCH 1/2] a", DIFF("a", "b"));
	add_message(&p, "[PATCH 1/2] a", DIFF("a", "c"));
	add_message(&p, "[PATCH 2/2] a", DIFF("a", "b"));
	refuse_page(&p, "message 2: patch 1/2 is there twice, with different "
			"diffs: also in t: message 1");
	add_message(&p, "[PATCH 2/2] a", DIFF("b", "c"));
	add_message(&p, "[PATCH 1/2] a", DIFF("a", "b"));
	add_message(&p, "[PATCH 1/2] a", DIFF("a", "b"));
	s = take_page(&p);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.patches[0].number, 1);
	assert_true(has_note(&s, "patch 1 is there twice, and equal"));
	assert_null(s.title);
	series_release(&s);
	add_message(&p, "[PATCH 1/1] a", "no diff, only words\n");
	refuse_page(&p, "t:7: message 1: '[PATCH 1/1] a' has no diff in it");
	add_message(&p, "Re: [PATCH 1/1] a", "> nothing\n");
	refuse_page(&p, "t: there is no patch in it: 1 message, of which 1 r");
}

static void test_versions(void **state)
{
	struct series_request rq = {.version = 1};
	struct str p = STR_INIT;
	struct series s;
	struct err e;

	(void)state;
	add_message(&p, "[PATCH v2 1/2] a", DIFF("a", "b"));
	add_message(&p, "[PATCH 1/1] a", DIFF("a", "c"));
	assert_int_equal(
		series_parse("t", SERIES_THREAD, p.buf, p.len, &rq, &s, &e), 0);
	assert_int_equal(s.version, 1);
	assert_int_equal(s.n, 1);
	assert_true(has_note(&s, "version 2, too, with 1 of 2"));
	series_release(&s);
	rq.version = 7;
	assert_true(series_parse("t", SERIES_THREAD, p.buf, p.len, &rq, &s,
				 &e) < 0);
	assert_non_null(strstr(e.text, "no version 7 in it, only v2 (1 of 2 "
				       "patches), v1 (1 of 1 patches)"));
	refuse_page(&p, "patch 2 of 2 is missing; there are v2 (1 of 2 patches)"
			", v1 (1 of 1 patches), choose one that is whole");
}

static void test_fixups(void **state)
{
	struct str p = STR_INIT;
	struct series s;

	(void)state;
	add_message(&p, "[PATCH 0/1] c", "words\n");
	add_message(&p, "[PATCH 1/1] a", DIFF("a", "b"));
	add_message(&p, "Re: [PATCH 0/1] c", SCISSORS DIFF("b", "c"));
	add_message(
		&p, "Re: [PATCH 1/1] a",
		"---8<---\n" DIFF(
			"b",
			"d") "\n---8<---\nand\n"
			     "Subject: no header\n" SCISSORS "From: N <n@x>\n"
			     "Subject: [PATCH] own\n  subject\n\nWhy.\n" DIFF(
				     "d", "e"));
	add_message(&p, "Re: [PATCH 1/1] a", "> --- >8 ---\n> " DIFF("b", "c"));
	add_message(&p, "Re: [PATCH 1/1] a",
		    SCISSORS "--- a/.git/x\n+++ b/.git/x\n@@ -1 +1 @@\n-a\n"
			     "+b\n");
	add_message(&p, "[PATCH] another", DIFF("b", "c"));
	s = take_page(&p);
	assert_int_equal(s.nfixups, 3);
	assert_string_equal(s.fixups[0].skipped,
			    "it answers the cover letter, so its place is not "
			    "known");
	assert_string_equal(s.fixups[1].subject, "fixup: a");
	assert_string_equal(s.fixups[1].author, "Some Body <unknown>");
	assert_string_equal(s.fixups[2].subject, "own subject");
	assert_string_equal(s.fixups[2].author, "N <n@x>");
	assert_string_equal(s.fixups[2].message, "Why.\n");
	assert_true(has_note(&s, "a fixup is left out: t:"));
	assert_true(has_note(&s, "is in .git"));
	assert_true(has_note(&s, "'[PATCH] another' is a patch outside the"));
	series_release(&s);
}

static void make_crlf(struct str *s)
{
	struct str out = STR_INIT;

	for (size_t i = 0; i < s->len; i++) {
		if (s->buf[i] == '\n')
			str_adds(&out, "\r");
		str_add(&out, s->buf + i, 1);
	}
	str_release(s);
	*s = out;
}

static void test_line_ends(void **state)
{
	struct str p = STR_INIT;
	struct series s;

	(void)state;
	add_message(&p, "[PATCH] a", DIFF("a", "b"));
	make_crlf(&p);
	s = take_page(&p);
	assert_null(strchr(s.patches[0].diff, '\r'));
	assert_true(has_note(&s, "CR LF"));
	series_release(&s);
	add_message(&p, "[PATCH] a",
		    "--- a/x\r\n+++ b/x\r\n@@ -1 +1 @@\r\n-a\r\n+b\r\n");
	refuse_page(&p, "t:7: message 1: the line ends in CR LF");
}

static void test_no_text(void **state)
{
	struct str p = STR_INIT;

	(void)state;
	add_message(&p, "[PATCH] a", DIFF("a", "b"));
	str_add(&p, "x\0y\n", 4);
	refuse_page(&p, "t:18: there is a NUL byte");
	add_message(&p, "[PATCH] a", DIFF("a", "b"));
	for (int i = 0; i < 2 << 20; i++)
		str_adds(&p, "x");
	refuse_page(&p, "t:18: this line has 2097152 bytes");
	str_adds(&p, "\x7f"
		     "ELF\x01\x01\n\xff\xfe\n");
	refuse_page(&p, "there is no patch in it");
	str_add(&p, "\x1f\x8b\x08\x00junk", 8);
	refuse_page(&p, "t:1: there is a NUL byte");
	str_add(&p, "", 0);
	refuse_page(&p, "there is no patch in it");
}

/* Neither a terminal nor a header must obey what a mail says. */
static void test_controls_are_dropped(void **state)
{
	struct str p = STR_INIT;
	struct series s;

	(void)state;
	add_message(&p,
		    "[PATCH] a\x1b[2J\xc2\x9b"
		    "b\xff\xe4",
		    "From: N\x1b <n@x\ty>\n\nw\x07\n" DIFF("a", "b"));
	s = take_page(&p);
	for (const char *c = s.patches[0].subject; *c; c++)
		assert_true((unsigned char)*c >= 32 && *c != 127);
	assert_null(strchr(s.patches[0].author, '\x1b'));
	assert_string_equal(s.patches[0].message, "w?\n");
	assert_true(str_is_utf8(s.patches[0].subject));
	series_release(&s);
}

/* ---- quilt ---- */

static void test_quilt(void **state)
{
	struct series s;

	(void)state;
	assert_int_equal(mkdir("q", 0700), 0);
	assert_int_equal(mkdir("q/sub", 0700), 0);
	put("q/series", "# comment\n\nsub/one.patch -p0 # as is\r\n"
			"  two.patch\n#three.patch\n");
	put("q/sub/one.patch", "Why one.\n\nMore of it.\n\n--- m/x.orig\n"
			       "+++ m/x\n@@ -1 +1 @@\n-a\n+b\n");
	put("q/two.patch", "Author: N <n@x>\nDescription: two\n\nText.\n---\n"
			   "--- o/m/x\n+++ n/m/x\n@@ -1 +1 @@\n-b\n+c\n");
	s = import("q", SERIES_AUTO, false);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.patches[0].subject, "Why one.");
	assert_string_equal(s.patches[0].message, "More of it.\n");
	assert_string_equal(s.patches[0].paths.v[0], "m/x");
	assert_int_equal(s.patches[0].strip, 0);
	assert_string_equal(s.patches[0].author, "unknown <unknown>");
	assert_string_equal(s.patches[1].subject, "two");
	assert_string_equal(s.patches[1].author, "N <n@x>");
	assert_string_equal(s.patches[1].message, "Text.\n");
	assert_int_equal(s.patches[1].number, 2);
	write_to(&s, "q2");
	series_release(&s);
	s = import("q2/series", SERIES_AUTO, false);
	assert_int_equal(s.patches[0].strip, 0);
	assert_int_equal(s.patches[1].strip, 1);
	series_release(&s);
}

static void test_bad_quilt(void **state)
{
	static const struct {
		const char *series, *want;
	} cases[] = {
		{"../etc/passwd\n", "series:1: path '../etc/passwd' climbs"},
		{"\n/etc/passwd\n", "series:2: path '/etc/passwd' is absolute"},
		{"none.patch\n", "series:1: there is no patch 'none.patch'"},
		{"out.patch\n", "series:1: there is no patch 'out.patch'"},
		{"a.patch -R\n", "series:1: option -R"},
		{"a.patch -px\n", "series:1: 'x' is not an option"},
		{"a.patch -p\n", "series:1: '' is not an option"},
		{"# nothing\n", "series: it names no patch"},
		{"a.patch -p9\n", "a.patch:2: path 'a/x' has no folder"},
		{"sub\n", "'bad/sub' is not a file"},
	};

	(void)state;
	assert_int_equal(mkdir("bad", 0700), 0);
	assert_int_equal(mkdir("bad/sub", 0700), 0);
	put("elsewhere", DIFF("a", "b"));
	assert_int_equal(symlink("../elsewhere", "bad/out.patch"), 0);
	put("bad/a.patch", "w\n" DIFF("a", "b"));
	for (size_t i = 0; i < COUNT(cases); i++) {
		put("bad/series", cases[i].series);
		refuse("bad", 0, cases[i].want);
	}
	put("bad/series", "a.patch\n");
	put("bad/manifest.json", "{\n\"format\": 2}");
	refuse("bad", 0, "'format' must be 1");
	put("bad/manifest.json", "{\n");
	refuse("bad", 0, "manifest.json:2:");
	put("bad/manifest.json", "{\"format\": 1, \"fixups\": [{\"file\": "
				 "\"../a.patch\"}]}");
	refuse("bad", 0, "'../a.patch' is not the name of a fixup's file");
	put("bad/manifest.json",
	    "{\"format\": 1, \"version\": -1, \"title\": 3, \"notes\": [1], "
	    "\"patches\": [{\"file\": \"a.patch\", \"number\": \"x\"}]}");
	series_release(&(struct series[]){import("bad", 0, false)}[0]);
}

static void test_no_input(void **state)
{
	(void)state;
	refuse("absent", 0, "cannot read 'absent'");
	assert_int_equal(mkdir("hollow", 0700), 0);
	refuse("hollow", 0, "folder 'hollow' has no *.patch file");
	assert_int_equal(mkfifo("fifo", 0700), 0);
	refuse("fifo", 0, "'fifo' is not a file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thread),
		cmocka_unit_test(test_mbox),
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_fixups_are_put_in),
		cmocka_unit_test(test_write_and_read),
		cmocka_unit_test(test_fixups_are_put_in_later),
		cmocka_unit_test(test_write_refuses),
		cmocka_unit_test(test_odd_texts_come_back),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_fixups),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_no_text),
		cmocka_unit_test(test_controls_are_dropped),
		cmocka_unit_test(test_quilt),
		cmocka_unit_test(test_bad_quilt),
		cmocka_unit_test(test_no_input),
	};

	return cmocka_run_group_tests(tests, enter, leave_folder);
}
