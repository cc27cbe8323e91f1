/* The boots of a run: started, judged, stored, or tried once more. */
#include "lab/run_int.h"

#include "base/file.h"
#include "lab/findings.h"
#include "machine/backend.h"

#include <errno.h>

/* With less than this for each boot none is started: its files may not fit. */
#define ROOM_NEEDED (4ull * GUEST_FILE_CAP)
#define STREAK_MAX 8
/* What the lab failed is tried so often in one run. */
#define TRIES_MAX 3

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
		run_worsen(r, ERR_KERNEL);
	if (t->state == TASK_LAB)
		run_worsen(r, ERR_LAB);
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
	run_fail(r, &e);
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
		run_fail(r, &e);
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
	r->alone = false;
	r->p.running--;
	if (boot_detail_is(boot_result(b), "interrupted"))
		t->state = TASK_TODO;
	else if (!try_again(r, t, boot_result(b)))
		finish(r, t, b);
	boot_free(b);
	run_fill_slots(r);
	run_tell_progress(r);
	run_maybe_end(r);
}

static bool wants_alone(const struct run *r, const struct task *t)
{
	return backend_alone(r->m.cells[t->cell].spec);
}

static void put_off(struct run *r, struct task *t)
{
	r->later = xrealloc(r->later, (r->nlater + 1) * sizeof(struct task *));
	r->later[r->nlater++] = t;
}

/* The first one in the matrix's order of those put off, which may have come in
 * any: kernels that are built later, boots that are tried again. */
static struct task *take_later(struct run *r)
{
	size_t first = 0;
	struct task *t;

	for (size_t i = 1; i < r->nlater; i++)
		if (matrix_before(r->later[i], r->later[first]))
			first = i;
	t = r->later[first];
	r->later[first] = r->later[--r->nlater];
	return t;
}

/* What has the host for itself comes when nothing else is to be done. */
static struct task *next_task(struct run *r)
{
	size_t building = r->m.builds ? builds_running(r->m.builds) : 0;
	struct task *t;

	for (;;) {
		t = r->nagain ? r->again[--r->nagain] : matrix_next(&r->m);
		if (!t || !wants_alone(r, t))
			break;
		put_off(r, t);
	}
	if (!t && r->nlater && !r->p.running && !building)
		t = take_later(r);
	return t;
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

	if (r->alone)
		return false;
	return !r->p.running || r->p.running + building < (size_t)r->o.jobs;
}

void run_fill_slots(struct run *r)
{
	struct err e;

	if (r->o.guide && !r->stopping)
		r->o.guide(r, r->o.guide_arg);
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
			run_fail(r, &e);
			return;
		}
		t->state = TASK_RUNNING;
		s->task = t;
		r->alone = wants_alone(r, t);
		r->p.running++;
	}
}
