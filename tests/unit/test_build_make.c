/* The command line of make, where few folders are enough: the script in it is
 * run for real, with echo in place of make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/job.h"
#include "build/build_int.h"

#include "a_folder.h"

#define OLD "all:\nbuild-dirs\t:= $(vmlinux-dirs)\n"
#define NEW "all:\nbuild-dir\t:= .\n"

#define PATHS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void put(const char *name, const char *text)
{
	char *copy = xstrdup(name), *slash = strrchr(copy, '/');
	struct err e;

	*slash = '\0';
	assert_int_equal(file_mkdirs(copy, &e), 0);
	assert_int_equal(file_put(name, text, strlen(text), &e), 0);
	free(copy);
}

/* As Kbuild leaves them, of these sources. */
static void put_cmd(const char *name, const char *const *sources)
{
	struct str text = STR_INIT;

	for (; *sources; sources++)
		str_addf(&text, "  %s/src/%s \\\n", dir, *sources);
	put(name, text.buf);
	str_release(&text);
}

/* What make is told of folders: "" for all of them. */
static char *folders(const char *makefile, const char *config, bool fresh,
		     const char *const *paths)
{
	struct sandbox box = {.off = true};
	struct toolchain tools = {0};
	struct strv changed = STRV_INIT, argv = STRV_INIT;
	struct build_request rq = {
		.box = &box, .tools = &tools, .changed = &changed};
	struct build_config c = {.pvh = true};
	struct job_spec spec = {.deadline_ms = 10000};
	struct job_result r;
	char *src = xasprintf("%s/src", dir), *obj = xasprintf("%s/obj", dir);
	char *found;
	struct err e;

	box.src = src;
	box.obj = obj;
	put("src/Makefile", makefile);
	str_adds(&c.text, config);
	for (; paths && *paths; paths++)
		strv_add(&changed, *paths);
	if (!paths)
		rq.changed = NULL;
	build_make_argv(&rq, fresh, &c, &argv);
	for (size_t i = 0; i < argv.n; i++)
		if (!strcmp(argv.v[i], "make"))
			memcpy(argv.v[i], "echo", 4);
	spec.argv = (const char *const *)argv.v;
	assert_int_equal(job_run(&spec, &r, &e), 0);
	assert_int_equal(r.exit, 0);
	assert_non_null(strstr(r.out.buf, " vmlinux"));
	found = strstr(r.out.buf, "build-dirs=");
	found = xstrdup(found ? found : "");
	found[strcspn(found, "\n")] = '\0';
	job_result_release(&r);
	str_release(&c.text);
	strv_release(&argv);
	strv_release(&changed);
	free(src);
	free(obj);
	return found;
}

static void assert_folders(const char *const *paths, const char *want)
{
	char *is = folders(OLD, "CONFIG_X=y\n", false, paths);

	assert_string_equal(is, want);
	free(is);
}

static int prepare(void **state)
{
	if (enter_folder(state))
		return -1;
	put_cmd("obj/mm/.slub.o.cmd",
		PATHS("mm/slub.c", "mm/slab.h", "include/linux/one.h",
		      "include/linux/all.h"));
	put_cmd("obj/kernel/sched/.core.o.cmd",
		PATHS("kernel/sched/core.c", "include/linux/one.h",
		      "include/linux/all.h"));
	put_cmd("obj/arch/x86/kernel/.asm-offsets.s.cmd",
		PATHS("include/linux/all.h"));
	return 0;
}

static void test_folders_of_what_was_made(void **state)
{
	(void)state;
	assert_folders(PATHS("mm/slub.c"), "build-dirs=mm");
	assert_folders(PATHS("mm/slab.h", "mm/slub.c"), "build-dirs=mm");
	assert_folders(PATHS("mm/slub.c", "kernel/sched/core.c"),
		       "build-dirs=mm kernel");
}

static void test_a_header_of_several(void **state)
{
	char *is;

	(void)state;
	is = folders(OLD, "", false, PATHS("include/linux/one.h"));
	assert_non_null(strstr(is, "mm"));
	assert_non_null(strstr(is, "kernel"));
	free(is);
}

static void test_all_where_it_is_not_known(void **state)
{
	char *is;

	(void)state;
	/* New, or of another config; a name within a name; no source; of what
	 * is built in another way. */
	assert_folders(PATHS("mm/new.c"), "");
	assert_folders(PATHS("mm/slub.c", "mm/new.h"), "");
	assert_folders(PATHS("m/slub.c"), "");
	assert_folders(PATHS("mm/slub"), "");
	assert_folders(PATHS("include/linux/all.h"), "");
	assert_folders(PATHS("a", "b", "c", "d", "e", "f", "g", "h", "i"), "");
	assert_folders(NULL, "");
	assert_folders(PATHS(NULL), "");
	is = folders(NEW, "", false, PATHS("mm/slub.c"));
	assert_string_equal(is, "");
	free(is);
	is = folders(OLD, "", true, PATHS("mm/slub.c"));
	assert_string_equal(is, "");
	free(is);
	is = folders(OLD, "A=y\nCONFIG_TRIM_UNUSED_KSYMS=y\n", false,
		     PATHS("mm/slub.c"));
	assert_string_equal(is, "");
	free(is);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folders_of_what_was_made),
		cmocka_unit_test(test_a_header_of_several),
		cmocka_unit_test(test_all_where_it_is_not_known),
	};

	return cmocka_run_group_tests(tests, prepare, leave_folder);
}
