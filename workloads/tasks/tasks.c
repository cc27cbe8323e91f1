/*
 * Tasks are made and waited for, on one CPU and then on all of them.
 *
 *	tasks MODE WORKERS LOOPS PAGES
 *
 * MODE is what a worker does LOOPS times: fork, vfork, exec, spawn or clone
 * (../common/spawn.h).  A worker has PAGES pages of its own in memory, which
 * fork() has to copy the tables of.  A tenth of the loops comes first and is
 * not measured.
 */
#define _GNU_SOURCE
#include "../common/crew.h"
#include "../common/spawn.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned loops, pages;
static void (*operation)(void);

static void work(struct worker *w)
{
	size_t size = (size_t)pages * (size_t)getpagesize();
	char *memory = NULL;

	if (pages) {
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			die("no memory: %s", strerror(errno));
		madvise(memory, size, MADV_NOHUGEPAGE);
		memset(memory, 1, size);
	}
	for (unsigned i = 0; i < loops / 10 + 1; i++)
		operation();
	crew_start(w);
	for (unsigned i = 0; i < loops; i++)
		operation();
	crew_stop(w);
	w->count = loops;
	if (memory)
		munmap(memory, size);
}

int main(int argc, char **argv)
{
	crew_fix_layout(argv);
	if (argc != 5)
		die("usage: tasks fork|vfork|exec|spawn|clone WORKERS LOOPS "
		    "PAGES");
	operation = spawn_operation(argv[1]);
	if (!operation)
		die("tasks: there is no mode '%s'", argv[1]);
	loops = parse_number(argv[3], "loops", 1, 100000000);
	pages = parse_number(argv[4], "pages", 0, 1 << 24);
	crew_compare("operations", parse_number(argv[2], "workers", 0, 1024),
		     CREW_PROCESSES, work);
	return 0;
}
