/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocates and frees blocks of pages for whoever writes to /proc/klab_pages;
 * the file that includes this says with which functions.
 *
 * A number written to an open /proc/klab_pages is that many rounds in the
 * writer's own context, so that its CPU and its memory cgroup are what counts.
 * A round allocates `batch` blocks of 2^order pages and frees them, the last
 * one first.  Reading says how many blocks were asked for by this open file,
 * and how many of them could not be had.
 */
#ifndef KLAB_PAGES_H
#define KLAB_PAGES_H

#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

static unsigned int order;
module_param(order, uint, 0444);
static unsigned int batch = 256;
module_param(batch, uint, 0444);
static bool account;
module_param(account, bool, 0444);

static struct page *take_block(gfp_t gfp);
static void give_block(struct page *page);

struct klab_user {
	u64 attempts, failures;
	struct page *blocks[];
};

static void one_round(struct klab_user *u)
{
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY |
		    (account ? __GFP_ACCOUNT : 0);
	unsigned int got = 0;

	for (unsigned int i = 0; i < batch; i++) {
		u->blocks[got] = take_block(gfp);
		got += u->blocks[got] != NULL;
	}
	u->attempts += batch;
	u->failures += batch - got;
	while (got)
		give_block(u->blocks[--got]);
}

static ssize_t pages_write(struct file *f, const char __user *text, size_t len,
			   loff_t *at)
{
	struct klab_user *u = f->private_data;
	unsigned int rounds;
	int r = kstrtouint_from_user(text, len, 10, &rounds);

	if (r)
		return r;
	for (unsigned int i = 0; i < rounds; i++) {
		one_round(u);
		cond_resched();
		if (signal_pending(current))
			return -EINTR;
	}
	return len;
}

static ssize_t pages_read(struct file *f, char __user *to, size_t len,
			  loff_t *at)
{
	const struct klab_user *u = f->private_data;
	char text[64];
	int n = scnprintf(text, sizeof(text), "attempts %llu failures %llu\n",
			  u->attempts, u->failures);

	return simple_read_from_buffer(to, len, at, text, n);
}

static int pages_open(struct inode *inode, struct file *f)
{
	f->private_data = kvzalloc(sizeof(struct klab_user) +
					   batch * sizeof(struct page *),
				   GFP_KERNEL);
	return f->private_data ? 0 : -ENOMEM;
}

static int pages_release(struct inode *inode, struct file *f)
{
	kvfree(f->private_data);
	return 0;
}

static const struct proc_ops pages_ops = {
	.proc_open = pages_open,
	.proc_read = pages_read,
	.proc_write = pages_write,
	.proc_release = pages_release,
};

static int __init klab_pages_init(void)
{
	if (order > 3 || !batch || batch > 65536) {
		pr_err("klab_pages: order is 0 to 3, batch 1 to 65536\n");
		return -EINVAL;
	}
	return proc_create("klab_pages", 0600, NULL, &pages_ops) ? 0 : -ENOMEM;
}
module_init(klab_pages_init);

static void __exit klab_pages_exit(void)
{
	remove_proc_entry("klab_pages", NULL);
}
module_exit(klab_pages_exit);

MODULE_DESCRIPTION("Measures the page allocator");
MODULE_LICENSE("GPL");

#endif
