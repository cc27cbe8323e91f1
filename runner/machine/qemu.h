/*
 * What the backends that run QEMU share.
 */
#ifndef KLAB_QEMU_H
#define KLAB_QEMU_H

struct err;
struct flight;
struct machine;
struct qmp;
struct strv;
struct yml_node;

/* The host's QEMU. */
struct qemu {
	char *path;     /* program, looked up in PATH if it has no slash */
	char *version;  /* "10.0.2" */
	char *build;    /* all it says: "10.0.2 (Debian 1:10.0.2+ds-2)" */
	char *firmware; /* its BIOS files, with the heads of their sha256 */
	int major, minor;
};

/* Asks QEMU for its version; $KLAB_QEMU names another program. */
int qemu_find(struct qemu *q, struct err *e);
void qemu_release(struct qemu *q);

/* ---- what is the same for all of them: see backend.h ---- */

/* The option of a machine file that says which board: m->board. */
int qemu_read_board(struct yml_node *root, struct machine *m, struct err *e);
/* Arguments of a guest on the host's clock; accel is the value of -accel, cpu
 * that of -cpu, and words go onto the kernel's command line. */
void qemu_wall_argv(const struct machine *m, const char *accel, const char *cpu,
		    const char *words, struct strv *argv);
/* Arguments for the files of a boot. */
void qemu_files_argv(const char *board, struct strv *argv);

int qemu_prepare(struct flight *f, struct err *e);
/* QEMU, the words of the spec's command, the seed, and the monitor. */
void qemu_boot(const struct flight *f, struct strv *argv);
void qemu_watch(struct flight *f);
void qemu_stop(struct flight *f, void (*done)(void *arg), void *arg);
void qemu_collect(struct flight *f);
void qemu_land(struct flight *f);
/* The monitor of a flight that is watched. */
struct qmp *qemu_qmp(struct flight *f);

#endif
