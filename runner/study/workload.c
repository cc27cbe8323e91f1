#include "study/workload_int.h"

#include "base/err.h"
#include "base/file.h"
#include "base/yml.h"

#include <dirent.h>
#include <libgen.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* ---- finding the folder ---- */

static char *yaml_path(const char *share, const char *name)
{
	return xasprintf("%s/workloads/%s/workload.yaml", share, name);
}

/* "hackbench-threads": the folder hackbench-threads, else hackbench with the
 * variant threads. */
static char *find_folder(const char *share, const char *name, char **variant)
{
	char *folder = xstrdup(name);
	char *dash = folder + strlen(folder);

	*variant = NULL;
	while (dash) {
		char *path;

		*dash = '\0';
		path = yaml_path(share, folder);
		if (file_exists(path)) {
			if (name[strlen(folder)])
				*variant = xstrdup(name + strlen(folder) + 1);
			free(folder);
			return path;
		}
		free(path);
		dash = strrchr(folder, '-');
	}
	free(folder);
	return NULL;
}

static int no_such(const struct yml_node *item, const char *share,
		   const char *name, struct err *e)
{
	char *dir = xasprintf("%s/workloads", share);
	struct strv names = STRV_INIT;
	struct dirent **list;
	int n = scandir(dir, &list, NULL, alphasort);
	char *text;
	int r;

	for (int i = 0; i < n; i++) {
		char *path = yaml_path(share, list[i]->d_name);

		if (file_exists(path))
			strv_add(&names, list[i]->d_name);
		free(path);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	text = strv_join(&names, ", ");
	r = yml_err(item, e, "there is no workload '%s'; klab has: %s", name,
		    text);
	free(text);
	strv_release(&names);
	free(dir);
	return r;
}

/* ---- reading ---- */

static int read_defaults(struct source *s, struct err *e)
{
	struct yml_node *map = yml_get(s->root, "parameters");

	if (!map)
		return 0;
	if (yml_expect(map, YML_MAP, e))
		return -1;
	for (size_t i = 0; i < map->n; i++) {
		static const char *const keys[] = {"default", "unit", "help"};
		struct yml_node *p = map->at[i];
		const char *value = NULL, *ignored;

		if (yml_expect(p, YML_MAP, e) ||
		    yml_opt_text(p, "default", &value, e) ||
		    yml_opt_text(p, "unit", &ignored, e) ||
		    yml_opt_text(p, "help", &ignored, e) ||
		    yml_check_unused(p, keys, COUNT(keys), e))
			return -1;
		if (!value)
			return yml_err(p, e, "key 'default' is missing");
		params_set(&s->params, p->key, value);
	}
	return 0;
}

static int no_variant(const struct yml_node *item, const struct source *s,
		      const struct yml_node *variants, struct err *e)
{
	struct strv names = STRV_INIT;
	char *text;
	int r;

	for (size_t i = 0; variants && i < variants->n; i++)
		strv_add(&names, variants->at[i]->key);
	text = strv_join(&names, ", ");
	if (s->variant)
		r = yml_err(item, e, "'%s' has no variant '%s'; it has: %s",
			    s->root->file, s->variant, text);
	else
		r = yml_err(item, e, "'%s' comes in variants, say which: %s",
			    s->root->file, text);
	free(text);
	strv_release(&names);
	return r;
}

/* A load needs no variant: its line says all. */
static int read_variant(struct source *s, const struct yml_node *item,
			bool is_load, struct err *e)
{
	struct yml_node *variants = yml_get(s->root, "variants"), *v = NULL;

	if (!s->variant && (!variants || is_load))
		return 0;
	if (variants && yml_expect(variants, YML_MAP, e))
		return -1;
	if (variants && s->variant)
		v = yml_get(variants, s->variant);
	if (!v)
		return no_variant(item, s, variants, e);
	if (yml_expect(v, YML_MAP, e))
		return -1;
	for (size_t i = 0; i < v->n; i++) {
		const char *value;

		if (yml_text(v->at[i], &value, e))
			return -1;
		if (!params_get(&s->params, v->at[i]->key,
				strlen(v->at[i]->key)))
			return yml_err(v->at[i], e,
				       "is no parameter of this "
				       "workload");
		params_set(&s->params, v->at[i]->key, value);
	}
	return 0;
}

static int source_open(struct source *s, const struct yml_node *item,
		       const char *share, const char *name, bool is_load,
		       struct err *e)
{
	char *path =
		word_ok(name) ? find_folder(share, name, &s->variant) : NULL;
	int r;

	s->share = share;
	if (!path)
		return no_such(item, share, name, e);
	r = yml_load(path, &s->doc, e);
	s->dir = xstrdup(dirname(path));
	free(path);
	if (r)
		return r;
	s->root = yml_root(s->doc);
	r = yml_expect(s->root, YML_MAP, e);
	if (!r)
		r = read_defaults(s, e);
	return r ? r : read_variant(s, item, is_load, e);
}

static void source_close(struct source *s)
{
	params_release(&s->params);
	yml_free(s->doc);
	free(s->dir);
	free(s->variant);
}

/* `load: hackbench`: that workload's load line and what it needs. */
static int add_load(struct workload *w, const struct yml_node *item,
		    const char *share, const char *name, struct err *e)
{
	struct source s = {0};
	int r = source_open(&s, item, share, name, true, e);

	if (!r)
		r = params_words(&s.params, s.root, "load", &w->load, e);
	if (!r && !w->load.n)
		r = yml_err(item, e,
			    "workload '%s' has no 'load' line, it "
			    "cannot run beside another",
			    name);
	if (!r)
		r = workload_read_contents(&s, w, e);
	source_close(&s);
	return r;
}

static int rename_label(struct workload *w, const struct yml_node *n,
			const char *value, struct err *e)
{
	if (!word_ok(value))
		return yml_err(n, e,
			       "'%s' is not a word of letters, digits and "
			       "._+-",
			       value);
	free(w->label);
	w->label = xstrdup(value);
	return 0;
}

/* Those parameters that the workload says make it longer. */
static int scale(struct source *s, struct workload *w, const struct yml_node *n,
		 struct err *e)
{
	struct strv names = STRV_INIT;
	long long factor;
	int r = yml_int(n, 1, 1000000, &factor, e);

	if (!r)
		r = params_words(NULL, s->root, "scale", &names, e);
	if (!r && !names.n)
		r = yml_err(n, e, "'%s' has no parameter that makes it longer",
			    w->name);
	for (size_t i = 0; !r && i < names.n; i++) {
		const char *was =
			params_get(&s->params, names.v[i], strlen(names.v[i]));
		long long value;
		char *text;

		if (!was || !str_to_ll(was, 1, INT64_MAX / factor, &value)) {
			r = yml_err(n, e,
				    "parameter '%s' is no number that can be "
				    "multiplied by %lld",
				    names.v[i], factor);
			break;
		}
		text = xasprintf("%lld", value * factor);
		params_set(&s->params, names.v[i], text);
		free(text);
	}
	strv_release(&names);
	return r;
}

static int set_param(struct source *s, const struct workload *w,
		     const struct yml_node *n, const char *value, struct err *e)
{
	char *text;

	if (params_get(&s->params, n->key, strlen(n->key))) {
		params_set(&s->params, n->key, value);
		return 0;
	}
	text = strv_join(&s->params.names, ", ");
	yml_err(n, e,
		"'%s' has no such parameter; it has: %s%sload, scale, "
		"monitors, as",
		w->name, text, *text ? ", " : "");
	free(text);
	return -1;
}

/* scale goes last: it is a multiple of what the study gives. */
static int override(struct source *s, struct workload *w,
		    struct yml_node *given, struct err *e)
{
	struct yml_node *factor = yml_get(given, "scale");

	if (workload_add_monitors(given, s->share, w, e))
		return -1;
	for (size_t i = 0; i < given->n; i++) {
		struct yml_node *n = given->at[i];
		const char *value;
		int r;

		if (n == factor || !strcmp(n->key, "monitors"))
			continue;
		if (yml_text(n, &value, e))
			return -1;
		if (!strcmp(n->key, "as"))
			r = rename_label(w, n, value, e);
		else if (!strcmp(n->key, "load"))
			r = add_load(w, n, s->share, value, e);
		else
			r = set_param(s, w, n, value, e);
		if (r)
			return r;
	}
	return factor ? scale(s, w, factor, e) : 0;
}

/* The entry's name and, if it is a map, its parameters. */
static int split_item(struct yml_node *item, const char **name,
		      struct yml_node **given, struct err *e)
{
	*given = NULL;
	if (item->kind == YML_SCALAR)
		return yml_text(item, name, e);
	if (item->kind != YML_MAP || item->n != 1)
		return yml_err(item, e,
			       "a workload is a name, or one name "
			       "with a map of parameters");
	*given = item->at[0];
	*name = (*given)->key;
	return yml_expect(*given, YML_MAP, e);
}

int workload_load(struct yml_node *item, const char *share,
		  struct workload **out, struct err *e)
{
	struct source s = {0};
	struct workload *w = xcalloc(1, sizeof(*w));
	struct yml_node *given;
	const char *name;
	int r = split_item(item, &name, &given, e);

	if (!r) {
		w->name = xstrdup(name);
		w->label = xstrdup(name);
		r = source_open(&s, item, share, name, false, e);
	}
	if (!r)
		r = workload_read_head(&s, w, e);
	if (!r)
		r = workload_add_monitors(s.root, share, w, e);
	if (!r && given)
		r = override(&s, w, given, e);
	if (!r)
		r = workload_read_steps(&s, w, e);
	if (!r)
		r = workload_read_metrics(&s, w, e);
	if (!r)
		r = workload_check_keys(&s, e);
	source_close(&s);
	if (r) {
		workload_free(w);
		return r;
	}
	*out = w;
	return 0;
}

static void step_release(struct step *s)
{
	free(s->name);
	strv_release(&s->argv);
	strv_release(&s->collect);
}

void program_release(struct program *p)
{
	free(p->name);
	strv_release(&p->sources);
	strv_release(&p->libraries);
}

void workload_free(struct workload *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->nsteps; i++)
		step_release(&w->steps[i]);
	for (size_t i = 0; i < w->nprograms; i++)
		program_release(&w->programs[i]);
	for (size_t i = 0; i < w->nmonitors; i++)
		monitor_release(&w->monitors[i]);
	free(w->programs);
	free(w->monitors);
	needs_release(&w->needs);
	for (size_t i = 0; i < w->nmetrics; i++)
		metric_release(&w->metrics[i]);
	free(w->steps);
	free(w->metrics);
	free(w->label);
	free(w->name);
	free(w->summary);
	strv_release(&w->packages);
	strv_release(&w->binaries);
	strv_release(&w->modules);
	strv_release(&w->kmods);
	strv_release(&w->files);
	strv_release(&w->mounts);
	strv_release(&w->load);
	free(w);
}
