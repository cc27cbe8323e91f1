/*
 * Which patch of a series is guilty?  The search alone: what has been seen so
 * far goes in, what to run next comes out.  It is a pure function of setup and
 * record: no clock, no randomness, no file, no kernel; the same record gives
 * the same answer, so a search can be resumed, replayed and simulated.
 *
 *	struct bisect *b = bisect_new(&setup, &e);
 *	bisect_next(b, &step);
 *	while (step.verdict == BISECT_RUN) {
 *		run step.kernel; bisect_add(b, what came of it, &e);
 *		bisect_next(b, &step);
 *	}
 *
 * Kernel k has patches 1..k: kernel 0 is the good end, kernel n the bad one.
 * Patch c is guilty if kernels below c are good and the others bad.  What was
 * found is to be confirmed by the caller, on fresh boots.  How it works, with
 * sources and figures: docs/bisect.md.
 */
#ifndef KLAB_BISECT_H
#define KLAB_BISECT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bisect;

enum bisect_kind {
	BISECT_METRIC, /* a run gives a value */
	BISECT_BREAK,  /* a run is good or bad */
};

enum bisect_mode {
	BISECT_EXACT, /* halving, a run per kernel; noisy once that contradicts
		       */
	BISECT_NOISY,
};

struct bisect_kernel {
	double weight;     /* how likely its last patch is, against the others;
			    * 0: cannot be guilty.  Kernel 0 has none. */
	uint64_t identity; /* of its code; 0: not known yet */
	double build_s, run_s;
	bool built;
};

struct bisect_setup {
	int n; /* patches; there are n + 1 kernels */
	const struct bisect_kernel *kernels;
	enum bisect_kind kind;
	enum bisect_mode mode;
	double min_effect; /* in units of the values (a log's: log(1.01)) */
	int direction;     /* of a change for the worse: 1 up, -1 down, 0 any */
	double spread;     /* of values over runs, if known from elsewhere */
	int spread_df;     /* from so many degrees of freedom; 0: not known */
	double stop;       /* probability at which it is found; 0: 0.989 */
	int max_runs;      /* of a value or judgement; 0: grows with log n */
	double max_s;      /* seconds of builds and runs; 0: any */
};

enum bisect_what {
	BISECT_VALUE,
	BISECT_GOOD,
	BISECT_BAD,
	BISECT_BUILT,      /* and its identity */
	BISECT_UNTESTABLE, /* does not build, or breaks before it can tell */
	BISECT_INFRA,      /* the lab failed, not the kernel: run again */
};

/* One line of the record, which only grows. */
struct bisect_event {
	int kernel;
	enum bisect_what what;
	double value;      /* BISECT_VALUE */
	uint64_t identity; /* BISECT_BUILT */
};

enum bisect_verdict {
	BISECT_RUN,     /* not done: run step.kernel */
	BISECT_FOUND,   /* patch step.first */
	BISECT_RANGE,   /* one of first..last, none between can be tested */
	BISECT_NO_STEP, /* no single patch; see step.why */
	BISECT_ENDS,    /* nothing to search; see step.why */
	BISECT_GAVE_UP, /* see step.why; first..last hold 95 % */
};

enum bisect_why {
	BISECT_WHY_NONE,
	BISECT_WHY_CALIBRATE, /* run: an end, to know the levels */
	BISECT_WHY_SEARCH,    /* run: says most per second */
	BISECT_WHY_WEAK,      /* run: what it gave says neither good nor bad */
	BISECT_WHY_INFRA,     /* run: the lab failed it / gave up: too often */
	BISECT_WHY_DOUBT,     /* run: is it one step? */
	BISECT_WHY_SAME_CODE, /* ends: they are one kernel */
	BISECT_WHY_EQUAL,     /* ends: no difference was seen */
	BISECT_WHY_SMALL,     /* ends: a difference below min_effect */
	BISECT_WHY_SWAPPED,   /* ends: the good one is the worse */
	BISECT_WHY_BOTH_BAD,  /* ends: the good end breaks too */
	BISECT_WHY_BOTH_GOOD, /* ends: the bad end does not break */
	BISECT_WHY_END,       /* ends: step.kernel, an end, cannot be tested */
	BISECT_WHY_NOBODY,    /* ends: every patch has weight 0 */
	BISECT_WHY_DRIFT,     /* no step: the change is spread over patches */
	BISECT_WHY_TWO_STEPS, /* no step: two patches, first and last */
	BISECT_WHY_BUDGET,    /* gave up: max_runs or max_s */
};

struct bisect_step {
	enum bisect_verdict verdict;
	enum bisect_why why;
	enum bisect_mode mode; /* how it searches by now */
	int kernel;            /* to run */
	int ahead[2];          /* likely next ones not built yet; -1: none */
	double ahead_p;        /* of it being ahead[0], if this run is clear */
	int first, last;       /* the likeliest patches */
	double posterior;      /* of first..last, if it is one patch */
	double single;         /* of there being one patch; 0: not looked at */
	/* Of values; the effect is bad less good, low..high hold 95 %.  Of
	 * breaks, good and bad are the shares of bad runs at either side. */
	double good, bad, spread;
	double effect, low, high;
	int runs, kernels, infra; /* so far; kernels that were run or built */
	double cost_s;
};

enum bisect_judgement {
	BISECT_IS_OPEN, /* never run, and nothing follows from the others */
	BISECT_IS_GOOD,
	BISECT_IS_BAD,
	BISECT_IS_WEAK,
	BISECT_IS_UNTESTABLE,
};

/* Copies the setup.  NULL with an error if it makes no sense. */
struct bisect *bisect_new(const struct bisect_setup *s, struct err *e);
void bisect_free(struct bisect *b);

/* -EINVAL if there is no such kernel, the value is no number, or its kind is
 * not the setup's; then nothing has changed. */
int bisect_add(struct bisect *b, const struct bisect_event *ev, struct err *e);

/* Says the same however often it is asked. */
void bisect_next(struct bisect *b, struct bisect_step *out);

/* As of the last bisect_next(): [c] is the probability of patch c, 1..n, and
 * [0] that there is no difference.  Belongs to b. */
const double *bisect_posterior(const struct bisect *b);
enum bisect_judgement bisect_judge(const struct bisect *b, int kernel);

#endif
