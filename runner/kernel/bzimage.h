/*
 * x86 bzImage files: boot header and payload.  The input is untrusted: nothing
 * is read beyond what is there, and what comes out is capped.
 */
#ifndef KLAB_BZIMAGE_H
#define KLAB_BZIMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define BZIMAGE_CAP (256u << 20) /* bytes of image and of payload */
#define VMLINUX_CAP (2u << 30)   /* bytes of a vmlinux with debug data */
#define RELEASE_MAX 65           /* __NEW_UTS_LEN and a NUL */
#define BANNER_MAX 512

struct bzimage {
	char release[RELEASE_MAX];
	char banner[BANNER_MAX];
	size_t payload, payload_len; /* 0, 0: not told by this header */
};

/* Does it start like a bzImage? */
bool bzimage_is(const void *data, size_t len);
/* Reads the boot header; ERR_USER says what is wrong with it. */
int bzimage_parse(const void *data, size_t len, struct bzimage *b,
		  struct err *e);
/* Decompresses the payload, which is a vmlinux ELF, into fd. */
int bzimage_extract(const void *data, size_t len, const struct bzimage *b,
		    int fd, struct err *e);
/* Splits "6.1.0-x (who) #1 ..." from at most len bytes of untrusted text into
 * the release and a banner of printable characters; false if there is none. */
bool banner_parse(const char *text, size_t len, char release[RELEASE_MAX],
		  char banner[BANNER_MAX]);

#endif
