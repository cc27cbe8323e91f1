/*
 * What the hotplug workloads share: a word to a sysfs file, again while the
 * kernel refuses it for now, and the times that this takes.
 */
#ifndef KLAB_HOTPLUG_H
#define KLAB_HOTPLUG_H

#include <stddef.h>
#include <stdint.h>

/* The times of one kind of step. */
struct times {
	uint64_t n, sum_ns, max_ns;
};

uint64_t now_ns(void);

/* "path: reason" on stderr, and exit 1. */
_Noreturn void die(const char *path, const char *why);

/* A decimal number of at least `min`, or the end of the program. */
long number(const char *text, long min);

/* The calling thread stays on this CPU. */
void pin(int cpu);

/* 0 or -errno. */
int put_word(const char *path, const char *word);

/* The first word of a file; 0 or -errno. */
int get_word(const char *path, char *word, size_t size);

/*
 * Writes until the kernel takes it: EAGAIN and EBUSY are a refusal, which is
 * counted and tried again, at most REFUSALS_MAX times in a row; anything else
 * ends the program. The time goes from the first try to the last.
 */
#define REFUSALS_MAX 100
void insist(const char *path, const char *word, struct times *t,
	    uint64_t *refused);

/* "NAME_mean_ns N" and "NAME_max_ns N". */
void times_print(const char *name, const struct times *t);

#endif
