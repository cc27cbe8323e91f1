/*
 * Page faults of one sort, on one CPU and then on all of them.
 *
 *	page-fault MODE WORKERS ROUNDS PAGES
 *
 * A worker, which is a process of its own, maps PAGES pages, touches each of
 * them once, and unmaps them; ROUNDS times.  MODE is how:
 *	anon     private anonymous memory, written; no huge pages
 *	shared   a file in tmpfs, mapped shared, written; the file is emptied
 *	         before each round, so that each fault takes a new page
 *	private  a full file in tmpfs, mapped privately, written: each fault
 *	         copies a page of the file
 *	read     a full file in tmpfs, mapped privately, read: each fault maps
 *	         all the pages around it that are in memory
 *	cow      anonymous memory that a child shares since its fork(), written:
 *	         each fault copies a page
 *
 * What is counted are the faults that getrusage() counts while pages are
 * touched, not the pages.  The lines "one" and "all" have the time of whole
 * rounds; the line "touch" has that in which the worker alone touched pages.
 * One round comes first and is not measured.
 */
#define _GNU_SOURCE
#include "../common/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned rounds;
static size_t size, page;

struct mode {
	const char *name;
	bool file, full, shared, write, child;
};

static const struct mode modes[] = {
	{"anon", .write = true},
	{"shared", .file = true, .shared = true, .write = true},
	{"private", .file = true, .full = true, .write = true},
	{"read", .file = true, .full = true},
	{"cow", .write = true, .child = true},
};
static const struct mode *mode;

/* What a worker has measured so far. */
struct touched {
	uint64_t ns, faults;
};

static uint64_t faults(void)
{
	struct rusage r;

	if (getrusage(RUSAGE_THREAD, &r))
		die("getrusage: %s", strerror(errno));
	return (uint64_t)r.ru_minflt;
}

static void write_pages(char *area)
{
	volatile char *bytes = area;

	for (size_t at = 0; at < size; at += page)
		bytes[at] = 1;
}

static void read_pages(const char *area)
{
	const volatile char *bytes = area;

	for (size_t at = 0; at < size; at += page)
		(void)bytes[at];
}

static int open_file(void)
{
	char path[] = "/tmp/page-fault.XXXXXX";
	int fd = mkstemp(path);
	char *block = malloc(page);

	if (fd < 0 || !block)
		die("cannot make '%s': %s", path, strerror(errno));
	unlink(path);
	memset(block, 1, page);
	for (size_t at = 0; mode->full && at < size; at += page)
		if (write(fd, block, page) != (ssize_t)page)
			die("cannot fill '%s': %s", path, strerror(errno));
	free(block);
	return fd;
}

/* A child that has a copy of the memory, and nothing to do. */
static pid_t share_with_child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	while (!pid)
		pause();
	return pid;
}

static void one_round(int fd, struct touched *t)
{
	int flags = mode->shared ? MAP_SHARED : MAP_PRIVATE;
	uint64_t ns, count;
	pid_t child = 0;
	char *area;

	if (mode->shared && (ftruncate(fd, 0) || ftruncate(fd, (off_t)size)))
		die("ftruncate: %s", strerror(errno));
	area = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    mode->file ? flags : flags | MAP_ANONYMOUS, fd, 0);
	if (area == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	madvise(area, size, MADV_NOHUGEPAGE);
	if (mode->child) {
		write_pages(area);
		child = share_with_child();
	}
	count = faults();
	ns = clock_ns();
	if (mode->write)
		write_pages(area);
	else
		read_pages(area);
	t->ns += clock_ns() - ns;
	t->faults += faults() - count;
	if (child && (kill(child, SIGKILL) || waitpid(child, NULL, 0) != child))
		die("the child is lost: %s", strerror(errno));
	munmap(area, size);
}

static void work(struct worker *w)
{
	struct touched t = {0, 0};
	int fd = mode->file ? open_file() : -1;

	one_round(fd, &t);
	crew_start(w);
	t = (struct touched){0, 0};
	for (unsigned i = 0; i < rounds; i++)
		one_round(fd, &t);
	crew_stop(w);
	w->count = t.faults;
	w->busy_ns = t.ns;
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct crew_result r;

	crew_fix_layout(argv);
	if (argc != 5)
		die("usage: page-fault anon|shared|private|read|cow WORKERS "
		    "ROUNDS PAGES");
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(argv[1], modes[i].name))
			mode = &modes[i];
	if (!mode)
		die("page-fault: there is no mode '%s'", argv[1]);
	rounds = parse_number(argv[3], "rounds", 1, 1000000);
	page = (size_t)getpagesize();
	size = page * parse_number(argv[4], "pages", 16, 1 << 20);
	r = crew_compare("faults", parse_number(argv[2], "workers", 0, 1024),
			 CREW_PROCESSES, work);
	r.elapsed_ns = r.busy_ns;
	crew_print("touch", "faults", &r);
	return 0;
}
