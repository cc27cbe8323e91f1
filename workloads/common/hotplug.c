#define _GNU_SOURCE

#include "hotplug.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void die(const char *path, const char *why)
{
	fprintf(stderr, "%s: %s\n", path, why);
	exit(1);
}

long number(const char *text, long min)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < min)
		die(text, "not a number that fits");
	return n;
}

void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity", strerror(errno));
}

int put_word(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, word, strlen(word)) < 0)
		r = -errno;
	close(fd);
	return r;
}

int get_word(const char *path, char *word, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, word, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	word[n] = '\0';
	word[strcspn(word, " \n")] = '\0';
	return 0;
}

void insist(const char *path, const char *word, struct times *t,
	    uint64_t *refused)
{
	uint64_t begin = now_ns(), ns;
	int r;

	for (int i = 0; (r = put_word(path, word)); i++) {
		if ((r != -EAGAIN && r != -EBUSY) || i == REFUSALS_MAX)
			die(path, strerror(-r));
		(*refused)++;
	}
	ns = now_ns() - begin;
	t->n++;
	t->sum_ns += ns;
	if (t->max_ns < ns)
		t->max_ns = ns;
}

void times_print(const char *name, const struct times *t)
{
	printf("%s_mean_ns %" PRIu64 "\n", name, t->sum_ns / t->n);
	printf("%s_max_ns %" PRIu64 "\n", name, t->max_ns);
}
