#include "series/series.h"

#include "base/err.h"
#include "series/diff.h"
#include "series/files.h"

#include <errno.h>
#include <sys/stat.h>

void patch_release(struct patch *p)
{
	free(p->author);
	free(p->date);
	free(p->subject);
	free(p->message);
	free(p->diff);
	free(p->file);
	strv_release(&p->paths);
	free(p->skipped);
	free(p->where);
	*p = (struct patch){0};
}

struct patch *patches_add(struct patch **at, size_t *n)
{
	if (!(*n & (*n - 1)))
		*at = xrealloc(*at, (*n ? *n * 2 : 1) * sizeof(**at));
	(*at)[*n] = (struct patch){0};
	return &(*at)[(*n)++];
}

void series_release(struct series *s)
{
	for (size_t i = 0; i < s->n; i++)
		patch_release(&s->patches[i]);
	for (size_t i = 0; i < s->nfixups; i++)
		patch_release(&s->fixups[i]);
	free(s->patches);
	free(s->fixups);
	free(s->title);
	free(s->base_commit);
	strv_release(&s->notes);
	*s = (struct series){0};
}

/* A file's name may be any bytes. */
static void make_plain(char **s)
{
	char *made = text_one_line(*s, strlen(*s), NULL);

	free(*s);
	*s = made;
}

static void complete(struct patch *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *name = p[i].author;

		make_plain(&p[i].where);
		if (!*p[i].subject) {
			free(p[i].subject);
			p[i].subject = xstrdup("untitled patch");
		}
		if (name && strchr(name, '<'))
			continue;
		p[i].author = xasprintf("%s <unknown>",
					name && *name ? name : "unknown");
		free(name);
	}
}

static int check_version(const struct series_request *rq,
			 const struct series *s, struct err *e)
{
	if (!rq->version || rq->version == s->version)
		return 0;
	return err_user(e, "'%s' has version %d of the series, not %d",
			rq->path ? rq->path : "input", s->version, rq->version);
}

/* The last steps of every form. */
static int finish(const struct series_request *rq, struct series *s, int r,
		  struct err *e)
{
	if (!r)
		r = check_version(rq, s, e);
	if (r) {
		series_release(s);
		return r;
	}
	if (rq->fixups)
		fixups_insert(s);
	complete(s->patches, s->n);
	complete(s->fixups, s->nfixups);
	for (size_t i = 0; i < s->notes.n; i++)
		make_plain(&s->notes.v[i]);
	series_name_files(s);
	return 0;
}

static int parse_text(const char *name, enum series_form form,
		      const struct str *text, bool crlf,
		      const struct series_request *rq, struct series *s,
		      struct err *e)
{
	struct mails m = {.crlf = crlf};
	int r;

	if (form == SERIES_AUTO)
		form = page_is(text) ? SERIES_THREAD : SERIES_MBOX;
	r = form == SERIES_THREAD ? page_read(name, text, &m, e)
				  : mbox_read(name, text, &m, e);
	if (!r)
		r = thread_assemble(name, &m, rq, s, e);
	mails_release(&m);
	return r;
}

int series_parse(const char *name, enum series_form form, const char *data,
		 size_t len, const struct series_request *rq, struct series *s,
		 struct err *e)
{
	struct str text = STR_INIT;
	bool crlf = false;
	int r;

	*s = (struct series){0};
	r = series_unpack(name, data, len, &text, &crlf, e);
	if (!r)
		r = parse_text(name, form, &text, crlf, rq, s, e);
	str_release(&text);
	return finish(rq, s, r, e);
}

/* ---- by path ---- */

static int import_text(const struct series_request *rq, enum series_form form,
		       struct series *s, struct err *e)
{
	struct str text = STR_INIT;
	bool crlf = false;
	int r = series_file_read(rq->path, &text, &crlf, e);

	if (!r)
		r = parse_text(rq->path, form, &text, crlf, rq, s, e);
	str_release(&text);
	return r;
}

static int import_folder(const struct series_request *rq, struct series *s,
			 struct err *e)
{
	struct mails m = {0};
	int r = folder_read(rq->path, &m, e);

	if (!r)
		r = thread_assemble(rq->path, &m, rq, s, e);
	mails_release(&m);
	return r;
}

static int import_quilt(const struct series_request *rq, struct series *s,
			struct err *e)
{
	struct stat st;
	bool is_dir = !stat(rq->path, &st) && S_ISDIR(st.st_mode);
	char *file =
		is_dir ? xasprintf("%s/series", rq->path) : xstrdup(rq->path);
	int r;

	if (is_dir && stat(file, &st)) {
		free(file);
		file = xasprintf("%s/patches/series", rq->path);
	}
	r = quilt_read(file, s, e);
	free(file);
	return r;
}

static int import_range(const struct series_request *rq, struct series *s,
			struct err *e)
{
	struct str text = STR_INIT;
	bool crlf;
	int r;

	if (!rq->range)
		return err_user(e,
				"repository '%s': which commits? Give a "
				"range A..B",
				rq->path);
	r = range_read(rq->path, rq->range, &text, s, e);
	if (!r)
		r = text_prepare(rq->range, &text, &crlf, e);
	if (!r)
		r = parse_text(rq->range, SERIES_MBOX, &text, false, rq, s, e);
	str_release(&text);
	return r;
}

static bool exists_in(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct stat st;
	bool yes = !stat(path, &st) && S_ISREG(st.st_mode);

	free(path);
	return yes;
}

static enum series_form look(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return exists_in(path, "series") ||
				       exists_in(path, "patches/series")
			       ? SERIES_QUILT
			       : SERIES_FOLDER;
	return strcmp(slash ? slash + 1 : path, "series") ? SERIES_AUTO
							  : SERIES_QUILT;
}

int series_import(const struct series_request *rq, struct series *s,
		  struct err *e)
{
	enum series_form form = rq->form;
	int r;

	*s = (struct series){0};
	if (form == SERIES_AUTO)
		form = look(rq->path);
	/* A folder of our own tells more than its mails do. */
	if (form == SERIES_FOLDER && exists_in(rq->path, MANIFEST) &&
	    exists_in(rq->path, "series"))
		form = SERIES_QUILT;
	switch (form) {
	case SERIES_FOLDER:
		r = import_folder(rq, s, e);
		break;
	case SERIES_QUILT:
		r = import_quilt(rq, s, e);
		break;
	case SERIES_RANGE:
		r = import_range(rq, s, e);
		break;
	default:
		r = import_text(rq, form, s, e);
	}
	return finish(rq, s, r, e);
}
