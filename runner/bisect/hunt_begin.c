/* The setup of a search as a line of the record, and going on with a record. */
#include "bisect/hunt_int.h"

#include "tree/tree.h"

#include <errno.h>

size_t hunt_workload(const struct hunt *h)
{
	for (size_t i = 0; h->c->workload && i < h->s->nworkloads; i++)
		if (!strcmp(h->s->workloads[i]->label, h->c->workload))
			return i;
	return 0;
}

static json_t *kernel_json(struct hunt *h, int k, struct err *e)
{
	const struct stage *g = &h->s->stages[k];
	const struct tree_stage *t = guided_commit(h->run, (size_t)k);
	struct guided_kernel now;
	json_t *o;

	if (guided_kernel(h->run, (size_t)k, &now, e))
		return NULL;
	o = json_pack("{s:s, s:i, s:s*, s:s*, s:s?}", "stage", g->name, "idx",
		      g->idx, "subject",
		      t && t->subject && !h->rq.configs ? t->subject : g->title,
		      "commit", t && t->commit[0] ? t->commit : NULL, "request",
		      now.request);
	guided_kernel_release(&now);
	return o;
}

static void put_configs(const struct hunt_configs *c, json_t *o)
{
	json_object_update_new(o, json_pack("{s:s, s:[s,s], s:[s,s], s:s, s:b}",
					    "axis", "config", "between", c->a,
					    c->b, "ends", c->good, c->bad, "at",
					    c->stage, "part", c->name != NULL));
}

static json_t *setup_json(struct hunt *h, struct err *e)
{
	json_t *list = json_array(), *o;
	char boot[BOOT_ID];

	guided_boot_id(h->run, 0, hunt_workload(h), 1, boot);
	o = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:b, s:s, s:o, s:o}", "t",
		      "setup", "version", JOURNAL_VERSION, "name", h->s->name,
		      "study", h->s->path, "config", h->s->configs[0].name,
		      "machine", h->s->machines[0]->name, "range",
		      h->s->source.to != NULL, "boot", boot, "criterion",
		      criterion_json(h->c), "kernels", list);

	for (int k = 0; k <= h->n; k++) {
		json_t *kernel = kernel_json(h, k, e);

		if (!kernel) {
			json_decref(o);
			return NULL;
		}
		json_array_append_new(list, kernel);
	}
	journal_put_setup(o, &h->set);
	if (h->rq.configs)
		put_configs(h->rq.configs, o);
	return o;
}

static int start(struct hunt *h, struct err *e)
{
	h->b = bisect_new(&h->set, e);
	if (!h->b)
		return -EINVAL;
	for (int k = 0; k <= h->n; k++) {
		h->identity[k] = h->set.kernels[k].identity;
		h->told[k] = h->set.kernels[k].built;
	}
	h->workload = hunt_workload(h);
	h->phase = HUNT_SEARCH;
	return 0;
}

enum hunt_go hunt_begin(struct hunt *h)
{
	json_t *line;
	struct err e;

	if (hunt_weigh(h, &e) || !(line = setup_json(h, &e)) ||
	    journal_add(&h->j, line, &e) || start(h, &e))
		return hunt_fail(h, &e);
	return HUNT_AGAIN;
}

static int take_event(struct hunt *h, const json_t *line, struct err *e)
{
	struct bisect_event ev;

	if (journal_event(line, &ev, e) || bisect_add(h->b, &ev, e))
		return -EINVAL;
	if (ev.identity)
		h->identity[ev.kernel] = ev.identity;
	if (!json_object_get(line, "seed"))
		h->told[ev.kernel] = true;
	return 0;
}

int hunt_resume(struct hunt *h, struct err *e)
{
	const json_t *setup = journal_find(&h->j, "setup"), *line;
	json_t *result = journal_find(&h->j, "result");
	size_t i;

	criterion_release(h->c);
	if (!criterion_from_json(json_object_get(setup, "criterion"), h->c))
		return err_user(e, "%s: its criterion is not understood",
				h->j.path);
	if (journal_setup(setup, &h->set, &h->kernels, e) || start(h, e)) {
		err_prefix(e, "%s:1", h->j.path);
		return -EINVAL;
	}
	json_array_foreach(h->j.lines, i, line)
	{
		if (journal_is(line, "event") && take_event(h, line, e)) {
			err_prefix(e, "%s:%zu", h->j.path, i + 1);
			return -EINVAL;
		}
	}
	if (result) {
		h->result = json_incref(result);
		h->phase = HUNT_DONE;
	}
	hunt_say(h, "going on from %s", h->j.path);
	return 0;
}
