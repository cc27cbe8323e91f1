/* The configs of a study, settled by the Kconfig of each tree that has another
 * one. */
#include "lab/builds_plan.h"

#include "base/str.h"

#include <errno.h>

/* What settles a stage's configs: Kconfig's files; or it brings one that is
 * settled. */
static const char *settled_by(const struct builds *b, size_t stage)
{
	const struct stage *g = &b->s->stages[stage];

	return g->config ? g->config : tree_at(b, stage)->kconfig;
}

static struct settled *find_settled(const struct builds *b, size_t config,
				    const char *id)
{
	for (size_t i = 0; i < b->nsettled; i++)
		if (b->settled[i].config == config &&
		    !strcmp(b->settled[i].id, id))
			return &b->settled[i];
	return NULL;
}

/* Kconfig has an object folder of its own: what it leaves there would make
 * make build more. */
struct settled *settled_at(const struct builds *b, size_t stage, size_t config)
{
	return find_settled(b, config, settled_by(b, stage));
}

static void settle_in(struct builds *b, const struct kconfig_request *rq,
		      const struct tree_stage *t, struct settled *out)
{
	const struct kconfig *c = &b->s->configs[out->config];
	char *text;

	if (worktree_switch(b->lab->dir, b->name, t->commit, &out->why)) {
		out->failed = true;
		return;
	}
	text = xasprintf("settling config '%s'", c->name);
	if (b->o.note)
		b->o.note(text, b->o.arg);
	free(text);
	out->failed = kconfig_settle(rq, &out->r, &out->why) != 0;
}

/* obj is that of box, which is freed by the caller. */
static void kconfig_request(const struct builds *b, const struct kconfig *c,
			    const struct tree_stage *t, struct sandbox *box,
			    struct kconfig_request *rq)
{
	*box = b->walks->lanes->box;
	box->obj = xasprintf("%s/obj/%s-kconfig", b->lab->dir, b->name);
	*rq = (struct kconfig_request){
		.lab = b->lab->dir,
		.share = b->lab->share,
		.study = b->s->path,
		.config = c,
		.tree_id = t->kconfig,
		.tools = &b->s->tools,
		.box = box,
	};
}

static void settle(struct builds *b, size_t config, size_t stage)
{
	struct settled *out = &b->settled[b->nsettled++];
	const struct tree_stage *t = tree_at(b, stage);
	const char *given = b->s->stages[stage].config;
	struct kconfig_request rq;
	struct sandbox box;
	int r;

	*out = (struct settled){.config = config, .id = settled_by(b, stage)};
	if (given) {
		out->r.path = xstrdup(given);
		return;
	}
	kconfig_request(b, &b->s->configs[config], t, &box, &rq);
	r = kconfig_find(&rq, &out->r, &out->why);
	if (r == -ENOENT)
		settle_in(b, &rq, t, out);
	else
		out->failed = r != 0;
	free((char *)box.obj);
}

int builds_settle(struct builds *b, size_t stage, const char *path,
		  char **settled, struct err *e)
{
	const struct tree_stage *t = tree_at(b, stage);
	struct kconfig c = {.name = b->s->configs[0].name,
			    .base = KCONFIG_FILE,
			    .base_path = (char *)path};
	struct kconfig_result result = {0};
	struct kconfig_request rq;
	struct sandbox box;
	int r;

	kconfig_request(b, &c, t, &box, &rq);
	r = kconfig_find(&rq, &result, e);
	if (r == -ENOENT) {
		r = 0;
		/* All but the first find the tree as it should be. */
		if (b->settles_at != t)
			r = worktree_switch(b->lab->dir, b->name, t->commit, e);
		b->settles_at = r ? NULL : t;
		if (!r)
			r = kconfig_settle(&rq, &result, e);
	}
	*settled = r ? NULL : xstrdup(result.path);
	kconfig_result_release(&result);
	free((char *)box.obj);
	return r;
}

/* Does the option exist in the tree at some other stage?  A series may bring
 * it, or take it away. */
static bool known_elsewhere(const struct builds *b, const struct settled *s,
			    const char *option)
{
	for (size_t i = 0; i < b->nsettled; i++) {
		const struct settled *o = &b->settled[i];
		bool missing = false;

		if (o->config != s->config || o == s || o->failed)
			continue;
		for (size_t k = 0; k < o->r.nunmet; k++)
			missing |= o->r.unmet[k].unknown &&
				   !strcmp(o->r.unmet[k].option, option);
		if (!missing)
			return true;
	}
	return false;
}

/* A wish that did not come true makes the config useless: it would measure
 * something else than what the study says. */
static void refuse_unmet(struct builds *b, struct settled *s)
{
	const struct kconfig *c = &b->s->configs[s->config];
	struct str all = STR_INIT;
	size_t n = 0;

	for (size_t i = 0; i < s->r.nunmet; i++) {
		const struct kconfig_unmet *u = &s->r.unmet[i];

		if (u->unknown && known_elsewhere(b, s, u->option))
			continue;
		str_addf(&all, "%s%s: config '%s': %s", n++ ? "; " : "",
			 u->from, c->name, u->text);
	}
	if (n) {
		s->failed = true;
		err_user(&s->why, "%s", all.buf);
	}
	str_release(&all);
}

/* Once for each state of the Kconfig files, which most series never touch. */
void settle_all(struct builds *b)
{
	const struct study *s = b->s;

	b->settled = xcalloc(s->nstages * s->nconfigs, sizeof(*b->settled));
	for (size_t g = 0; g < s->nstages; g++) {
		const struct tree_stage *t = tree_at(b, g);

		for (size_t c = 0; t->commit[0] && c < s->nconfigs; c++)
			if (!find_settled(b, c, settled_by(b, g)))
				settle(b, c, g);
	}
	for (size_t i = 0; i < b->nsettled; i++)
		if (!b->settled[i].failed)
			refuse_unmet(b, &b->settled[i]);
	for (size_t i = 0; i < b->nsettled; i++)
		if (b->settled[i].failed)
			b->o.trouble(&b->settled[i].why, b->o.arg);
}

const char *builds_config(const struct builds *b, size_t stage, size_t config,
			  const struct err **why)
{
	const struct tree_stage *t = tree_at(b, stage);
	const struct settled *s;

	*why = &t->why;
	if (!t->commit[0])
		return NULL;
	s = settled_at(b, stage, config);
	*why = &s->why;
	return s->failed ? NULL : s->r.path;
}
