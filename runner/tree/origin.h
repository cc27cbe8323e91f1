/*
 * Where a source's files come from: each kind ends as a commit in a repository
 * of the lab's.
 */
#ifndef KLAB_ORIGIN_H
#define KLAB_ORIGIN_H

#include "tree/repo.h"
#include "tree/tree.h"

struct origin {
	struct repo repo;
	char base[GIT_ID];
	char *title;         /* for people: where the base is from */
	struct strv commits; /* of a range, oldest first */
};

#define ORIGIN_MAX_COMMITS 10000

/* Zeroed o in, released by the caller, also after an error. */
int origin_git(const char *lab, const struct tree_request *rq, struct origin *o,
	       struct err *e);
int origin_tarball(const char *lab, const struct tree_request *rq,
		   struct origin *o, struct err *e);
int origin_debian(const char *lab, const struct tree_request *rq,
		  struct origin *o, struct err *e);
void origin_release(struct origin *o);
/* Does it name something on the network, or at least by a URL? */
bool origin_is_url(const char *where);
/* Tells the request's owner: "fetching X". */
void origin_note(const struct tree_request *rq, const char *what,
		 const char *name);

#endif
