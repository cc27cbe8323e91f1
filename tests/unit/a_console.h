/*
 * Consoles for tests: the corpus in tests/data/consoles/, and what may happen
 * to a console on its way.
 */
#ifndef KLAB_A_CONSOLE_H
#define KLAB_A_CONSOLE_H

#include <glob.h>
#include <jansson.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "console/console.h"

struct corpus {
	glob_t paths;
};

static inline void corpus_open(struct corpus *c)
{
	BUG(glob("tests/data/consoles/*.txt", 0, NULL, &c->paths));
}

/* The i-th console and what is expected of it. */
static inline void corpus_read(const struct corpus *c, size_t i,
			       struct str *text, json_t **expected)
{
	const char *path = c->paths.gl_pathv[i];
	char *json = xasprintf("%.*s.json", (int)strlen(path) - 4, path);
	struct err e;

	*text = (struct str)STR_INIT;
	BUG(file_read(path, 1 << 20, text, &e));
	*expected = json_load_file(json, 0, NULL);
	BUG(!json_is_array(*expected));
	free(json);
}

/* The line at *at without its end, which is in *n; NULL at the end. */
static inline const char *next_line(const struct str *s, size_t *at, size_t *n)
{
	const char *line = s->buf + *at, *end;

	if (*at >= s->len)
		return NULL;
	end = memchr(line, '\n', s->len - *at);
	*n = end ? (size_t)(end - line) : s->len - *at;
	*at += *n + 1;
	return line;
}

/* Length of printk's time stamp at the start of a line, with the bracket. */
static inline size_t stamp_length(const char *line, size_t n)
{
	const char *end = n && *line == '[' ? memchr(line, ']', n) : NULL;
	const char *dot = end ? memchr(line, '.', (size_t)(end - line)) : NULL;

	return dot && end - dot == 7 ? (size_t)(end - line) + 1 : 0;
}

typedef void (*damage_fn)(const char *line, size_t n, struct str *out);

/* A copy with each line changed by fn. */
static inline struct str damaged(const struct str *s, damage_fn fn)
{
	struct str out = STR_INIT;
	const char *line;
	size_t at = 0, n;

	while ((line = next_line(s, &at, &n)))
		fn(line, n, &out);
	return out;
}

/* Feeds it in pieces of the sizes that next gives. */
static inline struct console *watch(const struct str *s, size_t (*next)(void *),
				    void *arg)
{
	struct console *c;
	struct err e;

	BUG(console_new(NULL, &c, &e));
	for (size_t at = 0; at < s->len;) {
		size_t n = next ? next(arg) : s->len;

		if (n > s->len - at)
			n = s->len - at;
		console_feed(c, s->buf + at, n);
		at += n;
	}
	console_end(c);
	return c;
}

#endif
