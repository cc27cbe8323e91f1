/*
 * A git command that is fed through its standard input while it runs, for
 * streams that are too large for a file.
 *
 * Call order: feed_open(), feed_write() as often as need be, feed_close().
 */
#ifndef KLAB_FEED_H
#define KLAB_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/str.h"
#include "tree/git.h"

struct err;

struct feed {
	uv_loop_t loop;
	uv_poll_t poll;
	struct job *job;
	struct git_call call;
	struct job_result result;
	int fd;
	bool done, writable;
	struct str buffer;
};

/* Starts the command; c->in is ignored.  What c points to must live until
 * feed_close(). */
int feed_open(struct feed *f, const struct git_call *c, struct err *e);
/* Hands over bytes, and waits while the command is busy.  Fails if it has
 * ended. */
int feed_write(struct feed *f, const void *data, size_t len, struct err *e);
/* Ends the input and waits for the command, which has to succeed.  With ok
 * false it is stopped instead, and 0 is returned. */
int feed_close(struct feed *f, bool ok, struct err *e);

#endif
