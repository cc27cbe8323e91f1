/*
 * How the agent tells what it sees, and its end, which comes whatever happens:
 * nothing here returns with an error.
 */
#ifndef KLAB_GUEST_TELL_H
#define KLAB_GUEST_TELL_H

#include <stddef.h>
#include <sys/types.h>

#include "guest/frame.h"

/* Where frames go; its fd is -1 until it is open. */
extern struct port port;

/* Ends the machine once the port is drained. */
_Noreturn void end_machine(void);
/* Async-signal-safe. */
void console_say(const char *text);
/* Sends a frame; where that fails the machine ends. */
void send_or_end(struct json *j);
/* Tells why, on the console and if there is one by the port, and ends it. */
_Noreturn void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Output of a step: at least one frame, so that an empty file differs from a
 * missing one.  path may be NULL. */
void send_data(const char *step, const char *stream, const char *path,
	       const char *data, size_t len);
/* The whole file with a NUL after it, in buf; its length or -errno. */
ssize_t read_file(const char *path, char *buf, size_t size);

#endif
