#include "tree/objects.h"

#include "base/err.h"
#include "base/file.h"
#include "tree/repo.h"

#include <errno.h>

static int garbled(struct err *e)
{
	return err_lab(e, "git cat-file printed what klab cannot read");
}

/* Of "<id> <type> <size>": the size; false of "<name> missing" and its like. */
static bool parse_header(const char *line, bool *is_blob, size_t *size)
{
	const char *type = strchr(line, ' '), *last = strrchr(line, ' ');
	long long n;

	if (!type || last == type || !str_to_ll(last + 1, 0, 1LL << 40, &n))
		return false;
	*is_blob = str_starts(type, " blob ");
	*size = (size_t)n;
	return true;
}

/* One answer: a header, the data and a newline, or a line that says why not. */
static int take_object(struct object *o, const char **at, const char *end,
		       struct err *e)
{
	const char *eol = memchr(*at, '\n', (size_t)(end - *at));
	bool is_blob, found;
	size_t size;
	char *line;

	if (!eol)
		return garbled(e);
	line = xstrndup(*at, (size_t)(eol - *at));
	found = parse_header(line, &is_blob, &size);
	free(line);
	*at = eol + 1;
	if (!found)
		return 0;
	if ((size_t)(end - *at) <= size)
		return garbled(e);
	if (is_blob) {
		o->data = *at;
		o->len = size;
	}
	*at += size + 1;
	return 0;
}

int objects_read(const struct repo *r, const struct strv *names,
		 struct objects *o, struct err *e)
{
	static const char *const argv[] = {"cat-file", "--batch", NULL};
	char *path = repo_tmp(r, "names"), *list = strv_join(names, "\n");
	char *text = xasprintf("%s\n", list);
	const char *at;
	int ret = 0;

	o->v = xcalloc(names->n + 1, sizeof(*o->v));
	for (o->n = 0; o->n < names->n; o->n++)
		o->v[o->n].name = xstrdup(names->v[o->n]);
	if (names->n)
		ret = file_put(path, text, strlen(text), e);
	if (!ret && names->n)
		ret = repo_git(r, argv, path, &o->text, e);
	at = o->text.buf;
	for (size_t i = 0; !ret && i < o->n; i++)
		ret = take_object(&o->v[i], &at, o->text.buf + o->text.len, e);
	free(text);
	free(list);
	free(path);
	return ret;
}

void objects_release(struct objects *o)
{
	for (size_t i = 0; i < o->n; i++)
		free(o->v[i].name);
	free(o->v);
	str_release(&o->text);
	*o = (struct objects){0};
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path,
		      ((const struct entry *)b)->path);
}

static bool parse_entry(struct entry *one, const char *line)
{
	const char *tab = strchr(line, '\t'), *id = line + strcspn(line, " ");
	size_t mode = (size_t)(id - line), n;

	if (!tab || mode != 6 || id > tab)
		return false;
	id++;
	n = strspn(id, "0123456789abcdef");
	if (n != 40 && n != 64) {
		id += strcspn(id, " ") + 1;
		n = strspn(id, "0123456789abcdef");
	}
	if (id > tab || (n != 40 && n != 64))
		return false;
	snprintf(one->mode, sizeof(one->mode), "%.6s", line);
	snprintf(one->id, sizeof(one->id), "%.*s", (int)n, id);
	one->path = xstrdup(tab + 1);
	return true;
}

int entries_parse(struct entries *l, const char *text, size_t len,
		  struct err *e)
{
	const char *end = text + len;
	size_t cap = l->n;

	for (; text < end; text += strlen(text) + 1) {
		if (l->n == cap) {
			cap = cap * 2 + 64;
			l->v = xrealloc(l->v, cap * sizeof(*l->v));
		}
		if (!parse_entry(&l->v[l->n], text))
			return err_lab(e, "git listed what klab cannot read");
		l->n++;
	}
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_path);
	return 0;
}

const struct entry *entries_find(const struct entries *l, const char *path)
{
	const struct entry key = {.path = (char *)path};

	return l->n ? bsearch(&key, l->v, l->n, sizeof(*l->v), by_path) : NULL;
}

void entries_release(struct entries *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].path);
	free(l->v);
	*l = (struct entries){0};
}
