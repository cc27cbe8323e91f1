/* The confirmation of a hunt: what was found against the kernel before it, on
 * fresh seeds. */
#include "bisect/confirm.h"
#include "bisect/hunt_int.h"

#include <errno.h>
#include <math.h>

/* So many fresh boots may send the search on. */
#define FRESH_MAX 60
/* Where some tell nothing there are so many once more. */
#define ROUNDS 2

/* Kernels at both sides of what was found. */
static int side_of(const struct hunt *h, int side)
{
	return side ? h->step.first - 1 : h->step.last;
}

/* The first seed that was not a fresh one before. */
static int fresh_seed(const struct hunt *h)
{
	json_int_t seed = SEED_FRESH, used;
	const json_t *line;
	size_t i;

	json_array_foreach(h->j.lines, i, line)
	{
		used = json_integer_value(json_object_get(line, "seed"));
		if (journal_is(line, "event") && used > seed)
			seed = used;
	}
	return (int)seed + 1;
}

/* ---- boots ---- */

static enum hunt_go ask(struct hunt *h, int n)
{
	char *stage = hunt_stage(h, side_of(h, 0));
	char *other = hunt_short(h, side_of(h, 1));
	int seed;
	struct err e;

	hunt_say(h, "confirming %s: %d fresh boot%s of it, as many of %s",
		 stage, n, n > 1 ? "s" : "", other);
	free(other);
	free(stage);
	if (!h->seed) {
		h->seed = fresh_seed(h);
		h->rounds = 0;
	}
	seed = h->seed + n * h->rounds++;
	for (int side = 0; side < 2; side++)
		if (guided_boot(h->run, (size_t)side_of(h, side), h->workload,
				ROLE_CONFIRM, seed, n, &e))
			return hunt_fail(h, &e);
	return HUNT_AGAIN;
}

static int keep(struct hunt *h, int side, int seed, const char *boot,
		const struct sight *s, struct err *e)
{
	static const char *const sides[][2] = {
		[PAIR_NONE] = {"culprit", "parent"},
		[PAIR_WITHOUT] = {"tip", "without"},
		[PAIR_ALONE] = {"alone", "good"}};
	json_t *o = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s*}", "t", "confirm",
			      "side", sides[h->pair][side], "seed", seed,
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

	*out = (struct sight){.what = state == GUIDED_FAILED
					      ? BISECT_INFRA
					      : BISECT_UNTESTABLE,
			      .says = why};
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

static bool is_usable(const struct sight *s)
{
	return s->what != BISECT_UNTESTABLE && s->what != BISECT_INFRA;
}

static int count_usable(const struct sight *s, int n)
{
	int usable = 0;

	for (int i = 0; i < n; i++)
		usable += is_usable(&s[i]);
	return usable;
}

/* Can anything be said of n boots of each side? */
static bool can_tell(const struct hunt *h, const struct sight *s, int n)
{
	int need = h->c->kind == CRITERION_METRIC ? 2 : 1;

	return count_usable(s, n) >= need && count_usable(s + n, n) >= need;
}

/* A side that the lab left with less than one round: how it failed, or NULL. */
static const struct sight *find_failure(const struct hunt *h,
					const struct sight *s, int n)
{
	for (int side = 0; side < 2; side++, s += n) {
		if (count_usable(s, n) >= n / h->rounds)
			continue;
		for (int i = 0; i < n; i++)
			if (s[i].what == BISECT_INFRA)
				return &s[i];
	}
	return NULL;
}

/* That says nothing of the kernels, and is not to be the result for good. */
static int fail(const struct sight *failure, struct err *e)
{
	return err_lab(e,
		       "the lab failed too many of the fresh boots, one of "
		       "them so: %s; run the same command again to boot those "
		       "that are missing",
		       failure->says ? failure->says : "no reason is known");
}

static int take_logs(const struct sight *s, int n, double *y)
{
	int used = 0;

	for (int i = 0; i < n; i++)
		if (is_usable(&s[i]))
			y[used++] = log(s[i].value);
	return used;
}

static json_t *compare_values(const struct hunt *h, const struct sight *s,
			      int n)
{
	double *y = xcalloc(2 * (size_t)n, sizeof(*y));
	int culprits = take_logs(s, n, y);
	int parents = take_logs(s + n, n, y + culprits);
	struct confirm c;
	json_t *o;

	confirm_values(&h->set, &h->step, y, culprits, y + culprits, parents,
		       &c);
	free(y);
	o = json_pack("{s:b, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:b}",
		      "confirmed", c.why == CONFIRM_AGREES, "boots", n,
		      "change", expm1(c.change), "low", expm1(c.low), "high",
		      expm1(c.high), "culprit", exp(c.culprit), "parent",
		      exp(c.parent), "share", c.share, "partial", c.partial);
	return o;
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

	return json_pack("{s:b, s:i, s:i, s:i}", "confirmed",
			 confirm_breaks(&h->step, culprit, count_usable(s, n),
					parent, count_usable(s + n, n)),
			 "boots", n, "culprit_bad", culprit, "parent_bad",
			 parent);
}

static json_t *compare(const struct hunt *h, const struct sight *s, int n)
{
	bool values = h->c->kind == CRITERION_METRIC;
	int useless = 2 * n - count_usable(s, 2 * n);
	const char *says = NULL;
	json_t *o;

	for (int i = 0; i < 2 * n && !says; i++)
		if (!is_usable(&s[i]))
			says = s[i].says ? s[i].says : "a boot tells nothing";
	if (can_tell(h, s, n))
		o = (values ? compare_values : compare_breaks)(h, s, n);
	else
		o = json_pack("{s:b, s:i, s:s}", "confirmed", false, "boots", n,
			      "says", says);
	if (useless)
		json_object_set_new(o, "useless", json_integer(useless));
	return o;
}

/* The fresh boots say something else, which can be told to the search: it has
 * to go on, unless it has been there too often. */
static bool is_denied(const struct hunt *h, const struct sight *s, int n)
{
	bool confirmed =
		json_is_true(json_object_get(h->confirmation, "confirmed"));

	return can_tell(h, s, n) && !confirmed && !h->pair &&
	       h->seed <= SEED_FRESH + FRESH_MAX;
}

static int give_back(struct hunt *h, int side, int i, const struct sight *s,
		     struct err *e)
{
	const struct bisect_event ev = {
		.kernel = side_of(h, side),
		.what = s->what,
		.value = s->what == BISECT_VALUE ? log(s->value) : 0};

	if (!is_usable(s))
		return 0;
	return hunt_event(h, &ev, json_pack("{s:i}", "seed", h->seed + i), e);
}

static int judge(struct hunt *h, int n, bool *denied, bool *more, struct err *e)
{
	struct sight *s = xcalloc(2 * (size_t)n, sizeof(*s));
	const struct sight *failure;
	int r = 0;

	for (int i = 0; !r && i < 2 * n; i++)
		r = see(h, i / n, i % n, &s[i], e);
	*more = !r && h->rounds < ROUNDS && count_usable(s, 2 * n) < 2 * n;
	failure = r || *more ? NULL : find_failure(h, s, n);
	if (failure)
		r = fail(failure, e);
	if (!r && !*more) {
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

static enum hunt_go search_on(struct hunt *h)
{
	const json_t *change = json_object_get(h->confirmation, "change");

	if (change)
		hunt_say(h,
			 "the fresh boots do not confirm it (%+.2f %%, %.0f %% "
			 "of what the ends differ by): the search goes on",
			 100 * json_number_value(change),
			 100 * json_number_value(json_object_get(
				       h->confirmation, "share")));
	else
		hunt_say(h, "the fresh boots do not confirm it: the search "
			    "goes on");
	json_decref(h->confirmation);
	h->confirmation = NULL;
	h->seed = 0;
	h->has_step = false;
	h->phase = HUNT_SEARCH;
	return HUNT_AGAIN;
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

/* A kernel beside what was found cannot be had.  If the search has not been
 * told that it has to think again. */
static enum hunt_go lacking(struct hunt *h)
{
	bool news = false;
	struct err e;

	for (int side = 0; side < 2 && !h->pair; side++) {
		int k = side_of(h, side);
		struct guided_kernel now;

		if (guided_kernel(h->run, (size_t)k, &now, &e))
			return hunt_fail(h, &e);
		if (now.state != GUIDED_READY && !h->told[k])
			news = h->wanted[k] = true;
		guided_kernel_release(&now);
	}
	if (news) {
		h->has_step = false;
		h->phase = HUNT_SEARCH;
		return HUNT_AGAIN;
	}
	if (!h->pair)
		h->confirmation =
			json_pack("{s:b, s:i, s:s}", "confirmed", 0, "boots", 0,
				  "says", "a kernel beside it cannot be had");
	return end(h);
}

enum hunt_go hunt_confirm(struct hunt *h)
{
	bool found = h->step.verdict == BISECT_FOUND ||
		     h->step.verdict == BISECT_RANGE;
	bool awaited, there, denied = false, more = false;
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
		return lacking(h);
	n = confirm_runs(&h->set, &h->step);
	if (!h->seed)
		return ask(h, n);
	if (is_awaited(h, n * h->rounds))
		return HUNT_WAIT;
	if (judge(h, n * h->rounds, &denied, &more, &e))
		return hunt_fail(h, &e);
	if (more)
		return ask(h, n);
	return denied ? search_on(h) : end(h);
}
