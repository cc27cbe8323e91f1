/*
 * From what a guest left behind to what is known of the boot.
 *
 * The guest is hostile: its port and its console may hold anything.  Frames are
 * believed only with the boot's secret, in sequence, with the right length and
 * checksum; everything is capped.  collect_boot() is a function of the spec and
 * the two files, so a boot that was run elsewhere is judged here the same way.
 */
#ifndef KLAB_COLLECT_H
#define KLAB_COLLECT_H

#include <jansson.h>
#include <stdint.h>

#include "base/str.h"

struct err;

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

struct histogram {
	char *metric;
	int cpu;
	long long limit_us;
	char *counts; /* JSON object, bucket to count */
	long long overflow;
};

struct collected {
	enum boot_state state;
	const char *outcome; /* ok, panic, silent, ...: see schema.sql */
	char *reason;        /* one sentence; NULL if ok */
	char *excerpt;       /* console lines; NULL if ok */
	uint64_t guest_ns;
	struct str lines; /* the frames' JSON, a line each */
	struct sample *samples;
	size_t nsamples;
	struct histogram *histograms;
	size_t nhistograms;
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

const char *boot_state_name(enum boot_state s);

#endif
