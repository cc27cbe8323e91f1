// SPDX-License-Identifier: GPL-2.0
/*
 * try_alloc_pages(), which is alloc_pages_nolock() by now: see klab_pages.h.  A
 * kernel before 6.15 has neither, so this does not compile there.
 */
#include "klab_pages.h"

#include <linux/version.h>

/* Not every kernel exports it; pages of the one may be freed as any others. */
extern void free_pages_nolock(struct page *page, unsigned int order)
	__attribute__((weak));

static struct page *take_block(gfp_t gfp)
{
#ifdef try_alloc_pages
	return try_alloc_pages(NUMA_NO_NODE, order);
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
	return alloc_pages_nolock(NUMA_NO_NODE, order);
#else
	return alloc_pages_nolock(gfp & __GFP_ACCOUNT, NUMA_NO_NODE, order);
#endif
}

static void give_block(struct page *page)
{
	if (free_pages_nolock)
		free_pages_nolock(page, order);
	else
		__free_pages(page, order);
}
