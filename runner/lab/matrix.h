/*
 * The boots of a study: what run.c works off.
 *
 * matrix_build() resolves machines to what this host can run, workloads to
 * archives and stages to kernels.  A kernel that is there gets its cells and a
 * task for each boot at once; one that is still to be built gets them from
 * matrix_built().  matrix_next() hands the tasks out seed by seed, so that an
 * interrupted run has something of every cell.
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
	char id[BOOT_ID];
	unsigned char state;
	unsigned char tries; /* of this run that failed in the lab */
};

struct matrix_options {
	bool refresh, retry, no_sandbox;
	int jobs;
	void (*note)(const char *text, void *arg);
	void (*trouble)(const struct err *e, void *arg);
	void *arg;
};

/* The tasks of one seed, in the order in which they came. */
struct turn {
	unsigned *tasks;
	size_t n, next;
};

struct matrix {
	struct lab *lab;
	struct study *s;
	struct matrix_options o;
	long long study;             /* its row in the database */
	bool *unfit;                 /* by machine: this host cannot run it */
	char (*archive)[SHA256_HEX]; /* by workload; empty if there is none */
	struct builds *builds;       /* NULL: the kernels are prebuilt */

	struct cell *cells;
	size_t ncells;
	struct task *tasks;
	size_t ntasks;
	size_t skipped;        /* boots that have no spec */
	size_t not_applicable; /* boots that no kernel or machine is for */
	struct strv told;      /* what is not applicable, and why */
	struct turn *turns;    /* by seed - 1 */
	uint64_t *seen;        /* boots that are a task, hashed by id */
	size_t nseen;
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
/* The next task to do, or NULL if there is none now. */
struct task *matrix_next(struct matrix *m);

/* Puts the fallback in place of each machine that this QEMU cannot run; a
 * machine without one is reported and its index in *unfit set. */
int matrix_machines(const char *share, const struct qemu *q, struct study *s,
		    const struct matrix_options *o, bool *unfit, struct err *e);

#endif
