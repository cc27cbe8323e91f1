// SPDX-License-Identifier: GPL-2.0
/*
 * alloc_pages() and __free_pages(): see klab_pages.h.
 */
#include "klab_pages.h"

static struct page *take_block(gfp_t gfp)
{
	return alloc_pages(gfp, order);
}

static void give_block(struct page *page)
{
	__free_pages(page, order);
}
