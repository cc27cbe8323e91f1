/* What a hunt between configs found is put upon the good config alone: is it
 * enough, and if not, what else has to be there? */
#include "bisect/configs_int.h"

#include <errno.h>

/* How often what is no single step is divided. */
#define DEPTH_MAX 3

/* ---- what was found ---- */

/* Of a hunt along a chain; the paths are owned. */
struct find {
	char *low, *high; /* before and after */
	struct strv lines;
	bool coarse; /* one step that may be taken apart */
	bool range;  /* one of several steps */
};

static void take_find(const struct chain *chain, int first, int last,
		      struct find *f)
{
	*f = (struct find){.low = xstrdup(chain->at[first - 1].path),
			   .high = xstrdup(chain->at[last].path),
			   .coarse =
				   first == last && chain->at[first].leads > 1};
	f->range = first < last;
	for (int i = first; i <= last; i++)
		configs_lines(&chain->at[i], &f->lines);
}

static void release_find(struct find *f)
{
	free(f->low);
	free(f->high);
	strv_release(&f->lines);
	*f = (struct find){0};
}

/* Several options that were one step are put in order, and one is searched. */
static int split(struct configs *c, struct hunt *h, struct find *f,
		 struct err *e)
{
	char *bad = xasprintf("%s and the next options", c->good_name);
	struct outcome got = {.first = 1};
	int r = 0;

	while (!r && f->coarse && got.first) {
		const struct end from = {f->low, c->good_name};
		const struct end to = {f->high, bad};
		struct chain chain;
		size_t n;

		r = configs_hunt_part(c, h, &from, &to, true, &chain, &got, e);
		if (r)
			break;
		n = chain.n;
		if (got.first && n > 2) {
			release_find(f);
			take_find(&chain, got.first, got.last, f);
		}
		chain_release(&chain);
		if (n == 2)
			f->coarse = false;
	}
	free(bad);
	return r;
}

static int add_part(struct configs *c, struct hunt *h, const struct chain *from,
		    int first, int last, struct err *e)
{
	struct find f;
	int r;

	take_find(from, first, last, &f);
	r = split(c, h, &f, e);
	if (!r) {
		struct part *p = &c->parts[c->nparts++];

		p->lines = f.lines;
		p->as = f.range ? "range" : f.coarse ? "group" : "step";
		f.lines = (struct strv)STRV_INIT;
	}
	release_find(&f);
	return r;
}

static int add_found(struct configs *c, struct hunt *h,
		     const struct chain *chain, const struct outcome *got,
		     int depth, struct err *e);

/* Where the difference comes in more than one step, each half has its own. */
static int add_half(struct configs *c, struct hunt *h,
		    const struct chain *chain, size_t first, size_t last,
		    int depth, struct err *e)
{
	char *low = first ? xasprintf("%s up to CONFIG_%s", c->good_name,
				      chain->at[first].lead)
			  : xstrdup(c->good_name);
	char *high = xasprintf("%s up to CONFIG_%s", c->good_name,
			       chain->at[last].lead);
	const struct end from = {chain->at[first].path, low};
	const struct end to = {chain->at[last].path, high};
	struct outcome got;
	struct chain half;
	int r = configs_hunt_part(c, h, &from, &to, false, &half, &got, e);

	if (!r) {
		r = add_found(c, h, &half, &got, depth + 1, e);
		chain_release(&half);
	}
	free(high);
	free(low);
	return r;
}

static int add_found(struct configs *c, struct hunt *h,
		     const struct chain *chain, const struct outcome *got,
		     int depth, struct err *e)
{
	int r = 0;

	if (c->nparts == PARTS_MAX)
		return 0;
	if (got->first)
		return add_part(c, h, chain, got->first, got->last, e);
	if (!got->mid || depth == DEPTH_MAX)
		return 0;
	r = add_half(c, h, chain, 0, (size_t)got->mid, depth, e);
	return r ? r
		 : add_half(c, h, chain, (size_t)got->mid, chain->n - 1, depth,
			    e);
}

/* ---- the good config with it ---- */

void configs_parts(const struct configs *c, struct strv *lines)
{
	for (size_t i = 0; i < c->nparts; i++)
		strv_merge(lines, &c->parts[i].lines);
}

/* Upon the good config: do all lines of the parts take, with these before? */
static int put_together(struct configs *c, const struct strv *before,
			char **path, bool *all, struct err *e)
{
	struct strv lines = STRV_INIT;
	size_t taken;
	int r;

	strv_merge(&lines, before);
	configs_parts(c, &lines);
	r = kconfig_apply(configs_settle, c, c->good, &lines, path, &taken, e);
	*all = taken == lines.n;
	strv_release(&lines);
	return r;
}

static void join_kept(const struct configs *c, const bool *keep,
		      struct strv *lines)
{
	strv_release(lines);
	for (size_t i = 1; i < c->before; i++)
		if (keep[i])
			strv_merge(lines, &c->chain.at[i].lines);
}

/* What came before it in the chain, and is not needed for Kconfig to let it be,
 * is left out, one step after the other. */
static int leave_out(struct configs *c, struct err *e)
{
	bool *keep = xcalloc(c->before + 1, sizeof(*keep)), all;
	int r = 0;

	for (size_t i = 1; i < c->before; i++)
		keep[i] = true;
	for (size_t i = c->before; !r && --i >= 1;) {
		char *path;

		keep[i] = false;
		join_kept(c, keep, &c->needs);
		r = put_together(c, &c->needs, &path, &all, e);
		keep[i] = !all;
		free(path);
	}
	join_kept(c, keep, &c->needs);
	free(keep);
	return r;
}

static int put_upon_good(struct configs *c, struct err *e)
{
	bool all;
	int r;

	free(c->together);
	strv_release(&c->needs);
	r = put_together(c, &c->needs, &c->together, &all, e);
	if (r || all)
		return r;
	r = leave_out(c, e);
	free(c->together);
	c->together = NULL;
	return r ? r : put_together(c, &c->needs, &c->together, &all, e);
}

/* With the parts there, what else is it that the bad end needs? */
static int search_more(struct configs *c, struct hunt *h, bool *found,
		       struct err *e)
{
	const char *high = c->chain.at[c->last].path;
	char *good =
		xasprintf("%s with %s", c->good_name, c->parts[0].lines.v[0]);
	char *bad = xasprintf("%s up to there", c->good_name);
	const struct end from = {c->together, good}, to = {high, bad};
	struct outcome got;
	struct chain chain;
	size_t before = c->nparts;
	int r;

	hunt_say(h, "that is not enough alone: what else has to be there?");
	r = configs_hunt_part(c, h, &from, &to, true, &chain, &got, e);
	if (!r) {
		r = add_found(c, h, &chain, &got, 0, e);
		chain_release(&chain);
	}
	*found = c->nparts > before;
	free(bad);
	free(good);
	return r;
}

static int complete(struct configs *c, struct hunt *h, enum enough *enough,
		    struct err *e)
{
	bool found = true;
	int r = 0;

	*enough = ENOUGH_NO;
	while (!r && found && *enough == ENOUGH_NO) {
		r = put_upon_good(c, e);
		if (!r)
			r = configs_enough(c, h, enough, e);
		found = false;
		if (!r && *enough == ENOUGH_NO && c->nparts < PARTS_MAX)
			r = search_more(c, h, &found, e);
	}
	return r;
}

/* ---- the result ---- */

static json_t *list_of(const struct strv *lines)
{
	json_t *list = json_array();

	for (size_t i = 0; i < lines->n; i++)
		json_array_append_new(list, json_string(lines->v[i]));
	return list;
}

static json_t *result_of(const struct configs *c, enum enough enough,
			 json_t *without)
{
	json_t *options = json_array();

	for (size_t i = 0; i < c->nparts; i++)
		json_array_append_new(options,
				      json_pack("{s:o, s:s, s:O*}", "lines",
						list_of(&c->parts[i].lines),
						"as", c->parts[i].as, "alone",
						c->parts[i].alone));
	return json_pack("{s:o, s:o, s:o*, s:O*, s:o*}", "options", options,
			 "needs", list_of(&c->needs), "enough",
			 enough == ENOUGH_UNTOLD
				 ? NULL
				 : json_boolean(enough == ENOUGH_YES),
			 "together", c->enough, "without", without);
}

/* Where in the chain it is, if there is anything to be looked at. */
static bool is_of_use(struct configs *c, const struct hunt *h,
		      struct outcome *got)
{
	const struct bisect_step *s = &h->step;
	const json_t *sure = json_object_get(h->confirmation, "confirmed");
	json_t *as = json_pack("{s:s, s:{s:i}, s:{s:i}}", "verdict",
			       bisect_verdict_word(s->verdict), "first",
			       "patch", s->first, "last", "patch", s->last);

	configs_outcome(as, &h->j, got);
	json_decref(as);
	c->before = (size_t)got->first;
	c->last = (size_t)got->last;
	/* Of many steps, each adds its share wherever it is. */
	if (got->mid)
		c->before = c->last = c->chain.n - 1;
	return got->mid || (got->first && (!sure || json_is_true(sure)));
}

int configs_found(struct hunt *h, void *arg, json_t **more, struct err *e)
{
	struct configs *c = arg;
	struct outcome got;
	json_t *without = NULL;
	enum enough enough;
	int r;

	if (!is_of_use(c, h, &got))
		return 0;
	r = add_found(c, h, &c->chain, &got, 0, e);
	if (r || !c->nparts)
		return r;
	r = complete(c, h, &enough, e);
	if (!r)
		r = configs_each(c, h, e);
	if (!r && enough != ENOUGH_NO)
		r = configs_without(c, h, &without, e);
	if (!r)
		*more = result_of(c, enough, without);
	else
		json_decref(without);
	return r;
}
