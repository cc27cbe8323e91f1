/*
 * The build id of a kernel: what the linker made of its content, and what the
 * kernel itself shows in /sys/kernel/notes.  Both sources are untrusted.
 */
#ifndef KLAB_METAL_BUILDID_H
#define KLAB_METAL_BUILDID_H

#include <stdbool.h>
#include <stddef.h>

struct err;

#define BUILDID_HEX 129 /* 64 bytes as hex, and a NUL */

/* Out of ELF notes; false if there is none. */
bool buildid_of_notes(const void *notes, size_t len, char hex[BUILDID_HEX]);
/* Out of notes in base64, as a box sends them. */
bool buildid_of_base64(const char *text, char hex[BUILDID_HEX]);
/* Of a bzImage or a vmlinux; ERR_LAB if it has none. */
int buildid_of_image(const char *path, char hex[BUILDID_HEX], struct err *e);

#endif
