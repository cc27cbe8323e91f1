#include "tree/difftext.h"

#include "tree/paths.h"

#include <stdint.h>

#define HUNK_LINES 3
#define LINE_SHOWN 72

static const char *next_line(const char *s)
{
	s += strcspn(s, "\n");
	return *s ? s + 1 : s;
}

/* A path that ends with its line or a tab; NULL if nothing is left of it. */
static char *take_path(const char *s, int strip)
{
	size_t n = strcspn(s, "\t\r\n");
	char *path;

	for (; strip > 0; strip--) {
		size_t k = strcspn(s, "/");

		if (k >= n)
			return NULL;
		s += k + 1;
		n -= k + 1;
	}
	path = xstrndup(s, n);
	if (tree_path_ok(path))
		return path;
	free(path);
	return NULL;
}

void diff_paths(const char *diff, int strip, struct strv *paths)
{
	static const struct {
		const char *mark;
		int less; /* components that these lines lack */
	} marks[] = {{"--- ", 0},       {"+++ ", 0},       {"rename from ", 1},
		     {"rename to ", 1}, {"copy from ", 1}, {"copy to ", 1}};

	for (; *diff; diff = next_line(diff))
		for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
			char *path;

			if (!str_starts(diff, marks[i].mark))
				continue;
			path = take_path(diff + strlen(marks[i].mark),
					 strip - marks[i].less);
			if (path)
				strv_add_new(paths, path);
			free(path);
		}
}

void diff_preimages(const char *diff, struct strv *ids)
{
	for (; *diff; diff = next_line(diff)) {
		const char *id = diff + strlen("index ");
		char *copy;
		size_t n;

		if (!str_starts(diff, "index "))
			continue;
		n = strspn(id, "0123456789abcdef");
		if (n < 7 || n > 40 || strncmp(id + n, "..", 2) ||
		    strspn(id, "0") == n)
			continue;
		copy = xstrndup(id, n);
		strv_add_new(ids, copy);
		free(copy);
	}
}

/* The text behind the last line that starts with mark, up to its end; freed by
 * the caller, NULL if there is none. */
static char *line_after(const char *text, const char *mark)
{
	for (; *text; text = next_line(text))
		if (str_starts(text, mark)) {
			text += strlen(mark);
			return xstrndup(text, strcspn(text, "\n"));
		}
	return NULL;
}

/* Where the diff speaks of that file. */
static const char *find_file(const char *diff, int strip, const char *file)
{
	for (; *diff; diff = next_line(diff)) {
		char *path = NULL;
		bool same;

		if (str_starts(diff, "--- ") || str_starts(diff, "+++ "))
			path = take_path(diff + 4, strip);
		same = path && !strcmp(path, file);
		free(path);
		if (same)
			return diff;
	}
	return NULL;
}

/* The hunk of that file that starts at the line as it is numbered before the
 * patch; 0: the first one. */
static const char *find_hunk(const char *diff, int strip, const char *file,
			     long long line)
{
	const char *at = find_file(diff, strip, file);

	for (; at && *at; at = next_line(at)) {
		if (str_starts(at, "diff --git "))
			return NULL;
		if (str_starts(at, "@@ -") &&
		    (!line || strtoll(at + 4, NULL, 10) == line))
			return at;
	}
	return NULL;
}

static void add_plain(struct str *s, const char *line, size_t max)
{
	size_t n = strcspn(line, "\r\n");
	char *copy = xstrndup(line, n < max ? n : max);

	for (char *c = copy; *c; c++)
		if (*c == '\t')
			*c = ' ';
	str_plain(copy);
	str_adds(s, copy);
	free(copy);
}

/* The lines that tell most: what is taken out, else the first ones. */
static void add_hunk(struct str *s, const char *hunk)
{
	const char *at = next_line(hunk);
	int shown = 0;

	str_adds(s, ": hunk ");
	add_plain(s, hunk, 2 * LINE_SHOWN);
	for (; *at && strchr(" +-", *at) && shown < HUNK_LINES;
	     at = next_line(at)) {
		str_adds(s, shown++ ? " | '" : " does not fit: '");
		add_plain(s, at, LINE_SHOWN);
		str_adds(s, "'");
	}
}

char *diff_rejection(const char *diff, int strip, const char *said)
{
	char *place = line_after(said, "error: patch failed: ");
	char *other = line_after(said, "error: ");
	char *colon = place ? strrchr(place, ':') : NULL;
	const char *hunk = NULL;
	struct str s = STR_INIT;
	long long line = 0;

	if (colon) {
		*colon = '\0';
		str_to_ll(colon + 1, 0, INT32_MAX, &line);
		hunk = find_hunk(diff, strip, place, line);
	} else if (other && (colon = strstr(other, ": "))) {
		*colon = '\0';
		hunk = find_hunk(diff, strip, other, 0);
		*colon = ':';
	}
	if (place) {
		add_plain(&s, place, TREE_PATH_MAX);
	} else if (other) {
		add_plain(&s, other, TREE_PATH_MAX);
	} else {
		str_adds(&s, "git apply says: ");
		add_plain(&s, said, 2 * LINE_SHOWN);
	}
	if (hunk)
		add_hunk(&s, hunk);
	else if (place)
		str_addf(&s, ": its change at line %lld does not fit", line);
	free(place);
	free(other);
	return str_detach(&s);
}
