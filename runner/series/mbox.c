/*
 * An mbox: mails behind lines that start with "From ".
 */
#include "series/mail.h"

#include "base/err.h"

#include <ctype.h>

/* format-patch dates all of them like this. */
static bool is_of_git(const struct line *l)
{
	static const char date[] = " Mon Sep 17 00:00:00 2001";
	size_t n = sizeof(date) - 1;

	return l->len > n && !memcmp(l->text + l->len - n, date, n);
}

/* A line of an mbox that starts a mail: behind a blank line, before a header.
 * In mails that git did not date, one that git did is of a patch in the text.
 */
static bool starts_mail(const struct line *l, const struct lines *in,
			bool blank, bool of_git)
{
	struct line next;
	size_t n = 0;

	if (!blank || !line_starts(l, "From ") || !lines_peek(in, &next) ||
	    (!of_git && is_of_git(l)))
		return false;
	while (n < next.len &&
	       (isalnum((unsigned char)next.text[n]) || next.text[n] == '-'))
		n++;
	return n && n < next.len && next.text[n] == ':';
}

/* mboxrd puts a > before each line of text that starts with >*From; */
static void add_unescaped(struct str *out, const struct line *l)
{
	size_t n = 0, skip;

	while (n < l->len && l->text[n] == '>')
		n++;
	skip = n && l->len - n >= 5 && !memcmp(l->text + n, "From ", 5);
	str_add(out, l->text + skip, l->len - skip);
	str_adds(out, "\n");
}

static int add_mail(const char *name, const struct str *text, size_t line,
		    struct mails *m, struct err *e)
{
	size_t before = m->n;
	int r;

	if (!text->len)
		return 0;
	r = mail_read(name, text->buf, text->len, m, e);
	if (r)
		return r;
	m->at[before].at.message = (int)m->n;
	if (m->at[before].at.line)
		m->at[before].at.line += line - 1;
	return 0;
}

static int split(const char *name, const struct str *s, struct mails *m,
		 struct err *e)
{
	struct lines in = {s->buf, s->buf + s->len, 0};
	struct str text = STR_INIT;
	size_t line = 1;
	bool blank = true, of_git;
	struct line l;
	int r = 0;

	of_git = lines_peek(&in, &l) && is_of_git(&l);
	while (!r && lines_next(&in, &l)) {
		if (starts_mail(&l, &in, blank, of_git) && text.len) {
			r = add_mail(name, &text, line, m, e);
			text.len = 0;
			line = in.number;
		}
		blank = line_is_blank(&l);
		add_unescaped(&text, &l);
	}
	if (!r)
		r = add_mail(name, &text, line, m, e);
	str_release(&text);
	return r;
}

int mbox_read(const char *name, const struct str *s, struct mails *m,
	      struct err *e)
{
	if (s->len > 5 && !memcmp(s->buf, "From ", 5))
		return split(name, s, m, e);
	return mail_read(name, s->buf, s->len, m, e);
}
