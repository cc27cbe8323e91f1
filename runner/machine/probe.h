/*
 * Which accelerators run a guest on this host, by doing.
 *
 * An openable /dev/kvm is no proof: there are hosts where KVM opens, makes a
 * machine, and the guest then spins for ever, or runs slower than in emulation.
 */
#ifndef KLAB_PROBE_H
#define KLAB_PROBE_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct machine;
struct qemu;

struct probe {
	bool done, usable;
	uint64_t ms;    /* that it took */
	char text[300]; /* how it went: a sentence without an end */
};

/* The result of each, kept for a run; zeroed before the first use. */
struct probes {
	struct probe exact, tcg, kvm;
};

/* Each boots its guest the first time it is asked. */
const struct probe *probe_exact(struct probes *p, const struct qemu *q,
				const char *share);
const struct probe *probe_tcg(struct probes *p, const struct qemu *q,
			      const char *share);
/* Never takes longer than a few seconds more than emulation did. */
const struct probe *probe_kvm(struct probes *p, const struct qemu *q,
			      const char *share);

/* Decides what `accel: auto` of a machine is: kvm where that works and fits,
 * else tcg; m->host says why.  Leaves any other machine alone.  Fails if
 * neither works. */
int probe_decide(struct probes *p, struct machine *m, const struct qemu *q,
		 const char *share, struct err *e);

#endif
