/*
 * What klab plan can say beforehand of workloads that cannot run everywhere.
 */
#ifndef KLAB_PLAN_NEEDS_H
#define KLAB_PLAN_NEEDS_H

#include <jansson.h>

struct lab;
struct study;

/* A list of {stage, config, machine, workload, why}, one for each cell of the
 * matrix that is not applicable as far as is known: of kernels that are not
 * there yet only the version is, and only where their package's name tells it.
 * lab may be NULL. */
json_t *plan_not_applicable(const struct study *s, const struct lab *lab);
/* Prints it, a line for all cells that have the same reason. */
void plan_print_not_applicable(const json_t *list);

#endif
