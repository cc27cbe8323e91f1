/*
 * The boots of a study: what run.c works off.
 *
 * matrix_build() resolves machines to what this host can run, workloads to
 * archives and stages to kernels.  A kernel that is there gets its cells and a
 * task for each boot at once; one that is still to be built gets them from
 * matrix_built().  matrix_more() adds boots that were not planned.
 * matrix_next() hands the tasks out turn by turn, a turn being one boot of
 * every cell, so that an interrupted run has something of every cell.
 */
#ifndef KLAB_MATRIX_H
#define KLAB_MATRIX_H

#include "base/err.h"
#include "lab/builds.h"
#include "lab/lab.h"
#include "lab/spec.h"
#include "study/study.h"

/* One kernel on one machine with one workload; spec is NULL where something is
 * missing. */
struct cell {
	int stage, config, machine,
		workload; /* indices of the study's arrays */
	json_t *spec;     /* its seed is set for each boot */
};

enum task_state { TASK_TODO, TASK_OK, TASK_BAD, TASK_LAB, TASK_RUNNING };

struct task {
	unsigned cell;
	int seed;
	unsigned turn;
	char id[BOOT_ID];
	unsigned char state;
	unsigned char tries; /* of this run that failed in the lab */
};

struct matrix_options {
	bool refresh, retry, no_sandbox;
	bool on_demand;   /* no build and no boot unless somebody asks */
	const char *only; /* label of the one workload; NULL: all */
	int jobs;
	void (*note)(const char *text, void *arg);
	void (*trouble)(const struct err *e, void *arg);
	void *arg;
};

/* Tasks that belong together, one of each cell.  Under an exact clock they keep
 * the order in which they came.  Where time is real they are in the order of
 * their boots' ids, which is random but always the same: else what drifts with
 * time would go with the stage. */
struct turn {
	unsigned *tasks;
	size_t n, next;
	bool unsorted;
};

/* Boots of one cell that were not planned. */
struct wish {
	unsigned cell; /* index of m->cells */
	enum cell_role role;
	int first, last; /* seeds */
};

struct matrix {
	struct lab *lab;
	struct study *s;
	struct matrix_options o;
	long long study;             /* its row in the database */
	bool *unfit;                 /* by machine: this host cannot run it */
	char (*archive)[SHA256_HEX]; /* by workload; empty if there is none */
	struct builds *builds;       /* NULL: the kernels are prebuilt */

	struct cell *cells; /* of each place, see matrix_cell_at() */
	size_t ncells;
	struct task *tasks;
	size_t ntasks, room;
	size_t skipped;        /* boots that have no spec */
	size_t not_applicable; /* boots that no kernel or machine is for */
	struct strv told;      /* what is not applicable, and why */
	struct turn *turns;
	size_t nturns;
	uint64_t *seen; /* boots that are a task, hashed by id */
	size_t nseen;
	size_t confirmations; /* tasks that are such */
};

/* Fills m and writes study, stages, kernels and cells to the lab's database.
 * lab and study must outlive it. */
int matrix_build(struct matrix *m, struct lab *lab, struct study *s,
		 const struct matrix_options *o, struct err *e);
void matrix_release(struct matrix *m);

/* A build has ended: its boots, or that it is broken, enter matrix and
 * database. Indices are those of the study's arrays. */
int matrix_built(struct matrix *m, size_t stage, size_t config,
		 const struct build_result *r, struct err *e);
/* The cell of indices of the study's arrays, which may have no spec. */
unsigned matrix_cell_at(const struct study *s, size_t stage, size_t config,
			size_t machine, size_t workload);
/*
 * Adds what is wished and not there yet, in one transaction; *added is the
 * number of new cells, of which some may share a boot.  What has no spec is
 * passed over, and so are confirmations above the study's budget.  Tasks move:
 * the caller holds none.
 */
int matrix_more(struct matrix *m, const struct wish *w, size_t n, size_t *added,
		struct err *e);
/* Does a come before b?  By turns, and by boots in one turn. */
bool matrix_before(const struct task *a, const struct task *b);
/* The next task to do, or NULL if there is none now. */
struct task *matrix_next(struct matrix *m);

/* Puts the fallback in place of each machine that this QEMU cannot run; a
 * machine without one is reported and its index in *unfit set. */
int matrix_machines(const char *share, const struct qemu *q, struct study *s,
		    const struct matrix_options *o, bool *unfit, struct err *e);

#endif
