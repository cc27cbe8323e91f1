/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Measures pairs of allocations and frees in one of four contexts; the file
 * that includes this says with which functions.
 *
 * Each read of /proc/klab_kmalloc is one run, by a kernel thread on one CPU:
 * `warmup` rounds that are not counted, then `loops` rounds of which each
 * allocates `batch` objects and frees them.  The clock runs within a round
 * only, between its first allocation and its last free, so that what brings the
 * thread into another context, and what others do in between, is left out.
 */
#ifndef KLAB_ALLOC_H
#define KLAB_ALLOC_H

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <asm/apic.h>
#include <asm/nmi.h>

#define IN_PROCESS 1u
#define IN_SOFTIRQ 2u
#define IN_HARDIRQ 4u
#define IN_NMI 8u
#define IN_ALL 15u

struct klab_api {
	const char *name;
	unsigned int contexts; /* where its functions may be called */
	/* Allocates up to n objects; those that failed are left out. */
	unsigned int (*alloc)(void **objects, unsigned int n, gfp_t gfp);
	void (*free)(void **objects, unsigned int n);
	int (*setup)(void);
	void (*settle)(void); /* after a run: what was freed is free */
	void (*teardown)(void);
};

static char *api = "";
module_param(api, charp, 0444);
static char *context = "process";
module_param(context, charp, 0444);
static unsigned int size = 256;
module_param(size, uint, 0444);
static unsigned int batch = 64;
module_param(batch, uint, 0444);
static unsigned int loops = 1000;
module_param(loops, uint, 0444);
static unsigned int warmup = 100;
module_param(warmup, uint, 0444);
static unsigned int cpu;
module_param(cpu, uint, 0444);

/* One run. */
static struct {
	u64 alloc_ns, free_ns;
	u64 attempts, failures;
	unsigned int where; /* IN_... */
	gfp_t gfp;
	bool counted, done, seen;
	int error;
	struct completion end;
} run;

static const struct klab_api *the_api;
static void **objects;
static DEFINE_MUTEX(run_lock);

static void one_round(void)
{
	u64 t0 = ktime_get_raw_fast_ns(), t1, t2;
	unsigned int got = the_api->alloc(objects, batch, run.gfp);

	t1 = ktime_get_raw_fast_ns();
	the_api->free(objects, got);
	t2 = ktime_get_raw_fast_ns();
	if (run.counted) {
		run.alloc_ns += t1 - t0;
		run.free_ns += t2 - t1;
		run.attempts += batch;
		run.failures += batch - got;
	}
}

/* ---- contexts ---- */

static void on_tasklet(struct tasklet_struct *t)
{
	run.seen = in_serving_softirq();
	one_round();
	WRITE_ONCE(run.done, true);
}
static DECLARE_TASKLET(tasklet, on_tasklet);

static void on_irq_work(struct irq_work *w)
{
	run.seen = in_hardirq();
	one_round();
	WRITE_ONCE(run.done, true);
}
static struct irq_work work = IRQ_WORK_INIT_HARD(on_irq_work);

static bool nmi_wanted;

static int on_nmi(unsigned int type, struct pt_regs *regs)
{
	if (!READ_ONCE(nmi_wanted) || smp_processor_id() != cpu)
		return NMI_DONE;
	WRITE_ONCE(nmi_wanted, false);
	run.seen = in_nmi();
	one_round();
	WRITE_ONCE(run.done, true);
	return NMI_HANDLED;
}

static void trigger(void)
{
	switch (run.where) {
	case IN_PROCESS:
		run.seen = in_task();
		one_round();
		run.done = true;
		break;
	case IN_SOFTIRQ:
		/* It runs when bottom halves are let in again. */
		local_bh_disable();
		tasklet_schedule(&tasklet);
		local_bh_enable();
		break;
	case IN_HARDIRQ:
		irq_work_queue(&work);
		break;
	case IN_NMI:
		WRITE_ONCE(nmi_wanted, true);
		apic->send_IPI(cpu, NMI_VECTOR);
		break;
	}
}

/* A tasklet may have to wait for the thread that runs them. */
static int wait_for_round(void)
{
	for (unsigned int i = 0; i < 20000; i++) {
		if (READ_ONCE(run.done))
			return run.seen ? 0 : -ENOTRECOVERABLE;
		if (i < 10000)
			cpu_relax();
		else
			usleep_range(50, 100);
	}
	return -ETIMEDOUT;
}

static int rounds(unsigned int n)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < n; i++) {
		run.done = false;
		run.seen = false;
		trigger();
		r = wait_for_round();
		cond_resched();
	}
	return r;
}

static int run_thread(void *unused)
{
	run.counted = false;
	run.error = rounds(warmup);
	run.counted = true;
	if (!run.error)
		run.error = rounds(loops);
	if (the_api->settle)
		the_api->settle();
	complete(&run.end);
	return 0;
}

/* ---- /proc/klab_kmalloc ---- */

static int run_once(void)
{
	struct task_struct *t;
	unsigned int where = run.where;
	gfp_t gfp = where == IN_PROCESS ? GFP_KERNEL : GFP_ATOMIC;

	memset(&run, 0, sizeof(run));
	run.where = where;
	run.gfp = gfp | __GFP_NOWARN;
	init_completion(&run.end);
	t = kthread_create(run_thread, NULL, "klab_kmalloc");
	if (IS_ERR(t))
		return PTR_ERR(t);
	kthread_bind(t, cpu);
	get_task_struct(t);
	wake_up_process(t);
	wait_for_completion(&run.end);
	kthread_stop(t); /* it has left this module's code */
	put_task_struct(t);
	return run.error;
}

/* "NAME 12.345 UNIT": the mean of n, with three decimals; nothing if n is 0. */
static void show_mean(struct seq_file *m, const char *name, u64 sum, u64 n,
		      const char *unit)
{
	u64 whole, milli;

	if (!n)
		return;
	whole = div64_u64(sum, n);
	milli = div64_u64((sum - whole * n) * 1000, n);
	seq_printf(m, "%s %llu.%03llu %s\n", name, whole, milli, unit);
}

static int show(struct seq_file *m, void *unused)
{
	u64 pairs;
	int r;

	mutex_lock(&run_lock);
	r = run_once();
	pairs = run.attempts - run.failures;
	if (!r) {
		seq_printf(m, "api %s\ncontext %s\nsize %u\nbatch %u\n",
			   the_api->name, context, size, batch);
		seq_printf(m, "allocations %llu failed %llu\n", run.attempts,
			   run.failures);
		show_mean(m, "failures", run.failures * 1000, run.attempts,
			  "of 1000");
		show_mean(m, "alloc", run.alloc_ns, pairs, "ns");
		show_mean(m, "free", run.free_ns, pairs, "ns");
		show_mean(m, "pair", run.alloc_ns + run.free_ns, pairs, "ns");
	}
	mutex_unlock(&run_lock);
	return r;
}

/* ---- start and end ---- */

static int refuse(const char *why)
{
	pr_err("klab_kmalloc: api '%s' in context '%s' of %u bytes: %s\n", api,
	       context, size, why);
	return -EINVAL;
}

static int choose(const struct klab_api *apis, unsigned int n)
{
	static const char *const names[] = {"process", "softirq", "hardirq",
					    "nmi"};

	for (unsigned int i = 0; i < n; i++)
		if (!strcmp(apis[i].name, api))
			the_api = &apis[i];
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], context))
			run.where = 1u << i;
	if (!the_api)
		return refuse("no such api");
	if (!run.where)
		return refuse("no such context");
	if (!(the_api->contexts & run.where))
		return refuse("this context does not allow it");
	if (size < 16 || size > 8192 || !batch || batch > 4096 || !loops)
		return refuse("size is 16 to 8192, batch 1 to 4096, loops not "
			      "0");
	if (cpu >= nr_cpu_ids || !cpu_online(cpu))
		return refuse("there is no such CPU");
	return 0;
}

static int klab_alloc_init(const struct klab_api *apis, unsigned int n)
{
	int r = choose(apis, n);

	if (r)
		return r;
	objects = kcalloc(batch, sizeof(*objects), GFP_KERNEL);
	if (!objects)
		return -ENOMEM;
	if (the_api->setup)
		r = the_api->setup();
	if (!r && run.where == IN_NMI)
		r = register_nmi_handler(NMI_LOCAL, on_nmi, 0, "klab_kmalloc");
	if (!r && !proc_create_single("klab_kmalloc", 0400, NULL, show))
		r = -ENOMEM;
	if (r)
		kfree(objects);
	return r;
}

static void klab_alloc_exit(void)
{
	remove_proc_entry("klab_kmalloc", NULL);
	if (run.where == IN_NMI)
		unregister_nmi_handler(NMI_LOCAL, "klab_kmalloc");
	irq_work_sync(&work);
	tasklet_kill(&tasklet);
	if (the_api->teardown)
		the_api->teardown();
	kfree(objects);
}

#endif
