#include "lab/matrix_int.h"

#include "base/str.h"
#include "guest/limits.h"
#include "kernel/debian.h"
#include "lab/applicable.h"
#include "lab/initramfs.h"
#include "machine/backend.h"

void matrix_trouble(const struct matrix_options *o, const struct err *e)
{
	if (o->trouble)
		o->trouble(e, o->arg);
}

void matrix_note(const struct matrix_options *o, const char *fmt, ...)
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

/* ---- workloads ---- */

static bool same_words(const struct strv *a, const struct strv *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = !strcmp(a->v[i], b->v[i]);
	return same;
}

/* Is the same in their archives, as of variants of one workload? */
static bool same_contents(const struct workload *a, const struct workload *b)
{
	bool same = a->nprograms == b->nprograms &&
		    same_words(&a->packages, &b->packages) &&
		    same_words(&a->binaries, &b->binaries) &&
		    same_words(&a->files, &b->files);

	for (size_t i = 0; same && i < a->nprograms; i++) {
		const struct program *x = &a->programs[i];
		const struct program *y = &b->programs[i];

		same = !strcmp(x->name, y->name) &&
		       same_words(&x->sources, &y->sources) &&
		       same_words(&x->libraries, &y->libraries);
	}
	return same;
}

/* The archive of a workload before it that has the same in it. */
static bool take_archive(struct matrix *m, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (!m->archive[k][0] ||
		    !same_contents(m->s->workloads[k], m->s->workloads[i]))
			continue;
		memcpy(m->archive[i], m->archive[k], sizeof(m->archive[i]));
		return true;
	}
	return false;
}

bool matrix_has(const struct matrix *m, size_t workload)
{
	return !m->o.only ||
	       !strcmp(m->s->workloads[workload]->label, m->o.only);
}

void matrix_archives(struct matrix *m)
{
	struct err e;

	for (size_t i = 0; i < m->s->nworkloads; i++) {
		const struct workload *w = m->s->workloads[i];

		if (!matrix_has(m, i) || take_archive(m, i))
			continue;
		if (!initramfs_base(m->lab->dir, m->lab->agent, w,
				    m->archive[i], &e))
			continue;
		m->archive[i][0] = '\0';
		err_prefix(&e, "workload '%s'", w->label);
		matrix_trouble(&m->o, &e);
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
		matrix_trouble(&m->o, &e);
		goto out;
	}
	spec = spec_new(k, m->s->machines[c->machine], &m->lab->qemu, w,
			m->archive[c->workload], &modules);
	if (check_job(spec, &modules, &e)) {
		err_prefix(&e, "workload '%s'", w->label);
		matrix_trouble(&m->o, &e);
		json_decref(spec);
		spec = NULL;
	}
out:
	strv_release(&modules);
	return spec;
}

/* Told once: a series has many stages. */
static void note_not_applicable(struct matrix *m, const char *label,
				const char *why)
{
	char *line =
		xasprintf("workload '%s' is not applicable: %s", label, why);

	if (!strv_has(&m->told, line)) {
		strv_add(&m->told, line);
		matrix_note(&m->o, "%s", line);
	}
	free(line);
}

static int tell_not_applicable(struct matrix *m, const struct cell *c,
			       const char *why, struct err *e)
{
	const struct study *s = m->s;
	const char *label = s->workloads[c->workload]->label;

	note_not_applicable(m, label, why);
	m->not_applicable += study_cell_boots(s, (size_t)c->stage);
	return db_not_applicable(m->lab->db, m->study, s->stages[c->stage].idx,
				 s->configs[c->config].name,
				 s->machines[c->machine]->name, label, why, e);
}

/* The cell's spec, or why there is none: the workload cannot run there, or
 * something is missing here. */
int matrix_cell(struct matrix *m, struct cell *c, const struct kernel *k,
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
		m->skipped += study_cell_boots(s, (size_t)c->stage);
	free(why);
	return r;
}
