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
		 .better = (char *)"lower", .primary = true},
		{.name = (char *)"switches", .unit = (char *)"n",
		 .better = (char *)"lower"},
		{.name = (char *)"told", .unit = (char *)"s",
		 .better = (char *)"lower"},
		{.name = (char *)"max", .unit = (char *)"us",
		 .better = (char *)"lower", .latency = true},
	};
	static const char *const specs[] = {
		"{\"name\":\"time\",\"unit\":\"ns\",\"from\":\"elapsed\","
		"\"primary\":true}",
		"{\"name\":\"switches\",\"unit\":\"n\",\"from\":\"rusage\","
		"\"field\":\"nvcsw\"}",
		"{\"name\":\"told\",\"unit\":\"s\",\"from\":\"regex\","
		"\"pattern\":\"^Time: ([^ ]+)$\"}",
		"{\"name\":\"max\",\"unit\":\"us\",\"from\":"
		"\"cyclictest-json\",\"field\":\"max\",\"file\":\"" A_CYCLICTEST
		"\",\"limit_us\":100}",
	};
	static struct workload w = {
		.label = (char *)"w", .name = (char *)"w",
		.summary = (char *)"s", .steps = steps, .nsteps = 2,
		.metrics = metrics, .nmetrics = 4};

	for (size_t i = 0; i < w.nmetrics; i++)
		if (!metrics[i].spec)
			metrics[i].spec = json_loads(specs[i], 0, NULL);
	return &w;
}

static inline json_t *a_spec_of(const struct workload *w, int vcpus)
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
	json_t *made = spec_new(&k, &m, &q, w, "abc", &none), *spec;

	/* Its own, whatever a test does to it. */
	spec = json_deep_copy(made);
	json_decref(made);
	spec_set_seed(spec, 1);
	return spec;
}

static inline json_t *a_spec(int vcpus)
{
	return a_spec_of(a_workload(), vcpus);
}

/* Adds a frame with the number *seq, which is counted up. */
static inline void a_frame(struct str *port, const char *secret, unsigned *seq,
			   const char *json)
{
	str_addf(port, "klab1 %s %u %zu %08x %s\n", secret, (*seq)++,
		 strlen(json), (unsigned)frame_crc32(json, strlen(json)), json);
}

#endif
