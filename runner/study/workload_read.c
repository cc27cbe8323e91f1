#include "study/workload_int.h"

#include "base/err.h"
#include "base/file.h"
#include "base/yml.h"
#include "guest/limits.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const char *const known[] = {
	"workload", "summary",  "stresses", "source",     "needs",
	"packages", "binaries", "programs", "files",      "modules",
	"kmods",    "mounts",   "monitors", "parameters", "scale",
	"variants", "steps",    "load",     "metrics"};

int workload_check_keys(struct source *s, struct err *e)
{
	struct strv names = STRV_INIT;
	int r = params_words(NULL, s->root, "scale", &names, e);

	for (size_t i = 0; !r && i < names.n; i++)
		if (!params_get(&s->params, names.v[i], strlen(names.v[i])))
			r = yml_err(yml_get(s->root, "scale"), e,
				    "'%s' is no parameter", names.v[i]);
	strv_release(&names);
	yml_get(s->root, "load");
	return r ? r : yml_check_unused(s->root, known, COUNT(known), e);
}

/* ---- what has to be in the guest ---- */

/* A source of the folder, or of one beside it. */
static int add_source(const struct source *s, const struct yml_node *n,
		      const char *word, struct strv *out, struct err *e)
{
	char *path = xasprintf("%s/%s", s->dir, word);
	int r = 0;

	if (file_exists(path))
		strv_add_new(out, path);
	else
		r = yml_err(n, e, "there is no file '%s'", path);
	free(path);
	return r;
}

static int add_sources(const struct source *s, struct yml_node *map,
		       const char *key, const char *end, struct strv *out,
		       struct err *e)
{
	struct strv words = STRV_INIT;
	int r = params_words(NULL, map, key, &words, e);

	for (size_t i = 0; !r && i < words.n; i++) {
		char *name = xasprintf("%s%s", words.v[i], end);

		r = add_source(s, yml_get(map, key), name, out, e);
		free(name);
	}
	strv_release(&words);
	return r;
}

static int no_program(const struct yml_node *n, struct err *e)
{
	return yml_err(n, e,
		       "a program is the name of a .c file, or has 'name' and "
		       "'sources'");
}

/* "fork", or a map with name, sources and libraries. */
static int read_program(struct source *s, struct yml_node *n, struct program *p,
			struct err *e)
{
	static const char *const keys[] = {"name", "sources", "libraries"};
	const char *name = NULL;
	char *file;
	int r;

	if (n->kind == YML_SCALAR) {
		if (yml_text(n, &name, e))
			return -1;
		if (!word_ok(name))
			return no_program(n, e);
		p->name = xstrdup(name);
		file = xasprintf("%s.c", name);
		r = add_source(s, n, file, &p->sources, e);
		free(file);
		return r;
	}
	if (yml_expect(n, YML_MAP, e) || yml_opt_text(n, "name", &name, e) ||
	    add_sources(s, n, "sources", "", &p->sources, e) ||
	    params_words(NULL, n, "libraries", &p->libraries, e) ||
	    yml_check_unused(n, keys, COUNT(keys), e))
		return -1;
	if (!name || !word_ok(name) || !p->sources.n)
		return no_program(n, e);
	p->name = xstrdup(name);
	return 0;
}

static bool same_words(const struct strv *a, const struct strv *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = !strcmp(a->v[i], b->v[i]);
	return same;
}

/* The last one has a name of its own, or is one that is there already, as where
 * a workload is its own load: then it goes. */
static int settle_program(const struct yml_node *n, struct workload *w,
			  struct err *e)
{
	struct program *p = &w->programs[w->nprograms - 1];

	for (struct program *other = w->programs; other < p; other++) {
		if (strcmp(other->name, p->name))
			continue;
		if (!same_words(&other->sources, &p->sources) ||
		    !same_words(&other->libraries, &p->libraries))
			return yml_err(n, e, "program '%s' is there twice",
				       p->name);
		program_release(p);
		w->nprograms--;
		break;
	}
	return 0;
}

static int read_programs(struct source *s, struct workload *w, struct err *e)
{
	struct yml_node *list = yml_get(s->root, "programs");

	if (!list)
		return 0;
	if (yml_expect(list, YML_LIST, e))
		return -1;
	w->programs = xrealloc(w->programs,
			       (w->nprograms + list->n) * sizeof(*w->programs));
	for (size_t i = 0; i < list->n; i++) {
		struct program *p = &w->programs[w->nprograms++];

		*p = (struct program){0};
		if (read_program(s, list->at[i], p, e) ||
		    settle_program(list->at[i], w, e))
			return -1;
	}
	return 0;
}

/* What the load needs joins what the workload needs, each once. */
static int join_words(struct yml_node *root, const char *key, struct strv *out,
		      struct err *e)
{
	struct strv words = STRV_INIT;
	int r = params_words(NULL, root, key, &words, e);

	if (!r)
		strv_merge(out, &words);
	strv_release(&words);
	return r;
}

/* "brd:rd_nr=1 rd_size=4096" as the agent wants it. */
static int read_modules(struct yml_node *root, struct workload *w,
			struct err *e)
{
	struct strv words = STRV_INIT;
	int r = params_words(NULL, root, "modules", &words, e);

	for (size_t i = 0; !r && i < words.n; i++) {
		char *colon = strchr(words.v[i], ':');

		if (colon)
			*colon = ' ';
		strv_add_new(&w->modules, words.v[i]);
	}
	strv_release(&words);
	return r;
}

int workload_read_contents(struct source *s, struct workload *w, struct err *e)
{
	struct needs needs = {0};
	int r = needs_read(s->root, &needs, e);

	needs_join(&w->needs, &needs);
	needs_release(&needs);
	if (r || join_words(s->root, "packages", &w->packages, e) ||
	    join_words(s->root, "binaries", &w->binaries, e) ||
	    read_modules(s->root, w, e) ||
	    add_sources(s, s->root, "kmods", ".c", &w->kmods, e) ||
	    add_sources(s, s->root, "files", "", &w->files, e) ||
	    mounts_read(s->root, &w->mounts, e) || read_programs(s, w, e))
		return -1;
	w->needs.own_kernel |= w->kmods.n > 0;
	return 0;
}

int workload_read_head(struct source *s, struct workload *w, struct err *e)
{
	const char *name = NULL, *summary = NULL, *ignored;

	if (yml_expect(s->root, YML_MAP, e) ||
	    yml_opt_text(s->root, "workload", &name, e) ||
	    yml_opt_text(s->root, "summary", &summary, e) ||
	    yml_opt_text(s->root, "stresses", &ignored, e) ||
	    yml_opt_text(s->root, "source", &ignored, e) ||
	    workload_read_contents(s, w, e))
		return -1;
	if (!name || !summary)
		return yml_err(s->root, e, "needs 'workload' and 'summary'");
	w->summary = xstrdup(summary);
	return 0;
}

/* ---- monitors ---- */

static bool has_monitor(const struct workload *w, const char *name)
{
	for (size_t i = 0; i < w->nmonitors; i++)
		if (!strcmp(w->monitors[i].name, name))
			return true;
	return false;
}

/* The file that two monitors write different things to, as both set the tracer;
 * NULL if there is none. */
static const char *quarrel(const struct monitor *a, const struct monitor *b)
{
	for (size_t i = 0; i < a->set.n; i++)
		for (size_t k = 0; k < b->set.n; k++) {
			const char *one = a->set.v[i], *two = b->set.v[k];
			size_t n = strcspn(one, " ");

			if (!strncmp(one, two, n + 1) && strcmp(one, two))
				return one;
		}
	return NULL;
}

static int check_quarrels(const struct yml_node *n, const struct workload *w,
			  struct err *e)
{
	const struct monitor *m = &w->monitors[w->nmonitors - 1];

	for (size_t i = 0; i + 1 < w->nmonitors; i++) {
		const char *path = quarrel(&w->monitors[i], m);

		if (path)
			return yml_err(n, e,
				       "monitors '%s' and '%s' cannot be on "
				       "together: both set '%.*s'",
				       w->monitors[i].name, m->name,
				       (int)strcspn(path, " "), path);
	}
	return 0;
}

int workload_add_monitors(struct yml_node *map, const char *share,
			  struct workload *w, struct err *e)
{
	struct strv names = STRV_INIT;
	int r = params_words(NULL, map, "monitors", &names, e);

	for (size_t i = 0; !r && i < names.n; i++) {
		struct monitor *m;

		if (has_monitor(w, names.v[i]))
			continue;
		w->monitors =
			xrealloc(w->monitors, (w->nmonitors + 1) * sizeof(*m));
		m = &w->monitors[w->nmonitors++];
		r = monitor_load(yml_get(map, "monitors"), share, names.v[i], m,
				 e);
		if (!r)
			r = check_quarrels(yml_get(map, "monitors"), w, e);
		needs_join(&w->needs, &m->needs);
		strv_merge(&w->packages, &m->packages);
		strv_merge(&w->binaries, &m->binaries);
		strv_merge(&w->mounts, &m->mounts);
	}
	strv_release(&names);
	return r;
}

/* ---- steps ---- */

static int read_step(struct yml_node *n, const struct params *p,
		     struct step *step, struct err *e)
{
	static const char *const keys[] = {"name", "argv", "collect",
					   "deadline_s"};
	const char *name = NULL;

	step->deadline_s = 60;
	if (yml_expect(n, YML_MAP, e) || yml_opt_text(n, "name", &name, e) ||
	    yml_opt_int(n, "deadline_s", 1, 86400, &step->deadline_s, e) ||
	    params_words(p, n, "argv", &step->argv, e) ||
	    params_words(p, n, "collect", &step->collect, e) ||
	    yml_check_unused(n, keys, COUNT(keys), e))
		return -1;
	if (!name || !word_ok(name))
		return yml_err(n, e,
			       "a step needs a 'name' of letters, "
			       "digits and ._+-");
	if (step->argv.n > JOB_ARGS || step->collect.n > JOB_COLLECTS)
		return yml_err(n, e,
			       "step '%s' has more than %d words or %d "
			       "files to collect",
			       name, JOB_ARGS, JOB_COLLECTS);
	if (!step->argv.n)
		return yml_err(n, e, "step '%s' needs 'argv'", name);
	step->name = xstrdup(name);
	return 0;
}

int workload_read_steps(struct source *s, struct workload *w, struct err *e)
{
	struct yml_node *list;

	if (yml_need(s->root, "steps", &list, e) ||
	    yml_expect(list, YML_LIST, e))
		return -1;
	if (!list->n)
		return yml_err(list, e, "is empty");
	if (list->n > JOB_STEPS)
		return yml_err(list, e, "has more than %d steps", JOB_STEPS);
	w->steps = xcalloc(list->n, sizeof(*w->steps));
	for (size_t i = 0; i < list->n; i++) {
		w->nsteps++;
		if (read_step(list->at[i], &s->params, &w->steps[i], e))
			return -1;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(w->steps[k].name, w->steps[i].name))
				return yml_err(list->at[i], e,
					       "step '%s' is "
					       "there twice",
					       w->steps[i].name);
	}
	return 0;
}

/* ---- metrics ---- */

static bool has_step(const struct workload *w, const char *name)
{
	for (size_t i = 0; i < w->nsteps; i++)
		if (!strcmp(w->steps[i].name, name))
			return true;
	return false;
}

/* Does it come from something that there is? */
static int check_metric(const struct yml_node *n, const struct workload *w,
			const struct metric *m, struct err *e)
{
	const char *step = json_string_value(json_object_get(m->spec, "step"));
	const char *name =
		json_string_value(json_object_get(m->spec, "monitor"));

	if (step && !has_step(w, step))
		return yml_err(n, e, "there is no step '%s'", step);
	if (name && m->primary && !has_monitor(w, name))
		return yml_err(n, e,
			       "it is the primary one and comes from monitor "
			       "'%s', which 'monitors' does not switch on",
			       name);
	return 0;
}

/* Of a monitor that nobody switched on there is no metric. */
static bool wanted(const struct workload *w, const struct metric *m)
{
	const char *name =
		json_string_value(json_object_get(m->spec, "monitor"));

	return !name || has_monitor(w, name);
}

int workload_read_metrics(struct source *s, struct workload *w, struct err *e)
{
	struct yml_node *map;
	int primary = 0;

	if (yml_need(s->root, "metrics", &map, e) ||
	    yml_expect(map, YML_MAP, e))
		return -1;
	if (!map->n)
		return yml_err(map, e, "is empty");
	w->metrics = xcalloc(map->n + w->nmonitors, sizeof(*w->metrics));
	for (size_t i = 0; i < map->n; i++) {
		struct metric *m = &w->metrics[w->nmetrics++];

		if (!word_ok(map->at[i]->key))
			return yml_err(map->at[i], e,
				       "not a metric's name: "
				       "letters, digits and ._+- only");
		if (metric_read(map->at[i], &s->params, m, e) ||
		    check_metric(map->at[i], w, m, e))
			return -1;
		primary += m->primary;
		if (!wanted(w, m)) {
			metric_release(m);
			*m = (struct metric){0};
			w->nmetrics--;
		}
	}
	if (primary != 1)
		return yml_err(map, e,
			       "has %d metrics with 'primary: yes'; the one "
			       "that the workload is judged by has it",
			       primary);
	for (size_t i = 0; i < w->nmonitors; i++)
		if (w->monitors[i].read.n)
			metric_of_cost(&w->metrics[w->nmetrics++],
				       w->monitors[i].name);
	return 0;
}
