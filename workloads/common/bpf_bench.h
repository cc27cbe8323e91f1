/*
 * Loads a BPF program, has it run again and again in the context that was asked
 * for, and prints what it counted and how long it took.
 *
 * Call order: bench_options(), bench_open(), then whatever the caller changes
 * in the object's maps, bench_load(), bench_run().  Whatever fails ends the
 * program with a message and status 1.
 */
#ifndef BPF_BENCH_H
#define BPF_BENCH_H

#include <bpf/libbpf.h>

enum context {
	CONTEXT_TRACEPOINT, /* a system call's, with preemption off */
	CONTEXT_KPROBE,     /* on that system call */
	CONTEXT_PERF_EVENT, /* the timer interrupt of a cpu-clock event */
	CONTEXT_TEST_RUN,   /* bpf(BPF_PROG_TEST_RUN): in a task */
};

struct bench {
	enum context context;
	const char *context_word, *kind;
	unsigned runs, warm; /* of the BPF program, for each worker */
	unsigned batch, workers, period_us;
	unsigned entries, value_size;
	struct bpf_object *object;
	struct bpf_program *program;
};

/* The command line: options, CONTEXT, and KIND where there are any. */
void bench_options(struct bench *b, int argc, char **argv);
/* Of the object's programs only that for the context will be loaded. */
void bench_open(struct bench *b, const char *path);
struct bpf_map *bench_map(struct bench *b, const char *name);
void bench_load(struct bench *b);
void bench_run(struct bench *b);

#endif
