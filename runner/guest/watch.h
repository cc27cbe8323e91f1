/*
 * Monitors of a step: files that are read before and after it, and written to
 * switch counting on and off.
 */
#ifndef KLAB_GUEST_WATCH_H
#define KLAB_GUEST_WATCH_H

#include "guest/job.h"

#include <stdint.h>
#include <sys/types.h>

/* What a file held, and what it took to read it. */
struct reading {
	char *text;
	ssize_t len;
	uint64_t cost_ns;
};

/* All end the machine where a file cannot be written or read. */
void watch_write(const struct step *s, const struct setting *list, size_t n);
/* Fills one for each file of the step. */
void watch_read(const struct step *s, struct reading *list);
/* Sends and frees them; when is "before" or "after". */
void watch_send(const struct step *s, const char *when, struct reading *list);

#endif
