#include "machine/symbols.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <inttypes.h>

#define MAP_CAP (64u << 20)
#define NAME_SHOWN 200

struct symbol {
	uint64_t at;
	const char *name; /* into text, ended by a newline's NUL */
};

struct symbols {
	struct str text;
	struct symbol *list; /* code only, by address */
	size_t n;
	uint64_t end; /* of all code */
};

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* "ffffffff81000000 T _text" */
static void take_line(struct symbols *s, char *line)
{
	char *after;
	uint64_t at = strtoull(line, &after, 16);

	if (after == line || after[0] != ' ' || !after[1] || after[2] != ' ' ||
	    !after[3] || at < 1ull << 63)
		return;
	/* Of names for one address the first is as good as another. */
	if (!strcmp(after + 3, "_etext") || !strcmp(after + 3, "_einittext"))
		s->end = at > s->end ? at : s->end;
	if (!strchr("tTwW", after[1]))
		return;
	s->list = xrealloc(s->list, (s->n + 1) * sizeof(*s->list));
	s->list[s->n++] = (struct symbol){at, after + 3};
}

int symbols_load(const char *path, struct symbols **out, struct err *e)
{
	struct symbols *s = xcalloc(1, sizeof(*s));
	int r = file_read(path, MAP_CAP, &s->text, e);
	char *line, *next;

	if (r) {
		symbols_free(s);
		return r;
	}
	for (line = s->text.buf; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		take_line(s, line);
		if (!next)
			break;
	}
	if (s->n)
		qsort(s->list, s->n, sizeof(*s->list), by_address);
	if (s->n && s->end <= s->list[0].at)
		s->end = s->list[s->n - 1].at + 1;
	*out = s;
	return 0;
}

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	str_release(&s->text);
	free(s->list);
	free(s);
}

bool symbols_has(const struct symbols *s, uint64_t address)
{
	return s && s->n && address >= s->list[0].at && address < s->end;
}

const char *symbols_name(const struct symbols *s, uint64_t address, char *buf,
			 size_t size)
{
	size_t low = 0, high = s ? s->n : 0, above;

	if (!symbols_has(s, address)) {
		snprintf(buf, size, "0x%" PRIx64, address);
		return buf;
	}
	/* The last one at or below. */
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (s->list[mid].at <= address)
			low = mid;
		else
			high = mid;
	}
	for (above = low; above < s->n && s->list[above].at == s->list[low].at;)
		above++;
	snprintf(buf, size, "%.*s+0x%" PRIx64 "/0x%" PRIx64, NAME_SHOWN,
		 s->list[low].name, address - s->list[low].at,
		 (above < s->n ? s->list[above].at : s->end) - s->list[low].at);
	return buf;
}
