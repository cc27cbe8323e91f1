/*
 * Kernel objects are made in batches and freed again, on all CPUs at a time.
 *
 *	slab-churn KIND WORKERS SHIFT ROUNDS BATCH
 *
 * In each of ROUNDS rounds every worker, a thread pinned to a CPU of its own,
 * makes BATCH objects; all wait for each other; then each frees what the
 * worker SHIFT places further on has made: with SHIFT 0 its own, on the same
 * CPU, and with SHIFT 1 its neighbour's, from another CPU.  KIND says what is
 * made:
 *	sockets   AF_UNIX datagram sockets
 *	dentries  further names (links) of one file in tmpfs
 *	inodes    empty files in tmpfs
 *	eventfds  eventfd(2)
 *	timerfds  timerfd_create(2)
 *	timers    POSIX timers, timer_create(2)
 *	pipes     pipe(2)
 *
 * A round comes first and is not measured.  What the slab caches hold is
 * printed before the first round, when every worker has made a batch, and at
 * the end.
 */
#define _GNU_SOURCE
#include "../common/crew.h"
#include "../common/slab.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "/tmp/slab-churn"

/* Two file descriptors, one of which may be unused, or the id of a timer. */
struct object {
	int a, b;
};

struct kind {
	const char *name;
	int (*make)(struct object *o, unsigned owner, unsigned i);
	int (*drop)(const struct object *o, unsigned owner, unsigned i);
};

static unsigned shift, rounds, batch;
static struct object *objects; /* of all workers, batch for each */
static const struct kind *kind;

static int make_socket(struct object *o, unsigned owner, unsigned i)
{
	(void)owner, (void)i;
	return o->a = socket(AF_UNIX, SOCK_DGRAM, 0);
}

static int make_eventfd(struct object *o, unsigned owner, unsigned i)
{
	(void)owner, (void)i;
	return o->a = eventfd(0, 0);
}

static int make_timerfd(struct object *o, unsigned owner, unsigned i)
{
	(void)owner, (void)i;
	return o->a = timerfd_create(CLOCK_MONOTONIC, 0);
}

static int close_one(const struct object *o, unsigned owner, unsigned i)
{
	(void)owner, (void)i;
	return close(o->a);
}

static int make_pipe(struct object *o, unsigned owner, unsigned i)
{
	int fds[2], r = pipe(fds);

	(void)owner, (void)i;
	o->a = fds[0];
	o->b = fds[1];
	return r;
}

static int close_both(const struct object *o, unsigned owner, unsigned i)
{
	(void)owner, (void)i;
	return close(o->a) || close(o->b) ? -1 : 0;
}

/* The kernel's timer itself, without what the C library keeps beside it. */
static int make_timer(struct object *o, unsigned owner, unsigned i)
{
	struct sigevent none = {.sigev_notify = SIGEV_NONE};

	(void)owner, (void)i;
	return (int)syscall(SYS_timer_create, CLOCK_MONOTONIC, &none, &o->a);
}

static int drop_timer(const struct object *o, unsigned owner, unsigned i)
{
	(void)owner, (void)i;
	return (int)syscall(SYS_timer_delete, o->a);
}

static const char *name_of(char *path, size_t len, unsigned owner, unsigned i)
{
	snprintf(path, len, FOLDER "/%u/%u", owner, i);
	return path;
}

static int make_link(struct object *o, unsigned owner, unsigned i)
{
	char path[64];

	(void)o;
	return link(FOLDER "/file", name_of(path, sizeof(path), owner, i));
}

static int make_file(struct object *o, unsigned owner, unsigned i)
{
	char path[64];

	(void)o;
	return mknod(name_of(path, sizeof(path), owner, i), S_IFREG | 0600, 0);
}

static int drop_name(const struct object *o, unsigned owner, unsigned i)
{
	char path[64];

	(void)o;
	return unlink(name_of(path, sizeof(path), owner, i));
}

static const struct kind kinds[] = {
	{"sockets", make_socket, close_one},
	{"dentries", make_link, drop_name},
	{"inodes", make_file, drop_name},
	{"eventfds", make_eventfd, close_one},
	{"timerfds", make_timerfd, close_one},
	{"timers", make_timer, drop_timer},
	{"pipes", make_pipe, close_both},
};

static void make_batch(unsigned owner)
{
	struct object *mine = objects + (size_t)owner * batch;

	for (unsigned i = 0; i < batch; i++)
		if (kind->make(&mine[i], owner, i) < 0)
			die("%s: number %u: %s", kind->name, i,
			    strerror(errno));
}

static void drop_batch(unsigned owner)
{
	const struct object *its = objects + (size_t)owner * batch;

	for (unsigned i = 0; i < batch; i++)
		if (kind->drop(&its[i], owner, i) < 0)
			die("%s: cannot free number %u: %s", kind->name, i,
			    strerror(errno));
}

static void one_round(struct worker *w)
{
	make_batch(w->index);
	crew_meet(w);
	drop_batch((w->index + shift) % w->workers);
	crew_meet(w);
}

static void work(struct worker *w)
{
	one_round(w);
	crew_start(w);
	for (unsigned i = 0; i < rounds; i++)
		one_round(w);
	crew_stop(w);
	w->count = (uint64_t)rounds * batch;
	/* Once more, only to look at what a full house takes. */
	make_batch(w->index);
	crew_meet(w);
	if (!w->index)
		slab_print("full");
	crew_meet(w);
	drop_batch((w->index + shift) % w->workers);
}

static void prepare(unsigned workers)
{
	struct rlimit files = {1 << 20, 1 << 20};
	char path[64];
	int fd;

	objects = calloc((size_t)workers * batch, sizeof(*objects));
	if (!objects)
		die("no memory for %u objects", workers * batch);
	setrlimit(RLIMIT_NOFILE, &files);
	/* Each timer may have a signal waiting. */
	setrlimit(RLIMIT_SIGPENDING, &files);
	if (kind->drop != drop_name)
		return;
	mkdir(FOLDER, 0700);
	fd = open(FOLDER "/file", O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		die("cannot make '" FOLDER "/file': %s", strerror(errno));
	close(fd);
	for (unsigned i = 0; i < workers; i++) {
		snprintf(path, sizeof(path), FOLDER "/%u", i);
		if (mkdir(path, 0700) && errno != EEXIST)
			die("cannot make '%s': %s", path, strerror(errno));
	}
}

int main(int argc, char **argv)
{
	struct crew_result r;
	unsigned workers;

	crew_fix_layout(argv);
	if (argc != 6)
		die("usage: slab-churn KIND WORKERS SHIFT ROUNDS BATCH");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(argv[1], kinds[i].name))
			kind = &kinds[i];
	if (!kind)
		die("slab-churn: there is no kind '%s'", argv[1]);
	workers = parse_number(argv[2], "workers", 0, 1024);
	shift = parse_number(argv[3], "shift", 0, 1024);
	rounds = parse_number(argv[4], "rounds", 1, 1000000);
	batch = parse_number(argv[5], "batch", 1, 100000);
	workers = workers ? workers : crew_cpus();
	if (shift && shift % workers == 0)
		die("slab-churn: to free on another CPU takes two workers");
	prepare(workers);
	slab_settle();
	slab_print("before");
	r = crew_run(workers, CREW_THREADS, work);
	slab_settle();
	slab_print("after");
	crew_print("all", kind->name, &r);
	return 0;
}
