/*
 * memory_hotplug CYCLES FILL_MIB ONLINE: takes one block of memory offline and
 * brings it back, CYCLES times, and says how long each took.
 *
 * ONLINE is the word by which it comes back. With online_movable it comes to
 * ZONE_MOVABLE, from where user memory is taken first: the FILL_MIB that are
 * touched after that lie in the block, and the kernel has to move them away.
 */
#include "../common/hotplug.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCKS "/sys/devices/system/memory"
#define BLOCKS_MAX 4096

struct run {
	char state[64]; /* the block's file */
	const char *online;
	char *fill;
	size_t fill_size;
	struct times off, on;
	uint64_t refused;
};

/* The last block that lets itself be taken; it is offline then. */
static void find_block(char *path, size_t size)
{
	char word[32];

	for (int i = BLOCKS_MAX; i-- > 0;) {
		snprintf(path, size, BLOCKS "/memory%d/state", i);
		if (get_word(path, word, sizeof(word)) ||
		    strcmp(word, "online"))
			continue;
		if (!put_word(path, "offline"))
			return;
	}
	die(BLOCKS, "there is no block that can go offline");
}

static uint64_t block_mib(void)
{
	char word[32];

	if (get_word(BLOCKS "/block_size_bytes", word, sizeof(word)))
		die(BLOCKS "/block_size_bytes", "cannot be read");
	return strtoull(word, NULL, 16) >> 20;
}

/* Pages that the kernel has moved since it started; -1 if it does not say. */
static long long migrated(void)
{
	FILE *f = fopen("/proc/vmstat", "re");
	char line[128];
	long long n = -1;

	while (f && n < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "pgmigrate_success %lld", &n) != 1)
			n = -1;
	if (f)
		fclose(f);
	return n;
}

/* One word in each page, which has to be there when the page has moved. */
static void fill(struct run *r)
{
	r->fill = mmap(NULL, r->fill_size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->fill == MAP_FAILED)
		die("mmap", strerror(errno));
	madvise(r->fill, r->fill_size, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < r->fill_size; at += 4096)
		*(size_t *)(r->fill + at) = at ^ 0x5bd1e995;
}

static void check_and_drop(struct run *r)
{
	for (size_t at = 0; at < r->fill_size; at += 4096)
		if (*(size_t *)(r->fill + at) != (at ^ 0x5bd1e995))
			die("memory", "a page has lost its content");
	munmap(r->fill, r->fill_size);
}

/* The block is offline before and after it. */
static void cycle(struct run *r)
{
	insist(r->state, r->online, &r->on, &r->refused);
	if (r->fill_size)
		fill(r);
	insist(r->state, "offline", &r->off, &r->refused);
	if (r->fill_size)
		check_and_drop(r);
}

int main(int argc, char **argv)
{
	struct run r = {0};
	long cycles;
	long long moved;

	if (argc != 4)
		die("usage", "memory_hotplug CYCLES FILL_MIB ONLINE");
	cycles = number(argv[1], 1);
	r.fill_size = (size_t)number(argv[2], 0) << 20;
	r.online = argv[3];
	pin(0);
	find_block(r.state, sizeof(r.state));
	cycle(&r); /* the first is not measured */
	memset(&r.off, 0, sizeof(r.off));
	memset(&r.on, 0, sizeof(r.on));
	r.refused = 0;
	moved = migrated();
	for (long i = 0; i < cycles; i++)
		cycle(&r);
	if (moved >= 0)
		printf("migrated_pages %lld\n", (migrated() - moved) / cycles);
	printf("file %s\nblock_mib %" PRIu64 "\ncycles %ld\n"
	       "refused %" PRIu64 "\n",
	       r.state, block_mib(), cycles, r.refused);
	times_print("offline", &r.off);
	times_print("online", &r.on);
	insist(r.state, r.online, &r.on, &r.refused);
	return 0;
}
