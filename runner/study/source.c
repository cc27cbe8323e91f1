#include "study/source.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/yml.h"
#include "study/source_tree.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* While it is read. */
struct reader {
	const char *dir; /* of the study file */
	struct stage *stages;
	size_t n;
};

char *source_path(const char *dir, const char *path)
{
	const char *home = getenv("HOME");

	if (path[0] == '~' && path[1] == '/' && home)
		return xasprintf("%s%s", home, path + 1);
	if (path[0] == '/')
		return xstrdup(path);
	return xasprintf("%s/%s", dir, path);
}

static char *dup_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

/* apt would take a leading dash as an option and a slash as a release. */
static int check_package(const struct yml_node *n, const char *s, struct err *e)
{
	if (word_ok(s))
		return 0;
	return yml_err(n, e, "'%s' is not the name of a Debian package", s);
}

static int read_package(struct yml_node *item, const char *suite,
			struct stage *g, struct err *e)
{
	static const char *const keys[] = {"package", "suite", "version",
					   "name"};
	const char *package = NULL, *version = NULL, *name = NULL;

	g->kind = SOURCE_DEBIAN_IMAGE;
	if (item->kind == YML_SCALAR) {
		if (yml_text(item, &package, e))
			return -1;
	} else if (yml_expect(item, YML_MAP, e) ||
		   yml_opt_text(item, "package", &package, e) ||
		   yml_opt_text(item, "suite", &suite, e) ||
		   yml_opt_text(item, "version", &version, e) ||
		   yml_opt_text(item, "name", &name, e) ||
		   yml_check_unused(item, keys, COUNT(keys), e)) {
		return -1;
	}
	if (!package)
		return yml_err(item, e, "key 'package' is missing");
	if (check_package(item, package, e))
		return -1;
	if (suite && !word_ok(suite))
		return yml_err(item, e, "'%s' is not the name of a suite",
			       suite);
	g->package = xstrdup(package);
	g->suite = dup_or_null(suite);
	g->version = dup_or_null(version);
	g->name = xstrdup(name ? name : package);
	return 0;
}

static int read_image(struct reader *r, struct yml_node *item, struct stage *g,
		      struct err *e)
{
	static const char *const keys[] = {"path", "config", "system_map",
					   "name"};
	const char *path = NULL, *config = NULL, *map = NULL, *name = NULL;

	g->kind = SOURCE_IMAGE;
	if (item->kind == YML_SCALAR) {
		if (yml_text(item, &path, e))
			return -1;
	} else if (yml_expect(item, YML_MAP, e) ||
		   yml_opt_text(item, "path", &path, e) ||
		   yml_opt_text(item, "config", &config, e) ||
		   yml_opt_text(item, "system_map", &map, e) ||
		   yml_opt_text(item, "name", &name, e) ||
		   yml_check_unused(item, keys, COUNT(keys), e)) {
		return -1;
	}
	if (!path || !*path)
		return yml_err(item, e, "key 'path' is missing");
	g->path = source_path(r->dir, path);
	g->config = config ? source_path(r->dir, config) : NULL;
	g->map = map ? source_path(r->dir, map) : NULL;
	g->name = xstrdup(name ? name : path);
	if (!file_exists(g->path))
		return yml_err(item, e, "there is no kernel image '%s'",
			       g->path);
	return 0;
}

static int check_name(const struct reader *r, const struct stage *g,
		      const struct yml_node *item, struct err *e)
{
	if (!*g->name || strlen(g->name) > 100)
		return yml_err(item, e,
			       "a stage's name has 1 to 100 "
			       "characters");
	for (const struct stage *o = r->stages; o < g; o++)
		if (!strcmp(o->name, g->name))
			return yml_err(item, e,
				       "stage '%s' is there twice; "
				       "give one of them another 'name'",
				       g->name);
	return 0;
}

static int read_stages_of(struct reader *r, struct yml_node *value,
			  const char *suite, bool debian, struct err *e)
{
	size_t n = value->kind == YML_LIST ? value->n : 1;

	if (!n)
		return yml_err(value, e, "is empty: name at least one kernel");
	r->stages = xcalloc(n, sizeof(*r->stages));
	for (size_t i = 0; i < n; i++) {
		struct yml_node *item =
			value->kind == YML_LIST ? value->at[i] : value;
		struct stage *g = &r->stages[r->n++];

		g->idx = (int)i;
		g->line = item->line;
		if (debian ? read_package(item, suite, g, e)
			   : read_image(r, item, g, e))
			return -1;
		if (check_name(r, g, item, e))
			return -1;
	}
	return 0;
}

static int read_kernels(struct yml_node *source, struct reader *r,
			struct source *src, struct err *e)
{
	static const char *const keys[] = {"debian-image", "image", "suite"};
	struct yml_node *debian = yml_get(source, "debian-image"),
			*image = yml_get(source, "image");
	const char *suite = NULL;

	if (yml_opt_text(source, "suite", &suite, e) ||
	    yml_check_unused(source, keys, COUNT(keys), e))
		return -1;
	if (image && suite)
		return yml_err(source, e, "'suite' belongs to debian-image");
	src->kind = debian ? SOURCE_DEBIAN_IMAGE : SOURCE_IMAGE;
	return read_stages_of(r, debian ? debian : image, suite, debian, e);
}

static const char *const words[] = {
	[SOURCE_DEBIAN_IMAGE] = "debian-image",
	[SOURCE_IMAGE] = "image",
	[SOURCE_GIT] = "git",
	[SOURCE_TARBALL] = "tarball",
	[SOURCE_DEBIAN_SOURCE] = "debian-source",
};

const char *source_word(enum source_kind kind)
{
	return words[kind];
}

bool source_is_built(const struct source *src)
{
	return src->kind >= SOURCE_GIT;
}

int source_read(struct yml_node *root, const char *dir, struct source *src,
		struct stage **stages, size_t *n, struct err *e)
{
	struct yml_node *source;
	struct reader r = {.dir = dir};
	int found = -1, ret;

	if (yml_need(root, "source", &source, e) ||
	    yml_expect(source, YML_MAP, e))
		return -1;
	src->line = source->line;
	for (size_t i = 0; i < COUNT(words); i++) {
		if (!yml_get(source, words[i]))
			continue;
		if (found >= 0)
			return yml_err(source, e, "has two sources, %s and %s",
				       words[found], words[i]);
		found = (int)i;
	}
	if (found < 0 && yml_check_unused(source, words, COUNT(words), e))
		return -1;
	if (found < 0)
		return yml_err(source, e,
			       "needs one source: git, tarball, debian-source, "
			       "debian-image or image");
	src->kind = (enum source_kind)found;
	if (source_is_built(src))
		return tree_read(root, source, dir, src, stages, n, e);
	if (yml_get(root, "series"))
		return yml_err(yml_get(root, "series"), e,
			       "needs a source that is built (git, tarball, "
			       "debian-source); %s has kernels as they are",
			       words[found]);
	ret = read_kernels(source, &r, src, e);
	*stages = r.stages;
	*n = r.n;
	return ret;
}

void source_release(struct source *src)
{
	free(src->where);
	free(src->base);
	free(src->to);
	free(src->sha256);
	free(src->suite);
	free(src->version);
	series_release(&src->series);
	*src = (struct source){0};
}

void stage_release(struct stage *g)
{
	free(g->name);
	free(g->title);
	free(g->package);
	free(g->suite);
	free(g->version);
	free(g->path);
	free(g->config);
	free(g->map);
}

static char *option(const char *word, const char *value)
{
	return value ? xasprintf(" %s %s", word, value) : xstrdup("");
}

char *stage_request(const struct source *src, const struct stage *g)
{
	bool built = source_is_built(src);
	char *suite = option("suite", built ? src->suite : g->suite);
	char *version = option("version", built ? src->version : g->version);
	char *base = option(src->to ? "range" : "base", src->base);
	char *text;

	if (built)
		text = xasprintf("%s %s%s%s%s%s%s", words[src->kind],
				 src->where, base, src->to ? ".." : "",
				 src->to ? src->to : "", suite, version);
	else if (g->kind == SOURCE_IMAGE)
		text = xasprintf("image %s", g->path);
	else
		text = xasprintf("debian-image %s%s%s", g->package, suite,
				 version);
	free(suite);
	free(version);
	free(base);
	return text;
}
