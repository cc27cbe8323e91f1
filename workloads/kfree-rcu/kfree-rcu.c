/*
 * Objects that the kernel frees with kfree_rcu(), made and freed from user
 * space: the item that an epoll instance keeps for each file.
 *
 * usage: kfree-rcu WORKERS ROUNDS BATCH
 *
 * In each round a worker adds BATCH eventfds to its own epoll instance and
 * removes them.  One round more comes first and is not measured.
 */
#define _GNU_SOURCE
#include "../common/crew.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

static unsigned rounds, batch;

static void change(int epoll, int op, const int *fds)
{
	struct epoll_event event = {.events = EPOLLIN};

	for (unsigned i = 0; i < batch; i++)
		if (epoll_ctl(epoll, op, fds[i], &event))
			die("epoll_ctl: %s", strerror(errno));
}

static void work(struct worker *w)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int *fds = calloc(batch, sizeof(*fds));

	if (epoll < 0 || !fds)
		die("no epoll instance: %s", strerror(errno));
	for (unsigned i = 0; i < batch; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC);
		if (fds[i] < 0)
			die("no eventfd: %s", strerror(errno));
	}
	change(epoll, EPOLL_CTL_ADD, fds);
	change(epoll, EPOLL_CTL_DEL, fds);
	crew_start(w);
	for (unsigned i = 0; i < rounds; i++) {
		change(epoll, EPOLL_CTL_ADD, fds);
		change(epoll, EPOLL_CTL_DEL, fds);
		w->count += batch;
	}
	crew_stop(w);
	for (unsigned i = 0; i < batch; i++)
		close(fds[i]);
	close(epoll);
	free(fds);
}

int main(int argc, char **argv)
{
	struct rlimit files = {65536, 65536};
	unsigned workers;

	if (argc != 4)
		die("usage: %s WORKERS ROUNDS BATCH", argv[0]);
	workers = parse_number(argv[1], "workers", 0, 256);
	rounds = parse_number(argv[2], "rounds", 1, 1000000);
	batch = parse_number(argv[3], "batch", 1, 60000);
	if (setrlimit(RLIMIT_NOFILE, &files))
		die("cannot have %u files: %s", batch, strerror(errno));
	crew_compare("items", workers, CREW_THREADS, work);
	return 0;
}
