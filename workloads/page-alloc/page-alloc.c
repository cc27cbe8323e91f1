/*
 * Pages of one order are allocated and freed from user space, on one CPU and
 * then on all of them.
 *
 *	page-alloc WAY WORKERS LOOPS ORDER
 *
 * WAY is how, LOOPS times in each worker, a process of its own:
 *	bulk     the ring of a packet socket, of BLOCKS blocks of 2^ORDER
 *	         pages, is set up and taken down: more pages at a time than a
 *	         CPU's lists hold, so the zone's lists and their lock are in it.
 *	         They are cleared, and are charged to nobody.
 *	pair     2^ORDER pages are written to a stream socket (AF_UNIX) from an
 *	         address where nothing can be read: the kernel allocates a
 *	         buffer, which is one block of that order, fails to fill it, and
 *	         frees it.
 *	charged  the same in a memory cgroup, which the kernel charges for it
 *
 * Then comes a run that is not timed, in which kmem:mm_page_alloc counts how
 * many blocks of that order are really allocated, and for `charged` what
 * BUFFERS full ones are charged.
 */
#define _GNU_SOURCE
#include "../common/crew.h"
#include "../common/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCKS                                                                 \
	512         /* in a ring; order 0: four times the per-CPU lists' batch \
		     */
#define BUFFERS 256 /* in the test of charges */
#define CHECKED 32  /* loops in the test of orders */
#define CGROUPS "/run/cgroup"
#define GROUP CGROUPS "/klab"
#define EXPEDITED "/sys/kernel/rcu_expedited"

static unsigned loops;
static size_t size; /* of a block */
static void *nowhere;
static bool bulk;

static bool put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 &&
		    write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

static long long get_number(const char *path)
{
	char text[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (len <= 0)
		die("cannot read '%s': %s", path, strerror(errno));
	text[len] = '\0';
	close(fd);
	return atoll(text);
}

/* ---- one operation ---- */

static void set_ring(int fd, unsigned blocks)
{
	struct tpacket_req ring = {
		.tp_block_size = (unsigned)size,
		.tp_block_nr = blocks,
		.tp_frame_size = blocks ? (unsigned)size : 0,
		.tp_frame_nr = blocks,
	};

	if (setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &ring, sizeof(ring)))
		die("cannot set a ring of %u blocks of %zu bytes: %s", blocks,
		    size, strerror(errno));
}

static void operate(const int fds[2])
{
	if (bulk) {
		set_ring(fds[0], BLOCKS);
		set_ring(fds[0], 0);
	} else if (send(fds[0], nowhere, size, 0) >= 0 || errno != EFAULT) {
		die("send did not fail as it must: %s", strerror(errno));
	}
}

static void open_sockets(int fds[2])
{
	fds[1] = -1;
	if (!bulk && socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		die("socketpair: %s", strerror(errno));
	if (bulk) {
		fds[0] = socket(AF_PACKET, SOCK_RAW, 0);
		if (fds[0] < 0)
			die("cannot open a packet socket: %s; it takes "
			    "CONFIG_PACKET",
			    strerror(errno));
	}
}

static void close_sockets(const int fds[2])
{
	close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
}

static void work(struct worker *w)
{
	int fds[2];

	open_sockets(fds);
	for (unsigned i = 0; i < loops / 10 + 1; i++)
		operate(fds);
	crew_start(w);
	for (unsigned i = 0; i < loops; i++)
		operate(fds);
	crew_stop(w);
	w->count = (uint64_t)loops * (bulk ? BLOCKS : 1);
	close_sockets(fds);
}

/* ---- what is not timed ---- */

static void enter_cgroup(void)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", getpid());
	mkdir(CGROUPS, 0755);
	if (mount("cgroup2", CGROUPS, "cgroup2", 0, NULL) && errno != EBUSY)
		die("cannot mount cgroup2: %s; it takes CONFIG_CGROUPS",
		    strerror(errno));
	if (!put_text(CGROUPS "/cgroup.subtree_control", "+memory"))
		die("no memory controller: %s; it takes CONFIG_MEMCG",
		    strerror(errno));
	mkdir(GROUP, 0755);
	if (!put_text(GROUP "/cgroup.procs", pid))
		die("cannot enter '" GROUP "': %s", strerror(errno));
}

static void check_order(unsigned order)
{
	char filter[32];
	const char *why;
	struct trace *t;
	uint64_t found;
	int fds[2];

	snprintf(filter, sizeof(filter), "order == %u", order);
	open_sockets(fds);
	operate(fds);
	t = trace_open("kmem/mm_page_alloc", filter, &why);
	if (!t) {
		printf("order %u: not checked: %s\n", order, why);
		close_sockets(fds);
		return;
	}
	for (int i = 0; i < CHECKED; i++)
		operate(fds);
	found = trace_close(t);
	printf("order %u: %.4f blocks of it for each that is counted\n", order,
	       (double)found / CHECKED / (bulk ? BLOCKS : 1));
	close_sockets(fds);
}

/* The group is charged in batches, and for the buffers' heads, too. */
static void check_charge(void)
{
	char *buffer = calloc(1, size);
	int fds[2], room = (int)(4 * BUFFERS * size);
	long long before, after;

	open_sockets(fds);
	if (!buffer ||
	    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)))
		die("no room for %d bytes: %s", room, strerror(errno));
	before = get_number(GROUP "/memory.current");
	for (int i = 0; i < BUFFERS; i++)
		if (send(fds[0], buffer, size, MSG_DONTWAIT) != (ssize_t)size)
			die("cannot fill a buffer: %s", strerror(errno));
	after = get_number(GROUP "/memory.current");
	printf("charged: %lld bytes for %zu\n", after - before, BUFFERS * size);
	close_sockets(fds);
	free(buffer);
}

int main(int argc, char **argv)
{
	unsigned order, workers;

	crew_fix_layout(argv);
	if (argc != 5)
		die("usage: page-alloc bulk|pair|charged WORKERS LOOPS ORDER");
	workers = parse_number(argv[2], "workers", 0, 1024);
	loops = parse_number(argv[3], "loops", 1, 100000000);
	order = parse_number(argv[4], "order", 0, 3);
	size = (size_t)getpagesize() << order;
	bulk = !strcmp(argv[1], "bulk");
	if (!bulk && strcmp(argv[1], "pair") && strcmp(argv[1], "charged"))
		die("page-alloc: there is no way '%s'", argv[1]);
	nowhere =
		mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (nowhere == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	if (*argv[1] == 'c')
		enter_cgroup();
	/* A ring waits for a grace period, which is not what is asked. */
	if (bulk && !put_text(EXPEDITED, "1"))
		die("cannot set '" EXPEDITED "': %s", strerror(errno));
	crew_compare("blocks", workers, CREW_PROCESSES, work);
	check_order(order);
	if (*argv[1] == 'c')
		check_charge();
	return 0;
}
