/*
 * A lab: one folder with the database, kernels, boots and reports, and what
 * klab works with: its own files and the host's QEMU.
 */
#ifndef KLAB_LAB_H
#define KLAB_LAB_H

#include <stdbool.h>

#include "lab/db.h"
#include "machine/machine.h"

struct err;

struct lab {
	char *dir;   /* absolute */
	char *share; /* klab's own folder: workloads/, configs/, analysis/ */
	char *agent; /* the guest's init */
	struct db *db;
	struct qemu qemu; /* path is NULL until lab_need_qemu() */
	int lock_fd;
	unsigned flights; /* boots started, for folder names */
	unsigned crowd;   /* boots that share a core; 0 is 1 */
};

enum lab_mode {
	LAB_READ,   /* must exist */
	LAB_CHANGE, /* must exist, and is locked */
	LAB_WRITE,  /* is made if need be, and locked */
};

/* Opens the lab at dir.  -ENOENT if a reader finds none; a second writer gets
 * an error that names the first. */
int lab_open(const char *dir, const char *share, enum lab_mode mode,
	     struct lab *lab, struct err *e);
/* Also for one that lab_open() did not open, if zeroed. */
void lab_close(struct lab *lab);
/* Is another klab at work in this lab right now?  For a lab opened to read: it
 * would give up a lock of our own. */
bool lab_busy(const struct lab *lab);
/* Finds QEMU and the agent; asks QEMU once. */
int lab_need_qemu(struct lab *lab, struct err *e);

/* klab's own folder: $KLAB_HOME, or where the program lies; freed by the
 * caller. */
int lab_find_share(char **share, struct err *e);

#endif
