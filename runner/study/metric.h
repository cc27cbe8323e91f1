/*
 * Metrics of a workload: name, unit, which way is better, and where the value
 * comes from.
 */
#ifndef KLAB_METRIC_H
#define KLAB_METRIC_H

#include <jansson.h>
#include <stdbool.h>

#include "study/params.h"

/* The longest latency that a histogram can have a bucket for. */
#define LIMIT_US_MAX 1000000

struct metric {
	char *name, *unit, *better; /* better: "lower" or "higher" */
	bool primary, latency;
	/* As it goes into a boot's spec: name, unit, from, and those keys of
	 * docs/workloads.md that `from` takes, parameters resolved. */
	json_t *spec;
};

/* Reads one entry of a workload's `metrics`; m is released by the caller also
 * after an error. */
int metric_read(struct yml_node *n, const struct params *p, struct metric *m,
		struct err *e);
/* NAME-cost: what it takes to read that monitor, before and after. */
void metric_of_cost(struct metric *m, const char *monitor);
void metric_release(struct metric *m);

/* Is this what metric_read() makes?  Of a spec that anybody may have written.
 */
bool metric_spec_ok(const json_t *spec);

#endif
