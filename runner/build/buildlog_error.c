/*
 * The errors that were found, and their places.
 */
#include "build/buildlog_int.h"

#include <ctype.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

static const char *without(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	if (n && !strncmp(path, folder, n) && path[n] == '/')
		return path + n + 1;
	return path;
}

char *log_tree_path(const struct log_parser *p, const char *path, size_t len)
{
	const char *base = strrchr(p->src, '/');
	char *copy = xstrndup(path, len < LOG_FILE_CAP ? len : LOG_FILE_CAP),
	     *file;
	const char *at = without(without(copy, p->src), p->obj);
	bool up = false;

	for (;; at += at[1] == '/' ? 2 : 3) {
		if (str_starts(at, "../"))
			up = true;
		else if (!str_starts(at, "./"))
			break;
	}
	if (up && base)
		at = without(at, base + 1);
	file = xstrdup(at);
	free(copy);
	return file;
}

char *log_source_of(const struct log_parser *p, const char *object)
{
	char *path = log_tree_path(p, object, strlen(object)), *file = NULL;
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	if (str_ends(path, ".o") && !str_starts(base, "vmlinux") &&
	    !str_starts(base, ".tmp_") && !str_starts(base, "built-in"))
		file = xasprintf("%.*s.c", (int)strlen(path) - 2, path);
	free(path);
	return file;
}

const char *log_split_place(const struct log_parser *p, const char *line,
			    struct log_place *at)
{
	static const char piped[] = "{standard input}";
	const char *skip = without(line, p->src), *end, *rest;
	char *after;
	long n;

	*at = (struct log_place){0};
	if (str_starts(line, piped))
		skip += strlen(piped);
	end = skip + strcspn(skip, ": \t\"'`");
	if (end == line || *end != ':' || !isdigit((unsigned char)end[1]))
		return NULL;
	n = strtol(end + 1, &after, 10);
	rest = after;
	if (*rest != ':' || n < 0 || n > 10000000)
		return NULL;
	rest++;
	if (isdigit((unsigned char)*rest)) {
		const char *colon = rest + strspn(rest, "0123456789");

		if (*colon == ':')
			rest = colon + 1;
	}
	at->file = log_tree_path(p, line, (size_t)(end - line));
	at->line = (int)n;
	return rest + strspn(rest, " \t");
}

/* ---- errors ---- */

static bool seen(const struct buildlog *l, const char *file, int line,
		 const char *text)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct build_error *b = &l->errors[i];

		if (b->line == line && !strcmp(b->text, text) &&
		    !strcmp(b->file ? b->file : "", file ? file : ""))
			return true;
	}
	return false;
}

static char *tidy(const char *text)
{
	static const char *const noise[] = {
		" (first use in this function)",
		" (first use in this function); did you mean",
		"  Stop.",
	};
	char *copy = xstrndup(text, LOG_TEXT_CAP), *at;

	for (size_t i = 0; i < N(noise); i++) {
		at = strstr(copy, noise[i]);
		if (at && at > copy && !at[strlen(noise[i])])
			*at = '\0';
	}
	while (*copy && isspace((unsigned char)copy[strlen(copy) - 1]))
		copy[strlen(copy) - 1] = '\0';
	return copy;
}

void log_add(struct log_parser *p, enum log_guess guess, char *file, int line,
	     const char *text)
{
	struct buildlog *l = p->out;
	char *copy = tidy(text);

	p->last = NULL;
	if (l->n == BUILDLOG_ERRORS || seen(l, file, line, copy)) {
		free(copy);
		free(file);
		return;
	}
	l->errors = xrealloc(l->errors, (l->n + 1) * sizeof(*l->errors));
	p->guess[l->n] = guess;
	p->last = &l->errors[l->n++];
	*p->last =
		(struct build_error){.file = file, .line = line, .text = copy};
}

void log_set_place(struct log_parser *p, struct build_error *b,
		   struct log_place *at)
{
	free(b->file);
	b->file = at->file;
	b->line = at->line;
	p->guess[b - p->out->errors] = LOG_SURE;
	*at = (struct log_place){0};
}

const char *log_error_text(const char *rest)
{
	static const char *const kinds[] = {
		"error:", "fatal error:", "Error:", "Fatal error:"};

	for (size_t i = 0; i < N(kinds); i++)
		if (str_starts(rest, kinds[i])) {
			rest += strlen(kinds[i]);
			return rest + strspn(rest, " ");
		}
	return str_starts(rest, "internal compiler error:") ? rest : NULL;
}

const char *log_program(const char *line, const char *name)
{
	size_t n = strcspn(line, " :");
	size_t k = strlen(name);

	if (n < k || line[n] != ':' || strncmp(line + n - k, name, k) ||
	    (n > k && line[n - k - 1] != '/' && line[n - k - 1] != '-'))
		return NULL;
	return line + n + 1 + strspn(line + n + 1, " ");
}
