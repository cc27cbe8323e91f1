/*
 * Pages of a BPF arena: the map has to be made here, because older versions of
 * libbpf know no arena.
 */
#include "../common/bpf_bench.h"
#include "../common/crew.h"

#include <bpf/bpf.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Younger than the header that this is compiled with. */
#define MAP_TYPE_ARENA 33
/* Where programs of user space would have it; the kernel wants to know. */
#define ARENA_ADDRESS (1ULL << 44)
#define ARENA_PAGES 4096

static void make_arena(struct bench *b)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE,
		    .map_extra = ARENA_ADDRESS);
	int fd = bpf_map_create((enum bpf_map_type)MAP_TYPE_ARENA, "arena", 0,
				0, ARENA_PAGES, &opts);

	if (fd < 0)
		die("this kernel makes no arena: %s", strerror(errno));
	if (bpf_map__reuse_fd(bench_map(b, "arena"), fd))
		die("cannot take the arena: %s", strerror(errno));
	close(fd);
}

int main(int argc, char **argv)
{
	struct bench b;

	bench_options(&b, argc, argv);
	bench_open(&b, "/bin/bpf-arena.bpf.o");
	make_arena(&b);
	bench_load(&b);
	bench_run(&b);
	return 0;
}
