/*
 * What the backends that run QEMU share.
 */
#ifndef KLAB_QEMU_H
#define KLAB_QEMU_H

struct err;
struct flight;
struct strv;

/* The host's QEMU. */
struct qemu {
	char *path;    /* program, looked up in PATH if it has no slash */
	char *version; /* "10.0.2" */
	char *build;   /* all it says: "10.0.2 (Debian 1:10.0.2+ds-2)" */
	int major, minor;
};

/* Asks QEMU for its version; $KLAB_QEMU names another program. */
int qemu_find(struct qemu *q, struct err *e);
void qemu_release(struct qemu *q);

/* QEMU, the words of the spec's command, and the seed: see backend.h. */
void qemu_boot(const struct flight *f, struct strv *argv);

#endif
