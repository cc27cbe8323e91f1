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
#include "study/monitor.h"
#include "study/needs.h"

struct err;
struct yml_node;

struct step {
	char *name;
	struct strv argv, collect;
	long long deadline_s;
};

/* One that klab compiles from the workload's own sources. */
struct program {
	char *name;            /* in the guest: /bin/<name> */
	struct strv sources;   /* absolute paths */
	struct strv libraries; /* "elf" for -lelf */
};

struct workload {
	char *label; /* unique in the study */
	char *name;  /* folder, with the variant: hackbench-threads */
	char *summary;
	struct needs needs;
	struct strv packages, binaries;
	struct strv modules; /* of the kernel's package: "brd rd_nr=1" */
	struct strv kmods;   /* sources of own modules, absolute paths */
	struct strv files;   /* absolute paths; /klab/files/<base name> */
	struct strv mounts;  /* "tracefs /sys/kernel/tracing" */
	struct program *programs;
	size_t nprograms;
	struct strv load; /* argv of the load, empty if none */
	struct step *steps;
	size_t nsteps;
	struct metric *metrics;
	size_t nmetrics;
	struct monitor *monitors;
	size_t nmonitors;
};

/*
 * item is the study's entry: a name, or a map from one name to parameters.
 * Parameters of the workload are overridden by it; `load: NAME` puts another
 * workload's load beside the steps, `scale: N` multiplies the parameters that
 * are made for it, `monitors: [NAME]` adds some, `as: LABEL` names the entry.
 * share is klab's own folder.  The caller frees the workload.
 */
int workload_load(struct yml_node *item, const char *share,
		  struct workload **out, struct err *e);
void workload_free(struct workload *w);

#endif
