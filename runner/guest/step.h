/*
 * One measured program in the guest, and what it left behind.
 *
 * step_run() runs the program, and its load beside it, to the end or to the
 * deadline, then kills whatever else is alive: between steps the agent, which
 * must be PID 1, is the only process.  Time is CLOCK_MONOTONIC_RAW, from just
 * before the fork to just after the wait.
 */
#ifndef KLAB_GUEST_STEP_H
#define KLAB_GUEST_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

struct step;

/* One stream of the program: the first cap bytes, and how many there were. */
struct capture {
	int fd; /* our end of the pipe, -1 when closed */
	char *buf;
	size_t len, cap;
	uint64_t total;
};

struct step_result {
	int exit, signal;
	bool deadline;
	uint64_t elapsed_ns;
	struct rusage usage;
	struct capture out, err;
	uint64_t load_runs;
	bool load_failed;
};

/* What the load writes goes here, for the case that it fails. */
#define LOAD_LOG "/run/klab-load.log"

uint64_t now_ns(void);
/* Blocks SIGCHLD and opens the descriptor that tells of it; -errno if not. */
int step_signals(void);
/* 0, with *res to be released by step_release(), or -errno with the agent's
 * own trouble in *what and nothing to release. */
int step_run(const struct step *s, int sigfd, struct step_result *res,
	     const char **what);
void step_release(struct step_result *res);

#endif
