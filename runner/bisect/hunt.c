#include "bisect/hunt_int.h"

#include "tree/tree.h"

#include <errno.h>
#include <stdarg.h>

/* ---- small things ---- */

void hunt_say(struct hunt *h, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (h->rq.say)
		h->rq.say(text, h->rq.arg);
}

static char *config_stage(const struct hunt *h, int kernel)
{
	const struct hunt_configs *c = h->rq.configs;
	const struct stage *g = &h->s->stages[kernel];

	if (!kernel || kernel == h->n)
		return xstrdup(kernel ? c->bad : c->good);
	return xasprintf("%s up to %.*s", c->good, (int)strcspn(g->title, ","),
			 g->title);
}

char *hunt_stage(const struct hunt *h, int kernel)
{
	const struct stage *g = &h->s->stages[kernel];
	char *text = h->rq.configs ? config_stage(h, kernel)
		     : g->title ? xasprintf("stage %s (%s)", g->name, g->title)
				: xasprintf("stage %s", g->name);

	str_plain(text);
	return text;
}

char *hunt_short(const struct hunt *h, int kernel)
{
	return h->rq.configs ? config_stage(h, kernel)
			     : xasprintf("stage %s", h->s->stages[kernel].name);
}

const char *hunt_either(const struct hunt *h, const char *patches,
			const char *configs)
{
	return h->rq.configs ? configs : patches;
}

enum hunt_go hunt_refuse(struct hunt *h)
{
	h->refused = true;
	h->phase = HUNT_DONE;
	return HUNT_AGAIN;
}

enum hunt_go hunt_fail(struct hunt *h, const struct err *e)
{
	guided_fail(h->run, e);
	h->phase = HUNT_DONE;
	return HUNT_AGAIN;
}

void hunt_build(struct hunt *h, int k, int k2, int k3)
{
	int wanted[] = {k, k2, k3};
	size_t stages[3], n = 0;

	for (size_t i = 0; i < 3; i++)
		if (wanted[i] >= 0) {
			stages[n++] = (size_t)wanted[i];
			h->wanted[wanted[i]] = true;
		}
	guided_build(h->run, stages, n);
}

int hunt_event(struct hunt *h, const struct bisect_event *ev, json_t *more,
	       struct err *e)
{
	json_t *line = journal_put_event(ev);

	json_object_set_new(line, "stage",
			    json_string(h->s->stages[ev->kernel].name));
	if (more)
		json_object_update(line, more);
	json_decref(more);
	if (ev->identity)
		h->identity[ev->kernel] = ev->identity;
	if (ev->what == BISECT_BUILT || ev->what == BISECT_UNTESTABLE)
		h->told[ev->kernel] = true;
	if (bisect_add(h->b, ev, e)) {
		json_decref(line);
		return -EINVAL;
	}
	return journal_add(&h->j, line, e);
}

/* ---- the run ---- */

static enum hunt_go advance(struct hunt *h)
{
	switch (h->phase) {
	case HUNT_ENDS:
		return hunt_ends(h);
	case HUNT_PROBE:
		return hunt_probe(h);
	case HUNT_BEGIN:
		return hunt_begin(h);
	case HUNT_SEARCH:
		return hunt_search(h);
	case HUNT_CONFIRM:
		return hunt_confirm(h);
	case HUNT_DONE:
		break;
	}
	hunt_build(h, -1, -1, -1);
	return HUNT_WAIT;
}

static void guide(struct run *r, void *arg)
{
	(void)r;
	while (advance(arg) == HUNT_AGAIN)
		;
}

struct hunt *hunt_new(const struct hunt_request *rq)
{
	struct hunt *h = xcalloc(1, sizeof(*h));
	char *name;

	h->rq = *rq;
	h->s = rq->study;
	h->c = rq->criterion;
	h->c->instructions = !strcmp(h->s->machines[0]->clock, "exact");
	h->n = (int)h->s->nstages - 1;
	h->j.fd = -1;
	h->step.kernel = -1;
	h->wanted = xcalloc((size_t)h->n + 1, sizeof(*h->wanted));
	h->told = xcalloc((size_t)h->n + 1, sizeof(*h->told));
	h->identity = xcalloc((size_t)h->n + 1, sizeof(*h->identity));
	name = hunt_name(h);
	free(h->s->name);
	h->s->name = name;
	h->rq.run.guide = guide;
	h->rq.run.guide_arg = h;
	/* A record that is gone on with brings a criterion of its own. */
	if (h->c->workload)
		h->label = xstrdup(h->c->workload);
	h->rq.run.only = h->label;
	return h;
}

void hunt_free(struct hunt *h)
{
	if (!h)
		return;
	run_free(h->run);
	bisect_free(h->b);
	journal_close(&h->j);
	json_decref(h->result);
	json_decref(h->confirmation);
	json_decref(h->undo);
	json_decref(h->more);
	free(h->label);
	free(h->kernels);
	free(h->wanted);
	free(h->told);
	free(h->identity);
	free(h);
}

static void begin(struct hunt *h)
{
	const struct hunt_configs *c = h->rq.configs;
	const struct study *s = h->s;
	char *what = criterion_text(h->c);

	if (c)
		hunt_say(h,
			 "bisect: %d step%s from %s to %s, stage %s, machine "
			 "%s: %s",
			 h->n, h->n > 1 ? "s" : "", c->good, c->bad, c->stage,
			 s->machines[0]->name, what);
	else
		hunt_say(h,
			 "bisect: %d patch%s between stage %s and stage %s, "
			 "config %s, machine %s: %s",
			 h->n, h->n > 1 ? "es" : "", s->stages[0].name,
			 s->stages[h->n].name, s->configs[0].name,
			 s->machines[0]->name, what);
	free(what);
}

/* What is left to find out when the search has ended. */
static int look_further(struct hunt *h, struct err *e)
{
	const struct hunt_configs *c = h->rq.configs;

	if (c)
		return c->found ? c->found(h, c->arg, &h->more, e) : 0;
	return hunt_undo(h, e);
}

int hunt_run(struct hunt *h, struct err *e)
{
	int r;

	begin(h);
	h->run = run_new(h->rq.lab, h->s, &h->rq.run, &h->rq.watch);
	r = run_resolve(h->run, e);
	if (!r)
		r = hunt_open(h, e);
	if (!r && h->phase != HUNT_DONE)
		r = run_work(h->run, e);
	if (!r && !h->refused && !h->result)
		r = look_further(h, e);
	if (!r && !h->refused && !h->result)
		r = hunt_conclude(h, e);
	if (!r)
		r = guided_through(h->run, e);
	if (r)
		return r;
	if (!h->refused)
		return 0;
	*e = h->why;
	return -EINVAL;
}

const json_t *hunt_result(const struct hunt *h)
{
	return h->result;
}
