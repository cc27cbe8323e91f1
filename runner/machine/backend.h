/*
 * A backend: one way to boot a kernel, one file that exports a struct backend.
 * The table in machine.c is the only other place that knows of it.
 *
 * A boot is a process that runs in a folder of the boot's own and leaves files
 * there, see the names in machine.h.  QEMU is such a process.  Where a target
 * is driven step by step, the process is a verb of klab's.
 *
 * Order of the calls, of which all but command() and boot() may be NULL where a
 * backend has nothing to do:
 *
 *	read, check		once for a machine of a study
 *	command			once for a kernel on that machine
 *	prepare, boot		for each boot, before its process starts
 *	watch			when it has started
 *	stop			only if it must end before its time
 *	collect			when it has ended, however
 *	release			at last, also if something of the above failed
 */
#ifndef KLAB_BACKEND_H
#define KLAB_BACKEND_H

#include <jansson.h>
#include <stdbool.h>

#include "machine/machine.h"

struct err;
struct job;
struct strv;
struct uv_loop_s;
struct yml_node;

/* One boot as its backend sees it; boot.c owns all but `own`. */
struct flight {
	struct uv_loop_s *loop;  /* uv_loop_t */
	const struct qemu *qemu; /* the host's */
	const char *dir;         /* the boot's folder, absolute */
	const char *store;       /* lab/kernels/KEY: System.map, modules/ */
	const char *share;       /* klab's own folder */
	const json_t *spec;      /* lab/spec.h */
	const char *secret;      /* of the agent's frames */
	unsigned crowd;          /* boots that share a core of the host */
	struct job *job;         /* the process; NULL when there is none */
	json_t *facts;           /* becomes facts.json */
	void *own;               /* the backend's */
	/* To be called, by a backend that watches, once it has found that the
	 * guest hangs: why is the end of a sentence.  stop() follows. */
	void (*hung)(struct flight *f, const char *why);
};

typedef void (*flight_fn)(void *arg);

struct backend {
	const char *accel; /* its name in machine files */
	const char *clock; /* "exact": one seed, one result; or "wall" */
	/* Its boots want the host for themselves, unless the machine file says
	 * side_by_side. */
	bool alone;
	const char *port; /* the agent's way out; NULL: /dev/ttyS1 */
	/* Where the process is klab itself, what it may take to leave its
	 * target in order when it is told to end; its files have no cap. */
	unsigned end_ms;
	bool whole; /* boots a bzImage with all of the kernel's modules */

	/* Keys of a machine file that are the backend's own, NULL-terminated,
	 * or NULL; and who reads them into m->own and m->host. */
	const char *const *keys;
	int (*read)(struct yml_node *root, struct machine *m, struct err *e);
	/* Can this host run that machine?  If not, why: a lab error. */
	int (*check)(const struct machine *m, const struct qemu *q,
		     struct err *e);
	/* What the spec keeps as "command": all that is the same for every
	 * seed.  hz is the kernel's CONFIG_HZ, or 0 if that is not known. */
	void (*command)(const struct machine *m, int hz, struct strv *argv);

	/* Adds to the boot's folder what the process needs there. */
	int (*prepare)(struct flight *f, struct err *e);
	/* The process's whole command line; it starts in the boot's folder. */
	void (*boot)(const struct flight *f, struct strv *argv);
	/* May start work of its own on the loop, which must not wait. */
	void (*watch)(struct flight *f);
	/* Says in stacks.txt what every CPU is at, then ends the process; done
	 * comes from the loop when nothing is left to do but end it.  done is
	 * called exactly once, unless release() comes first. */
	void (*stop)(struct flight *f, flight_fn done, void *arg);
	/* Adds to f->facts, which has what the process itself left in
	 * facts.json.  A text "hang" there says why it ended the guest as
	 * hung. */
	void (*collect)(struct flight *f);
	void (*release)(struct flight *f);
};

extern const struct backend backend_icount, backend_kvm, backend_tcg,
	backend_metal;

/* By name; NULL if there is none.  The names, for a message: freed by the
 * caller. */
const struct backend *backend_find(const char *accel);
char *backend_names(void);
/* The backend that a spec was made for. */
const struct backend *backend_of(const json_t *spec);
/* Must nothing else run on the host meanwhile? */
bool backend_alone(const json_t *spec);

#endif
