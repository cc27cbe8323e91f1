#include "series/text.h"

#include "base/err.h"
#include "base/str.h"

#include <glib.h>
#include <stdarg.h>

#define ONE_LINE_CAP 1000

bool lines_peek(const struct lines *l, struct line *out)
{
	const char *stop;

	if (l->at >= l->end)
		return false;
	stop = memchr(l->at, '\n', (size_t)(l->end - l->at));
	out->text = l->at;
	out->len = (size_t)((stop ? stop : l->end) - l->at);
	return true;
}

bool lines_next(struct lines *l, struct line *out)
{
	if (!lines_peek(l, out))
		return false;
	l->at = out->text + out->len;
	if (l->at < l->end)
		l->at++;
	l->number++;
	return true;
}

bool line_is(const struct line *l, const char *text)
{
	return l->len == strlen(text) && !memcmp(l->text, text, l->len);
}

bool line_starts(const struct line *l, const char *prefix)
{
	size_t n = strlen(prefix);

	return l->len >= n && !memcmp(l->text, prefix, n);
}

bool line_is_blank(const struct line *l)
{
	for (size_t i = 0; i < l->len; i++)
		if (!strchr(" \t\r", l->text[i]) || !l->text[i])
			return false;
	return true;
}

size_t place_line(const struct place *p, size_t line)
{
	return p->line ? p->line + line - 1 : line;
}

char *place_text(const struct place *p)
{
	if (p->message)
		return xasprintf("%s: message %d", p->name, p->message);
	return xstrdup(p->name);
}

static char *line_text(const struct place *p, size_t line)
{
	if (!line)
		return place_text(p);
	if (!p->line && p->message)
		return xasprintf("%s: message %d, line %zu of its text",
				 p->name, p->message, line);
	if (!p->line)
		return xasprintf("%s: line %zu of its text", p->name, line);
	if (p->message)
		return xasprintf("%s:%zu: message %d", p->name,
				 place_line(p, line), p->message);
	return xasprintf("%s:%zu", p->name, place_line(p, line));
}

int place_err(const struct place *p, size_t line, struct err *e,
	      const char *fmt, ...)
{
	char *where = line_text(p, line), what[700];
	va_list ap;
	int r;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	r = err_user(e, "%s: %s", where, what);
	free(where);
	return r;
}

static int check_lines(const char *name, const struct str *s, struct err *e)
{
	struct lines in = {s->buf, s->buf + s->len, 0};
	struct line l;

	while (lines_next(&in, &l)) {
		if (l.len > TEXT_LINE_CAP)
			return err_user(e,
					"%s:%zu: this line has %zu bytes, more "
					"than any patch: this is not a series",
					name, in.number, l.len);
		if (memchr(l.text, '\0', l.len))
			return err_user(e,
					"%s:%zu: there is a NUL byte: this is "
					"not text",
					name, in.number);
	}
	return 0;
}

static bool all_crlf(const struct str *s)
{
	struct lines in = {s->buf, s->buf + s->len, 0};
	struct line l;

	while (lines_next(&in, &l))
		if (l.text + l.len < in.end &&
		    (!l.len || l.text[l.len - 1] != '\r'))
			return false;
	return in.number > 0 && memchr(s->buf, '\r', s->len);
}

bool text_drop_crlf(struct str *s)
{
	size_t to = 0;

	if (!s->len || !all_crlf(s))
		return false;
	for (size_t i = 0; i < s->len; i++)
		if (s->buf[i] != '\r' ||
		    (i + 1 < s->len && s->buf[i + 1] != '\n'))
			s->buf[to++] = s->buf[i];
	s->len = to;
	s->buf[to] = '\0';
	return true;
}

int text_prepare(const char *name, struct str *s, bool *crlf, struct err *e)
{
	str_add(s, "", 0);
	*crlf = text_drop_crlf(s);
	return check_lines(name, s, e);
}

/* Also the C1 controls, which are two bytes in UTF-8: some terminals obey them.
 */
static void drop_controls(char *s)
{
	for (unsigned char *p = (unsigned char *)s; *p; p++) {
		if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			p[0] = p[1] = '?';
		else if ((*p < 32 && *p != '\t' && *p != '\n') || *p == 127)
			*p = '?';
	}
}

static bool is_utf8_name(const char *charset)
{
	return !charset || !g_ascii_strcasecmp(charset, "utf-8") ||
	       !g_ascii_strcasecmp(charset, "utf8") ||
	       !g_ascii_strcasecmp(charset, "us-ascii");
}

char *text_utf8(const char *text, size_t len, const char *charset)
{
	char *made = NULL, *out;

	if (!is_utf8_name(charset))
		made = g_convert(text, (gssize)len, "UTF-8", charset, NULL,
				 NULL, NULL);
	if (!made && !g_utf8_validate(text, (gssize)len, NULL) && !charset)
		made = g_convert(text, (gssize)len, "UTF-8", "ISO-8859-1", NULL,
				 NULL, NULL);
	if (!made)
		made = g_utf8_make_valid(text, (gssize)len);
	out = xstrdup(made);
	g_free(made);
	drop_controls(out);
	return out;
}

/* The start of s that has at most max bytes and no half character. */
static void cut(char *s, size_t max)
{
	if (strlen(s) <= max)
		return;
	while (max && ((unsigned char)s[max] & 0xc0) == 0x80)
		max--;
	s[max] = '\0';
}

char *text_one_line(const char *text, size_t len, const char *charset)
{
	char *s = text_utf8(text, len, charset), *to = s;

	for (char *p = s; *p; p++) {
		if (!strchr(" \t\n", *p))
			*to++ = *p;
		else if (to > s && to[-1] != ' ')
			*to++ = ' ';
	}
	if (to > s && to[-1] == ' ')
		to--;
	*to = '\0';
	cut(s, ONE_LINE_CAP);
	return s;
}

char *text_slug(const char *text, size_t max)
{
	struct str s = STR_INIT;

	for (; *text && s.len < max; text++) {
		if (g_ascii_isalnum(*text) || (strchr("._", *text) && s.len))
			str_add(&s, text, 1);
		else if (s.len && s.buf[s.len - 1] != '-')
			str_add(&s, "-", 1);
	}
	while (s.len && strchr("-.", s.buf[s.len - 1]))
		s.buf[--s.len] = '\0';
	return str_detach(&s);
}
