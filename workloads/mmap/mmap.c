/*
 * Ranges of memory are mapped and unmapped, on one CPU and then on all of
 * them.
 *
 *	mmap MODE KIND WORKERS LOOPS PAGES
 *
 * MODE is what a worker does LOOPS times:
 *	map      mmap() and munmap() of PAGES pages that nobody touches
 *	touch    the same, and each page is written once in between
 *	protect  mprotect() of the page in the middle of PAGES pages, to read
 *	         only and back: the mapping splits into three and merges again
 *
 * KIND is processes, each with an address space of its own, or threads, which
 * share one and its lock.  A tenth of the loops comes first and is not
 * measured.
 *
 * What an operation costs depends on how full the node is that the mapping
 * has in the tree of mappings: where it overflows each time, half as much
 * again.  So the loops come in PHASES, and with each phase the worker has one
 * mapping more.  And each worker has a zone of addresses to itself: two that
 * share an address space would at times map side by side, and merge.
 */
#define _GNU_SOURCE
#include "../common/crew.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PHASES 32
#define FIRST_ZONE 0x100000000000 /* 16 TiB */
#define ZONE_SIZE 0x1000000000    /* 64 GiB */

static unsigned loops; /* in a phase */
static size_t size, page;
static __thread char *zone;
static void (*operation)(char *area);

static char *map(void)
{
	char *area = mmap(zone, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		die("mmap of %zu bytes: %s", size, strerror(errno));
	if (area != zone)
		die("mmap of %zu bytes: not where it was asked for", size);
	return area;
}

static void unmap(char *area)
{
	if (munmap(area, size))
		die("munmap: %s", strerror(errno));
}

static void do_map(char *area)
{
	(void)area;
	unmap(map());
}

/* As a volatile: else the compiler may drop the writes. */
static void do_touch(char *area)
{
	volatile char *bytes;

	area = map();
	bytes = area;
	for (size_t at = 0; at < size; at += page)
		bytes[at] = 1;
	unmap(area);
}

static void do_protect(char *area)
{
	char *middle = area + size / page / 2 * page;

	if (mprotect(middle, page, PROT_READ) ||
	    mprotect(middle, page, PROT_READ | PROT_WRITE))
		die("mprotect: %s", strerror(errno));
}

/* Two that lie side by side do not merge: they differ in what they allow. */
static void one_more(unsigned phase)
{
	if (mmap(zone, page, phase % 2 ? PROT_READ : PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != zone)
		die("mmap of a page: %s", strerror(errno));
	zone += page;
}

static void run_phases(unsigned count)
{
	for (unsigned i = 0; i < PHASES; i++) {
		char *area = NULL;

		one_more(i);
		if (operation == do_protect)
			area = map();
		for (unsigned k = 0; k < count; k++)
			operation(area);
		if (area)
			unmap(area);
	}
	zone -= PHASES * page;
	munmap(zone, PHASES * page);
}

static void work(struct worker *w)
{
	zone = (char *)(FIRST_ZONE + w->index * ZONE_SIZE);
	run_phases(loops / 10 + 1);
	crew_start(w);
	run_phases(loops);
	crew_stop(w);
	w->count = (uint64_t)loops * PHASES;
}

int main(int argc, char **argv)
{
	enum crew_kind kind = CREW_PROCESSES;

	crew_fix_layout(argv);
	if (argc != 6)
		die("usage: mmap map|touch|protect processes|threads WORKERS "
		    "LOOPS PAGES");
	if (!strcmp(argv[1], "map"))
		operation = do_map;
	else if (!strcmp(argv[1], "touch"))
		operation = do_touch;
	else if (!strcmp(argv[1], "protect"))
		operation = do_protect;
	else
		die("mmap: there is no mode '%s'", argv[1]);
	if (!strcmp(argv[2], "threads"))
		kind = CREW_THREADS;
	else if (strcmp(argv[2], "processes"))
		die("mmap: there is no kind '%s'", argv[2]);
	loops = parse_number(argv[4], "loops", PHASES, 1000000000) / PHASES;
	page = (size_t)getpagesize();
	size = page * parse_number(argv[5], "pages", 1, 1 << 23);
	/* One huge page in place of many faults would be another workload. */
	if (operation == do_touch && size >= (2 << 20))
		die("mmap: touch takes less than 2 MiB");
	if (operation == do_protect && size < 3 * page)
		die("mmap: protect needs three pages");
	crew_compare("operations", parse_number(argv[3], "workers", 0, 1024),
		     kind, work);
	return 0;
}
