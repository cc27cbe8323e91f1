/*
 * What a guest would boot into, as a tar for a folder on the box.
 */
#ifndef KLAB_METAL_ARCHIVE_H
#define KLAB_METAL_ARCHIVE_H

struct err;

/* Reads an initramfs of two cpio archives, the second of which is also in the
 * file job; *fd is a file in memory at its start, for the caller to close.
 * Device nodes are left out. */
int archive_tar(const char *initramfs, const char *job, int *fd, struct err *e);

#endif
