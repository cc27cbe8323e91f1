/* What came of a hunt: as a line of the record, and as a sentence. */
#include "bisect/hunt_int.h"

#include "bisect/confirm.h"
#include "bisect/gitlog.h"

#include <errno.h>
#include <math.h>

/* ---- the result ---- */

/* What patches of a series are as commits is klab's own affair. */
static json_t *patch_json(const struct hunt *h, int k)
{
	const json_t *setup = journal_find(&h->j, "setup");
	const json_t *at =
		json_array_get(json_object_get(setup, "kernels"), (size_t)k);
	bool range = json_is_true(json_object_get(setup, "range"));

	return json_pack("{s:i, s:O*, s:O*, s:O*}", "patch", k, "stage",
			 json_object_get(at, "stage"), "subject",
			 json_object_get(at, "subject"), "commit",
			 range ? json_object_get(at, "commit") : NULL);
}

static json_t *effect_json(const struct hunt *h)
{
	const struct bisect_step *s = &h->step;

	if (h->c->kind != CRITERION_METRIC)
		return json_pack("{s:f, s:f}", "good", s->good, "bad", s->bad);
	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:s}", "change",
			 expm1(s->effect), "low", expm1(s->low), "high",
			 expm1(s->high), "good", exp(s->good), "bad",
			 exp(s->bad), "unit", h->c->unit);
}

/* ---- what is no single step ---- */

/* Logs of values of the kernels first to last; freed by the caller. */
static double *values_of(const struct hunt *h, int first, int last, int *n)
{
	size_t most = json_array_size(h->j.lines), i;
	double *y = xcalloc(most, sizeof(*y));
	const json_t *line;

	*n = 0;
	json_array_foreach(h->j.lines, i, line)
	{
		struct bisect_event ev;
		struct err ignored;

		if (journal_is(line, "event") &&
		    !journal_event(line, &ev, &ignored) &&
		    ev.what == BISECT_VALUE && ev.kernel >= first &&
		    ev.kernel <= last)
			y[(*n)++] = ev.value;
	}
	return y;
}

static double mean_of(const double *y, int n)
{
	double mean = 0;

	for (int i = 0; i < n; i++)
		mean += y[i] / n;
	return mean;
}

/* Between the kernels a..b and c..d, by their boots alone; NULL if there are
 * too few. */
static json_t *difference(const struct hunt *h, int a, int b, int c, int d)
{
	int few, many;
	double *good = values_of(h, a, b, &few);
	double *bad = values_of(h, c, d, &many);
	json_t *o = NULL;

	if (few > 1 && many > 1) {
		struct confirm v;

		confirm_values(&h->set, &h->step, bad, many, good, few, &v);
		o = json_pack("{s:f, s:f, s:f, s:f, s:f, s:s}", "change",
			      expm1(v.change), "low", expm1(v.low), "high",
			      expm1(v.high), "good", exp(v.parent), "bad",
			      exp(v.culprit), "unit", h->c->unit);
	}
	free(good);
	free(bad);
	return o;
}

double hunt_effect(const struct hunt *h)
{
	double effect = h->step.effect;
	int few, many;
	double *good = values_of(h, 0, 0, &few);
	double *bad = values_of(h, h->n, h->n, &many);

	if (h->step.verdict == BISECT_NO_STEP && few && many)
		effect = mean_of(bad, many) - mean_of(good, few);
	free(good);
	free(bad);
	return effect;
}

/* The levels of one step say nothing then: the effect is that of the ends, and
 * of two steps each has its own. */
static void put_effects(const struct hunt *h, json_t *o)
{
	const struct bisect_step *s = &h->step;
	int a = s->first, b = s->last;
	json_t *ends;

	json_object_set_new(o, "effect", effect_json(h));
	if (s->verdict != BISECT_NO_STEP || h->c->kind != CRITERION_METRIC)
		return;
	ends = difference(h, 0, 0, h->n, h->n);
	if (ends)
		json_object_set_new(o, "effect", ends);
	if (s->why != BISECT_WHY_TWO_STEPS)
		return;
	json_object_set_new(o, "steps",
			    json_pack("[o?, o?]",
				      difference(h, 0, a - 1, a, b - 1),
				      difference(h, a, b - 1, b, h->n)));
}

/* ---- the cost ---- */

static void add_key(json_t **set, const char *key)
{
	if (!*set)
		*set = json_object();
	json_object_set_new(*set, key, json_true());
}

/* One that was killed may have a boot twice. */
static void add_line(struct hunt_cost *cost, const json_t *kernels,
		     const json_t *line)
{
	const char *boot = json_string_value(json_object_get(line, "boot"));
	const json_t *at = json_object_get(line, "kernel");
	const char *request = json_string_value(json_object_get(
		json_array_get(kernels, (size_t)json_integer_value(at)),
		"request"));
	bool fresh = journal_is(line, "confirm");

	if (at && request && journal_is(line, "event"))
		add_key(&cost->kernels, request);
	if (!boot || !*boot)
		return;
	if (!json_object_get(cost->boots, boot) &&
	    !json_object_get(cost->fresh, boot))
		cost->wall_s +=
			json_number_value(json_object_get(line, "wall_s"));
	add_key(fresh ? &cost->fresh : &cost->boots, boot);
}

void hunt_cost_add(struct hunt_cost *cost, const struct journal *j)
{
	const json_t *kernels =
		json_object_get(journal_find(j, "setup"), "kernels");
	const json_t *line;
	size_t i;

	json_array_foreach(j->lines, i, line) add_line(cost, kernels, line);
}

void hunt_cost_kernel(struct hunt_cost *cost, const char *request)
{
	add_key(&cost->kernels, request);
}

void hunt_cost_release(struct hunt_cost *cost)
{
	json_decref(cost->boots);
	json_decref(cost->fresh);
	json_decref(cost->kernels);
	*cost = (struct hunt_cost){0};
}

/* Could nothing between the ends be tested? */
static bool is_blind(const struct hunt *h)
{
	return h->step.verdict == BISECT_RANGE && h->step.first == 1 &&
	       h->step.last == h->n;
}

static bool is_found(const struct hunt *h)
{
	return h->step.verdict == BISECT_FOUND ||
	       h->step.verdict == BISECT_RANGE;
}

static int code_of(const struct hunt *h)
{
	const json_t *confirmed = json_object_get(h->confirmation, "confirmed");

	if (is_blind(h))
		return ERR_KERNEL;
	if (h->step.verdict == BISECT_GAVE_UP &&
	    h->step.why == BISECT_WHY_INFRA)
		return ERR_LAB;
	if (!is_found(h) && !json_is_true(json_object_get(h->more, "enough")))
		return 1;
	if (confirmed ? !json_is_true(confirmed)
		      : is_found(h) && h->c->kind != CRITERION_BUILD)
		return 1;
	/* Of configs: is it enough alone? */
	return json_is_false(json_object_get(h->more, "enough"));
}

/* What says that candidates are configs. */
static void copy_keys(const json_t *setup, json_t *o)
{
	static const char *const keys[] = {"axis", "between", "at"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		json_t *value = json_object_get(setup, keys[i]);

		if (value)
			json_object_set(o, keys[i], value);
	}
}

int hunt_conclude(struct hunt *h, struct err *e)
{
	const struct bisect_step *s = &h->step;
	const json_t *setup = journal_find(&h->j, "setup");
	struct hunt_cost alone = {0}, *cost = h->cost ? h->cost : &alone;
	int kernels = s->kernels;
	json_t *o;

	hunt_cost_add(cost, &h->j);
	if (h->cost)
		kernels = (int)json_object_size(cost->kernels);
	o = json_pack(
		"{s:s, s:s, s:s, s:O, s:O, s:O, s:O, s:O, s:f, s:O*, s:i, s:i, "
		"s:i, s:f, s:s, s:i}",
		"t", "result", "verdict", bisect_verdict_word(s->verdict),
		"why", bisect_why_word(s->why), "name",
		json_object_get(setup, "name"), "study",
		json_object_get(setup, "study"), "config",
		json_object_get(setup, "config"), "machine",
		json_object_get(setup, "machine"), "criterion",
		json_object_get(setup, "criterion"), "probability",
		isfinite(s->posterior) ? s->posterior : 0, "confirmation",
		h->confirmation, "boots", (int)json_object_size(cost->boots),
		"fresh_boots", (int)json_object_size(cost->fresh), "kernels",
		kernels, "boot_s", cost->wall_s, "record", h->j.path, "code",
		code_of(h));
	hunt_cost_release(&alone);
	json_object_set_new(o, "patches", json_integer(h->n));
	if (h->undo)
		json_object_set(o, "without", h->undo);
	if (h->more)
		json_object_update(o, h->more);
	copy_keys(setup, o);
	if (s->first >= 1) {
		json_object_set_new(o, "first", patch_json(h, s->first));
		json_object_set_new(o, "last", patch_json(h, s->last));
		put_effects(h, o);
	}
	h->result = json_incref(o);
	if (journal_add(&h->j, o, e))
		return -EIO;
	return gitlog_write(&h->j, e);
}

int hunt_code(const json_t *result)
{
	return (int)json_integer_value(json_object_get(result, "code"));
}
