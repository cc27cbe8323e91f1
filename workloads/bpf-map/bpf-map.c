/*
 * A BPF hash map, preallocated or not: what updates and deletes cost in the
 * context of a tracepoint, a kprobe or a perf event, how often they fail, and
 * how much memory the map takes.
 */
#define _GNU_SOURCE
#include "../common/bpf_bench.h"
#include "../common/crew.h"

#include <bpf/bpf.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static __u32 flags_of(const struct bench *b)
{
	if (!strcmp(b->kind, "prealloc"))
		return 0;
	if (!strcmp(b->kind, "no-prealloc"))
		return BPF_F_NO_PREALLOC;
	die("'%s' is neither prealloc nor no-prealloc", b->kind);
}

/* The number behind `name` in a file of lines "name: number". */
static long long number_in(const char *path, const char *name)
{
	FILE *f = fopen(path, "re");
	char line[256];
	long long n = -1;
	size_t len = strlen(name);

	if (!f)
		die("cannot read '%s': %s", path, strerror(errno));
	while (n < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ':')
			n = strtoll(line + len + 1, NULL, 10);
	fclose(f);
	if (n < 0)
		die("'%s' has no line '%s'", path, name);
	return n;
}

static long long memlock(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return number_in(path, "memlock");
}

/* What the kernel holds in slab objects, for each CPU, and in vmalloc's area,
 * after the counters of all CPUs were added up. */
static long long held(void)
{
	static const char meminfo[] = "/proc/meminfo";
	int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1", 1) != 1)
		die("cannot write /proc/sys/vm/stat_refresh: %s",
		    strerror(errno));
	close(fd);
	return 1024 * (number_in(meminfo, "SUnreclaim") +
		       number_in(meminfo, "Percpu") +
		       number_in(meminfo, "VmallocUsed"));
}

static void fill(int fd, const struct bench *b, unsigned n)
{
	char *value = calloc(1, b->value_size);

	for (__u64 key = 0; key < n; key++)
		if (bpf_map_update_elem(fd, &key, value, BPF_ANY))
			die("element %llu of %u: %s", key, n, strerror(errno));
	free(value);
}

/* On a map of the same kind that no program uses. */
static void print_memory(const struct bench *b)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags_of(b));
	long long before, empty, tenth;
	int fd;

	/* What reading and filling once takes is not the map's. */
	held();
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "warm", sizeof(__u64),
			    b->value_size, b->entries, &opts);
	if (fd >= 0)
		close(fd);
	usleep(50000); /* the map goes after a grace period */
	before = held();
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "memory", sizeof(__u64),
			    b->value_size, b->entries, &opts);
	if (fd < 0)
		die("cannot create the map: %s", strerror(errno));
	empty = held() - before;
	printf("memlock_empty %lld bytes\n", memlock(fd));
	fill(fd, b, b->entries / 10);
	tenth = held() - before;
	printf("memlock_tenth %lld bytes\n", memlock(fd));
	close(fd);
	if (empty < 0 || tenth < 0)
		die("memory: %lld bytes empty, %lld with elements", empty,
		    tenth);
	printf("held_empty %lld bytes\nheld_tenth %lld bytes\n", empty, tenth);
}

int main(int argc, char **argv)
{
	struct bench b;
	struct bpf_map *table;

	bench_options(&b, argc, argv);
	bench_open(&b, "/bin/bpf-map.bpf.o");
	table = bench_map(&b, "table");
	if (bpf_map__set_map_flags(table, flags_of(&b)) ||
	    bpf_map__set_max_entries(table, b.entries) ||
	    bpf_map__set_value_size(table, b.value_size))
		die("cannot set up the map");
	bench_load(&b);
	bench_run(&b);
	print_memory(&b);
	return 0;
}
