#define _GNU_SOURCE
#include "bpf_bench.h"

#include "bpf_counts.h"
#include "crew.h"

#include <bpf/bpf.h>

#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const contexts[] = {
	[CONTEXT_TRACEPOINT] = "tracepoint",
	[CONTEXT_KPROBE] = "kprobe",
	[CONTEXT_PERF_EVENT] = "perf-event",
	[CONTEXT_TEST_RUN] = "test-run",
};
enum { NCONTEXTS = sizeof(contexts) / sizeof(*contexts) };

/* The crew's function is handed a worker and nothing else. */
static struct bench *running;

static void parse_context(struct bench *b, const char *word)
{
	for (int i = 0; i < NCONTEXTS; i++)
		if (!strcmp(word, contexts[i])) {
			b->context = (enum context)i;
			b->context_word = contexts[i];
			return;
		}
	die("'%s' is no context", word);
}

void bench_options(struct bench *b, int argc, char **argv)
{
	int c;

	*b = (struct bench){.runs = 1000,
			    .warm = 100,
			    .batch = 32,
			    .workers = 1,
			    .period_us = 200,
			    .entries = 10000,
			    .value_size = 64};
	while ((c = getopt(argc, argv, "n:u:b:w:p:e:v:")) != -1) {
		if (c == 'n')
			b->runs = parse_number(optarg, "runs", 1, 1000000000);
		else if (c == 'u')
			b->warm = parse_number(optarg, "warm", 1, 1000000);
		else if (c == 'b')
			b->batch = parse_number(optarg, "batch", 1, BATCH_MAX);
		else if (c == 'w')
			b->workers = parse_number(optarg, "workers", 1, 256);
		else if (c == 'p')
			b->period_us =
				parse_number(optarg, "period", 20, 1000000);
		else if (c == 'e')
			b->entries =
				parse_number(optarg, "entries", 1, 100000000);
		else if (c == 'v')
			b->value_size =
				parse_number(optarg, "value", 8, VALUE_MAX);
		else
			exit(1);
	}
	if (argc - optind != 1 && argc - optind != 2)
		die("usage: %s [-n RUNS] [-u WARM] [-b BATCH] [-w WORKERS] "
		    "[-p US] [-e ENTRIES] [-v BYTES] CONTEXT [KIND]",
		    argv[0]);
	parse_context(b, argv[optind]);
	b->kind = argc - optind == 2 ? argv[optind + 1] : "";
}

void bench_open(struct bench *b, const char *path)
{
	static const char *const names[] = {
		[CONTEXT_TRACEPOINT] = "on_tracepoint",
		[CONTEXT_KPROBE] = "on_kprobe",
		[CONTEXT_PERF_EVENT] = "on_perf_event",
		[CONTEXT_TEST_RUN] = "on_test_run",
	};
	const char *name = names[b->context];
	struct bpf_program *p;

	b->object = bpf_object__open_file(path, NULL);
	if (!b->object)
		die("cannot open '%s': %s", path, strerror(errno));
	bpf_object__for_each_program(p, b->object)
	{
		bool ours = !strcmp(bpf_program__name(p), name);

		bpf_program__set_autoload(p, ours);
		if (ours)
			b->program = p;
	}
	if (!b->program)
		die("'%s' has no program '%s'", path, name);
}

struct bpf_map *bench_map(struct bench *b, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(b->object, name);

	if (!map)
		die("there is no map '%s'", name);
	return map;
}

void bench_load(struct bench *b)
{
	struct bpf_config config = {.batch = b->batch};
	__u32 zero = 0;
	int r = bpf_object__load(b->object);

	if (r)
		die("cannot load the BPF program: %s", strerror(-r));
	r = bpf_map__update_elem(bench_map(b, "config"), &zero, sizeof(zero),
				 &config, sizeof(config), BPF_ANY);
	if (r)
		die("cannot write the map 'config': %s", strerror(-r));
}

static void clear_counts(struct bench *b)
{
	size_t n = (size_t)libbpf_num_possible_cpus();
	struct bpf_counts *c = calloc(n, sizeof(*c));
	__u32 zero = 0;
	int r;

	r = bpf_map__update_elem(bench_map(b, "counts"), &zero, sizeof(zero), c,
				 n * sizeof(*c), BPF_ANY);
	free(c);
	if (r)
		die("cannot clear the map 'counts': %s", strerror(-r));
}

/* Its fields are numbers of 64 bits and nothing else. */
static struct bpf_counts read_counts(struct bench *b)
{
	enum { FIELDS = sizeof(struct bpf_counts) / sizeof(__u64) };
	size_t n = (size_t)libbpf_num_possible_cpus();
	struct bpf_counts *c = calloc(n, sizeof(*c)), sum = {0};
	__u64 one[FIELDS], all[FIELDS] = {0};
	__u32 zero = 0;
	int r;

	r = bpf_map__lookup_elem(bench_map(b, "counts"), &zero, sizeof(zero), c,
				 n * sizeof(*c), 0);
	if (r)
		die("cannot read the map 'counts': %s", strerror(-r));
	for (size_t i = 0; i < n; i++) {
		memcpy(one, &c[i], sizeof(one));
		for (int f = 0; f < FIELDS; f++)
			all[f] += one[f];
		if (c[i].other)
			sum.last_error = c[i].last_error;
	}
	all[FIELDS - 1] = (__u64)sum.last_error;
	memcpy(&sum, all, sizeof(sum));
	free(c);
	return sum;
}

/* An event of the calling thread, running from now on. */
static int open_event(struct bench *b)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
		.sample_period = (__u64)b->period_us * 1000,
		.disabled = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1,
			      PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		die("no cpu-clock event: %s", strerror(errno));
	if (!bpf_program__attach_perf_event(b->program, fd))
		die("cannot attach to the cpu-clock event: %s",
		    strerror(errno));
	return fd;
}

static void switch_event(int fd, unsigned long request)
{
	if (ioctl(fd, request, 0))
		die("cannot switch the cpu-clock event: %s", strerror(errno));
}

static void test_run(struct bench *b)
{
	bool packet = bpf_program__type(b->program) == BPF_PROG_TYPE_SCHED_CLS;
	char data[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int r;

	if (packet) {
		opts.data_in = data;
		opts.data_size_in = sizeof(data);
		opts.repeat = 1;
	}
	r = bpf_prog_test_run_opts(bpf_program__fd(b->program), &opts);
	if (r)
		die("BPF_PROG_TEST_RUN: %s", strerror(-r));
}

/* The cpu-clock event comes by itself, once in a period. */
static void have_it_run(struct bench *b, unsigned runs)
{
	uint64_t end = clock_ns() + (uint64_t)runs * b->period_us * 1000;

	if (b->context == CONTEXT_PERF_EVENT) {
		while (clock_ns() < end)
			;
		return;
	}
	for (unsigned i = 0; i < runs; i++)
		if (b->context == CONTEXT_TEST_RUN)
			test_run(b);
		else
			syscall(SYS_getppid);
}

static void work(struct worker *w)
{
	struct bench *b = running;
	bool events = b->context == CONTEXT_PERF_EVENT;
	int fd = events ? open_event(b) : -1;

	have_it_run(b, b->warm);
	if (events)
		switch_event(fd, PERF_EVENT_IOC_DISABLE);
	crew_meet(w);
	if (!w->index)
		clear_counts(b);
	crew_start(w);
	if (events)
		switch_event(fd, PERF_EVENT_IOC_ENABLE);
	have_it_run(b, b->runs);
	if (events)
		switch_event(fd, PERF_EVENT_IOC_DISABLE);
	crew_stop(w);
	w->count = b->runs;
}

static void print_counts(const struct bench *b, const struct bpf_counts *c,
			 uint64_t elapsed_ns)
{
	__u64 tries = c->allocs + c->nomem + c->full + c->busy + c->other;
	double inside = (double)(c->alloc_ns + c->free_ns);

	printf("context %s%s%s\n", b->context_word, *b->kind ? " " : "",
	       b->kind);
	printf("runs %llu\n", c->runs);
	printf("allocs %llu done\nfrees %llu done\nnot_freed %llu left\n",
	       c->allocs, c->frees, c->not_freed);
	printf("nomem %llu times\nfull %llu times\nbusy %llu times\n"
	       "other %llu times\n",
	       c->nomem, c->full, c->busy, c->other);
	if (c->other)
		printf("last_error %lld\n", c->last_error);
	if (!tries || !inside)
		die("the BPF program tried to allocate nothing");
	printf("failed %.4f percent\n",
	       100.0 * (double)(tries - c->allocs) / (double)tries);
	printf("rate %.1f per second\n",
	       (double)(c->allocs + c->frees) * 1e9 / inside);
	printf("elapsed %" PRIu64 " ns\n", elapsed_ns);
	if (!c->frees)
		return;
	printf("pair %.3f ns\n", inside / (double)c->frees);
	if (c->free_ns) {
		printf("alloc %.3f ns\n", (double)c->alloc_ns / (double)tries);
		printf("free %.3f ns\n", (double)c->free_ns / (double)c->frees);
	}
	if (b->context != CONTEXT_PERF_EVENT)
		printf("outer %.3f ns\n",
		       (double)elapsed_ns * b->workers / (double)c->frees);
}

/* Where the kernel can do nothing else (BPF_JIT_ALWAYS_ON) it is 1, too. */
static void print_jit(void)
{
	FILE *f = fopen("/proc/sys/net/core/bpf_jit_enable", "re");
	int c = f ? fgetc(f) : EOF;

	if (f)
		fclose(f);
	printf("jit %s\n", c == EOF ? "unknown" : c == '0' ? "off" : "on");
}

void bench_run(struct bench *b)
{
	struct bpf_counts counts;
	struct crew_result r;

	if (b->workers > crew_cpus())
		die("%u workers on %u CPUs", b->workers, crew_cpus());
	/* Mounted already, or not there: attaching says so. */
	mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	if ((b->context == CONTEXT_TRACEPOINT ||
	     b->context == CONTEXT_KPROBE) &&
	    !bpf_program__attach(b->program))
		die("cannot attach to the %s: %s", b->context_word,
		    strerror(errno));
	running = b;
	r = crew_run(b->workers, CREW_THREADS, work);
	counts = read_counts(b);
	if (!counts.runs)
		die("the BPF program never ran");
	if (b->context != CONTEXT_PERF_EVENT &&
	    counts.runs != (__u64)b->runs * b->workers)
		die("the BPF program ran %llu times, not %llu", counts.runs,
		    (__u64)b->runs * b->workers);
	print_jit();
	print_counts(b, &counts, r.elapsed_ns);
}
