/*
 * The spec of one boot: all that it depends on, as JSON.
 *
 * Two boots with one spec are one boot, so the boot's id is the head of the
 * sha256 of the spec; on the exact clock they also have one result.  A boot
 * needs its spec, its kernel and its initramfs, and nothing else:
 *
 *	{"version": 1, "judge": number of the rules of collect.c,
 *	 "kernel": {"key", "sha256", "file", "release"},
 *	 "machine": {"name", "clock", "vcpus", "memory_mib", "metronome_us",
 *	             "accel" unless it is icount, "own": {backend's settings}},
 *	 "qemu": "10.0.2 (Debian ...)", "command": [QEMU's arguments],
 *	 "initramfs": sha256 of the base archive,
 *	 "modules": [file names in the kernel's modules/, in load order],
 *	 "env": ["PATH=/bin", ...], "load": [argv],
 *	 "steps": [{"name", "argv", "collect", "deadline_ms", "cap"}],
 *	 "metrics": [{"name", "unit", "from", "field", "pattern", "file",
 *	              "limit_us"}],
 *	 "seed": 1, "deadline_s": 300, "hang_s": 60, "host": {backend's
 *settings}}
 *
 * deadline_s, in host time, hang_s, and host, which says how this host or a
 * target is to be used, are the keys that are not part of the id.
 */
#ifndef KLAB_SPEC_H
#define KLAB_SPEC_H

#include <jansson.h>

#include "kernel/kernel.h"
#include "machine/machine.h"
#include "study/workload.h"

#define BOOT_ID 17     /* 16 hex digits and a NUL */
#define BOOT_SECRET 33 /* 32 hex digits and a NUL */

/* Everything but the seed; the caller drops the reference. */
json_t *spec_new(const struct kernel *k, const struct machine *m,
		 const struct qemu *q, const struct workload *w,
		 const char *initramfs, const struct strv *modules);
void spec_set_seed(json_t *spec, int seed);
void spec_id(const json_t *spec, char id[BOOT_ID]);
/* What every frame of this boot's agent carries; made from the spec, so that
 * a repeated boot gets the same bytes. */
void spec_secret(const json_t *spec, char secret[BOOT_SECRET]);
/* The job file for the agent, see guest/job.h. */
char *spec_job(const json_t *spec);
/* Loads and checks a spec.json. */
int spec_load(const char *path, json_t **out, struct err *e);

/* Fields; a spec that spec_load() or spec_new() made has them all. */
const char *spec_text(const json_t *spec, const char *object, const char *key);
int spec_int(const json_t *spec, const char *object, const char *key);

#endif
