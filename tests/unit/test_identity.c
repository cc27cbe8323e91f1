/*
 * The code identity of a vmlinux: what it depends on, and what not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "kernel/identity.h"

#include <elf.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEXT_ADDR 0xffffffff81000000ull
#define DATA_ADDR 0xffffffff82000000ull
#define TABLE_AT 64 /* in data */
#define ENTRIES 4

static const char names[] = "\0__start___bug_table\0__stop___bug_table";
static const char section_names[] = "\0.debug_info";

/* A vmlinux in memory: code, data with a bug table and a note, symbols. */
struct image {
	Elf64_Ehdr h;
	Elf64_Phdr seg[3];
	Elf64_Shdr sec[4];
	Elf64_Sym sym[3];
	char names[sizeof(names)], section_names[sizeof(section_names)];
	char pad[64]; /* nothing points at it */
	unsigned char text[4096];
	unsigned char data[512];
	struct {
		Elf64_Nhdr h;
		char name[4];
		unsigned char id[20];
	} note;
	char debug[100];
};

static void put32(struct image *m, size_t at, int64_t value)
{
	int32_t v = (int32_t)value;

	memcpy(m->data + at, &v, sizeof(v));
}

/* An entry of the bug table: where, [format,] file, line, flags. */
static void put_bug(struct image *m, size_t size, size_t i, uint16_t line)
{
	size_t at = TABLE_AT + i * size;
	uint16_t flags = i & 1;

	put32(m, at, (int64_t)(TEXT_ADDR + 16 * i) - (int64_t)(DATA_ADDR + at));
	put32(m, at + size - 8, 100);
	memcpy(m->data + at + size - 4, &line, 2);
	memcpy(m->data + at + size - 2, &flags, 2);
}

static void set_segments(struct image *m)
{
	m->seg[0] = (Elf64_Phdr){.p_type = PT_LOAD,
				 .p_flags = PF_R | PF_X,
				 .p_offset = offsetof(struct image, text),
				 .p_vaddr = TEXT_ADDR,
				 .p_paddr = 0x1000000,
				 .p_filesz = sizeof(m->text),
				 .p_memsz = sizeof(m->text)};
	m->seg[1] = (Elf64_Phdr){.p_type = PT_LOAD,
				 .p_flags = PF_R | PF_W,
				 .p_offset = offsetof(struct image, data),
				 .p_vaddr = DATA_ADDR,
				 .p_paddr = 0x2000000,
				 .p_filesz = sizeof(m->data) + sizeof(m->note),
				 .p_memsz = 8192};
	m->seg[2] = (Elf64_Phdr){.p_type = PT_NOTE,
				 .p_offset = offsetof(struct image, note),
				 .p_filesz = sizeof(m->note)};
}

static void set_sections(struct image *m, size_t entry)
{
	m->sec[1] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
				 .sh_link = 2,
				 .sh_offset = offsetof(struct image, sym),
				 .sh_size = sizeof(m->sym)};
	m->sec[2] = (Elf64_Shdr){.sh_type = SHT_STRTAB,
				 .sh_offset = offsetof(struct image, names),
				 .sh_size = sizeof(m->names)};
	m->sec[3] =
		(Elf64_Shdr){.sh_type = SHT_STRTAB,
			     .sh_name = 1,
			     .sh_offset = offsetof(struct image, section_names),
			     .sh_size = sizeof(m->section_names)};
	m->sym[1] = (Elf64_Sym){.st_name = 1, .st_value = DATA_ADDR + TABLE_AT};
	m->sym[2] =
		(Elf64_Sym){.st_name = 21,
			    .st_value = DATA_ADDR + TABLE_AT + ENTRIES * entry};
}

static struct image *image(size_t entry)
{
	struct image *m = xcalloc(1, sizeof(*m));

	memcpy(m->h.e_ident, ELFMAG, SELFMAG);
	m->h.e_ident[EI_CLASS] = ELFCLASS64;
	m->h.e_ident[EI_DATA] = ELFDATA2LSB;
	m->h.e_machine = EM_X86_64;
	m->h.e_entry = 0x1000000;
	m->h.e_phoff = offsetof(struct image, seg);
	m->h.e_phentsize = sizeof(m->seg[0]);
	m->h.e_phnum = 3;
	m->h.e_shoff = offsetof(struct image, sec);
	m->h.e_shentsize = sizeof(m->sec[0]);
	m->h.e_shnum = 4;
	m->h.e_shstrndx = 3;
	memcpy(m->names, names, sizeof(names));
	memcpy(m->section_names, section_names, sizeof(section_names));
	for (size_t i = 0; i < sizeof(m->text); i++)
		m->text[i] = (unsigned char)(i * 7);
	set_segments(m);
	set_sections(m, entry);
	for (size_t i = 0; i < ENTRIES; i++)
		put_bug(m, entry, i, 100);
	m->note.h = (Elf64_Nhdr){4, 20, NT_GNU_BUILD_ID};
	memcpy(m->note.name, "GNU", 4);
	return m;
}

static int read_bytes(const void *data, size_t len, struct identity *id,
		      struct err *e)
{
	int fd = memfd_create("vmlinux", MFD_CLOEXEC), r;

	assert_int_equal(write(fd, data, len), len);
	*id = (struct identity){0};
	r = identity_read(fd, id, e);
	identity_debug_bytes(fd);
	close(fd);
	return r;
}

static struct identity identity(const struct image *m)
{
	struct identity id;
	struct err e;

	if (read_bytes(m, sizeof(*m), &id, &e))
		fail_msg("%s", e.text);
	return id;
}

/* Two images side by side: one is changed, the other stays. */
#define ASSERT_SAME(m, same)                                                   \
	do {                                                                   \
		struct image *plain = image(12);                               \
		struct identity a = identity(plain), b = identity(m);          \
                                                                               \
		assert_int_equal(!strcmp(a.hex, b.hex), same);                 \
		free(plain);                                                   \
		free(m);                                                       \
	} while (0)

static void test_it_is_a_hash(void **state)
{
	struct image *m = image(12);
	struct identity id = identity(m);

	(void)state;
	assert_int_equal(strspn(id.hex, "0123456789abcdef"), 64);
	assert_int_equal(id.loaded, sizeof(m->text) + 8192);
	free(m);
	m = image(12);
	ASSERT_SAME(m, true);
}

static void test_content_and_place_count(void **state)
{
	struct image *m = image(12);

	(void)state;
	m->text[4095]++;
	ASSERT_SAME(m, false);
	m = image(12);
	m->data[0]++;
	ASSERT_SAME(m, false);
	m = image(12);
	m->seg[1].p_vaddr += 16;
	ASSERT_SAME(m, false);
	m = image(12);
	m->seg[1].p_memsz += 16;
	ASSERT_SAME(m, false);
	m = image(12);
	m->h.e_entry++;
	ASSERT_SAME(m, false);
}

static void test_build_id_and_what_is_not_loaded_do_not(void **state)
{
	struct image *m = image(12);

	(void)state;
	memset(m->note.id, 0xaa, sizeof(m->note.id));
	ASSERT_SAME(m, true);
	m = image(12);
	m->note.h.n_type = 7;
	ASSERT_SAME(m, false);
	m = image(12);
	memset(m->debug, 1, sizeof(m->debug));
	memset(m->pad, 1, sizeof(m->pad));
	m->seg[2].p_paddr++;
	ASSERT_SAME(m, true);
}

static void test_headers_in_a_segment(void **state)
{
	struct image *a = image(12), *b = image(12);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct image *m = i ? a : b;

		m->seg[0].p_offset = 0;
		m->seg[0].p_filesz = sizeof(m->h) + sizeof(m->seg);
	}
	b->h.e_shnum = 0;
	b->h.e_shoff = 0;
	a->h.e_shstrndx = 0;
	/* Without symbols there is no mask for lines, which are equal here. */
	a->h.e_shnum = 0;
	assert_string_equal(identity(a).hex, identity(b).hex);
	free(a);
	free(b);
}

static void test_lines_of_warnings_do_not(void **state)
{
	struct image *m = image(12);

	(void)state;
	put_bug(m, 12, 0, 101);
	put_bug(m, 12, 3, 7);
	ASSERT_SAME(m, true);
	m = image(12);
	m->data[TABLE_AT + 4]++; /* another file */
	ASSERT_SAME(m, false);
	m = image(12);
	m->data[TABLE_AT + 10]++; /* other flags */
	ASSERT_SAME(m, false);
	m = image(12);
	m->data[TABLE_AT + 12 * ENTRIES + 8]++; /* behind the table */
	ASSERT_SAME(m, false);
}

static void test_lines_in_larger_entries(void **state)
{
	struct image *a = image(16), *b = image(16);

	(void)state;
	put_bug(b, 16, 2, 55);
	assert_string_equal(identity(a).hex, identity(b).hex);
	b->data[TABLE_AT + 4]++;
	assert_string_not_equal(identity(a).hex, identity(b).hex);
	free(a);
	free(b);
}

/* A table that does not look like one may be anything: all of it counts. */
static void test_odd_tables_count(void **state)
{
	struct image *a = image(12), *b = image(12);

	(void)state;
	put32(a, TABLE_AT, 0x40000000);
	put32(b, TABLE_AT, 0x40000000);
	put_bug(b, 12, 2, 55);
	assert_string_not_equal(identity(a).hex, identity(b).hex);
	free(a);
	free(b);
	a = image(12);
	b = image(12);
	put_bug(b, 12, 2, 55);
	a->sym[2].st_value = b->sym[2].st_value = ~0ull;
	assert_string_not_equal(identity(a).hex, identity(b).hex);
	free(a);
	free(b);
}

static void test_debug_bytes(void **state)
{
	struct image *m = image(12);
	int fd = memfd_create("vmlinux", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(write(fd, m, sizeof(*m)), sizeof(*m));
	/* The one section with a name is called .debug_info. */
	assert_int_equal(identity_debug_bytes(fd), sizeof(section_names));
	close(fd);
	free(m);
}

static void assert_refused(const struct image *m, const char *want)
{
	struct identity id;
	struct err e;

	assert_true(read_bytes(m, sizeof(*m), &id, &e) < 0);
	assert_int_equal(e.kind, ERR_KERNEL);
	assert_non_null(strstr(e.text, want));
}

static void test_no_vmlinux(void **state)
{
	struct image *m = image(12);

	(void)state;
	m->h.e_machine = EM_AARCH64;
	assert_refused(m, "not an ELF file for x86-64");
	m->h.e_machine = EM_X86_64;
	m->h.e_phnum = 65;
	assert_refused(m, "no sound program headers");
	m->h.e_phnum = 3;
	m->seg[0].p_filesz = 1 << 20;
	assert_refused(m, "ends before");
	m->seg[0].p_offset = ~0ull - 10;
	assert_refused(m, "ends before");
	m->h.e_phoff = ~0ull;
	assert_refused(m, "no sound program headers");
	free(m);
	m = image(12);
	m->seg[0].p_type = m->seg[1].p_type = PT_NULL;
	assert_refused(m, "loads nothing");
	free(m);
}

/* No crash, whatever is cut off or changed. */
static void test_damage(void **state)
{
	struct image *m = image(12);
	unsigned int seed = 1;
	struct identity id;
	struct err e;

	(void)state;
	for (size_t len = 0; len < sizeof(*m); len += 7)
		read_bytes(m, len, &id, &e);
	for (int i = 0; i < 3000; i++) {
		struct image copy = *m;
		unsigned char *bytes = (unsigned char *)&copy;

		for (int k = 0; k < 3; k++)
			bytes[(size_t)rand_r(&seed) %
			      offsetof(struct image, text)] =
				(unsigned char)rand_r(&seed);
		read_bytes(&copy, sizeof(copy), &id, &e);
	}
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_a_hash),
		cmocka_unit_test(test_content_and_place_count),
		cmocka_unit_test(test_build_id_and_what_is_not_loaded_do_not),
		cmocka_unit_test(test_headers_in_a_segment),
		cmocka_unit_test(test_lines_of_warnings_do_not),
		cmocka_unit_test(test_lines_in_larger_entries),
		cmocka_unit_test(test_odd_tables_count),
		cmocka_unit_test(test_debug_bytes),
		cmocka_unit_test(test_no_vmlinux),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
