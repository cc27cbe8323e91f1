/*
 * Feeds arbitrary bytes to what reads a kernel image.
 * Links runner/kernel/{bzimage,elf}.c and runner/base/{err,str,file}.c.
 *
 * With clang -fsanitize=fuzzer; elsewhere -DSTANDALONE gives a main() that runs
 * the files named on its command line, and changed copies of them.
 */
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/bzimage.h"
#include "kernel/elf.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_as_bzimage(const uint8_t *data, size_t len)
{
	struct bzimage b;
	struct err e;
	int out;

	if (bzimage_parse(data, len, &b, &e))
		return;
	if (!b.payload_len)
		return;
	out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	bzimage_extract(data, len, &b, out, &e);
	close(out);
}

static void read_as_elf(const uint8_t *data, size_t len)
{
	char release[RELEASE_MAX], banner[BANNER_MAX];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct err e;

	if (write(fd, data, len) == (ssize_t)len) {
		elf_is_x86_64(fd);
		elf_has_pvh(fd);
		elf_banner(fd, release, banner, &e);
	}
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	read_as_bzimage(data, len);
	read_as_elf(data, len);
	return 0;
}

#ifdef STANDALONE
/* Copies of exactly the size, so that a sanitizer sees each byte too far. */
static void run_copy(const uint8_t *data, size_t len, unsigned int seed)
{
	uint8_t *copy = xcalloc(1, len);
	size_t header = len < 4096 ? len : 4096;

	memcpy(copy, data, len);
	for (int i = 0; seed && len && i < 4; i++)
		copy[(size_t)rand_r(&seed) % (i < 3 ? header : len)] =
			(uint8_t)rand_r(&seed);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static int run_file(const char *path)
{
	struct str data = STR_INIT;
	struct err e;

	if (file_read(path, BZIMAGE_CAP, &data, &e)) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	for (unsigned int seed = 0; seed < 2000; seed++)
		run_copy((uint8_t *)data.buf, data.len, seed);
	str_release(&data);
	return 0;
}

int main(int argc, char **argv)
{
	int r = 0;

	for (int i = 1; i < argc; i++)
		r |= run_file(argv[i]);
	return r;
}
#endif
