/*
 * Gives the current task a storage and takes it away again, `batch` times.
 */
#include "../common/bpf_pairs.h"

struct value {
	__u64 words[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct value);
} storage SEC(".maps");

/* A task has one storage in a map, so each is taken away before the next: the
 * time of both counts as that of the allocation. */
static long make_storage(__u32 i, struct pairs *p)
{
	struct task_struct *t = bpf_get_current_task_btf();
	void *v = bpf_task_storage_get(&storage, t, NULL,
				       BPF_LOCAL_STORAGE_GET_F_CREATE);

	/* It does not say why not. */
	count_alloc(p, v ? 0 : -1);
	if (v && bpf_task_storage_delete(&storage, t))
		p->counts->not_freed++;
	else if (v)
		p->counts->frees++;
	return 0;
}

static __always_inline int task(void)
{
	return measure(NULL, make_storage, NULL);
}

SEC("tracepoint/syscalls/sys_enter_getppid")
int on_tracepoint(void *ctx)
{
	return task();
}

SEC("kprobe/__x64_sys_getppid")
int on_kprobe(void *ctx)
{
	return task();
}

SEC("perf_event")
int on_perf_event(void *ctx)
{
	return task();
}
