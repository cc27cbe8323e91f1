#include "console/line.h"

#include <string.h>

#define ESC 0x1b
#define ONES 0x0101010101010101u
#define STAMP_MAX 40 /* "[" blanks, seconds, ".", six digits, "]" */

bool slice_has(struct slice s, const char *text)
{
	return memmem(s.p, s.n, text, strlen(text));
}

struct slice slice_trim(struct slice s)
{
	while (s.n && *s.p == ' ')
		s.p++, s.n--;
	while (s.n && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

void slice_copy(char *out, size_t size, struct slice s)
{
	s = slice_trim(s);
	if (s.n >= size)
		s.n = size - 1;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
}

struct slice slice_from(struct slice s, size_t n)
{
	return (struct slice){s.p + n, s.n - n};
}

struct slice slice_after(struct slice s, const char *mark)
{
	const char *at = memmem(s.p, s.n, mark, strlen(mark));

	return at ? slice_from(s, (size_t)(at - s.p) + strlen(mark))
		  : (struct slice){s.p, 0};
}

/* ---- what is no text ---- */

bool line_dirty(struct slice s)
{
	uint64_t bad = 0, word;
	size_t i = 0;

	/* Eight at a time: the top bit of a byte is set if it is above 0x7e, or
	 * if 0x20 cannot be taken from it. */
	for (; i + 8 <= s.n; i += 8) {
		memcpy(&word, s.p + i, 8);
		bad |= (word | (word + ONES) | (word - ONES * 0x20)) &
		       ONES * 0x80;
	}
	for (; i < s.n; i++)
		bad |= (unsigned char)s.p[i] < 0x20 ||
		       (unsigned char)s.p[i] > 0x7e;
	return bad;
}

static bool between(char c, char low, char high)
{
	return c >= low && c <= high;
}

/* Bytes of the escape sequence that starts at s: a CSI up to its final byte, an
 * OSC up to BEL or ST, else two bytes. */
static size_t escape_length(struct slice s)
{
	size_t i = 2;

	if (s.n < 2)
		return s.n;
	if (s.p[1] == '[') {
		while (i < s.n && between(s.p[i], 0x20, 0x3f))
			i++;
		return i + (i < s.n && between(s.p[i], 0x40, 0x7e));
	}
	if (s.p[1] == ']') {
		while (i < s.n && s.p[i] != 7 && s.p[i] != ESC)
			i++;
		return i + (i < s.n && s.p[i] == 7);
	}
	return 2;
}

static bool is_text(char c)
{
	return (unsigned char)(c - 0x20) < 0x7f - 0x20;
}

size_t line_clean(struct slice s, char *out)
{
	size_t n = 0, i = 0;

	while (i < s.n) {
		unsigned char c;

		for (; i < s.n && is_text(s.p[i]); i++)
			out[n++] = s.p[i];
		if (i == s.n)
			break;
		c = (unsigned char)s.p[i];
		if (c == '\t' || c >= 0x7f)
			out[n++] = c == '\t' ? ' ' : '?';
		i += c == ESC ? escape_length(slice_from(s, i)) : 1;
	}
	return n;
}

/* ---- printk's prefix ---- */

static bool digit(char c)
{
	return between(c, '0', '9');
}

/* Digits from s.p[*i] on; false if there is none or they are too many. */
static bool number(struct slice s, size_t *i, uint64_t *out)
{
	size_t start = *i;

	for (*out = 0; *i < s.n && digit(s.p[*i]) && *i - start < 12; ++*i)
		*out = *out * 10 + (uint64_t)(s.p[*i] - '0');
	return *i > start;
}

static void blanks(struct slice s, size_t *i)
{
	while (*i < s.n && s.p[*i] == ' ' && *i < STAMP_MAX)
		++*i;
}

/* Length of "[   12.345678]" at the start of s; 0 if it is not there. */
static size_t stamp(struct slice s, int64_t *us)
{
	size_t i = 1, dot;
	uint64_t sec, frac;

	if (s.n < 10 || s.p[0] != '[')
		return 0;
	blanks(s, &i);
	if (!number(s, &i, &sec) || i >= s.n || s.p[i] != '.')
		return 0;
	dot = i++;
	if (!number(s, &i, &frac) || i - dot != 7 || i >= s.n || s.p[i] != ']')
		return 0;
	*us = (int64_t)(sec * 1000000 + frac);
	return i + 1;
}

/* Length of "[  T123]" (a task) or "[    C1]" (a CPU); 0 if it is not there. */
static size_t caller(struct slice s, uint32_t *id)
{
	size_t i = 1;
	uint64_t who;
	char type;

	if (s.n < 4 || s.p[0] != '[')
		return 0;
	blanks(s, &i);
	if (i >= s.n || (s.p[i] != 'T' && s.p[i] != 'C'))
		return 0;
	type = s.p[i++];
	if (!number(s, &i, &who) || i >= s.n || s.p[i] != ']')
		return 0;
	*id = ((uint32_t)who << 1 | (type == 'C')) + 1;
	return i + 1;
}

/* Length of "<6>", as in /dev/kmsg and on some consoles. */
static size_t level(struct slice s)
{
	size_t i = 1;
	uint64_t n;

	if (s.n < 3 || s.p[0] != '<' || !number(s, &i, &n))
		return 0;
	return i < s.n && s.p[i] == '>' ? i + 1 : 0;
}

static void skip(struct slice *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

void line_read(struct slice s, struct message *m)
{
	size_t n;

	m->whole = m->text = s;
	m->us = -1;
	m->caller = 0;
	m->mark = false;
	skip(&m->text, level(m->text));
	n = stamp(m->text, &m->us);
	skip(&m->text, n);
	m->mark = n;
	n = caller(m->text, &m->caller);
	skip(&m->text, n);
	m->mark |= n > 0;
	m->text = slice_trim(m->text);
}

size_t line_cut(struct slice s)
{
	size_t i = level(s) + 1;
	int64_t us;

	while (i < s.n) {
		const char *at = memchr(s.p + i, '[', s.n - i);

		if (!at)
			break;
		i = (size_t)(at - s.p);
		if (stamp((struct slice){at, s.n - i}, &us))
			return i;
		i++;
	}
	return s.n;
}
