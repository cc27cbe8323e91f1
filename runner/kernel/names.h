/*
 * What a message offers in place of a package that is not there.  Pure; the
 * lists are separated by commas and freed by the caller.
 */
#ifndef KLAB_NAMES_H
#define KLAB_NAMES_H

struct packages;

/* The versions of a package. */
char *names_versions(const struct packages *p, const char *name);
/* Packages that may have been meant by the name of one with an image. */
char *names_near(const struct packages *p, const char *name);

#endif
