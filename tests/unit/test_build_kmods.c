/*
 * Modules of klab's own, built against a kernel: what becomes of them, and that
 * the kernel does not become another for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_build.h"

#include <errno.h>
#include <sys/stat.h>

#define CONFIG "CONFIG_PVH=y\nCONFIG_MODULES=y\nCONFIG_HZ=250\n"

static struct strv kmods;

static int setup_kmods(void **state)
{
	struct a_build *a;
	struct err e;

	if (setup(state) || file_mkdirs("mods", &e) || file_mkdirs("other", &e))
		return -1;
	a = *state;
	put("config", CONFIG);
	put("mods/one.c", "int one;\n");
	put("mods/two.c", "int two;\n");
	put("other/one.c", "int another;\n");
	strv_addf(&kmods, "%s/mods/one.c", dir);
	a->rq.kmods = &kmods;
	return 0;
}

static int teardown_kmods(void **state)
{
	strv_release(&kmods);
	return teardown(state);
}

static void module_text(const struct kernel *k, const char *name, char **path,
			char **why)
{
	struct err e;

	if (build_kmod_find(k, name, path, why, &e))
		fail_msg("%s", e.text);
}

static void assert_built(const struct kernel *k, const char *name)
{
	char *path, *why;
	struct stat st;

	module_text(k, name, &path, &why);
	if (why)
		fail_msg("%s: %s", name, why);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > 100);
	free(path);
}

static void assert_why(const struct kernel *k, const char *name,
		       const char *expected)
{
	char *path, *why;

	module_text(k, name, &path, &why);
	assert_null(path);
	assert_string_equal(why, expected);
	free(why);
}

/* A tree whose rule for modules is this line. */
static void put_rule(const char *rule)
{
	const char *at = strstr(makefile, "\t@for f in");
	char *text =
		xasprintf("%.*s\t@%s\n", (int)(at - makefile), makefile, rule);

	put("src/Makefile", text);
	free(text);
}

/* ---- modules ---- */

static void test_a_module(void **state)
{
	const struct kernel *k = &run_ok(*state)->kernel;
	char *path, *why;
	struct err e;

	assert_built(k, "one");
	assert_int_equal(build_kmod_find(k, "two", &path, &why, &e), -EIO);
	assert_int_equal(e.kind, ERR_LAB);
	assert_false(there("lab/obj/1.kmods"));
	assert_false(there("mods/one.ko"));
}

static void test_two_modules_of_which_one_does_not_build(void **state)
{
	const struct build_result *r;

	put("mods/two.c", "int two(void)\n{\n\treturn foo;\n}\n");
	strv_addf(&kmods, "%s/mods/two.c", dir);
	r = run_ok(*state);
	assert_built(&r->kernel, "one");
	assert_why(&r->kernel, "two", "two.c:3: 'foo' undeclared");
}

static void test_without_a_sandbox(void **state)
{
	struct a_build *a = *state;

	put("mods/two.c", "int two(void)\n{\n\treturn foo;\n}\n");
	strv_addf(&kmods, "%s/mods/two.c", dir);
	a->box.off = true;
	assert_built(&run_ok(a)->kernel, "one");
	assert_why(&build_result(a->build)->kernel, "two",
		   "two.c:3: 'foo' undeclared");
}

static void test_headers_beside_it(void **state)
{
	struct a_build *a = *state;
	char key[2][17];
	struct err e;

	put("mods/one.c", "#include \"one.h\"\nint one = ONE;\n");
	put("mods/one.h", "#define ONE 1\n");
	build_key(&a->rq, key[0], &e);
	assert_built(&run_ok(a)->kernel, "one");
	put("mods/one.h", "#define ONE 2\n");
	build_key(&a->rq, key[1], &e);
	assert_string_not_equal(key[0], key[1]);
	assert_int_equal(unlink("mods/one.h"), 0);
	assert_why(&run_ok(a)->kernel, "one",
		   "one.c:1: one.h: No such file or directory");
}

static void test_symbol_that_is_not_exported(void **state)
{
	put_rule("echo 'WARNING: modpost: \"foo\" [/klab/kmods/one.ko] "
		 "undefined!'; echo > $(M)/one.ko");
	assert_why(&run_ok(*state)->kernel, "one",
		   "it needs 'foo', which this kernel does not export to "
		   "modules");
}

static void test_kernel_without_modules(void **state)
{
	put("config", "CONFIG_PVH=y\n# CONFIG_MODULES is not set\n");
	assert_why(&run_ok(*state)->kernel, "one",
		   "this kernel takes no modules: its config has no "
		   "MODULES=y");
}

static void test_modules_prepare_that_fails(void **state)
{
	char *text =
		xasprintf("%smodules_prepare: x\nx:\n"
			  "\t@echo 'scripts/x.c:7:1: error: bad'; exit 1\n",
			  makefile);

	put("src/Makefile", text);
	free(text);
	assert_why(&run_ok(*state)->kernel, "one", "scripts/x.c:7: bad");
}

static void test_make_that_leaves_nothing(void **state)
{
	put_rule("echo done");
	assert_why(&run_ok(*state)->kernel, "one",
		   "make has left no file 'one.ko'");
}

static void test_link_in_place_of_a_module(void **state)
{
	put_rule("ln -s /etc/passwd $(M)/one.ko");
	assert_why(&run_ok(*state)->kernel, "one",
		   "make has left no file 'one.ko'");
}

/* ---- the kernel ---- */

static void test_kernel_is_the_same_as_without(void **state)
{
	struct a_build *a = *state;
	char identity[65], key[17];

	memcpy(identity, run_ok(a)->kernel.identity, sizeof(identity));
	memcpy(key, build_result(a->build)->kernel.key, sizeof(key));
	a->rq.kmods = NULL;
	assert_string_equal(run_ok(a)->kernel.identity, identity);
	assert_string_not_equal(build_result(a->build)->kernel.key, key);
}

static void test_object_folder_is_not_written_to(void **state)
{
	struct a_build *a = *state;
	char *log = at("lab/obj/1.log"), *text;

	put_rule("if echo > $(O)/head.o; then echo > $(M)/one.ko; fi; true");
	assert_why(&run_ok(a)->kernel, "one", "make has left no file 'one.ko'");
	a->rq.tree = "t2";
	run_ok(a);
	text = text_of(log);
	assert_null(strstr(text, "head.S"));
	free(text);
	free(log);
}

static void test_what_the_key_takes_of_modules(void **state)
{
	struct a_build *a = *state;
	struct strv none = STRV_INIT, both = STRV_INIT, turned = STRV_INIT;
	char plain[17], key[5][17];
	struct err e;

	build_key(&a->rq, key[0], &e);
	a->rq.kmods = NULL;
	build_key(&a->rq, plain, &e);
	a->rq.kmods = &none;
	build_key(&a->rq, key[1], &e);
	assert_string_equal(plain, key[1]);
	for (int i = 0; i < 2; i++) {
		strv_addf(&both, "%s/mods/%s.c", dir, i ? "two" : "one");
		strv_addf(&turned, "%s/mods/%s.c", dir, i ? "one" : "two");
	}
	strv_addf(&turned, "%s/other/../mods/two.c", dir);
	a->rq.kmods = &both;
	build_key(&a->rq, key[2], &e);
	a->rq.kmods = &turned;
	build_key(&a->rq, key[3], &e);
	assert_string_equal(key[2], key[3]);
	a->rq.kmods = &kmods;
	put("mods/one.c", "long one;\n");
	build_key(&a->rq, key[4], &e);
	assert_string_not_equal(key[0], key[4]);
	assert_string_not_equal(key[0], key[2]);
	assert_string_not_equal(key[0], plain);
	strv_release(&both);
	strv_release(&turned);
}

static void test_sources_that_are_none(void **state)
{
	struct a_build *a = *state;
	char key[17];
	struct err e;

	strv_addf(&kmods, "%s/other/one.c", dir);
	assert_int_not_equal(build_key(&a->rq, key, &e), 0);
	assert_string_equal(e.text, "two kernel modules have the name 'one'");
	strv_release(&kmods);
	strv_addf(&kmods, "%s/config", dir);
	assert_int_not_equal(build_key(&a->rq, key, &e), 0);
	assert_non_null(strstr(e.text, "is not the source of a module"));
	strv_release(&kmods);
	strv_addf(&kmods, "%s/mods/none.c", dir);
	assert_int_not_equal(build_key(&a->rq, key, &e), 0);
}

/* ---- the lab's fault ---- */

static void test_trouble_is_no_result_of_a_module(void **state)
{
	struct a_build *a = *state;
	const struct build_result *r;
	struct build_result found;
	struct err e;

	put_rule("echo 'one.c: error writing to /tmp/x: No space left on "
		 "device'; exit 1");
	r = run(a);
	assert_int_equal(r->state, BUILD_LAB);
	assert_non_null(strstr(r->reason, "the disk is full"));
	assert_int_equal(build_find(&a->rq, &found, &e), -ENOENT);
	put("src/Makefile", makefile);
	assert_built(&run_ok(a)->kernel, "one");
}

static void on_poll(uv_timer_t *t)
{
	struct a_build *a = t->data;

	if (!there("lab/obj/1.kmods/one/hangs"))
		return;
	build_stop(a->build);
	uv_close((uv_handle_t *)t, NULL);
}

static void test_stop_while_a_module_is_built(void **state)
{
	struct a_build *a = *state;
	struct build_result found;
	struct err e;

	put_rule("echo > $(M)/hangs; sleep 1000");
	start(a);
	uv_timer_init(&a->loop, &a->poll);
	a->poll.data = a;
	uv_timer_start(&a->poll, on_poll, 10, 10);
	uv_run(&a->loop, UV_RUN_DEFAULT);
	assert_int_equal(a->done, 1);
	assert_int_equal(build_result(a->build)->state, BUILD_STOPPED);
	assert_int_equal(build_find(&a->rq, &found, &e), -ENOENT);
	put("src/Makefile", makefile);
	assert_built(&run_ok(a)->kernel, "one");
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, setup_kmods, teardown_kmods)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_module),
		TEST(test_two_modules_of_which_one_does_not_build),
		TEST(test_without_a_sandbox),
		TEST(test_headers_beside_it),
		TEST(test_symbol_that_is_not_exported),
		TEST(test_kernel_without_modules),
		TEST(test_modules_prepare_that_fails),
		TEST(test_make_that_leaves_nothing),
		TEST(test_link_in_place_of_a_module),
		TEST(test_kernel_is_the_same_as_without),
		TEST(test_object_folder_is_not_written_to),
		TEST(test_what_the_key_takes_of_modules),
		TEST(test_sources_that_are_none),
		TEST(test_trouble_is_no_result_of_a_module),
		TEST(test_stop_while_a_module_is_built),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
