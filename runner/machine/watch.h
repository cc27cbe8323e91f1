/*
 * Watches a guest of QEMU for signs of life: hang.h applied to a flight.
 *
 * A healthy guest on the host's clock wakes klab only when it would have been
 * silent for too long.  On an exact clock QEMU's files and processor time are
 * looked at once a second, and QEMU itself, which would notice, is let alone.
 */
#ifndef KLAB_WATCH_H
#define KLAB_WATCH_H

#include <stdbool.h>

struct flight;
struct qmp;
struct watch;

/* From now on f->hung() is called, once, when the guest hangs. */
struct watch *watch_start(struct flight *f, bool exact);
/* The connection to QEMU, which is made if it is not there yet.  It stays the
 * watch's. */
struct qmp *watch_qmp(struct watch *w);
/* Looks no more. */
void watch_end(struct watch *w);
void watch_free(struct watch *w);

#endif
