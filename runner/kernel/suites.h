/*
 * Which archives a suite means, told from the apt sources of the host.  Pure.
 */
#ifndef KLAB_SUITES_H
#define KLAB_SUITES_H

#include <stdbool.h>
#include <stddef.h>

struct err;

struct archive_source {
	char *uri, *suite;
	bool optional; /* may be missing on the mirror: then it is left out */
};

struct archive_sources {
	struct archive_source *v;
	size_t n;
};

/* What to ask `apt-get indextargets` for; one line per index. */
#define SUITES_FORMAT "$(ORIGIN)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)"

/* Adds the host's Debian sources from lines of SUITES_FORMAT.  Before the first
 * `apt-get update` the origin is not known (`guess`): then a component main at
 * a URI with "/debian" in it is taken for Debian's. */
void sources_parse(struct archive_sources *s, const char *text, bool guess);
/* Can it be the name of a suite, and of a folder for its lists? */
bool suite_is_valid(const char *suite);
/* Fills out with the sources of a valid suite, NULL: all that the host has.  A
 * plain name is also its -updates and -security, where they exist. */
int sources_expand(const struct archive_sources *host, const char *suite,
		   struct archive_sources *out, struct err *e);
/* Takes one out; false if there is none of that suite, or it must be. */
bool sources_drop(struct archive_sources *s, const char *suite);
void sources_release(struct archive_sources *s);
/* The text of a sources.list, freed by the caller; keyring may be NULL. */
char *sources_list(const struct archive_sources *s, const char *keyring);

#endif
