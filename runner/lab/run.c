#include "lab/run_int.h"

#include "lab/findings.h"

#include <errno.h>
#include <signal.h>

struct run *run_new(struct lab *lab, struct study *study,
		    const struct run_options *o, const struct run_watch *w)
{
	struct run *r = xcalloc(1, sizeof(*r));

	r->lab = lab;
	r->study = study;
	r->o = *o;
	r->w = *w;
	return r;
}

void run_free(struct run *r)
{
	if (!r)
		return;
	matrix_release(&r->m);
	free(r->again);
	free(r->later);
	free(r->slots);
	free(r);
}

/* 4 says the most, then 2, then 3: what klab itself could not do leaves the
 * rest unknown. */
void run_worsen(struct run *r, enum err_kind kind)
{
	static const int rank[] = {[ERR_NONE] = 0,
				   [ERR_KERNEL] = 1,
				   [ERR_USER] = 2,
				   [ERR_LAB] = 3};

	if (rank[kind] > rank[r->worst])
		r->worst = kind;
}

enum err_kind run_worst(const struct run *r)
{
	return r->worst;
}

bool run_incomparable(const struct run *r)
{
	return r->incomparable;
}

static void on_trouble(const struct err *e, void *arg)
{
	struct run *r = arg;

	run_worsen(r, e->kind);
	if (r->w.trouble)
		r->w.trouble(e, r->w.arg);
}

static void on_note(const char *text, void *arg)
{
	struct run *r = arg;

	if (r->w.note)
		r->w.note(text, r->w.arg);
}

/* Boots of kernels that are still to be built. */
static size_t boots_to_come(const struct run *r)
{
	size_t n = 0;

	for (size_t g = 0; r->m.builds && g < r->study->nstages; g++)
		for (size_t c = 0; c < r->study->nconfigs; c++)
			if (builds_at(r->m.builds, g, c)->state == PLANNED_TODO)
				n += study_kernel_boots(r->study, g);
	return n;
}

/* Kernels that did not build in an earlier run, and are not tried again. */
static size_t known_broken(const struct run *r)
{
	size_t n = 0;

	for (size_t g = 0; r->m.builds && g < r->study->nstages; g++) {
		for (size_t c = 0; c < r->study->nconfigs; c++) {
			const struct planned *p = builds_at(r->m.builds, g, c);

			n += p->state == PLANNED_DONE &&
			     p->was.state == BUILD_BROKEN;
		}
	}
	return n;
}

void run_count_tasks(struct run *r, size_t from)
{
	for (size_t i = from; i < r->m.ntasks; i++) {
		r->p.ok += r->m.tasks[i].state == TASK_OK;
		r->p.bad += r->m.tasks[i].state == TASK_BAD;
	}
	if (r->p.bad)
		run_worsen(r, ERR_KERNEL);
}

static int count_splats(struct run *r, struct err *e)
{
	long long n;

	if (findings_alarming(r->lab->db, r->m.study, NULL, &n, e))
		return -EIO;
	r->p.splat = (size_t)n;
	return 0;
}

int run_resolve(struct run *r, struct err *e)
{
	struct matrix_options o = {
		.refresh = r->o.refresh,
		.retry = r->o.retry,
		.no_sandbox = r->o.no_sandbox,
		.on_demand = r->o.guide != NULL,
		.only = r->o.only,
		.jobs = r->o.jobs,
		.note = on_note,
		.trouble = on_trouble,
		.arg = r,
	};
	int ret = lab_need_qemu(r->lab, e);

	if (!ret)
		ret = findings_catch_up(r->lab->db, r->lab->dir, e);
	if (!ret)
		ret = matrix_build(&r->m, r->lab, r->study, &o, e);
	if (ret)
		return ret;
	r->p.skipped = r->m.skipped;
	r->p.not_applicable = r->m.not_applicable;
	if (r->m.builds)
		r->p.builds = builds_todo(r->m.builds);
	/* Of a kernel that is still to be built it is not known yet whether it
	 * shares its boots with another. */
	r->p.total = r->m.ntasks + boots_to_come(r);
	run_count_tasks(r, 0);
	r->p.unbuildable = known_broken(r);
	if (r->p.unbuildable)
		run_worsen(r, ERR_KERNEL);
	return count_splats(r, e);
}

/* ---- progress ---- */

uint64_t run_estimate(uint64_t boots, uint64_t boot_ms, int jobs)
{
	if (boots && boots < (uint64_t)jobs)
		return boot_ms;
	return boots * boot_ms / (uint64_t)jobs;
}

/* Builds go side by side, so they end with the boots or later. */
static uint64_t eta(const struct run *r)
{
	size_t boots = r->p.total - r->p.ok - r->p.bad - r->p.failed;
	size_t builds = r->p.builds - r->p.built - r->p.broken;
	uint64_t ms = 0, build_ms = 0;

	if (boots && !r->wall_n)
		return 0;
	if (boots)
		ms = run_estimate(boots, r->wall_sum_ms / r->wall_n, r->o.jobs);
	if (builds && !r->build_n)
		return 0;
	if (builds)
		build_ms = run_estimate(builds, r->build_sum_ms / r->build_n,
					(int)builds_lanes(r->m.builds));
	return ms > build_ms ? ms : build_ms;
}

struct run_progress run_progress(const struct run *r)
{
	struct run_progress p = r->p;

	p.eta_ms = eta(r);
	return p;
}

void run_tell_progress(struct run *r)
{
	struct run_progress p = run_progress(r);

	if (r->w.progress)
		r->w.progress(&p, r->w.arg);
}

/* ---- the loop ---- */

static void stop_all(struct run *r)
{
	r->stopping = true;
	for (int i = 0; i < r->o.jobs; i++)
		if (r->slots[i].boot)
			boot_stop(r->slots[i].boot);
	if (r->m.builds)
		builds_stop(r->m.builds);
	if (r->question)
		job_stop(r->question);
}

void run_maybe_end(struct run *r)
{
	if (r->p.running || (r->m.builds && builds_running(r->m.builds)) ||
	    run_ask(r))
		return;
	stop_unwatch(&r->stop);
}

void run_fail(struct run *r, const struct err *e)
{
	if (!r->failed) {
		r->failed = -EIO;
		r->err = *e;
	}
	run_worsen(r, ERR_LAB);
	stop_all(r);
}

static void on_stop(void *arg)
{
	struct run *r = arg;

	r->interrupted = true;
	stop_all(r);
	run_maybe_end(r);
}

/* ---- builds ---- */

static void count_build(struct run *r, size_t stage,
			const struct build_result *b)
{
	bool ok = b->state == BUILD_OK;

	r->p.built += ok;
	r->p.broken += !ok;
	r->build_sum_ms += b->wall_ms;
	r->build_n++;
	if (ok)
		return;
	run_worsen(r, ERR_KERNEL);
	if (!r->o.guide)
		r->p.total -= study_kernel_boots(r->study, stage);
}

static void enter_build(struct run *r, size_t stage, size_t config,
			const struct build_result *b)
{
	size_t before = r->m.ntasks;
	struct err e;

	count_build(r, stage, b);
	if (matrix_built(&r->m, stage, config, b, &e)) {
		run_fail(r, &e);
		return;
	}
	if (b->state == BUILD_OK && !r->o.guide)
		r->p.total += r->m.ntasks - before -
			      study_kernel_boots(r->study, stage);
	r->p.skipped = r->m.skipped;
	r->p.not_applicable = r->m.not_applicable;
	run_count_tasks(r, before);
}

static void on_build(size_t stage, size_t config, const struct build_result *b,
		     void *arg)
{
	struct run *r = arg;
	struct err e;

	if (b && b->state == BUILD_LAB) {
		err_lab(&e, "stage '%s' under config '%s' cannot be built: %s",
			r->study->stages[stage].name,
			r->study->configs[config].name, b->reason);
		run_fail(r, &e);
	} else if (b && b->state != BUILD_STOPPED) {
		enter_build(r, stage, config, b);
		if (r->w.build)
			r->w.build(r->study->stages[stage].name,
				   r->study->configs[config].name, b, r->w.arg);
	}
	r->p.building = builds_running(r->m.builds);
	run_fill_slots(r);
	run_tell_progress(r);
	run_maybe_end(r);
}

static void on_build_fail(const struct err *e, void *arg)
{
	run_fail(arg, e);
}

/* Into the lab's diary; that it cannot be written is no reason to stop. */
static void log_event(struct run *r, const char *what)
{
	struct run_progress p = run_progress(r);
	char *detail =
		xasprintf("%zu of %zu boots done, %zu bad, %zu failed in "
			  "the lab; %zu of %zu kernels built, %zu broken; %d "
			  "side by side",
			  p.ok + p.bad, p.total, p.bad, p.failed, p.built,
			  p.builds, p.broken, r->o.jobs);
	struct err ignored;

	db_event(r->lab->db, r->study->name, what, detail, &ignored);
	free(detail);
}

int run_work(struct run *r, struct err *e)
{
	unsigned cores = uv_available_parallelism();
	unsigned busy = (unsigned)r->o.jobs;

	if (r->p.builds || (r->m.builds && r->o.guide))
		busy += (unsigned)builds_lanes(r->m.builds) *
			(unsigned)r->o.jobs;
	r->lab->crowd = (busy + cores - 1) / cores;
	BUG(uv_loop_init(&r->loop));
	log_event(r, "run");
	r->slots = xcalloc((size_t)r->o.jobs, sizeof(*r->slots));
	r->again = xcalloc((size_t)r->o.jobs, sizeof(struct task *));
	for (int i = 0; i < r->o.jobs; i++)
		r->slots[i].run = r;
	stop_watch(&r->stop, &r->loop, on_stop, r);
	if (r->p.builds || (r->m.builds && r->o.guide))
		builds_start(r->m.builds, &r->loop, on_build, on_build_fail, r);
	run_fill_slots(r);
	run_tell_progress(r);
	run_maybe_end(r);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	BUG(uv_loop_close(&r->loop));
	log_event(r, r->failed        ? "failed"
		     : r->interrupted ? "interrupted"
				      : "done");
	if (r->failed) {
		*e = r->err;
		return r->failed;
	}
	return r->interrupted ? -EINTR : 0;
}
