/* The search of a hunt: what is asked for is built and booted, and what came of
 * it is told. */
#include "bisect/hunt_int.h"

#include <errno.h>
#include <math.h>

/* ---- what came of a kernel ---- */

static json_t *says(const char *text)
{
	return text ? json_pack("{s:s}", "says", text) : NULL;
}

static int tell(struct hunt *h, int k, enum bisect_what what,
		const struct guided_kernel *now, struct err *e)
{
	struct bisect_event ev = {.kernel = k, .what = what};
	char head[17], *stage = hunt_short(h, k);

	snprintf(head, sizeof(head), "%.16s", now->identity);
	if (what == BISECT_BUILT)
		ev.identity = strtoull(head, NULL, 16);
	if (what == BISECT_UNTESTABLE || what == BISECT_BAD)
		hunt_say(h, "%s: does not build: %s", stage,
			 now->why ? now->why : "");
	if (what == BISECT_GOOD)
		hunt_say(h, "%s: builds", stage);
	free(stage);
	h->told[k] = true;
	if (h->has_step && h->step.kernel == k && !h->seed)
		h->has_step = false;
	return hunt_event(h, &ev, says(now->why), e);
}

/* What is new of the kernel: *there if it can be booted. */
static int tell_build(struct hunt *h, int k, bool *awaited, struct err *e)
{
	bool builds = h->c->kind == CRITERION_BUILD;
	struct guided_kernel now;
	int r = guided_kernel(h->run, (size_t)k, &now, e);

	*awaited = !r && now.state == GUIDED_TODO;
	if (r || *awaited)
		;
	else if (now.state == GUIDED_READY)
		r = tell(h, k, builds ? BISECT_GOOD : BISECT_BUILT, &now, e);
	else if (now.state == GUIDED_BROKEN && builds)
		r = tell(h, k, BISECT_BAD, &now, e);
	else
		r = tell(h, k, BISECT_UNTESTABLE, &now, e);
	guided_kernel_release(&now);
	return r;
}

static int tell_builds(struct hunt *h, struct err *e)
{
	bool awaited;

	for (int k = 0; k <= h->n; k++)
		if (h->wanted[k] && !h->told[k] &&
		    tell_build(h, k, &awaited, e))
			return -EIO;
	return 0;
}

/* ---- what came of a boot ---- */

static bool one_code(const struct hunt *h, int a, int b)
{
	return a == b || (h->identity[a] && h->identity[a] == h->identity[b]);
}

/* Kernels with one code share their boots, so each boot of them all has a seed
 * of its own. */
static int next_seed(const struct hunt *h, int k)
{
	const json_t *line;
	int seed = 1;
	size_t i;

	json_array_foreach(h->j.lines, i, line)
	{
		const json_t *at = json_object_get(line, "kernel");

		if ((journal_is(line, "event") || journal_is(line, "weak")) &&
		    json_object_get(line, "seed") &&
		    one_code(h, (int)json_integer_value(at), k))
			seed++;
	}
	return seed;
}

/* Was the boot before this one, of the same kernel, weak? */
static bool was_weak(const struct hunt *h, int k)
{
	size_t i = json_array_size(h->j.lines);

	while (i--) {
		const json_t *o = json_array_get(h->j.lines, i);
		const char *t = json_string_value(json_object_get(o, "t"));
		const json_t *at = json_object_get(o, "kernel");

		if (t && at && json_integer_value(at) == k &&
		    json_object_get(o, "seed"))
			return !strcmp(t, "weak");
	}
	return false;
}

/* One workload that failed does not make a kernel untestable: there is another
 * boot before the search is told. */
static int put_weak(struct hunt *h, int k, json_t *more, struct err *e)
{
	json_t *line = json_pack("{s:s, s:i, s:s}", "t", "weak", "kernel", k,
				 "stage", h->s->stages[k].name);
	char *stage = hunt_short(h, k);

	json_object_update(line, more);
	json_decref(more);
	hunt_say(h, "%s: that tells nothing: it is booted again", stage);
	free(stage);
	return journal_add(&h->j, line, e);
}

static void say_sight(struct hunt *h, int k, const struct sight *seen)
{
	char *stage = hunt_stage(h, k);
	const char *word = bisect_what_word(seen->what);

	if (seen->what == BISECT_VALUE) {
		char *value = criterion_amount(seen->value, h->c->unit,
					       h->c->instructions);

		hunt_say(h, "%s: %s/%s %s", stage, h->c->workload, h->c->metric,
			 value);
		free(value);
	} else {
		hunt_say(h, "%s: %s%s%s", stage, word, seen->says ? ": " : "",
			 seen->says ? seen->says : "");
	}
	free(stage);
}

static json_t *boot_json(const struct hunt *h, const char *boot,
			 const struct sight *seen)
{
	json_t *o = json_pack("{s:i, s:s, s:s*, s:f, s:b}", "seed", h->seed,
			      "boot", boot, "says", seen->says, "wall_s",
			      seen->wall_s, "ran", seen->ran);

	if (seen->what == BISECT_VALUE)
		json_object_set_new(o, "measured", json_real(seen->value));
	return o;
}

static int see_boot(struct hunt *h, int k, enum guided_state state,
		    const char *boot, const char *why, struct err *e)
{
	struct bisect_event ev = {.kernel = k};
	struct sight seen = {.what = BISECT_UNTESTABLE};
	json_t *more;

	if (state == GUIDED_READY &&
	    criterion_look(h->c, h->rq.lab->db, run_study(h->run), boot, &seen,
			   e))
		return -EIO;
	if (state == GUIDED_FAILED)
		seen.what = BISECT_INFRA;
	if (state != GUIDED_READY)
		seen.says = xstrdup(why ? why : "it cannot be booted there");
	ev.what = seen.what;
	if (ev.what == BISECT_VALUE)
		ev.value = log(seen.value);
	say_sight(h, k, &seen);
	more = boot_json(h, state == GUIDED_NONE ? "" : boot, &seen);
	sight_release(&seen);
	h->seed = 0;
	if (ev.what == BISECT_UNTESTABLE && state == GUIDED_READY &&
	    !was_weak(h, k))
		return put_weak(h, k, more, e);
	h->has_step = false;
	return hunt_event(h, &ev, more, e);
}

/* ---- steps ---- */

#define TAIL 0.025 /* of the posterior, left out at either side */

/* "patch 35", or "one of patches 22 to 35". */
static void say_patches(const struct hunt *h, int first, int last,
			struct str *text)
{
	const struct stage *g = h->s->stages;

	if (first == last)
		str_addf(text, "%s %s", hunt_either(h, "patch", "option"),
			 g[first].name);
	else
		str_addf(text, "one of %s %s to %s",
			 hunt_either(h, "patches", "options"), g[first].name,
			 g[last].name);
}

/* Which patches are left, in 95 % of all cases. */
static void say_left(const struct hunt *h, struct str *text)
{
	const double *p = bisect_posterior(h->b);
	double all = 0, tail = 0;
	int first = 0, last = 0;

	for (int c = 1; c <= h->n; c++)
		all += p[c];
	for (int c = 1; c <= h->n; c++) {
		tail += p[c];
		if (!first && tail > TAIL * all)
			first = c;
		if (!last && tail >= (1 - TAIL) * all)
			last = c;
	}
	if (!first || !last)
		return;
	str_adds(text, "95 %: ");
	say_patches(h, first, last, text);
	str_adds(text, "; ");
}

static void say_step(struct hunt *h)
{
	const struct bisect_step *s = &h->step;
	char *stage = hunt_stage(h, s->kernel);
	struct str text = STR_INIT;

	if (s->why != BISECT_WHY_CALIBRATE && s->first >= 1) {
		say_left(h, &text);
		str_adds(&text, "likeliest: ");
		say_patches(h, s->first, s->last, &text);
		str_addf(&text, ", %.*f %%; ", s->posterior < 0.01 ? 1 : 0,
			 100 * s->posterior);
	}
	hunt_say(h, "%snext: %s", text.buf ? text.buf : "", stage);
	str_release(&text);
	free(stage);
}

static enum hunt_go next_step(struct hunt *h)
{
	int before = h->step.verdict == BISECT_RUN ? h->step.kernel : -1;
	struct err e;

	bisect_next(h->b, &h->step);
	if (journal_add_new(
		    &h->j,
		    journal_put_step(&h->step, bisect_posterior(h->b), h->n),
		    &e))
		return hunt_fail(h, &e);
	switch (h->step.verdict) {
	case BISECT_RUN:
		h->has_step = true;
		if (h->step.kernel != before)
			say_step(h);
		return HUNT_AGAIN;
	case BISECT_ENDS:
		if (hunt_explain_ends(h, &e))
			return hunt_fail(h, &e);
		return hunt_refuse(h);
	default:
		h->phase = HUNT_CONFIRM;
		return HUNT_AGAIN;
	}
}

/* The next likely kernels are built while this one is booted, where that saves
 * more than a wrong guess, which has to be waited for, is likely to cost.  A
 * machine that wants the host for itself gets it. */
static void build_ahead(struct hunt *h)
{
	const struct bisect_step *s = &h->step;
	const struct bisect_kernel *k = &h->set.kernels[s->kernel];
	double wait_s = fmax(k->build_s - k->run_s, 0);

	if (!guided_alone(h->run) &&
	    s->ahead_p * k->run_s >= (1 - s->ahead_p) * wait_s)
		hunt_build(h, s->ahead[0], s->ahead[1], -1);
}

static enum hunt_go boot_step(struct hunt *h, int k)
{
	enum guided_state state;
	char id[BOOT_ID], *why;
	struct err e;
	int r;

	if (!h->seed) {
		h->seed = next_seed(h, k);
		if (guided_boot(h->run, (size_t)k, h->workload, ROLE_SAMPLE,
				h->seed, 1, &e))
			return hunt_fail(h, &e);
		build_ahead(h);
	}
	state = guided_boot_state(h->run, (size_t)k, h->workload, h->seed, id,
				  &why);
	if (state == GUIDED_AWAITED)
		return HUNT_WAIT;
	r = see_boot(h, k, state, id, why, &e);
	free(why);
	return r ? hunt_fail(h, &e) : HUNT_AGAIN;
}

enum hunt_go hunt_search(struct hunt *h)
{
	int k = h->step.kernel;
	bool awaited;
	struct err e;

	if (tell_builds(h, &e))
		return hunt_fail(h, &e);
	if (!h->has_step)
		return next_step(h);
	if (h->told[k] && h->c->kind != CRITERION_BUILD)
		return boot_step(h, k);
	if (tell_build(h, k, &awaited, &e))
		return hunt_fail(h, &e);
	if (!awaited)
		return HUNT_AGAIN;
	hunt_build(h, k, -1, -1);
	return HUNT_WAIT;
}
