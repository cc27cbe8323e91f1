/*
 * The code identity of a kernel: what its vmlinux loads, and nothing else.
 *
 * A hash over entry, address, size and content of each loaded segment.  Left
 * out are the build id, which also hashes what is not loaded (debug data), and
 * the line numbers in the table of BUG() and WARN(): a patch that only moves
 * code down by a comment makes no other kernel.  Version and timestamps are in
 * it; they are the same in all that klab builds.
 *
 * Where a bzImage is booted, the whole of it takes the place of this hash: it
 * has code that is not in vmlinux.
 *
 * Equal identity: the kernels run alike.  Different identity proves nothing:
 * __LINE__ may be elsewhere, too (lockdep, might_sleep()).
 *
 * The file is untrusted.
 */
#ifndef KLAB_IDENTITY_H
#define KLAB_IDENTITY_H

#include <stdint.h>

#include "base/file.h"

struct err;

struct identity {
	char hex[SHA256_HEX];
	uint64_t loaded; /* bytes of the segments in memory */
};

/* ERR_KERNEL if it is not a vmlinux for x86-64. */
int identity_read(int fd, struct identity *id, struct err *e);
/* Bytes of the sections with debug data; 0 if that cannot be told. */
uint64_t identity_debug_bytes(int fd);

#endif
