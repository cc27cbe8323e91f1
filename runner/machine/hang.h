/*
 * When is a guest hung?  The rules alone: no clock, file or process is looked
 * at here, so that each of them can be tested.
 *
 * A guest that lives writes to its console or port, or runs a step, which may
 * be silent for as long as it may take.  Time is the host's.  On an exact
 * clock, where a busy host must change nothing, QEMU's waits for a core are
 * left out; the guest's own time cannot be asked for without changing the run,
 * so a step has no limit there but the boot's deadline.
 */
#ifndef KLAB_HANG_H
#define KLAB_HANG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hang {
	/* Set by the caller, once. */
	uint64_t limit_ms; /* of silence */
	bool exact;        /* its clock is */

	/* The state; starts as zero. */
	uint64_t bytes;         /* seen so far */
	uint64_t mark_ms;       /* when, by the clock that counts */
	uint64_t step_ms;       /* when the step began */
	uint64_t step_limit_ms; /* what it may take; 0: no step runs */
	char step[104];         /* its name */
	uint64_t waited_ms;     /* for a core, up to the last look */
	uint64_t still_cpu_ms;
	int still; /* looks in a row at which nothing at all had moved */
};

/* What can be seen of a guest at one time. */
struct hang_look {
	uint64_t host_ms;  /* since the start */
	uint64_t wrote_ms; /* host's time of the guest's last sign */
	uint64_t bytes;    /* of console and port */
	uint64_t cpu_ms;   /* that the process has used */
	uint64_t could_ms; /* host_ms less its waits for a core */
	bool asleep;       /* no thread of the process runs or could run */
};

/* Looks at which an exact guest may stand still, and what the process may use
 * between two of them. */
#define HANG_STILL_LOOKS 3
#define HANG_STILL_CPU_MS 50

void hang_init(struct hang *h, uint64_t limit_ms, bool exact);
/* The agent says that a step begins, which may take limit_ms; that one has
 * ended. */
void hang_step_begins(struct hang *h, const char *name, uint64_t limit_ms,
		      const struct hang_look *at);
void hang_step_ends(struct hang *h, const struct hang_look *at);
/* The verdict: NULL, or a sentence in buf. */
const char *hang_judge(struct hang *h, const struct hang_look *at, char *buf,
		       size_t size);
/* How long the host may wait, from that look on, before looks can tell more. */
uint64_t hang_wait_ms(const struct hang *h, const struct hang_look *at);

#endif
