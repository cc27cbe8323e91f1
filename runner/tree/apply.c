#include "tree/apply.h"

#include "base/err.h"
#include "base/file.h"
#include "series/series.h"
#include "tree/difftext.h"
#include "tree/import.h"
#include "tree/plain.h"

#include <errno.h>

#define PATHS_AT_ONCE 500
#define INDEX_CAP (64u << 20)

static void wanted(const struct patch *patches, size_t n, struct strv *paths,
		   struct strv *blobs)
{
	for (size_t i = 0; i < n; i++) {
		diff_paths(patches[i].diff, patches[i].strip, paths);
		strv_merge(paths, &patches[i].paths);
		diff_preimages(patches[i].diff, blobs);
	}
}

/* Those of the paths that the commit has. */
static int list_tree(const struct repo *r, const char *commit,
		     const struct strv *paths, struct entries *l, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < paths->n; i += PATHS_AT_ONCE) {
		struct strv argv = STRV_INIT;
		struct str out = STR_INIT;

		strv_add(&argv, "ls-tree");
		strv_add(&argv, "--full-tree");
		strv_add(&argv, "-z");
		strv_add(&argv, commit);
		strv_add(&argv, "--");
		for (size_t k = i; k < paths->n && k < i + PATHS_AT_ONCE; k++)
			strv_add(&argv, paths->v[k]);
		ret = repo_git(r, (const char *const *)argv.v, NULL, &out, e);
		if (!ret)
			ret = entries_parse(l, out.buf, out.len, e);
		str_release(&out);
		strv_release(&argv);
	}
	return ret;
}

static bool is_file(const struct entry *one)
{
	return str_starts(one->mode, "100") || !strcmp(one->mode, "120000");
}

/* The scratch repository's commit and the blobs that a three-way merge may ask
 * for; o has those of the files first. */
static void write_stream(struct apply *a, const struct entries *files,
			 const struct objects *o, struct str *s)
{
	size_t k = 0;

	import_commit(s, "refs/heads/klab", "", NULL);
	for (size_t i = 0; i < files->n; i++) {
		const struct entry *one = &files->v[i];

		if (!is_file(one)) {
			strv_add(&a->folders, one->path);
			continue;
		}
		if (o->v[k].data) {
			str_addf(s, "M %s inline ", one->mode);
			import_path(s, one->path);
			str_adds(s, "\n");
			import_data(s, o->v[k].data, o->v[k].len);
		}
		k++;
	}
	for (; k < o->n; k++)
		if (o->v[k].data) {
			str_adds(s, "blob\n");
			import_data(s, o->v[k].data, o->v[k].len);
		}
}

static int missing_blob(const struct repo *r, const struct entries *files,
			const struct objects *o, struct err *e)
{
	size_t k = 0;

	for (size_t i = 0; i < files->n; i++) {
		if (!is_file(&files->v[i]))
			continue;
		if (!o->v[k++].data)
			return err_lab(e,
				       "'%s' has not the content of '%s': is "
				       "it borrowed from a partial clone?",
				       r->dir, files->v[i].path);
	}
	return 0;
}

static int fill(struct apply *a, const struct repo *r,
		const struct entries *files, const struct strv *blobs,
		struct err *e)
{
	struct strv names = STRV_INIT;
	struct objects o = {0};
	struct str stream = STR_INIT;
	int ret;

	for (size_t i = 0; i < files->n; i++)
		if (is_file(&files->v[i]))
			strv_add(&names, files->v[i].id);
	for (size_t i = 0; i < blobs->n; i++)
		strv_add(&names, blobs->v[i]);
	ret = objects_read(r, &names, &o, e);
	if (!ret)
		ret = missing_blob(r, files, &o, e);
	if (!ret) {
		write_stream(a, files, &o, &stream);
		ret = import_run(&a->scratch, &stream, e);
	}
	str_release(&stream);
	objects_release(&o);
	strv_release(&names);
	return ret;
}

static int list_index(const struct apply *a, struct entries *l, struct err *e)
{
	static const char *const argv[] = {"ls-files", "-s", "-z", NULL};
	struct str out = STR_INIT;
	int ret = repo_git(&a->scratch, argv, NULL, &out, e);

	if (!ret)
		ret = entries_parse(l, out.buf, out.len, e);
	str_release(&out);
	return ret;
}

int apply_open(struct apply *a, const struct repo *r, const char *commit,
	       const struct patch *patches, size_t n, struct err *e)
{
	static const char *const argv[] = {"read-tree", "refs/heads/klab",
					   NULL};
	struct strv paths = STRV_INIT, blobs = STRV_INIT;
	struct entries files = {0};
	int ret;

	*a = (struct apply){0};
	wanted(patches, n, &paths, &blobs);
	ret = repo_scratch(r, &a->scratch, e);
	if (!ret)
		ret = list_tree(r, commit, &paths, &files, e);
	if (!ret)
		ret = fill(a, r, &files, &blobs, e);
	if (!ret)
		ret = repo_git(&a->scratch, argv, NULL, NULL, e);
	if (!ret)
		ret = list_index(a, &a->before, e);
	entries_release(&files);
	strv_release(&paths);
	strv_release(&blobs);
	if (ret)
		apply_close(a);
	return ret;
}

void apply_close(struct apply *a)
{
	struct err ignored;

	if (a->scratch.dir)
		file_remove(a->scratch.dir, &ignored);
	repo_release(&a->scratch);
	strv_release(&a->folders);
	entries_release(&a->before);
	*a = (struct apply){0};
}

/* 0 if it applies, 1 with what git said if not. */
static int git_apply(const struct apply *a, const struct patch *p,
		     const char *file, const char *way, char **said,
		     struct err *e)
{
	char *strip = xasprintf("-p%d", p->strip);
	const char *argv[] = {"apply", "--cached",       "--whitespace=nowarn",
			      strip,   way ? way : file, way ? file : NULL,
			      NULL};
	const struct git_call c = {.argv = argv, .dir = a->scratch.dir};
	struct job_result res;
	int ret = git_try(&c, &res, e);

	free(strip);
	if (ret)
		return ret;
	if (res.deadline || res.signal)
		ret = git_failed(&c, &res, e);
	else if (res.exit)
		ret = 1;
	if (ret == 1 && said)
		*said = xstrdup(res.err.len ? res.err.buf : "nothing");
	job_result_release(&res);
	return ret;
}

/* As `git am -3` does.  A merge that fails leaves its conflicts in the index,
 * so that is put back. */
static int merge(const struct apply *a, const struct patch *p, const char *file,
		 struct err *e)
{
	char *index = xasprintf("%s/index", a->scratch.dir);
	struct str copy = STR_INIT;
	int ret = file_read(index, INDEX_CAP, &copy, e);

	if (!ret)
		ret = git_apply(a, p, file, "--3way", NULL, e);
	if (ret > 0 && file_put(index, copy.buf, copy.len, e))
		ret = -EIO;
	str_release(&copy);
	free(index);
	return ret;
}

static struct entry entry_copy(const struct entry *one)
{
	struct entry copy = *one;

	copy.path = xstrdup(one->path);
	return copy;
}

static void compare(const struct entries *before, const struct entries *after,
		    struct delta *d)
{
	for (size_t i = 0; i < before->n; i++)
		if (!entries_find(after, before->v[i].path))
			strv_add(&d->removed, before->v[i].path);
	d->written.v = xcalloc(after->n + 1, sizeof(*d->written.v));
	for (size_t i = 0; i < after->n; i++) {
		const struct entry *now = &after->v[i];
		const struct entry *was = entries_find(before, now->path);

		if (!was || strcmp(was->id, now->id) ||
		    strcmp(was->mode, now->mode))
			d->written.v[d->written.n++] = entry_copy(now);
	}
}

/* What is in the index need not be right for a tree of which only a part is
 * there. */
static char *objection(const struct apply *a, const struct delta *d,
		       bool merged)
{
	for (size_t i = 0; i < d->written.n; i++) {
		const char *path = d->written.v[i].path;

		if (strv_has(&a->folders, path))
			return xasprintf("%s: is a folder in the tree", path);
	}
	if (merged && !d->written.n && !d->removed.n)
		return xstrdup("the tree has its changes already");
	return NULL;
}

static int take_delta(struct apply *a, bool merged, struct delta *d,
		      char **refused, struct err *e)
{
	struct entries after = {0};
	int ret = list_index(a, &after, e);

	if (ret) {
		entries_release(&after);
		return ret;
	}
	compare(&a->before, &after, d);
	entries_release(&a->before);
	a->before = after;
	*refused = objection(a, d, merged);
	return 0;
}

/* Was a fixup put in before patch i? */
static bool after_fixup(const struct series *s, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (s->patches[k].fixes)
			return !s->patches[i].fixes;
	return false;
}

/* The diff that made the patch does not know what a fixup has changed, and its
 * preimages are of somebody's own tree. */
static int merge_plain(struct apply *a, const struct series *s, size_t i,
		       const char *file, struct err *e)
{
	struct patch plain = {.strip = 1};
	struct str diff = STR_INIT;
	int ret = plain_diff(&a->scratch, s, i, &diff, e);

	if (!ret && !diff.len)
		ret = 1;
	if (!ret)
		ret = file_put(file, diff.buf, diff.len, e);
	if (!ret)
		ret = merge(a, &plain, file, e);
	str_release(&diff);
	return ret;
}

int apply_patch(struct apply *a, const struct series *s, size_t i,
		struct delta *d, char **refused, struct err *e)
{
	const struct patch *p = &s->patches[i];
	char *file = repo_tmp(&a->scratch, "patch"), *said = NULL;
	bool merged = false;
	int ret = file_put(file, p->diff, strlen(p->diff), e);

	*refused = NULL;
	*d = (struct delta){0};
	if (!ret)
		ret = git_apply(a, p, file, NULL, &said, e);
	if (ret > 0) {
		merged = true;
		ret = merge(a, p, file, e);
	}
	if (ret > 0 && after_fixup(s, i))
		ret = merge_plain(a, s, i, file, e);
	if (ret > 0)
		*refused = diff_rejection(p->diff, p->strip, said);
	else if (!ret)
		ret = take_delta(a, merged, d, refused, e);
	free(said);
	free(file);
	return ret < 0 ? ret : 0;
}

void delta_release(struct delta *d)
{
	strv_release(&d->removed);
	entries_release(&d->written);
	*d = (struct delta){0};
}
