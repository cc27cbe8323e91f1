/*
 * The sandbox that a kernel is built in: a patch is somebody else's code.
 *
 * bubblewrap with no network, no other process in sight, no home, and a file
 * system that is read-only but for the object folder (or a module's, which is
 * built against what is there) and ccache's folder.  In it
 * the tree is /klab/src, the objects are in /klab/obj, the cache in
 * /klab/ccache: the same names in every lab, so that one source gives the same
 * bytes anywhere and ccache finds what another lab built.  The environment is
 * fixed too.
 *
 * Without it (--no-sandbox) the commands run with the same environment and the
 * real paths.
 */
#ifndef KLAB_SANDBOX_H
#define KLAB_SANDBOX_H

#include <stdbool.h>

#include "base/str.h"

struct err;

struct sandbox {
	const char *src;    /* absolute; read-only inside */
	const char *obj;    /* absolute; writable */
	const char *ccache; /* absolute; writable; NULL: no ccache */
	/* Absolute; the folder that a module from outside is built in, writable
	 * inside as SANDBOX_MODULE, and obj then is not.  NULL: none. */
	const char *module;
	bool off; /* --no-sandbox */
	/* Folders of a compiler that is not a system one, see
	 * toolchain_folders(): readable inside under their own names.  NULL:
	 * none. */
	const struct strv *extra;
};

/* PATH of a build, inside and outside of a sandbox: the system's folders, or
 * $KLAB_BUILD_PATH for a host that has its tools elsewhere. */
const char *sandbox_path(void);

/* What the command line inside calls them. */
const char *sandbox_src(const struct sandbox *s);
const char *sandbox_obj(const struct sandbox *s);
const char *sandbox_module(const struct sandbox *s);
#define SANDBOX_MODULE "/klab/kmods"

/* Is this path in one of the host's folders that every sandbox shows? */
bool sandbox_shows(const char *path);
/* Makes the folders obj and ccache where they are missing. */
int sandbox_prepare(const struct sandbox *s, struct err *e);

/* Puts the words before the command's own; the caller adds `make ...`.  The
 * folders must be there when it is run; it starts in obj.  What a build left in
 * obj is not to be trusted: a file may be a link to one of the host's. */
void sandbox_argv(const struct sandbox *s, struct strv *argv);
/* Does bubblewrap work on this host?  Tries it; ERR_LAB says what to do. */
int sandbox_check(struct err *e);
/* The ccache folder of this user, for klab alone: klab below $CCACHE_DIR, else
 * klab/ccache below $XDG_CACHE_HOME or ~/.cache; freed by the caller.  It takes
 * no ccache.conf, but $CCACHE_MAXSIZE. */
char *sandbox_ccache(void);

#endif
