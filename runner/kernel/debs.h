/*
 * lab/apt/debs: the packages that were fetched.
 */
#ifndef KLAB_DEBS_H
#define KLAB_DEBS_H

struct apt;
struct err;
struct package;

/* The .deb of that package if it is kept and whole, freed by the caller; else
 * NULL. */
char *debs_kept(const struct apt *a, const struct package *p);
/* Fetches it; it must have the sha256 of p.  *path is freed by the caller. */
int debs_fetch(const struct apt *a, const struct package *p, char **path,
	       struct err *e);

#endif
