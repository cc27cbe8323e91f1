#include "lab/round.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>

/* ---- values ---- */

static int get_text(const json_t *o, const char *key, const char **out,
		    struct err *e)
{
	*out = json_string_value(json_object_get(o, key));
	return *out ? 0 : err_lab(e, "'%s' is not a text", key);
}

static int get_int(const json_t *o, const char *key, int *out, struct err *e)
{
	const json_t *v = json_object_get(o, key);
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < 0 || n > INT_MAX)
		return err_lab(e, "'%s' is not a whole number", key);
	*out = (int)n;
	return 0;
}

static int opt_text(const json_t *o, const char *key, const char **out,
		    struct err *e)
{
	const json_t *v = json_object_get(o, key);

	*out = NULL;
	return !v || json_is_null(v) ? 0 : get_text(o, key, out, e);
}

static int opt_number(const json_t *o, const char *key, double *out,
		      struct err *e)
{
	const json_t *v = json_object_get(o, key);

	*out = NAN;
	if (!v || json_is_null(v))
		return 0;
	if (!json_is_number(v))
		return err_lab(e, "'%s' is not a number", key);
	*out = json_number_value(v);
	return 0;
}

/* ---- places ---- */

struct place {
	int stage; /* its number in the series */
	const char *config, *machine, *workload;
	unsigned cell;
};

static int unknown(const char *what, const char *name, struct err *e)
{
	return err_lab(e, "the study has no %s '%s'", what, name);
}

static int find_stage(const struct study *s, int idx, size_t *out,
		      struct err *e)
{
	for (*out = 0; *out < s->nstages; ++*out)
		if (s->stages[*out].idx == idx)
			return 0;
	return err_lab(e, "the study has no stage %d", idx);
}

static int find_config(const struct study *s, const char *name, size_t *out,
		       struct err *e)
{
	for (*out = 0; *out < s->nconfigs; ++*out)
		if (!strcmp(s->configs[*out].name, name))
			return 0;
	return unknown("config", name, e);
}

static int find_machine(const struct study *s, const char *name, size_t *out,
			struct err *e)
{
	for (*out = 0; *out < s->nmachines; ++*out)
		if (!strcmp(s->machines[*out]->name, name))
			return 0;
	return unknown("machine", name, e);
}

static int find_workload(const struct study *s, const char *label, size_t *out,
			 struct err *e)
{
	for (*out = 0; *out < s->nworkloads; ++*out)
		if (!strcmp(s->workloads[*out]->label, label))
			return 0;
	return unknown("workload", label, e);
}

static int read_place(const json_t *o, const struct study *s, struct place *p,
		      struct err *e)
{
	size_t stage, config, machine, workload;

	if (get_int(o, "stage", &p->stage, e) ||
	    get_text(o, "config", &p->config, e) ||
	    get_text(o, "machine", &p->machine, e) ||
	    get_text(o, "workload", &p->workload, e) ||
	    find_stage(s, p->stage, &stage, e) ||
	    find_config(s, p->config, &config, e) ||
	    find_machine(s, p->machine, &machine, e) ||
	    find_workload(s, p->workload, &workload, e))
		return -1;
	p->cell = matrix_cell_at(s, stage, config, machine, workload);
	return 0;
}

/* ---- boots ---- */

/* The seeds that a round may ask for are those of its role. */
static int check_seeds(const struct wish *w, const struct study *s,
		       struct err *e)
{
	bool sample = w->role == ROLE_SAMPLE;
	int from = sample ? 1 : SEED_CONFIRM + 1;
	int to = sample ? s->rules.max : SEED_CONFIRM + BOOTS_MAX;

	if (w->first >= from && w->first <= w->last && w->last <= to)
		return 0;
	return err_lab(e,
		       "seeds %d to %d are not of role '%s', which has %d to "
		       "%d",
		       w->first, w->last, cell_role_name(w->role), from, to);
}

static int read_wish(const json_t *o, const struct study *s, struct wish *w,
		     struct err *e)
{
	struct place p;
	const char *role;

	if (read_place(o, s, &p, e) || get_text(o, "role", &role, e) ||
	    get_int(o, "first", &w->first, e) ||
	    get_int(o, "last", &w->last, e))
		return -1;
	w->cell = p.cell;
	if (!strcmp(role, cell_role_name(ROLE_CONFIRM)))
		w->role = ROLE_CONFIRM;
	else if (!strcmp(role, cell_role_name(ROLE_SAMPLE)))
		w->role = ROLE_SAMPLE;
	else
		return err_lab(e, "'%s' is not a role to ask for", role);
	if (w->role == ROLE_CONFIRM && !s->rules.confirm)
		return err_lab(e, "the study wants no confirmation");
	return check_seeds(w, s, e);
}

/* ---- verdicts ---- */

static int read_verdict(const json_t *o, const struct study *s,
			struct db_verdict *v, struct err *e)
{
	struct place p;

	if (read_place(o, s, &p, e) || get_text(o, "metric", &v->metric, e) ||
	    get_text(o, "verdict", &v->verdict, e) ||
	    opt_text(o, "reason", &v->reason, e) ||
	    opt_text(o, "unit", &v->unit, e) ||
	    opt_text(o, "method", &v->method, e) ||
	    opt_number(o, "base", &v->base, e) ||
	    opt_number(o, "value", &v->value, e) ||
	    opt_number(o, "change", &v->change, e) ||
	    opt_number(o, "low", &v->low, e) ||
	    opt_number(o, "high", &v->high, e) ||
	    opt_number(o, "p", &v->p, e) || opt_number(o, "q", &v->q, e) ||
	    opt_number(o, "boots", &v->boots, e) ||
	    opt_number(o, "more_boots", &v->more_boots, e))
		return -1;
	v->stage = p.stage;
	v->config = p.config;
	v->machine = p.machine;
	v->workload = p.workload;
	return 0;
}

/* ---- the answer ---- */

static int get_list(const json_t *root, const char *key, const json_t **list,
		    struct err *e)
{
	*list = json_object_get(root, key);
	return json_is_array(*list) ? 0 : err_lab(e, "'%s' is not a list", key);
}

static int read_wishes(const json_t *list, const struct study *s,
		       struct round *r, struct err *e)
{
	const json_t *o;
	size_t i;

	r->wishes = xcalloc(json_array_size(list), sizeof(*r->wishes));
	json_array_foreach(list, i, o)
	{
		if (read_wish(o, s, &r->wishes[i], e)) {
			err_prefix(e, "entry %zu of 'boots'", i + 1);
			return -1;
		}
		r->nwishes++;
	}
	return 0;
}

static int read_verdicts(const json_t *list, const struct study *s,
			 struct round *r, struct err *e)
{
	const json_t *o;
	size_t i;

	r->verdicts = xcalloc(json_array_size(list), sizeof(*r->verdicts));
	json_array_foreach(list, i, o)
	{
		if (read_verdict(o, s, &r->verdicts[i], e)) {
			err_prefix(e, "entry %zu of 'verdicts'", i + 1);
			return -1;
		}
		r->nverdicts++;
	}
	return 0;
}

static int read_answer(const struct study *s, struct round *r, struct err *e)
{
	const json_t *boots, *verdicts;

	if (!json_is_object(r->json))
		return err_lab(e, "it is not an object");
	if (get_list(r->json, "boots", &boots, e) ||
	    get_list(r->json, "verdicts", &verdicts, e) ||
	    opt_text(r->json, "why", &r->why, e) ||
	    read_wishes(boots, s, r, e) || read_verdicts(verdicts, s, r, e))
		return -1;
	if (r->why && !*r->why)
		r->why = NULL;
	return 0;
}

int round_parse(const char *text, size_t len, const struct study *s,
		struct round *out, struct err *e)
{
	json_error_t why;
	int ret;

	*out = (struct round){0};
	out->json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!out->json && !len)
		ret = err_lab(e, "it is empty");
	else if (!out->json)
		ret = err_lab(e, "line %d: %s", why.line, why.text);
	else
		ret = read_answer(s, out, e);
	if (ret) {
		err_prefix(e, "the analysis gave an answer that klab does not "
			      "understand");
		round_release(out);
	}
	return ret;
}

void round_release(struct round *r)
{
	free(r->wishes);
	free(r->verdicts);
	json_decref(r->json);
	*r = (struct round){0};
}
