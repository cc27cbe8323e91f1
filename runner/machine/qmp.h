/*
 * A client of QEMU's monitor, on the event loop.
 *
 * QEMU listens on a socket in the boot's folder from its start.  qmp_open()
 * connects, and tries again until QEMU is that far; what was asked meanwhile
 * waits, and is asked in order, one question at a time.
 *
 * On the exact clock nobody may connect but to end the guest: even a question
 * that only reads wakes QEMU's main loop, and that can change the run (see
 * docs/machines.md).
 */
#ifndef KLAB_QMP_H
#define KLAB_QMP_H

#include <jansson.h>

struct qmp;
struct uv_loop_s;

/* The socket's name in the boot's folder. */
#define QMP_SOCKET "qmp"

/* What QEMU returned, borrowed; NULL if it refused, is gone or did not answer
 * in time. */
typedef void (*qmp_fn)(const json_t *value, void *arg);

/* Always gives a client, which may then turn out to be without a server. */
struct qmp *qmp_open(struct uv_loop_s *loop, const char *dir);
/* Drops the reference to args, which may be NULL.  fn, which may be NULL where
 * nobody wants the answer, comes from the loop,
 * exactly once unless qmp_close() comes first. */
void qmp_ask(struct qmp *q, const char *command, json_t *args, qmp_fn fn,
	     void *arg);
/* Never calls back again.  NULL is fine; its memory goes when the loop has seen
 * its handles closed. */
void qmp_close(struct qmp *q);

#endif
