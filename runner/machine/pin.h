/*
 * Which host CPUs a guest's vCPUs run on, and putting their threads there.
 */
#ifndef KLAB_PIN_H
#define KLAB_PIN_H

#include <jansson.h>

struct err;

#define PIN_CPUS_MAX 256

struct pin {
	int vcpu[PIN_CPUS_MAX]; /* host CPU of each vCPU */
	int n;
	int other[PIN_CPUS_MAX]; /* for all else; all there are if none is left
				  */
	int nother;
};

/* Takes n of the CPUs that klab may run on: those of `wanted`, a list of
 * numbers, or if that is NULL one of each core as far as they go, the last ones
 * first, since the first has the host's interrupts.  A lab error if there are
 * not so many. */
int pin_choose(struct pin *p, int n, const json_t *wanted, struct err *e);
/* Puts the vCPUs' threads there, and the other threads of the process to the
 * other CPUs.  A thread that has ended meanwhile is no error. */
int pin_threads(const struct pin *p, int pid, const int *threads,
		struct err *e);

#endif
