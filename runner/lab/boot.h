/*
 * One boot on the event loop: prepare, start QEMU, collect, keep the folder.
 *
 * While it runs a boot lives in lab/flight/<id>.<n>/.  When it has ended, the
 * folder holds spec.json, job.cpio, console.log, results.jsonl,
 * fingerprint.json, reproduce.sh, and qemu.log if QEMU said anything.
 * boot_keep() publishes it as lab/boots/<id>/; a boot that is not kept is
 * removed by boot_free().
 */
#ifndef KLAB_BOOT_H
#define KLAB_BOOT_H

#include <jansson.h>
#include <uv.h>

#include "lab/collect.h"
#include "lab/lab.h"
#include "lab/spec.h"

struct boot;

typedef void (*boot_done_fn)(struct boot *b, void *arg);

struct boot_result {
	char id[BOOT_ID];
	const char *dir; /* where the boot's files are now */
	struct collected what;
	uint64_t wall_ms;
	char *fingerprint; /* JSON */
};

/* Starts a boot of that spec, which must fit the lab's QEMU.  done comes once,
 * from the loop; the boot is the caller's from then on.  The spec is copied. */
int boot_start(uv_loop_t *loop, struct lab *lab, const json_t *spec,
	       boot_done_fn done, void *arg, struct boot **out, struct err *e);
/* Ends it before its time; done still comes. */
void boot_stop(struct boot *b);
const struct boot_result *boot_result(const struct boot *b);
/* Moves its folder to lab/boots, in place of one that is there. */
int boot_keep(struct boot *b, struct err *e);
void boot_free(struct boot *b);

#endif
