/*
 * A crew: workers that do the same thing at the same time, each pinned to a CPU
 * of its own.
 *
 * Call order: crew_cpus() says how many CPUs there are; crew_run() starts the
 * workers and returns when the last has ended.  The function that each worker
 * runs prepares and warms up, calls crew_start(), does what is measured, calls
 * crew_stop(), and then cleans up.  The clock (CLOCK_MONOTONIC_RAW) runs from
 * the first worker that starts to the last that stops, and no worker cleans up
 * before all have stopped.
 *
 * Whatever fails ends the program with a message and status 1: die().
 */
#ifndef CREW_H
#define CREW_H

#include <stdbool.h>
#include <stdint.h>

struct crew;

struct worker {
	struct crew *crew;
	unsigned index;   /* 0 to workers - 1 */
	unsigned workers; /* how many there are */
	uint64_t count;   /* the worker's own figure, added up by crew_run() */
	uint64_t busy_ns; /* the same, for a part of its time */
	uint64_t start_ns, stop_ns;
};

enum crew_kind { CREW_PROCESSES, CREW_THREADS };

struct crew_result {
	uint64_t elapsed_ns;
	uint64_t count, busy_ns; /* of all workers */
};

__attribute__((format(printf, 1, 2), noreturn)) void die(const char *fmt, ...);

uint64_t clock_ns(void);

/* A number of at least `least` and at most `most`. */
unsigned parse_number(const char *text, const char *what, unsigned least,
		      unsigned most);

/*
 * Starts the program again, once, without randomised addresses.  Where a
 * mapping lies decides which tables and neighbours it has, and with threads
 * that made rates differ by half between boots.  To be called first of all.
 */
void crew_fix_layout(char *const argv[]);

/* The CPUs that this program may run on. */
unsigned crew_cpus(void);

/* Pins the calling thread to the n-th of them, counted round and round. */
void crew_pin(unsigned n);

void crew_start(struct worker *w);
void crew_stop(struct worker *w);

/* All workers meet: nobody goes on before the last has come. */
void crew_meet(struct worker *w);

struct crew_result crew_run(unsigned workers, enum crew_kind kind,
			    void (*work)(struct worker *w));

/* Prints one such line as below; returns the rate. */
double crew_print(const char *who, const char *what,
		  const struct crew_result *r);

/*
 * Runs the crew with one worker, and then, where there are more CPUs than one,
 * with `workers` of them (0: one for each CPU), and prints
 *
 *	one: 500 WHAT in 1234567 ns: 405000.1 per second, 2469.1 ns each
 *	all: 1000 WHAT in 2345678 ns: 426000.2 per second, 2345.6 ns each
 *	scaling: 0.5259 with 2 workers
 *
 * With one worker alone there is no line "scaling".  Returns what the one alone
 * did.
 */
struct crew_result crew_compare(const char *what, unsigned workers,
				enum crew_kind kind,
				void (*work)(struct worker *w));

#endif
