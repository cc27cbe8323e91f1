// SPDX-License-Identifier: GPL-2.0
/*
 * kmalloc_nolock() and kfree_nolock(): see klab_alloc.h.  A kernel before 6.18
 * has neither, so this does not compile there.
 */
#include "klab_alloc.h"
#include "klab_nolock.h"

static void kfree_nolock_some(void **p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		kfree_nolock(p[i]);
}

static const struct klab_api apis[] = {
	{.name = "nolock",
	 .contexts = IN_ALL,
	 .alloc = nolock_some,
	 .free = kfree_nolock_some},
};

static int __init klab_kmalloc_nolock_init(void)
{
	return klab_alloc_init(apis, ARRAY_SIZE(apis));
}
module_init(klab_kmalloc_nolock_init);

static void __exit klab_kmalloc_nolock_exit(void)
{
	klab_alloc_exit();
}
module_exit(klab_kmalloc_nolock_exit);

MODULE_DESCRIPTION("Measures kmalloc_nolock() in any context");
MODULE_LICENSE("GPL");
