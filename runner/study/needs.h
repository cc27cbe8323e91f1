/*
 * What a workload or a monitor needs to run: `needs` of its YAML file.
 *
 * Where that is missing it is not applicable, which is neither a failure of the
 * kernel nor of the lab.
 */
#ifndef KLAB_NEEDS_H
#define KLAB_NEEDS_H

#include <stdbool.h>

#include "base/str.h"

struct err;
struct machine;
struct yml_node;

struct needs {
	struct strv kernel;  /* ">= 6.18", "< 7.0"; all have to hold */
	struct strv options; /* "LOCK_STAT", "SLUB_TINY=n", "BRD=m" */
	long long vcpus, memory_mib;
	bool own_kernel; /* one that klab has built */
};

/* Reads the key `needs` of map; its absence is no needs.  n is released by the
 * caller also after an error. */
int needs_read(struct yml_node *map, struct needs *n, struct err *e);
/* Adds those of another one. */
void needs_join(struct needs *n, const struct needs *other);
void needs_release(struct needs *n);

/* What is not there, as half a sentence to be freed ("it needs 2 vCPUs, ...");
 * NULL if all is. */
char *needs_unmet_machine(const struct needs *n, const struct machine *m);
/* The same of a kernel: its release, and the text of its settled config, or
 * NULL if that is not known, in which case it is believed. */
char *needs_unmet_kernel(const struct needs *n, const char *release,
			 const char *config, bool own);

/* Major and minor number of "6.12.90+deb12-cloud-amd64"; false if it is none.
 */
bool needs_release_of(const char *text, int *major, int *minor);

#endif
