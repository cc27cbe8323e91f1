/*
 * bzImage headers and payloads, vmlinux notes, and the store that takes both:
 * small images made here, then damaged in every way that came to mind.
 * Links runner/kernel/{bzimage,elf,image,manifest,store}.c and
 * runner/base/{err,file,str}.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/bzimage.h"
#include "kernel/elf.h"
#include "kernel/image.h"
#include "kernel/store.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define RELEASE "6.9.1-test+x"
#define BANNER RELEASE " (me@here) #1 SMP Mon"
#define VMLINUX_SIZE 70000

/* ---- images made for the test ---- */

/* A vmlinux in little: header, one note segment, a banner, filling. */
struct tiny_vmlinux {
	Elf64_Ehdr h;
	Elf64_Phdr p;
	struct {
		Elf64_Nhdr n;
		char name[4];
		uint32_t desc[2];
	} note[2];
	char banner[128];
};

static void make_vmlinux(struct str *out, bool pvh)
{
	struct tiny_vmlinux v = {0};
	char *filling = xcalloc(1, VMLINUX_SIZE);

	memcpy(v.h.e_ident, ELFMAG, SELFMAG);
	v.h.e_ident[EI_CLASS] = ELFCLASS64;
	v.h.e_ident[EI_DATA] = ELFDATA2LSB;
	v.h.e_machine = EM_X86_64;
	v.h.e_phoff = offsetof(struct tiny_vmlinux, p);
	v.h.e_phentsize = sizeof(v.p);
	v.h.e_phnum = 1;
	v.p.p_type = PT_NOTE;
	v.p.p_offset = offsetof(struct tiny_vmlinux, note);
	v.p.p_filesz = sizeof(v.note);
	for (int i = 0; i < 2; i++) {
		v.note[i].n = (Elf64_Nhdr){4, 8, pvh && i ? 18 : 6};
		memcpy(v.note[i].name, "Xen", 4);
	}
	snprintf(v.banner, sizeof(v.banner), "Linux version %s\n", BANNER);
	for (int i = 0; i < VMLINUX_SIZE; i++)
		filling[i] = (char)(i * 7 + i / 251);
	str_add(out, &v, sizeof(v));
	str_add(out, filling, VMLINUX_SIZE - sizeof(v));
	free(filling);
}

static la_ssize_t collect(struct archive *a, void *to, const void *data,
			  size_t n)
{
	(void)a;
	str_add(to, data, n);
	return (la_ssize_t)n;
}

static void put32(char *at, size_t v)
{
	for (int i = 0; i < 4; i++)
		at[i] = (char)(v >> 8 * i);
}

/* The lz4 of the kernel's build is the legacy format, which libarchive does not
 * write: one block of nothing but literals. */
static void store_as_lz4(const struct str *in, struct str *out)
{
	struct str block = STR_INIT;
	char head[8] = {0x02, 0x21, 0x4c, 0x18};
	size_t rest = in->len - 15;

	str_add(&block, "\xf0", 1);
	for (; rest >= 255; rest -= 255)
		str_add(&block, "\xff", 1);
	str_add(&block, &(uint8_t){(uint8_t)rest}, 1);
	str_add(&block, in->buf, in->len);
	put32(head + 4, block.len);
	str_add(out, head, sizeof(head));
	str_add(out, block.buf, block.len);
	str_release(&block);
}

static void compress_with(int filter, const struct str *in, struct str *out)
{
	struct archive *a;
	struct archive_entry *entry;

	if (filter == ARCHIVE_FILTER_LZ4) {
		store_as_lz4(in, out);
		return;
	}
	a = archive_write_new();
	entry = archive_entry_new();
	archive_write_set_format_raw(a);
	assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
	archive_write_set_bytes_per_block(a, 0);
	archive_write_open(a, out, NULL, collect, NULL);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_write_header(a, entry);
	archive_write_data(a, in->buf, in->len);
	archive_entry_free(entry);
	archive_write_free(a);
}

/* A bzImage of two setup sectors, with that payload and its size behind. */
static void make_bzimage(struct str *out, int filter, const struct str *vmlinux)
{
	struct str payload = STR_INIT;
	char setup[3 * 512] = {0}, size[4];

	compress_with(filter, vmlinux, &payload);
	put32(size, vmlinux->len);
	if (filter != ARCHIVE_FILTER_GZIP)
		str_add(&payload, size, 4);
	setup[0x1f1] = 2;
	setup[0x1fe] = 0x55;
	setup[0x1ff] = (char)0xaa;
	memcpy(setup + 0x202, "HdrS", 4);
	setup[0x206] = 0x0f;
	setup[0x207] = 0x02;
	setup[0x20f] = 0x02; /* 0x200: the string is at 0x400 */
	memcpy(setup + 0x400, BANNER "\x01hidden", sizeof(BANNER) + 7);
	put32(setup + 0x248, 64);
	put32(setup + 0x24c, payload.len);
	str_add(out, setup, sizeof(setup));
	str_add(out, setup + 0x100, 64);
	str_add(out, payload.buf, payload.len);
	str_release(&payload);
}

static void make_plain(struct str *out)
{
	struct str vmlinux = STR_INIT;

	make_vmlinux(&vmlinux, true);
	make_bzimage(out, ARCHIVE_FILTER_ZSTD, &vmlinux);
	str_release(&vmlinux);
}

/* Parses and unpacks a copy of exactly that size. */
static int try_image(const char *data, size_t len, struct err *e)
{
	char *copy = xcalloc(1, len);
	struct bzimage b;
	int fd = memfd_create("out", MFD_CLOEXEC), r;

	memcpy(copy, data, len);
	r = bzimage_parse(copy, len, &b, e);
	if (!r && b.payload_len)
		r = bzimage_extract(copy, len, &b, fd, e);
	close(fd);
	free(copy);
	return r;
}

/* ---- headers and payloads ---- */

static void test_formats(void **state)
{
	static const int filters[] = {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_BZIP2,
				      ARCHIVE_FILTER_XZ,   ARCHIVE_FILTER_LZMA,
				      ARCHIVE_FILTER_LZ4,  ARCHIVE_FILTER_ZSTD};
	struct str vmlinux = STR_INIT;

	(void)state;
	make_vmlinux(&vmlinux, true);
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		struct str image = STR_INIT;
		struct bzimage b;
		struct err e = {0};
		int fd = memfd_create("out", MFD_CLOEXEC);
		char *back = xcalloc(1, vmlinux.len);

		make_bzimage(&image, filters[i], &vmlinux);
		assert_true(bzimage_is(image.buf, image.len));
		if (bzimage_parse(image.buf, image.len, &b, &e) ||
		    bzimage_extract(image.buf, image.len, &b, fd, &e))
			fail_msg("filter %d: %s", filters[i], e.text);
		assert_string_equal(b.release, RELEASE);
		assert_string_equal(b.banner, BANNER);
		assert_int_equal(pread(fd, back, vmlinux.len, 0), vmlinux.len);
		assert_memory_equal(back, vmlinux.buf, vmlinux.len);
		assert_true(elf_has_pvh(fd));
		free(back);
		close(fd);
		str_release(&image);
	}
	str_release(&vmlinux);
}

static void test_cut_anywhere(void **state)
{
	struct str image = STR_INIT;
	struct err e;

	(void)state;
	make_plain(&image);
	assert_int_equal(try_image(image.buf, image.len, &e), 0);
	for (size_t len = 0; len < image.len; len++) {
		if (!try_image(image.buf, len, &e))
			fail_msg("%zu of %zu bytes were enough", len,
				 image.len);
		assert_int_equal(e.kind, ERR_USER);
	}
	str_release(&image);
}

/* Any byte of the header may be anything: no crash, and no silent success with
 * another content. */
static void test_changed_header(void **state)
{
	struct str image = STR_INIT;
	struct err e;

	(void)state;
	make_plain(&image);
	for (size_t at = 0x1f0; at < 0x260; at++)
		for (int v = 0; v < 256; v += 15) {
			char was = image.buf[at];

			image.buf[at] = (char)v;
			try_image(image.buf, image.len, &e);
			image.buf[at] = was;
		}
	str_release(&image);
}

static void expect(const struct str *image, size_t at, uint32_t v,
		   const char *message)
{
	struct str copy = STR_INIT;
	struct err e = {0};

	str_add(&copy, image->buf, image->len);
	put32(copy.buf + at, v);
	assert_int_not_equal(try_image(copy.buf, copy.len, &e), 0);
	if (!strstr(e.text, message))
		fail_msg("\"%s\" does not say \"%s\"", e.text, message);
	str_release(&copy);
}

static void test_messages(void **state)
{
	struct str image = STR_INIT;

	(void)state;
	make_plain(&image);
	expect(&image, 0x202, 0, "not a bzImage");
	expect(&image, 0x20e, 0, "no version string");
	expect(&image, 0x20e, 0xffff, "version string is damaged");
	expect(&image, 0x400, 0x01010101, "version string is damaged");
	expect(&image, 0x248, 0xffffffff, "truncated");
	expect(&image, 0x24c, 0xfffffff0, "truncated");
	expect(&image, 0x24c, 4, "format");
	expect(&image, 1536 + 64, 0x01020304, "format");
	expect(&image, image.len - 4, 0x7fffffff, "too large");
	expect(&image, image.len - 4, VMLINUX_SIZE - 1, "longer");
	expect(&image, image.len - 4, VMLINUX_SIZE + 1, "shorter");
	str_release(&image);
}

static void test_banner(void **state)
{
	char release[RELEASE_MAX], banner[BANNER_MAX], *longest;

	(void)state;
	assert_false(banner_parse("", 0, release, banner));
	assert_false(banner_parse("6.1", 3, release, banner));
	assert_false(banner_parse("x.1 ", 4, release, banner));
	assert_false(banner_parse("6/../1 x", 8, release, banner));
	assert_true(banner_parse("6.1 a\033[31mb", 11, release, banner));
	assert_string_equal(banner, "6.1 a");
	longest = xcalloc(1, 4096);
	memset(longest, '1', 4096);
	assert_false(banner_parse(longest, 4096, release, banner));
	longest[RELEASE_MAX - 1] = ' ';
	assert_true(banner_parse(longest, 4096, release, banner));
	assert_int_equal(strlen(release), RELEASE_MAX - 1);
	assert_int_equal(strlen(banner), BANNER_MAX - 1);
	free(longest);
}

/* ---- vmlinux ---- */

static int fd_of(const struct str *data)
{
	int fd = memfd_create("in", MFD_CLOEXEC);

	assert_int_equal(write(fd, data->buf, data->len), data->len);
	return fd;
}

static void test_vmlinux(void **state)
{
	char release[RELEASE_MAX], banner[BANNER_MAX];
	struct str with = STR_INIT, without = STR_INIT;
	struct err e;
	int a, b;

	(void)state;
	make_vmlinux(&with, true);
	make_vmlinux(&without, false);
	a = fd_of(&with);
	b = fd_of(&without);
	assert_true(elf_is_x86_64(a));
	assert_true(elf_has_pvh(a));
	assert_true(elf_is_x86_64(b));
	assert_false(elf_has_pvh(b));
	assert_int_equal(elf_banner(b, release, banner, &e), 0);
	assert_string_equal(release, RELEASE);
	assert_string_equal(banner, BANNER);
	close(a);
	close(b);
	str_release(&with);
	str_release(&without);
}

/* The banner may lie across any border of what is read at a time. */
static void test_banner_far_inside(void **state)
{
	static const char text[] = "Linux version 6.1.2 (x)";
	char release[RELEASE_MAX], banner[BANNER_MAX];
	struct err e;

	(void)state;
	for (off_t at = (1 << 20) - 40; at < (1 << 20) + 4; at++) {
		int fd = memfd_create("in", MFD_CLOEXEC);

		assert_int_equal(pwrite(fd, text, sizeof(text), at),
				 sizeof(text));
		assert_int_equal(ftruncate(fd, 3 << 20), 0);
		assert_int_equal(elf_banner(fd, release, banner, &e), 0);
		assert_string_equal(banner, text + 14);
		close(fd);
	}
}

static void test_changed_elf(void **state)
{
	struct str v = STR_INIT;

	(void)state;
	make_vmlinux(&v, true);
	v.len = 400;
	for (size_t at = 0; at < 180; at++)
		for (int value = 0; value < 256; value += 17) {
			char was = v.buf[at];
			int fd;

			v.buf[at] = (char)value;
			fd = fd_of(&v);
			elf_has_pvh(fd);
			close(fd);
			v.buf[at] = was;
		}
	str_release(&v);
}

/* ---- the store ---- */

struct lab {
	char dir[32], *image, *config, *map;
};

static int setup(void **state)
{
	struct lab *l = xcalloc(1, sizeof(*l));

	memcpy(l->dir, "/tmp/klab-test.XXXXXX", 22);
	if (!mkdtemp(l->dir))
		return -1;
	l->image = xasprintf("%s/image", l->dir);
	l->config = xasprintf("%s/config", l->dir);
	l->map = xasprintf("%s/map", l->dir);
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct lab *l = *state;
	struct err e;

	file_remove(l->dir, &e);
	free(l->image);
	free(l->config);
	free(l->map);
	free(l);
	return 0;
}

static void put(const char *path, const char *data, size_t len)
{
	struct err e;

	assert_int_equal(file_write(path, data, len, &e), 0);
}

static int count_kernels(const struct lab *l)
{
	char *path = xasprintf("%s/kernels", l->dir);
	DIR *d = opendir(path);
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	free(path);
	return n - 2;
}

static void test_store_bzimage(void **state)
{
	static const char config[] = "CONFIG_PVH=y\n";
	static const char stub[] = "ffffffffffffffff B it is elsewhere\n";
	struct lab *l = *state;
	struct image_request rq = {l->image, l->config, l->map};
	struct kernel k = {0}, same = {0}, other = {0};
	struct str image = STR_INIT;
	struct err e;

	make_plain(&image);
	put(l->image, image.buf, image.len);
	put(l->config, config, strlen(config));
	put(l->map, stub, strlen(stub));
	assert_int_equal(image_kernel(l->dir, &rq, &k, &e), 0);
	assert_true(k.pvh);
	assert_true(str_ends(k.boot_path, "/vmlinux"));
	assert_string_equal(k.release, RELEASE);
	assert_string_equal(k.source, "image");
	assert_null(k.package);
	assert_null(k.map_path);
	assert_true(file_exists(k.config_path));

	assert_int_equal(image_kernel(l->dir, &rq, &same, &e), 0);
	assert_string_equal(same.key, k.key);
	assert_int_equal(count_kernels(l), 1);

	rq.config = NULL;
	assert_int_equal(image_kernel(l->dir, &rq, &other, &e), 0);
	assert_string_not_equal(other.key, k.key);
	assert_null(other.config_path);
	assert_int_equal(count_kernels(l), 2);
	kernel_release(&k);
	kernel_release(&same);
	kernel_release(&other);
	str_release(&image);
}

static void test_store_vmlinux(void **state)
{
	static const char map[] = "ffffffff81000000 T _text\n";
	struct lab *l = *state;
	struct image_request rq = {l->image, NULL, l->map};
	struct kernel k = {0};
	struct str v = STR_INIT;
	struct err e;

	make_vmlinux(&v, true);
	put(l->image, v.buf, v.len);
	put(l->map, map, strlen(map));
	assert_int_equal(image_kernel(l->dir, &rq, &k, &e), 0);
	assert_true(k.pvh);
	assert_true(file_exists(k.boot_path));
	assert_true(file_exists(k.map_path));
	kernel_release(&k);
	str_release(&v);
}

static void test_store_refuses(void **state)
{
	struct lab *l = *state;
	struct image_request rq = {l->image, NULL, NULL};
	struct kernel k = {0};
	struct str v = STR_INIT;
	struct err e;

	assert_int_not_equal(image_kernel(l->dir, &rq, &k, &e), 0);
	assert_non_null(strstr(e.text, "No such file"));
	put(l->image, "", 0);
	assert_int_not_equal(image_kernel(l->dir, &rq, &k, &e), 0);
	assert_non_null(strstr(e.text, "empty"));
	make_vmlinux(&v, false);
	put(l->image, v.buf, v.len);
	assert_int_not_equal(image_kernel(l->dir, &rq, &k, &e), 0);
	assert_int_equal(e.kind, ERR_USER);
	assert_non_null(strstr(e.text, "CONFIG_PVH"));
	rq.path = l->dir;
	assert_int_not_equal(image_kernel(l->dir, &rq, &k, &e), 0);
	assert_non_null(strstr(e.text, "not a file"));
	assert_int_equal(count_kernels(l), 0);
	str_release(&v);
}

static void test_store_find(void **state)
{
	struct lab *l = *state;
	struct kernel k = {0};
	struct err e;

	assert_int_equal(kernel_store_find(l->dir, "0123456789abcdef", &k, &e),
			 -ENOENT);
	assert_int_not_equal(kernel_store_find(l->dir, "../../etc", &k, &e), 0);
	assert_int_equal(e.kind, ERR_USER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_changed_header),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_banner),
		cmocka_unit_test(test_vmlinux),
		cmocka_unit_test(test_banner_far_inside),
		cmocka_unit_test(test_changed_elf),
		cmocka_unit_test_setup_teardown(test_store_bzimage, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_store_vmlinux, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_store_refuses, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_store_find, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
