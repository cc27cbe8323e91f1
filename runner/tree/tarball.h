/*
 * Tarballs that were imported, by their sha256.
 */
#ifndef KLAB_TARBALL_H
#define KLAB_TARBALL_H

#include "base/file.h"
#include "tree/git.h"

struct err;
struct repo;
struct tree_request;

/* The commit of that tarball; -ENOENT without an error if it is not there. */
int tarball_find(const struct repo *r, const char *sha256, char commit[GIT_ID],
		 struct err *e);
/* Imports a file unless that was done; if rq->sha256 is given it must be that.
 */
int tarball_import(const struct repo *r, const struct tree_request *rq,
		   const char *path, char sha256[SHA256_HEX],
		   char commit[GIT_ID], struct err *e);

#endif
