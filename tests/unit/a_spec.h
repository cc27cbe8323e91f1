/* A spec as klab makes them, for tests of what reads one. */
#ifndef A_SPEC_H
#define A_SPEC_H

#include "base/str.h"
#include "guest/frame.h"
#include "lab/spec.h"
#include "machine/backend.h"

#define A_CYCLICTEST "/tmp/c.json"

/* Two steps; metrics by the clock, a count, a pattern, and a latency. */
static inline struct workload *a_workload(void)
{
	static char *first[] = {(char *)"true", NULL};
	static char *second[] = {(char *)"cyclictest", (char *)"-q", NULL};
	static char *collect[] = {(char *)A_CYCLICTEST, NULL};
	static struct step steps[] = {
		{.name = (char *)"prepare", .argv = {first, 1},
		 .deadline_s = 5},
		{.name = (char *)"run", .argv = {second, 2},
		 .collect = {collect, 1}, .deadline_s = 60},
	};
	static struct metric metrics[] = {
		{.name = (char *)"time", .unit = (char *)"ns",
		 .better = (char *)"lower", .primary = true,
		 .from = FROM_ELAPSED},
		{.name = (char *)"switches", .unit = (char *)"n",
		 .better = (char *)"lower", .from = FROM_RUSAGE,
		 .field = (char *)"nvcsw"},
		{.name = (char *)"told", .unit = (char *)"s",
		 .better = (char *)"lower", .from = FROM_REGEX,
		 .pattern = (char *)"^Time: ([^ ]+)$"},
		{.name = (char *)"max", .unit = (char *)"us",
		 .better = (char *)"lower", .latency = true,
		 .from = FROM_CYCLICTEST, .field = (char *)"max",
		 .file = (char *)A_CYCLICTEST, .limit_us = 100},
	};
	static struct workload w = {
		.label = (char *)"w", .name = (char *)"w",
		.summary = (char *)"s", .steps = steps, .nsteps = 2,
		.metrics = metrics, .nmetrics = 4};

	return &w;
}

static inline json_t *a_spec(int vcpus)
{
	const struct kernel k = {
		.key = "0123456789abcdef", .release = (char *)"6.1",
		.sha256 = (char *)"00",
		.boot_path = (char *)"/lab/kernels/0123456789abcdef/bzImage"};
	const struct machine m = {
		.name = (char *)"m", .backend = &backend_icount,
		.clock = (char *)"exact", .vcpus = vcpus,
		.memory_mib = 512, .metronome_us = vcpus > 1 ? 20 : 0,
		.deadline_s = 300, .hang_s = 60};
	const struct qemu q = {.path = (char *)"qemu",
			       .version = (char *)"10.0.2",
			       .build = (char *)"10.0.2", .major = 10};
	const struct strv none = STRV_INIT;
	json_t *spec = spec_new(&k, &m, &q, a_workload(), "abc", &none);

	spec_set_seed(spec, 1);
	return spec;
}

/* Adds a frame with the number *seq, which is counted up. */
static inline void a_frame(struct str *port, const char *secret, unsigned *seq,
			   const char *json)
{
	str_addf(port, "klab1 %s %u %zu %08x %s\n", secret, (*seq)++,
		 strlen(json), (unsigned)frame_crc32(json, strlen(json)), json);
}

#endif
