#include "lab/guided.h"

#include "lab/run_int.h"
#include "machine/backend.h"

#include <errno.h>
#include <sqlite3.h>

long long run_study(const struct run *r)
{
	return r->m.study;
}

struct lab *run_lab(const struct run *r)
{
	return r->lab;
}

/* ---- kernels ---- */

static enum guided_state state_of(const char *word)
{
	if (!strcmp(word, "ready"))
		return GUIDED_READY;
	return strcmp(word, "broken") ? GUIDED_NONE : GUIDED_BROKEN;
}

static bool is_to_build(const struct planned *p)
{
	return p->state == PLANNED_TODO || p->state == PLANNED_LATER ||
	       p->state == PLANNED_SHARED;
}

static char *text_of(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return text ? xstrdup(text) : NULL;
}

static int take_kernel(sqlite3_stmt *row, void *arg)
{
	struct guided_kernel *k = arg;
	char *state = text_of(row, 0), *identity = text_of(row, 3);

	k->state = state_of(state ? state : "");
	k->why = text_of(row, 1);
	k->request = text_of(row, 2);
	if (identity)
		snprintf(k->identity, sizeof(k->identity), "%s", identity);
	k->build_s = (double)sqlite3_column_int64(row, 4) / 1000;
	free(identity);
	free(state);
	return 0;
}

int guided_kernel(struct run *r, size_t stage, struct guided_kernel *out,
		  struct err *e)
{
	const struct study *s = r->study;

	*out = (struct guided_kernel){0};
	if (r->m.builds && is_to_build(builds_at(r->m.builds, stage, 0))) {
		out->state = GUIDED_TODO;
		out->request = xstrdup(builds_at(r->m.builds, stage, 0)->key);
		return 0;
	}
	return db_each(r->lab->db, e, take_kernel, out,
		       "SELECT v.state, v.error, coalesce(v.request, ''), "
		       "coalesce(k.identity, v.kernel_key), v.wall_ms "
		       "FROM variant v LEFT JOIN kernel k "
		       "ON k.key = v.kernel_key "
		       "WHERE v.study = ? AND v.stage = ? AND v.config = ?",
		       "iit", r->m.study, (long long)s->stages[stage].idx,
		       s->configs[0].name);
}

void guided_kernel_release(struct guided_kernel *k)
{
	free(k->why);
	free(k->request);
	*k = (struct guided_kernel){0};
}

const struct tree_stage *guided_commit(const struct run *r, size_t stage)
{
	return r->m.builds ? builds_stage(r->m.builds, stage) : NULL;
}

const char *guided_source(const struct run *r)
{
	return r->m.builds ? builds_source(r->m.builds) : NULL;
}

const char *guided_objects(const struct run *r)
{
	return r->m.builds ? builds_objects(r->m.builds, 0) : NULL;
}

void guided_build(struct run *r, const size_t *stages, size_t n)
{
	if (r->m.builds && !r->stopping)
		builds_want(r->m.builds, stages, n, 0);
}

/* ---- boots ---- */

int guided_boot(struct run *r, size_t stage, size_t workload,
		enum cell_role role, int seed, int n, struct err *e)
{
	const struct wish wish = {
		.cell = matrix_cell_at(r->study, stage, 0, 0, workload),
		.role = role,
		.first = seed,
		.last = seed + n - 1,
	};
	size_t before = r->m.ntasks, added;

	BUG(r->p.running || r->nagain || r->nlater);
	if (matrix_more(&r->m, &wish, 1, &added, e))
		return -EIO;
	r->p.total += r->m.ntasks - before;
	run_count_tasks(r, before);
	return 0;
}

static const struct task *task_of(const struct run *r, const char *id)
{
	for (size_t i = 0; i < r->m.ntasks; i++)
		if (!strcmp(r->m.tasks[i].id, id))
			return &r->m.tasks[i];
	return NULL;
}

static int take_why(sqlite3_stmt *row, void *arg)
{
	char **why = arg;

	*why = text_of(row, 0);
	return 0;
}

/* Why there is no boot, or why it went as it did. */
static char *why_of(struct run *r, size_t stage, size_t workload,
		    const struct task *t)
{
	const struct study *s = r->study;
	char *why = NULL;
	struct err ignored;

	if (t)
		db_each(r->lab->db, &ignored, take_why, &why,
			"SELECT reason FROM boot WHERE id = ?", "t", t->id);
	else
		db_each(r->lab->db, &ignored, take_why, &why,
			"SELECT why FROM not_applicable WHERE study = ? AND "
			"stage = ? AND workload = ?",
			"iit", r->m.study, (long long)s->stages[stage].idx,
			s->workloads[workload]->label);
	return why;
}

void guided_boot_id(struct run *r, size_t stage, size_t workload, int seed,
		    char id[BOOT_ID])
{
	const struct cell *c =
		&r->m.cells[matrix_cell_at(r->study, stage, 0, 0, workload)];

	*id = '\0';
	if (!c->spec)
		return;
	spec_set_seed(c->spec, seed);
	spec_id(c->spec, id);
}

enum guided_state guided_boot_state(struct run *r, size_t stage,
				    size_t workload, int seed, char id[BOOT_ID],
				    char **why)
{
	const struct task *t;

	guided_boot_id(r, stage, workload, seed, id);
	t = *id ? task_of(r, id) : NULL;
	*why = NULL;
	if (t && (t->state == TASK_TODO || t->state == TASK_RUNNING))
		return GUIDED_AWAITED;
	*why = why_of(r, stage, workload, t);
	if (!t)
		return GUIDED_NONE;
	return t->state == TASK_LAB ? GUIDED_FAILED : GUIDED_READY;
}

bool guided_alone(const struct run *r)
{
	for (size_t i = 0; i < r->m.ncells; i++)
		if (r->m.cells[i].spec)
			return backend_alone(r->m.cells[i].spec);
	return false;
}

int guided_through(struct run *r, struct err *e)
{
	return db_run(r->lab->db, e,
		      "UPDATE study SET judged = " DB_NOW " WHERE id = ?", "i",
		      r->m.study);
}

void guided_fail(struct run *r, const struct err *e)
{
	run_fail(r, e);
}
