/*
 * What matrix.c (machines, tasks, the plan) and matrix_cells.c (one kernel on
 * one machine with one workload) share.
 */
#ifndef KLAB_MATRIX_INT_H
#define KLAB_MATRIX_INT_H

#include "lab/matrix.h"

void matrix_trouble(const struct matrix_options *o, const struct err *e);
void matrix_note(const struct matrix_options *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Makes the base archive of each workload. */
void matrix_archives(struct matrix *m);
/* Gives the cell its spec; without one it is not applicable, which goes to the
 * database, or something is missing here, which is told.  k is NULL where there
 * is no kernel. */
int matrix_cell(struct matrix *m, struct cell *c, const struct kernel *k,
		struct err *e);

#endif
