#include "study/monitor.h"

#include "base/err.h"
#include "base/file.h"
#include "base/yml.h"
#include "study/params.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* "a: b" pairs under a key, as "a b". */
static int read_pairs(struct yml_node *map, const char *key, struct strv *out,
		      struct err *e)
{
	struct yml_node *pairs = yml_get(map, key);
	const char *value;

	if (!pairs)
		return 0;
	if (yml_expect(pairs, YML_MAP, e))
		return -1;
	for (size_t i = 0; i < pairs->n; i++) {
		if (yml_text(pairs->at[i], &value, e))
			return -1;
		strv_addf(out, "%s %s", pairs->at[i]->key, value);
	}
	return 0;
}

int mounts_read(struct yml_node *map, struct strv *out, struct err *e)
{
	return read_pairs(map, "mounts", out, e);
}

static int read_all(struct yml_node *root, struct monitor *m, struct err *e)
{
	static const char *const keys[] = {
		"monitor",  "summary",  "source", "cost", "needs",
		"packages", "binaries", "mounts", "set",  "reset",
		"read",     "wrap",     "collect"};
	static const char *const words[] = {"monitor", "summary", "source",
					    "cost"};
	const char *ignored;

	if (yml_expect(root, YML_MAP, e))
		return -1;
	for (size_t i = 0; i < COUNT(words); i++)
		if (yml_opt_text(root, words[i], &ignored, e))
			return -1;
	if (needs_read(root, &m->needs, e) ||
	    mounts_read(root, &m->mounts, e) ||
	    read_pairs(root, "set", &m->set, e) ||
	    read_pairs(root, "reset", &m->reset, e) ||
	    params_words(NULL, root, "packages", &m->packages, e) ||
	    params_words(NULL, root, "binaries", &m->binaries, e) ||
	    params_words(NULL, root, "read", &m->read, e) ||
	    params_words(NULL, root, "wrap", &m->wrap, e) ||
	    params_words(NULL, root, "collect", &m->collect, e))
		return -1;
	return yml_check_unused(root, keys, COUNT(keys), e);
}

static int no_such(const struct yml_node *n, const char *share,
		   const char *name, struct err *e)
{
	char *dir = xasprintf("%s/configs/monitors", share);
	char *names = file_names(dir, ".yaml");
	int r = yml_err(n, e, "there is no monitor '%s'; klab has: %s", name,
			names);

	free(names);
	free(dir);
	return r;
}

int monitor_load(const struct yml_node *n, const char *share, const char *name,
		 struct monitor *m, struct err *e)
{
	char *path = xasprintf("%s/configs/monitors/%s.yaml", share, name);
	struct yml_doc *doc;
	int r;

	*m = (struct monitor){0};
	if (!word_ok(name) || !file_exists(path)) {
		free(path);
		return no_such(n, share, name, e);
	}
	m->name = xstrdup(name);
	r = yml_load(path, &doc, e);
	free(path);
	if (r)
		return r;
	r = read_all(yml_root(doc), m, e);
	yml_free(doc);
	return r;
}

void monitor_release(struct monitor *m)
{
	free(m->name);
	needs_release(&m->needs);
	strv_release(&m->packages);
	strv_release(&m->binaries);
	strv_release(&m->mounts);
	strv_release(&m->set);
	strv_release(&m->reset);
	strv_release(&m->read);
	strv_release(&m->wrap);
	strv_release(&m->collect);
}
