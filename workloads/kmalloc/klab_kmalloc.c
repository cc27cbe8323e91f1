// SPDX-License-Identifier: GPL-2.0
/*
 * kmalloc and kfree, a cache of its own, bulk, and kfree_rcu: see klab_alloc.h.
 */
#include "klab_alloc.h"

#include <linux/rcupdate.h>

struct object {
	struct rcu_head rcu;
};

static struct kmem_cache *cache;

/* What the rest costs. */
static unsigned int no_alloc(void **p, unsigned int n, gfp_t gfp)
{
	for (unsigned int i = 0; i < n; i++)
		p[i] = p;
	barrier();
	return n;
}

static void no_free(void **p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		barrier();
}

static unsigned int kmalloc_some(void **p, unsigned int n, gfp_t gfp)
{
	unsigned int got = 0;

	for (unsigned int i = 0; i < n; i++) {
		p[got] = kmalloc(size, gfp);
		got += p[got] != NULL;
	}
	return got;
}

static void kfree_some(void **p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		kfree(p[i]);
}

static void kfree_rcu_some(void **p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct object *o = p[i];

		kfree_rcu(o, rcu);
	}
}

static unsigned int cache_some(void **p, unsigned int n, gfp_t gfp)
{
	unsigned int got = 0;

	for (unsigned int i = 0; i < n; i++) {
		p[got] = kmem_cache_alloc(cache, gfp);
		got += p[got] != NULL;
	}
	return got;
}

static void cache_free_some(void **p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		kmem_cache_free(cache, p[i]);
}

static unsigned int bulk(void **p, unsigned int n, gfp_t gfp)
{
	return kmem_cache_alloc_bulk(cache, gfp, n, p) ? n : 0;
}

static void bulk_free(void **p, unsigned int n)
{
	if (n)
		kmem_cache_free_bulk(cache, n, p);
}

/* One that shares its slabs with no other cache, where that can be had. */
static int make_cache(void)
{
	slab_flags_t flags = 0;

#ifdef SLAB_NO_MERGE
	flags |= SLAB_NO_MERGE;
#endif
	cache = kmem_cache_create("klab_kmalloc", size, 0, flags, NULL);
	return cache ? 0 : -ENOMEM;
}

static void drop_cache(void)
{
	kmem_cache_destroy(cache);
}

static void settle_rcu(void)
{
	rcu_barrier();
}

/* What sleeps under PREEMPT_RT is not for a hard interrupt. */
#define ANY_BUT_NMI                                                            \
	(IN_PROCESS | IN_SOFTIRQ |                                             \
	 (IS_ENABLED(CONFIG_PREEMPT_RT) ? 0 : IN_HARDIRQ))

static const struct klab_api apis[] = {
	{.name = "none",
	 .contexts = IN_ALL,
	 .alloc = no_alloc,
	 .free = no_free},
	{.name = "kmalloc",
	 .contexts = ANY_BUT_NMI,
	 .alloc = kmalloc_some,
	 .free = kfree_some},
	{.name = "cache",
	 .contexts = ANY_BUT_NMI,
	 .alloc = cache_some,
	 .free = cache_free_some,
	 .setup = make_cache,
	 .teardown = drop_cache},
	{.name = "bulk", /* it lets interrupts in again */
	 .contexts = IN_PROCESS | IN_SOFTIRQ,
	 .alloc = bulk,
	 .free = bulk_free,
	 .setup = make_cache,
	 .teardown = drop_cache},
	{.name = "kfree-rcu",
	 .contexts = ANY_BUT_NMI,
	 .alloc = kmalloc_some,
	 .free = kfree_rcu_some,
	 .settle = settle_rcu,
	 .teardown = settle_rcu},
};

static int __init klab_kmalloc_init(void)
{
	return klab_alloc_init(apis, ARRAY_SIZE(apis));
}
module_init(klab_kmalloc_init);

static void __exit klab_kmalloc_exit(void)
{
	klab_alloc_exit();
}
module_exit(klab_kmalloc_exit);

MODULE_DESCRIPTION("Measures the slab allocator's functions in any context");
MODULE_LICENSE("GPL");
