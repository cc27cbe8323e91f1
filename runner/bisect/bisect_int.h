/* What the files of the search share. */
#ifndef KLAB_BISECT_INT_H
#define KLAB_BISECT_INT_H

#include "bisect/bisect.h"

/* All that was seen of one kernel, or of kernels between which no step can lie,
 * since two of them have one code. */
struct spot {
	int kernel; /* the first of them */
	int again;  /* the one that was run last */
	int n;
	double *y;     /* values, n of them */
	double middle; /* of these */
	int good, bad; /* judgements, n of them */
};

/* What the runs say, apart from who is likely beforehand. */
struct evidence {
	int n; /* spots, by kernel; the first and last are the ends */
	const struct spot *at;
	double *split;   /* [j]: log likelihood of a step between j, j + 1 */
	double none;     /* of no step at all, in the same units */
	double level[2]; /* good, bad */
	double var[2];   /* how well known */
	double spread;
};

struct bisect {
	struct bisect_setup set;
	struct bisect_kernel *given; /* the setup's, n + 1 */
	struct bisect_kernel *k;     /* with what the record says */
	struct bisect_event *ev;
	size_t n_ev, cap_ev;

	/* What follows from the record; made anew by each bisect_next(). */
	int *same;      /* first kernel with the same code */
	int *cell;      /* first kernel that must be judged alike */
	double *weight; /* 0 where same code acquits; sums to 1 */
	bool *untestable;
	int *infra; /* failures of the lab since the kernel last ran */
	double *post, *below; /* below[k]: patches 1..k, if there is a step */
	struct spot *spots;
	int *spot_of;   /* by cell; -1: not run */
	double *values; /* the spots' */
	int n_spots;
	int runs, kernels, infra_all;
	double cost_s;
	double *split;  /* evidence's */
	int infra_tail; /* failures of the lab that the record ends with */
};

static inline int bisect_good_end(const struct bisect *b)
{
	return b->cell[0];
}

static inline int bisect_bad_end(const struct bisect *b)
{
	return b->cell[b->set.n];
}

static inline bool bisect_is_end(const struct bisect *b, int k)
{
	return b->cell[k] == bisect_good_end(b) ||
	       b->cell[k] == bisect_bad_end(b);
}

/* record.c: all that follows from setup and record alone. */
void record_read(struct bisect *b);
/* Runs of kernel k or of those judged alike. */
int bisect_runs_of(const struct bisect *b, int k);
/* Seconds that one more run of kernel k takes. */
double bisect_cost(const struct bisect *b, int k);

/* exact.c: false if the record contradicts plain halving. */
bool exact_next(struct bisect *b, struct bisect_step *out);

/* noisy.c */
void noisy_next(struct bisect *b, struct bisect_step *out);

/* groups.c: patches that no kernel can tell apart. */
/* The likeliest such patches into first, last, posterior. */
void groups_best(const struct bisect *b, struct bisect_step *out);
/* Patches that hold 95 % of the posterior, likewise. */
void groups_credible(const struct bisect *b, struct bisect_step *out);
/* Makes below of post. */
void groups_sum(struct bisect *b);

/* choose.c: the kernel in lo+1..hi-1 that says most per second if one of the
 * patches lo+1..hi is guilty, by b->below; fresh: of those not built yet.
 * -1: there is none. */
struct gain;
int choose_kernel(const struct bisect *b, const struct gain *g, int lo, int hi,
		  bool fresh);
/* What to build while out->kernel runs. */
void choose_ahead(const struct bisect *b, const struct gain *g,
		  struct bisect_step *out);

/* gain.c: bits that a run of a kernel says, by the probability that the kernel
 * is bad. */
#define GAIN_HALF 32
#define GAIN_POINTS (2 * GAIN_HALF + 1)
struct gain {
	double bits[GAIN_POINTS];
};
void gain_exact(struct gain *g);
/* Two levels d spreads apart. */
void gain_levels(struct gain *g, double d);
/* Shares of bad runs below and from the culprit on. */
void gain_rates(struct gain *g, double good, double bad);
double gain_at(const struct gain *g, double p);

/* levels.c: of values; both ends have been run, one of them twice. */
void levels_weigh(const struct bisect *b, struct evidence *v);
/* rates.c: of judgements; both ends have been run. */
void rates_weigh(struct evidence *v);

/* models.c: what else could have made the values. */
struct models {
	double step, drift, two; /* probabilities, they sum to 1 */
	int first, last;         /* patches: the likeliest two steps */
	int doubt;               /* the kernel that tells best; -1: none */
};
void models_compare(const struct bisect *b, const struct evidence *v,
		    struct models *m);

/* robust.c: location and spread under Student's t with 5 degrees of freedom,
 * by iterated reweighting. */
#define ROBUST_DF 5.0
double robust_middle(const double *y, int n); /* a first guess, the median */
double robust_mean(const double *y, int n, double guess, double spread);
double robust_spread(const struct spot *at, int n, int *df);

#endif
