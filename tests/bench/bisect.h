/* What the simulated searches share: a truth, its runs, and what is counted. */
#ifndef BENCH_BISECT_H
#define BENCH_BISECT_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_N 1000

struct truth {
	int n;
	double d; /* from end to end, in spreads */
	int culprit;
	int second;        /* of two steps, each d / 2; 0: none */
	bool drift;        /* each patch adds as much */
	double outliers;   /* share of runs, 8 spreads off */
	double untestable; /* share of kernels */
	bool dead[MAX_N + 1];
	double quiet, loud; /* of breaks: rates below and from the culprit on */
};

struct count {
	int searches, found, right, range, no_step, ends, gave_up;
	double runs, kernels;
	double cpu;
};

/* bisect_truth.c: numbers in [0, 1), the same after the same seed. */
extern uint64_t random_state;
double uniform(void);
double gauss(void);
/* Picks culprits and untestable kernels. */
void draw(struct truth *t);
/* What a run of kernel k gives. */
double value(const struct truth *t, int k);
/* Counts a search; first: 0 if it found nothing. */
void note(struct count *c, const struct truth *t, int first, int last, int runs,
	  int kernels);

/* bisect_rivals.c: one search each. */
void git_bisect(const struct truth *t, int runs, struct count *c);
void pinpoint(const struct truth *t, struct count *c);
/* Runs that no search can do without, known levels given. */
double bound(int n, double d, double error);

#endif
