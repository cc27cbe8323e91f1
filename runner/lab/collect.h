/*
 * From what a guest left behind to what is known of the boot.
 *
 * The guest is hostile: its port and its console may hold anything.  Frames are
 * believed only with the boot's secret, in sequence, with the right length and
 * checksum; everything is capped.  collect_boot() is a function of the spec,
 * the two files and how the process ended, so a boot that was run elsewhere is
 * judged here the same way.  It knows of no study: what a study calls harmless
 * is a finding here like any other.
 */
#ifndef KLAB_COLLECT_H
#define KLAB_COLLECT_H

#include <jansson.h>
#include <stdint.h>

#include "base/str.h"

struct console;
struct err;
struct finding;

/* Bytes that QEMU may write to the port and to the console. */
#define GUEST_FILE_CAP (16u << 20)

enum boot_state {
	BOOT_OK,  /* all steps ran, all frames are there */
	BOOT_BAD, /* the kernel's fault */
	BOOT_LAB, /* ours: do it again */
};

struct sample {
	char *metric, *unit;
	double value;
};

/* A metric without a value, and why. */
struct missing {
	char *metric, *why;
};

struct histogram {
	char *metric;
	int cpu;
	long long limit_us;
	char *counts; /* JSON object, bucket to count */
	long long overflow;
};

/* Outcomes: what became of a boot, in one word. */
#define OUTCOME_OK "ok"
#define OUTCOME_SPLAT "splat" /* all ran, but the console has findings */
#define OUTCOME_WORKLOAD "workload-failed"
#define OUTCOME_PANIC "panic"
#define OUTCOME_HANG "hang"
#define OUTCOME_NO_BOOT "no-boot"
#define OUTCOME_INFRA "infra"

struct collected {
	enum boot_state state; /* of a splat BOOT_OK: it has its samples */
	const char *outcome;   /* one of the above */
	const char *detail; /* the finer word, see schema-3.sql; NULL if ok */
	char *reason;       /* one sentence; NULL if ok */
	char *excerpt;      /* console lines; NULL if ok */
	uint64_t guest_ns;
	struct str lines; /* the frames' JSON, a line each */
	struct sample *samples;
	size_t nsamples;
	struct missing *missing;
	size_t nmissing;
	struct histogram *histograms;
	size_t nhistograms;
	struct console *console; /* owns the findings */
	const struct finding *findings;
	size_t nfindings; /* the first cause comes first */
};

/* How the boot's process ended. */
struct ending {
	int exit, signal;
	bool deadline;
	uint64_t wall_ms;
	const char *hang; /* why it was stopped as hung, or NULL */
};

/* Fails only if a file cannot be read for a reason of ours. */
int collect_boot(const json_t *spec, const char *port, const char *console,
		 const struct ending *end, struct collected *c, struct err *e);
void collected_release(struct collected *c);
/* In place of what was judged: the lab failed, the kernel is not to blame.
 * detail is static; reason is taken over. */
void collected_infra(struct collected *c, const char *detail, char *reason);

const char *boot_state_name(enum boot_state s);

#endif
