#include "lab/builds_plan.h"

#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <sys/stat.h>

/* Copying is paid back after about so many stages. */
#define STAGES_WORTH 4
#define COPY_DEADLINE_MS (30ull * 60 * 1000)
/* What has to stay free on the disk beside the copies. */
#define ROOM_LEFT (4ull << 30)

/* ---- the folders ---- */

static char *copy_root(const struct builds *b, size_t n)
{
	return xasprintf("%s/walks/%zu", b->lab->dir, n);
}

/* The same folder below another root. */
static char *moved(const struct walk *w, const char *path)
{
	BUG(!str_starts(path, w->b->lab->dir));
	return xasprintf("%s%s", w->root, path + strlen(w->b->lab->dir));
}

static void add_walk(struct builds *b)
{
	size_t n = b->nwalks++;
	struct walk *w = &b->walks[n], *first = b->walks;

	*w = (struct walk){.b = b, .root = copy_root(b, n)};
	w->src = moved(w, first->src);
	w->lanes = xcalloc(b->s->nconfigs, sizeof(*w->lanes));
	for (size_t c = 0; c < b->s->nconfigs; c++) {
		struct lane *l = &w->lanes[c];

		l->walk = w;
		l->obj = moved(w, first->lanes[c].obj);
		l->box = first->lanes[c].box;
		l->box.src = w->src;
		l->box.obj = l->obj;
	}
}

static size_t stages_todo(const struct builds *b)
{
	size_t n = 0;

	for (size_t g = 0; g < b->s->nstages; g++)
		n += stage_wanted(b, g);
	return n;
}

static size_t configs_todo(const struct builds *b)
{
	size_t n = 0;

	for (size_t c = 0; c < b->s->nconfigs; c++)
		for (size_t g = 0; g < b->s->nstages; g++)
			if (planned_at(b, g, c)->state == PLANNED_TODO) {
				n++;
				break;
			}
	return n;
}

/* Most of a later stage's make keeps one core busy.  Only in the sandbox do
 * all trees have one name; elsewhere a copy's objects are of no use. */
static size_t walks_of_use(const struct builds *b)
{
	size_t stages = stages_todo(b), configs = configs_todo(b), n;

	if (b->o.no_sandbox || !configs)
		return 1;
	n = (size_t)b->o.jobs / configs;
	if (n > stages / STAGES_WORTH)
		n = stages / STAGES_WORTH;
	return n > WALKS_MAX ? WALKS_MAX : n;
}

void walks_new(struct builds *b)
{
	size_t n = walks_of_use(b);

	while (b->nwalks < n)
		add_walk(b);
}

static void release(struct walk *w)
{
	for (size_t c = 0; w->lanes && c < w->b->s->nconfigs; c++) {
		strv_release(&w->lanes[c].changed);
		free(w->lanes[c].obj);
	}
	free(w->lanes);
	free(w->root);
	free(w->src);
}

void walks_free(struct builds *b)
{
	struct err ignored;

	for (size_t i = 0; i < b->nwalks; i++) {
		/* The run was stopped; else there is nothing any more. */
		if (i)
			file_remove(b->walks[i].root, &ignored);
		release(&b->walks[i]);
	}
	free(b->walks);
}

/* ---- copying ---- */

bool lane_is_first(const struct lane *l)
{
	char *vmlinux = xasprintf("%s/vmlinux", l->obj);
	char *killed = xasprintf("%s.building", l->obj);
	bool first = !file_exists(vmlinux) || file_exists(killed);

	free(killed);
	free(vmlinux);
	return first;
}

static bool wanted_of(const struct builds *b, size_t config)
{
	for (size_t g = b->walks->at; g < b->walks->end; g++)
		if (planned_at(b, g, config)->state == PLANNED_TODO)
			return true;
	return false;
}

bool walks_to_copy(const struct builds *b)
{
	if (b->nwalks < 2 || b->copied)
		return false;
	/* What is compiled for the first time is compiled once. */
	for (size_t c = 0; c < b->s->nconfigs; c++)
		if (wanted_of(b, c) && lane_is_first(&b->walks->lanes[c]))
			return false;
	return true;
}

bool walks_copying(const struct builds *b)
{
	return b->copying > 0;
}

/* The copies have to fit, and what they grow to. */
static size_t walks_that_fit(const struct builds *b)
{
	uint64_t room = file_space(b->lab->dir), each = 0;
	size_t n = 1;

	for (size_t c = 0; c < b->s->nconfigs; c++)
		if (wanted_of(b, c))
			each += 2 * file_usage(b->walks->lanes[c].obj);
	while (n < b->nwalks && room > ROOM_LEFT + n * each)
		n++;
	return n;
}

static void copied(struct walk *w, bool ready)
{
	w->ready = ready;
	w->b->copying--;
	w->b->copied_one(w);
}

static int start_copy(struct walk *w, const struct strv *argv, job_done_fn done,
		      struct err *e)
{
	struct job_spec spec = {.argv = (const char *const *)argv->v,
				.deadline_ms = COPY_DEADLINE_MS,
				.done = done,
				.arg = w};

	return job_start(w->b->loop, &spec, &w->job, e);
}

static bool went_well(const struct job_result *r)
{
	return !r->exit && !r->signal && !r->stopped;
}

static void on_objects(const struct job_result *r, void *arg)
{
	struct walk *w = arg;

	w->job = NULL;
	w->has_objects = went_well(r);
	for (size_t c = 0; w->has_objects && c < w->b->s->nconfigs; c++) {
		w->lanes[c].made = w->b->walks->lanes[c].made;
		w->lanes[c].made_config = w->b->walks->lanes[c].made_config;
	}
	copied(w, false);
}

/* With their times, by which make goes. */
static int copy_objects(struct walk *w, struct err *e)
{
	static const char *const cp[] = {"cp", "-a", "--reflink=auto", "--"};
	const struct builds *b = w->b;
	struct strv argv = STRV_INIT;
	char *obj = xasprintf("%s/obj", w->root);
	int r = file_remove(w->root, e);

	if (!r)
		r = file_mkdirs(obj, e);
	for (size_t i = 0; i < sizeof(cp) / sizeof(*cp); i++)
		strv_add(&argv, cp[i]);
	for (size_t c = 0; c < b->s->nconfigs; c++)
		if (wanted_of(b, c))
			strv_add(&argv, b->walks->lanes[c].obj);
	strv_addf(&argv, "%s/", obj);
	if (!r)
		r = start_copy(w, &argv, on_objects, e);
	strv_release(&argv);
	free(obj);
	return r;
}

static void on_tree(const struct job_result *r, void *arg)
{
	struct walk *w = arg;

	w->job = NULL;
	copied(w, went_well(r));
}

/* Files of the tree are links: git, which alone writes there, never writes into
 * a file but makes it anew. */
static int copy_tree(struct walk *w, struct err *e)
{
	struct strv argv = STRV_INIT;
	char *trees = xasprintf("%s/trees", w->root);
	int r = file_mkdirs(trees, e);

	strv_add(&argv, "cp");
	strv_add(&argv, "-al");
	strv_add(&argv, "--");
	strv_addf(&argv, "%s/trees/%s", w->b->lab->dir, w->b->name);
	strv_addf(&argv, "%s/", trees);
	if (!r)
		r = start_copy(w, &argv, on_tree, e);
	strv_release(&argv);
	free(trees);
	return r;
}

/* As lab/obj: not for other users of the host. */
static int close_walks(const struct builds *b, struct err *e)
{
	char *path = xasprintf("%s/walks", b->lab->dir);
	int r = file_mkdirs(path, e);

	if (!r && chmod(path, 0700))
		r = err_sys(e, errno, "cannot close folder '%s'", path);
	free(path);
	return r;
}

void walks_copy_objects(struct builds *b, void (*done)(struct walk *w))
{
	size_t n = walks_that_fit(b);
	struct err ignored;

	b->copied = true;
	b->copied_one = done;
	if (n < 2 || close_walks(b, &ignored))
		return;
	if (b->o.note)
		b->o.note("copying the tree, to build more stages at a time",
			  b->o.arg);
	for (size_t i = 1; i < n; i++)
		b->copying += !copy_objects(&b->walks[i], &ignored);
}

void walks_copy_trees(struct builds *b)
{
	struct err ignored;

	for (size_t i = 1; i < b->nwalks; i++) {
		struct walk *w = &b->walks[i];

		if (w->has_objects)
			b->copying += !copy_tree(w, &ignored);
		w->has_objects = false;
	}
}

/* ---- the way ---- */

static size_t wanted_after(const struct walk *w)
{
	size_t n = 0;

	for (size_t g = w->at + 1; g < w->end; g++)
		n += stage_wanted(w->b, g);
	return n;
}

/* The second half of what is left of the longest way. */
static bool take_half(struct walk *w)
{
	struct builds *b = w->b;
	struct walk *from = NULL;
	size_t most = 0, keep;

	for (size_t i = 0; i < b->nwalks; i++) {
		size_t n = b->walks[i].ready ? wanted_after(&b->walks[i]) : 0;

		if (&b->walks[i] == w || n <= most)
			continue;
		most = n;
		from = &b->walks[i];
	}
	if (!from)
		return false;
	w->end = from->end;
	keep = most / 2;
	for (w->at = from->at + 1; keep; w->at++)
		keep -= stage_wanted(b, w->at);
	from->end = w->at;
	return true;
}

/* On demand it goes wherever somebody waits. */
static bool walk_to_wanted(struct walk *w)
{
	const struct builds *b = w->b;

	for (size_t i = 0; i < b->nwanted; i++) {
		if (!stage_wanted(b, b->wanted[i]))
			continue;
		w->at = b->wanted[i];
		return true;
	}
	return false;
}

bool walk_next(struct walk *w)
{
	w->there = false;
	if (w->b->o.on_demand)
		return walk_to_wanted(w);
	do {
		while (w->at < w->end && !stage_wanted(w->b, w->at))
			w->at++;
		if (w->at < w->end)
			return true;
	} while (take_half(w));
	return false;
}

static void on_removed(const struct job_result *r, void *arg)
{
	struct walk *w = arg;

	(void)r; /* what is left, walks_free() tries again */
	w->job = NULL;
	w->b->copied_one(w);
}

void walk_remove(struct walk *w)
{
	const char *argv[] = {"rm", "-rf", "--", w->root, NULL};
	struct job_spec spec = {.argv = argv,
				.deadline_ms = COPY_DEADLINE_MS,
				.done = on_removed,
				.arg = w};
	struct err ignored;

	w->ready = false;
	job_start(w->b->loop, &spec, &w->job, &ignored);
}
