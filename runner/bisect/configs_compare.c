/* What was found between configs, on fresh boots: the good config with it, and
 * the bad one without it. */
#include "bisect/configs_int.h"

#include <errno.h>
#include <math.h>

/* So much of the difference has to be there for a set to be enough. */
#define SHARE 0.5

/* ---- is it enough? ---- */

static int is_same(const char *a, const char *b, bool *same, struct err *e)
{
	struct strv lines = STRV_INIT;
	int r = kconfig_changes(a, b, &lines, e);

	*same = !lines.n;
	strv_release(&lines);
	return r;
}

static enum enough judge(const struct hunt *h, const json_t *says)
{
	const json_t *change = json_object_get(says, "change");

	if (json_object_get(says, "untold"))
		return ENOUGH_UNTOLD;
	return json_is_true(json_object_get(says, "confirmed")) &&
			       (!change ||
				fabs(log1p(json_number_value(change))) >=
					SHARE * fabs(hunt_effect(h)))
		       ? ENOUGH_YES
		       : ENOUGH_NO;
}

/* The good config with some lines, compared with itself. */
static int compare_with_good(struct configs *c, struct hunt *h,
			     const char *path, const struct strv *lines,
			     json_t **says, struct err *e)
{
	const struct end good = {c->good, c->good_name};
	char *more = lines->n > 1 ? xasprintf(" and %zu more", lines->n - 1)
				  : xstrdup("");
	char *name = xasprintf("%s with %s%s", c->good_name, lines->v[0], more);
	const struct end bad = {path, name};
	bool same;
	int r = is_same(c->good, path, &same, e);

	if (!r && same)
		*says = json_pack("{s:b, s:s}", "confirmed", 0, "says",
				  "Kconfig does not let it be alone");
	if (!r && !same)
		r = configs_pair(c, h, &good, &bad, PAIR_ALONE, says, e);
	free(name);
	free(more);
	return r;
}

int configs_enough(struct configs *c, struct hunt *h, enum enough *enough,
		   struct err *e)
{
	struct strv lines = STRV_INIT;
	bool same = false;
	int r = 0;

	json_decref(c->enough);
	c->enough = NULL;
	configs_parts(c, &lines);
	/* Has just that been compared already? */
	if (c->before == 1 && h->confirmation)
		r = is_same(c->together, c->chain.at[c->last].path, &same, e);
	if (!r && same)
		c->enough = json_incref(h->confirmation);
	else if (!r)
		r = compare_with_good(c, h, c->together, &lines, &c->enough, e);
	*enough = r ? ENOUGH_NO : judge(h, c->enough);
	strv_release(&lines);
	return r;
}

/* ---- each for itself ---- */

/* Of a set, what each part does without the others. */
int configs_each(struct configs *c, struct hunt *h, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && c->nparts > 1 && i < c->nparts; i++) {
		struct part *p = &c->parts[i];
		struct strv lines = STRV_INIT;
		size_t taken;
		char *path;

		strv_merge(&lines, &c->needs);
		strv_merge(&lines, &p->lines);
		r = kconfig_apply(configs_settle, c, c->good, &lines, &path,
				  &taken, e);
		if (!r)
			r = compare_with_good(c, h, path, &p->lines, &p->alone,
					      e);
		free(path);
		strv_release(&lines);
	}
	return r;
}

/* ---- the bad config without it ---- */

/* As the good config has them. */
static int take_back(const struct configs *c, struct strv *back, struct err *e)
{
	struct strv all = STRV_INIT, lines = STRV_INIT;
	int r = kconfig_changes(c->bad, c->good, &all, e);

	configs_parts(c, &lines);
	for (size_t i = 0; i < all.n; i++) {
		const char *name = strstr(all.v[i], "CONFIG_");
		size_t n = strcspn(name, "= ");

		for (size_t k = 0; k < lines.n; k++) {
			const char *is = strstr(lines.v[k], "CONFIG_");

			if (strcspn(is, "= ") == n && !strncmp(is, name, n)) {
				strv_add(back, all.v[i]);
				break;
			}
		}
	}
	strv_release(&lines);
	strv_release(&all);
	return r;
}

int configs_without(struct configs *c, struct hunt *h, json_t **says,
		    struct err *e)
{
	struct strv back = STRV_INIT;
	char *path = NULL, *name = xasprintf("%s without it", c->bad_name);
	const struct end bad = {c->bad, c->bad_name};
	struct end good = {.name = name};
	bool same = false;
	size_t taken = 0;
	int r = take_back(c, &back, e);

	if (!r)
		r = kconfig_apply(configs_settle, c, c->bad, &back, &path,
				  &taken, e);
	/* The last step has been compared with what was before it. */
	if (!r && h->confirmation && c->last + 1 == c->chain.n)
		r = is_same(path, c->chain.at[c->before - 1].path, &same, e);
	good.path = path;
	if (!r && taken < back.n)
		*says = json_pack("{s:b, s:s}", "clean", 0, "says",
				  "Kconfig does not let it be as in the good "
				  "config");
	else if (!r && !same)
		r = configs_pair(c, h, &good, &bad, PAIR_WITHOUT, says, e);
	free(name);
	free(path);
	strv_release(&back);
	return r;
}
