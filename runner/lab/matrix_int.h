/*
 * What matrix.c (machines, the plan), matrix_cells.c (one kernel on one machine
 * with one workload) and matrix_tasks.c (boots, and in which turn) share.
 */
#ifndef KLAB_MATRIX_INT_H
#define KLAB_MATRIX_INT_H

#include "lab/matrix.h"

void matrix_trouble(const struct matrix_options *o, const struct err *e);
void matrix_note(const struct matrix_options *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Is that workload (an index of the study's array) wanted at all? */
bool matrix_has(const struct matrix *m, size_t workload);
/* Makes the base archive of each workload. */
void matrix_archives(struct matrix *m);
/* Gives the cell its spec; without one it is not applicable, which goes to the
 * database, or something is missing here, which is told.  k is NULL where there
 * is no kernel. */
int matrix_cell(struct matrix *m, struct cell *c, const struct kernel *k,
		struct err *e);
/* Makes room for that many tasks and turns more. */
void matrix_reserve(struct matrix *m, size_t tasks, size_t turns);
/* One boot of a cell that has a spec: enters the database, and unless another
 * cell has it already, the tasks.  There is room for it. */
int matrix_add(struct matrix *m, unsigned cell, enum cell_role role, int seed,
	       size_t turn, struct err *e);

#endif
