/*
 * Workloads: what runs in the guest and which metrics come out.
 *
 * A workload is a folder workloads/NAME with a workload.yaml; docs/workloads.md
 * explains its keys.  workload_load() resolves it with the parameters that a
 * study gives into the commands that the guest will run.
 */
#ifndef KLAB_WORKLOAD_H
#define KLAB_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "study/metric.h"

struct err;
struct yml_node;

struct step {
	char *name;
	struct strv argv, collect;
	long long deadline_s;
};

struct workload {
	char *label; /* unique in the study */
	char *name;  /* folder, with the variant: hackbench-threads */
	char *summary;
	struct strv packages, binaries, modules;
	struct strv load; /* argv of the load, empty if none */
	struct step *steps;
	size_t nsteps;
	struct metric *metrics;
	size_t nmetrics;
};

/*
 * item is the study's entry: a name, or a map from one name to parameters.
 * Parameters of the workload are overridden by it; `load: NAME` puts another
 * workload's load beside the steps, `as: LABEL` names the entry.  share is
 * klab's own folder.  The caller frees the workload.
 */
int workload_load(struct yml_node *item, const char *share,
		  struct workload **out, struct err *e);
void workload_free(struct workload *w);

#endif
