/*
 * Initramfs archives.
 *
 * The base archive holds the agent as /init, the programs that a workload
 * needs with their libraries, and the few nodes that the agent starts from.
 * It is kept by content in lab/initramfs/<sha256>.cpio, with a <sha256>.json
 * beside it that says what is in it.  Each boot adds a second, small archive:
 * its job and the kernel's modules.  The kernel reads the two, put one after
 * the other, as one.  Equal input gives equal bytes.
 */
#ifndef KLAB_INITRAMFS_H
#define KLAB_INITRAMFS_H

#include "base/file.h"
#include "base/str.h"

struct workload;

/* Makes the base archive of a workload and tells its hash: its binaries, looked
 * up in PATH, its own programs and its files. */
int initramfs_base(const char *lab, const char *agent, const struct workload *w,
		   char sha256[SHA256_HEX], struct err *e);
/* Writes the archive of one boot: job is the text of the job file, modules are
 * files on the host. */
int initramfs_job(const char *path, const char *job, const struct strv *modules,
		  struct err *e);
/* Writes base and job archive to one file. */
int initramfs_join(const char *base, const char *job, const char *out,
		   struct err *e);

#endif
