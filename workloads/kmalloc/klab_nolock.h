/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Objects from kmalloc_nolock(), for those that measure how such are freed;
 * comes after klab_alloc.h.  A kernel before 6.18 does not have it, so this
 * does not compile there.
 */
#ifndef KLAB_NOLOCK_H
#define KLAB_NOLOCK_H

#include <linux/numa.h>
#include <linux/slab.h>

static unsigned int nolock_some(void **p, unsigned int n, gfp_t gfp)
{
	unsigned int got = 0;

	for (unsigned int i = 0; i < n; i++) {
		p[got] = kmalloc_nolock(size, 0, NUMA_NO_NODE);
		got += p[got] != NULL;
	}
	return got;
}

#endif
