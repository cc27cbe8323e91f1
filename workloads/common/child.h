/*
 * A program whose standard output another one reads, and passes on.
 */
#ifndef KLAB_CHILD_H
#define KLAB_CHILD_H

#include <stdio.h>
#include <sys/types.h>

struct child {
	FILE *out;
	pid_t pid;
};

/* "what: reason" on stderr, and exit 1. */
_Noreturn void fail(const char *what, const char *why);

/* Starts argv; the program ends if that cannot be done. */
void child_start(struct child *c, char **argv);

/* The next line without its newline, which also goes to our own standard
 * output; NULL at the end. It is valid until the next call. */
char *child_line(struct child *c);

/* Waits for it; the program ends if it has failed. */
void child_end(struct child *c);

#endif
