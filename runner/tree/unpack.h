/*
 * Tar archives as commits.
 */
#ifndef KLAB_UNPACK_H
#define KLAB_UNPACK_H

#include "tree/git.h"

struct err;
struct repo;

/*
 * Reads a tar archive, compressed or not, into a commit at ref, with the
 * message given.  A single top folder is left out.  ERR_USER names the member
 * that is refused: one that leads out of the tree, hard links, devices, links
 * to elsewhere, more than there can be in a kernel.
 */
int unpack_tar(const struct repo *r, const char *path, const char *message,
	       const char *ref, char commit[GIT_ID], struct err *e);

#endif
