// SPDX-License-Identifier: GPL-2.0
/*
 * kfree_rcu_nolock(), of objects from kmalloc_nolock(): see klab_alloc.h.  A
 * kernel before 7.3 does not have it, so this does not compile there.
 */
#include "klab_alloc.h"
#include "klab_nolock.h"

#include <linux/rcupdate.h>

struct object {
	struct kvfree_rcu_head rcu;
};

static void kfree_rcu_some(void **p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct object *o = p[i];

		kfree_rcu_nolock(o, rcu);
	}
}

static void settle_rcu(void)
{
	rcu_barrier();
}

static const struct klab_api apis[] = {
	{.name = "kfree-rcu-nolock",
	 .contexts = IN_ALL,
	 .alloc = nolock_some,
	 .free = kfree_rcu_some,
	 .settle = settle_rcu,
	 .teardown = settle_rcu},
};

static int __init klab_kfree_rcu_nolock_init(void)
{
	return klab_alloc_init(apis, ARRAY_SIZE(apis));
}
module_init(klab_kfree_rcu_nolock_init);

static void __exit klab_kfree_rcu_nolock_exit(void)
{
	klab_alloc_exit();
}
module_exit(klab_kfree_rcu_nolock_exit);

MODULE_DESCRIPTION("Measures kfree_rcu_nolock() in any context");
MODULE_LICENSE("GPL");
