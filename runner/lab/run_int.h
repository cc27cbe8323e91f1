/*
 * A run while it works: run.c has the plan, progress, builds and the loop,
 * run_boots.c the slots in which boots run, run_rounds.c what is asked when all
 * is done.
 */
#ifndef KLAB_RUN_INT_H
#define KLAB_RUN_INT_H

#include "base/err.h"
#include "base/job.h"
#include "base/stop.h"
#include "lab/matrix.h"
#include "lab/run.h"

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
	/* Boots that want the host for themselves wait here until nothing else
	 * is left to do or is at work. */
	struct task **later;
	size_t nlater;
	bool alone;           /* one of them runs */
	struct job *question; /* what boots come next? NULL: not asked now */
	bool judged;          /* there are no more */
	bool incomparable;    /* because the boots cannot be compared */
};

/* Something was not as it should be: see run_worst(). */
void run_worsen(struct run *r, enum err_kind kind);
/* The lab's own error: what runs is stopped, and no more is started. */
void run_fail(struct run *r, const struct err *e);
void run_tell_progress(struct run *r);
/* Tasks from that one on are new: those that were done before count as done. */
void run_count_tasks(struct run *r, size_t from);
/* Asks for another round once nothing runs any more, or ends the loop. */
void run_maybe_end(struct run *r);
/* Is it being asked what boots come next?  Asks unless it is known. */
bool run_ask(struct run *r);
/* Asks the guide, if there is one, and starts boots in the slots that are free,
 * as far as there is room. */
void run_fill_slots(struct run *r);

#endif
