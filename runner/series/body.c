/*
 * The text of a mail: headers that it repeats, message, diff.
 */
#include "series/mail.h"

#include "base/err.h"
#include "series/diff.h"
#include "series/series.h"

#include <ctype.h>
#include <strings.h>

/* ---- scissors ---- */

static bool is_mark(const char *p, size_t len)
{
	return len >= 2 && (!memcmp(p, "8<", 2) || !memcmp(p, ">8", 2) ||
			    !memcmp(p, "8%", 2) || !memcmp(p, "%<", 2) ||
			    !memcmp(p, ">%", 2) || !memcmp(p, "%8", 2));
}

/* "-- >8 --", "----8<---- cut here ----8<----": dashes with a mark among them,
 * which words may interrupt for a third of the line. */
bool line_is_scissors(const struct line *l)
{
	size_t dashes = 0, marks = 0, words = 0, i = 0;

	if (!l->len || (*l->text != '-' && !is_mark(l->text, l->len)))
		return false;
	while (i < l->len) {
		if (is_mark(l->text + i, l->len - i)) {
			marks++;
			i += 2;
			continue;
		}
		if (l->text[i] == '-')
			dashes++;
		else if (!isspace((unsigned char)l->text[i]))
			words++;
		i++;
	}
	return marks && dashes >= 4 && words <= dashes + 2 * marks;
}

/* ---- headers in the text ---- */

static bool is_header(const struct line *l, const char *name)
{
	size_t n = strlen(name);

	return l->len > n && !strncasecmp(l->text, name, n) &&
	       l->text[n] == ':';
}

static bool is_known(const struct line *l)
{
	return is_header(l, "From") || is_header(l, "Date") ||
	       is_header(l, "Subject");
}

/* "From 7cfe3fb1bcd6 Mon Sep 17 00:00:00 2001" of format-patch, which an mbox
 * writes with a > before it. */
static bool is_separator(const struct line *l)
{
	struct line s = *l;
	size_t n = 0;

	if (line_starts(&s, ">")) {
		s.text++;
		s.len--;
	}
	if (!line_starts(&s, "From "))
		return false;
	while (n + 5 < s.len && isxdigit((unsigned char)s.text[5 + n]))
		n++;
	return n >= 7 && n + 5 < s.len && s.text[5 + n] == ' ';
}

static void set(char **to, char *value)
{
	if (!value)
		return;
	free(*to);
	*to = value;
}

static void set_subject(struct patch *p, const char *text)
{
	struct subject s;

	subject_parse(text, &s);
	if (*s.title)
		set(&p->subject, xstrdup(s.title));
	subject_release(&s);
}

static void take_header(struct patch *p, const char *name, const char *text)
{
	long long time;

	if (*name == 'F' || *name == 'f')
		set(&p->author, mail_author(text));
	else if (*name == 'D' || *name == 'd')
		set(&p->date, mail_date(text, &time));
	else
		set_subject(p, text);
}

/* One header with the lines that continue it; in stands behind its first. */
static void read_header(struct patch *p, const struct line *first,
			struct lines *in, const char *charset)
{
	struct str value = STR_INIT;
	const char *colon = memchr(first->text, ':', first->len);
	struct line l;
	char *text;

	str_add(&value, colon + 1,
		first->len - (size_t)(colon + 1 - first->text));
	while (lines_peek(in, &l) && l.len > 1 && *l.text == ' ' &&
	       !line_is_blank(&l)) {
		str_add(&value, l.text, l.len);
		lines_next(in, &l);
	}
	text = text_one_line(value.buf, value.len, charset);
	take_header(p, first->text, text);
	free(text);
	str_release(&value);
}

/* From, Date and Subject at the start of the text; in is left behind them. */
static void read_headers(struct patch *p, struct lines *in, const char *charset)
{
	struct lines ahead = *in;
	struct line l;
	bool any = false;

	while (lines_next(&ahead, &l)) {
		if (is_known(&l)) {
			read_header(p, &l, &ahead, charset);
			any = true;
		} else if (!line_is_blank(&l) && (any || !is_separator(&l))) {
			break;
		} else if (any) {
			*in = ahead; /* the blank line that ends them */
			break;
		}
		*in = ahead;
	}
}

/* ---- message and diff ---- */

size_t text_find_diff(const char *text, size_t len)
{
	struct lines in = {text, text + len, 0};
	struct line l;

	while (lines_next(&in, &l))
		if (diff_starts(&l, &in))
			return in.number;
	return 0;
}

static void trim(struct str *s)
{
	while (s->len && strchr(" \t\r\n", s->buf[s->len - 1]))
		s->buf[--s->len] = '\0';
	if (s->len)
		str_adds(s, "\n");
}

static void add_line(struct str *s, const struct line *l)
{
	size_t n = l->len;

	while (n && strchr(" \t\r", l->text[n - 1]))
		n--;
	if (!n && !s->len)
		return;
	str_add(s, l->text, n);
	str_adds(s, "\n");
}

static bool ends_message(const struct line *l)
{
	struct line s = *l;

	while (s.len > 3 && strchr(" \t\r", s.text[s.len - 1]))
		s.len--;
	return line_is(&s, "---");
}

/* Up to the diff; *line is its first. */
static void read_message(struct patch *p, struct lines *in, const char *charset,
			 size_t *line)
{
	struct str s = STR_INIT;
	bool ended = false;
	struct line l;

	*line = 0;
	while (!*line && lines_next(in, &l)) {
		if (diff_starts(&l, in))
			*line = in->number;
		else if (ends_message(&l))
			ended = true;
		else if (!ended)
			add_line(&s, &l);
	}
	trim(&s);
	free(p->message);
	p->message = s.len ? text_utf8(s.buf, s.len, charset) : xstrdup("");
	str_release(&s);
}

static void start_patch(const struct mail *m, struct patch *p)
{
	*p = (struct patch){.number = m->head.number};
	p->author = m->author ? xstrdup(m->author) : NULL;
	p->date = m->date ? xstrdup(m->date) : NULL;
	p->subject = xstrdup(m->head.title);
	p->message = xstrdup("");
	p->diff = xstrdup("");
	p->where = place_text(&m->at);
}

static int no_diff(const struct mail *m, size_t first, struct err *e)
{
	return place_err(&m->at, first, e, "'%s' has no diff in it",
			 m->subject ? m->subject : "this file");
}

int mail_patch(const struct mail *m, const char *text, size_t len, size_t first,
	       struct patch *p, size_t *blanks, size_t *crs, struct err *e)
{
	struct lines in = {text, text + len, first - 1};
	struct place whole = m->at;
	struct diff d = {.strip = 0};
	const char *at;
	size_t line;
	int r;

	start_patch(m, p);
	read_headers(p, &in, m->charset);
	read_message(p, &in, m->charset, &line);
	if (!line)
		return no_diff(m, first, e);
	at = text;
	for (size_t i = first; i < line; i++)
		at = (const char *)memchr(at, '\n', (size_t)(text + len - at)) +
		     1;
	r = memchr(text, '\0', len)
		    ? place_err(&m->at, 0, e, "there is a NUL byte in it")
		    : diff_read(&whole, at, (size_t)(text + len - at), line,
				m->strip, &d, e);
	if (!r) {
		free(p->diff);
		p->diff = str_detach(&d.text);
		p->paths = d.paths;
		d.paths = (struct strv)STRV_INIT;
		p->strip = d.strip;
		*blanks += d.blanks;
		*crs += d.crs;
	}
	diff_release(&d);
	return r;
}

char *text_base_commit(const char *text, size_t len)
{
	static const char mark[] = "base-commit: ";
	struct lines in = {text, text + len, 0};
	struct line l;
	size_t n;

	while (lines_next(&in, &l)) {
		if (!line_starts(&l, mark))
			continue;
		l.text += sizeof(mark) - 1;
		l.len -= sizeof(mark) - 1;
		for (n = 0; n < l.len && isxdigit((unsigned char)l.text[n]);)
			n++;
		if (n >= 12 && n <= 64)
			return xstrndup(l.text, n);
	}
	return NULL;
}
