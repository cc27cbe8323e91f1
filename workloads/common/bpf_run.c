/*
 * The main program of workloads whose BPF program needs no map to be set up:
 * NAME runs what is in /bin/NAME.bpf.o.
 */
#define _GNU_SOURCE
#include "bpf_bench.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	char path[256];
	struct bench b;

	bench_options(&b, argc, argv);
	snprintf(path, sizeof(path), "/bin/%s.bpf.o", basename(argv[0]));
	bench_open(&b, path);
	bench_load(&b);
	bench_run(&b);
	return 0;
}
