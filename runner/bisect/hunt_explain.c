/* Why there is nothing to search: one sentence, with the numbers and what to do
 * about it. */
#include "bisect/hunt_int.h"

#include <math.h>

/* What to do, of patches and of configs. */
#define ENDS "give other ends with --good and --bad"
#define OTHERS "compare other configs"

/* What was said last of a kernel, and whether its boot ran. */
static const char *last_word(const struct hunt *h, int k, bool *ran)
{
	const char *text = "no reason is known";
	const json_t *line;
	size_t i;

	json_array_foreach(h->j.lines, i, line)
	{
		const json_t *at = json_object_get(line, "kernel");
		const char *says =
			json_string_value(json_object_get(line, "says"));

		if (says && at && json_integer_value(at) == k) {
			text = says;
			*ran = json_is_true(json_object_get(line, "ran"));
		}
	}
	return text;
}

/* Boots of a kernel that were judged, and those of them that are bad. */
static int count_judged(const struct hunt *h, int k, int *bad)
{
	const json_t *line;
	int n = 0;
	size_t i;

	*bad = 0;
	json_array_foreach(h->j.lines, i, line)
	{
		const char *what =
			json_string_value(json_object_get(line, "what"));
		const json_t *at = json_object_get(line, "kernel");
		bool is_bad = what && !strcmp(what, "bad");

		if (!what || !at || json_integer_value(at) != k ||
		    !(is_bad || !strcmp(what, "good")))
			continue;
		n++;
		*bad += is_bad;
	}
	return n;
}

static void explain_levels(struct hunt *h, const char *good, const char *bad)
{
	const struct bisect_step *s = &h->step;
	bool swapped = s->why == BISECT_WHY_SWAPPED;
	char *is_good =
		criterion_amount(exp(s->good), h->c->unit, h->c->instructions);
	char *is_bad =
		criterion_amount(exp(s->bad), h->c->unit, h->c->instructions);
	char advice[160];

	snprintf(advice, sizeof(advice),
		 "a change of %g %% or more is looked for: %s",
		 100 * h->c->min_effect,
		 hunt_either(h,
			     "if it lies outside, give an earlier --good or "
			     "a later --bad",
			     OTHERS));
	err_user(&h->why,
		 "%s: %s/%s is %s at %s and %s at %s, a change of %+.2f %% "
		 "(95 %%: %+.2f to %+.2f %%) after %d boots; %s",
		 swapped ? "the ends are swapped"
			 : "the ends do not differ enough",
		 h->c->workload, h->c->metric, is_good, good, is_bad, bad,
		 100 * expm1(s->effect), 100 * expm1(s->low),
		 100 * expm1(s->high), s->runs,
		 swapped ? "that is for the better, and klab finds what made "
			   "it worse: choose other ends"
			 : advice);
	free(is_good);
	free(is_bad);
}

static void explain_breaks(struct hunt *h, const char *good, const char *bad)
{
	char *what = criterion_text(h->c);
	bool ignored = false;
	int good_bad, bad_bad;
	int ngood = count_judged(h, 0, &good_bad);
	int nbad = count_judged(h, h->n, &bad_bad);

	if (h->step.why == BISECT_WHY_SWAPPED)
		err_user(&h->why,
			 "the ends are swapped: the good one, %s, is broken so "
			 "(%s) in %d of %d boots, and the bad one, %s, in %d "
			 "of %d; klab finds what broke it: choose other ends",
			 good, what, good_bad, ngood, bad, bad_bad, nbad);
	else if (h->step.why == BISECT_WHY_BOTH_BAD)
		err_user(&h->why,
			 "the good end, %s, is broken as well (%s, in %d of %d "
			 "boots; the bad one in %d of %d): %s; %s",
			 good, what, good_bad, ngood, bad_bad, nbad,
			 last_word(h, 0, &ignored),
			 hunt_either(h, "give an earlier one with --good",
				     OTHERS));
	else
		err_user(&h->why,
			 "the bad end, %s, is not broken so (%s) in %d of %d "
			 "boots; %s",
			 bad, what, nbad - bad_bad, nbad,
			 hunt_either(h, "give a later one with --bad", OTHERS));
	free(what);
}

static void explain_untestable(struct hunt *h)
{
	const char *end = h->step.kernel ? "bad" : "good";
	char *stage = hunt_stage(h, h->step.kernel);
	bool ran = false;
	const char *why = last_word(h, h->step.kernel, &ran);

	(ran ? err_user : err_kernel)(
		&h->why, "the %s end, %s, says nothing of it: %s; %s%s%s", end,
		stage, why, hunt_either(h, "give another end with --", OTHERS),
		hunt_either(h, end, ""),
		h->c->kind != CRITERION_METRIC ? ", or look for that"
		: ran                          ? ", or another --metric"
		      : ", or look for that with --broken");
	free(stage);
}

int hunt_explain_ends(struct hunt *h, struct err *e)
{
	char *good = hunt_stage(h, 0), *bad = hunt_stage(h, h->n);

	if (h->step.why == BISECT_WHY_SAME_CODE)
		err_user(&h->why,
			 "%s and %s are the same kernel, code for code: "
			 "nothing between them can be to blame; %s",
			 good, bad, hunt_either(h, ENDS, OTHERS));
	else if (h->step.why == BISECT_WHY_END)
		explain_untestable(h);
	else if (h->step.why == BISECT_WHY_NOBODY)
		err_user(&h->why,
			 "no %s between %s and %s changes the kernel; %s",
			 hunt_either(h, "patch", "option"), good, bad,
			 hunt_either(h, ENDS, OTHERS));
	else if (h->c->kind == CRITERION_METRIC)
		explain_levels(h, good, bad);
	else
		explain_breaks(h, good, bad);
	free(good);
	free(bad);
	return journal_add_new(&h->j,
			       json_pack("{s:s, s:s, s:i}", "t", "refused",
					 "says", h->why.text, "code",
					 (int)h->why.kind),
			       e);
}
