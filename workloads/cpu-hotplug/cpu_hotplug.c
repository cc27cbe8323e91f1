/*
 * cpu_hotplug CYCLES CPU EXPEDITED: takes a CPU offline and brings it back,
 * CYCLES times, from CPU 0, and says how long each took. With EXPEDITED 1 the
 * kernel's RCU grace periods are the expedited ones meanwhile.
 */
#include "../common/hotplug.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define RCU "/sys/kernel/rcu_expedited"

struct run {
	char path[64]; /* the CPU's file */
	struct times off, on;
	uint64_t refused;
};

static void cycle(struct run *r)
{
	insist(r->path, "0", &r->off, &r->refused);
	insist(r->path, "1", &r->on, &r->refused);
}

static void find_cpu(struct run *r, long cpu)
{
	char word[8];

	snprintf(r->path, sizeof(r->path),
		 "/sys/devices/system/cpu/cpu%ld/online", cpu);
	if (get_word(r->path, word, sizeof(word)))
		die(r->path, "no such CPU, or it cannot be unplugged");
	if (strcmp(word, "1"))
		die(r->path, "the CPU is not online");
}

static void set_expedited(const char *word)
{
	int r = put_word(RCU, word);

	if (r)
		die(RCU, strerror(-r));
}

int main(int argc, char **argv)
{
	struct run r = {0};
	char before[8];
	bool expedited;
	long cycles;

	if (argc != 4)
		die("usage", "cpu_hotplug CYCLES CPU EXPEDITED");
	cycles = number(argv[1], 1);
	find_cpu(&r, number(argv[2], 1));
	expedited = number(argv[3], 0);
	pin(0);
	if (expedited && get_word(RCU, before, sizeof(before)))
		die(RCU, "cannot be read");
	if (expedited)
		set_expedited("1");
	cycle(&r); /* the first is not measured */
	memset(&r.off, 0, sizeof(r.off));
	memset(&r.on, 0, sizeof(r.on));
	r.refused = 0;
	for (long i = 0; i < cycles; i++)
		cycle(&r);
	if (expedited)
		set_expedited(before);
	printf("file %s\ncycles %ld\nrefused %" PRIu64 "\n", r.path, cycles,
	       r.refused);
	times_print("offline", &r.off);
	times_print("online", &r.on);
	return 0;
}
