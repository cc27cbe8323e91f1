/*
 * Metrics of a workload: name, unit, which way is better, and where the value
 * comes from.
 */
#ifndef KLAB_METRIC_H
#define KLAB_METRIC_H

#include <stdbool.h>

#include "study/params.h"

/* Where a metric's value comes from. */
enum metric_from {
	FROM_ELAPSED,    /* the agent's clock around the step, ns */
	FROM_HELLO,      /* the agent's clock when it started, ns */
	FROM_RUSAGE,     /* a number of the end frame: nvcsw, utime_us, ... */
	FROM_REGEX,      /* group 1 of a POSIX extended pattern on stdout */
	FROM_CYCLICTEST, /* a field of cyclictest's JSON, with its histograms */
};

#define LIMIT_US_MAX 1000000

struct metric {
	char *name, *unit, *better; /* better: "lower" or "higher" */
	bool primary, latency;
	enum metric_from from;
	char *field;   /* rusage: frame key; cyclictest: min avg max p99 p999 */
	char *pattern; /* regex */
	char *file;    /* cyclictest: path in the guest */
	long long limit_us; /* cyclictest: latencies from here on overflow,
			     * at most LIMIT_US_MAX */
};

/* Reads one entry of a workload's `metrics`; m is released by the caller also
 * after an error. */
int metric_read(struct yml_node *n, const struct params *p, struct metric *m,
		struct err *e);
void metric_release(struct metric *m);

#endif
