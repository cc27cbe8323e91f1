/*
 * The configuration that klab gives to apt.  Pure.
 */
#ifndef KLAB_APTCONF_H
#define KLAB_APTCONF_H

#include <stdbool.h>

/* The text of an APT_CONFIG file for state in the absolute folder dir, with
 * what is taken over from `apt-config dump` of the host; freed by the caller.
 * as_root: apt must not give up root, its user cannot reach dir. */
char *aptconf_text(const char *dir, const char *host_dump, bool as_root);
/* The host's APT::Sandbox::User, freed by the caller; NULL if none. */
char *aptconf_user(const char *host_dump);

#endif
