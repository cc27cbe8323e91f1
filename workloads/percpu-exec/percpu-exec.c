/*
 * Address spaces are made on one CPU and then on all of them: each has per-CPU
 * counters, which the kernel allocates under one mutex, pcpu_alloc_mutex.
 *
 *	percpu-exec MODE WORKERS LOOPS
 *
 * MODE is what a worker, a process of its own, does LOOPS times:
 *	fork   fork() and wait: one address space
 *	spawn  vfork(), exec and wait: one, too
 *	exec   fork(), exec and wait: two
 *	vfork  vfork() and wait: none, to compare with
 *
 * A tenth of the loops comes first and is not measured.  Then comes a run that
 * is not timed, in which percpu:percpu_alloc_percpu counts the allocations.
 */
#define _GNU_SOURCE
#include "../common/crew.h"
#include "../common/spawn.h"
#include "../common/trace.h"

#include <stdio.h>

#define CHECKED 64

static unsigned loops;
static void (*operation)(void);

static void work(struct worker *w)
{
	for (unsigned i = 0; i < loops / 10 + 1; i++)
		operation();
	crew_start(w);
	for (unsigned i = 0; i < loops; i++)
		operation();
	crew_stop(w);
	w->count = loops;
}

static void count_allocations(void)
{
	const char *why;
	struct trace *t;

	operation();
	t = trace_open("percpu/percpu_alloc_percpu", NULL, &why);
	if (!t) {
		printf("allocations: not counted: %s\n", why);
		return;
	}
	for (int i = 0; i < CHECKED; i++)
		operation();
	printf("allocations: %.4f for each operation\n",
	       (double)trace_close(t) / CHECKED);
}

int main(int argc, char **argv)
{
	unsigned workers;

	crew_fix_layout(argv);
	if (argc != 4)
		die("usage: percpu-exec fork|spawn|exec|vfork WORKERS LOOPS");
	operation = spawn_operation(argv[1]);
	if (!operation)
		die("percpu-exec: there is no mode '%s'", argv[1]);
	workers = parse_number(argv[2], "workers", 0, 1024);
	loops = parse_number(argv[3], "loops", 1, 100000000);
	crew_compare("operations", workers, CREW_PROCESSES, work);
	count_allocations();
	return 0;
}
