/*
 * A tree of three files whose vmlinux is an ELF file that the store takes for a
 * kernel, and which knows how to build modules; a request to build it, and the
 * build.
 */
#ifndef A_BUILD_H
#define A_BUILD_H

#include "a_folder.h"
#include "build/build.h"

#define SLUB "int slub(void) { return 1; }\n"

static const char makefile[] =
	"include $(O)/.config\n"
	"OBJ = $(O)/head.o $(O)/mm/slub.o\n"
	"vmlinux: $(O)/vmlinux $(O)/System.map\n"
	"bzImage: vmlinux $(O)/arch/x86/boot/bzImage\n"
	"$(O)/head.o: head.S\n"
	"\t$(CC) -c -o $@ $(CURDIR)/$<\n"
	"$(O)/mm/%.o: mm/%.c\n"
	"\t@mkdir -p $(@D)\n"
	"\t@echo '  CC      $*'\n"
	"\t@$(CC) -O2 -fno-pie -c -o $@ $(CURDIR)/$<\n"
	"$(O)/vmlinux: $(OBJ)\n"
	"\t@$(CC) -static -nostdlib -no-pie -Wl,--build-id -o $@ $(OBJ)\n"
	"$(O)/System.map: $(O)/vmlinux\n"
	"\t@nm -n $< > $@\n"
	"modules_prepare:\n"
	"\t@echo > $(O)/module.lds\n"
	"modules: $(O)/module.lds\n"
	"\t@for f in $(M)/*.c; do $(CC) -c -o $${f%.c}.ko $$f || exit 1; "
	"done\n"
	"$(O)/arch/x86/boot/bzImage: boot.S\n"
	"\t@mkdir -p $(@D)\n"
	"\t@$(CC) -c -o $@.o $(CURDIR)/boot.S\n"
	"\t@objcopy -O binary $@.o $@\n";

static const char head[] =
	".globl _start, _text\n"
	"_text: _start: call slub\n"
	".section .rodata\n"
	".asciz \"Linux version 6.12.0-klab (klab@klab) #1 SMP\"\n"
	".section .note.Xen, \"a\", @note\n"
	".long 4, 4, 18\n"
	".asciz \"Xen\"\n"
	".long 0x1000000\n";

static const char boot[] = ".org 0x1f1\n.byte 1\n"
			   ".org 0x1fe\n.word 0xaa55\n.org 0x202\n"
			   ".ascii \"HdrS\"\n.word 0x20f\n"
			   ".org 0x20e\n.word 0x100\n"
			   ".org 0x300\n.asciz \"6.12.0-klab (klab@klab) #1\"\n"
			   ".org 0x600\n";

struct a_build {
	struct sandbox box;
	struct toolchain tools;
	struct build_request rq;
	struct build *build;
	uv_loop_t loop;
	uv_timer_t poll;
	int done;
};

static inline char *at(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static inline void put(const char *name, const char *text)
{
	char *path = at(name);
	struct err e;

	assert_int_equal(file_put(path, text, strlen(text), &e), 0);
	free(path);
}

static inline bool there(const char *name)
{
	char *path = at(name);
	bool yes = file_exists(path);

	free(path);
	return yes;
}

static inline char *text_of(const char *path)
{
	struct str text = STR_INIT;
	struct err e;

	assert_int_equal(file_read(path, 1 << 20, &text, &e), 0);
	return str_detach(&text);
}

/* A sound tree, an empty lab, and a request for its kernel. */
static inline int setup(void **state)
{
	struct a_build *a = xcalloc(1, sizeof(*a));
	char *lab = at("lab"), *src = at("src/mm");
	struct err e;

	if (file_remove(lab, &e) || file_mkdirs(src, &e))
		return -1;
	put("src/Makefile", makefile);
	put("src/head.S", head);
	put("src/boot.S", boot);
	put("src/mm/slub.c", SLUB);
	put("config", "# a comment\nCONFIG_PVH=y\nCONFIG_HZ=250\n");
	a->box.src = at("src");
	a->box.obj = at("lab/obj/1");
	a->tools.version = xstrdup("gcc (test) 1.0, ld 1.0");
	strv_add(&a->tools.make_args, "WERROR=0");
	a->rq = (struct build_request){.lab = lab,
				       .box = &a->box,
				       .tools = &a->tools,
				       .config = at("config"),
				       .commit = "c1",
				       .tree = "t1",
				       .source = "git",
				       .stage = "1: mm: a patch",
				       .jobs = 2,
				       .deadline_ms = 60000};
	uv_loop_init(&a->loop);
	free(src);
	*state = a;
	return 0;
}

static inline int teardown(void **state)
{
	struct a_build *a = *state;
	struct err e;

	build_free(a->build);
	if (uv_loop_close(&a->loop))
		return -1;
	file_remove(a->box.src, &e);
	free((char *)a->rq.lab);
	free((char *)a->box.src);
	free((char *)a->box.obj);
	free((char *)a->rq.config);
	toolchain_release(&a->tools);
	free(a);
	return 0;
}

static inline void on_done(struct build *b, void *arg)
{
	struct a_build *a = arg;

	assert_ptr_equal(b, a->build);
	a->done++;
}

static inline void start(struct a_build *a)
{
	struct err e;

	build_free(a->build);
	a->build = NULL;
	a->done = 0;
	if (build_start(&a->loop, &a->rq, on_done, a, &a->build, &e))
		fail_msg("%s", e.text);
}

static inline const struct build_result *run(struct a_build *a)
{
	start(a);
	uv_run(&a->loop, UV_RUN_DEFAULT);
	assert_int_equal(a->done, 1);
	return build_result(a->build);
}

static inline const struct build_result *run_ok(struct a_build *a)
{
	const struct build_result *r = run(a);

	if (r->state != BUILD_OK)
		fail_msg("state %d: %s", r->state, r->reason);
	assert_null(r->reason);
	assert_false(there("lab/obj/1.building"));
	return r;
}

#endif
