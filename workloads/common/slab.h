/*
 * What the kernel's slab caches hold, all of them together, by the files in
 * /sys/kernel/slab (Documentation/ABI/testing/sysfs-kernel-slab).
 */
#ifndef SLAB_H
#define SLAB_H

#include <stdbool.h>
#include <stdint.h>

struct slab_sum {
	uint64_t objects; /* allocated; those in per-CPU slabs all count */
	uint64_t slabs;   /* in use, partly used or cached */
	uint64_t partial; /* on the nodes' lists of partial slabs */
	uint64_t bytes;   /* of all slabs */
};

/* False if the kernel does not tell: SLUB_DEBUG or SYSFS are off. */
bool slab_read(struct slab_sum *sum);

/* Prints "slab WHEN: N objects, N slabs, N partial, N bytes", or that the
 * kernel does not tell. */
void slab_print(const char *when);

/* Waits until what has been freed under RCU is free. */
void slab_settle(void);

#endif
