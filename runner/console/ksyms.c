#include "console/ksyms.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#define MAP_CAP (64u << 20)
#define SYMBOLS_MAX 4000000
/* The kernel's own table may count what is in front of the next function. */
#define PADDING 64

struct entry {
	uint64_t address, size; /* size: up to the next function */
	char *name;
};

struct ksyms {
	struct entry *list; /* sorted by name, then by address */
	size_t n, room;
	bool lines;
};

static void add(struct ksyms *s, uint64_t address, const char *name)
{
	/* What is there for the tools that made the file. */
	if (!*name || *name == '.' || *name == '$' ||
	    str_starts(name, "__pfx_") || s->n == SYMBOLS_MAX)
		return;
	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 4096;
		s->list = xrealloc(s->list, s->room * sizeof(*s->list));
	}
	s->list[s->n++] = (struct entry){address, 0, xstrdup(name)};
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct entry *)a)->address;
	uint64_t y = ((const struct entry *)b)->address;

	return (x > y) - (x < y);
}

static int by_name(const void *a, const void *b)
{
	int order = strcmp(((const struct entry *)a)->name,
			   ((const struct entry *)b)->name);

	return order ? order : by_address(a, b);
}

static void finish(struct ksyms *s)
{
	uint64_t next = UINT64_MAX;

	if (!s->n)
		return;
	qsort(s->list, s->n, sizeof(*s->list), by_address);
	for (size_t i = s->n; i-- > 0;) {
		struct entry *at = &s->list[i];

		if (i + 1 < s->n && at[1].address != at->address)
			next = at[1].address;
		at->size = next - at->address;
	}
	qsort(s->list, s->n, sizeof(*s->list), by_name);
}

void ksyms_free(struct ksyms *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->list[i].name);
	free(s->list);
	free(s);
}

bool ksyms_have_lines(const struct ksyms *s)
{
	return s->lines;
}

/* ---- a vmlinux ---- */

static void add_table(struct ksyms *s, Elf *elf, Elf_Scn *scn,
		      const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n =
		header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
	GElf_Sym sym;

	if (n > INT32_MAX)
		return;
	for (size_t i = 0; data && i < n; i++) {
		const char *name;

		if (!gelf_getsym(data, (int)i, &sym) ||
		    sym.st_shndx == SHN_UNDEF ||
		    GELF_ST_TYPE(sym.st_info) > STT_FUNC ||
		    GELF_ST_TYPE(sym.st_info) == STT_OBJECT)
			continue;
		name = elf_strptr(elf, header->sh_link, sym.st_name);
		if (name)
			add(s, sym.st_value, name);
	}
}

static void read_sections(struct ksyms *s, Elf *elf)
{
	Elf_Scn *scn = NULL;
	size_t strings;
	GElf_Shdr h;

	if (elf_getshdrstrndx(elf, &strings))
		return;
	while ((scn = elf_nextscn(elf, scn)) && gelf_getshdr(scn, &h)) {
		const char *name = elf_strptr(elf, strings, h.sh_name);

		if (h.sh_type == SHT_SYMTAB)
			add_table(s, elf, scn, &h);
		else if (name && !strcmp(name, ".debug_line") && h.sh_size)
			s->lines = true;
	}
}

int ksyms_from_elf(const char *path, struct ksyms **out, struct err *e)
{
	struct ksyms *s;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf;

	if (fd < 0)
		return err_user(e, "cannot open '%s': %s", path,
				strerror(errno));
	s = xcalloc(1, sizeof(*s));
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (elf)
		read_sections(s, elf);
	elf_end(elf);
	close(fd);
	if (!s->n) {
		ksyms_free(s);
		return err_user(e, "'%s' has no symbol table; is it a vmlinux?",
				path);
	}
	finish(s);
	*out = s;
	return 0;
}

/* ---- a System.map ---- */

/* "ffffffff81000000 T _text" */
static void add_line(struct ksyms *s, char *line)
{
	char *end, *name;
	uint64_t address = strtoull(line, &end, 16);

	if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ')
		return;
	name = end + 3;
	if (strchr("tTwW", end[1]))
		add(s, address, name);
}

int ksyms_from_map(const char *path, struct ksyms **out, struct err *e)
{
	struct str text = STR_INIT;
	struct ksyms *s;
	char *rest, *line;
	int r = file_read(path, MAP_CAP, &text, e);

	if (r) {
		str_release(&text);
		return r;
	}
	s = xcalloc(1, sizeof(*s));
	rest = text.buf;
	while ((line = strsep(&rest, "\n")))
		add_line(s, line);
	str_release(&text);
	if (!s->n) {
		ksyms_free(s);
		return err_user(e, "'%s' is no System.map", path);
	}
	finish(s);
	*out = s;
	return 0;
}

/* ---- look-up ---- */

static size_t first_of(const struct ksyms *s, const char *name)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(s->list[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool ksyms_find(const struct ksyms *s, const char *name, uint64_t offset,
		uint64_t size, uint64_t *address)
{
	uint64_t best = UINT64_MAX;
	bool found = false;

	for (size_t i = first_of(s, name);
	     i < s->n && !strcmp(s->list[i].name, name); i++) {
		const struct entry *at = &s->list[i];
		uint64_t off =
			at->size > size ? at->size - size : size - at->size;

		/* A return address may be just behind the last call. */
		if (offset > at->size || (size && off > PADDING) ||
		    (found && (!size || off >= best)))
			continue;
		best = off;
		found = true;
		*address = at->address + offset;
	}
	return found;
}
