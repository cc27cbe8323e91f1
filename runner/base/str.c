#include "base/str.h"

#include "base/err.h"

#include <errno.h>
#include <jansson.h>
#include <stdint.h>

static void *check(void *p)
{
	if (!p) {
		fputs("klab: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	return check(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
	return check(realloc(p, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return check(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return check(strndup(s, n));
}

static char *format(const char *fmt, va_list ap)
{
	char *s;

	if (vasprintf(&s, fmt, ap) < 0)
		check(NULL);
	return s;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = format(fmt, ap);
	va_end(ap);
	return s;
}

void str_release(struct str *s)
{
	free(s->buf);
	*s = (struct str)STR_INIT;
}

void str_add(struct str *s, const void *data, size_t len)
{
	if (s->len + len + 1 > s->cap) {
		s->cap = (s->len + len + 1) * 3 / 2 + 16;
		s->buf = xrealloc(s->buf, s->cap);
	}
	if (len)
		memcpy(s->buf + s->len, data, len);
	s->len += len;
	s->buf[s->len] = '\0';
}

void str_adds(struct str *s, const char *text)
{
	str_add(s, text, strlen(text));
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = format(fmt, ap);
	va_end(ap);
	str_adds(s, text);
	free(text);
}

char *str_detach(struct str *s)
{
	char *text = s->buf ? s->buf : xstrdup("");

	*s = (struct str)STR_INIT;
	return text;
}

void strv_release(struct strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct strv)STRV_INIT;
}

static void take(struct strv *l, char *s)
{
	l->v = xrealloc(l->v, (l->n + 2) * sizeof(*l->v));
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
}

void strv_add(struct strv *l, const char *s)
{
	take(l, xstrdup(s));
}

void strv_addf(struct strv *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	take(l, format(fmt, ap));
	va_end(ap);
}

void strv_add_new(struct strv *l, const char *s)
{
	if (!strv_has(l, s))
		strv_add(l, s);
}

void strv_merge(struct strv *l, const struct strv *more)
{
	for (size_t i = 0; i < more->n; i++)
		strv_add_new(l, more->v[i]);
}

bool strv_has(const struct strv *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i], s))
			return true;
	return false;
}

char *strv_join(const struct strv *l, const char *sep)
{
	struct str s = STR_INIT;

	for (size_t i = 0; i < l->n; i++) {
		if (i)
			str_adds(&s, sep);
		str_adds(&s, l->v[i]);
	}
	return str_detach(&s);
}

static void add_quoted(struct str *s, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+=:,./-";

	if (*word && word[strspn(word, plain)] == '\0') {
		str_adds(s, word);
		return;
	}
	str_adds(s, "'");
	for (; *word; word++) {
		if (*word == '\'')
			str_adds(s, "'\\''");
		else
			str_add(s, word, 1);
	}
	str_adds(s, "'");
}

char *strv_shell(const struct strv *l)
{
	struct str s = STR_INIT;

	for (size_t i = 0; i < l->n; i++) {
		if (i)
			str_adds(&s, " ");
		add_quoted(&s, l->v[i]);
	}
	return str_detach(&s);
}

void str_plain(char *s)
{
	for (; *s; s++)
		if (*s < 32 || *s > 126)
			*s = '?';
}

bool str_is_utf8(const char *s)
{
	json_t *text = json_string(s); /* takes nothing else */
	bool ok = text;

	json_decref(text);
	return ok;
}

bool str_starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), k = strlen(suffix);

	return n >= k && !strcmp(s + n - k, suffix);
}

bool word_ok(const char *s)
{
	if (!*s || *s == '-' || *s == '.' || strlen(s) > 100)
		return false;
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")] == '\0';
}

bool str_to_ll(const char *s, long long min, long long max, long long *out)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(s, &end, 10);
	if (end == s || *end || errno || v < min || v > max)
		return false;
	*out = v;
	return true;
}

/* Levenshtein distance, words above 63 characters counted as far. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b);

	if (n > 63 || strlen(a) > 63)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; *a; a++, i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = diagonal + (*a != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

const char *str_nearest(const char *word, const char *const *names, size_t n)
{
	const char *best = NULL;
	size_t limit = strlen(word) / 3 + 1;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(word, names[i]);

		if (d <= limit) {
			limit = d;
			if (d == 0)
				return names[i];
			best = names[i];
			limit = d - 1;
		}
	}
	return best;
}
