/*
 * Lets a crew of workers, each pinned to a CPU, allocate and free pages through
 * /proc/klab_pages (klab_pages.h).
 *
 *	pages WORKERS LOOPS BATCH [CGROUP]
 *
 * Each worker does LOOPS rounds of BATCH blocks; a tenth more comes first and
 *is not measured.  With CGROUP, a folder where cgroup2 is mounted, all of it is
 * done in a new group there, which pages with __GFP_ACCOUNT are charged to.
 */
#include "../common/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_PATH "/proc/klab_pages"

struct totals {
	atomic_ullong attempts, failures;
};

static struct totals *totals;
static unsigned loops, batch;

static void put(int fd, const char *path, const char *text)
{
	ssize_t n = (ssize_t)strlen(text);

	if (write(fd, text, (size_t)n) != n)
		die("cannot write '%s' to %s: %s", text, path, strerror(errno));
}

static void put_file(const char *folder, const char *name, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		die("cannot open %s: %s", path, strerror(errno));
	put(fd, path, text);
	close(fd);
}

static void enter_group(const char *root)
{
	char group[256], pid[32];

	snprintf(group, sizeof(group), "%s/klab", root);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	put_file(root, "cgroup.subtree_control", "+memory");
	if (mkdir(group, 0755) && errno != EEXIST)
		die("cannot make %s: %s", group, strerror(errno));
	put_file(group, "cgroup.procs", pid);
}

static void add_to_totals(int fd)
{
	unsigned long long attempts, failures;
	char text[128];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		die("cannot read " FILE_PATH ": %s", strerror(errno));
	text[n] = '\0';
	if (sscanf(text, "attempts %llu failures %llu", &attempts, &failures) !=
	    2)
		die("cannot understand '%s'", text);
	atomic_fetch_add(&totals->attempts, attempts);
	atomic_fetch_add(&totals->failures, failures);
}

static void work(struct worker *w)
{
	int fd = open(FILE_PATH, O_RDWR | O_CLOEXEC);
	char text[32];

	if (fd < 0)
		die("cannot open " FILE_PATH ": %s", strerror(errno));
	snprintf(text, sizeof(text), "%u", loops / 10 + 1);
	put(fd, FILE_PATH, text);
	snprintf(text, sizeof(text), "%u", loops);
	crew_start(w);
	put(fd, FILE_PATH, text);
	crew_stop(w);
	w->count += (uint64_t)loops * batch;
	add_to_totals(fd);
	close(fd);
}

int main(int argc, char **argv)
{
	unsigned long long attempts, failures;
	unsigned workers;

	if (argc != 4 && argc != 5)
		die("usage: pages WORKERS LOOPS BATCH [CGROUP]");
	workers = parse_number(argv[1], "workers", 0, 1024);
	loops = parse_number(argv[2], "loops", 1, 100000000);
	batch = parse_number(argv[3], "batch", 1, 65536);
	if (argc == 5)
		enter_group(argv[4]);
	totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (totals == MAP_FAILED)
		die("no memory: %s", strerror(errno));
	crew_compare("blocks", workers, CREW_PROCESSES, work);
	attempts = atomic_load(&totals->attempts);
	failures = atomic_load(&totals->failures);
	if (attempts == failures)
		die("all of %llu allocations failed", attempts);
	printf("failures: %.3f of 1000, %llu of %llu\n",
	       1000.0 * (double)failures / (double)attempts, failures,
	       attempts);
	return 0;
}
