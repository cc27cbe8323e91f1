#include "bisect/hunt_int.h"

#include "base/file.h"
#include "tree/tree.h"

#include <dirent.h>
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

/* ---- the record ---- */

char *hunt_path(const char *lab, const char *name)
{
	return xasprintf("%s/bisects/%s/log.jsonl", lab, name);
}

/* A name that tells what is looked for where: the same question has the same
 * record. */
static char *name_of(const struct hunt *h)
{
	const struct study *s = h->s;
	const struct hunt_configs *c = h->rq.configs;
	char *what = criterion_text(h->c);
	char *text = xasprintf("%s\n%s\n%s\n%s\n%s\n%s%s%s", s->name,
			       s->configs[0].name, s->machines[0]->name,
			       c ? c->stage : s->stages[0].name,
			       c ? c->stage : s->stages[h->n].name, what,
			       c ? "\nto config " : "", c ? c->b : "");
	char hex[SHA256_HEX], *name;

	if (c && c->name) {
		free(text);
		free(what);
		return xstrdup(c->name);
	}
	mem_sha256(text, strlen(text), hex);
	name = xasprintf("%.80s-bisect-%.8s", s->name, hex);
	free(text);
	free(what);
	return name;
}

#define ASIDE_MAX 10000 /* records of one question */

static int put_one_aside(const char *path, struct err *e)
{
	int r = -EEXIST;

	for (int i = 1; r == -EEXIST && i < ASIDE_MAX; i++) {
		char *to = xasprintf("%.*s.%d.jsonl", (int)strlen(path) - 6,
				     path, i);

		if (!file_exists(to))
			r = rename(path, to) ? -errno : 0;
		free(to);
	}
	return r ? err_sys(e, -r, "cannot put '%s' aside", path) : 0;
}

/* Is it the folder of a part of that one: <name>-2 and so on? */
static bool is_part(const char *entry, const char *name)
{
	const char *digits;

	if (!str_starts(entry, name) || entry[strlen(name)] != '-')
		return false;
	digits = entry + strlen(name) + 1;
	return *digits && !digits[strspn(digits, "0123456789")];
}

/* The record of the hunt, after those of its parts: one that is killed in
 * between has them all. */
static int put_aside(const struct hunt *h, struct err *e)
{
	char *dir = xasprintf("%s/bisects", h->rq.lab->dir);
	struct dirent *entry;
	DIR *d = opendir(dir);
	int r = d ? 0 : err_sys(e, errno, "cannot read '%s'", dir);

	while (!r && (entry = readdir(d))) {
		char *path = hunt_path(h->rq.lab->dir, entry->d_name);

		if (is_part(entry->d_name, h->s->name) && file_exists(path))
			r = put_one_aside(path, e);
		free(path);
	}
	if (!r) {
		char *path = hunt_path(h->rq.lab->dir, h->s->name);

		r = put_one_aside(path, e);
		free(path);
	}
	if (d)
		closedir(d);
	free(dir);
	return r;
}

/* Are machine and workload still what they were?  The id of the good end's
 * first boot tells, which a record that is older than that has not, nor a
 * search that boots nothing. */
static bool same_boots(struct hunt *h, const json_t *setup)
{
	const char *was = json_string_value(json_object_get(setup, "boot"));
	const char *label = json_string_value(json_object_get(
		json_object_get(setup, "criterion"), "workload"));
	char now[BOOT_ID];

	for (size_t i = 0; was && label && i < h->s->nworkloads; i++)
		if (!strcmp(h->s->workloads[i]->label, label)) {
			guided_boot_id(h->run, 0, i, 1, now);
			return !*was || !*now || !strcmp(was, now);
		}
	return true;
}

/* Are the kernels still those that the record speaks of? */
static int same_kernels(struct hunt *h, const json_t *setup, bool *same,
			struct err *e)
{
	const json_t *list = json_object_get(setup, "kernels");

	*same = json_array_size(list) == (size_t)h->n + 1;
	for (int k = 0; *same && k <= h->n; k++) {
		const char *was = json_string_value(json_object_get(
			json_array_get(list, (size_t)k), "request"));
		struct guided_kernel now;

		if (guided_kernel(h->run, (size_t)k, &now, e))
			return -EIO;
		*same = was && now.request && !strcmp(was, now.request);
		guided_kernel_release(&now);
	}
	*same = *same && same_boots(h, setup);
	return 0;
}

/* A record that cannot be gone on with need not be in the way. */
static void advise(struct err *e)
{
	const struct err was = *e;

	err_user(e, "%.900s; --again puts the record aside and begins anew",
		 was.text);
}

static int open_record(struct hunt *h, struct err *e)
{
	char *path = hunt_path(h->rq.lab->dir, h->s->name);
	bool same = true;
	int r = 0;

	if (h->rq.again && file_exists(path))
		r = put_aside(h, e);
	if (!r)
		r = journal_open(path, &h->j, e);
	if (!r && journal_find(&h->j, "setup"))
		r = same_kernels(h, journal_find(&h->j, "setup"), &same, e);
	if (!r && !same) {
		hunt_say(h, "kernels, machine or workload are others than in "
			    "the record, which is put aside");
		journal_close(&h->j);
		r = put_aside(h, e);
		if (!r)
			r = journal_open(path, &h->j, e);
	}
	if (!r && journal_find(&h->j, "setup"))
		r = hunt_resume(h, e);
	if (r && e->kind == ERR_USER)
		advise(e);
	free(path);
	return r;
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
	name = name_of(h);
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
		r = open_record(h, e);
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
