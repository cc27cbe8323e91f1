/*
 * What could matter of the host that a boot ran on: keys of facts.json.
 *
 * All of them are texts, or numbers where it says so; what cannot be told is
 * left out.
 */
#ifndef KLAB_FACTS_H
#define KLAB_FACTS_H

#include <jansson.h>
#include <stdint.h>

/* What does not change while klab runs: cpu_model, microcode, mitigations, smt,
 * governor, turbo, thp, clocksource, memory (MiB, a number), host_kernel. */
void facts_host(json_t *facts);
/* The first of these alone; freed by the caller, NULL if it cannot be told. */
char *facts_cpu_model(void);

/* How busy the host was: call at the begin and at the end of a boot, with the
 * same struct.  The second adds host_load, [1 minute average before, after],
 * and steal, ms of processor time that the host itself was not given. */
struct facts_load {
	double load;
	uint64_t steal_ms;
};
void facts_load_begin(struct facts_load *l);
void facts_load_end(const struct facts_load *l, json_t *facts);

#endif
