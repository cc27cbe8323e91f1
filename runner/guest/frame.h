/*
 * What the agent says: one JSON object per frame, one frame per line.
 *
 *     klab1 <secret> <seq> <len> <crc32> <json>\n
 *
 * The stream goes one way and shares its machine with whatever a workload
 * does, so the host trusts a frame only if secret, sequence, length and
 * checksum fit.  Call order: json_open(), any json_*(), json_close(), then
 * frame_format() or port_send().  Nothing here allocates.
 */
#ifndef KLAB_GUEST_FRAME_H
#define KLAB_GUEST_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_LEN 32
#define JSON_MAX 4096
/* Tag, secret, 20 digits of seq, 4 of len, 8 of crc, 5 spaces, newline. */
#define FRAME_MAX (5 + SECRET_LEN + 20 + 4 + 8 + 5 + 1 + JSON_MAX)

/* An object that grows; what does not fit is left out, never written. */
struct json {
	char buf[JSON_MAX];
	size_t len;
	bool cut; /* something was left out */
};

/* Starts {"t":"<type>" */
void json_open(struct json *j, const char *type);
/* A string member; bytes that are not plain ASCII become \u00XX.  A text too
 * long for the frame is cut. */
void json_text(struct json *j, const char *key, const char *text);
void json_num(struct json *j, const char *key, uint64_t n);
void json_bool(struct json *j, const char *key, bool value);
/* A string member with as much of data as fits; returns the bytes taken. */
size_t json_data(struct json *j, const char *key, const void *data, size_t len);
void json_close(struct json *j);

/* The checksum that zlib, PNG and Ethernet use. */
uint32_t frame_crc32(const void *data, size_t len);
/* Writes the whole line to buf; returns its length (no NUL is added). */
size_t frame_format(char buf[FRAME_MAX], const char *secret, uint64_t seq,
		    const struct json *j);

/* The way out; fd is -1 until somebody has opened it. */
struct port {
	int fd;
	const char *secret;
	uint64_t seq;
};

/* Closes the object and writes the frame.  0 or -errno. */
int port_send(struct port *p, struct json *j);

#endif
