#include "bisect/criterion.h"

#include "base/str.h"
#include "study/study.h"

#include <errno.h>
#include <math.h>

static const struct {
	const char *word, *text;
} kinds[] = {
	[CRITERION_METRIC] = {"metric", "metric"},
	[CRITERION_ANY] = {"any", "broken"},
	[CRITERION_BUILD] = {"build", "does not build"},
	[CRITERION_BOOT] = {"boot", "does not boot"},
	[CRITERION_PANIC] = {"panic", "panics"},
	[CRITERION_HANG] = {"hang", "hangs"},
	[CRITERION_WORKLOAD] = {"workload", "the workload fails"},
	[CRITERION_SIGNATURE] = {"signature", "says"},
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

/* ---- options ---- */

static int take_broken(const char *word, struct criterion *c, struct err *e)
{
	c->kind = CRITERION_ANY;
	if (!*word)
		return 0;
	for (c->kind = CRITERION_BUILD; c->kind < CRITERION_SIGNATURE;
	     c->kind++)
		if (!strcmp(word, kinds[c->kind].word))
			return 0;
	if (strlen(word) != 16 || word[strspn(word, "0123456789abcdef")])
		return err_user(e,
				"'--broken=%s' is not build, boot, panic, hang "
				"or workload, and no finding's signature (16 "
				"hex digits, as the report shows them)",
				word);
	c->signature = xstrdup(word);
	return 0;
}

static const struct workload *find_workload(const struct study *s,
					    const char *label)
{
	for (size_t i = 0; i < s->nworkloads; i++)
		if (!strcmp(s->workloads[i]->label, label))
			return s->workloads[i];
	return NULL;
}

static void add_names(const struct study *s, struct str *out)
{
	for (size_t i = 0; i < s->nworkloads; i++)
		for (size_t k = 0; k < s->workloads[i]->nmetrics; k++)
			str_addf(out, "%s%s/%s", out->len ? ", " : "",
				 s->workloads[i]->label,
				 s->workloads[i]->metrics[k].name);
}

static int unknown_metric(const struct study *s, const char *name,
			  struct err *e)
{
	struct str known = STR_INIT;

	add_names(s, &known);
	err_user(e, "the study has no metric '%s'; it has %s", name,
		 known.len ? known.buf : "none");
	str_release(&known);
	return -EINVAL;
}

static int take_metric(const char *name, const struct study *s,
		       struct criterion *c, struct err *e)
{
	const char *slash = strrchr(name, '/');
	const struct workload *w = NULL;

	c->kind = CRITERION_METRIC;
	if (slash) {
		c->workload = xstrndup(name, (size_t)(slash - name));
		w = find_workload(s, c->workload);
	}
	for (size_t i = 0; w && i < w->nmetrics; i++) {
		const struct metric *m = &w->metrics[i];

		if (strcmp(m->name, slash + 1))
			continue;
		c->metric = xstrdup(m->name);
		c->unit = xstrdup(m->unit);
		c->direction = strcmp(m->better, "lower") ? -1 : 1;
		return 0;
	}
	return unknown_metric(s, name, e);
}

static int take_effect(const char *text, struct criterion *c, struct err *e)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || strcmp(end, "%") || !(value > 0) || value >= 100)
		return err_user(e,
				"'--min-effect %s' is not a percentage above "
				"0%% and below 100%%, like 1%%",
				text);
	c->min_effect = value / 100;
	return 0;
}

int criterion_parse(const char *broken, const char *metric,
		    const char *min_effect, const struct study *s,
		    struct criterion *c, struct err *e)
{
	int r = 0;

	*c = (struct criterion){.min_effect = s->min_effect};
	if (!broken == !metric)
		return err_user(e, "say what to look for: either --broken or "
				   "--metric WORKLOAD/METRIC");
	if (min_effect && broken)
		return err_user(e, "--min-effect goes with --metric");
	if (broken)
		r = take_broken(broken, c, e);
	else
		r = take_metric(metric, s, c, e);
	if (!r && min_effect)
		r = take_effect(min_effect, c, e);
	if (r)
		criterion_release(c);
	return r;
}

void criterion_release(struct criterion *c)
{
	free(c->signature);
	free(c->workload);
	free(c->metric);
	free(c->unit);
	*c = (struct criterion){0};
}

/* ---- as text ---- */

char *criterion_text(const struct criterion *c)
{
	if (c->kind == CRITERION_METRIC)
		return xasprintf("%s/%s, from %g %% on", c->workload, c->metric,
				 c->min_effect * 100);
	if (c->kind == CRITERION_SIGNATURE)
		return xasprintf("finding '%s'", c->signature);
	return xstrdup(kinds[c->kind].text);
}

char *criterion_amount(double value, const char *unit, bool instructions)
{
	static const char *const units[2][4] = {
		{"ns", "us", "ms", "s"},
		{"instr", "k instr", "M instr", "G instr"}};
	size_t i = 0;

	while (i < 4 && strcmp(unit, units[0][i]))
		i++;
	if (i == 4) {
		size_t per = str_ends(unit, "/s") && instructions ? 1 : 0;

		return xasprintf("%.6g %.*s%s", value,
				 (int)(strlen(unit) - per), unit,
				 per ? units[1][3] : "");
	}
	for (; i < 3 && fabs(value) >= 1000; i++)
		value /= 1000;
	return xasprintf("%.6g %s", value, units[instructions][i]);
}

json_t *criterion_json(const struct criterion *c)
{
	return json_pack("{s:s, s:s*, s:s*, s:s*, s:s*, s:s*, s:i, s:f}",
			 "kind", kinds[c->kind].word, "signature", c->signature,
			 "workload", c->workload, "metric", c->metric, "unit",
			 c->unit, "clock", c->instructions ? "exact" : NULL,
			 "direction", c->direction, "min_effect",
			 c->min_effect);
}

static char *text_at(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? xstrdup(text) : NULL;
}

bool criterion_from_json(const json_t *o, struct criterion *c)
{
	const char *word = json_string_value(json_object_get(o, "kind"));

	*c = (struct criterion){0};
	while (word && c->kind < KINDS && strcmp(word, kinds[c->kind].word))
		c->kind++;
	if (!word || c->kind == KINDS)
		return false;
	c->signature = text_at(o, "signature");
	c->workload = text_at(o, "workload");
	c->metric = text_at(o, "metric");
	c->unit = text_at(o, "unit");
	c->instructions = json_object_get(o, "clock") != NULL;
	c->direction = (int)json_integer_value(json_object_get(o, "direction"));
	c->min_effect = json_number_value(json_object_get(o, "min_effect"));
	if (c->kind == CRITERION_METRIC && c->workload && c->metric && c->unit)
		return true;
	if (c->kind == CRITERION_SIGNATURE && c->signature)
		return true;
	if (c->kind != CRITERION_METRIC && c->kind != CRITERION_SIGNATURE)
		return true;
	criterion_release(c);
	return false;
}
