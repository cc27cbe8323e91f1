/*
 * The agent's orders: /klab/job, a text of `key value` lines.
 *
 *     klab-job 1                  first line
 *     secret <32 hex digits>      carried by every frame
 *     port /dev/ttyS1             where frames go; or a pipe in /klab
 *     metronome_ns 20000          0 or no such line: none
 *     mount tracefs /sys/kernel/tracing
 *     module /klab/modules/x.ko   any number, in load order; parameters may
 *                                 follow
 *     load                        a background program for the next step
 *     arg, env                    belong to the load or step above them
 *     step <name>                 a measured program
 *     deadline_ms, cap, collect   belong to the step above them
 *     set /proc/x 1               written before it, reset after it
 *     read /proc/y                read before and after it
 *     end                         last line: the file is whole
 *
 * The parser believes nothing: every count and length has a limit, and a key
 * that it does not know is an error.
 */
#ifndef KLAB_GUEST_JOB_H
#define KLAB_GUEST_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/limits.h"

struct program {
	char *argv[JOB_ARGS + 1]; /* NULL-terminated */
	char *envp[JOB_ENVS + 1];
	size_t n_args, n_envs;
};

/* A path and what goes with it: a value, a type, parameters, or "". */
struct setting {
	const char *path, *value;
};

struct step {
	const char *name;
	uint64_t deadline_ms;
	uint64_t cap; /* bytes kept of stdout, of stderr, of a file */
	struct program program;
	struct program load; /* n_args is 0: no load */
	const char *collect[JOB_COLLECTS];
	size_t n_collect;
	struct setting set[JOB_WRITES], reset[JOB_WRITES];
	size_t n_set, n_reset;
	const char *read[JOB_READS];
	size_t n_read;
};

struct job {
	const char *secret;
	const char *port;
	uint64_t metronome_ns;
	struct setting mounts[JOB_MOUNTS]; /* value is the type */
	size_t n_mounts;
	struct setting modules[JOB_MODULES];
	size_t n_modules;
	struct step steps[JOB_STEPS];
	size_t n_steps;
};

/*
 * Reads `text` (len bytes and a NUL after them, changed by the call); the
 * result points into it.  Returns true, or false with a sentence in `why`; then
 * secret and port are still set, to defaults if the text got that far without
 * them, so that the sentence can be sent.
 */
bool job_parse(char *text, size_t len, struct job *job, char *why,
	       size_t why_size);

#endif
