#include "study/rules.h"

#include "base/err.h"
#include "base/str.h"
#include "base/yml.h"
#include "study/study.h"

#include <jansson.h>
#include <math.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define BOOTS_USUAL 5

/* ---- boots ---- */

static int read_adaptive(struct yml_node *map, struct rules *r, struct err *e)
{
	static const char *const keys[] = {"min", "max", "until"};
	struct yml_node *from, *to, *until;
	long long min, max;

	if (yml_need(map, "min", &from, e) || yml_need(map, "max", &to, e) ||
	    yml_int(from, 1, BOOTS_MAX, &min, e) ||
	    yml_int(to, 1, BOOTS_MAX, &max, e))
		return -1;
	if (min > max)
		return yml_err(to, e, "%lld is less than min, %lld", max, min);
	until = yml_get(map, "until");
	if (until && yml_fraction(until, &r->until, e))
		return -1;
	if (until && r->until <= 0)
		return yml_err(until, e,
			       "no number of boots makes an interval that "
			       "narrow; 1%% is a good start");
	if (until && min == max)
		return yml_err(until, e,
			       "needs boots to add: a max above min, %lld",
			       min);
	r->min = (int)min;
	r->max = (int)max;
	return yml_check_unused(map, keys, COUNT(keys), e);
}

int rules_read_boots(struct yml_node *root, struct rules *r, struct err *e)
{
	struct yml_node *n = yml_get(root, "boots");
	long long boots = BOOTS_USUAL;

	if (n && n->kind == YML_MAP)
		return read_adaptive(n, r, e);
	if (n && n->kind == YML_LIST)
		return yml_err(n, e,
			       "is a number, or {min: N, max: N, until: 1%%}");
	if (n && yml_int(n, 1, BOOTS_MAX, &boots, e))
		return -1;
	r->min = r->max = (int)boots;
	return 0;
}

int rules_next_look(const struct rules *r, int n)
{
	int next = (int)ceil(1.6 * n);

	if (next <= n)
		next = n + 1;
	return next < r->max ? next : r->max;
}

/* ---- compare ---- */

static int read_confirm(struct yml_node *map, struct study *s, struct err *e)
{
	struct yml_node *n = yml_get(map, "confirm");
	struct rules *r = &s->rules;
	struct err unused;
	long long most;

	if (!n || (n->kind == YML_SCALAR && !yml_bool(n, &r->confirm, &unused)))
		return 0;
	if (n->kind != YML_SCALAR ||
	    !str_to_ll(n->text, 1, BOOTS_MAX * 100, &most))
		return yml_err(n, e,
			       "'%s' is neither yes nor no nor the number of "
			       "boots for it, from 1 to %d",
			       n->kind == YML_SCALAR ? n->text : "",
			       BOOTS_MAX * 100);
	r->confirm = true;
	r->budget = (size_t)most;
	return 0;
}

static bool has_metric(const struct workload *w, const char *name)
{
	for (size_t i = 0; i < w->nmetrics; i++)
		if (!strcmp(w->metrics[i].name, name))
			return true;
	return false;
}

/* Is there such a metric?  key is WORKLOAD/METRIC. */
static int find_metric(const struct yml_node *n, const struct study *s,
		       struct err *e)
{
	const char *slash = strchr(n->key, '/');
	size_t len = slash ? (size_t)(slash - n->key) : 0;

	if (!slash)
		return yml_err(n, e,
			       "is not of the form WORKLOAD/METRIC, such as "
			       "cyclictest/max");
	for (size_t i = 0; i < s->nworkloads; i++) {
		const struct workload *w = s->workloads[i];

		if (strlen(w->label) != len || strncmp(w->label, n->key, len))
			continue;
		if (has_metric(w, slash + 1))
			return 0;
		return yml_err(n, e, "workload '%s' has no metric '%s'",
			       w->label, slash + 1);
	}
	return yml_err(n, e, "this study has no workload '%.*s'", (int)len,
		       n->key);
}

static int read_limit(struct yml_node *n, const struct study *s,
		      struct limit *limit, struct err *e)
{
	const char *text;
	char *end;

	if (find_metric(n, s, e) || yml_text(n, &text, e))
		return -1;
	limit->value = strtod(text, &end);
	if (end == text || *end || !isfinite(limit->value) || limit->value < 0)
		return yml_err(n, e,
			       "'%s' is not a number of the metric's unit, "
			       "from 0 on",
			       text);
	limit->name = xstrdup(n->key);
	return 0;
}

static int read_limits(struct yml_node *map, struct study *s, struct err *e)
{
	struct yml_node *limits = yml_get(map, "limits");
	struct rules *r = &s->rules;

	if (!limits)
		return 0;
	if (yml_expect(limits, YML_MAP, e))
		return -1;
	r->limits = xcalloc(limits->n, sizeof(*r->limits));
	for (size_t i = 0; i < limits->n; i++) {
		if (read_limit(limits->at[i], s, &r->limits[i], e))
			return -1;
		r->nlimits++;
	}
	return 0;
}

int rules_read_compare(struct yml_node *compare, struct study *s, struct err *e)
{
	struct rules *r = &s->rules;
	long long aa = 0;

	r->confirm = true;
	if (compare && (yml_opt_int(compare, "aa", 0, BOOTS_MAX, &aa, e) ||
			read_limits(compare, s, e)))
		return -1;
	r->aa = (int)aa;
	if (compare && read_confirm(compare, s, e))
		return -1;
	if (r->confirm && !r->budget)
		r->budget = study_boots_max(s);
	return 0;
}

void rules_release(struct rules *r)
{
	for (size_t i = 0; i < r->nlimits; i++)
		free(r->limits[i].name);
	free(r->limits);
	*r = (struct rules){0};
}

char *rules_text(const struct rules *r)
{
	json_t *limits = json_object(), *o;
	char *text;

	for (size_t i = 0; i < r->nlimits; i++)
		json_object_set_new(limits, r->limits[i].name,
				    json_real(r->limits[i].value));
	o = json_pack("{s:i, s:i, s:o, s:b, s:I, s:i, s:o}", "min", r->min,
		      "max", r->max, "until",
		      r->until > 0 ? json_real(r->until) : json_null(),
		      "confirm", r->confirm, "budget", (json_int_t)r->budget,
		      "aa", r->aa, "limits", limits);
	BUG(!o);
	text = json_dumps(o, JSON_COMPACT);
	BUG(!text);
	json_decref(o);
	return text;
}
