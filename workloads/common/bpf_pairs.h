/*
 * For BPF programs: the maps by which they talk to bpf_bench.c, and the
 * counting.
 *
 * A program hands measure() two functions for bpf_loop(): one allocates and
 * counts with count_alloc(), the other frees the element i of those that were
 * made (NULL: the first one does both,
 * and its time is that of the pair).  (A plain loop over as many elements is
 * more than the verifier looks through.)
 */
#ifndef BPF_PAIRS_H
#define BPF_PAIRS_H

#include <linux/bpf.h>
#include <linux/errno.h>

#include <bpf/bpf_helpers.h>

#include "bpf_counts.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct bpf_config));
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct bpf_counts));
} counts SEC(".maps");

struct pairs {
	struct bpf_counts *counts;
	void *data;
	__u64 key; /* of the first element */
};

static __always_inline void count_alloc(struct pairs *p, long result)
{
	struct bpf_counts *c = p->counts;

	if (!result) {
		c->allocs++;
		c->made++;
	} else if (result == -ENOMEM) {
		c->nomem++;
	} else if (result == -E2BIG) {
		c->full++;
	} else if (result == -EBUSY) {
		c->busy++;
	} else {
		c->other++;
		c->last_error = result;
	}
}

typedef long (*loop_fn)(__u32 i, struct pairs *p);

static __always_inline int measure(void *data, loop_fn alloc, loop_fn release)
{
	__u32 zero = 0;
	struct bpf_config *c = bpf_map_lookup_elem(&config, &zero);
	struct bpf_counts *n = bpf_map_lookup_elem(&counts, &zero);
	struct pairs p = {n, data, (__u64)bpf_get_smp_processor_id() << 32};
	__u64 begin, middle;

	if (!c || !n)
		return 0;
	n->made = 0;
	begin = bpf_ktime_get_ns();
	bpf_loop((__u32)c->batch, alloc, &p, 0);
	middle = bpf_ktime_get_ns();
	if (release) {
		bpf_loop((__u32)n->made, release, &p, 0);
		n->free_ns += bpf_ktime_get_ns() - middle;
	}
	n->alloc_ns += middle - begin;
	n->runs++;
	return 0;
}

char gpl[] SEC("license") = "GPL";

#endif
