/*
 * Makes a timer in each of `batch` elements of an array, and takes them away
 * again.  None is started.
 */
#include "../common/bpf_pairs.h"

#define CLOCK_MONOTONIC 1

struct element {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BATCH_MAX);
	__type(key, __u32);
	__type(value, struct element);
} timers SEC(".maps");

static long make_timer(__u32 i, struct pairs *p)
{
	__u32 at = (__u32)p->counts->made;
	struct element *e = bpf_map_lookup_elem(&timers, &at);

	if (e)
		count_alloc(
			p, bpf_timer_init(&e->timer, &timers, CLOCK_MONOTONIC));
	return 0;
}

/* An element that is written anew loses its timer. */
static long drop_timer(__u32 i, struct pairs *p)
{
	struct element none = {};

	if (bpf_map_update_elem(&timers, &i, &none, BPF_ANY))
		p->counts->not_freed++;
	else
		p->counts->frees++;
	return 0;
}

SEC("tc")
int on_test_run(void *ctx)
{
	return measure(NULL, make_timer, drop_timer);
}
