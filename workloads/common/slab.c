#define _GNU_SOURCE
#include "slab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CACHES "/sys/kernel/slab"

/* The first number in CACHES/NAME/FILE; what follows it is per node. */
static bool number(int dir, const char *cache, const char *file, uint64_t *n)
{
	char path[512], text[64], *end;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", cache, file);
	fd = openat(dir, path, O_RDONLY);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return false;
	text[len] = '\0';
	errno = 0;
	*n = strtoull(text, &end, 10);
	return !errno && end != text;
}

static bool add_cache(int dir, const char *cache, struct slab_sum *sum)
{
	uint64_t objects, slabs, partial, order;

	if (!number(dir, cache, "objects", &objects) ||
	    !number(dir, cache, "slabs", &slabs) ||
	    !number(dir, cache, "partial", &partial) ||
	    !number(dir, cache, "order", &order) || order > 16)
		return false;
	sum->objects += objects;
	sum->slabs += slabs;
	sum->partial += partial;
	sum->bytes += slabs * ((uint64_t)getpagesize() << order);
	return true;
}

/* Caches that were merged into one are links to it. */
bool slab_read(struct slab_sum *sum)
{
	DIR *caches = opendir(CACHES);
	struct dirent *entry;
	struct stat st;
	bool good = true;

	memset(sum, 0, sizeof(*sum));
	if (!caches)
		return false;
	while (good && (entry = readdir(caches))) {
		if (entry->d_name[0] == '.' ||
		    fstatat(dirfd(caches), entry->d_name, &st,
			    AT_SYMLINK_NOFOLLOW) ||
		    !S_ISDIR(st.st_mode))
			continue;
		good = add_cache(dirfd(caches), entry->d_name, sum);
	}
	closedir(caches);
	return good && sum->slabs;
}

void slab_print(const char *when)
{
	struct slab_sum s;

	if (slab_read(&s))
		printf("slab %s: %llu objects, %llu slabs, %llu partial, "
		       "%llu bytes\n",
		       when, (unsigned long long)s.objects,
		       (unsigned long long)s.slabs,
		       (unsigned long long)s.partial,
		       (unsigned long long)s.bytes);
	else
		printf("slab %s: the kernel does not tell in " CACHES "\n",
		       when);
}

/* The global barrier waits for a grace period; callbacks come after it. */
void slab_settle(void)
{
	const struct timespec pause = {0, 20000000};

	for (int i = 0; i < 3; i++) {
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0);
		nanosleep(&pause, NULL);
	}
}
