#include "bisect/configs_int.h"

#include "study/narrow.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

/* Options that are tried one at a time to make a chain: a try takes a second or
 * two.  Of more, several are one step, which is taken apart when it is found.
 */
#define FEW 40

static void say(const struct configs *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void say(const struct configs *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (c->rq->say)
		c->rq->say(text, c->rq->arg);
}

/* ---- configs ---- */

int configs_settle(const struct str *text, char **path, void *arg,
		   struct err *e)
{
	struct configs *c = arg;
	int r = file_put(c->scratch, text->buf, text->len, e);

	return r ? r : builds_settle(c->b, 0, c->scratch, path, e);
}

static void on_progress(size_t left, size_t all, void *arg)
{
	const struct configs *c = arg;

	if (left)
		say(c, "putting the options in order: %zu of %zu", all - left,
		    all);
}

int configs_chain(struct configs *c, const char *from, const char *to,
		  struct chain *out, struct err *e)
{
	const struct chain_request rq = {.from = from,
					 .to = to,
					 .settle = configs_settle,
					 .progress = on_progress,
					 .arg = c,
					 .few = FEW};

	return kconfig_chain(&rq, out, e);
}

/* ---- candidates ---- */

int configs_study(const struct configs *c, const char *name,
		  const struct candidate *at, size_t n, struct study **out,
		  struct err *e)
{
	const struct study *like = c->rq->study;
	struct study *s;
	int r = study_load(like->path, c->rq->lab->share, &s, e);

	if (r)
		return r;
	r = study_between(s, c->stage, c->machine, like->configs[0].name,
			  like->configs[1].name, e);
	if (r) {
		study_free(s);
		return r;
	}
	study_candidates(s, at, n);
	if (name) {
		free(s->name);
		s->name = xstrdup(name);
	}
	*out = s;
	return 0;
}

void configs_lines(const struct chain_step *s, struct strv *out)
{
	char *on = xasprintf("CONFIG_%s=", s->lead);
	char *off = xasprintf("# CONFIG_%s is", s->lead);

	for (int rest = 0; rest < 2; rest++)
		for (size_t i = 0; i < s->lines.n; i++) {
			const char *line = s->lines.v[i];
			bool lead =
				str_starts(line, on) || str_starts(line, off);

			if (lead == !rest)
				strv_add(out, line);
		}
	free(on);
	free(off);
}

static char *title_of(const struct chain_step *s)
{
	struct strv lines = STRV_INIT;
	char *text;

	configs_lines(s, &lines);
	text = strv_join(&lines, ", ");
	strv_release(&lines);
	return text;
}

static int chain_study(const struct configs *c, const struct chain *chain,
		       const char *name, const char *good, struct study **out,
		       struct err *e)
{
	struct candidate *at = xcalloc(chain->n, sizeof(*at));
	int r;

	at[0] = (struct candidate){.name = good, .config = chain->at[0].path};
	for (size_t i = 1; i < chain->n; i++)
		at[i] = (struct candidate){chain->at[i].lead,
					   title_of(&chain->at[i]),
					   chain->at[i].path};
	r = configs_study(c, name, at, chain->n, out, e);
	for (size_t i = 1; i < chain->n; i++)
		free((char *)at[i].title);
	free(at);
	return r;
}

/* ---- hunts ---- */

static int step_of(const json_t *result, const char *which)
{
	return (int)json_integer_value(
		json_object_get(json_object_get(result, which), "patch"));
}

/* The kernel that has a value and lies nearest to the middle of those steps. */
static int middle_step(const struct journal *j, int first, int last)
{
	const json_t *line;
	int best = 0;
	size_t i;

	json_array_foreach(j->lines, i, line)
	{
		int k = (int)json_integer_value(
			json_object_get(line, "kernel"));
		bool inside = json_object_get(line, "measured") && k >= first &&
			      k < last;

		if (inside && (!best || abs(2 * k - first - last) <
						abs(2 * best - first - last)))
			best = k;
	}
	return best;
}

/* Logs of the values of a kernel: their mean; NAN if it has none. */
static double value_of(const struct journal *j, int kernel)
{
	const json_t *line;
	double sum = 0;
	size_t i, n = 0;

	json_array_foreach(j->lines, i, line)
	{
		const json_t *at = json_object_get(line, "kernel");
		const json_t *value = json_object_get(line, "measured");

		if (!at || json_integer_value(at) != kernel || !value)
			continue;
		sum += log(json_number_value(value));
		n++;
	}
	return n ? sum / (double)n : NAN;
}

/* The kernel between the ends whose value is nearest to the middle of theirs.
 */
static int middle_value(const struct journal *j)
{
	const json_t *setup = journal_find(j, "setup");
	int n = (int)json_array_size(json_object_get(setup, "kernels")) - 1;
	double middle = (value_of(j, 0) + value_of(j, n)) / 2;
	double least = INFINITY;
	int best = 0;

	for (int k = 1; k < n; k++) {
		double off = fabs(value_of(j, k) - middle);

		if (off < least) {
			least = off;
			best = k;
		}
	}
	return best;
}

void configs_outcome(const json_t *result, const struct journal *j,
		     struct outcome *out)
{
	const char *verdict =
		json_string_value(json_object_get(result, "verdict"));
	int first = step_of(result, "first"), last = step_of(result, "last");

	*out = (struct outcome){0};
	if (!strcmp(verdict, "no-step")) {
		out->mid = middle_step(j, first, last);
		if (!out->mid)
			out->mid = middle_value(j);
	} else if (!strcmp(verdict, "found") || !strcmp(verdict, "range"))
		*out = (struct outcome){.first = first, .last = last};
}

static int run_part(struct configs *c, struct study *s,
		    const struct hunt_configs *as, struct outcome *out,
		    struct err *e)
{
	struct hunt_request rq = *c->rq;
	struct hunt *part;
	int r;

	rq.study = s;
	rq.configs = as;
	part = hunt_new(&rq);
	r = hunt_run(part, e);
	hunt_cost_add(&c->cost, &part->j);
	if (!r && hunt_code(hunt_result(part)) == ERR_LAB)
		r = err_lab(e,
			    "the lab failed too often in a part of the search, "
			    "%s; --again begins anew",
			    part->j.path);
	if (!r)
		configs_outcome(hunt_result(part), &part->j, out);
	hunt_free(part);
	return r;
}

int configs_hunt_part(struct configs *c, struct hunt *h, const struct end *from,
		      const struct end *to, bool differ, struct chain *chain,
		      struct outcome *out, struct err *e)
{
	struct hunt_configs as = c->main;
	char *name = xasprintf("%s-%zu", h->s->name, ++c->hunts + 1);
	struct study *s = NULL;
	int r = configs_chain(c, from->path, to->path, chain, e);

	*out = (struct outcome){0};
	if (r)
		goto out;
	as.good = from->name;
	as.bad = to->name;
	as.name = name;
	as.found = NULL;
	/* Then nothing is to be found out of one step. */
	if (chain->n == 2 && differ)
		*out = (struct outcome){.first = 1, .last = 1};
	else if (chain->n > 1)
		r = chain_study(c, chain, name, c->main.a, &s, e);
	if (!r && s)
		r = run_part(c, s, &as, out, e);
	/* Ends that do not differ enough, or do not build, are an answer. */
	if (r == -EINVAL && e->kind != ERR_LAB) {
		say(c, "%s", e->text);
		r = 0;
	}
	study_free(s);
	if (r)
		chain_release(chain);
out:
	free(name);
	return r;
}

/* Without boots there is no confirmation: whether they build is found out by a
 * hunt of one step. */
static int pair_builds(struct configs *c, struct study *s,
		       const struct hunt_configs *as, json_t **says,
		       struct err *e)
{
	struct outcome ignored;
	int r = run_part(c, s, as, &ignored, e);

	if (!r || (r == -EINVAL && e->kind != ERR_LAB))
		*says = json_pack("{s:b}", "confirmed", !r);
	return *says ? 0 : r;
}

static int pair_boots(struct hunt *h, struct study *s, enum hunt_pair pair,
		      json_t **says, struct err *e)
{
	int r = hunt_pair(h, s, pair, says, e);

	if (!r && json_object_get(*says, "says"))
		json_object_set_new(*says, "untold", json_true());
	return r;
}

int configs_pair(struct configs *c, struct hunt *h, const struct end *good,
		 const struct end *bad, enum hunt_pair pair, json_t **says,
		 struct err *e)
{
	const struct candidate at[] = {{good->name, NULL, good->path},
				       {bad->name, bad->name, bad->path}};
	char *name = xasprintf("%s-%zu", h->s->name, ++c->hunts + 1);
	const struct hunt_configs *was = h->rq.configs;
	struct hunt_configs as = c->main;
	struct study *s;
	int r = configs_study(c, name, at, 2, &s, e);

	*says = NULL;
	as.good = good->name;
	as.bad = bad->name;
	as.name = name;
	as.found = NULL;
	if (!r) {
		h->rq.configs = &as;
		r = h->c->kind == CRITERION_BUILD
			    ? pair_builds(c, s, &as, says, e)
			    : pair_boots(h, s, pair, says, e);
		h->rq.configs = was;
		study_free(s);
	}
	free(name);
	return r;
}

static void forget(struct configs *c)
{
	for (size_t i = 0; i < c->nparts; i++) {
		strv_release(&c->parts[i].lines);
		json_decref(c->parts[i].alone);
	}
	strv_release(&c->needs);
	json_decref(c->enough);
	free(c->together);
	chain_release(&c->chain);
	free(c->good_name);
	free(c->bad_name);
	hunt_cost_release(&c->cost);
	builds_free(c->b);
	if (c->scratch)
		unlink(c->scratch);
	free(c->scratch);
}

static void nothing(const struct err *e, void *arg)
{
	(void)e; /* it is told by whoever asks for a config */
	(void)arg;
}

/* Settles the two ends. */
static int find_ends(struct configs *c, struct err *e)
{
	const struct hunt_request *rq = c->rq;
	const struct builds_options o = {.jobs = rq->run.jobs,
					 .no_sandbox = rq->run.no_sandbox,
					 .on_demand = true,
					 .note = rq->watch.note,
					 .trouble = nothing,
					 .arg = rq->watch.arg};
	const struct err *why;
	int r = builds_new(&c->b, rq->lab, rq->study, &o, e);

	if (r)
		return r;
	c->good = builds_config(c->b, 0, 0, &why);
	c->bad = c->good ? builds_config(c->b, 0, 1, &why) : NULL;
	if (c->bad)
		return 0;
	*e = *why;
	return -EINVAL;
}

static int find_chain(struct configs *c, struct err *e)
{
	const struct study *s = c->rq->study;
	int r = configs_chain(c, c->good, c->bad, &c->chain, e);

	if (r || c->chain.n > 1)
		return r;
	return err_user(e,
			"config '%s' and config '%s' are settled to the same "
			"at stage '%s': there is no option between them",
			s->configs[0].name, s->configs[1].name, c->stage);
}

static void begin(struct configs *c, const struct hunt_request *rq)
{
	const struct study *s = rq->study;

	c->rq = rq;
	c->stage = s->stages[0].name;
	c->machine = s->machines[0]->name;
	c->good_name = xasprintf("config '%s'", s->configs[0].name);
	c->bad_name = xasprintf("config '%s'", s->configs[1].name);
	/* Whoever opens the lab next sweeps it away. */
	c->scratch = xasprintf("%s/flight/config", rq->lab->dir);
	c->main = (struct hunt_configs){.a = s->configs[0].name,
					.b = s->configs[1].name,
					.stage = c->stage,
					.good = c->good_name,
					.bad = c->bad_name,
					.found = configs_found,
					.arg = c};
}

static void take_name(struct study *s, const struct study *hunted)
{
	free(s->name);
	s->name = xstrdup(hunted->name);
}

int configs_hunt(const struct hunt_request *rq, json_t **result, struct err *e)
{
	struct hunt_request main = *rq;
	struct configs c = {0};
	struct hunt *h = NULL;
	struct study *s = NULL;
	int r;

	begin(&c, rq);
	r = find_ends(&c, e);
	if (!r)
		r = find_chain(&c, e);
	if (!r)
		r = chain_study(&c, &c.chain, NULL, c.main.a, &s, e);
	if (!r) {
		main.study = s;
		main.configs = &c.main;
		h = hunt_new(&main);
		h->cost = &c.cost;
		take_name(rq->study, s);
		r = hunt_run(h, e);
	}
	if (!r)
		*result = json_incref((json_t *)hunt_result(h));
	hunt_free(h);
	study_free(s);
	forget(&c);
	return r;
}
