/*
 * Reads the agent's frames (guest/frame.h) from what QEMU wrote to the port.
 */
#ifndef KLAB_FRAMES_H
#define KLAB_FRAMES_H

#include <jansson.h>
#include <stddef.h>

#include "base/str.h"

struct frames {
	json_t *list;    /* flat objects, in order; each has a text "t" */
	struct str text; /* the same as the agent wrote them, a line each */
	size_t bad;      /* lines that are no frame of this boot */
	size_t bad_line; /* number of the first one, from 1 */
	const char *why; /* what was wrong with it */
};

/* Takes what is right and counts what is not; never fails. */
void frames_read(struct frames *f, const char *data, size_t len,
		 const char *secret);
void frames_release(struct frames *f);

/* A frame's members; 0, false or "" where there is no such. */
const char *frame_text(const json_t *frame, const char *key);
long long frame_num(const json_t *frame, const char *key);
bool frame_is(const json_t *frame, const char *type);
/* The last frame of a type (of a step, unless step is NULL), or NULL. */
const json_t *frames_last(const struct frames *f, const char *type,
			  const char *step);
/* All data of one stream of a step, as the bytes that the guest had: stream is
 * "out", "err" or "file", path of the file or NULL. */
void frames_output(const struct frames *f, const char *step, const char *stream,
		   const char *path, struct str *out);

#endif
