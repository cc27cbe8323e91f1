#include "kernel/exact.h"

#include "base/err.h"
#include "base/str.h"
#include "kernel/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define LOADED_CAP (1u << 30)

/* 100 ms of the APIC's timer at 1 GHz, divided by 16 as Linux has it, and of
 * the ACPI PM timer at 3.579545 MHz. */
#define APIC_COUNTS 6250000
#define PM_COUNTS 357954

/* A variable, what the file must have in it, and what comes in its place. */
struct preset {
	const char *name;
	int64_t was, is;
	uint64_t offset; /* in the file */
	uint64_t size;   /* 4 or 8 bytes; 0: not found */
};

/* The compiler leaves out the last one where no PM timer is built in. */
#define NEEDED 2

/* Where in the file the symbol's bytes are; false if they are in none. */
static bool locate(Elf *elf, const GElf_Sym *sym, uint64_t file_size,
		   struct preset *p)
{
	Elf_Scn *scn = elf_getscn(elf, sym->st_shndx);
	GElf_Shdr sh;

	if (!scn || !gelf_getshdr(scn, &sh) || sh.sh_type != SHT_PROGBITS ||
	    (sym->st_size != 4 && sym->st_size != 8) ||
	    sym->st_value < sh.sh_addr ||
	    sym->st_value - sh.sh_addr > sh.sh_size ||
	    sh.sh_size - (sym->st_value - sh.sh_addr) < sym->st_size)
		return false;
	p->offset = sh.sh_offset + (sym->st_value - sh.sh_addr);
	p->size = sym->st_size;
	return p->offset < file_size && file_size - p->offset >= p->size;
}

static bool find_in(Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh,
		    uint64_t file_size, struct preset *p, size_t n)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t left = n;

	if (!data || !sh->sh_entsize ||
	    sh->sh_size / sh->sh_entsize > INT32_MAX)
		return false;
	for (int i = 0; i < (int)(sh->sh_size / sh->sh_entsize) && left; i++) {
		const char *name;
		GElf_Sym sym;

		if (!gelf_getsym(data, i, &sym))
			return false;
		name = elf_strptr(elf, sh->sh_link, sym.st_name);
		for (size_t k = 0; name && k < n; k++) {
			if (p[k].size || strcmp(name, p[k].name))
				continue;
			if (!locate(elf, &sym, file_size, &p[k]))
				return false;
			left--;
		}
	}
	return n - left >= NEEDED && p[0].size && p[1].size;
}

static bool find_presets(Elf *elf, uint64_t file_size, struct preset *p,
			 size_t n)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB)
			return find_in(elf, scn, &sh, file_size, p, n);
	return false;
}

/* How much of the file is loaded: program headers and what they name. */
static uint64_t loaded_size(Elf *elf, uint64_t file_size)
{
	GElf_Ehdr header;
	uint64_t end = 0;
	size_t n;

	if (!gelf_getehdr(elf, &header) || elf_getphdrnum(elf, &n))
		return 0;
	end = header.e_phoff + n * sizeof(Elf64_Phdr);
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(elf, (int)i, &p) || p.p_offset > file_size ||
		    p.p_filesz > file_size - p.p_offset)
			return 0;
		if (p.p_offset + p.p_filesz > end)
			end = p.p_offset + p.p_filesz;
	}
	return end <= file_size && end <= LOADED_CAP ? end : 0;
}

/* Little endian, as the target is. */
static int64_t get(const unsigned char *at, uint64_t size)
{
	uint64_t v = 0;

	for (uint64_t i = 0; i < size; i++)
		v |= (uint64_t)at[i] << (8 * i);
	return size == 4 ? (int32_t)v : (int64_t)v;
}

static bool put_presets(unsigned char *image, uint64_t len,
			const struct preset *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i].offset > len || len - p[i].offset < p[i].size ||
		    get(image + p[i].offset, p[i].size) != p[i].was)
			return false;
	for (size_t i = 0; i < n; i++)
		for (uint64_t k = 0; k < p[i].size; k++)
			image[p[i].offset + k] =
				(unsigned char)((uint64_t)p[i].is >> (8 * k));
	return true;
}

static int write_copy(const char *to, const unsigned char *image, size_t len,
		      struct err *e)
{
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666), r = 0;

	if (fd < 0)
		return err_sys(e, errno, "cannot create '%s'", to);
	for (size_t done = 0; !r && done < len;) {
		ssize_t n = write(fd, image + done, len - done);

		if (n < 0)
			r = err_sys(e, errno, "cannot write '%s'", to);
		else
			done += (size_t)n;
	}
	if (close(fd) && !r)
		r = err_sys(e, errno, "cannot write '%s'", to);
	if (r)
		unlink(to);
	return r;
}

/* The sections are not in the copy, so its header must not name them. */
static void drop_sections(unsigned char *image)
{
	Elf64_Ehdr h;

	memcpy(&h, image, sizeof(h));
	h.e_shoff = 0;
	h.e_shnum = 0;
	h.e_shstrndx = 0;
	memcpy(image, &h, sizeof(h));
}

static int unknown(struct err *e)
{
	err_lab(e, "this kernel calibrates its APIC in a way unknown to klab");
	return -ENOTSUP;
}

static int copy(int fd, Elf *elf, int hz, const char *to, struct err *e)
{
	struct preset p[] = {{"lapic_cal_loops", -1, hz / 10 + 1, 0, 0},
			     {"lapic_cal_t1", 0, APIC_COUNTS, 0, 0},
			     {"lapic_cal_pm2", 0, PM_COUNTS, 0, 0}};
	unsigned char *image;
	struct stat st;
	uint64_t len;
	int r;

	if (fstat(fd, &st))
		return err_sys(e, errno, "cannot read a vmlinux");
	len = loaded_size(elf, (uint64_t)st.st_size);
	if (len < sizeof(Elf64_Ehdr) ||
	    !find_presets(elf, (uint64_t)st.st_size, p, COUNT(p)))
		return unknown(e);
	image = xcalloc(1, len);
	if (pread(fd, image, len, 0) != (ssize_t)len)
		r = err_sys(e, errno, "cannot read a vmlinux");
	else if (!put_presets(image, len, p, COUNT(p)))
		r = unknown(e);
	else {
		drop_sections(image);
		r = write_copy(to, image, len, e);
	}
	free(image);
	return r;
}

int exact_copy(const char *vmlinux, int hz, const char *to, struct err *e)
{
	int fd = open(vmlinux, O_RDONLY | O_CLOEXEC), r;
	Elf *elf;

	if (fd < 0)
		return err_sys(e, errno, "cannot open '%s'", vmlinux);
	BUG(elf_version(EV_CURRENT) == EV_NONE);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || !elf_is_x86_64(fd))
		r = unknown(e);
	else
		r = copy(fd, elf, hz, to, e);
	elf_end(elf);
	close(fd);
	return r;
}
