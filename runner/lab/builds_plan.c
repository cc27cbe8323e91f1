#include "lab/builds_plan.h"

#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <sys/stat.h>

#define BUILD_DEADLINE_MS (2ull * 3600 * 1000)

struct planned *planned_at(const struct builds *b, size_t stage, size_t config)
{
	return &b->planned[stage * b->s->nconfigs + config];
}

const struct planned *builds_at(const struct builds *b, size_t stage,
				size_t config)
{
	return planned_at(b, stage, config);
}

/* The number in the source. */
static size_t tree_index(const struct builds *b, size_t stage)
{
	const struct stage *g = &b->s->stages[stage];

	return (size_t)(g->config ? g->from : g->idx);
}

const struct tree_stage *tree_at(const struct builds *b, size_t stage)
{
	size_t idx = tree_index(b, stage);

	BUG(idx >= b->tree.n);
	return &b->tree.at[idx];
}

const struct tree_stage *builds_stage(const struct builds *b, size_t stage)
{
	return tree_at(b, stage);
}

const char *builds_source(const struct builds *b)
{
	return b->name;
}

const char *builds_objects(const struct builds *b, size_t config)
{
	return b->walks->lanes[config].obj;
}

/* ---- the tree ---- */

static void fill_request(const struct builds *b, struct tree_request *rq)
{
	static const enum tree_kind kinds[] = {
		[SOURCE_GIT] = TREE_GIT,
		[SOURCE_TARBALL] = TREE_TARBALL,
		[SOURCE_DEBIAN_SOURCE] = TREE_DEBIAN,
	};
	const struct source *src = &b->s->source;

	*rq = (struct tree_request){
		.kind = kinds[src->kind],
		.where = src->where,
		.base = src->base,
		.to = src->to,
		.sha256 = src->sha256,
		.suite = src->suite,
		.version = src->version,
		.refresh = b->o.refresh,
		.note = b->o.note,
		.arg = b->o.arg,
	};
}

/* The range may have moved between the reading of the study and now. */
static int check_count(const struct builds *b, struct err *e)
{
	size_t last = tree_index(b, b->s->nstages - 1);

	if (last < b->tree.n)
		return 0;
	return err_user(e, "the source has %zu stages now, and not %zu",
			b->tree.n, last + 1);
}

static int make_stages(struct builds *b, struct err *e)
{
	struct tree_request rq;
	int r;

	fill_request(b, &rq);
	tree_name(&rq, b->name);
	r = tree_stages(b->lab->dir, &rq, &b->s->source.series, &b->tree, e);
	if (!r)
		r = check_count(b, e);
	if (r) {
		err_prefix(e, "%s:%d: key 'source'", b->s->path,
			   b->s->source.line);
		return r;
	}
	return 0;
}

/* Stages that could not be made: told once for the first, which says why. */
static void refuse_stages(struct builds *b)
{
	bool told = false;

	for (size_t g = 0; g < b->s->nstages; g++) {
		const struct tree_stage *t = tree_at(b, g);

		if (t->commit[0])
			continue;
		for (size_t c = 0; c < b->s->nconfigs; c++)
			planned_at(b, g, c)->why = t->why;
		if (!told)
			b->o.trouble(&t->why, b->o.arg);
		told = true;
	}
}

/* ---- folders ---- */

static void add_folder(const struct builds *b, const char *path,
		       struct strv *paths)
{
	BUG(!str_starts(path, b->lab->dir));
	strv_add_new(paths, path + strlen(b->lab->dir) + 1);
}

void builds_folders(const struct builds *b, struct strv *paths)
{
	char *repo = worktree_repo(b->lab->dir, b->name);

	/* The one in lab/git that the worktree is of. */
	if (repo) {
		const char *slash = strrchr(repo, '/');

		strv_addf(paths, "git/%s", slash ? slash + 1 : repo);
	}
	free(repo);
	strv_addf(paths, "trees/%s", b->name);
	strv_addf(paths, "obj/%s-kconfig", b->name);
	for (size_t c = 0; c < b->s->nconfigs; c++)
		add_folder(b, b->walks->lanes[c].obj, paths);
	for (size_t i = 0; i < b->nsettled; i++) {
		char *path;

		if (!b->settled[i].r.path)
			continue;
		path = xstrdup(b->settled[i].r.path);
		*strrchr(path, '/') = '\0';
		add_folder(b, path, paths);
		free(path);
	}
}

/* ---- what there is to do ---- */

void lane_request(const struct lane *l, size_t stage, size_t config,
		  struct build_request *rq)
{
	struct builds *b = l->walk->b;
	const struct tree_stage *t = tree_at(b, stage);

	*rq = (struct build_request){
		.lab = b->lab->dir,
		.box = &l->box,
		.tools = &b->s->tools,
		.config = settled_at(b, stage, config)->r.path,
		.commit = t->commit,
		.tree = t->tree,
		.source = source_word(b->s->source.kind),
		.stage = b->s->stages[stage].name,
		.touched = &t->paths,
		.kmods = b->kmods.n ? &b->kmods : NULL,
		.jobs = b->o.jobs,
		.deadline_ms = BUILD_DEADLINE_MS,
	};
}

static void plan_one(struct builds *b, size_t stage, size_t config)
{
	const struct tree_stage *t = tree_at(b, stage);
	struct planned *p = planned_at(b, stage, config);
	const struct settled *s;
	struct build_request rq;
	struct err e;
	int r;

	if (!t->commit[0])
		return;
	s = settled_at(b, stage, config);
	if (s->failed) {
		p->why = s->why;
		return;
	}
	lane_request(&b->walks->lanes[config], stage, config, &rq);
	r = build_key(&rq, p->key, &e);
	if (!r)
		r = build_find(&rq, &p->was, &e);
	p->state = PLANNED_DONE;
	if (r || (p->was.state == BUILD_BROKEN && b->o.retry))
		p->state = b->o.on_demand ? PLANNED_LATER : PLANNED_TODO;
	if (!r || r == -ENOENT)
		return;
	p->state = PLANNED_NONE;
	p->why = e;
	b->o.trouble(&e, b->o.arg);
}

size_t builds_todo(const struct builds *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->s->nstages * b->s->nconfigs; i++)
		n += b->planned[i].state == PLANNED_TODO;
	return n;
}

/* An object folder is for one source, one config and one toolchain.  No two
 * configs of a study may build in one, so their names are in it: what they ask
 * for may read the same. */
static char *obj_path(const struct builds *b, const struct kconfig *c)
{
	char *config = config_request(c);
	char *args = strv_join(&b->s->tools.make_args, " ");
	char *text = xasprintf("%s\n%s\n%s\n%s\n%d\n%s\n%d\n", b->name, c->name,
			       config, b->s->tools.version, b->s->tools.llvm,
			       args, b->o.no_sandbox);
	char hex[SHA256_HEX], *path;

	mem_sha256(text, strlen(text), hex);
	path = xasprintf("%s/obj/%s-%.16s", b->lab->dir, b->name, hex);
	free(text);
	free(args);
	free(config);
	return path;
}

/* The walk that is kept in the lab. */
static void make_walk(struct builds *b)
{
	struct walk *w = xcalloc(WALKS_MAX, sizeof(*w));

	b->walks = w;
	b->nwalks = 1;
	*w = (struct walk){.b = b,
			   .root = xstrdup(b->lab->dir),
			   .src = worktree_path(b->lab->dir, b->name),
			   .lanes = xcalloc(b->s->nconfigs, sizeof(*w->lanes)),
			   .ready = true,
			   .end = b->s->nstages};
	toolchain_folders(&b->s->tools, &b->folders);
	if (b->s->tools.ccache)
		b->ccache = sandbox_ccache();
	for (size_t c = 0; c < b->s->nconfigs; c++) {
		struct lane *l = &w->lanes[c];

		l->walk = w;
		l->obj = obj_path(b, &b->s->configs[c]);
		l->box = (struct sandbox){.src = w->src,
					  .obj = l->obj,
					  .ccache = b->ccache,
					  .off = b->o.no_sandbox,
					  .extra = &b->folders};
	}
}

static bool may_be_wanted(const struct builds *b, size_t stage)
{
	for (size_t c = 0; c < b->s->nconfigs; c++)
		if (planned_at(b, stage, c)->state == PLANNED_LATER)
			return true;
	return false;
}

/* Checks the tree out for the first build, and puts it right if somebody has
 * written to it; later stages only switch what differs. */
static int check_out(struct builds *b, struct err *e)
{
	size_t g = 0;

	while (g < b->s->nstages && !stage_wanted(b, g) && !may_be_wanted(b, g))
		g++;
	if (g == b->s->nstages)
		return 0;
	if (b->o.note && !file_exists(b->walks->src))
		b->o.note("checking out the tree", b->o.arg);
	return worktree_switch(b->lab->dir, b->name, tree_at(b, g)->commit, e);
}

/* A build may leave a program that runs with the rights of whoever owns it, for
 * other users of the host to find. */
static int close_objects(const struct builds *b, struct err *e)
{
	char *path = xasprintf("%s/obj", b->lab->dir);
	int r = file_mkdirs(path, e);

	if (!r && chmod(path, 0700))
		r = err_sys(e, errno, "cannot close folder '%s'", path);
	free(path);
	return r;
}

int builds_plan(struct builds *b, struct err *e)
{
	const struct study *s = b->s;
	int r = toolchain_find(&b->s->tools, e);

	if (!r && !b->o.no_sandbox)
		r = sandbox_check(e);
	if (!r)
		r = close_objects(b, e);
	if (!r)
		r = make_stages(b, e);
	if (r)
		return r;
	b->planned = xcalloc(s->nstages * s->nconfigs, sizeof(*b->planned));
	make_walk(b);
	refuse_stages(b);
	settle_all(b);
	for (size_t g = 0; g < s->nstages; g++)
		for (size_t c = 0; c < s->nconfigs; c++)
			plan_one(b, g, c);
	walks_new(b);
	return check_out(b, e);
}

bool stage_wanted(const struct builds *b, size_t stage)
{
	for (size_t c = 0; c < b->s->nconfigs; c++)
		if (planned_at(b, stage, c)->state == PLANNED_TODO)
			return true;
	return false;
}
