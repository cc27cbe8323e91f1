/*
 * How many boots a study wants, and what is made of them: its keys `boots`,
 * `compare: {confirm, aa, limits}`.
 *
 * The boots of a cell have a role, which their seeds tell: a sample, planned
 * (the first `min`) or added (up to `max`); an A/A boot, one more of the
 * baseline; a confirmation, a fresh boot of what the samples claim.
 */
#ifndef KLAB_RULES_H
#define KLAB_RULES_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct study;
struct yml_node;

/* Seeds are above these. */
#define SEED_AA 100000
#define SEED_CONFIRM 200000
#define BOOTS_MAX 10000 /* of a cell in one role */

struct limit {
	char *name;   /* WORKLOAD/METRIC */
	double value; /* the largest that is allowed, in the metric's unit */
};

struct rules {
	int min, max; /* samples of a cell; equal unless it is adaptive */
	double until; /* half the width of an interval that suffices; 0: none */
	bool confirm; /* claims are repeated on fresh boots, */
	size_t budget; /* of which there are at most so many */
	int aa;        /* boots more of each cell of the baseline */
	struct limit *limits;
	size_t nlimits;
};

/* Reads `boots`, which has no need of the rest of the study. */
int rules_read_boots(struct yml_node *root, struct rules *r, struct err *e);
/* Reads what the map `compare`, which may be NULL, says of them; stages,
 * configs, machines, workloads and boots of s are known. */
int rules_read_compare(struct yml_node *compare, struct study *s,
		       struct err *e);
void rules_release(struct rules *r);

/* As the lab keeps them, in JSON; freed by the caller. */
char *rules_text(const struct rules *r);
/* The number of samples that is looked at after n of them: n is min at first;
 * max is the last. */
int rules_next_look(const struct rules *r, int n);

#endif
