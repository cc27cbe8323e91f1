/*
 * How fast the console watch reads: console FILE MIB feeds the file's bytes
 * over and over, as many MiB as asked for, in pieces of 64 KiB, and prints
 * MB/s, the growth of the peak memory in KiB while it read, and what it found.
 */
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "console/console.h"

#include <sys/resource.h>
#include <time.h>

#define PIECE (64u << 10)
#define BLOCK (4u << 20) /* the file is repeated to at least this */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long peak_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void feed(struct console *c, const struct str *block, size_t bytes)
{
	for (size_t done = 0; done < bytes;)
		for (size_t at = 0; at < block->len && done < bytes;) {
			size_t n = block->len - at;

			if (n > PIECE)
				n = PIECE;
			console_feed(c, block->buf + at, n);
			at += n;
			done += n;
		}
}

static int load(const char *path, struct str *block, struct err *e)
{
	struct str file = STR_INIT;
	int r = file_read(path, 64u << 20, &file, e);

	if (!r && !file.len)
		r = err_user(e, "'%s' is empty", path);
	while (!r && block->len < BLOCK)
		str_add(block, file.buf, file.len);
	str_release(&file);
	return r;
}

int main(int argc, char **argv)
{
	const struct finding *list;
	struct str block = STR_INIT;
	long long mib = 0;
	struct console *c;
	struct err e;
	double start;
	long before;

	if (argc != 3 || !str_to_ll(argv[2], 1, 1 << 20, &mib)) {
		fprintf(stderr, "usage: console FILE MIB\n");
		return 2;
	}
	if (load(argv[1], &block, &e) || console_new(NULL, &c, &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 2;
	}
	before = peak_kib();
	start = seconds();
	feed(c, &block, (size_t)mib << 20);
	console_end(c);
	start = seconds() - start;
	printf("%.0f %ld %zu\n", (double)(mib << 20) / 1e6 / start,
	       peak_kib() - before, console_findings(c, &list));
	console_free(c);
	str_release(&block);
	return 0;
}
