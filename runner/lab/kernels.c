#include "lab/kernels.h"

#include "base/str.h"
#include "kernel/debian.h"
#include "kernel/image.h"
#include "kernel/store.h"
#include "lab/applicable.h"

#include <errno.h>

static int resolve(const struct matrix *m, const struct stage *g,
		   struct kernel *k, struct err *e)
{
	struct err unused;
	struct debian_request debian = {
		.package = g->package,
		.suite = g->suite,
		.version = g->version,
		.refresh = m->o.refresh,
		.note = m->o.note,
		.arg = m->o.arg,
	};
	struct image_request image = {g->path, g->config, g->map};
	char *text;
	int r;

	if (g->kind == SOURCE_IMAGE)
		return image_kernel(m->lab->dir, &image, k, e);
	r = debian_kernel(m->lab->dir, &debian, k, e);
	if (!r || !debian.refresh || e->kind != ERR_LAB)
		return r;
	debian.refresh = false;
	if (debian_kernel(m->lab->dir, &debian, k, &unused))
		return r;
	text = xasprintf("stage '%s' stays on the kernel that it had: %s",
			 g->name, e->text);
	if (m->o.note)
		m->o.note(text, m->o.arg);
	free(text);
	return 0;
}

void variant_resolve(struct variant *v, struct matrix *m, size_t stage,
		     size_t config)
{
	const struct stage *g = &m->s->stages[stage];

	*v = (struct variant){.stage = stage, .config = config};
	v->request = stage_request(&m->s->source, g);
	if (!resolve(m, g, &v->kernel, &v->why)) {
		v->state = VARIANT_READY;
		return;
	}
	v->kernel = (struct kernel){0};
	v->state = VARIANT_NONE;
	err_prefix(&v->why, "%s:%d: stage '%s'", m->s->path, g->line, g->name);
	if (m->o.trouble)
		m->o.trouble(&v->why, m->o.arg);
}

/* Takes the kernel of a build, found again in the store: it is in the result of
 * the build as well, and the two have owners of their own. */
static void take_kernel(struct variant *v, const struct matrix *m,
			const struct build_result *r)
{
	v->state = VARIANT_BROKEN;
	if (r->state != BUILD_OK)
		return;
	v->state = VARIANT_READY;
	if (kernel_store_find(m->lab->dir, r->kernel.key, &v->kernel, &v->why))
		v->state = VARIANT_NONE;
}

void variant_planned(struct variant *v, struct matrix *m, size_t stage,
		     size_t config)
{
	const struct planned *p = builds_at(m->builds, stage, config);

	*v = (struct variant){.stage = stage,
			      .config = config,
			      .request = xstrdup(p->key),
			      .state = VARIANT_TODO,
			      .why = p->why};
	if (p->state == PLANNED_NONE)
		v->state = VARIANT_NONE;
	if (p->state == PLANNED_DONE)
		take_kernel(v, m, &p->was);
}

void variant_built(struct variant *v, struct matrix *m, size_t stage,
		   size_t config, const struct build_result *r)
{
	*v = (struct variant){
		.stage = stage,
		.config = config,
		.request = xstrdup(builds_at(m->builds, stage, config)->key)};
	take_kernel(v, m, r);
}

void variant_release(struct variant *v)
{
	kernel_release(&v->kernel);
	kernel_release(&v->run);
	free(v->request);
	*v = (struct variant){0};
}

/* ---- the database ---- */

static char *errors_json(const struct build_result *r)
{
	json_t *list;
	char *text;

	if (!r || !r->nerrors)
		return NULL;
	list = json_array();
	for (size_t i = 0; i < r->nerrors; i++) {
		const struct build_error *b = &r->errors[i];

		json_array_append_new(list, json_pack("{s:s?, s:i, s:s, s:b}",
						      "file", b->file, "line",
						      b->line, "text", b->text,
						      "touched", b->touched));
	}
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text;
}

/* A path in the lab, so that the lab can be moved. */
static const char *below(const char *lab, const char *path)
{
	size_t len = strlen(lab);

	if (path && str_starts(path, lab) && path[len] == '/')
		return path + len + 1;
	return path;
}

/* Workloads with kernel modules of their own need a kernel that was built with
 * them. */
static bool has_kmods(const struct matrix *m, const struct kernel *k)
{
	for (size_t i = 0; i < m->s->nworkloads; i++)
		if (!kmods_known(m->s->workloads[i], k))
			return false;
	return true;
}

static int load_run(const struct matrix *m, const struct kernel *k,
		    struct kernel *run, struct err *e)
{
	char key[17];
	struct err gone;

	if (db_first_same(m->lab->db, k, key, e))
		return -EIO;
	if (!kernel_store_find(m->lab->dir, key, run, &gone)) {
		if (has_kmods(m, run))
			return 0;
		kernel_release(run);
	}
	/* Its folder is lost, or has no modules: this one has the same code. */
	return kernel_store_find(m->lab->dir, k->key, run, e);
}

int variant_store(struct variant *v, struct matrix *m,
		  const struct build_result *built, struct err *e)
{
	static const char *const states[] = {[VARIANT_NONE] = "none",
					     [VARIANT_TODO] = "todo",
					     [VARIANT_READY] = "ready",
					     [VARIANT_BROKEN] = "broken"};
	bool ready = v->state == VARIANT_READY;
	char *errors = errors_json(built);
	struct db_variant row = {
		.stage = m->s->stages[v->stage].idx,
		.config = m->s->configs[v->config].name,
		.request = v->request,
		.state = states[v->state],
		.error = v->state == VARIANT_NONE ? v->why.text
			 : built                  ? built->reason
						  : NULL,
		.errors = errors,
		.log = built ? below(m->lab->dir, built->log) : NULL,
		.wall_ms = built ? (long long)built->wall_ms : 0,
	};
	int r = 0;

	if (ready) {
		r = db_kernel(m->lab->db, &v->kernel, e);
		if (!r)
			r = load_run(m, &v->kernel, &v->run, e);
		row.kernel = v->kernel.key;
		row.run = v->run.key;
	}
	if (!r)
		r = db_variant(m->lab->db, m->study, &row, e);
	free(errors);
	return r;
}
