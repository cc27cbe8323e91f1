/* The confirmation of a hunt: what was found against the kernel before it, on
 * fresh seeds. */
#include "bisect/hunt_int.h"

#include <errno.h>
#include <math.h>

#define BOOTS_FEW 3
#define BOOTS_MANY 20
/* Standard errors that the effect should be above 0. */
#define CLEAR 4.0
/* The chance that what breaks now and then does not in all boots. */
#define MISS 0.02
/* So many fresh boots may send the search on. */
#define FRESH_MAX 60

/* Kernels at both sides of what was found. */
static int side_of(const struct hunt *h, int side)
{
	return side ? h->step.first - 1 : h->step.last;
}

static double between(double low, double x, double high)
{
	return x < low ? low : x > high ? high : x;
}

/* Boots of each side. */
static int boots_of(const struct hunt *h)
{
	const struct bisect_step *s = &h->step;
	double spread = s->spread > 0 ? s->spread : h->set.spread;
	double ratio, share;

	if (h->c->kind == CRITERION_METRIC) {
		ratio = CLEAR * spread / fabs(s->effect);
		return (int)between(BOOTS_FEW, ceil(2 * ratio * ratio),
				    BOOTS_MANY);
	}
	if (s->mode == BISECT_EXACT)
		return 1;
	share = between(0.1, s->bad, 0.9);
	return (int)between(BOOTS_FEW, ceil(log(MISS) / log(1 - share)),
			    BOOTS_MANY);
}

/* The first seed that was not a fresh one before. */
static int fresh_seed(const struct hunt *h)
{
	json_int_t seed = SEED_FRESH, used;
	const json_t *line;
	size_t i;

	json_array_foreach(h->j.lines, i, line)
	{
		const char *t = json_string_value(json_object_get(line, "t"));

		used = json_integer_value(json_object_get(line, "seed"));
		if (t && !strcmp(t, "event") && used > seed)
			seed = used;
	}
	return (int)seed + 1;
}

/* ---- boots ---- */

static enum hunt_go ask(struct hunt *h, int n)
{
	char *stage = hunt_stage(h, side_of(h, 0));
	struct err e;

	hunt_say(h, "confirming %s: %d fresh boot%s of it, as many of stage %s",
		 stage, n, n > 1 ? "s" : "", h->s->stages[side_of(h, 1)].name);
	free(stage);
	h->seed = fresh_seed(h);
	for (int side = 0; side < 2; side++)
		if (guided_boot(h->run, (size_t)side_of(h, side), h->workload,
				ROLE_CONFIRM, h->seed, n, &e))
			return hunt_fail(h, &e);
	return HUNT_AGAIN;
}

static int keep(struct hunt *h, int side, int seed, const char *boot,
		const struct sight *s, struct err *e)
{
	static const char *const sides[2][2] = {{"culprit", "parent"},
						{"tip", "without"}};
	json_t *o = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s*}", "t", "confirm",
			      "side", sides[h->undoes][side], "seed", seed,
			      "boot", boot, "what", bisect_what_word(s->what),
			      "says", s->says);

	json_object_set_new(o, "stage",
			    json_string(h->s->stages[side_of(h, side)].name));
	if (s->what == BISECT_VALUE)
		json_object_set_new(o, "measured", json_real(s->value));
	return journal_add_new(&h->j, o, e);
}

static int see(struct hunt *h, int side, int i, struct sight *out,
	       struct err *e)
{
	char id[BOOT_ID] = "", *why;
	int seed = h->seed + i;
	enum guided_state state = guided_boot_state(
		h->run, (size_t)side_of(h, side), h->workload, seed, id, &why);
	int r = 0;

	*out = (struct sight){.what = BISECT_UNTESTABLE, .says = why};
	if (state == GUIDED_READY) {
		free(why);
		r = criterion_look(h->c, h->rq.lab->db, run_study(h->run), id,
				   out, e);
	}
	return r ? r : keep(h, side, seed, id, out, e);
}

static bool is_awaited(struct hunt *h, int n)
{
	bool awaited = false;

	for (int i = 0; i < 2 * n; i++) {
		char id[BOOT_ID], *why;

		awaited |= guided_boot_state(h->run, (size_t)side_of(h, i % 2),
					     h->workload, h->seed + i / 2, id,
					     &why) == GUIDED_AWAITED;
		free(why);
	}
	return awaited;
}

/* ---- what they say ---- */

/* Two-sided 95 % points of Student's t. */
static double t_point(int df)
{
	static const double points[] = {12.706, 4.303, 3.182, 2.776, 2.571,
					2.447,  2.365, 2.306, 2.262, 2.228};

	if (df <= 10)
		return points[df - 1];
	return 1.96 + 2.4 / df + 3.0 / (df * (double)df);
}

static void log_mean(const struct sight *s, int n, double *mean,
		     double *squares)
{
	*mean = *squares = 0;
	for (int i = 0; i < n; i++)
		*mean += log(s[i].value) / n;
	for (int i = 0; i < n; i++)
		*squares += pow(log(s[i].value) - *mean, 2);
}

static json_t *compare_values(const struct hunt *h, const struct sight *s,
			      int n)
{
	double a, b, sa, sb, half, change;
	bool agrees;

	log_mean(s, n, &a, &sa);
	log_mean(s + n, n, &b, &sb);
	change = a - b;
	half = t_point(2 * n - 2) * sqrt((sa + sb) / (2 * n - 2) * 2 / n);
	agrees = change * h->step.effect > 0 && fabs(change) > half;
	return json_pack("{s:b, s:i, s:f, s:f, s:f, s:f, s:f}", "confirmed",
			 agrees, "boots", n, "change", expm1(change), "low",
			 expm1(change - half), "high", expm1(change + half),
			 "culprit", exp(a), "parent", exp(b));
}

static int count_bad(const struct sight *s, int n)
{
	int bad = 0;

	for (int i = 0; i < n; i++)
		bad += s[i].what == BISECT_BAD;
	return bad;
}

static json_t *compare_breaks(const struct hunt *h, const struct sight *s,
			      int n)
{
	int culprit = count_bad(s, n), parent = count_bad(s + n, n);
	int enough = h->step.mode == BISECT_EXACT ? n : 1;
	int few = (int)(h->step.good * n + 0.5);

	return json_pack("{s:b, s:i, s:i, s:i}", "confirmed",
			 culprit >= enough && culprit > parent && parent <= few,
			 "boots", n, "culprit_bad", culprit, "parent_bad",
			 parent);
}

static json_t *compare(const struct hunt *h, const struct sight *s, int n)
{
	bool values = h->c->kind == CRITERION_METRIC;

	for (int i = 0; i < 2 * n; i++)
		if (s[i].what == BISECT_UNTESTABLE || s[i].what == BISECT_INFRA)
			return json_pack("{s:b, s:i, s:s}", "confirmed", false,
					 "boots", n, "says",
					 s[i].says ? s[i].says
						   : "a boot has no value");
	return (values ? compare_values : compare_breaks)(h, s, n);
}

/* The fresh boots say something else, and all of them can be told to the
 * search: it has to go on, unless it has been there too often. */
static bool is_denied(const struct hunt *h, const struct sight *s, int n)
{
	bool confirmed =
		json_is_true(json_object_get(h->confirmation, "confirmed"));

	for (int i = 0; i < 2 * n; i++)
		if (s[i].what == BISECT_UNTESTABLE || s[i].what == BISECT_INFRA)
			return false;
	return !confirmed && !h->undoes && h->seed <= SEED_FRESH + FRESH_MAX;
}

static int give_back(struct hunt *h, int side, int i, const struct sight *s,
		     struct err *e)
{
	const struct bisect_event ev = {
		.kernel = side_of(h, side),
		.what = s->what,
		.value = s->what == BISECT_VALUE ? log(s->value) : 0};

	return hunt_event(h, &ev, json_pack("{s:i}", "seed", h->seed + i), e);
}

static enum hunt_go search_on(struct hunt *h)
{
	hunt_say(h, "the fresh boots do not confirm it: the search goes on");
	h->seed = 0;
	h->has_step = false;
	h->phase = HUNT_SEARCH;
	return HUNT_AGAIN;
}

static int judge(struct hunt *h, int n, bool *denied, struct err *e)
{
	struct sight *s = xcalloc(2 * (size_t)n, sizeof(*s));
	int r = 0;

	for (int i = 0; !r && i < 2 * n; i++)
		r = see(h, i / n, i % n, &s[i], e);
	if (!r) {
		json_decref(h->confirmation);
		h->confirmation = compare(h, s, n);
		*denied = is_denied(h, s, n);
	}
	for (int i = 0; !r && *denied && i < 2 * n; i++)
		r = give_back(h, i / n, i % n, &s[i], e);
	for (int i = 0; i < 2 * n; i++)
		sight_release(&s[i]);
	free(s);
	return r;
}

/* ---- the phase ---- */

static enum hunt_go end(struct hunt *h)
{
	h->phase = HUNT_DONE;
	return HUNT_AGAIN;
}

/* Kernels that were never needed so far are built. */
static int are_there(struct hunt *h, bool *awaited, bool *there, struct err *e)
{
	*awaited = false;
	*there = true;
	for (int side = 0; side < 2; side++) {
		struct guided_kernel k;

		if (guided_kernel(h->run, (size_t)side_of(h, side), &k, e))
			return -EIO;
		*awaited |= k.state == GUIDED_TODO;
		*there &= k.state == GUIDED_READY;
		guided_kernel_release(&k);
	}
	return 0;
}

enum hunt_go hunt_confirm(struct hunt *h)
{
	bool found = h->step.verdict == BISECT_FOUND ||
		     h->step.verdict == BISECT_RANGE;
	bool awaited, there, denied = false;
	struct err e;
	int n;

	if (!found || h->c->kind == CRITERION_BUILD)
		return end(h);
	if (are_there(h, &awaited, &there, &e))
		return hunt_fail(h, &e);
	if (awaited) {
		hunt_build(h, side_of(h, 0), side_of(h, 1), -1);
		return HUNT_WAIT;
	}
	if (!there)
		return end(h);
	n = boots_of(h);
	if (!h->seed)
		return ask(h, n);
	if (is_awaited(h, n))
		return HUNT_WAIT;
	if (judge(h, n, &denied, &e))
		return hunt_fail(h, &e);
	return denied ? search_on(h) : end(h);
}
