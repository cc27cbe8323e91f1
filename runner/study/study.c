#include "study/study.h"

#include "base/err.h"
#include "base/file.h"
#include "base/yml.h"
#include "console/console.h"

#include <libgen.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define CELLS_MAX 1000000

static const char *const known[] = {"study",    "source",    "series",
				    "stages",   "configs",   "toolchain",
				    "machines", "workloads", "merge_needs",
				    "boots",    "compare",   "harmless"};

/* While it is read. */
struct reader {
	const char *share;
	char *dir; /* of the study file */
	struct yml_node *root;
	struct study *s;
};

/* ---- selection ---- */

static void keep_only(struct study *s, const bool *keep)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nstages; i++) {
		struct stage g = s->stages[i];

		if (keep[i]) {
			s->stages[i] = s->stages[n];
			s->stages[n++] = g;
		}
	}
	while (s->nstages > n)
		stage_release(&s->stages[--s->nstages]);
}

static int read_selection(struct reader *r, struct err *e)
{
	struct yml_node *n = yml_get(r->root, "stages"), *every;
	size_t max = r->s->nstages;
	bool *keep;
	long long v;
	int ret = 0;

	if (!n || (n->kind == YML_SCALAR && !strcmp(n->text, "all")))
		return 0;
	keep = xcalloc(max, sizeof(*keep));
	if (n->kind == YML_LIST && n->n) {
		for (size_t i = 0; !ret && i < n->n; i++) {
			ret = yml_int(n->at[i], 0, (long long)max - 1, &v, e);
			if (!ret)
				keep[v] = true;
		}
	} else if (n->kind == YML_MAP && n->n == 1 &&
		   (every = yml_get(n, "every"))) {
		ret = yml_int(every, 1, 1000000, &v, e);
		for (size_t i = 0; !ret && i < max; i++)
			keep[i] = i % (size_t)v == 0 || i == max - 1;
	} else {
		ret = yml_err(n, e,
			      "is 'all', a list of stage numbers, or "
			      "{every: N}");
	}
	if (!ret)
		keep_only(r->s, keep);
	free(keep);
	return ret;
}

/* ---- machines, workloads, the rest ---- */

static int read_machines(struct reader *r, struct err *e)
{
	struct yml_node *list;
	struct study *s = r->s;
	const char *name;

	if (yml_need(r->root, "machines", &list, e) ||
	    yml_expect(list, YML_LIST, e))
		return -1;
	if (!list->n)
		return yml_err(list, e, "is empty: name at least one machine");
	s->machines = xcalloc(list->n, sizeof(struct machine *));
	for (size_t i = 0; i < list->n; i++) {
		struct machine *m;

		if (yml_text(list->at[i], &name, e))
			return -1;
		if (machine_load(name, r->share, r->dir, &m, e)) {
			err_prefix(e, "%s:%d: key 'machines'", list->file,
				   list->at[i]->line);
			return -1;
		}
		s->machines[s->nmachines++] = m;
		for (size_t k = 0; k + 1 < s->nmachines; k++)
			if (!strcmp(s->machines[k]->name, m->name))
				return yml_err(list->at[i], e,
					       "machine '%s' "
					       "is there twice",
					       m->name);
	}
	return 0;
}

static int read_workloads(struct reader *r, struct err *e)
{
	struct yml_node *list;
	struct study *s = r->s;

	if (yml_need(r->root, "workloads", &list, e) ||
	    yml_expect(list, YML_LIST, e))
		return -1;
	if (!list->n)
		return yml_err(list, e,
			       "is empty: name at least one "
			       "workload");
	s->workloads = xcalloc(list->n, sizeof(struct workload *));
	for (size_t i = 0; i < list->n; i++) {
		struct workload *w;

		if (workload_load(list->at[i], r->share, &w, e))
			return -1;
		s->workloads[s->nworkloads++] = w;
		for (size_t k = 0; k + 1 < s->nworkloads; k++)
			if (!strcmp(s->workloads[k]->label, w->label))
				return yml_err(list->at[i], e,
					       "workload '%s' "
					       "is there twice; tell them "
					       "apart with 'as: NAME'",
					       w->label);
	}
	return 0;
}

static int find_baseline(struct reader *r, struct yml_node *n, struct err *e)
{
	struct study *s = r->s;
	const char *text;

	if (yml_text(n, &text, e))
		return -1;
	for (size_t i = 0; i < s->nstages; i++) {
		char number[16];

		snprintf(number, sizeof(number), "%d", s->stages[i].idx);
		if (strcmp(text, s->stages[i].name) && strcmp(text, number))
			continue;
		s->baseline = s->stages[i].idx;
		return 0;
	}
	return yml_err(n, e,
		       "'%s' is neither the number nor the name of a "
		       "stage that this study measures",
		       text);
}

static int read_compare(struct reader *r, struct err *e)
{
	static const char *const keys[] = {"baseline", "min_effect", "confirm",
					   "aa", "limits"};
	struct yml_node *map = yml_get(r->root, "compare"), *n;

	r->s->baseline = r->s->stages[0].idx;
	r->s->min_effect = 0.01;
	if (!map)
		return rules_read_compare(NULL, r->s, e);
	if (yml_expect(map, YML_MAP, e))
		return -1;
	n = yml_get(map, "baseline");
	if (n && find_baseline(r, n, e))
		return -1;
	n = yml_get(map, "min_effect");
	if (n && yml_fraction(n, &r->s->min_effect, e))
		return -1;
	if (rules_read_compare(map, r->s, e))
		return -1;
	return yml_check_unused(map, keys, COUNT(keys), e);
}

static int read_harmless(struct reader *r, struct err *e)
{
	struct yml_node *list = yml_get(r->root, "harmless");
	const char *pattern;

	if (!list)
		return 0;
	if (yml_expect(list, YML_LIST, e))
		return -1;
	for (size_t i = 0; i < list->n; i++) {
		struct err why;

		if (yml_text(list->at[i], &pattern, e))
			return -1;
		if (!*pattern)
			return yml_err(list->at[i], e,
				       "an empty pattern fits every finding");
		if (console_check_pattern(pattern, &why))
			return yml_err(list->at[i], e, "%s", why.text);
		strv_add_new(&r->s->harmless, pattern);
	}
	return 0;
}

static int read_name(struct reader *r, struct err *e)
{
	struct yml_node *n;
	const char *name;

	if (yml_need(r->root, "study", &n, e) || yml_text(n, &name, e))
		return -1;
	if (!word_ok(name))
		return yml_err(n, e,
			       "'%s' is not a study's name: letters, "
			       "digits and ._+- only",
			       name);
	if (!strcmp(name, "index.html"))
		return yml_err(n, e,
			       "'%s' cannot be a study's name: the lab's "
			       "reports have a page of that name",
			       name);
	r->s->name = xstrdup(name);
	return 0;
}

/* Prebuilt kernels are what they are. */
static int as_shipped(struct reader *r, struct err *e)
{
	static const char *const keys[] = {"configs", "toolchain"};
	struct study *s = r->s;

	for (size_t i = 0; i < COUNT(keys); i++) {
		struct yml_node *n = yml_get(r->root, keys[i]);

		if (n)
			return yml_err(n, e,
				       "needs a source that is built (git, "
				       "tarball, debian-source); %s has "
				       "kernels as they are",
				       source_word(s->source.kind));
	}
	s->configs = xcalloc(1, sizeof(*s->configs));
	s->configs[s->nconfigs++] = (struct kconfig){
		.name = xstrdup(CONFIG_AS_SHIPPED), .line = s->source.line};
	return 0;
}

static int read_configs(struct reader *r, struct err *e)
{
	struct study *s = r->s;

	if (!source_is_built(&s->source))
		return as_shipped(r, e);
	if (configs_read(r->root, r->dir, r->share, &s->configs, &s->nconfigs,
			 e))
		return -1;
	return toolchain_read(r->root, &s->tools, e);
}

static bool is_set(const struct kconfig *c, const char *option)
{
	for (size_t i = 0; i < c->nset; i++)
		if (!strcmp(c->set[i].option, option))
			return true;
	return false;
}

/* What a workload needs becomes a wish like those of `set`, which win. */
static void merge_option(struct kconfig *c, const char *need, int line)
{
	size_t len = strcspn(need, "=");
	char *option = xstrndup(need, len);

	if (is_set(c, option)) {
		free(option);
		return;
	}
	c->set = xrealloc(c->set, (c->nset + 1) * sizeof(*c->set));
	c->set[c->nset++] = (struct kconfig_set){
		option, xstrdup(need[len] ? need + len + 1 : "y"), line};
}

static int merge_needs(struct reader *r, struct err *e)
{
	struct yml_node *n = yml_get(r->root, "merge_needs");
	struct study *s = r->s;
	bool wanted = false;

	if (!n)
		return 0;
	if (yml_bool(n, &wanted, e))
		return -1;
	if (wanted && !source_is_built(&s->source))
		return yml_err(n, e,
			       "prebuilt kernels have the config that they "
			       "have");
	for (size_t c = 0; wanted && c < s->nconfigs; c++)
		for (size_t w = 0; w < s->nworkloads; w++) {
			const struct needs *needs = &s->workloads[w]->needs;

			for (size_t i = 0; i < needs->options.n; i++)
				merge_option(&s->configs[c],
					     needs->options.v[i], n->line);
		}
	return 0;
}

static int read_study(struct reader *r, struct err *e)
{
	if (yml_expect(r->root, YML_MAP, e) || read_name(r, e) ||
	    source_read(r->root, r->dir, &r->s->source, &r->s->stages,
			&r->s->nstages, e) ||
	    read_selection(r, e) || read_configs(r, e) || read_machines(r, e) ||
	    read_workloads(r, e) || merge_needs(r, e) ||
	    rules_read_boots(r->root, &r->s->rules, e) || read_compare(r, e) ||
	    read_harmless(r, e) ||
	    yml_check_unused(r->root, known, COUNT(known), e))
		return -1;
	if (study_boots_max(r->s) > CELLS_MAX)
		return yml_err(r->root, e,
			       "%zu boots are more than klab "
			       "plans in one study (%d)",
			       study_boots_max(r->s), CELLS_MAX);
	return 0;
}

/* `demo` for configs/studies/demo.yaml. */
static char *study_path(const char *path, const char *share)
{
	if (strchr(path, '/') || file_exists(path))
		return xstrdup(path);
	return xasprintf("%s/configs/studies/%s%s", share, path,
			 str_ends(path, ".yaml") ? "" : ".yaml");
}

static char *folder_of(const char *path)
{
	char *real = realpath(path, NULL);
	char *copy = real ? real : xstrdup(path);
	char *dir = xstrdup(dirname(copy));

	free(copy);
	return dir;
}

int study_load(const char *path, const char *share, struct study **out,
	       struct err *e)
{
	struct reader r = {.share = share};
	struct study *s = xcalloc(1, sizeof(*s));
	struct str text = STR_INIT;
	struct yml_doc *doc = NULL;
	int ret;

	r.s = s;
	s->path = study_path(path, share);
	r.dir = folder_of(s->path);
	if (!str_is_utf8(s->path) || !str_is_utf8(r.dir))
		ret = err_user(e,
			       "'%s': the path is not UTF-8, which the lab's "
			       "records are",
			       s->path);
	else
		ret = file_read(s->path, 1 << 20, &text, e);
	if (ret)
		e->kind = ERR_USER;
	else
		ret = yml_parse(s->path, text.buf, text.len, &doc, e);
	s->text = str_detach(&text);
	if (!ret) {
		r.root = yml_root(doc);
		ret = read_study(&r, e);
	}
	yml_free(doc);
	free(r.dir);
	if (ret)
		study_free(s);
	else
		*out = s;
	return ret;
}

void study_free(struct study *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nstages; i++)
		stage_release(&s->stages[i]);
	for (size_t i = 0; i < s->nmachines; i++)
		machine_free(s->machines[i]);
	for (size_t i = 0; i < s->nworkloads; i++)
		workload_free(s->workloads[i]);
	for (size_t i = 0; i < s->nconfigs; i++)
		kconfig_release(&s->configs[i]);
	source_release(&s->source);
	toolchain_release(&s->tools);
	strv_release(&s->harmless);
	rules_release(&s->rules);
	free(s->stages);
	free(s->configs);
	free(s->machines);
	free(s->workloads);
	free(s->name);
	free(s->path);
	free(s->text);
	free(s);
}

/* Cells of one kernel. */
static size_t cells_of_kernel(const struct study *s)
{
	return s->nmachines * s->nworkloads;
}

size_t study_cell_boots(const struct study *s, size_t stage)
{
	return (size_t)s->rules.min +
	       (s->stages[stage].idx == s->baseline ? (size_t)s->rules.aa : 0);
}

size_t study_kernel_boots(const struct study *s, size_t stage)
{
	return cells_of_kernel(s) * study_cell_boots(s, stage);
}

size_t study_boots(const struct study *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nstages; i++)
		n += s->nconfigs * study_kernel_boots(s, i);
	return n;
}

size_t study_boots_max(const struct study *s)
{
	return study_boots(s) + s->rules.budget +
	       s->nstages * s->nconfigs * cells_of_kernel(s) *
		       (size_t)(s->rules.max - s->rules.min);
}
