/* The search's own structures as lines of the record: see journal.h. */
#include "bisect/journal.h"

#include "base/err.h"
#include "base/str.h"

#include <errno.h>
#include <math.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const char *const verdicts[] = {
	[BISECT_RUN] = "run",     [BISECT_FOUND] = "found",
	[BISECT_RANGE] = "range", [BISECT_NO_STEP] = "no-step",
	[BISECT_ENDS] = "ends",   [BISECT_GAVE_UP] = "gave-up",
};

static const char *const whys[] = {
	[BISECT_WHY_NONE] = "",
	[BISECT_WHY_CALIBRATE] = "calibrate",
	[BISECT_WHY_SEARCH] = "search",
	[BISECT_WHY_WEAK] = "weak",
	[BISECT_WHY_INFRA] = "infra",
	[BISECT_WHY_DOUBT] = "doubt",
	[BISECT_WHY_SAME_CODE] = "same-code",
	[BISECT_WHY_EQUAL] = "equal",
	[BISECT_WHY_SMALL] = "small",
	[BISECT_WHY_SWAPPED] = "swapped",
	[BISECT_WHY_BOTH_BAD] = "both-bad",
	[BISECT_WHY_BOTH_GOOD] = "both-good",
	[BISECT_WHY_END] = "end",
	[BISECT_WHY_NOBODY] = "nobody",
	[BISECT_WHY_DRIFT] = "drift",
	[BISECT_WHY_TWO_STEPS] = "two-steps",
	[BISECT_WHY_BUDGET] = "budget",
};

static const char *const whats[] = {
	[BISECT_VALUE] = "value",
	[BISECT_GOOD] = "good",
	[BISECT_BAD] = "bad",
	[BISECT_BUILT] = "built",
	[BISECT_UNTESTABLE] = "untestable",
	[BISECT_INFRA] = "infra",
};

const char *bisect_verdict_word(enum bisect_verdict v)
{
	return verdicts[v];
}

const char *bisect_why_word(enum bisect_why w)
{
	return whys[w];
}

const char *bisect_what_word(enum bisect_what w)
{
	return whats[w];
}

/* ---- numbers of 64 bits, which JSON has no safe place for ---- */

static json_t *put_id(uint64_t id)
{
	return json_sprintf("%016llx", (unsigned long long)id);
}

static uint64_t get_id(const json_t *o)
{
	const char *text = json_string_value(json_object_get(o, "identity"));

	return text ? strtoull(text, NULL, 16) : 0;
}

static double get(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

/* ---- the setup ---- */

static const char *mode_word(enum bisect_mode m)
{
	return m == BISECT_EXACT ? "exact" : "noisy";
}

void journal_put_setup(json_t *line, const struct bisect_setup *set)
{
	json_t *kernels = json_object_get(line, "kernels");
	json_t *search = json_pack(
		"{s:s, s:s, s:f, s:i, s:f, s:i, s:f, s:i, s:f}", "kind",
		set->kind == BISECT_METRIC ? "metric" : "break", "mode",
		mode_word(set->mode), "min_effect", set->min_effect,
		"direction", set->direction, "spread", set->spread, "spread_df",
		set->spread_df, "stop", set->stop, "max_runs", set->max_runs,
		"max_s", set->max_s);

	for (int k = 0; k <= set->n; k++) {
		const struct bisect_kernel *b = &set->kernels[k];
		json_t *o = json_array_get(kernels, (size_t)k);

		json_object_set_new(o, "weight", json_real(b->weight));
		json_object_set_new(o, "identity", put_id(b->identity));
		json_object_set_new(o, "build_s", json_real(b->build_s));
		json_object_set_new(o, "run_s", json_real(b->run_s));
		json_object_set_new(o, "built", json_boolean(b->built));
	}
	json_object_set_new(line, "search", search);
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
	return word && (!strcmp(word, a) || !strcmp(word, b));
}

static int check_version(const json_t *line, struct err *e)
{
	const json_t *version = json_object_get(line, "version");
	json_int_t is = json_integer_value(version);

	if (!version || is == JOURNAL_VERSION)
		return 0;
	return err_user(e,
			"the record is of version %lld, and this klab reads "
			"version %d: use the klab that wrote it",
			(long long)is, JOURNAL_VERSION);
}

int journal_setup(const json_t *line, struct bisect_setup *set,
		  struct bisect_kernel **kernels, struct err *e)
{
	const json_t *search = json_object_get(line, "search");
	const json_t *list = json_object_get(line, "kernels"), *o;
	const char *kind = json_string_value(json_object_get(search, "kind"));
	const char *mode = json_string_value(json_object_get(search, "mode"));
	size_t k, n = json_array_size(list);

	if (check_version(line, e))
		return -EINVAL;
	if (!is_one_of(kind, "metric", "break") ||
	    !is_one_of(mode, "exact", "noisy") || n < 2 || n > INT32_MAX)
		return err_user(e, "the setup of the bisect is not complete");
	*kernels = xcalloc(n, sizeof(**kernels));
	json_array_foreach(list, k, o)
	{
		(*kernels)[k] = (struct bisect_kernel){
			.weight = get(o, "weight"),
			.identity = get_id(o),
			.build_s = get(o, "build_s"),
			.run_s = get(o, "run_s"),
			.built = json_is_true(json_object_get(o, "built"))};
	}
	*set = (struct bisect_setup){
		.n = (int)n - 1,
		.kernels = *kernels,
		.kind = strcmp(kind, "metric") ? BISECT_BREAK : BISECT_METRIC,
		.mode = strcmp(mode, "exact") ? BISECT_NOISY : BISECT_EXACT,
		.min_effect = get(search, "min_effect"),
		.direction = (int)get(search, "direction"),
		.spread = get(search, "spread"),
		.spread_df = (int)get(search, "spread_df"),
		.stop = get(search, "stop"),
		.max_runs = (int)get(search, "max_runs"),
		.max_s = get(search, "max_s")};
	return 0;
}

/* ---- events ---- */

json_t *journal_put_event(const struct bisect_event *ev)
{
	json_t *o = json_pack("{s:s, s:i, s:s}", "t", "event", "kernel",
			      ev->kernel, "what", whats[ev->what]);

	if (ev->what == BISECT_VALUE)
		json_object_set_new(o, "value", json_real(ev->value));
	if (ev->what == BISECT_BUILT)
		json_object_set_new(o, "identity", put_id(ev->identity));
	return o;
}

int journal_event(const json_t *line, struct bisect_event *ev, struct err *e)
{
	const char *what = json_string_value(json_object_get(line, "what"));
	const json_t *at = json_object_get(line, "kernel");
	json_int_t kernel = json_integer_value(at);

	if (!json_is_integer(at) || kernel < 0 || kernel > INT32_MAX)
		return err_user(e, "an event has no kernel");
	*ev = (struct bisect_event){.kernel = (int)kernel,
				    .value = get(line, "value"),
				    .identity = get_id(line)};
	for (size_t i = 0; what && i < COUNT(whats); i++) {
		if (strcmp(what, whats[i]))
			continue;
		ev->what = (enum bisect_what)i;
		return 0;
	}
	return err_user(e, "'%s' is nothing that is seen of a kernel",
			what ? what : "");
}

/* ---- steps ---- */

/* Only what weighs: a thousand patches have a line each otherwise. */
static json_t *put_posterior(const double *posterior, int n)
{
	json_t *list = json_array();

	for (int c = 0; c <= n; c++)
		if (posterior[c] >= 1e-4)
			json_array_append_new(
				list, json_pack("[i, f]", c, posterior[c]));
	return list;
}

/* What is not a number is no JSON. */
static void put_number(json_t *o, const char *key, double value)
{
	if (isfinite(value))
		json_object_set_new(o, key, json_real(value));
}

json_t *journal_put_step(const struct bisect_step *s, const double *posterior,
			 int n)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "t", "step", "verdict",
			      verdicts[s->verdict], "why", whys[s->why], "mode",
			      mode_word(s->mode));

	if (s->verdict == BISECT_RUN)
		json_object_set_new(o, "kernel", json_integer(s->kernel));
	json_object_set_new(o, "first", json_integer(s->first));
	json_object_set_new(o, "last", json_integer(s->last));
	put_number(o, "probability", s->posterior);
	put_number(o, "good", s->good);
	put_number(o, "bad", s->bad);
	put_number(o, "spread", s->spread);
	put_number(o, "effect", s->effect);
	put_number(o, "low", s->low);
	put_number(o, "high", s->high);
	json_object_set_new(o, "runs", json_integer(s->runs));
	json_object_set_new(o, "built", json_integer(s->kernels));
	put_number(o, "cost_s", s->cost_s);
	json_object_set_new(o, "posterior", put_posterior(posterior, n));
	return o;
}
