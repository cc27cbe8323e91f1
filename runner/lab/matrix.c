#include "lab/matrix.h"

#include "base/str.h"
#include "guest/limits.h"
#include "kernel/debian.h"
#include "kernel/image.h"
#include "lab/initramfs.h"

#include <errno.h>

struct builder {
	struct matrix *m;
	struct lab *lab;
	struct study *s;
	const struct matrix_options *o;
	bool *unfit;           /* by machine */
	struct kernel *kernel; /* by stage; key is empty if there is none */
	struct err *why;       /* by stage: why there is none */
	char (*archive)[SHA256_HEX]; /* by workload; empty if there is none */
};

static void trouble(const struct matrix_options *o, const struct err *e)
{
	if (o->trouble)
		o->trouble(e, o->arg);
}

__attribute__((format(printf, 2, 3))) static void
note(const struct matrix_options *o, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!o->note)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	o->note(text, o->arg);
}

/* ---- machines ---- */

static bool has_machine(const struct study *s, const char *name)
{
	for (size_t i = 0; i < s->nmachines; i++)
		if (!strcmp(s->machines[i]->name, name))
			return true;
	return false;
}

static int take_fallback(const char *share, const struct qemu *q,
			 struct study *s, size_t i,
			 const struct matrix_options *o, bool *unfit,
			 const struct err *why, struct err *e)
{
	struct machine *m = s->machines[i], *other;
	struct err unused;

	if (!m->fallback) {
		trouble(o, why);
		unfit[i] = true;
		return 0;
	}
	if (machine_load(m->fallback, share, share, &other, e)) {
		err_prefix(e, "fallback of machine '%s'", m->name);
		return -EINVAL;
	}
	if (machine_check(other, q, &unused)) {
		machine_free(other);
		free(m->fallback);
		m->fallback = NULL;
		trouble(o, why);
		unfit[i] = true;
		return 0;
	}
	note(o, "%s; '%s' takes its place", why->text, other->name);
	if (has_machine(s, other->name)) {
		machine_free(other);
		unfit[i] = true;
		return 0;
	}
	machine_free(m);
	s->machines[i] = other;
	return 0;
}

int matrix_machines(const char *share, const struct qemu *q, struct study *s,
		    const struct matrix_options *o, bool *unfit, struct err *e)
{
	struct err why;

	for (size_t i = 0; i < s->nmachines; i++) {
		if (!machine_check(s->machines[i], q, &why))
			continue;
		if (take_fallback(share, q, s, i, o, unfit, &why, e))
			return -EINVAL;
	}
	return 0;
}

/* ---- kernels ---- */

static int resolve_stage(struct builder *b, const struct stage *g,
			 struct kernel *k, struct err *e)
{
	struct err unused;
	struct debian_request debian = {
		.package = g->package,
		.suite = g->suite,
		.version = g->version,
		.refresh = b->o->refresh,
		.note = b->o->note,
		.arg = b->o->arg,
	};
	struct image_request image = {g->path, g->config, g->map};
	int r;

	if (g->kind == SOURCE_IMAGE)
		return image_kernel(b->lab->dir, &image, k, e);
	r = debian_kernel(b->lab->dir, &debian, k, e);
	if (!r || !debian.refresh || e->kind != ERR_LAB)
		return r;
	debian.refresh = false;
	if (debian_kernel(b->lab->dir, &debian, k, &unused))
		return r;
	note(b->o, "stage '%s' stays on the kernel that it had: %s", g->name,
	     e->text);
	return 0;
}

static void resolve_stages(struct builder *b)
{
	for (size_t i = 0; i < b->s->nstages; i++) {
		const struct stage *g = &b->s->stages[i];
		struct err *e = &b->why[i];

		if (!resolve_stage(b, g, &b->kernel[i], e))
			continue;
		b->kernel[i] = (struct kernel){0};
		err_prefix(e, "%s:%d: stage '%s'", b->s->path, g->line,
			   g->name);
		trouble(b->o, e);
	}
}

/* ---- workloads ---- */

static void build_archives(struct builder *b)
{
	struct err e;

	for (size_t i = 0; i < b->s->nworkloads; i++) {
		const struct workload *w = b->s->workloads[i];

		if (!initramfs_base(b->lab->dir, b->lab->agent, &w->binaries,
				    &w->packages, b->archive[i], &e))
			continue;
		b->archive[i][0] = '\0';
		err_prefix(&e, "workload '%s'", w->label);
		trouble(b->o, &e);
	}
}

/* The file names of the modules that a workload needs on a kernel. */
static int find_modules(struct builder *b, const struct kernel *k,
			const struct workload *w, struct strv *names,
			struct err *e)
{
	struct strv paths = STRV_INIT;
	int r;

	if (!w->modules.n)
		return 0;
	r = debian_modules(b->lab->dir, k, &w->modules, &paths, e);
	for (size_t i = 0; !r && i < paths.n; i++) {
		const char *name = strrchr(paths.v[i], '/');

		strv_add(names, name ? name + 1 : paths.v[i]);
	}
	strv_release(&paths);
	return r;
}

/* ---- cells and tasks ---- */

/* What the agent would refuse. */
static int check_job(const json_t *spec, const struct strv *modules,
		     struct err *e)
{
	char *job = spec_job(spec);
	size_t len = strlen(job);

	free(job);
	if (modules->n > JOB_MODULES)
		return err_user(e,
				"its modules need %zu others, all in all "
				"more than %d",
				modules->n, JOB_MODULES);
	if (len >= JOB_FILE_MAX)
		return err_user(e,
				"its commands are %zu bytes long, more than "
				"%d",
				len, JOB_FILE_MAX);
	return 0;
}

static json_t *cell_spec(struct builder *b, size_t stage, size_t machine,
			 size_t workload)
{
	const struct kernel *k = &b->kernel[stage];
	const struct workload *w = b->s->workloads[workload];
	struct strv modules = STRV_INIT;
	json_t *spec = NULL;
	struct err e;

	if (!k->release || b->unfit[machine] || !b->archive[workload][0])
		return NULL;
	if (find_modules(b, k, w, &modules, &e)) {
		err_prefix(&e, "workload '%s' on stage '%s'", w->label,
			   b->s->stages[stage].name);
		trouble(b->o, &e);
		goto out;
	}
	spec = spec_new(k, b->s->machines[machine], &b->lab->qemu, w,
			b->archive[workload], &modules);
	if (check_job(spec, &modules, &e)) {
		err_prefix(&e, "workload '%s'", w->label);
		trouble(b->o, &e);
		json_decref(spec);
		spec = NULL;
	}
out:
	strv_release(&modules);
	return spec;
}

static void add_cells(struct builder *b)
{
	struct study *s = b->s;
	struct matrix *m = b->m;

	m->cells = xcalloc(s->nstages * s->nmachines * s->nworkloads,
			   sizeof(*m->cells));
	for (size_t g = 0; g < s->nstages; g++)
		for (size_t i = 0; i < s->nmachines; i++)
			for (size_t w = 0; w < s->nworkloads; w++)
				m->cells[m->ncells++] =
					(struct cell){(int)g, (int)i, (int)w,
						      cell_spec(b, g, i, w)};
}

static int task_state(struct builder *b, struct task *t, struct err *e)
{
	static const unsigned char states[] = {[BOOT_OK] = TASK_OK,
					       [BOOT_BAD] = TASK_BAD,
					       [BOOT_LAB] = TASK_TODO};
	int state;

	if (db_boot_state(
		    b->lab->db, t->id,
		    b->s->machines[b->m->cells[t->cell].machine]->deadline_s,
		    &state, e))
		return -EIO;
	t->state = state < 0 ? TASK_TODO : states[state];
	if (t->state == TASK_BAD && b->o->retry)
		t->state = TASK_TODO;
	return 0;
}

static int compare_tasks(const void *a, const void *b)
{
	const struct task *const *x = a, *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

/* Two cells may ask for one boot, under two labels or on two stages with one
 * kernel: the first keeps it. */
static void drop_doubles(struct matrix *m)
{
	const struct task **sorted = xcalloc(m->ntasks, sizeof(*sorted));
	bool *twice = xcalloc(m->ntasks, sizeof(*twice));
	size_t n = 0;

	for (size_t i = 0; i < m->ntasks; i++)
		sorted[i] = &m->tasks[i];
	qsort(sorted, m->ntasks, sizeof(*sorted), compare_tasks);
	for (size_t i = 1, first = 0; i < m->ntasks; i++) {
		if (strcmp(sorted[i]->id, sorted[first]->id))
			first = i;
		else if (sorted[i] > sorted[first])
			twice[sorted[i] - m->tasks] = true;
		else
			twice[sorted[first] - m->tasks] = true, first = i;
	}
	for (size_t i = 0; i < m->ntasks; i++)
		if (!twice[i])
			m->tasks[n++] = m->tasks[i];
	m->ntasks = n;
	free(sorted);
	free(twice);
}

static int add_tasks(struct builder *b, long long study, struct err *e)
{
	struct matrix *m = b->m;
	struct study *s = b->s;

	m->tasks = xcalloc(study_boots(s), sizeof(*m->tasks));
	for (int seed = 1; seed <= s->boots; seed++) {
		for (size_t i = 0; i < m->ncells; i++) {
			struct cell *c = &m->cells[i];
			struct task *t = &m->tasks[m->ntasks];

			if (!c->spec) {
				m->skipped +=
					!b->unfit[c->machine] ||
					!s->machines[c->machine]->fallback;
				continue;
			}
			m->ntasks++;
			t->cell = (unsigned)i;
			t->seed = seed;
			spec_set_seed(c->spec, seed);
			spec_id(c->spec, t->id);
			if (task_state(b, t, e) ||
			    db_cell(b->lab->db, study, s->stages[c->stage].idx,
				    s->machines[c->machine]->name,
				    s->workloads[c->workload]->label, seed,
				    t->id, e))
				return -EIO;
		}
	}
	drop_doubles(m);
	return 0;
}

static int write_plan(struct builder *b, struct err *e)
{
	struct study *s = b->s;
	long long id;

	if (db_begin(b->lab->db, e))
		return -EIO;
	if (db_study(b->lab->db, s, &id, e))
		goto fail;
	for (size_t i = 0; i < s->nstages; i++) {
		const struct kernel *k = &b->kernel[i];

		if (k->release && db_kernel(b->lab->db, k, e))
			goto fail;
		if (db_stage(b->lab->db, id, &s->stages[i],
			     k->release ? k : NULL,
			     k->release ? NULL : b->why[i].text, e))
			goto fail;
	}
	if (db_prune(b->lab->db, id, s->boots, e) || add_tasks(b, id, e) ||
	    db_commit(b->lab->db, e))
		goto fail;
	return 0;
fail:
	db_rollback(b->lab->db);
	return -EIO;
}

int matrix_build(struct matrix *m, struct lab *lab, struct study *s,
		 const struct matrix_options *o, struct err *e)
{
	struct builder b = {.m = m, .lab = lab, .s = s, .o = o};
	int r;

	*m = (struct matrix){0};
	b.unfit = xcalloc(s->nmachines, sizeof(*b.unfit));
	b.kernel = xcalloc(s->nstages, sizeof(*b.kernel));
	b.why = xcalloc(s->nstages, sizeof(*b.why));
	b.archive = xcalloc(s->nworkloads, sizeof(*b.archive));
	r = matrix_machines(lab->share, &lab->qemu, s, o, b.unfit, e);
	if (!r) {
		resolve_stages(&b);
		build_archives(&b);
		add_cells(&b);
		r = write_plan(&b, e);
	}
	for (size_t i = 0; i < s->nstages; i++)
		kernel_release(&b.kernel[i]);
	free(b.unfit);
	free(b.kernel);
	free(b.why);
	free(b.archive);
	return r;
}

void matrix_release(struct matrix *m)
{
	for (size_t i = 0; i < m->ncells; i++)
		json_decref(m->cells[i].spec);
	free(m->cells);
	free(m->tasks);
	*m = (struct matrix){0};
}
