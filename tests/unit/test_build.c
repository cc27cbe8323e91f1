/*
 * Builds: make runs for real, in the sandbox, on a tree of three files whose
 * vmlinux is an ELF file that the store takes for a kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_build.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static const struct build_result *
run_to(struct a_build *a, enum build_state state, const char *reason)
{
	const struct build_result *r = run(a);

	if (!r->reason || r->state != state || !strstr(r->reason, reason))
		fail_msg("state %d: %s (no %s)", r->state, r->reason, reason);
	return r;
}

static void assert_not_known(struct a_build *a)
{
	struct build_result r;
	struct err e;

	assert_int_equal(build_find(&a->rq, &r, &e), -ENOENT);
}

/* ---- kernels ---- */

static void test_a_kernel(void **state)
{
	struct a_build *a = *state;
	const struct build_result *r = run_ok(a);
	const struct kernel *k = &r->kernel;
	char key[17], *path;
	struct err e;

	assert_int_equal(build_key(&a->rq, key, &e), 0);
	assert_string_equal(k->key, key);
	assert_string_equal(k->release, "6.12.0-klab");
	assert_string_equal(k->source, "git");
	assert_string_equal(k->commit, "c1");
	assert_string_equal(k->tree, "t1");
	assert_int_equal(strlen(k->identity), 64);
	assert_true(k->pvh);
	path = xasprintf("%s/kernels/%s/vmlinux", a->rq.lab, key);
	assert_string_equal(k->boot_path, path);
	free(path);
	assert_true(file_exists(k->boot_path));
	assert_true(file_exists(k->config_path));
	assert_true(file_exists(k->map_path));
	assert_true(file_exists(r->log));
	assert_true(r->wall_ms > 0);
}

static void test_its_manifest(void **state)
{
	static const char *const want[] = {
		"\"identity\": \"",
		"\"commit\": \"c1\"",
		"\"stage\": \"1: mm: a patch\"",
		"\"toolchain\": \"gcc (test) 1.0, ld 1.0\"",
		"\"WERROR=0\"",
		"\"sandboxed\": true",
		"\"config_sha256\": \"",
		"\"loaded\": "};
	const struct build_result *r = run_ok(*state);
	char *path = xasprintf("%s/manifest.json", r->kernel.dir);
	char *text = text_of(path);

	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
		if (!strstr(text, want[i]))
			fail_msg("no %s in %s", want[i], text);
	free(text);
	free(path);
}

static void test_a_stage_of_any_name(void **state)
{
	struct a_build *a = *state;
	char *path, *text;

	a->rq.stage = "1: caf\xe9 \"x\"";
	path = xasprintf("%s/manifest.json", run_ok(a)->kernel.dir);
	text = text_of(path);
	assert_non_null(strstr(text, "\"stage\": \"1: caf? \\\"x\\\"\""));
	free(text);
	free(path);
}

static void test_it_is_found_again(void **state)
{
	struct a_build *a = *state;
	struct build_result found;
	char identity[65];
	struct err e;

	assert_not_known(a);
	memcpy(identity, run_ok(a)->kernel.identity, sizeof(identity));
	assert_int_equal(build_find(&a->rq, &found, &e), 0);
	assert_int_equal(found.state, BUILD_OK);
	assert_string_equal(found.kernel.identity, identity);
	assert_true(file_exists(found.log));
	build_result_release(&found);
	/* Built once more it is the same. */
	assert_string_equal(run_ok(a)->kernel.identity, identity);
}

static void test_what_the_key_is_made_of(void **state)
{
	struct a_build *a = *state;
	char key[9][17];
	struct err e;

	build_key(&a->rq, key[0], &e);
	a->rq.stage = "another name";
	a->rq.commit = "c2";
	a->rq.jobs = 7;
	build_key(&a->rq, key[1], &e);
	assert_string_equal(key[0], key[1]);
	a->rq.tree = "t2";
	build_key(&a->rq, key[1], &e);
	strv_add(&a->tools.make_args, "V=1");
	build_key(&a->rq, key[2], &e);
	a->tools.llvm = true;
	build_key(&a->rq, key[3], &e);
	a->tools.version[0] = 'G';
	build_key(&a->rq, key[4], &e);
	a->box.off = true;
	build_key(&a->rq, key[5], &e);
	put("config", "CONFIG_PVH=y\n");
	build_key(&a->rq, key[6], &e);
	for (int i = 0; i < 7; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(key[i], key[j]);
}

static void test_a_comment_makes_no_other_kernel(void **state)
{
	struct a_build *a = *state;
	char identity[65], key[17];

	memcpy(identity, run_ok(a)->kernel.identity, sizeof(identity));
	memcpy(key, build_result(a->build)->kernel.key, sizeof(key));
	put("src/mm/slub.c", "/* one */\n" SLUB);
	a->rq.tree = "t2";
	assert_string_equal(run_ok(a)->kernel.identity, identity);
	assert_string_not_equal(build_result(a->build)->kernel.key, key);
	put("src/mm/slub.c", "int slub(void) { return 2; }\n");
	a->rq.tree = "t3";
	assert_string_not_equal(run_ok(a)->kernel.identity, identity);
}

static void test_next_stage_builds_what_it_must(void **state)
{
	struct a_build *a = *state;
	char *log = at("lab/obj/1.log"), *text;

	run_ok(a);
	text = text_of(log);
	assert_non_null(strstr(text, "head.S"));
	free(text);
	put("src/mm/slub.c", "int slub(void) { return 3; }\n");
	a->rq.tree = "t2";
	run_ok(a);
	text = text_of(log);
	assert_null(strstr(text, "head.S"));
	assert_non_null(strstr(text, "CC      slub"));
	free(text);
	free(log);
}

static void test_bzimage_where_there_is_no_pvh(void **state)
{
	struct a_build *a = *state;
	const struct build_result *r;

	put("config", "# CONFIG_PVH is not set\n");
	r = run_ok(a);
	assert_false(r->kernel.pvh);
	assert_true(str_ends(r->kernel.boot_path, "/bzImage"));
	assert_true(file_exists(r->kernel.boot_path));
	assert_string_equal(r->kernel.release, "6.12.0-klab");
	assert_int_equal(strlen(r->kernel.identity), 64);
}

/* What unpacks the vmlinux is not in it, and may be what hangs. */
static void test_another_bzimage_is_another_kernel(void **state)
{
	struct a_build *a = *state;
	char identity[65], *text = xasprintf("%s.byte 1\n", boot);

	put("config", "# CONFIG_PVH is not set\n");
	memcpy(identity, run_ok(a)->kernel.identity, sizeof(identity));
	put("src/boot.S", text);
	a->rq.tree = "t2";
	assert_string_not_equal(run_ok(a)->kernel.identity, identity);
	free(text);
}

static void test_debug_data_is_left_out(void **state)
{
	struct a_build *a = *state;
	const struct build_result *r;
	char identity[65];
	struct stat st;

	memcpy(identity, run_ok(a)->kernel.identity, sizeof(identity));
	put("src/mm/slub.c", SLUB "asm(\".section .debug_info\\n\"\n"
				  "    \".fill 3000000\\n.text\");\n");
	a->rq.tree = "t2";
	r = run_ok(a);
	assert_string_equal(r->kernel.identity, identity);
	assert_int_equal(stat(r->kernel.boot_path, &st), 0);
	assert_true(st.st_size < 1000000);
	assert_false(there("lab/obj/1/.klab-stripped"));
}

static void test_without_sandbox(void **state)
{
	struct a_build *a = *state;
	char *path, *text;

	a->box.off = true;
	path = xasprintf("%s/manifest.json", run_ok(a)->kernel.dir);
	text = text_of(path);
	assert_non_null(strstr(text, "\"sandboxed\": false"));
	free(text);
	free(path);
}

/* ---- kernels that do not build ---- */

static void test_error_in_a_touched_file(void **state)
{
	struct a_build *a = *state;
	struct strv touched = STRV_INIT;
	const struct build_result *r;

	strv_add(&touched, "mm/slub.c");
	a->rq.touched = &touched;
	put("src/mm/slub.c", "int slub(void)\n{\n\treturn foo;\n}\n");
	r = run_to(a, BUILD_BROKEN,
		   "mm/slub.c:3: 'foo' undeclared (in a file that the patch "
		   "touches)");
	assert_int_equal(r->nerrors, 1);
	assert_string_equal(r->errors[0].file, "mm/slub.c");
	assert_int_equal(r->errors[0].line, 3);
	assert_true(r->errors[0].touched);
	assert_true(file_exists(r->log));
	assert_false(there("lab/obj/1.building"));
	strv_release(&touched);
}

static void test_a_known_break(void **state)
{
	struct a_build *a = *state;
	struct strv touched = STRV_INIT;
	struct build_result found;
	struct err e;

	put("src/mm/slub.c", "int slub(void)\n{\n\treturn foo;\n}\n");
	run_to(a, BUILD_BROKEN, "mm/slub.c:3: 'foo' undeclared");
	strv_add(&touched, "mm/page_alloc.c");
	a->rq.touched = &touched;
	assert_int_equal(build_find(&a->rq, &found, &e), 0);
	assert_int_equal(found.state, BUILD_BROKEN);
	assert_string_equal(found.reason,
			    "mm/slub.c:3: 'foo' undeclared (in a "
			    "file that the patch does not touch)");
	assert_int_equal(found.nerrors, 1);
	assert_false(found.errors[0].touched);
	assert_true(file_exists(found.log));
	build_result_release(&found);
	a->rq.touched = NULL;
	strv_release(&touched);
	/* The next stage, in the same folder, is not the worse for it. */
	put("src/mm/slub.c", SLUB);
	a->rq.tree = "t2";
	run_ok(a);
}

static void test_link_error(void **state)
{
	struct a_build *a = *state;

	put("src/mm/slub.c",
	    "int bar(void); int slub(void) { return bar(); }\n");
	run_to(a, BUILD_BROKEN,
	       "mm/slub.c: undefined reference to 'bar' in 'slub'");
}

static void test_no_vmlinux_though_make_says_so(void **state)
{
	struct a_build *a = *state;

	put("src/Makefile", "vmlinux:\n\t@echo done\n");
	run_to(a, BUILD_BROKEN, "make has left no file 'vmlinux'");
	a->rq.tree = "t2";
	put("src/Makefile", "vmlinux:\n\t@echo rubbish > $(O)/vmlinux\n");
	run_to(a, BUILD_BROKEN, "vmlinux is not an ELF file");
	assert_false(there("lab/kernels/t2"));
}

static void test_make_that_hangs(void **state)
{
	struct a_build *a = *state;
	struct build_result found;
	struct err e;

	put("src/Makefile", "vmlinux:\n\t@echo here I am\n\t@sleep 1000\n");
	a->rq.deadline_ms = 2000;
	run_to(a, BUILD_BROKEN,
	       "make had not ended after 2 seconds; its output ends with "
	       "\"here I am\"");
	assert_true(there("lab/obj/1.building"));
	assert_int_equal(build_find(&a->rq, &found, &e), 0);
	build_result_release(&found);
	a->rq.deadline_ms = 60000;
	assert_not_known(a);
	put("src/Makefile", makefile);
	run_ok(a);
	assert_int_equal(build_find(&a->rq, &found, &e), 0);
	assert_int_equal(found.state, BUILD_OK);
	build_result_release(&found);
}

/* ---- the lab's fault ---- */

static void test_trouble_is_no_result(void **state)
{
	static const char *const says[][2] = {
		{"echo 'x.s: Fatal error: cannot write: No space left on "
		 "device'; exit 1",
		 "the disk is full"},
		{"echo 'gcc: fatal error: Killed signal terminated program "
		 "cc1'; exit 1",
		 "the compiler was killed"},
		{"klab-no-such-tool",
		 "'klab-no-such-tool', which this build runs, is missing"}};
	struct a_build *a = *state;

	for (size_t i = 0; i < sizeof(says) / sizeof(*says); i++) {
		char *text = xasprintf("vmlinux:\n\t@%s\n", says[i][0]);

		put("src/Makefile", text);
		free(text);
		run_to(a, BUILD_LAB, says[i][1]);
		assert_not_known(a);
		assert_true(there("lab/obj/1.building"));
	}
	put("src/Makefile", makefile);
	run_ok(a);
}

static void test_make_that_was_killed(void **state)
{
	struct a_build *a = *state;

	a->box.off = true;
	put("src/Makefile", "vmlinux:\n\t@kill -9 $$PPID\n");
	run_to(a, BUILD_LAB, "make was killed (killed by signal 9 (Killed))");
	assert_not_known(a);
}

static void on_poll(uv_timer_t *t)
{
	struct a_build *a = t->data;

	if (!there("lab/obj/1/hangs"))
		return;
	build_stop(a->build);
	uv_close((uv_handle_t *)t, NULL);
}

static void test_stop(void **state)
{
	struct a_build *a = *state;

	put("src/Makefile", "vmlinux:\n\t@echo > $(O)/hangs; sleep 1000\n");
	start(a);
	uv_timer_init(&a->loop, &a->poll);
	a->poll.data = a;
	uv_timer_start(&a->poll, on_poll, 10, 10);
	uv_run(&a->loop, UV_RUN_DEFAULT);
	assert_int_equal(a->done, 1);
	assert_int_equal(build_result(a->build)->state, BUILD_STOPPED);
	assert_true(there("lab/obj/1.building"));
	assert_not_known(a);
	/* What was left may be half an object file: a new folder. */
	put("src/Makefile", makefile);
	run_ok(a);
	assert_false(there("lab/obj/1/hangs"));
	assert_false(there("lab/obj/1.old.0"));
}

static void test_config_of_another_tree(void **state)
{
	struct a_build *a = *state;
	char *text =
		xasprintf("%s\techo CONFIG_NEW=y >> $(O)/.config\n", makefile);

	put("src/Makefile", text);
	free(text);
	put("config", "# CONFIG_PVH is not set\n");
	run_to(a, BUILD_LAB,
	       "make has changed the config, which was not settled for this "
	       "tree: 'CONFIG_NEW=y'");
	assert_not_known(a);
}

/* People clear their caches, and carry labs elsewhere. */
static void test_a_cache_that_is_gone(void **state)
{
	struct a_build *a = *state;
	char *cache = at("lab/caches/one");

	a->box.ccache = cache;
	run_ok(a);
	assert_true(there("lab/caches/one"));
	free(cache);
}

static void test_damaged_object_folder(void **state)
{
	struct a_build *a = *state;

	run_ok(a);
	put("lab/obj/1/mm/slub.o", "rubbish");
	put("src/head.S", head);
	a->rq.tree = "t2";
	run_ok(a);
	assert_false(there("lab/obj/1.old.0"));
}

/* ---- a tree that is up to no good ---- */

static void test_links_are_not_followed(void **state)
{
	struct a_build *a = *state;
	char *victim = at("victim"), *text;

	put("victim", "mine");
	text = xasprintf("%sX = $(O)/System.map\n"
			 "vmlinux: bad\nbad: $X\n"
			 "\t@rm $X $(O)/.config; ln -s %s $X\n"
			 "\t@ln -s %s $(O)/.config\n",
			 makefile, victim, victim);
	put("src/Makefile", text);
	free(text);
	run_to(a, BUILD_BROKEN, "make has left no file 'System.map'");
	put("src/Makefile", makefile);
	a->rq.tree = "t2";
	run_ok(a);
	text = text_of(victim);
	assert_string_equal(text, "mine");
	free(text);
	free(victim);
}

static void test_config_that_became_a_folder(void **state)
{
	struct a_build *a = *state;

	put("src/Makefile", "vmlinux:\n\t@rm $(O)/.config\n"
			    "\t@mkdir -p $(O)/.config/x\n\t@exit 1\n");
	run_to(a, BUILD_BROKEN, "make failed");
	put("src/Makefile", makefile);
	a->rq.tree = "t2";
	run_ok(a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_kernel),
		TEST(test_its_manifest),
		TEST(test_a_stage_of_any_name),
		TEST(test_it_is_found_again),
		TEST(test_what_the_key_is_made_of),
		TEST(test_a_comment_makes_no_other_kernel),
		TEST(test_next_stage_builds_what_it_must),
		TEST(test_bzimage_where_there_is_no_pvh),
		TEST(test_another_bzimage_is_another_kernel),
		TEST(test_debug_data_is_left_out),
		TEST(test_without_sandbox),
		TEST(test_error_in_a_touched_file),
		TEST(test_a_known_break),
		TEST(test_link_error),
		TEST(test_no_vmlinux_though_make_says_so),
		TEST(test_make_that_hangs),
		TEST(test_trouble_is_no_result),
		TEST(test_make_that_was_killed),
		TEST(test_stop),
		TEST(test_config_of_another_tree),
		TEST(test_a_cache_that_is_gone),
		TEST(test_damaged_object_folder),
		TEST(test_links_are_not_followed),
		TEST(test_config_that_became_a_folder),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
