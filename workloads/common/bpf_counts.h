/*
 * What the BPF programs and the program that loads them both know.  Fixed-size
 * fields of 64 bits, so that there is no padding to differ in.
 */
#ifndef BPF_COUNTS_H
#define BPF_COUNTS_H

#include <linux/types.h>

/* The most pairs that one run of a BPF program does. */
#define BATCH_MAX 256
#define VALUE_MAX 1024

/* The map `config`, one element. */
struct bpf_config {
	__u64 batch;
};

/* The map `counts`, one element for each CPU. */
struct bpf_counts {
	__u64 runs;
	__u64 made; /* in this run; on the stack the verifier would count it */
	__u64 allocs, frees;     /* that went well */
	__u64 nomem, full, busy; /* allocations: ENOMEM, E2BIG, EBUSY */
	__u64 other;             /* and any other reason, or none given */
	__u64 not_freed;         /* what was allocated and is still there */
	__u64 alloc_ns, free_ns; /* sums over the runs */
	__s64 last_error;        /* of those that count as `other` */
};

#endif
