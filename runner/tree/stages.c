#include "tree/stages.h"

#include "base/file.h"
#include "series/series.h"
#include "tree/apply.h"
#include "tree/import.h"
#include "tree/repo.h"

#include <errno.h>

#define REFS "refs/klab/stages/"
/* Part of the keys: to be raised when a patch comes to another commit. */
#define VERSION "klab stage 1"

static void add_field(struct str *s, const char *text)
{
	str_addf(s, "%zu ", text ? strlen(text) : 0);
	str_adds(s, text ? text : "");
	str_adds(s, "\n");
}

/* A ref for each patch, named by all that its commit hangs on. */
static void name_refs(const char *base, const struct series *s,
		      struct strv *refs)
{
	char key[SHA256_HEX];
	struct str text = STR_INIT;

	snprintf(key, sizeof(key), "%s", base);
	for (size_t i = 0; i < s->n; i++) {
		const struct patch *p = &s->patches[i];

		text.len = 0;
		str_addf(&text, "%s\n%s\n%d\n", VERSION, key, p->strip);
		add_field(&text, p->author);
		add_field(&text, p->date);
		add_field(&text, p->subject);
		add_field(&text, p->message);
		add_field(&text, p->diff);
		mem_sha256(text.buf, text.len, key);
		strv_addf(refs, "%s%s", REFS, key);
	}
	str_release(&text);
}

/* Adds the commits at refs, until one is not there. */
static int known(const struct repo *r, const struct strv *refs,
		 struct strv *commits, struct err *e)
{
	struct strv argv = STRV_INIT;
	struct str out = STR_INIT;
	int ret;

	strv_add(&argv, "for-each-ref");
	strv_add(&argv, "--format=%(objectname) %(refname)");
	for (size_t i = 0; i < refs->n; i++)
		strv_add(&argv, refs->v[i]);
	ret = repo_git(r, (const char *const *)argv.v, NULL, &out, e);
	strv_release(&argv);
	for (size_t i = commits->n; !ret && i < refs->n; i++) {
		const char *at = strstr(out.buf, refs->v[i]);
		char id[GIT_ID];

		if (!at || at - out.buf < 41)
			break;
		snprintf(id, sizeof(id), "%.40s", at - 41);
		strv_add(commits, id);
	}
	str_release(&out);
	return ret;
}

/* Patches that apply, from one on. */
struct chain {
	struct apply apply;
	struct delta *deltas;
	size_t first, n;
};

const char *patch_name(const struct patch *p)
{
	if (p->file)
		return p->file;
	return p->where ? p->where : p->subject;
}

static int refuse(const struct series *s, size_t i, const char *text,
		  struct err *why)
{
	const struct patch *p = &s->patches[i];

	return err_user(why, "stage %zu: patch '%s' (%s) does not apply: %s",
			i + 1, patch_name(p), p->subject, text);
}

static int apply_all(struct chain *c, const struct series *s, struct err *why,
		     struct err *e)
{
	for (size_t i = c->first; i < s->n; i++) {
		char *refused;
		int r = apply_patch(&c->apply, s, i, &c->deltas[c->n], &refused,
				    e);

		if (r)
			return r;
		if (refused) {
			refuse(s, i, refused, why);
			free(refused);
			delta_release(&c->deltas[c->n]);
			return 0;
		}
		c->n++;
	}
	return 0;
}

static void add_message(struct str *s, const struct patch *p)
{
	str_adds(s, p->subject);
	str_adds(s, "\n");
	if (p->message && *p->message)
		str_addf(s, "\n%s", p->message);
}

static void add_changes(struct str *s, const struct delta *d,
			const struct objects *o)
{
	for (size_t i = 0; i < d->removed.n; i++) {
		str_adds(s, "D ");
		import_path(s, d->removed.v[i]);
		str_adds(s, "\n");
	}
	for (size_t i = 0; i < d->written.n; i++) {
		const struct entry *one = &d->written.v[i];
		size_t k = 0;

		while (strcmp(o->v[k].name, one->id))
			k++;
		str_addf(s, "M %s inline ", one->mode);
		import_path(s, one->path);
		str_adds(s, "\n");
		import_data(s, o->v[k].data, o->v[k].len);
	}
}

static void add_commits(struct str *s, const struct chain *c,
			const struct series *series, const struct strv *refs,
			const char *base, const struct objects *o)
{
	const char *from = base;

	for (size_t i = 0; i < c->n; i++) {
		const struct patch *p = &series->patches[c->first + i];
		const char *ref = refs->v[c->first + i];
		struct str message = STR_INIT;

		add_message(&message, p);
		import_commit_by(s, ref, p->author, p->date, message.buf, from);
		str_release(&message);
		add_changes(s, &c->deltas[i], o);
		from = ref;
	}
}

static int commit_all(const struct repo *r, const struct chain *c,
		      const struct series *series, const struct strv *refs,
		      const char *base, struct err *e)
{
	struct strv ids = STRV_INIT;
	struct str stream = STR_INIT;
	struct objects o = {0};
	int ret;

	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->deltas[i].written.n; k++)
			strv_add_new(&ids, c->deltas[i].written.v[k].id);
	ret = objects_read(&c->apply.scratch, &ids, &o, e);
	for (size_t i = 0; !ret && i < o.n; i++)
		if (!o.v[i].data)
			ret = err_lab(e, "git lost blob %s", o.v[i].name);
	if (!ret) {
		add_commits(&stream, c, series, refs, base, &o);
		ret = import_run(r, &stream, e);
	}
	str_release(&stream);
	objects_release(&o);
	strv_release(&ids);
	return ret;
}

static int make_rest(const struct repo *r, const char *base,
		     const struct series *s, const struct strv *refs,
		     struct strv *commits, struct err *why, struct err *e)
{
	struct chain c = {.first = commits->n};
	const char *on = c.first ? commits->v[c.first - 1] : base;
	int ret = apply_open(&c.apply, r, on, s->patches + c.first,
			     s->n - c.first, e);

	if (ret)
		return ret;
	c.deltas = xcalloc(s->n - c.first, sizeof(*c.deltas));
	ret = apply_all(&c, s, why, e);
	if (!ret && c.n)
		ret = commit_all(r, &c, s, refs, on, e);
	if (!ret && c.n)
		ret = known(r, refs, commits, e);
	if (!ret && commits->n != c.first + c.n)
		ret = err_lab(e, "git has not kept the stages in '%s'", r->dir);
	for (size_t i = 0; i < c.n; i++)
		delta_release(&c.deltas[i]);
	free(c.deltas);
	apply_close(&c.apply);
	return ret;
}

static bool has_fixups(const struct series *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->patches[i].fixes)
			return true;
	return false;
}

int stages_make(const struct repo *r, const char *base, const struct series *s,
		struct strv *commits, struct err *why, struct err *e)
{
	struct strv refs = STRV_INIT;
	int ret;

	name_refs(base, s, &refs);
	ret = known(r, &refs, commits, e);
	/* What a patch does without fixups is only known from the base on. */
	if (!ret && commits->n < s->n && has_fixups(s))
		strv_release(commits);
	if (!ret && commits->n < s->n)
		ret = make_rest(r, base, s, &refs, commits, why, e);
	strv_release(&refs);
	return ret;
}
