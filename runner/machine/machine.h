/*
 * A machine: how a kernel is booted and which clock it has.
 *
 * Machines are files, configs/machines/NAME.yaml or any path with a slash.
 * There is one clock so far: `exact`, QEMU's TCG with icount (icount.c).
 */
#ifndef KLAB_MACHINE_H
#define KLAB_MACHINE_H

#include <stdbool.h>

struct err;
struct strv;

/* QEMU gives a second vCPU under icount no turn before this version, so the
 * guest waits for ever in "smp: Bringing up secondary CPUs". */
#define QEMU_SMP_MAJOR 8
#define QEMU_SMP_MINOR 1

struct machine {
	char *name;
	char *clock;    /* "exact" */
	char *fallback; /* machine to take where this one cannot run */
	int vcpus;
	int memory_mib;
	int metronome_us; /* 0: none */
	int deadline_s;   /* host seconds for a boot that has a core */
};

/* The host's QEMU. */
struct qemu {
	char *path;    /* program, looked up in PATH if it has no slash */
	char *version; /* "10.0.2" */
	char *build;   /* all it says: "10.0.2 (Debian 1:10.0.2+ds-2)" */
	int major, minor;
};

/* QEMU runs in a folder of the boot's own, where these are the files' names; so
 * its command line is the same wherever the lab lies. */
#define BOOT_KERNEL "kernel"
#define BOOT_INITRAMFS "initramfs.cpio"
#define BOOT_CONSOLE "console.log"
#define BOOT_PORT "port.log"

/* Loads a machine by name or path; share is klab's own folder and study_dir
 * what a relative path starts from.  The caller frees it. */
int machine_load(const char *name, const char *share, const char *study_dir,
		 struct machine **out, struct err *e);
void machine_free(struct machine *m);

/* Asks QEMU for its version; $KLAB_QEMU names another program. */
int qemu_find(struct qemu *q, struct err *e);
void qemu_release(struct qemu *q);

/* Can this host's QEMU run that machine?  If not, why (a lab error). */
int machine_check(const struct machine *m, const struct qemu *q, struct err *e);
/* QEMU's arguments, without the program and without -seed.  hz is the kernel's
 * CONFIG_HZ, or 0 if that is not known. */
void machine_argv(const struct machine *m, int hz, struct strv *argv);

#endif
