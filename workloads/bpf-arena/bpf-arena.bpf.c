/*
 * Allocates `batch` pages of an arena, one by one, and frees them.
 */
#include "../common/bpf_pairs.h"

/* BPF_MAP_TYPE_ARENA, which is made by the loader. */
struct {
	__uint(type, 33);
	__uint(max_entries, BATCH_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
} arena SEC(".maps");

/* Where its pages are: one element for each CPU. */
struct pages {
	__u64 at[BATCH_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct pages));
} pages SEC(".maps");

extern void *bpf_arena_alloc_pages(void *map, void *address, __u32 n, int node,
				   __u64 flags) __ksym __weak;
extern void bpf_arena_free_pages(void *map, void *address,
				 __u32 n) __ksym __weak;

/* Masked where the compiler cannot see that it need not be: the verifier asks
 * for it. */
static __always_inline __u64 *slot(__u32 i)
{
	__u32 zero = 0;
	struct pages *list = bpf_map_lookup_elem(&pages, &zero);

	asm volatile("" : "+r"(i));
	return list ? &list->at[i & (BATCH_MAX - 1)] : NULL;
}

static long make_page(__u32 i, struct pairs *p)
{
	void *page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
	__u64 *at = slot((__u32)p->counts->made);

	if (at)
		*at = (__u64)page;
	/* It does not say why not. */
	count_alloc(p, page ? 0 : -1);
	return 0;
}

static long drop_page(__u32 i, struct pairs *p)
{
	__u64 *at = slot(i);

	if (!at)
		return 0;
	bpf_arena_free_pages(&arena, (void *)*at, 1);
	p->counts->frees++;
	return 0;
}

SEC("syscall")
int on_test_run(void *ctx)
{
	return measure(NULL, make_page, drop_page);
}
