/*
 * Puts `batch` elements into a hash map and takes them out again.  The loader
 * sets the map's size, the size of its values and whether it is preallocated.
 */
#include "../common/bpf_pairs.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u64));
	__uint(value_size, VALUE_MAX);
} table SEC(".maps");

/* Where values are copied from. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, VALUE_MAX);
} values SEC(".maps");

static long put_in(__u32 i, struct pairs *p)
{
	__u64 key = p->key + p->counts->made;

	count_alloc(p, bpf_map_update_elem(&table, &key, p->data, BPF_ANY));
	return 0;
}

static long take_out(__u32 i, struct pairs *p)
{
	__u64 key = p->key + i;

	if (bpf_map_delete_elem(&table, &key))
		p->counts->not_freed++;
	else
		p->counts->frees++;
	return 0;
}

static __always_inline int update_and_delete(void)
{
	__u32 zero = 0;
	void *value = bpf_map_lookup_elem(&values, &zero);

	return value ? measure(value, put_in, take_out) : 0;
}

SEC("tracepoint/syscalls/sys_enter_getppid")
int on_tracepoint(void *ctx)
{
	return update_and_delete();
}

SEC("kprobe/__x64_sys_getppid")
int on_kprobe(void *ctx)
{
	return update_and_delete();
}

SEC("perf_event")
int on_perf_event(void *ctx)
{
	return update_and_delete();
}
