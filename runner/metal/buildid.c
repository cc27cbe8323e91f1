#include "metal/buildid.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/bzimage.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOTES_CAP (64u << 10)
#define MAX_SEGMENTS 64

static size_t aligned(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static bool to_hex(const unsigned char *id, size_t len, char hex[BUILDID_HEX])
{
	if (!len || len * 2 >= BUILDID_HEX)
		return false;
	for (size_t i = 0; i < len; i++)
		snprintf(hex + i * 2, 3, "%02x", id[i]);
	return true;
}

bool buildid_of_notes(const void *notes, size_t len, char hex[BUILDID_HEX])
{
	const unsigned char *p = notes;
	Elf64_Nhdr n;

	while (len >= sizeof(n)) {
		size_t name, size;

		memcpy(&n, p, sizeof(n));
		name = sizeof(n) + aligned(n.n_namesz);
		size = name + aligned(n.n_descsz);
		if (n.n_namesz > len || n.n_descsz > len || size > len)
			return false;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 &&
		    !memcmp(p + sizeof(n), "GNU", 4))
			return to_hex(p + name, n.n_descsz, hex);
		p += size;
		len -= size;
	}
	return false;
}

static int digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

bool buildid_of_base64(const char *text, char hex[BUILDID_HEX])
{
	struct str notes = STR_INIT;
	uint32_t bits = 0;
	int have = 0;
	bool found;

	for (; digit(*text) >= 0 && notes.len < NOTES_CAP; text++) {
		unsigned char byte;

		bits = bits << 6 | (uint32_t)digit(*text);
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		byte = (unsigned char)(bits >> have);
		str_add(&notes, &byte, 1);
	}
	found = buildid_of_notes(notes.buf, notes.len, hex);
	str_release(&notes);
	return found;
}

static bool read_at(int fd, void *buf, size_t len, uint64_t at)
{
	return at <= INT64_MAX &&
	       pread(fd, buf, len, (off_t)at) == (ssize_t)len;
}

static bool of_segment(int fd, const Elf64_Phdr *p, char hex[BUILDID_HEX])
{
	size_t len = p->p_filesz < NOTES_CAP ? p->p_filesz : NOTES_CAP;
	char *notes = xcalloc(1, len + 1);
	bool found = read_at(fd, notes, len, p->p_offset) &&
		     buildid_of_notes(notes, len, hex);

	free(notes);
	return found;
}

static bool of_vmlinux(int fd, char hex[BUILDID_HEX])
{
	Elf64_Ehdr h;
	Elf64_Phdr p;

	if (!read_at(fd, &h, sizeof(h), 0) ||
	    memcmp(h.e_ident, ELFMAG, SELFMAG) ||
	    h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_phentsize != sizeof(p) ||
	    h.e_phnum > MAX_SEGMENTS || h.e_phoff > INT64_MAX)
		return false;
	for (unsigned int i = 0; i < h.e_phnum; i++) {
		if (!read_at(fd, &p, sizeof(p), h.e_phoff + i * sizeof(p)))
			return false;
		if (p.p_type == PT_NOTE && of_segment(fd, &p, hex))
			return true;
	}
	return false;
}

/* The vmlinux in a bzImage. */
static int unpacked(const struct str *image, int *fd, struct err *e)
{
	struct bzimage b;
	int r = bzimage_parse(image->buf, image->len, &b, e);

	*fd = -1;
	if (r)
		return r;
	*fd = memfd_create("vmlinux", MFD_CLOEXEC);
	if (*fd < 0)
		return err_sys(e, errno, "cannot make a file in memory");
	return bzimage_extract(image->buf, image->len, &b, *fd, e);
}

int buildid_of_image(const char *path, char hex[BUILDID_HEX], struct err *e)
{
	struct str image = STR_INIT;
	int fd = -1, r;

	r = file_read(path, BZIMAGE_CAP, &image, e);
	if (!r && bzimage_is(image.buf, image.len)) {
		r = unpacked(&image, &fd, e);
	} else if (!r) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		r = fd < 0 ? err_sys(e, errno, "cannot open '%s'", path) : 0;
	}
	if (!r && !of_vmlinux(fd, hex))
		r = err_lab(e, "it has no build id");
	if (r)
		err_prefix(e, "kernel '%s'", path);
	if (fd >= 0)
		close(fd);
	str_release(&image);
	return r;
}
