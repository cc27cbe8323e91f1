#include "tree/tree.h"

#include "base/file.h"
#include "series/series.h"
#include "tree/details.h"
#include "tree/origin.h"
#include "tree/stages.h"
#include "tree/worktree.h"

#include <errno.h>

void tree_name(const struct tree_request *rq, char name[17])
{
	static const char *const kinds[] = {"git", "tarball", "debian"};
	bool is_path = rq->kind != TREE_DEBIAN && !origin_is_url(rq->where);
	char *path = is_path ? realpath(rq->where, NULL) : NULL;
	const char *const fields[] = {
		kinds[rq->kind], path ? path : rq->where,
		rq->base,        rq->to,
		rq->sha256,      rq->suite,
		rq->version,
	};
	char hex[SHA256_HEX];
	struct str text = STR_INIT;

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		str_addf(&text, "%s\n", fields[i] ? fields[i] : "");
	mem_sha256(text.buf, text.len, hex);
	snprintf(name, 17, "%.16s", hex);
	str_release(&text);
	free(path);
}

static int open_origin(const char *lab, const struct tree_request *rq,
		       struct origin *o, struct err *e)
{
	switch (rq->kind) {
	case TREE_GIT:
		return origin_git(lab, rq, o, e);
	case TREE_TARBALL:
		return origin_tarball(lab, rq, o, e);
	case TREE_DEBIAN:
		return origin_debian(lab, rq, o, e);
	}
	BUG(true);
}

/* Of a stage whose patch does not apply, or comes after such a one. */
static void describe_failed(struct tree_stages *out, size_t first, size_t i,
			    const struct patch *p, const struct err *why)
{
	struct tree_stage *s = &out->at[i];

	for (size_t k = 0; k < p->paths.n; k++)
		strv_add(&s->paths, p->paths.v[k]);
	if (i == first)
		s->why = *why;
	else
		err_user(&s->why,
			 "stage %zu: it follows stage %zu, whose patch does "
			 "not apply",
			 i, first);
}

static void name_patches(const struct series *series, size_t commits,
			 const struct err *why, struct tree_stages *out)
{
	for (size_t i = 0; i < series->n; i++) {
		const struct patch *p = &series->patches[i];
		struct tree_stage *s = &out->at[i + 1];

		free(s->patch);
		free(s->subject);
		s->patch = xstrdup(patch_name(p));
		s->subject = xstrdup(p->subject);
		if (i >= commits)
			describe_failed(out, commits + 1, i + 1, p, why);
	}
}

static int describe(const struct origin *o, const struct series *series,
		    const struct strv *commits, const struct err *why,
		    struct tree_stages *out, struct err *e)
{
	int r;

	out->n = 1 + (series ? series->n : commits->n);
	out->at = xcalloc(out->n, sizeof(*out->at));
	r = details_of_base(&o->repo, o->base, o->title, &out->at[0], e);
	if (!r)
		r = details_of(&o->repo, commits, out->at + 1, e);
	if (!r && series)
		name_patches(series, commits->n, why, out);
	return r ? r : kconfig_ids(&o->repo, out->at, out->n, e);
}

static int make_stages(const char *lab, const struct tree_request *rq,
		       const struct origin *o, const struct series *series,
		       struct tree_stages *out, struct err *e)
{
	struct strv made = STRV_INIT;
	struct err why = {0};
	char name[17];
	int r = 0;

	if (series)
		r = stages_make(&o->repo, o->base, series, &made, &why, e);
	if (!r)
		r = describe(o, series, series ? &made : &o->commits, &why, out,
			     e);
	strv_release(&made);
	if (r)
		return r;
	tree_name(rq, name);
	return worktree_of(lab, name, o->repo.dir, e);
}

int tree_stages(const char *lab, const struct tree_request *rq,
		const struct series *series, struct tree_stages *out,
		struct err *e)
{
	struct origin o = {0};
	int r;

	*out = (struct tree_stages){0};
	if (series && !series->n)
		series = NULL;
	if (series && rq->to)
		return err_user(e,
				"git '%s': the stages of '%s' are its "
				"commits, so there can be no series as well",
				rq->where, rq->to);
	r = open_origin(lab, rq, &o, e);
	if (!r)
		r = make_stages(lab, rq, &o, series, out, e);
	origin_release(&o);
	if (r)
		tree_stages_release(out);
	return r;
}

void tree_stages_release(struct tree_stages *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->at[i].subject);
		free(s->at[i].patch);
		strv_release(&s->at[i].paths);
	}
	free(s->at);
	*s = (struct tree_stages){0};
}
