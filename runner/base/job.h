/*
 * One child process on the event loop.
 *
 * Each child gets its own session, an absolute deadline and capped output, and
 * dies with klab (setpriv --pdeathsig).  Its exit status is the truth: when it
 * has exited, its pipes get a short grace and then the rest of its process
 * group is killed, so a child that leaves a grandchild behind cannot hold the
 * loop.  At the deadline the group gets TERM, after a grace KILL.
 *
 * Call order: fill a struct job_spec, job_start(), then either the done
 * callback comes exactly once from the loop, or job_start() has failed and
 * nothing was started.  The job frees itself after done returns; what the
 * callback wants to keep it must copy.
 */
#ifndef KLAB_JOB_H
#define KLAB_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/str.h"

struct err;
struct job;

struct job_result {
	int exit;      /* exit status, valid if signal is 0 */
	int signal;    /* signal that ended it, or 0 */
	bool deadline; /* ended because its time was up */
	bool stopped;  /* ended because of job_stop() */
	uint64_t wall_ms;
	struct str out; /* stdout, at most out_cap bytes */
	struct str err; /* the last err_cap bytes of stderr */
	bool out_cut;   /* stdout was longer than out_cap */
};

typedef void (*job_done_fn)(const struct job_result *r, void *arg);

struct job_spec {
	const char *const *argv;    /* argv[0] is looked up in PATH */
	const char *cwd;            /* NULL: klab's */
	const char *const *env_add; /* "NAME=value", NULL-terminated, or NULL */
	int in; /* stdin is this descriptor, which stays the caller's; 0: none */
	/* Where stdout and stderr go: to this file (appended), or if NULL into
	 * job_result. */
	const char *log_path;
	bool inherit;         /* stdout and stderr are klab's own */
	uint64_t file_cap;    /* RLIMIT_FSIZE of the child; 0: none */
	uint64_t deadline_ms; /* 0: none */
	uint64_t term_ms;     /* from TERM to KILL; 0: 2 s */
	size_t out_cap;       /* 0: 1 MiB */
	job_done_fn done;
	void *arg;
};

/* Starts the child.  On success *out is valid until done was called. */
int job_start(uv_loop_t *loop, const struct job_spec *spec, struct job **out,
	      struct err *e);
/* Ends the child before its time: TERM, then KILL.  done still comes; of one
 * that has exited already it tells the end that was. */
void job_stop(struct job *j);
/* The process id, for a message. */
int job_pid(const struct job *j);
/* Runs a child on a loop of its own until it is done and hands over the result,
 * which the caller releases with job_result_release().  For the steps before
 * the first boot, which nothing overlaps; spec->done and spec->arg are ignored.
 */
int job_run(const struct job_spec *spec, struct job_result *r, struct err *e);
void job_result_release(struct job_result *r);
/* "exit status 2", "killed by signal 9 (Killed)", "deadline passed": for a
 * message; buf is returned. */
const char *job_describe(const struct job_result *r, char *buf, size_t size);

#endif
