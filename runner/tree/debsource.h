/*
 * Debian's linux-source packages: a .deb with usr/src/linux-source-X.tar.xz.
 */
#ifndef KLAB_DEBSOURCE_H
#define KLAB_DEBSOURCE_H

#include <stdbool.h>

struct err;
struct package;
struct packages;

/* Can it be the name of such a package? */
bool debsource_is(const char *name);
/* The package that a request means, NULL version: apt's candidate; linux-source
 * leads to the one that it depends on.  ERR_USER, with what there is instead.
 */
const struct package *debsource_find(const struct packages *p, const char *name,
				     const char *version, struct err *e);
/* The tarball that the package has put on this host, freed by the caller; NULL
 * unless exactly that version is installed and the file is whole. */
char *debsource_installed(const char *name, const char *version);
/* The same from a list as dpkg keeps them, "<md5>  <path below root>" a line:
 * the tarball, if it has that sum. */
char *debsource_whole(const char *md5sums, const char *root);

#endif
