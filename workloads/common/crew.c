#define _GNU_SOURCE
#include "crew.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 1024

/* In memory that all workers share, threads or processes. */
struct crew {
	pthread_barrier_t barrier;
	void (*work)(struct worker *w);
	struct worker workers[];
};

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

unsigned parse_number(const char *text, const char *what, unsigned least,
		      unsigned most)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || n < least ||
	    n > most)
		die("%s: '%s' is no number from %u to %u", what, text, least,
		    most);
	return (unsigned)n;
}

void crew_fix_layout(char *const argv[])
{
	int now = personality(0xffffffff);

	if (now >= 0 && now & ADDR_NO_RANDOMIZE)
		return;
	if (now < 0 || personality((unsigned long)now | ADDR_NO_RANDOMIZE) < 0)
		die("cannot fix the addresses: %s", strerror(errno));
	execv("/proc/self/exe", argv);
	die("cannot start again: %s", strerror(errno));
}

static void usable(cpu_set_t *set)
{
	static cpu_set_t first;
	static bool known;

	/* Asked once: a pinned thread may use one CPU only. */
	if (!known && sched_getaffinity(0, sizeof(first), &first))
		die("cannot tell the CPUs: %s", strerror(errno));
	known = true;
	*set = first;
}

unsigned crew_cpus(void)
{
	cpu_set_t set;

	usable(&set);
	return (unsigned)CPU_COUNT(&set);
}

void crew_pin(unsigned n)
{
	cpu_set_t set, one;
	int cpu = 0;

	usable(&set);
	n %= (unsigned)CPU_COUNT(&set);
	for (; !CPU_ISSET(cpu, &set) || n; cpu++)
		if (CPU_ISSET(cpu, &set))
			n--;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die("cannot pin to CPU %d: %s", cpu, strerror(errno));
}

void crew_meet(struct worker *w)
{
	pthread_barrier_wait(&w->crew->barrier);
}

void crew_start(struct worker *w)
{
	crew_meet(w);
	w->start_ns = clock_ns();
}

void crew_stop(struct worker *w)
{
	w->stop_ns = clock_ns();
	crew_meet(w);
}

static struct crew *crew_new(unsigned workers, void (*work)(struct worker *w))
{
	size_t size = sizeof(struct crew) + workers * sizeof(struct worker);
	struct crew *c = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_barrierattr_t attr;

	if (c == MAP_FAILED)
		die("no memory for %u workers: %s", workers, strerror(errno));
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&c->barrier, &attr, workers);
	c->work = work;
	for (unsigned i = 0; i < workers; i++) {
		c->workers[i].crew = c;
		c->workers[i].index = i;
		c->workers[i].workers = workers;
	}
	return c;
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;

	crew_pin(w->index);
	w->crew->work(w);
	return NULL;
}

static void run_threads(struct crew *c, unsigned workers)
{
	pthread_t threads[WORKERS_MAX];
	int r;

	for (unsigned i = 0; i < workers; i++) {
		r = pthread_create(&threads[i], NULL, run_worker,
				   &c->workers[i]);
		if (r)
			die("cannot start a thread: %s", strerror(r));
	}
	for (unsigned i = 0; i < workers; i++)
		pthread_join(threads[i], NULL);
}

/* One that fails would leave the others at the barrier for ever. */
static void run_processes(struct crew *c, unsigned workers)
{
	pid_t pids[WORKERS_MAX], pid;
	unsigned left = workers;
	int status;

	fflush(NULL);
	for (unsigned i = 0; i < workers; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("cannot start a worker: %s", strerror(errno));
		if (!pids[i]) {
			run_worker(&c->workers[i]);
			exit(0);
		}
	}
	while (left) {
		pid = wait(&status);
		if (pid < 0)
			die("cannot wait for a worker: %s", strerror(errno));
		left--;
		if (WIFEXITED(status) && !WEXITSTATUS(status))
			continue;
		for (unsigned i = 0; i < workers; i++)
			if (pids[i] != pid)
				kill(pids[i], SIGKILL);
		die("a worker failed: status %#x", (unsigned)status);
	}
}

struct crew_result crew_run(unsigned workers, enum crew_kind kind,
			    void (*work)(struct worker *w))
{
	struct crew_result r = {0, 0, 0};
	uint64_t first = UINT64_MAX, last = 0;
	struct crew *c;

	if (!workers || workers > WORKERS_MAX)
		die("no crew of %u workers", workers);
	usable(&(cpu_set_t){0});
	c = crew_new(workers, work);
	if (kind == CREW_THREADS)
		run_threads(c, workers);
	else
		run_processes(c, workers);
	for (unsigned i = 0; i < workers; i++) {
		const struct worker *w = &c->workers[i];

		first = w->start_ns < first ? w->start_ns : first;
		last = w->stop_ns > last ? w->stop_ns : last;
		r.count += w->count;
		r.busy_ns += w->busy_ns;
	}
	if (last <= first || !r.count)
		die("the workers took no time or did nothing");
	r.elapsed_ns = last - first;
	munmap(c, sizeof(*c) + workers * sizeof(struct worker));
	return r;
}

double crew_print(const char *who, const char *what,
		  const struct crew_result *r)
{
	double rate = (double)r->count * 1e9 / (double)r->elapsed_ns;

	printf("%s: %llu %s in %llu ns: %.3f per second, %.3f ns each\n", who,
	       (unsigned long long)r->count, what,
	       (unsigned long long)r->elapsed_ns, rate, 1e9 / rate);
	return rate;
}

struct crew_result crew_compare(const char *what, unsigned workers,
				enum crew_kind kind,
				void (*work)(struct worker *w))
{
	struct crew_result one = crew_run(1, kind, work), all = one;
	double rate = crew_print("one", what, &one);

	if (!workers)
		workers = crew_cpus();
	if (workers > 1)
		all = crew_run(workers, kind, work);
	rate = crew_print("all", what, &all) / rate;
	if (workers > 1)
		printf("scaling: %.6f with %u workers\n", rate / workers,
		       workers);
	return one;
}
