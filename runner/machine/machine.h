/*
 * A machine: how a kernel is booted and which clock it has.
 *
 * Machines are files, configs/machines/NAME.yaml or any path with a slash.  The
 * key `accel` names the backend (backend.h) that boots it.
 */
#ifndef KLAB_MACHINE_H
#define KLAB_MACHINE_H

#include <stdbool.h>

#include "machine/qemu.h"

struct backend;
struct err;
struct json_t;
struct strv;

/* QEMU gives a second vCPU under icount no turn before this version, so the
 * guest waits for ever in "smp: Bringing up secondary CPUs". */
#define QEMU_SMP_MAJOR 8
#define QEMU_SMP_MINOR 1

/* hang_s of a machine that does not say. */
#define MACHINE_HANG_S 60

struct machine {
	char *name;
	const struct backend *backend;
	char *clock;    /* its backend's: "exact" or "wall" */
	char *fallback; /* machine to take where this one cannot run */
	int vcpus;
	int memory_mib;
	int metronome_us;    /* 0: none */
	int deadline_s;      /* host seconds for a boot that has a core */
	int hang_s;          /* silence that makes a guest count as hung */
	char *append;        /* more for the kernel's command line, or NULL */
	char *board;         /* of QEMU's on the host's clock, or NULL */
	bool automatic;      /* accel: auto, and not decided yet */
	struct json_t *own;  /* backend's settings that a boot depends on */
	struct json_t *host; /* those that only say how to run it; each an
				object, or NULL for none */
};

/* A boot's process runs in a folder of the boot's own, where these are the
 * files' names; so its command line is the same wherever the lab lies. */
#define BOOT_KERNEL "kernel"
#define BOOT_INITRAMFS "initramfs.cpio"
#define BOOT_CONSOLE "console.log"
#define BOOT_PORT "port.log"
#define BOOT_FACTS "facts.json"
#define BOOT_STACKS "stacks.txt"

/* Loads a machine by name or path; share is klab's own folder and study_dir
 * what a relative path starts from.  The caller frees it. */
int machine_load(const char *name, const char *share, const char *study_dir,
		 struct machine **out, struct err *e);
void machine_free(struct machine *m);

/* Can this host run that machine?  If not, why (a lab error). */
int machine_check(const struct machine *m, const struct qemu *q, struct err *e);

#endif
