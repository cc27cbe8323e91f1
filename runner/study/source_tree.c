#include "study/source_tree.h"

#include "base/err.h"
#include "base/file.h"
#include "base/yml.h"
#include "tree/origin.h"
#include "tree/range.h"

#include <sys/stat.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define STAGES_MAX 10000

/* While it is read. */
struct reader {
	struct yml_node *root, *source;
	const char *dir; /* of the study file */
	struct source *src;
};

static char *dup_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

/* It becomes an argument of git. */
static bool revision_ok(const char *s)
{
	if (!*s || *s == '-' || strlen(s) > 200)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	return true;
}

/* ---- where the tree is ---- */

/* "A..B" names commits; both ends are needed. */
static int split_range(struct reader *r, const struct yml_node *n,
		       const char *range, struct err *e)
{
	const char *dots = strstr(range, "..");

	if (!dots || dots == range || !dots[2] || dots[2] == '.')
		return yml_err(n, e, "'%s' is not a range of commits A..B",
			       range);
	r->src->base = xstrndup(range, (size_t)(dots - range));
	r->src->to = xstrdup(dots + 2);
	if (!revision_ok(r->src->base) || !revision_ok(r->src->to))
		return yml_err(n, e, "'%s' does not name two revisions", range);
	if (origin_is_url(r->src->where))
		return yml_err(n, e,
			       "a range needs its history: clone '%s', then "
			       "name the clone",
			       r->src->where);
	return 0;
}

static int read_git(struct reader *r, const struct yml_node *git, struct err *e)
{
	static const char *const keys[] = {"git", "base", "range"};
	struct yml_node *base = yml_get(r->source, "base"),
			*range = yml_get(r->source, "range");
	const struct yml_node *n = range ? range : base;
	const char *text = NULL;

	if (yml_check_unused(r->source, keys, COUNT(keys), e))
		return -1;
	if (base && range)
		return yml_err(range, e,
			       "a range starts from its own base: leave out "
			       "'base'");
	if (!origin_is_url(r->src->where) && !file_exists(r->src->where))
		return yml_err(git, e, "there is no repository '%s'",
			       r->src->where);
	if (!n)
		return 0;
	if (yml_text(n, &text, e))
		return -1;
	if (range || strstr(text, ".."))
		return split_range(r, n, text, e);
	if (!revision_ok(text))
		return yml_err(n, e, "'%s' is not a revision", text);
	r->src->base = xstrdup(text);
	return 0;
}

static int read_tarball(struct reader *r, const struct yml_node *tarball,
			struct err *e)
{
	static const char *const keys[] = {"tarball", "sha256"};
	struct yml_node *n = yml_get(r->source, "sha256");
	const char *sha256 = NULL;

	if (yml_opt_text(r->source, "sha256", &sha256, e) ||
	    yml_check_unused(r->source, keys, COUNT(keys), e))
		return -1;
	if (sha256 &&
	    (strlen(sha256) != 64 || strspn(sha256, "0123456789abcdef") != 64))
		return yml_err(n, e, "'%s' is not a sha256: 64 hex digits",
			       sha256);
	if (origin_is_url(r->src->where) && !sha256)
		return yml_err(tarball, e,
			       "what comes from a URL needs its sha256");
	if (!origin_is_url(r->src->where) && !file_exists(r->src->where))
		return yml_err(tarball, e, "there is no tarball '%s'",
			       r->src->where);
	r->src->sha256 = dup_or_null(sha256);
	return 0;
}

static int read_debian(struct reader *r, const struct yml_node *package,
		       struct err *e)
{
	static const char *const keys[] = {"debian-source", "suite", "version"};
	const char *suite = NULL, *version = NULL;

	if (yml_opt_text(r->source, "suite", &suite, e) ||
	    yml_opt_text(r->source, "version", &version, e) ||
	    yml_check_unused(r->source, keys, COUNT(keys), e))
		return -1;
	if (!word_ok(r->src->where) ||
	    !str_starts(r->src->where, "linux-source"))
		return yml_err(package, e,
			       "'%s' is not one of Debian's kernel sources, as "
			       "linux-source-6.12 is",
			       r->src->where);
	if (suite && !word_ok(suite))
		return yml_err(package, e, "'%s' is not the name of a suite",
			       suite);
	r->src->suite = dup_or_null(suite);
	r->src->version = dup_or_null(version);
	return 0;
}

static int read_place(struct reader *r, struct err *e)
{
	struct yml_node *n = yml_get(r->source, source_word(r->src->kind));
	const char *where;

	if (yml_text(n, &where, e))
		return -1;
	if (!*where || *where == '-')
		return yml_err(n, e, "'%s' is not a place", where);
	if (r->src->kind == SOURCE_DEBIAN_SOURCE || origin_is_url(where))
		r->src->where = xstrdup(where);
	else
		r->src->where = source_path(r->dir, where);
	switch (r->src->kind) {
	case SOURCE_GIT:
		return read_git(r, n, e);
	case SOURCE_TARBALL:
		return read_tarball(r, n, e);
	default:
		return read_debian(r, n, e);
	}
}

/* ---- the series ---- */

static int series_place(struct yml_node *map, struct series_request *rq,
			struct yml_node **place, struct err *e)
{
	static const struct {
		const char *word;
		enum series_form form;
	} forms[] = {{"thread", SERIES_THREAD},
		     {"mbox", SERIES_MBOX},
		     {"folder", SERIES_FOLDER},
		     {"quilt", SERIES_QUILT}};

	*place = NULL;
	for (size_t i = 0; i < COUNT(forms); i++) {
		struct yml_node *n = yml_get(map, forms[i].word);

		if (!n)
			continue;
		if (*place)
			return yml_err(map, e, "names two places");
		*place = n;
		rq->form = forms[i].form;
	}
	if (!*place)
		return yml_err(map, e,
			       "needs a place: thread, mbox, folder or quilt");
	return 0;
}

static int read_series(struct reader *r, struct err *e)
{
	static const char *const keys[] = {"thread", "mbox",   "folder",
					   "quilt",  "fixups", "version"};
	struct yml_node *n = yml_get(r->root, "series"), *place = n;
	struct series_request rq = {0};
	long long version = 0;
	const char *text;
	char *path;
	int ret;

	if (!n)
		return 0;
	if (r->src->to)
		return yml_err(n, e,
			       "the commits of the range are the stages: a "
			       "series needs a base");
	if (n->kind == YML_MAP &&
	    (series_place(n, &rq, &place, e) ||
	     yml_opt_bool(n, "fixups", &rq.fixups, e) ||
	     yml_opt_int(n, "version", 1, 1000, &version, e) ||
	     yml_check_unused(n, keys, COUNT(keys), e)))
		return -1;
	if (yml_text(place, &text, e))
		return -1;
	path = source_path(r->dir, text);
	rq.version = (int)version;
	rq.path = path;
	ret = series_import(&rq, &r->src->series, e);
	if (ret)
		err_prefix(e, "%s:%d: key 'series'", n->file, n->line);
	free(path);
	return ret;
}

/* ---- stages ---- */

static void name_stage(const struct reader *r, struct stage *g, size_t idx,
		       const char *title)
{
	*g = (struct stage){
		.idx = (int)idx,
		.name = idx ? xasprintf("%zu", idx) : xstrdup("base"),
		.title = dup_or_null(title),
		.line = r->src->line,
		.kind = r->src->kind,
	};
}

static int stages_of_range(struct reader *r, struct stage **stages, size_t *n,
			   struct err *e)
{
	struct strv titles = STRV_INIT;
	int ret = range_titles(r->src->where, r->src->base, r->src->to,
			       STAGES_MAX, &titles, e);

	if (ret) {
		err_prefix(e, "%s:%d: key 'source'", r->source->file,
			   r->source->line);
	} else {
		*stages = xcalloc(titles.n + 1, sizeof(**stages));
		name_stage(r, &(*stages)[(*n)++], 0, NULL);
		for (size_t i = 0; i < titles.n; i++)
			name_stage(r, &(*stages)[(*n)++], i + 1, titles.v[i]);
	}
	strv_release(&titles);
	return ret;
}

int tree_read(struct yml_node *root, struct yml_node *source, const char *dir,
	      struct source *src, struct stage **stages, size_t *n,
	      struct err *e)
{
	struct reader r = {root, source, dir, src};

	if (read_place(&r, e) || read_series(&r, e))
		return -1;
	if (src->to)
		return stages_of_range(&r, stages, n, e);
	*stages = xcalloc(src->series.n + 1, sizeof(**stages));
	name_stage(&r, &(*stages)[(*n)++], 0, NULL);
	for (size_t i = 0; i < src->series.n; i++)
		name_stage(&r, &(*stages)[(*n)++], i + 1,
			   src->series.patches[i].subject);
	return 0;
}
