/*
 * build_tree DIR FILES FUNCTIONS: writes a source tree that looks a little like
 * a kernel's, the same every time: a header of inline functions, FILES files of
 * FUNCTIONS functions each, and a Makefile that needs no shell.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char header[] =
	"#ifndef TREE_H\n#define TREE_H\n"
	"typedef unsigned char u8;\ntypedef unsigned int u32;\n"
	"typedef unsigned long u64;\n"
	"#define NULL ((void *)0)\n"
	"#define offset_of(t, m) __builtin_offsetof(t, m)\n"
	"#define owner_of(p, t, m) ((t *)((char *)(p) - offset_of(t, m)))\n"
	"#define likely(x) __builtin_expect(!!(x), 1)\n"
	"#define unlikely(x) __builtin_expect(!!(x), 0)\n"
	"#define barrier() __asm__ __volatile__(\"\" : : : \"memory\")\n"
	"struct link { struct link *next, *prev; };\n"
	"struct lock { int word; };\n"
	"struct ops { int (*open)(void *, u32); long (*work)(void *, u64);\n"
	"\tvoid (*close)(void *); };\n"
	"static inline void link_init(struct link *l)\n"
	"{ l->next = l; l->prev = l; }\n"
	"static inline void link_add(struct link *l, struct link *head)\n"
	"{ l->next = head->next; l->prev = head;\n"
	"  head->next->prev = l; head->next = l; }\n"
	"static inline void link_del(struct link *l)\n"
	"{ l->next->prev = l->prev; l->prev->next = l->next; }\n"
	"static inline int link_empty(const struct link *l)\n"
	"{ return l->next == l; }\n"
	"static inline void lock_take(struct lock *l)\n"
	"{ while (__atomic_exchange_n(&l->word, 1, __ATOMIC_ACQUIRE))\n"
	"\tbarrier(); }\n"
	"static inline void lock_drop(struct lock *l)\n"
	"{ __atomic_store_n(&l->word, 0, __ATOMIC_RELEASE); }\n"
	"static inline u32 mix(u32 a, u32 b)\n"
	"{ a ^= b; a = (a << 13) | (a >> 19); return a * 5 + 0xe6546b64u; }\n"
	"#define for_each(l, head) \\\n"
	"\tfor ((l) = (head)->next; (l) != (head); (l) = (l)->next)\n"
	"#endif\n";

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static FILE *create(const char *dir, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (!f)
		die(path);
	return f;
}

static void close_or_die(FILE *f)
{
	if (ferror(f) || fclose(f))
		die("write");
}

/* The same numbers every time, and none twice in a row. */
static uint32_t next(void)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return state >> 8;
}

static void write_types(FILE *f, int file)
{
	fprintf(f, "#include \"tree.h\"\n\n");
	fprintf(f,
		"struct dev%d {\n\tstruct link all, busy;\n\tstruct lock "
		"lock;\n"
		"\tu32 state, flags, users;\n\tu64 count[%u];\n"
		"\tconst struct ops *ops;\n\tu8 name[16];\n};\n\n",
		file, 4 + next() % 8);
	fprintf(f, "static struct link devs%d = {&devs%d, &devs%d};\n\n", file,
		file, file);
}

/* A list that is walked under a lock. */
static void write_walk(FILE *f, int file, int fn)
{
	fprintf(f,
		"long walk%d_%d(u32 key)\n{\n\tstruct link *l;\n\tlong n = "
		"0;\n\n"
		"\tfor_each(l, &devs%d) {\n"
		"\t\tstruct dev%d *d = owner_of(l, struct dev%d, all);\n\n"
		"\t\tlock_take(&d->lock);\n"
		"\t\tif (likely(mix(d->flags, key) & %uu))\n"
		"\t\t\tn += (long)d->count[d->state & 3];\n"
		"\t\telse if (!link_empty(&d->busy))\n"
		"\t\t\td->users -= d->users > %u;\n"
		"\t\tlock_drop(&d->lock);\n\t}\n\treturn n;\n}\n\n",
		file, fn, file, file, file, next(), next() % 100);
}

/* A state machine. */
static void write_states(FILE *f, int file, int fn)
{
	unsigned states = 5 + next() % 6;

	fprintf(f,
		"int step%d_%d(struct dev%d *d, u32 event)\n{\n"
		"\tswitch (d->state) {\n",
		file, fn, file);
	for (unsigned i = 0; i < states; i++)
		fprintf(f,
			"\tcase %u:\n\t\tif (event & %uu) {\n"
			"\t\t\td->flags = mix(d->flags, %uu);\n"
			"\t\t\td->state = %u;\n\t\t\treturn %u;\n\t\t}\n"
			"\t\td->count[%u] += event;\n\t\tbreak;\n",
			i, 1u << next() % 32, next(), next() % states,
			next() % 9, next() % 4);
	fprintf(f, "\tdefault:\n\t\treturn -%u;\n\t}\n\treturn 0;\n}\n\n",
		1 + next() % 30);
}

/* Nested loops over arrays. */
static void write_sum(FILE *f, int file, int fn)
{
	fprintf(f,
		"u64 sum%d_%d(const u8 *p, u64 len)\n{\n"
		"\tu32 a = %uu, b[%u] = {0};\n\tu64 i;\n\n"
		"\tfor (i = 0; i < len; i++) {\n\t\ta = mix(a, p[i]);\n"
		"\t\tb[a %% %u] += a >> %u;\n"
		"\t\tif (unlikely(!(i & %u)))\n\t\t\ta ^= b[i %% %u];\n\t}\n"
		"\treturn ((u64)a << 32) | b[%u];\n}\n\n",
		file, fn, next(), 8, 8, 1 + next() % 7, (1u << next() % 8) - 1,
		8, next() % 8);
}

static void write_file(const char *dir, int file, int functions)
{
	static void (*const kinds[])(FILE *, int, int) = {
		write_walk, write_states, write_sum};
	char name[32];
	FILE *f;

	snprintf(name, sizeof(name), "part%d.c", file);
	f = create(dir, name);
	write_types(f, file);
	for (int fn = 0; fn < functions; fn++)
		kinds[fn % 3](f, file, fn);
	close_or_die(f);
}

static void write_makefile(const char *dir, int files)
{
	FILE *f = create(dir, "Makefile");

	fprintf(f, "CC = x86_64-linux-gnu-gcc-12\n"
		   "CFLAGS = -std=gnu11 -O2 -Wall -ffreestanding -nostdinc "
		   "-fno-pic -mcmodel=kernel\nOBJ =");
	for (int i = 0; i < files; i++)
		fprintf(f, " part%d.o", i);
	fprintf(f, "\n\nimage: built-in.o\n"
		   "\tld -e walk0_0 -Ttext 0x1000000 -o image built-in.o\n\n"
		   "built-in.o: $(OBJ)\n\tld -r -o built-in.o $(OBJ)\n\n"
		   "%%.o: %%.c tree.h\n\t$(CC) $(CFLAGS) -c -o $@ $<\n");
	close_or_die(f);
}

int main(int argc, char **argv)
{
	int files, functions;
	FILE *f;

	if (argc != 4 || (files = atoi(argv[2])) < 1 ||
	    (functions = atoi(argv[3])) < 1) {
		fprintf(stderr, "usage: build_tree DIR FILES FUNCTIONS\n");
		return 2;
	}
	if (mkdir(argv[1], 0755) && errno != EEXIST)
		die(argv[1]);
	f = create(argv[1], "tree.h");
	fputs(header, f);
	close_or_die(f);
	for (int i = 0; i < files; i++)
		write_file(argv[1], i, functions);
	write_makefile(argv[1], files);
	return 0;
}
