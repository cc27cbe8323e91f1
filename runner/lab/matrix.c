#include "lab/matrix.h"

#include "base/str.h"
#include "guest/limits.h"
#include "kernel/debian.h"
#include "lab/applicable.h"
#include "lab/initramfs.h"
#include "lab/kernels.h"
#include "machine/backend.h"
#include "machine/probe.h"

#include <errno.h>

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

/* Is that machine to be had?  What `accel: auto` came to is said. */
static int decide(const char *share, const struct qemu *q, struct machine *m,
		  struct probes *probes, const struct matrix_options *o,
		  struct err *e)
{
	bool automatic = m->automatic;

	if (probe_decide(probes, m, q, share, e))
		return -EIO;
	if (automatic)
		note(o, "machine '%s' is %s", m->name,
		     json_string_value(json_object_get(m->host, "accel_why")));
	return machine_check(m, q, e);
}

int matrix_machines(const char *share, const struct qemu *q, struct study *s,
		    const struct matrix_options *o, bool *unfit, struct err *e)
{
	struct probes probes = {0};
	struct err why;

	for (size_t i = 0; i < s->nmachines; i++) {
		if (!decide(share, q, s->machines[i], &probes, o, &why))
			continue;
		if (take_fallback(share, q, s, i, o, unfit, &why, e))
			return -EINVAL;
	}
	return 0;
}

/* ---- workloads ---- */

static void build_archives(struct matrix *m)
{
	struct err e;

	for (size_t i = 0; i < m->s->nworkloads; i++) {
		const struct workload *w = m->s->workloads[i];

		if (!initramfs_base(m->lab->dir, m->lab->agent, w,
				    m->archive[i], &e))
			continue;
		m->archive[i][0] = '\0';
		err_prefix(&e, "workload '%s'", w->label);
		trouble(&m->o, &e);
	}
}

/* "brd rd_nr=1" is the module brd. */
static char *module_name(const char *wanted)
{
	return xstrndup(wanted, strcspn(wanted, " "));
}

/* Is "brd.ko.xz" the file of module brd? */
static bool is_file_of(const char *file, const char *module)
{
	size_t n = strlen(module);

	for (size_t i = 0; i < n; i++)
		if (file[i] != module[i] &&
		    !(file[i] && strchr("-_", file[i]) &&
		      strchr("-_", module[i])))
			return false;
	return file[n] == '.';
}

/* The file's name, with the parameters that the workload gives it. */
static void add_module(const struct workload *w, const char *file,
		       struct strv *names)
{
	const char *params = "";

	for (size_t i = 0; i < w->modules.n; i++) {
		char *name = module_name(w->modules.v[i]);

		if (is_file_of(file, name))
			params = w->modules.v[i] + strlen(name);
		free(name);
	}
	strv_addf(names, "%s%s", file, params);
}

/* The file names of the modules that a workload needs on a kernel.  What klab
 * builds has none: there the config must have them built in. */
static int find_modules(struct matrix *m, const struct kernel *k,
			const struct machine *on, const struct workload *w,
			struct strv *names, struct err *e)
{
	struct strv wanted = STRV_INIT, paths = STRV_INIT;
	int r = 0;

	if (m->builds)
		return 0;
	if (on->backend->whole)
		r = debian_module_tree(m->lab->dir, k, e);
	for (size_t i = 0; i < w->modules.n; i++) {
		char *name = module_name(w->modules.v[i]);

		strv_add(&wanted, name);
		free(name);
	}
	if (!r && wanted.n)
		r = debian_modules(m->lab->dir, k, &wanted, &paths, e);
	for (size_t i = 0; !r && i < paths.n; i++) {
		const char *name = strrchr(paths.v[i], '/');

		add_module(w, name ? name + 1 : paths.v[i], names);
	}
	strv_release(&wanted);
	strv_release(&paths);
	return r;
}

/* ---- cells ---- */

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

static json_t *cell_spec(struct matrix *m, const struct cell *c,
			 const struct kernel *k)
{
	const struct workload *w = m->s->workloads[c->workload];
	struct strv modules = STRV_INIT;
	json_t *spec = NULL;
	struct err e;

	if (!k || m->unfit[c->machine] || !m->archive[c->workload][0])
		return NULL;
	if (find_modules(m, k, m->s->machines[c->machine], w, &modules, &e)) {
		err_prefix(&e, "workload '%s' on stage '%s'", w->label,
			   m->s->stages[c->stage].name);
		trouble(&m->o, &e);
		goto out;
	}
	spec = spec_new(k, m->s->machines[c->machine], &m->lab->qemu, w,
			m->archive[c->workload], &modules);
	if (check_job(spec, &modules, &e)) {
		err_prefix(&e, "workload '%s'", w->label);
		trouble(&m->o, &e);
		json_decref(spec);
		spec = NULL;
	}
out:
	strv_release(&modules);
	return spec;
}

/* ---- tasks ---- */

static int task_state(struct matrix *m, struct task *t, struct err *e)
{
	static const unsigned char states[] = {[BOOT_OK] = TASK_OK,
					       [BOOT_BAD] = TASK_BAD,
					       [BOOT_LAB] = TASK_TODO};
	int machine = m->cells[t->cell].machine, state;

	if (db_boot_state(m->lab->db, t->id,
			  m->s->machines[machine]->deadline_s, &state, e))
		return -EIO;
	t->state = state < 0 ? TASK_TODO : states[state];
	if (t->state == TASK_BAD && m->o.retry)
		t->state = TASK_TODO;
	return 0;
}

/* Two cells may ask for one boot, under two labels or on two stages with one
 * kernel: the first keeps it.  Open addressing; 0 is free, as no sha256 that
 * anybody has seen starts with 16 zeros. */
static bool seen_before(struct matrix *m, const char *id)
{
	uint64_t hash = strtoull(id, NULL, 16);
	size_t i = hash % m->nseen;

	while (m->seen[i] && m->seen[i] != hash)
		i = (i + 1) % m->nseen;
	if (m->seen[i])
		return true;
	m->seen[i] = hash;
	return false;
}

static void add_turn(struct matrix *m, unsigned task)
{
	struct turn *t = &m->turns[m->tasks[task].seed - 1];

	if ((t->n & (t->n - 1)) == 0)
		t->tasks = xrealloc(t->tasks,
				    (t->n ? 2 * t->n : 1) * sizeof(*t->tasks));
	t->tasks[t->n++] = task;
}

static int add_task(struct matrix *m, unsigned cell, int seed, struct err *e)
{
	struct cell *c = &m->cells[cell];
	struct task *t = &m->tasks[m->ntasks];

	*t = (struct task){.cell = cell, .seed = seed};
	spec_set_seed(c->spec, seed);
	spec_id(c->spec, t->id);
	if (task_state(m, t, e) ||
	    db_cell(m->lab->db, m->study, m->s->stages[c->stage].idx,
		    m->s->configs[c->config].name,
		    m->s->machines[c->machine]->name,
		    m->s->workloads[c->workload]->label, seed, t->id, e))
		return -EIO;
	if (!seen_before(m, t->id))
		add_turn(m, (unsigned)m->ntasks++);
	return 0;
}

struct task *matrix_next(struct matrix *m)
{
	for (int i = 0; i < m->s->boots; i++) {
		struct turn *turn = &m->turns[i];

		while (turn->next < turn->n) {
			struct task *t = &m->tasks[turn->tasks[turn->next++]];

			if (t->state == TASK_TODO)
				return t;
		}
	}
	return NULL;
}

/* Told once: a series has many stages. */
static void note_not_applicable(struct matrix *m, const char *label,
				const char *why)
{
	char *line =
		xasprintf("workload '%s' is not applicable: %s", label, why);

	if (!strv_has(&m->told, line)) {
		strv_add(&m->told, line);
		note(&m->o, "%s", line);
	}
	free(line);
}

static int tell_not_applicable(struct matrix *m, const struct cell *c,
			       const char *why, struct err *e)
{
	const struct study *s = m->s;
	const char *label = s->workloads[c->workload]->label;

	note_not_applicable(m, label, why);
	m->not_applicable += (size_t)s->boots;
	return db_not_applicable(m->lab->db, m->study, s->stages[c->stage].idx,
				 s->configs[c->config].name,
				 s->machines[c->machine]->name, label, why, e);
}

/* The cell's spec, or why there is none: the workload cannot run there, or
 * something is missing here. */
static int add_cell(struct matrix *m, struct cell *c, const struct kernel *k,
		    struct err *e)
{
	const struct study *s = m->s;
	const struct machine *on = s->machines[c->machine];
	char *why = NULL;
	int r = 0;

	if (k && !m->unfit[c->machine])
		why = not_applicable(s->workloads[c->workload], on, k,
				     m->builds != NULL);
	if (why)
		r = tell_not_applicable(m, c, why, e);
	else
		c->spec = cell_spec(m, c, k);
	if (!why && !c->spec && (!m->unfit[c->machine] || !on->fallback))
		m->skipped += (size_t)s->boots;
	free(why);
	return r;
}

/* The cells and boots of one kernel, or of none. */
static int add_cells(struct matrix *m, size_t stage, size_t config,
		     const struct kernel *k, struct err *e)
{
	struct study *s = m->s;
	size_t first = m->ncells;

	for (size_t i = 0; i < s->nmachines; i++) {
		for (size_t w = 0; w < s->nworkloads; w++) {
			struct cell *c = &m->cells[m->ncells++];

			*c = (struct cell){(int)stage, (int)config, (int)i,
					   (int)w, NULL};
			if (add_cell(m, c, k, e))
				return -EIO;
		}
	}
	for (int seed = 1; seed <= s->boots; seed++)
		for (size_t i = first; i < m->ncells; i++)
			if (m->cells[i].spec &&
			    add_task(m, (unsigned)i, seed, e))
				return -EIO;
	return 0;
}

/* ---- the plan ---- */

static void resolve_all(struct matrix *m, struct variant *variants)
{
	struct study *s = m->s;

	for (size_t g = 0; g < s->nstages; g++)
		for (size_t c = 0; c < s->nconfigs; c++)
			(m->builds ? variant_planned
				   : variant_resolve)(variants++, m, g, c);
}

static int store_variant(struct matrix *m, struct variant *v, struct err *e)
{
	const struct build_result *built = NULL;

	if (m->builds && v->state != VARIANT_TODO && v->state != VARIANT_NONE)
		built = &builds_at(m->builds, v->stage, v->config)->was;
	return variant_store(v, m, built, e);
}

static int add_known_cells(struct matrix *m, const struct variant *v,
			   struct err *e)
{
	if (v->state == VARIANT_TODO)
		return 0;
	return add_cells(m, v->stage, v->config,
			 v->state == VARIANT_READY ? &v->run : NULL, e);
}

static int store_folders(struct matrix *m, struct err *e)
{
	struct strv paths = STRV_INIT;
	int r = 0;

	if (m->builds)
		builds_folders(m->builds, &paths);
	for (size_t i = 0; !r && i < paths.n; i++)
		r = db_folder(m->lab->db, m->study, paths.v[i], e);
	strv_release(&paths);
	return r;
}

static int write_plan(struct matrix *m, struct variant *variants, struct err *e)
{
	struct study *s = m->s;
	size_t n = s->nstages * s->nconfigs;

	if (db_begin(m->lab->db, e))
		return -EIO;
	if (db_study(m->lab->db, s, &m->study, e) || store_folders(m, e))
		goto fail;
	for (size_t i = 0; i < s->nstages; i++)
		if (db_stage(m->lab->db, m->study, &s->source, &s->stages[i],
			     e))
			goto fail;
	for (size_t i = 0; i < n; i++)
		if (store_variant(m, &variants[i], e))
			goto fail;
	if (db_prune(m->lab->db, m->study, s->boots, e))
		goto fail;
	for (size_t i = 0; i < n; i++)
		if (add_known_cells(m, &variants[i], e))
			goto fail;
	if (db_commit(m->lab->db, e))
		goto fail;
	return 0;
fail:
	db_rollback(m->lab->db);
	return -EIO;
}

int matrix_built(struct matrix *m, size_t stage, size_t config,
		 const struct build_result *r, struct err *e)
{
	struct variant v;
	int ret;

	variant_built(&v, m, stage, config, r);
	ret = db_begin(m->lab->db, e);
	if (!ret) {
		ret = variant_store(&v, m, r, e);
		if (!ret)
			ret = add_known_cells(m, &v, e);
		if (!ret)
			ret = db_commit(m->lab->db, e);
		if (ret)
			db_rollback(m->lab->db);
	}
	variant_release(&v);
	return ret;
}

static void allocate(struct matrix *m)
{
	const struct study *s = m->s;
	size_t boots = study_boots(s);

	m->unfit = xcalloc(s->nmachines, sizeof(*m->unfit));
	m->archive = xcalloc(s->nworkloads, sizeof(*m->archive));
	m->cells = xcalloc(boots / (size_t)s->boots, sizeof(*m->cells));
	m->tasks = xcalloc(boots, sizeof(*m->tasks));
	m->turns = xcalloc((size_t)s->boots, sizeof(*m->turns));
	m->nseen = 2 * boots + 1;
	m->seen = xcalloc(m->nseen, sizeof(*m->seen));
}

static int plan_builds(struct matrix *m, struct err *e)
{
	struct builds_options o = {
		.jobs = m->o.jobs,
		.no_sandbox = m->o.no_sandbox,
		.refresh = m->o.refresh,
		.retry = m->o.retry,
		.note = m->o.note,
		.trouble = m->o.trouble,
		.arg = m->o.arg,
	};

	if (!source_is_built(&m->s->source))
		return 0;
	return builds_new(&m->builds, m->lab, m->s, &o, e);
}

int matrix_build(struct matrix *m, struct lab *lab, struct study *s,
		 const struct matrix_options *o, struct err *e)
{
	size_t n = s->nstages * s->nconfigs;
	struct variant *variants;
	int r;

	*m = (struct matrix){.lab = lab, .s = s, .o = *o};
	allocate(m);
	if (matrix_machines(lab->share, &lab->qemu, s, o, m->unfit, e) ||
	    plan_builds(m, e))
		return -EINVAL;
	variants = xcalloc(n, sizeof(*variants));
	resolve_all(m, variants);
	build_archives(m);
	r = write_plan(m, variants, e);
	for (size_t i = 0; i < n; i++)
		variant_release(&variants[i]);
	free(variants);
	return r;
}

void matrix_release(struct matrix *m)
{
	for (size_t i = 0; i < m->ncells; i++)
		json_decref(m->cells[i].spec);
	for (int i = 0; m->turns && i < m->s->boots; i++)
		free(m->turns[i].tasks);
	builds_free(m->builds);
	free(m->unfit);
	free(m->archive);
	free(m->cells);
	free(m->tasks);
	free(m->turns);
	free(m->seen);
	strv_release(&m->told);
	*m = (struct matrix){0};
}
