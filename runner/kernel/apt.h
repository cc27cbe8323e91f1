/*
 * apt with a state of its own, for one suite: lab/apt/<suite or host>/.
 *
 * Call order: apt_open(), then apt_update() if the lists are stale or do not
 * have what is looked for, apt_packages(), debs_fetch(), apt_close().  Between
 * open and close no other klab uses the same state: it waits.
 *
 * apt is started with an APT_CONFIG that names no other configuration, so no
 * hook of the host runs and no file of the host's apt is written.  Signatures
 * are always checked, whatever the host's configuration allows.
 */
#ifndef KLAB_APT_H
#define KLAB_APT_H

#include <stdbool.h>

struct err;
struct packages;
struct str;

struct apt {
	char *suite; /* NULL: the host's own */
	char *dir;   /* lab/apt/<suite>, absolute */
	char *debs;  /* lab/apt/debs, absolute */
	char *user;  /* apt's user for downloads, NULL if apt stays as it is */
	int lock;
};

int apt_open(struct apt *a, const char *lab, const char *suite, struct err *e);
void apt_close(struct apt *a);
/* Are the lists missing, or a day old? */
bool apt_is_stale(const struct apt *a);
/* Fetches the lists.  ERR_USER if the mirror has no such suite. */
int apt_update(struct apt *a, struct err *e);
/* All kernel packages that the lists have. */
int apt_packages(const struct apt *a, struct packages *p, struct err *e);
/* All packages whose name starts with that. */
int apt_packages_like(const struct apt *a, const char *prefix,
		      struct packages *p, struct err *e);
/* Runs an apt command that has to succeed, in that folder, and takes its output
 * if out is not NULL.  a is NULL for the host's own configuration. */
int apt_run(const struct apt *a, const char *const *argv, const char *cwd,
	    struct str *out, struct err *e);

#endif
