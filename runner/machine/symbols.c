#include "machine/symbols.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <unistd.h>

#define MAP_CAP (64u << 20)
#define NAME_SHOWN 200

struct symbol {
	uint64_t at;
	const char *name; /* into text, ended by a newline's NUL */
};

struct symbols {
	struct str text;
	struct symbol *list; /* code only, by address */
	size_t n;
	uint64_t end; /* of all code */
};

/* Behind it there is no code, until that of another section. */
static bool is_end(const char *name)
{
	return !strcmp(name, "_etext") || !strcmp(name, "_einittext");
}

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	/* An end that is the begin of something is none. */
	return is_end(y->name) - is_end(x->name);
}

/* "ffffffff81000000 T _text" */
static void take_line(struct symbols *s, char *line)
{
	char *after;
	uint64_t at = strtoull(line, &after, 16);

	if (after == line || after[0] != ' ' || !after[1] || after[2] != ' ' ||
	    !after[3] || at < 1ull << 63)
		return;
	if (is_end(after + 3))
		s->end = at > s->end ? at : s->end;
	else if (!strchr("tTwW", after[1]))
		return;
	if (!(s->n & (s->n + 1)))
		s->list = xrealloc(s->list, 2 * (s->n + 1) * sizeof(*s->list));
	s->list[s->n++] = (struct symbol){at, after + 3};
}

static void take_lines(struct symbols *s)
{
	char *next;

	for (char *line = s->text.buf; line && *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		take_line(s, line);
	}
}

/* Hands them out, sorted, unless there is none. */
static int give(struct symbols *s, struct symbols **out, struct err *e)
{
	if (!s->n) {
		symbols_free(s);
		err_lab(e, "there are no symbols");
		return -ENOENT;
	}
	qsort(s->list, s->n, sizeof(*s->list), by_address);
	if (s->end <= s->list[0].at)
		s->end = s->list[s->n - 1].at + 1;
	*out = s;
	return 0;
}

int symbols_load(const char *path, struct symbols **out, struct err *e)
{
	struct symbols *s = xcalloc(1, sizeof(*s));
	int r = file_read(path, MAP_CAP, &s->text, e);

	if (r) {
		symbols_free(s);
		return r;
	}
	take_lines(s);
	return give(s, out, e);
}

/* ---- vmlinux ---- */

/* A symbol as a line of System.map. */
static void add_line(struct str *text, const GElf_Sym *sym, const char *name)
{
	int type = GELF_ST_TYPE(sym->st_info);

	if (name && *name && sym->st_value &&
	    (type == STT_FUNC || is_end(name)))
		str_addf(text, "%016" PRIx64 " t %.*s\n",
			 (uint64_t)sym->st_value, NAME_SHOWN, name);
}

static void add_section(Elf *elf, Elf_Scn *section, struct str *text)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Shdr header;
	GElf_Sym sym;

	if (!data || !gelf_getshdr(section, &header) ||
	    header.sh_type != SHT_SYMTAB)
		return;
	for (int i = 0; gelf_getsym(data, i, &sym); i++)
		add_line(text, &sym,
			 elf_strptr(elf, header.sh_link, sym.st_name));
}

static int load_vmlinux(const char *path, struct symbols **out, struct err *e)
{
	struct symbols *s = xcalloc(1, sizeof(*s));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf_Scn *section = NULL;
	Elf *elf = NULL;

	if (fd >= 0 && elf_version(EV_CURRENT) != EV_NONE)
		elf = elf_begin(fd, ELF_C_READ, NULL);
	while (elf && (section = elf_nextscn(elf, section)))
		add_section(elf, section, &s->text);
	elf_end(elf);
	if (fd >= 0)
		close(fd);
	take_lines(s);
	return give(s, out, e);
}

int symbols_of(const char *store, struct symbols **out, struct err *e)
{
	char *map = xasprintf("%s/System.map", store);
	char *vmlinux = xasprintf("%s/vmlinux", store);
	int r = file_exists(map) ? symbols_load(map, out, e)
				 : load_vmlinux(vmlinux, out, e);

	free(map);
	free(vmlinux);
	return r;
}

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	str_release(&s->text);
	free(s->list);
	free(s);
}

/* The last one at or below the address; NULL if that is not in code. */
static const struct symbol *find(const struct symbols *s, uint64_t address)
{
	size_t low = 0, high = s ? s->n : 0;

	if (!high || address < s->list[0].at || address >= s->end)
		return NULL;
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (s->list[mid].at <= address)
			low = mid;
		else
			high = mid;
	}
	return is_end(s->list[low].name) ? NULL : &s->list[low];
}

bool symbols_called_from(const struct symbols *s, uint64_t address)
{
	const struct symbol *found = find(s, address);

	return found && address > found->at;
}

const char *symbols_name(const struct symbols *s, uint64_t address, char *buf,
			 size_t size)
{
	const struct symbol *found = find(s, address), *above = found;
	uint64_t end;

	if (!found) {
		snprintf(buf, size, "0x%" PRIx64, address);
		return buf;
	}
	while (above < s->list + s->n && above->at == found->at)
		above++;
	end = above < s->list + s->n ? above->at : s->end;
	snprintf(buf, size, "%.*s+0x%" PRIx64 "/0x%" PRIx64, NAME_SHOWN,
		 found->name, address - found->at, end - found->at);
	return buf;
}
