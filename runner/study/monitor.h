/*
 * Monitors: what the kernel counts about itself while a workload's last step
 * runs, kept with the boot.
 *
 * A monitor is a file configs/monitors/NAME.yaml: which files the agent reads
 * before and after the step, what it writes to switch the counting on and off,
 * and a program that the step runs under.  docs/workloads.md explains its keys.
 */
#ifndef KLAB_MONITOR_H
#define KLAB_MONITOR_H

#include "base/str.h"
#include "study/needs.h"

struct err;
struct yml_node;

struct monitor {
	char *name;
	struct needs needs;
	struct strv packages, binaries;
	struct strv mounts;     /* "tracefs /sys/kernel/tracing" */
	struct strv set, reset; /* "PATH VALUE", before and after */
	struct strv read;       /* paths, before and after */
	struct strv wrap;       /* words before the step's own */
	struct strv collect;    /* files that the program makes */
};

/* n is where an error is, share klab's own folder. */
int monitor_load(const struct yml_node *n, const char *share, const char *name,
		 struct monitor *m, struct err *e);
void monitor_release(struct monitor *m);

/* Reads a map of type and path under `mounts` as "TYPE PATH". */
int mounts_read(struct yml_node *map, struct strv *out, struct err *e);

#endif
