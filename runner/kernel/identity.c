#include "kernel/identity.h"

#include "base/err.h"
#include "base/str.h"
#include "kernel/bzimage.h"

#include <elf.h>
#include <endian.h>
#include <sha2.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SEGMENTS 64
#define MAX_SECTIONS 8192
#define MAX_MASKS 16
#define LOADED_CAP (1u << 30)
#define NOTES_CAP (64u << 10)
#define NAMES_CAP (256u << 20)
#define TABLE_CAP (64u << 20)
#define CHUNK (1u << 20)

/* Bytes of the file that are hashed as zeros. */
struct mask {
	uint64_t at, len;
};

/* Two bytes in each entry of the bug table, as well. */
struct lines {
	uint64_t at, len; /* of the table, in the file */
	uint64_t size, field;
};

struct vmlinux {
	int fd;
	uint64_t size;
	Elf64_Ehdr h;
	Elf64_Phdr seg[MAX_SEGMENTS];
	size_t nseg;
	struct mask mask[MAX_MASKS];
	size_t nmask;
	struct lines lines;
};

static bool in_file(const struct vmlinux *v, uint64_t at, uint64_t len)
{
	return at <= v->size && len <= v->size - at;
}

static bool read_at(const struct vmlinux *v, void *buf, size_t len, uint64_t at)
{
	return in_file(v, at, len) &&
	       pread(v->fd, buf, len, (off_t)at) == (ssize_t)len;
}

/* Memory with that part of the file, freed by the caller; NULL if there is no
 * such part, or it is larger than cap. */
static char *read_part(const struct vmlinux *v, uint64_t at, uint64_t len,
		       uint64_t cap)
{
	char *buf;

	if (!len || len > cap || !in_file(v, at, len))
		return NULL;
	buf = xcalloc(1, len);
	if (read_at(v, buf, len, at))
		return buf;
	free(buf);
	return NULL;
}

static int open_vmlinux(struct vmlinux *v, int fd, struct err *e)
{
	struct stat st;

	*v = (struct vmlinux){.fd = fd};
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < 0)
		return err_kernel(e, "vmlinux is not a file");
	v->size = (uint64_t)st.st_size;
	if (!read_at(v, &v->h, sizeof(v->h), 0) ||
	    memcmp(v->h.e_ident, ELFMAG, SELFMAG) ||
	    v->h.e_ident[EI_CLASS] != ELFCLASS64 ||
	    v->h.e_ident[EI_DATA] != ELFDATA2LSB || v->h.e_machine != EM_X86_64)
		return err_kernel(e, "vmlinux is not an ELF file for x86-64");
	v->nseg = v->h.e_phnum;
	if (!v->nseg || v->nseg > MAX_SEGMENTS ||
	    v->h.e_phentsize != sizeof(v->seg[0]) ||
	    !read_at(v, v->seg, v->nseg * sizeof(v->seg[0]), v->h.e_phoff))
		return err_kernel(e, "vmlinux has no sound program headers");
	return 0;
}

static void add_mask(struct vmlinux *v, uint64_t at, uint64_t len)
{
	if (v->nmask < MAX_MASKS)
		v->mask[v->nmask++] = (struct mask){at, len};
}

static size_t aligned(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static void mask_build_ids(struct vmlinux *v, const Elf64_Phdr *p)
{
	char *notes = read_part(v, p->p_offset, p->p_filesz, NOTES_CAP);
	size_t len = notes ? p->p_filesz : 0, at = 0;
	Elf64_Nhdr n;

	while (len - at >= sizeof(n)) {
		size_t left = len - at - sizeof(n), name, desc;

		memcpy(&n, notes + at, sizeof(n));
		name = aligned(n.n_namesz);
		desc = aligned(n.n_descsz);
		if (name > left || desc > left - name)
			break;
		at += sizeof(n);
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 &&
		    !memcmp(notes + at, "GNU", 4))
			add_mask(v, p->p_offset + at + name, n.n_descsz);
		at += name + desc;
	}
	free(notes);
}

/* ---- the table of BUG() and WARN() ---- */

struct section_view {
	Elf64_Shdr *v;
	size_t n;
};

static bool read_sections(const struct vmlinux *v, struct section_view *s)
{
	*s = (struct section_view){.n = v->h.e_shnum};
	if (v->h.e_shentsize != sizeof(*s->v) || s->n > MAX_SECTIONS)
		return false;
	s->v = (Elf64_Shdr *)read_part(v, v->h.e_shoff, s->n * sizeof(*s->v),
				       MAX_SECTIONS * sizeof(*s->v));
	return s->v;
}

/* Where a symbol of that name is; the names end with a NUL. */
static void note_symbol(const char *names, uint64_t len, const Elf64_Sym *sym,
			uint64_t *start, uint64_t *stop)
{
	const char *name;

	if (sym->st_name >= len)
		return;
	name = names + sym->st_name;
	if (!strcmp(name, "__start___bug_table"))
		*start = sym->st_value;
	else if (!strcmp(name, "__stop___bug_table"))
		*stop = sym->st_value;
}

static void find_in_symtab(const struct vmlinux *v, const Elf64_Shdr *tab,
			   const Elf64_Shdr *str, uint64_t *start,
			   uint64_t *stop)
{
	enum { BATCH = 16384 };
	char *names = read_part(v, str->sh_offset, str->sh_size, NAMES_CAP);
	Elf64_Sym *sym = xcalloc(BATCH, sizeof(*sym));
	uint64_t left = tab->sh_size / sizeof(*sym), at = tab->sh_offset;

	if (!names || names[str->sh_size - 1] || !in_file(v, at, tab->sh_size))
		left = 0;
	while (left) {
		size_t n = left < BATCH ? left : BATCH;

		if (!read_at(v, sym, n * sizeof(*sym), at))
			break;
		for (size_t i = 0; i < n; i++)
			note_symbol(names, str->sh_size, &sym[i], start, stop);
		left -= n;
		at += n * sizeof(*sym);
	}
	free(sym);
	free(names);
}

static bool find_table(const struct vmlinux *v, uint64_t *start, uint64_t *stop)
{
	struct section_view s;

	*start = *stop = 0;
	if (!read_sections(v, &s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.v[i].sh_type == SHT_SYMTAB && s.v[i].sh_link < s.n) {
			find_in_symtab(v, &s.v[i], &s.v[s.v[i].sh_link], start,
				       stop);
			break;
		}
	}
	free(s.v);
	return *start && *stop > *start;
}

static bool is_code(const struct vmlinux *v, uint64_t addr)
{
	for (size_t i = 0; i < v->nseg; i++) {
		const Elf64_Phdr *p = &v->seg[i];

		if (p->p_type == PT_LOAD && p->p_flags & PF_X &&
		    addr >= p->p_vaddr && addr - p->p_vaddr < p->p_memsz)
			return true;
	}
	return false;
}

/* Is it a table of entries of that size?  Each starts with the distance to the
 * instruction it is for.  The flags behind the line are not all zero, for some
 * are warnings; what has no line there has padding instead. */
static bool table_fits(const struct vmlinux *v, const char *table, uint64_t len,
		       uint64_t addr, uint64_t size)
{
	bool flags = false;

	if (len % size)
		return false;
	for (uint64_t at = 0; at < len; at += size) {
		int32_t distance;

		memcpy(&distance, table + at, sizeof(distance));
		if (!is_code(v, addr + at + (uint64_t)(int64_t)distance))
			return false;
		flags |= table[at + size - 2] || table[at + size - 1];
	}
	return flags;
}

/* struct bug_entry: address, file, line, flags; newer kernels have the format
 * between address and file.  Without DEBUG_BUGVERBOSE there are no lines. */
static void mask_lines(struct vmlinux *v)
{
	static const uint64_t sizes[] = {12, 16};
	uint64_t start, stop, at = 0;
	char *table = NULL;

	if (!find_table(v, &start, &stop))
		return;
	for (size_t i = 0; i < v->nseg && !table; i++) {
		const Elf64_Phdr *p = &v->seg[i];

		if (p->p_type != PT_LOAD || start < p->p_vaddr ||
		    start - p->p_vaddr >= p->p_filesz ||
		    stop - p->p_vaddr > p->p_filesz)
			continue;
		at = p->p_offset + (start - p->p_vaddr);
		table = read_part(v, at, stop - start, TABLE_CAP);
	}
	for (size_t i = 0; table && i < 2 && !v->lines.len; i++)
		if (table_fits(v, table, stop - start, start, sizes[i]))
			v->lines = (struct lines){at, stop - start, sizes[i],
						  sizes[i] - 4};
	free(table);
}

/* ---- the hash ---- */

static void zero(uint8_t *chunk, uint64_t at, uint64_t len, uint64_t from,
		 uint64_t n)
{
	uint64_t lo = from > at ? from : at;
	uint64_t end = from + n < at + len ? from + n : at + len;

	if (lo < end)
		memset(chunk + (lo - at), 0, end - lo);
}

static void apply_masks(const struct vmlinux *v, uint8_t *chunk, uint64_t at,
			uint64_t len)
{
	const struct lines *l = &v->lines;
	uint64_t i = 0, end = l->at + l->len;

	for (size_t m = 0; m < v->nmask; m++)
		zero(chunk, at, len, v->mask[m].at, v->mask[m].len);
	if (!l->len || at >= end || l->at >= at + len)
		return;
	if (at > l->at)
		i = (at - l->at) / l->size;
	for (uint64_t e = l->at + i * l->size; e < end && e < at + len;
	     e += l->size)
		zero(chunk, at, len, e + l->field, 2);
}

static void hash_number(SHA2_CTX *ctx, uint64_t n)
{
	uint64_t le = htole64(n);

	SHA256Update(ctx, (const uint8_t *)&le, sizeof(le));
}

static int hash_segment(const struct vmlinux *v, const Elf64_Phdr *p,
			uint8_t *chunk, SHA2_CTX *ctx, struct err *e)
{
	hash_number(ctx, p->p_vaddr);
	hash_number(ctx, p->p_paddr);
	hash_number(ctx, p->p_memsz);
	hash_number(ctx, p->p_filesz);
	for (uint64_t done = 0; done < p->p_filesz;) {
		uint64_t at = p->p_offset + done, n = p->p_filesz - done;

		if (n > CHUNK)
			n = CHUNK;
		if (!read_at(v, chunk, n, at))
			return err_kernel(e, "vmlinux ends before its segments "
					     "do");
		apply_masks(v, chunk, at, n);
		SHA256Update(ctx, chunk, n);
		done += n;
	}
	return 0;
}

static int check_segments(const struct vmlinux *v, uint64_t *loaded,
			  struct err *e)
{
	uint64_t bytes = 0;

	*loaded = 0;
	for (size_t i = 0; i < v->nseg; i++) {
		const Elf64_Phdr *p = &v->seg[i];

		if (p->p_type != PT_LOAD)
			continue;
		if (!in_file(v, p->p_offset, p->p_filesz))
			return err_kernel(e, "vmlinux ends before its segments "
					     "do");
		bytes += p->p_filesz;
		*loaded += p->p_memsz;
		if (bytes > LOADED_CAP)
			return err_kernel(e, "vmlinux loads more than %u MiB",
					  LOADED_CAP >> 20);
	}
	if (!bytes)
		return err_kernel(e, "vmlinux loads nothing");
	return 0;
}

int identity_read(int fd, struct identity *id, struct err *e)
{
	uint8_t digest[SHA256_DIGEST_LENGTH], *chunk;
	struct vmlinux v;
	SHA2_CTX ctx;
	int r = open_vmlinux(&v, fd, e);

	if (!r)
		r = check_segments(&v, &id->loaded, e);
	if (r)
		return r;
	/* They say where in the file things are, and a first segment may begin
	 * with them. */
	add_mask(&v, 0, sizeof(v.h));
	add_mask(&v, v.h.e_phoff, v.nseg * sizeof(v.seg[0]));
	for (size_t i = 0; i < v.nseg; i++)
		if (v.seg[i].p_type == PT_NOTE)
			mask_build_ids(&v, &v.seg[i]);
	mask_lines(&v);
	chunk = xcalloc(1, CHUNK);
	SHA256Init(&ctx);
	hash_number(&ctx, v.h.e_entry);
	for (size_t i = 0; !r && i < v.nseg; i++)
		if (v.seg[i].p_type == PT_LOAD)
			r = hash_segment(&v, &v.seg[i], chunk, &ctx, e);
	SHA256Final(digest, &ctx);
	free(chunk);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(id->hex + 2 * i, 3, "%02x", digest[i]);
	return r;
}

uint64_t identity_debug_bytes(int fd)
{
	struct section_view s = {0};
	uint64_t total = 0, len;
	struct vmlinux v;
	struct err e;
	char *names = NULL;

	if (open_vmlinux(&v, fd, &e) || !read_sections(&v, &s))
		return 0;
	len = 0;
	if (v.h.e_shstrndx < s.n) {
		len = s.v[v.h.e_shstrndx].sh_size;
		names = read_part(&v, s.v[v.h.e_shstrndx].sh_offset, len,
				  TABLE_CAP);
	}
	for (size_t i = 0; names && !names[len - 1] && i < s.n; i++)
		if (s.v[i].sh_name < len &&
		    str_starts(names + s.v[i].sh_name, ".debug_") &&
		    in_file(&v, s.v[i].sh_offset, s.v[i].sh_size))
			total += s.v[i].sh_size;
	free(names);
	free(s.v);
	return total;
}
