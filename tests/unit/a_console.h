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

static inline void with_cr(const char *line, size_t n, struct str *out)
{
	str_add(out, line, n);
	str_adds(out, "\r\n");
}

static inline void with_colours(const char *line, size_t n, struct str *out)
{
	size_t stamp = stamp_length(line, n);

	str_adds(out, "\x1b[32m");
	str_add(out, line, stamp);
	str_adds(out, "\x1b[0m\x1b[1;33m");
	str_add(out, line + stamp, n - stamp);
	str_adds(out, "\x1b[0m\x1b]0;title\x07\x1b[K\n");
}

static inline void with_nuls(const char *line, size_t n, struct str *out)
{
	for (size_t i = 0; i < n; i++) {
		str_add(out, line + i, 1);
		if (i % 7 == 3)
			str_add(out, "\0\x01", 2);
	}
	str_adds(out, "\n");
}

static inline void with_level(const char *line, size_t n, struct str *out)
{
	str_adds(out, "<4>");
	str_add(out, line, n);
	str_adds(out, "\n");
}

static inline void without_stamp(const char *line, size_t n, struct str *out)
{
	size_t stamp = stamp_length(line, n);

	str_add(out, line + stamp, n - stamp);
	str_adds(out, "\n");
}

static inline void with_other(const char *line, size_t n, struct str *out)
{
	size_t stamp = stamp_length(line, n);

	str_add(out, line, n);
	str_adds(out, "\n");
	str_add(out, line, stamp);
	str_adds(out, " e1000e 0000:00:02.0 eth0: NIC Link is Up [x]\n");
}

/* It cuts into the line, which goes on behind it. */
static inline void cut_by_other(const char *line, size_t n, struct str *out)
{
	size_t stamp = stamp_length(line, n), half = stamp + (n - stamp) / 2;

	/* Without a stamp nobody could tell. */
	if (!stamp || line[half] == '[') {
		str_add(out, line, n);
	} else {
		str_add(out, line, half);
		str_add(out, line, stamp);
		str_adds(out, " e1000e 0000:00:02.0 eth0: NIC Link is Up\n");
		str_add(out, line + half, n - half);
	}
	str_adds(out, "\n");
}

/* It does not wait for the end of the line. */
static inline void without_end(const char *line, size_t n, struct str *out)
{
	size_t stamp = stamp_length(line, n);

	str_add(out, line, n);
	if (stamp) {
		str_add(out, line, stamp);
		str_adds(out, " e1000e 0000:00:02.0 eth0: NIC Link is Up");
	}
	str_adds(out, "\n");
}

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
