#include "tree/plain.h"

#include "base/err.h"
#include "base/file.h"
#include "series/series.h"

struct plain {
	const struct repo *scratch;
	char *index, *file;
};

static int git(const struct plain *p, const char *const *argv, struct str *out,
	       struct err *e)
{
	const struct git_call c = {
		.argv = argv, .dir = p->scratch->dir, .index = p->index};

	return git_run(&c, out, e);
}

static int write_tree(const struct plain *p, char id[GIT_ID], struct err *e)
{
	static const char *const argv[] = {"write-tree", NULL};
	struct str out = STR_INIT;
	int ret = git(p, argv, &out, e);

	if (!ret)
		snprintf(id, GIT_ID, "%.*s", (int)strcspn(out.buf, "\n"),
			 out.buf);
	str_release(&out);
	return ret;
}

/* 1 if it does not apply. */
static int apply(const struct plain *p, const struct patch *patch,
		 struct err *e)
{
	char *strip = xasprintf("-p%d", patch->strip);
	const char *argv[] = {"apply", "--cached", "--whitespace=nowarn",
			      strip,   p->file,    NULL};
	const struct git_call c = {
		.argv = argv, .dir = p->scratch->dir, .index = p->index};
	struct job_result res;
	int ret = file_put(p->file, patch->diff, strlen(patch->diff), e);

	if (!ret) {
		ret = git_try(&c, &res, e);
		if (!ret && (res.deadline || res.signal))
			ret = git_failed(&c, &res, e);
		else if (!ret)
			ret = res.exit != 0;
		job_result_release(&res);
	}
	free(strip);
	return ret;
}

static int walk(const struct plain *p, const struct series *s, size_t last,
		struct str *diff, struct err *e)
{
	static const char *const start[] = {"read-tree", "refs/heads/klab",
					    NULL};
	char before[GIT_ID], after[GIT_ID];
	const char *const argv[] = {
		"diff", "--binary", "--full-index", "--no-renames", before,
		after,  NULL};
	int ret = git(p, start, NULL, e);

	for (size_t i = 0; !ret && i < last; i++)
		if (!s->patches[i].fixes)
			ret = apply(p, &s->patches[i], e);
	if (!ret)
		ret = write_tree(p, before, e);
	if (!ret)
		ret = apply(p, &s->patches[last], e);
	if (!ret)
		ret = write_tree(p, after, e);
	if (!ret)
		ret = git(p, argv, diff, e);
	return ret < 0 ? ret : 0;
}

int plain_diff(const struct repo *scratch, const struct series *s, size_t i,
	       struct str *diff, struct err *e)
{
	struct plain p = {.scratch = scratch,
			  .index = repo_tmp(scratch, "plain-index"),
			  .file = repo_tmp(scratch, "plain-patch")};
	int ret = walk(&p, s, i, diff, e);

	free(p.file);
	free(p.index);
	return ret;
}
