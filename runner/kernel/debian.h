/*
 * Kernel source `debian-image`: prebuilt kernels from the system's Debian
 * mirror, any suite of it, with apt's own signature checks.
 *
 * apt runs without root and with state of its own in lab/apt/<suite>/ (`host`
 * for the host's own suites); of the host's configuration only the mirror, the
 * Acquire settings (proxies) and the logins are used, and nothing of it is
 * changed.  Packages are kept in lab/apt/debs/.
 *
 * What a request came to is pinned: asked again, it gives the same kernel from
 * the store without apt or network, until `refresh` is set.
 */
#ifndef KLAB_DEBIAN_H
#define KLAB_DEBIAN_H

#include <stdbool.h>

#include "kernel/kernel.h"

struct err;
struct strv;

struct debian_request {
	const char
		*package;  /* linux-image-amd64, linux-image-6.17-amd64, ... */
	const char *suite; /* NULL: the host's own suites */
	const char *version; /* NULL: the newest */
	bool refresh;        /* ask the mirror even if pinned */
	/* Told what takes long ("fetching ..."); may be NULL. */
	void (*note)(const char *text, void *arg);
	void *arg;
};

/* Gets the kernel into the store.  ERR_USER: there is no such suite, package or
 * version; ERR_LAB: apt failed, or the network is not there. */
int debian_kernel(const char *lab, const struct debian_request *rq,
		  struct kernel *k, struct err *e);

/* The files of the named modules and of all they need, in load order, as
 * absolute or lab-relative paths (as `lab` is) in k's folder, uncompressed;
 * what is built in needs no file.  Fetches the package again if it is not kept.
 */
int debian_modules(const char *lab, const struct kernel *k,
		   const struct strv *names, struct strv *paths, struct err *e);

/* A tar of lib/modules/<release>, with kmod's indexes, in the kernel's folder. */
#define KERNEL_TREE "modules.tar"
/* Makes it, if it is not there yet; of a kernel that is not a package's there
 * is none, and that is no error. */
int debian_module_tree(const char *lab, const struct kernel *k, struct err *e);

#endif
