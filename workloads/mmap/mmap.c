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
 */
#define _GNU_SOURCE
#include "../common/crew.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned loops;
static size_t size, page;
static void (*operation)(char *area);

static char *map(void)
{
	char *area = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		die("mmap of %zu bytes: %s", size, strerror(errno));
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

static void work(struct worker *w)
{
	char *area = map();

	for (unsigned i = 0; i < loops / 10 + 1; i++)
		operation(area);
	crew_start(w);
	for (unsigned i = 0; i < loops; i++)
		operation(area);
	crew_stop(w);
	w->count = loops;
	unmap(area);
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
	loops = parse_number(argv[4], "loops", 1, 1000000000);
	page = (size_t)getpagesize();
	size = page * parse_number(argv[5], "pages", 1, 1 << 24);
	/* One huge page in place of many faults would be another workload. */
	if (operation == do_touch && size >= (2 << 20))
		die("mmap: touch takes less than 2 MiB");
	if (operation == do_protect && size < 3 * page)
		die("mmap: protect needs three pages");
	crew_compare("operations", parse_number(argv[3], "workers", 0, 1024),
		     kind, work);
	return 0;
}
