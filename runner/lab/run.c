#include "lab/run.h"

#include "base/err.h"
#include "base/file.h"
#include "base/stop.h"
#include "lab/findings.h"
#include "lab/matrix.h"

#include <errno.h>
#include <signal.h>

/* With less than this for each boot none is started: its files may not fit. */
#define ROOM_NEEDED (4ull * GUEST_FILE_CAP)
#define STREAK_MAX 8
/* What the lab failed is tried so often in one run. */
#define TRIES_MAX 3

struct slot {
	struct run *run;
	struct task *task;
	struct boot *boot; /* NULL: free */
};

struct run {
	struct lab *lab;
	struct study *study;
	struct run_options o;
	struct run_watch w;
	struct matrix m;
	struct run_progress p;
	enum err_kind worst;

	uv_loop_t loop;
	struct stop stop;
	struct slot *slots;
	bool stopping, interrupted;
	int failed; /* the lab's own error, in err */
	struct err err;
	uint64_t wall_sum_ms, wall_n;   /* boots of this run */
	uint64_t build_sum_ms, build_n; /* its builds */
	int streak;          /* boots in a row that failed in the lab */
	struct task **again; /* to be tried once more; one place a slot */
	size_t nagain;
};

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
	free(r->slots);
	free(r);
}

/* 4 says the most, then 2, then 3: what klab itself could not do leaves the
 * rest unknown. */
static void worsen(struct run *r, enum err_kind kind)
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

static void on_trouble(const struct err *e, void *arg)
{
	struct run *r = arg;

	worsen(r, e->kind);
	if (r->w.trouble)
		r->w.trouble(e, r->w.arg);
}

static void on_note(const char *text, void *arg)
{
	struct run *r = arg;

	if (r->w.note)
		r->w.note(text, r->w.arg);
}

/* Boots that one kernel gets. */
static size_t boots_of_kernel(const struct run *r)
{
	return study_boots(r->study) / (r->study->nstages * r->study->nconfigs);
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
	if (r->m.builds)
		r->p.builds = builds_todo(r->m.builds);
	/* Of a kernel that is still to be built it is not known yet whether it
	 * shares its boots with another. */
	r->p.total = r->m.ntasks + r->p.builds * boots_of_kernel(r);
	for (size_t i = 0; i < r->m.ntasks; i++) {
		r->p.ok += r->m.tasks[i].state == TASK_OK;
		r->p.bad += r->m.tasks[i].state == TASK_BAD;
	}
	r->p.unbuildable = known_broken(r);
	if (r->p.bad || r->p.unbuildable)
		worsen(r, ERR_KERNEL);
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

static void tell_progress(struct run *r)
{
	struct run_progress p = run_progress(r);

	if (r->w.progress)
		r->w.progress(&p, r->w.arg);
}

/* ---- the loop ---- */

static void fill_slots(struct run *r);

static void stop_all(struct run *r)
{
	r->stopping = true;
	for (int i = 0; i < r->o.jobs; i++)
		if (r->slots[i].boot)
			boot_stop(r->slots[i].boot);
	if (r->m.builds)
		builds_stop(r->m.builds);
}

/* Ends the loop once nothing runs any more. */
static void maybe_end(struct run *r)
{
	if (r->p.running || (r->m.builds && builds_running(r->m.builds)))
		return;
	stop_unwatch(&r->stop);
}

static void fail(struct run *r, const struct err *e)
{
	if (!r->failed) {
		r->failed = -EIO;
		r->err = *e;
	}
	worsen(r, ERR_LAB);
	stop_all(r);
}

static void on_stop(void *arg)
{
	struct run *r = arg;

	r->interrupted = true;
	stop_all(r);
	maybe_end(r);
}

static bool boot_detail_is(const struct boot_result *b, const char *word)
{
	return b->what.detail && !strcmp(b->what.detail, word);
}

static void count(struct run *r, struct task *t, const struct boot_result *b)
{
	static const enum task_state states[] = {[BOOT_OK] = TASK_OK,
						 [BOOT_BAD] = TASK_BAD,
						 [BOOT_LAB] = TASK_LAB};

	t->state = (unsigned char)states[b->what.state];
	r->p.ok += t->state == TASK_OK;
	r->p.bad += t->state == TASK_BAD;
	r->p.failed += t->state == TASK_LAB;
	r->streak = t->state == TASK_LAB ? r->streak + 1 : 0;
	if (t->state == TASK_BAD)
		worsen(r, ERR_KERNEL);
	if (t->state == TASK_LAB)
		worsen(r, ERR_LAB);
	r->wall_sum_ms += b->wall_ms;
	r->wall_n++;
}

/* A lab that fails every boot would only fail the rest as well. */
static void give_up_on_streak(struct run *r, const struct boot_result *b)
{
	struct err e;

	if (r->streak < STREAK_MAX || r->streak < 2 * r->o.jobs)
		return;
	err_lab(&e,
		"giving up: %d boots in a row failed in the lab, the last "
		"one because: %s; mend that, then run the same command again",
		r->streak, b->what.reason);
	fail(r, &e);
}

static void tell_boot(struct run *r, const struct task *t,
		      const struct boot_result *b, bool splat, int again)
{
	const struct cell *c = &r->m.cells[t->cell];
	const struct run_boot told = {
		.stage = r->study->stages[c->stage].name,
		.config = r->study->configs[c->config].name,
		.machine = r->study->machines[c->machine]->name,
		.workload = r->study->workloads[c->workload]->label,
		.seed = t->seed,
		.splat = splat,
		.again = again,
		.result = b,
	};

	if (r->w.boot)
		r->w.boot(&told, r->w.arg);
}

/* Keeps the folder first, so that a boot in the database has its files. */
static int store(struct run *r, struct boot *b, bool *splat, struct err *e)
{
	const struct boot_result *res = boot_result(b);
	long long alarming = 0;
	int ret = 0;

	if (!boot_detail_is(res, "disk"))
		ret = boot_keep(b, e);
	if (!ret)
		ret = db_boot_done(r->lab->db, res->id, &res->what,
				   res->wall_ms, res->fingerprint, e);
	if (!ret)
		ret = findings_alarming(r->lab->db, r->m.study, res->id,
					&alarming, e);
	*splat = alarming > 0 && res->what.state == BOOT_OK;
	return ret;
}

/* What the lab failed once may well work: it is not the kernel's fault, and no
 * result of it.  A full disk stays full. */
static bool try_again(struct run *r, struct task *t,
		      const struct boot_result *b)
{
	struct err ignored;
	char *detail;

	if (b->what.state != BOOT_LAB || r->stopping ||
	    boot_detail_is(b, "disk") || ++t->tries >= TRIES_MAX)
		return false;
	detail = xasprintf("boot %s, try %d of %d: %s", b->id, t->tries,
			   TRIES_MAX, b->what.reason);
	db_event(r->lab->db, r->study->name, OUTCOME_INFRA, detail, &ignored);
	free(detail);
	t->state = TASK_TODO;
	r->again[r->nagain++] = t;
	tell_boot(r, t, b, false, t->tries + 1);
	return true;
}

static void finish(struct run *r, struct task *t, struct boot *b)
{
	struct err e;
	bool splat;

	if (store(r, b, &splat, &e)) {
		t->state = TASK_LAB;
		r->p.failed++;
		fail(r, &e);
		return;
	}
	count(r, t, boot_result(b));
	r->p.splat += splat;
	tell_boot(r, t, boot_result(b), splat, 0);
	give_up_on_streak(r, boot_result(b));
}

static void on_boot(struct boot *b, void *arg)
{
	struct slot *s = arg;
	struct run *r = s->run;
	struct task *t = s->task;

	s->boot = NULL;
	s->task = NULL;
	r->p.running--;
	if (boot_detail_is(boot_result(b), "interrupted"))
		t->state = TASK_TODO;
	else if (!try_again(r, t, boot_result(b)))
		finish(r, t, b);
	boot_free(b);
	fill_slots(r);
	tell_progress(r);
	maybe_end(r);
}

static struct task *next_task(struct run *r)
{
	return r->nagain ? r->again[--r->nagain] : matrix_next(&r->m);
}

static int start(struct run *r, struct slot *s, struct task *t, struct err *e)
{
	struct cell *c = &r->m.cells[t->cell];

	if (file_space(r->lab->dir) < ROOM_NEEDED * (r->p.running + 1))
		return err_lab(e,
			       "the disk of '%s' is full: a boot needs %llu "
			       "MiB of room; make some ('klab gc'), then run "
			       "the same command again",
			       r->lab->dir, ROOM_NEEDED >> 20);
	spec_set_seed(c->spec, t->seed);
	if (db_boot_start(r->lab->db, t->id,
			  spec_text(c->spec, "kernel", "key"), t->seed, e))
		return -EIO;
	return boot_start(&r->loop, r->lab, c->spec, on_boot, s, &s->boot, e);
}

/* Builds come first, because boots wait for them; but one boot always goes, as
 * much of a build keeps one core busy only. */
static bool room_for_boot(const struct run *r)
{
	size_t building = r->m.builds ? builds_running(r->m.builds) : 0;

	return !r->p.running || r->p.running + building < (size_t)r->o.jobs;
}

static void fill_slots(struct run *r)
{
	struct err e;

	for (int i = 0; i < r->o.jobs && !r->stopping; i++) {
		struct slot *s = &r->slots[i];
		struct task *t;

		if (s->boot)
			continue;
		if (!room_for_boot(r))
			return;
		t = next_task(r);
		if (!t)
			return;
		if (start(r, s, t, &e)) {
			t->state = TASK_LAB;
			r->p.failed++;
			fail(r, &e);
			return;
		}
		t->state = TASK_RUNNING;
		s->task = t;
		r->p.running++;
	}
}

/* ---- builds ---- */

static void count_build(struct run *r, const struct build_result *b)
{
	bool ok = b->state == BUILD_OK;

	r->p.built += ok;
	r->p.broken += !ok;
	r->build_sum_ms += b->wall_ms;
	r->build_n++;
	if (ok)
		return;
	worsen(r, ERR_KERNEL);
	r->p.total -= boots_of_kernel(r);
}

static void enter_build(struct run *r, size_t stage, size_t config,
			const struct build_result *b)
{
	size_t before = r->m.ntasks;
	struct err e;

	count_build(r, b);
	if (matrix_built(&r->m, stage, config, b, &e)) {
		fail(r, &e);
		return;
	}
	if (b->state == BUILD_OK)
		r->p.total += r->m.ntasks - before - boots_of_kernel(r);
	for (size_t i = before; i < r->m.ntasks; i++) {
		r->p.ok += r->m.tasks[i].state == TASK_OK;
		r->p.bad += r->m.tasks[i].state == TASK_BAD;
	}
	r->p.skipped = r->m.skipped;
	if (r->p.bad)
		worsen(r, ERR_KERNEL);
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
		fail(r, &e);
	} else if (b && b->state != BUILD_STOPPED) {
		enter_build(r, stage, config, b);
		if (r->w.build)
			r->w.build(r->study->stages[stage].name,
				   r->study->configs[config].name, b, r->w.arg);
	}
	r->p.building = builds_running(r->m.builds);
	fill_slots(r);
	tell_progress(r);
	maybe_end(r);
}

static void on_build_fail(const struct err *e, void *arg)
{
	fail(arg, e);
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

	if (r->p.builds)
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
	if (r->p.builds)
		builds_start(r->m.builds, &r->loop, on_build, on_build_fail, r);
	fill_slots(r);
	tell_progress(r);
	maybe_end(r);
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
