/*
 * The boots of a study: what run.c works off.
 *
 * matrix_build() resolves stages to kernels, machines to what this host can
 * run, and workloads to archives, and lists a task for each boot, seed by seed,
 * so that an interrupted run has something of every cell.
 */
#ifndef KLAB_MATRIX_H
#define KLAB_MATRIX_H

#include "base/err.h"
#include "lab/lab.h"
#include "lab/spec.h"
#include "study/study.h"

/* One stage on one machine with one workload; spec is NULL where something is
 * missing. */
struct cell {
	int stage, machine, workload; /* indices into the study's arrays */
	json_t *spec;                 /* its seed is set for each boot */
};

enum task_state { TASK_TODO, TASK_OK, TASK_BAD, TASK_LAB, TASK_RUNNING };

struct task {
	unsigned cell;
	int seed;
	char id[BOOT_ID];
	unsigned char state;
};

struct matrix {
	struct cell *cells;
	size_t ncells;
	struct task *tasks;
	size_t ntasks;
	size_t skipped; /* boots that have no spec */
};

struct matrix_options {
	bool refresh, retry;
	void (*note)(const char *text, void *arg);
	void (*trouble)(const struct err *e, void *arg);
	void *arg;
};

/* Fills m and writes study, stages and cells to the lab's database. */
int matrix_build(struct matrix *m, struct lab *lab, struct study *s,
		 const struct matrix_options *o, struct err *e);
void matrix_release(struct matrix *m);

/* Puts the fallback in place of each machine that this QEMU cannot run; a
 * machine without one is reported and its index in *unfit set. */
int matrix_machines(const char *share, const struct qemu *q, struct study *s,
		    const struct matrix_options *o, bool *unfit, struct err *e);

#endif
