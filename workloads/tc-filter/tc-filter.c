/*
 * tc(8) inserts filters: one process of it, and then one on each CPU at a time.
 *
 *	tc-filter CLASSIFIER DEVICES WORKERS FILTERS
 *
 * Each `tc -batch -` inserts FILTERS filters of the sort CLASSIFIER (flower or
 * u32), each with an action of its own (gact drop), at the ingress of a dummy
 * device: with DEVICES own of a device of its own, with shared all of the same.
 * It has its first filter and waits for more before the clock starts, and the
 * clock stops when the last of them has ended.  All is done once before, which
 * is not measured.
 */
#define _GNU_SOURCE
#include "../common/crew.h"
#include "../common/slab.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 64
#define PER_PREFERENCE 1000 /* u32 numbers 2,047 filters of one by itself */
#define FILTERS_MAX 20000

struct tc {
	pid_t pid;
	int fd; /* to its standard input */
	char *lines;
	size_t len;
};

static const char *classifier, *match;
static unsigned filters;
static bool shared;

__attribute__((noreturn)) static void become(char *const argv[])
{
	int fd = open("/dev/null", O_WRONLY);

	if (fd >= 0)
		dup2(fd, 1);
	execvp(argv[0], argv);
	die("cannot start %s: %s", argv[0], strerror(errno));
}

static void wait_for(pid_t pid, const char *what)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		die("'%s' failed", what);
}

/* A command of words with one space between them. */
__attribute__((format(printf, 1, 2))) static void run(const char *fmt, ...)
{
	char text[256], copy[256], *argv[32], *save = NULL;
	size_t n = 0;
	va_list ap;
	pid_t pid;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	memcpy(copy, text, sizeof(copy));
	for (char *word = strtok_r(copy, " ", &save); word && n < 31;
	     word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	argv[n] = NULL;
	fflush(NULL);
	pid = fork();
	if (!pid)
		become(argv);
	wait_for(pid, text);
}

static unsigned device_of(unsigned worker)
{
	return shared ? 0 : worker;
}

static void add_line(FILE *to, unsigned worker, unsigned i)
{
	fprintf(to,
		"filter add dev klab%u ingress protocol ip pref %u %s %s "
		"10.%u.%u.%u%s action gact drop\n",
		device_of(worker),
		1 + worker * (FILTERS_MAX / PER_PREFERENCE + 1) +
			i / PER_PREFERENCE,
		classifier, match, worker, i >> 8, i & 255,
		*classifier == 'u' ? "/32" : "");
}

static void send_all(const struct tc *t, const char *text, size_t len)
{
	if (write(t->fd, text, len) != (ssize_t)len)
		die("cannot write to tc: %s", strerror(errno));
}

static void start(struct tc *t, unsigned worker, pid_t group)
{
	static char *const argv[] = {"tc", "-batch", "-", NULL};
	FILE *lines = open_memstream(&t->lines, &t->len);
	int fds[2];

	if (!lines || pipe2(fds, O_CLOEXEC))
		die("no memory, or no pipe: %s", strerror(errno));
	for (unsigned i = 0; i < filters; i++)
		add_line(lines, worker, i + 1);
	fclose(lines);
	t->fd = fds[1];
	/* All lines must fit, so that nobody has to wake up to write more. */
	if (fcntl(t->fd, F_SETPIPE_SZ, (int)t->len + 65536) < 0)
		die("no pipe of %zu bytes: %s", t->len, strerror(errno));
	t->pid = fork();
	if (!t->pid) {
		if (setpgid(0, group))
			die("cannot join the others: %s", strerror(errno));
		crew_pin(worker);
		dup2(fds[0], 0);
		become(argv);
	}
	close(fds[0]);
}

/* Sleeping, with nothing left to read: its first filter is there. */
static bool waits(const struct tc *t)
{
	char path[64], text[256] = "", *state;
	int fd, left = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", t->pid);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		die("tc is gone");
	close(fd);
	state = strrchr(text, ')');
	if (!state || strlen(state) < 3 || state[2] == 'Z')
		die("tc has ended early");
	return state[2] == 'S' && !ioctl(t->fd, FIONREAD, &left) && !left;
}

static void get_ready(struct tc *t, unsigned worker)
{
	const struct timespec pause = {0, 1000000};
	char *line;
	size_t len;
	FILE *first = open_memstream(&line, &len);

	if (!first)
		die("no memory");
	add_line(first, worker, 0);
	fclose(first);
	send_all(t, line, len);
	free(line);
	while (!waits(t))
		nanosleep(&pause, NULL);
	/* What it is given now it gets when all of them go on. */
	kill(t->pid, SIGSTOP);
	if (waitpid(t->pid, NULL, WUNTRACED) != t->pid)
		die("tc does not stop: %s", strerror(errno));
	send_all(t, t->lines, t->len);
	close(t->fd);
	free(t->lines);
}

static long percpu_kib(void)
{
	FILE *info = fopen("/proc/meminfo", "r");
	char line[128];
	long kib = -1;

	while (info && kib < 0 && fgets(line, sizeof(line), info))
		if (sscanf(line, "Percpu: %ld kB", &kib) != 1)
			kib = -1;
	if (info)
		fclose(info);
	return kib;
}

static struct crew_result insert(unsigned workers)
{
	struct crew_result r = {.count = (uint64_t)workers * filters};
	struct tc tcs[WORKERS_MAX];
	unsigned devices = shared ? 1 : workers;

	for (unsigned i = 0; i < devices; i++)
		run("tc qdisc add dev klab%u clsact", i);
	for (unsigned i = 0; i < workers; i++) {
		start(&tcs[i], i, i ? tcs[0].pid : 0);
		get_ready(&tcs[i], i);
	}
	r.elapsed_ns = clock_ns();
	/* At once: one that goes on could keep this process off its CPU. */
	kill(-tcs[0].pid, SIGCONT);
	for (unsigned i = 0; i < workers; i++)
		wait_for(tcs[i].pid, "tc -batch -");
	r.elapsed_ns = clock_ns() - r.elapsed_ns;
	return r;
}

/* The kernel frees filters under RCU and behind the back of who asked for it.
 */
static void take_away(unsigned workers)
{
	for (unsigned i = 0; i < (shared ? 1 : workers); i++)
		run("tc qdisc del dev klab%u clsact", i);
	slab_settle();
}

/* The first time, when all memory comes fresh from the page allocator. */
static void warm_up(unsigned workers)
{
	long before = percpu_kib(), after;

	insert(workers);
	after = percpu_kib();
	if (before >= 0 && after >= before)
		printf("percpu: %ld KiB more with %u filters\n", after - before,
		       workers * filters);
	take_away(workers);
}

static void measure(unsigned workers)
{
	struct crew_result r = insert(1);
	double one = crew_print("one", "filters", &r), all;

	take_away(1);
	if (workers > 1)
		r = insert(workers);
	all = crew_print("all", "filters", &r);
	if (workers > 1)
		printf("scaling: %.6f with %u workers\n", all / one / workers,
		       workers);
}

int main(int argc, char **argv)
{
	unsigned workers;

	crew_fix_layout(argv);
	if (argc != 5)
		die("usage: tc-filter flower|u32 own|shared WORKERS FILTERS");
	classifier = argv[1];
	if (!strcmp(classifier, "flower"))
		match = "dst_ip";
	else if (!strcmp(classifier, "u32"))
		match = "match ip dst";
	else
		die("tc-filter: there is no classifier '%s'", classifier);
	shared = !strcmp(argv[2], "shared");
	if (!shared && strcmp(argv[2], "own"))
		die("tc-filter: devices are 'own' or 'shared', not '%s'",
		    argv[2]);
	workers = parse_number(argv[3], "workers", 0, WORKERS_MAX);
	filters = parse_number(argv[4], "filters", 1, FILTERS_MAX);
	if (!workers)
		workers = crew_cpus() < WORKERS_MAX ? crew_cpus() : WORKERS_MAX;
	for (unsigned i = 0; i < (shared ? 1 : workers); i++)
		run("ip link add klab%u type dummy", i);
	warm_up(workers);
	measure(workers);
	for (unsigned i = 0; i < (shared ? 1 : workers); i++)
		run("ip link del klab%u", i);
	return 0;
}
