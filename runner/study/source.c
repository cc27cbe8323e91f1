#include "study/source.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/yml.h"
#include "study/workload.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* While it is read. */
struct reader {
	const char *dir; /* of the study file */
	struct stage *stages;
	size_t n;
};

static char *user_path(const struct reader *r, const char *path)
{
	const char *home = getenv("HOME");

	if (path[0] == '~' && path[1] == '/' && home)
		return xasprintf("%s%s", home, path + 1);
	if (path[0] == '/')
		return xstrdup(path);
	return xasprintf("%s/%s", r->dir, path);
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
	g->path = user_path(r, path);
	g->config = config ? user_path(r, config) : NULL;
	g->map = map ? user_path(r, map) : NULL;
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

int source_read(struct yml_node *root, const char *dir, struct stage **stages,
		size_t *n, struct err *e)
{
	static const char *const keys[] = {"debian-image", "image", "suite"};
	struct yml_node *source, *debian, *image;
	struct reader r = {.dir = dir};
	const char *suite = NULL;
	int ret;

	if (yml_need(root, "source", &source, e) ||
	    yml_expect(source, YML_MAP, e) ||
	    yml_opt_text(source, "suite", &suite, e))
		return -1;
	debian = yml_get(source, "debian-image");
	image = yml_get(source, "image");
	if (yml_check_unused(source, keys, COUNT(keys), e))
		return -1;
	if (!debian == !image)
		return yml_err(source, e,
			       "needs one source: debian-image or "
			       "image");
	if (image && suite)
		return yml_err(source, e, "'suite' belongs to debian-image");
	ret = read_stages_of(&r, debian ? debian : image, suite, debian, e);
	*stages = r.stages;
	*n = r.n;
	return ret;
}

void stage_release(struct stage *g)
{
	free(g->name);
	free(g->package);
	free(g->suite);
	free(g->version);
	free(g->path);
	free(g->config);
	free(g->map);
}

char *stage_request(const struct stage *g)
{
	if (g->kind == SOURCE_IMAGE)
		return xasprintf("image %s", g->path);
	return xasprintf("debian-image %s%s%s%s%s", g->package,
			 g->suite ? " suite " : "", g->suite ? g->suite : "",
			 g->version ? " version " : "",
			 g->version ? g->version : "");
}
