/*
 * The user's repository that klab was started in.
 */
#ifndef KLAB_HERE_H
#define KLAB_HERE_H

struct err;

/* The top folder of its work tree, freed by the caller.  ERR_USER if there is
 * none, or if the commit that is checked out is no kernel's. */
int here_top(char **top, struct err *e);

#endif
