#include "build/kconfig_chain.h"

#include "base/err.h"
#include "base/str.h"
#include "build/kconfig_changes.h"
#include "build/kconfig_file.h"

#include <errno.h>

/* An option in which the two ends differ. */
struct wish {
	const char *option, *value; /* value of the far end */
	int line;                   /* in that end, else in the near one */
	bool lead;                  /* it can be asked for */
	bool idle;                  /* it changed nothing so far */
};

/* A try that may become a step. */
struct
try {
	char *path;
	struct kconfig_file file;
	size_t left; /* options in which it still differs from the far end */
	size_t lead; /* of wishes */
	size_t leads;
};

struct way {
	const struct chain_request *rq;
	struct chain *out;
	struct kconfig_file now, to;
	struct wish *wishes; /* from now to the far end */
	size_t n, all;
	struct strv idle; /* options that changed nothing when asked alone */
	size_t chunk;     /* options tried at once */
	size_t limit;     /* what changes more than so many options waits */
	struct try best;
};

static void release_try(struct try *t)
{
	free(t->path);
	kconfig_file_release(&t->file);
	*t = (struct try){0};
}

/* ---- comparing ---- */

static bool is_switch(const char *value)
{
	return !value[1] && (*value == 'y' || *value == 'm' || *value == 'n');
}

static void add_wish(const char *option, const char *a, const char *b,
		     void *arg)
{
	struct way *w = arg;
	const struct kconfig_entry *is = kconfig_file_find(&w->to, option);
	struct wish *x = &w->wishes[w->n++];

	(void)a;
	*x = (struct wish){.option = option, .value = b, .lead = true};
	if (is) {
		x->line = is->line;
	} else {
		is = kconfig_file_find(&w->now, option);
		x->line = is->line;
		/* A number or a text cannot be asked to be gone. */
		x->lead = is_switch(is->value);
	}
}

struct count {
	const struct way *w;
	size_t left, strange;
};

/* Does it differ where it did before, and in what it did not? */
static void count_one(const char *option, const char *a, const char *b,
		      void *arg)
{
	struct count *c = arg;

	(void)a;
	(void)b;
	c->left++;
	c->strange += !strcmp(kconfig_value_in(&c->w->now, option),
			      kconfig_value_in(&c->w->to, option));
}

static int by_line(const void *a, const void *b)
{
	const struct wish *x = a, *y = b;

	return (x->line > y->line) - (x->line < y->line);
}

/* What is left to do, in the order of the file: what an option needs is often
 * above it. */
static void find_wishes(struct way *w)
{
	free(w->wishes);
	w->wishes = xcalloc(w->now.n + w->to.n + 1, sizeof(*w->wishes));
	w->n = 0;
	kconfig_each_change(&w->now, &w->to, add_wish, w);
	for (size_t i = 0; i < w->n; i++)
		w->wishes[i].idle = strv_has(&w->idle, w->wishes[i].option);
	qsort(w->wishes, w->n, sizeof(*w->wishes), by_line);
}

/* ---- trying ---- */

/* The config as it is.  What it cannot have yet keeps off when it can, unless
 * all is to come at once; the others get their values of the far end. */
static void put_rest(const struct way *w, bool all, struct str *text)
{
	for (size_t i = 0; i < w->now.n; i++)
		kconfig_add_text(text, w->now.at[i].option, w->now.at[i].value);
	for (size_t i = 0; i < w->to.n; i++) {
		const struct kconfig_entry *x = &w->to.at[i];

		if (!kconfig_file_find(&w->now, x->option))
			kconfig_add_text(
				text, x->option,
				is_switch(x->value) && !all ? "n" : x->value);
	}
}

static int settle(const struct way *w, const struct str *text, struct try *t,
		  struct err *e)
{
	int r = w->rq->settle(text, &t->path, w->rq->arg, e);

	return r ? r : kconfig_file_load(t->path, false, &t->file, e);
}

/* Tries wishes from that one on; *good if it may stand, *changes if it is
 * another config at all. */
static int try_from(struct way *w, size_t at, bool all, struct try *t,
		    bool *good, bool *changes, struct err *e)
{
	struct str text = STR_INIT;
	struct count c = {.w = w}, from_now = {.w = w};
	int r;

	*t = (struct try){.lead = at};
	put_rest(w, all, &text);
	for (size_t i = at; i < w->n && t->leads < w->chunk; i++)
		if (w->wishes[i].lead && !w->wishes[i].idle) {
			kconfig_add_text(&text, w->wishes[i].option,
					 w->wishes[i].value);
			t->leads++;
		}
	r = settle(w, &text, t, e);
	str_release(&text);
	if (r)
		return r;
	kconfig_each_change(&t->file, &w->to, count_one, &c);
	kconfig_each_change(&t->file, &w->now, count_one, &from_now);
	t->left = c.left;
	*changes = from_now.left;
	*good = !c.strange && c.left < w->n;
	return 0;
}

/* ---- steps ---- */

static void add_step(struct way *w, struct try *t, const char *lead)
{
	struct chain *out = w->out;
	struct chain_step *s;

	out->at = xrealloc(out->at, (out->n + 1) * sizeof(*out->at));
	s = &out->at[out->n++];
	*s = (struct chain_step){.path = t->path,
				 .lead = lead ? xstrdup(lead) : NULL,
				 .leads = t->leads};
	t->path = NULL;
	kconfig_each_change(&w->now, &t->file, kconfig_add_change, &s->lines);
	kconfig_file_release(&w->now);
	w->now = t->file;
	*t = (struct try){0};
}

static void take(struct way *w, struct try *t)
{
	char *lead = xstrdup(w->wishes[t->lead].option);

	if (!t->left) {
		free(t->path);
		t->path = xstrdup(w->rq->to);
	}
	add_step(w, t, lead);
	free(lead);
	release_try(&w->best);
	find_wishes(w);
	if (w->rq->progress)
		w->rq->progress(w->n, w->all, w->rq->arg);
}

/* What changes least. */
static void keep_best(struct way *w, struct try *t)
{
	if (w->best.path && w->best.left >= t->left) {
		release_try(t);
		return;
	}
	release_try(&w->best);
	w->best = *t;
	*t = (struct try){0};
}

/* One try; *taken if it is a step by now. */
static int try_one(struct way *w, size_t at, bool *taken, struct err *e)
{
	bool good, changes;
	struct try t;
	int r = try_from(w, at, false, &t, &good, &changes, e);

	*taken = false;
	if (!r && !good && changes) {
		release_try(&t);
		r = try_from(w, at, true, &t, &good, &changes, e);
	}
	if (!r && good && (w->chunk > 1 || t.left + w->limit >= w->n)) {
		*taken = true;
		take(w, &t);
	} else if (!r && good) {
		keep_best(w, &t);
	} else if (!r && !changes && w->chunk == 1) {
		w->wishes[at].idle = true;
		strv_add(&w->idle, w->wishes[at].option);
	}
	release_try(&t);
	return r;
}

static size_t next_lead(const struct way *w, size_t at)
{
	while (at < w->n && (!w->wishes[at].lead || w->wishes[at].idle))
		at++;
	return at;
}

/* The wish after the one that was at that line. */
static size_t after_line(const struct way *w, int line)
{
	size_t at = 0;

	while (at < w->n && w->wishes[at].line <= line)
		at++;
	return at;
}

/* Once over all that is left; *steps is how many became one. */
static int pass(struct way *w, size_t *steps, struct err *e)
{
	size_t at = next_lead(w, 0);
	bool taken;
	int r = 0;

	*steps = 0;
	while (!r && at < w->n) {
		size_t leads = 0, next = at;
		int line;

		/* The last one of those that are tried. */
		for (size_t i = at; i < w->n && leads < w->chunk; i++)
			if (w->wishes[i].lead && !w->wishes[i].idle) {
				leads++;
				next = i;
			}
		line = w->wishes[next].line;
		r = try_one(w, at, &taken, e);
		*steps += taken;
		at = next_lead(w, after_line(w, line));
	}
	return r;
}

static bool wake(struct way *w)
{
	bool any = w->idle.n;

	strv_release(&w->idle);
	for (size_t i = 0; i < w->n; i++)
		w->wishes[i].idle = false;
	return any;
}

/* What is left comes at once. */
static void jump(struct way *w)
{
	struct try t = {.path = xstrdup(w->rq->to), .file = w->to};
	size_t lead = next_lead(w, 0);
	const char *name = w->wishes[lead < w->n ? lead : 0].option;
	char *copy = xstrdup(name);

	for (size_t i = 0; i < w->n; i++)
		t.leads += w->wishes[i].lead;
	add_step(w, &t, copy);
	w->to = (struct kconfig_file){0}; /* it is in now */
	w->n = 0;
	free(copy);
}

static size_t leads_of(const struct way *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += w->wishes[i].lead;
	return n;
}

/* First what can come alone, then the least that can come together, and so on;
 * what changed nothing is asked again when there is nothing else. */
static int go(struct way *w, struct err *e)
{
	bool woken = false;
	size_t steps;
	int r = 0;

	while (!r && w->n) {
		r = pass(w, &steps, e);
		if (r)
			break;
		if (!steps && w->best.path) {
			w->limit = w->n - w->best.left;
			take(w, &w->best);
			steps = 1;
		}
		if (steps) {
			woken = false;
		} else if (!woken && w->chunk == 1 && wake(w)) {
			woken = true;
		} else {
			jump(w);
		}
	}
	return r;
}

int kconfig_chain(const struct chain_request *rq, struct chain *out,
		  struct err *e)
{
	struct way w = {.rq = rq, .out = out, .chunk = 1, .limit = 1};
	struct try first = {.path = xstrdup(rq->from)};
	int r = kconfig_file_load(rq->from, false, &first.file, e);
	size_t leads;

	*out = (struct chain){0};
	if (!r)
		r = kconfig_file_load(rq->to, false, &w.to, e);
	if (!r) {
		add_step(&w, &first, NULL);
		strv_release(&out->at[0].lines);
		find_wishes(&w);
		w.all = w.n;
		leads = leads_of(&w);
		if (rq->few && leads > rq->few)
			w.chunk = (leads + rq->few - 1) / rq->few;
		r = go(&w, e);
	}
	release_try(&first);
	release_try(&w.best);
	kconfig_file_release(&w.now);
	kconfig_file_release(&w.to);
	strv_release(&w.idle);
	free(w.wishes);
	if (r)
		chain_release(out);
	return r;
}

void chain_release(struct chain *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->at[i].path);
		free(c->at[i].lead);
		strv_release(&c->at[i].lines);
	}
	free(c->at);
	*c = (struct chain){0};
}
