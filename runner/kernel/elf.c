#include "kernel/elf.h"

#include "base/err.h"
#include "base/str.h"

#include <elf.h>
#include <errno.h>
#include <unistd.h>

#define MAX_SEGMENTS 64
#define NOTES_CAP (64u << 10)
#define XEN_ELFNOTE_PHYS32_ENTRY 18

static bool read_at(int fd, void *buf, size_t len, uint64_t at)
{
	return at <= INT64_MAX &&
	       pread(fd, buf, len, (off_t)at) == (ssize_t)len;
}

static bool read_header(int fd, Elf64_Ehdr *h)
{
	return read_at(fd, h, sizeof(*h), 0) &&
	       !memcmp(h->e_ident, ELFMAG, SELFMAG) &&
	       h->e_ident[EI_CLASS] == ELFCLASS64 &&
	       h->e_ident[EI_DATA] == ELFDATA2LSB && h->e_machine == EM_X86_64;
}

bool elf_is_x86_64(int fd)
{
	Elf64_Ehdr h;

	return read_header(fd, &h);
}

static size_t aligned(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static bool notes_have_pvh(const char *notes, size_t len)
{
	Elf64_Nhdr n;

	while (len >= sizeof(n)) {
		size_t size;

		memcpy(&n, notes, sizeof(n));
		size = sizeof(n) + aligned(n.n_namesz) + aligned(n.n_descsz);
		if (n.n_namesz > len || n.n_descsz > len || size > len)
			return false;
		if (n.n_type == XEN_ELFNOTE_PHYS32_ENTRY && n.n_namesz == 4 &&
		    n.n_descsz >= 4 && !memcmp(notes + sizeof(n), "Xen", 4))
			return true;
		notes += size;
		len -= size;
	}
	return false;
}

static bool segment_has_pvh(int fd, const Elf64_Phdr *p)
{
	size_t len = p->p_filesz < NOTES_CAP ? p->p_filesz : NOTES_CAP;
	char *notes = xcalloc(1, len);
	bool found = read_at(fd, notes, len, p->p_offset) &&
		     notes_have_pvh(notes, len);

	free(notes);
	return found;
}

bool elf_has_pvh(int fd)
{
	Elf64_Ehdr h;
	Elf64_Phdr p;

	if (!read_header(fd, &h) || h.e_phentsize != sizeof(p) ||
	    h.e_phnum > MAX_SEGMENTS)
		return false;
	for (unsigned int i = 0; i < h.e_phnum; i++) {
		if (h.e_phoff > INT64_MAX ||
		    !read_at(fd, &p, sizeof(p), h.e_phoff + i * sizeof(p)))
			return false;
		if (p.p_type == PT_NOTE && segment_has_pvh(fd, &p))
			return true;
	}
	return false;
}

/* In a full window a banner near the end may be cut: the next one has it. */
static bool find_banner(const char *data, size_t len, bool full, char *release,
			char *banner)
{
	static const char mark[] = "Linux version ";
	const char *end = data + len;

	while ((data = memmem(data, (size_t)(end - data), mark,
			      sizeof(mark) - 1))) {
		data += sizeof(mark) - 1;
		if (full && end - data < BANNER_MAX)
			return false;
		if (banner_parse(data, (size_t)(end - data), release, banner))
			return true;
	}
	return false;
}

int elf_banner(int fd, char release[RELEASE_MAX], char banner[BANNER_MAX],
	       struct err *e)
{
	enum { WINDOW = 1 << 20, OVERLAP = 2 * BANNER_MAX };
	char *window = xcalloc(1, WINDOW);
	ssize_t n;
	int r = -ENOENT;

	for (off_t at = 0;; at += WINDOW - OVERLAP) {
		n = pread(fd, window, WINDOW, at);
		if (n <= 0)
			break;
		if (find_banner(window, (size_t)n, n == WINDOW, release,
				banner)) {
			r = 0;
			break;
		}
	}
	if (r && n < 0)
		r = err_sys(e, errno, "cannot read the vmlinux");
	else if (r)
		r = err_user(e, "no \"Linux version\" in it: not a vmlinux");
	free(window);
	return r;
}
