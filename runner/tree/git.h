/*
 * Running git so that nothing but its arguments has influence: no configuration
 * of the user or the host, no GIT_ variable, no hook, filter, attribute or
 * prompt.
 *
 * What it is asked to do never writes to a repository of the user's, and for
 * that it takes no optional lock and fetches nothing lazily.
 */
#ifndef KLAB_GIT_H
#define KLAB_GIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/job.h"
#include "base/str.h"

struct err;

#define GIT_ID 65 /* hex of an object id and a NUL */

struct git_call {
	const char *const *argv; /* what follows "git" */
	const char *dir; /* GIT_DIR, absolute; NULL: found at cwd, not above */
	const char *cwd; /* absolute; NULL: dir */
	const char *index;    /* GIT_INDEX_FILE, absolute, or NULL */
	const char *work;     /* GIT_WORK_TREE, absolute, or NULL */
	const char *in;       /* a file that it reads from stdin, or NULL */
	bool network;         /* may talk to other repositories */
	uint64_t deadline_ms; /* 0: ten minutes */
};

/* argv and environment of a call, for whoever runs it himself; both are added
 * to. */
void git_prepare(const struct git_call *c, struct strv *argv, struct strv *env);
/* Runs it to its end, whatever that is; the caller releases r. */
int git_try(const struct git_call *c, struct job_result *r, struct err *e);
/* Runs what has to succeed.  Its output is added to out unless that is NULL;
 * it ends with a NUL that is not counted. */
int git_run(const struct git_call *c, struct str *out, struct err *e);
/* The error of a call that ended badly: ERR_LAB, "git read-tree: <why>". */
int git_failed(const struct git_call *c, const struct job_result *r,
	       struct err *e);
/* What git said last that it marked as fatal or an error, else its first line,
 * else how it ended; freed by the caller. */
char *git_reason(const struct job_result *r);
bool git_is_id(const char *s);

#endif
