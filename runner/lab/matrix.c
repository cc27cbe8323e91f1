#include "lab/matrix_int.h"

#include "base/str.h"
#include "lab/kernels.h"
#include "machine/backend.h"
#include "machine/probe.h"

#include <errno.h>

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
		matrix_trouble(o, why);
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
		matrix_trouble(o, why);
		unfit[i] = true;
		return 0;
	}
	matrix_note(o, "%s; '%s' takes its place", why->text, other->name);
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
		matrix_note(o, "machine '%s' is %s", m->name,
			    json_string_value(
				    json_object_get(m->host, "accel_why")));
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

/* ---- cells ---- */

unsigned matrix_cell_at(const struct study *s, size_t stage, size_t config,
			size_t machine, size_t workload)
{
	size_t kernel = stage * s->nconfigs + config;

	return (unsigned)((kernel * s->nmachines + machine) * s->nworkloads +
			  workload);
}

static int add_boots(struct matrix *m, unsigned first, size_t n,
		     enum cell_role role, int seed, size_t turn, struct err *e)
{
	for (unsigned i = first; i < first + n; i++)
		if (m->cells[i].spec && matrix_add(m, i, role, seed, turn, e))
			return -EIO;
	return 0;
}

/* The A/A boots of the baseline are spread over the turns. */
static int plan_boots(struct matrix *m, size_t stage, unsigned first, size_t n,
		      struct err *e)
{
	const struct rules *r = &m->s->rules;
	int aa = m->s->stages[stage].idx == m->s->baseline ? r->aa : 0;

	for (int i = 0; i < r->min; i++)
		if (add_boots(m, first, n, ROLE_SAMPLE, i + 1, (size_t)i, e))
			return -EIO;
	for (int i = 0; i < aa; i++)
		if (add_boots(m, first, n, ROLE_AA, SEED_AA + i + 1,
			      (size_t)i * (size_t)r->min / (size_t)aa, e))
			return -EIO;
	return 0;
}

/* What rounds have added to a cell stays where it cannot be asked for again. */
static int add_cell(struct matrix *m, struct cell c, const struct kernel *k,
		    struct err *e)
{
	const struct study *s = m->s;
	unsigned at = matrix_cell_at(s, (size_t)c.stage, (size_t)c.config,
				     (size_t)c.machine, (size_t)c.workload);

	if (matrix_cell(m, &c, k, e))
		return -EIO;
	m->cells[at] = c;
	if (!c.spec)
		return 0;
	return db_prune_rounds(m->lab->db, m->study, s->stages[c.stage].idx,
			       s->configs[c.config].name,
			       s->machines[c.machine]->name,
			       s->workloads[c.workload]->label,
			       m->o.on_demand ? 0 : s->rules.min, e);
}

/* The cells and boots of one kernel, or of none. */
static int add_cells(struct matrix *m, size_t stage, size_t config,
		     const struct kernel *k, struct err *e)
{
	const struct study *s = m->s;

	for (size_t i = 0; i < s->nmachines; i++)
		for (size_t w = 0; w < s->nworkloads; w++)
			if (matrix_has(m, w) &&
			    add_cell(m,
				     (struct cell){(int)stage, (int)config,
						   (int)i, (int)w, NULL},
				     k, e))
				return -EIO;
	if (m->o.on_demand)
		return 0;
	return plan_boots(m, stage, matrix_cell_at(s, stage, config, 0, 0),
			  s->nmachines * s->nworkloads, e);
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

	/* What nobody has asked for is not to be done. */
	if (m->o.on_demand && v->state == VARIANT_TODO)
		return db_no_variant(m->lab->db, m->study,
				     m->s->stages[v->stage].idx,
				     m->s->configs[v->config].name, e);

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
	if (db_prune(m->lab->db, m->study, s, e))
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
	m->unfit = xcalloc(s->nmachines, sizeof(*m->unfit));
	m->archive = xcalloc(s->nworkloads, sizeof(*m->archive));
	m->ncells = s->nstages * s->nconfigs * s->nmachines * s->nworkloads;
	m->cells = xcalloc(m->ncells, sizeof(*m->cells));
	matrix_reserve(m, study_boots(s), (size_t)s->rules.min);
}

static int plan_builds(struct matrix *m, struct err *e)
{
	struct builds_options o = {
		.jobs = m->o.jobs,
		.no_sandbox = m->o.no_sandbox,
		.refresh = m->o.refresh,
		.retry = m->o.retry,
		.on_demand = m->o.on_demand,
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
	matrix_archives(m);
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
	for (size_t i = 0; i < m->nturns; i++)
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
