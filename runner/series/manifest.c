/*
 * manifest.json of a series folder.
 */
#include "series/files.h"

#include "base/err.h"
#include "base/file.h"
#include "series/series.h"

#define FORMAT 1

static json_t *text_or_null(const char *s)
{
	return s ? json_string(s) : json_null();
}

static json_t *list_of(const struct strv *l)
{
	json_t *a = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(a, json_string(l->v[i]));
	return a;
}

static json_t *entry(const struct patch *p)
{
	json_t *o = json_pack(
		"{s:s, s:i, s:o, s:o, s:s, s:o, s:s}", "file", p->file,
		"number", p->number, "author", text_or_null(p->author), "date",
		text_or_null(p->date), "subject", p->subject, "paths",
		list_of(&p->paths), "from", p->where ? p->where : "");

	if (p->fixes)
		json_object_set_new(o, "answers", json_integer(p->fixes));
	if (p->skipped)
		json_object_set_new(o, "skipped", json_string(p->skipped));
	return o;
}

static json_t *entries(const struct patch *p, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, entry(&p[i]));
	return a;
}

json_t *manifest_make(const struct series *s)
{
	return json_pack(
		"{s:i, s:o, s:i, s:o, s:o, s:o, s:o}", "format", FORMAT,
		"title", text_or_null(s->title), "version", s->version,
		"base_commit", text_or_null(s->base_commit), "patches",
		entries(s->patches, s->n), "fixups",
		entries(s->fixups, s->nfixups), "notes", list_of(&s->notes));
}

int manifest_load(const char *dir, json_t **out, struct err *e)
{
	char *path = xasprintf("%s/%s", dir, MANIFEST);
	struct str text = STR_INIT;
	json_error_t where;
	bool crlf;
	json_int_t format;
	int r = 0;

	*out = NULL;
	if (!file_exists(path))
		goto out;
	r = series_file_read(path, &text, &crlf, e);
	if (r)
		goto out;
	*out = json_loadb(text.buf, text.len, JSON_REJECT_DUPLICATES, &where);
	format = json_integer_value(json_object_get(*out, "format"));
	if (!*out)
		r = err_user(e, "%s:%d: %s", path, where.line, where.text);
	else if (format != FORMAT)
		r = err_user(e, "%s: 'format' must be %d", path, FORMAT);
	if (r) {
		json_decref(*out);
		*out = NULL;
	}
out:
	str_release(&text);
	free(path);
	return r;
}

static char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? text_one_line(s, strlen(s), NULL) : NULL;
}

static int number_of(const json_t *o, const char *key, int max)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 && n <= max ? (int)n : 0;
}

void manifest_series(const json_t *manifest, struct series *s)
{
	json_t *notes = json_object_get(manifest, "notes"), *note;
	char *base = text_of(manifest, "base_commit");
	size_t i;

	if (!manifest)
		return;
	s->title = text_of(manifest, "title");
	s->version = number_of(manifest, "version", 9999);
	if (!s->version)
		s->version = 1;
	if (base && strlen(base) <= 64 &&
	    !base[strspn(base, "0123456789abcdef")]) {
		s->base_commit = base;
		base = NULL;
	}
	free(base);
	json_array_foreach(notes, i, note)
	{
		const char *text = json_string_value(note);
		char *line =
			text ? text_one_line(text, strlen(text), NULL) : NULL;

		if (line && i < MAILS_CAP)
			strv_add(&s->notes, line);
		free(line);
	}
}

void manifest_patch(const json_t *manifest, const char *list, const char *file,
		    struct patch *p)
{
	json_t *all = json_object_get(manifest, list), *one;
	const char *name;
	size_t i;
	int n;

	json_array_foreach(all, i, one)
	{
		name = json_string_value(json_object_get(one, "file"));
		if (!name || strcmp(name, file))
			continue;
		n = number_of(one, "number", 99999);
		if (n)
			p->number = n;
		p->fixes = number_of(one, "answers", 99999);
		free(p->skipped);
		p->skipped = text_of(one, "skipped");
		return;
	}
}

const char *manifest_fixup(const json_t *manifest, size_t i)
{
	json_t *all = json_object_get(manifest, "fixups");
	json_t *file = json_object_get(json_array_get(all, i), "file");

	return json_string_value(file);
}
