#include "series/subject.h"

#include "base/str.h"

#include <strings.h>

#define NUMBER_CAP 9999

static const char *skip_spaces(const char *s)
{
	while (*s == ' ')
		s++;
	return s;
}

/* "Re:", "RE[2]:", "Aw:", "Fwd:": behind it, or NULL. */
static const char *skip_reply(const char *s)
{
	static const char *const words[] = {"re", "aw", "fwd", "fw"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t n = strlen(words[i]);
		const char *p = s + n;

		if (strncasecmp(s, words[i], n))
			continue;
		if (*p == '[' && strchr(p, ']'))
			p = strchr(p, ']') + 1;
		if (*p == ':')
			return skip_spaces(p + 1);
	}
	return NULL;
}

/* All digits up to the end of the word, at most NUMBER_CAP; else -1. */
static int number(const char *s, size_t len)
{
	int v = 0;

	if (!len || len > 9)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + s[i] - '0';
	}
	return v <= NUMBER_CAP ? v : -1;
}

static bool has_word(const char *s, size_t len, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= len; i++)
		if (!strncasecmp(s + i, word, n))
			return true;
	return false;
}

/* "v4", "07/35", or "v4-07/35" of some mailers. */
static void read_word(const char *w, size_t len, struct subject *out)
{
	const char *slash = memchr(w, '/', len);
	int a, b;

	if (slash) {
		a = number(w, (size_t)(slash - w));
		b = number(slash + 1, len - (size_t)(slash + 1 - w));
		if (a >= 0 && b > 0) {
			out->numbered = true;
			out->number = a;
			out->total = b;
		}
	} else if ((*w == 'v' || *w == 'V') && len > 1) {
		a = number(w + 1, len - 1);
		if (a > 0)
			out->version = a;
	}
}

/* What is between brackets; false if it is no tag of a patch. */
static bool read_tag(const char *s, size_t len, struct subject *out)
{
	struct subject tag = {.version = out->version};
	size_t i = 0;

	while (i < len) {
		size_t n = 0;

		while (i + n < len && !strchr(" ,", s[i + n]))
			n++;
		if (n)
			read_word(s + i, n, &tag);
		i += n + 1;
	}
	if (!tag.numbered && !has_word(s, len, "patch") &&
	    !has_word(s, len, "rfc"))
		return false;
	out->patch = true;
	out->version = tag.version;
	if (tag.numbered && !out->numbered) {
		out->numbered = true;
		out->number = tag.number;
		out->total = tag.total;
	}
	return true;
}

/* The tags of a patch at the start, with those of a list before them; a tag
 * behind them ("[media] ...") belongs to the title. */
static const char *read_tags(const char *s, struct subject *out)
{
	const char *title = s, *p = s, *end;

	while (*p == '[' && (end = strchr(p, ']'))) {
		bool tag = read_tag(p + 1, (size_t)(end - p - 1), out);

		p = skip_spaces(end + 1);
		if (tag)
			title = p;
		else if (out->patch)
			break;
	}
	return title;
}

void subject_parse(const char *text, struct subject *out)
{
	const char *s = skip_spaces(text), *next;

	*out = (struct subject){.version = 1};
	while ((next = skip_reply(s))) {
		out->reply = true;
		s = next;
	}
	out->title = xstrdup(read_tags(s, out));
}

void subject_release(struct subject *s)
{
	free(s->title);
	*s = (struct subject){0};
}
