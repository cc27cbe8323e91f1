/*
 * A quilt series: a file that names patches in their order; also what
 * series_write() writes, which has a manifest beside it.
 */
#include "series/files.h"

#include "base/err.h"
#include "series/diff.h"
#include "series/path.h"
#include "series/series.h"

#define PATCHES_CAP 10000

struct quilt {
	char *dir, *root; /* root: the real path of dir */
	const char *file;
	json_t *manifest;
	struct mails mails;
	size_t blanks, crs;
	struct series *s;
};

/* A patch may be a link, but not to a file elsewhere. */
static int check_inside(const struct quilt *q, const char *path, size_t line,
			struct err *e)
{
	char *real = realpath(path, NULL);
	size_t n = strlen(q->root);
	bool inside = real && !strncmp(real, q->root, n) &&
		      (real[n] == '/' || !strcmp(q->root, "/"));

	free(real);
	if (inside)
		return 0;
	return err_user(e, "%s:%zu: there is no patch '%s' in this folder",
			q->file, line, path + strlen(q->dir) + 1);
}

static void note_unknown(struct series *s, const struct patch *p)
{
	if (!p->author)
		strv_addf(&s->notes, "%s: it does not name its author",
			  p->where);
}

static void name_patch(struct patch *p, const char *name)
{
	const char *slash = strrchr(name, '/');
	size_t n;

	if (*p->subject)
		return;
	name = slash ? slash + 1 : name;
	n = strcspn(name, ".");
	free(p->subject);
	p->subject = text_one_line(name, n, NULL);
}

static int read_mail(struct quilt *q, const char *path, struct err *e)
{
	struct str text = STR_INIT;
	int r = series_file_read(path, &text, &q->mails.crlf, e);

	if (!r)
		r = mail_read(path, text.buf, text.len, &q->mails, e);
	str_release(&text);
	return r;
}

/* Reads one file to p. */
static int read_patch(struct quilt *q, const char *path, int strip,
		      struct patch *p, struct err *e)
{
	struct mail *m;
	int r = read_mail(q, path, e);

	if (r)
		return r;
	m = &q->mails.at[q->mails.n - 1];
	m->strip = strip;
	r = mail_patch(m, m->body.buf, m->body.len, 1, p, &q->blanks, &q->crs,
		       e);
	mails_release(&q->mails);
	return r;
}

static int add_patch(struct quilt *q, const char *name, int strip, size_t line,
		     struct err *e)
{
	char *path = xasprintf("%s/%s", q->dir, name);
	struct patch *p;
	int r;

	if (path_problem(name))
		r = err_user(e, "%s:%zu: path '%s' %s", q->file, line, name,
			     path_problem(name));
	else if (q->s->n >= PATCHES_CAP)
		r = err_user(e, "%s:%zu: more than %d patches", q->file, line,
			     PATCHES_CAP);
	else
		r = check_inside(q, path, line, e);
	if (!r) {
		p = patches_add(&q->s->patches, &q->s->n);
		r = read_patch(q, path, strip, p, e);
		if (!r) {
			p->number = (int)q->s->n;
			name_patch(p, name);
			manifest_patch(q->manifest, "patches", name, p);
			note_unknown(q->s, p);
		}
	}
	free(path);
	return r;
}

/* "-p0", "-p 0", "-pab"; -R undoes a patch. */
static int read_options(const struct quilt *q, char *rest, size_t line,
			int *strip, struct err *e)
{
	char *word, *state = rest;
	long long n;

	while ((word = strsep(&state, " \t\r"))) {
		if (!*word)
			continue;
		if (*word == '#')
			break;
		if (!strcmp(word, "-R"))
			return err_user(e,
					"%s:%zu: option -R (a patch taken "
					"back) is not supported",
					q->file, line);
		if (!strncmp(word, "-p", 2)) {
			word += 2;
			while (!*word && state)
				word = strsep(&state, " \t\r");
			if (!strcmp(word, "ab"))
				word = "1";
			if (str_to_ll(word, 0, 9, &n)) {
				*strip = (int)n;
				continue;
			}
		}
		return err_user(e, "%s:%zu: '%s' is not an option of a patch",
				q->file, line, word);
	}
	return 0;
}

static int read_line(struct quilt *q, const struct line *l, size_t number,
		     struct err *e)
{
	char *text = text_utf8(l->text, l->len, NULL), *name = text, *rest;
	int strip = 1, r = 0;

	name += strspn(name, " \t");
	rest = name + strcspn(name, " \t");
	if (*name && *name != '#' && *name != '?') {
		if (*rest)
			*rest++ = '\0';
		r = read_options(q, rest, number, &strip, e);
		if (!r)
			r = add_patch(q, name, strip, number, e);
	}
	free(text);
	return r;
}

static int read_series(struct quilt *q, struct err *e)
{
	struct str text = STR_INIT;
	bool crlf = false;
	int r = series_file_read(q->file, &text, &crlf, e);
	struct lines in = {text.buf, text.buf + text.len, 0};
	struct line l;

	while (!r && lines_next(&in, &l))
		if (!line_is_blank(&l))
			r = read_line(q, &l, in.number, e);
	str_release(&text);
	if (!r && !q->s->n)
		r = err_user(e, "%s: it names no patch", q->file);
	return r;
}

/* The fixups that were found but not put in. */
static int read_fixups(struct quilt *q, struct err *e)
{
	const char *name;
	int r = 0;

	for (size_t i = 0; !r && (name = manifest_fixup(q->manifest, i)); i++) {
		struct patch *p;
		char *path;

		if (!word_ok(name) || i >= PATCHES_CAP)
			return err_user(e,
					"%s/%s: '%s' is not the name of a "
					"fixup's file",
					q->dir, MANIFEST, name);
		path = xasprintf("%s/%s/%s", q->dir, FIXUPS, name);
		r = check_inside(q, path, 0, e);
		if (!r) {
			p = patches_add(&q->s->fixups, &q->s->nfixups);
			r = read_patch(q, path, STRIP_AUTO, p, e);
			if (!r)
				manifest_patch(q->manifest, "fixups", name, p);
		}
		free(path);
	}
	return r;
}

static void note_changes(const struct quilt *q)
{
	if (q->mails.crlf)
		strv_add(&q->s->notes, "some files had CR LF line ends, which "
				       "were made LF");
	if (q->blanks)
		strv_addf(&q->s->notes,
			  "%zu blank context lines had lost their space: "
			  "mended",
			  q->blanks);
	if (q->crs)
		strv_addf(&q->s->notes,
			  "%zu lines of diffs end in CR: kept, as content",
			  q->crs);
}

int quilt_read(const char *file, struct series *s, struct err *e)
{
	const char *slash = strrchr(file, '/');
	struct quilt q = {.file = file, .s = s};
	int r;

	s->version = 1;
	q.dir = slash ? xstrndup(file, (size_t)(slash - file)) : xstrdup(".");
	q.root = realpath(*q.dir ? q.dir : "/", NULL);
	r = q.root ? manifest_load(q.dir, &q.manifest, e)
		   : err_user(e, "cannot read folder '%s'", q.dir);
	if (!r)
		r = read_series(&q, e);
	if (!r)
		r = read_fixups(&q, e);
	if (!r) {
		manifest_series(q.manifest, s);
		note_changes(&q);
	}
	mails_release(&q.mails);
	json_decref(q.manifest);
	free(q.dir);
	free(q.root);
	return r;
}
