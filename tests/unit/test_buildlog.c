/*
 * What is read out of a build's log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_folder.h"
#include "build/buildlog.h"

#include <archive.h>

#define SRC "/klab/src"
#define OBJ "/klab/obj"

static struct buildlog parse(const char *text)
{
	struct buildlog l;

	buildlog_parse(text, strlen(text), SRC, OBJ, &l);
	return l;
}

/* The errors of a log, one per line: "file:line: text". */
static void assert_errors(const char *text, const char *want)
{
	struct buildlog l = parse(text);
	struct str s = STR_INIT;

	for (size_t i = 0; i < l.n; i++)
		str_addf(&s, "%s:%d: %s\n",
			 l.errors[i].file ? l.errors[i].file : "-",
			 l.errors[i].line, l.errors[i].text);
	str_add(&s, "", 0);
	assert_string_equal(s.buf, want);
	assert_null(l.trouble);
	str_release(&s);
	buildlog_release(&l);
}

static void assert_trouble(const char *text, const char *want)
{
	struct buildlog l = parse(text);

	if (!l.trouble || !strstr(l.trouble, want))
		fail_msg("'%s', not '%s'", l.trouble, want);
	buildlog_release(&l);
}

static void assert_no_trouble(const char *text)
{
	struct buildlog l = parse(text);

	if (l.trouble)
		fail_msg("%s", l.trouble);
	buildlog_release(&l);
}

/* ---- compilers ---- */

static void test_compile_error(void **state)
{
	(void)state;
	assert_errors(
		"  CC      mm/slub.o\n"
		"/klab/src/mm/slub.c: In function 'foo':\n"
		"/klab/src/mm/slub.c:123:9: error: 'bar' undeclared (first use "
		"in this function)\n"
		"  123 |  return bar;\n"
		"      |         ^~~\n"
		"/klab/src/mm/slub.c:123:9: note: each undeclared identifier "
		"is reported only once for each function it appears in\n"
		"make[3]: *** [/klab/src/scripts/Makefile.build:229: "
		"mm/slub.o] Error 1\n"
		"make[2]: *** [/klab/src/scripts/Makefile.build:478: mm] Error "
		"2\n",
		"mm/slub.c:123: 'bar' undeclared\n");
}

static void test_paths(void **state)
{
	(void)state;
	assert_errors("../src/mm/a.c:1:1: error: one\n"
		      "mm/b.c:2: error: two\n"
		      "./include/linux/c.h:3:1: fatal error: three\n"
		      "/klab/obj/include/generated/d.h:4:1: error: four\n"
		      "/klab/src/././mm/e.c:5:1: error: five\n",
		      "mm/a.c:1: one\nmm/b.c:2: two\n"
		      "include/linux/c.h:3: three\n"
		      "include/generated/d.h:4: four\nmm/e.c:5: five\n");
}

static void test_only_the_first_few_and_each_once(void **state)
{
	(void)state;
	assert_errors("a.h:1:1: error: x\na.h:1:1: error: x\n"
		      "a.h:2:1: error: x\na.h:2:9: error: y\n"
		      "a.h:3:1: error: x\na.h:4:1: error: x\n"
		      "a.h:5:1: error: x\n",
		      "a.h:1: x\na.h:2: x\na.h:2: y\na.h:3: x\na.h:4: x\n");
}

static void test_included_header(void **state)
{
	(void)state;
	assert_errors(
		"In file included from /klab/src/mm/slab.h:5,\n"
		"                 from /klab/src/mm/slub.c:20:\n"
		"/klab/src/include/linux/slub_def.h:45:2: error: unknown type "
		"name \xe2\x80\x98local_lock_t\xe2\x80\x99\n",
		"include/linux/slub_def.h:45: unknown type name "
		"'local_lock_t'\n");
}

static void test_werror(void **state)
{
	(void)state;
	assert_errors(
		"/klab/src/mm/slub.c:9:6: error: unused variable 'x' "
		"[-Werror=unused-variable]\n"
		"cc1: all warnings being treated as errors\n"
		"/klab/src/mm/slub.c:10:6: warning: unused variable 'y'\n",
		"mm/slub.c:9: unused variable 'x' "
		"[-Werror=unused-variable]\n");
}

static void test_assertions_are_told_where_they_are_made(void **state)
{
	(void)state;
	assert_errors(
		"In function 'init',\n"
		"    inlined from 'start' at /klab/src/mm/slub.c:4811:2:\n"
		"/klab/src/include/linux/compiler_types.h:490:45: error: call "
		"to '__compiletime_assert_123' declared with attribute error: "
		"BUILD_BUG_ON failed: 1\n",
		"mm/slub.c:4811: call to '__compiletime_assert_123' declared "
		"with attribute error: BUILD_BUG_ON failed: 1\n");
	assert_errors(
		"/klab/src/include/linux/build_bug.h:78:41: error: static "
		"assertion failed: \"x\"\n"
		"/klab/src/include/linux/build_bug.h:77:34: note: in expansion "
		"of macro '__static_assert'\n"
		"/klab/src/mm/slub.c:12:1: note: in expansion of macro "
		"'static_assert'\n"
		"/klab/src/mm/other.c:12:1: note: in expansion of macro 'z'\n",
		"mm/slub.c:12: static assertion failed: \"x\"\n");
}

static void test_lines_of_several_jobs(void **state)
{
	(void)state;
	assert_errors("  CC      mm/slub.o\n"
		      "/klab/src/mm/slub.c: In function 'f':\n"
		      "  CC      mm/slab_common.o\n"
		      "/klab/src/mm/vmscan.c:7:1: error: expected ';'\n"
		      "/klab/src/mm/slub.c:8:1: error: 'f' redeclared\n"
		      "  CC      fs/exec.o\n"
		      "make[3]: *** Waiting for unfinished jobs....\n",
		      "mm/vmscan.c:7: expected ';'\nmm/slub.c:8: 'f' "
		      "redeclared\n");
}

static void test_assembler(void **state)
{
	(void)state;
	assert_errors("/klab/src/arch/x86/entry/entry_64.S: Assembler "
		      "messages:\n"
		      "/klab/src/arch/x86/entry/entry_64.S:99: Error: no such "
		      "instruction: `foo'\n",
		      "arch/x86/entry/entry_64.S:99: no such instruction: "
		      "'foo'\n");
	assert_errors("/tmp/ccAbC.s: Assembler messages:\n"
		      "/tmp/ccAbC.s:123: Error: no such instruction: `bar'\n"
		      "make[3]: *** [/klab/src/scripts/Makefile.build:229: "
		      "mm/slub.o] Error 1\n",
		      "mm/slub.c:0: no such instruction: 'bar'\n");
	assert_errors("/klab/src/mm/slub.c: Assembler messages:\n"
		      "{standard input}:5: Error: bad register name `%x'\n",
		      "mm/slub.c:0: bad register name '%x'\n");
}

static void test_compilers_without_a_place(void **state)
{
	(void)state;
	assert_errors("gcc: error: unrecognized command-line option '-mfoo'\n"
		      "make[3]: *** [/klab/src/scripts/Makefile.build:1: "
		      "mm/slub.o] Error 1\n",
		      "mm/slub.c:0: unrecognized command-line option "
		      "'-mfoo'\n");
	assert_errors("mm/slub.c:1:2: internal compiler error: in foo, at "
		      "bar.cc:12\n",
		      "mm/slub.c:1: internal compiler error: in foo, at "
		      "bar.cc:12\n");
}

static void test_tools_have_folders_of_their_own(void **state)
{
	(void)state;
	assert_errors("check.c:12:3: error: 'x' may be used uninitialized "
		      "[-Werror]\n"
		      "make[4]: *** [/klab/src/tools/build/Makefile.build:96: "
		      "/klab/obj/tools/objtool/check.o] Error 1\n",
		      "tools/objtool/check.c:12: 'x' may be used uninitialized "
		      "[-Werror]\n");
}

/* ---- linkers and their like ---- */

static void test_linker(void **state)
{
	(void)state;
	assert_errors(
		"ld: mm/slub.o: in function `foo':\n"
		"slub.c:(.text+0x12): undefined reference to `bar'\n"
		"ld: slub.c:(.text+0x99): undefined reference to `baz'\n"
		"make[1]: *** [/klab/src/Makefile:1171: vmlinux] Error 1\n",
		"mm/slub.c:0: undefined reference to 'bar' in 'foo'\n"
		"mm/slub.c:0: undefined reference to 'baz' in 'foo'\n");
	assert_errors("ld: vmlinux.o: in function `foo':\n"
		      "slub.c:(.text+0x12): undefined reference to `bar'\n",
		      "slub.c:0: undefined reference to 'bar' in 'foo'\n");
	assert_errors("ld: vmlinux.o: in function `foo':\n"
		      "/klab/src/mm/slub.c:77: undefined reference to `bar'\n",
		      "mm/slub.c:77: undefined reference to 'bar' in 'foo'\n");
	assert_errors(
		"/usr/bin/ld: mm/a.o:a.c:(.text+0x0): multiple "
		"definition of `x'; mm/b.o:b.c:(.text+0x0): first defined "
		"here\n",
		"mm/a.c:0: multiple definition of 'x'\n");
	assert_errors("ld: warning: vmlinux has a LOAD segment with RWX "
		      "permissions\n"
		      "ld: section .foo LMA overlaps section .bar\n",
		      "-:0: section .foo LMA overlaps section .bar\n");
}

static void test_lld(void **state)
{
	(void)state;
	assert_errors(
		"ld.lld: error: undefined symbol: bar\n"
		">>> referenced by slub.c:123 (/klab/src/mm/slub.c:123)\n"
		">>>               mm/slub.o:(foo) in archive vmlinux.a\n",
		"mm/slub.c:0: undefined symbol: bar\n");
}

static void test_modpost_and_objtool(void **state)
{
	(void)state;
	assert_errors("ERROR: modpost: \"foo\" [mm/bar.ko] undefined!\n",
		      "-:0: modpost: \"foo\" [mm/bar.ko] undefined!\n");
	assert_errors("mm/slub.o: error: objtool: foo+0x1: unreachable\n",
		      "mm/slub.c:0: objtool: foo+0x1: unreachable\n");
	assert_errors("vmlinux.o: error: objtool: foo+0x1: unreachable\n",
		      "-:0: objtool: foo+0x1: unreachable\n");
}

/* ---- make and Kconfig ---- */

static void test_make_errors(void **state)
{
	(void)state;
	assert_errors(
		"make[3]: *** No rule to make target 'mm/new.o', needed "
		"by 'mm/built-in.a'.  Stop.\n",
		"mm/Makefile:0: No rule to make target 'mm/new.o', needed "
		"by 'mm/built-in.a'.\n");
	assert_errors("/klab/src/mm/Makefile:12: *** missing separator.  "
		      "Stop.\n",
		      "mm/Makefile:12: missing separator.\n");
}

static void test_kconfig(void **state)
{
	(void)state;
	assert_errors("mm/Kconfig:12: syntax error\n"
		      "mm/Kconfig:12: invalid statement\n"
		      "fs/Kconfig.x:3:warning: ignoring type redefinition\n"
		      "mm/Kconfig:20:error: recursive dependency detected!\n",
		      "mm/Kconfig:12: syntax error\n"
		      "mm/Kconfig:12: invalid statement\n"
		      "mm/Kconfig:20: recursive dependency detected!\n");
}

/* ---- whose fault ---- */

static void test_the_labs_fault(void **state)
{
	(void)state;
	assert_trouble("gcc: fatal error: Killed signal terminated program "
		       "cc1\ncompilation terminated.\n",
		       "the compiler was killed");
	assert_trouble("make[3]: *** [scripts/Makefile.build:1: mm/slub.o] "
		       "Killed\n",
		       "the compiler was killed");
	assert_trouble("Killed\nmake[3]: *** [scripts/Makefile.build:1: x.o] "
		       "Error 137\n",
		       "the compiler was killed");
	assert_trouble("cc1: out of memory allocating 65536 bytes\n",
		       "memory ran out");
	assert_trouble("/tmp/x.s: Fatal error: can't write 9 bytes to section "
		       ".text of mm/slub.o: 'No space left on device'\n",
		       "the disk is full");
	assert_trouble("mm/slub.c:9:1: fatal error: error writing to -: No "
		       "space left on device\n",
		       "the disk is full");
	assert_trouble("/bin/sh: 1: bison: not found\n", "'bison', which");
	assert_trouble("bash: line 1: bc: command not found\n", "'bc', which");
	assert_trouble("make[1]: flex: No such file or directory\n",
		       "'flex', which");
	assert_trouble("env: 'make': No such file or directory\n",
		       "'make', which");
	assert_trouble("/klab/src/tools/objtool/elf.h:10:10: fatal error: "
		       "gelf.h: No such file or directory\n",
		       "the header 'gelf.h' is missing");
	assert_trouble("error: Cannot generate ORC metadata for "
		       "CONFIG_UNWINDER_ORC=y, please install libelf-dev\n",
		       "something is missing");
	assert_trouble("bwrap: Can't find source path /x\n", "the sandbox");
	assert_trouble("Error in reading or end of file.\n"
		       "Console input/output is redirected. Run 'make "
		       "oldconfig' to update configuration.\n",
		       "not settled for this tree");
}

static void test_not_the_labs_fault(void **state)
{
	(void)state;
	assert_no_trouble("mm/slub.c:9:1: warning: \"No space left on "
			  "device\" is odd\n"
			  "  9 | pr_err(\"No space left on device\");\n"
			  "    | pr_err(\"Cannot allocate memory\");\n");
	assert_no_trouble("mm/slub.c:9:10: fatal error: linux/new.h: No such "
			  "file or directory\n");
	assert_no_trouble("/bin/sh: 1: ./scripts/new.sh: not found\n");
	/* Not there, but not what it failed for. */
	assert_no_trouble("/bin/sh: 1: pahole: not found\n"
			  "Makefile:9: Cannot use X=y, please install libelf\n"
			  "mm/slub.c:9:10: error: expected ';'\n");
	assert_no_trouble("make[1]: *** [Makefile:1: x] Error 127\n");
}

static void test_damage(void **state)
{
	struct buildlog l = parse("ld: mm/slub.o: file not recognized: file "
				  "truncated\n");

	(void)state;
	assert_true(l.damaged);
	buildlog_release(&l);
	l = parse("mm/.slub.o.cmd:1: *** missing separator.  Stop.\n");
	assert_true(l.damaged);
	buildlog_release(&l);
	l = parse("mm/Makefile:1: *** missing separator.  Stop.\n");
	assert_false(l.damaged);
	buildlog_release(&l);
}

static void test_nothing_known(void **state)
{
	struct buildlog l = parse("one\n\ntwo\nthree\nit went wrong\n"
				  "make: *** Waiting for unfinished jobs....\n"
				  "make[1]: Leaving directory '/klab/obj'\n");

	(void)state;
	assert_int_equal(l.n, 0);
	assert_string_equal(l.tail, "two / three / it went wrong");
	buildlog_release(&l);
}

static void test_junk(void **state)
{
	static char junk[300000];
	struct buildlog l;

	(void)state;
	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (char)(i * 2654435761u >> 13);
	buildlog_parse(junk, sizeof(junk), SRC, OBJ, &l);
	buildlog_release(&l);
	memset(junk, 'a', sizeof(junk));
	memcpy(junk, "a.c:1: error: ", 14);
	buildlog_parse(junk, sizeof(junk), SRC, OBJ, &l);
	assert_int_equal(l.n, 1);
	assert_true(strlen(l.errors[0].text) <= 300);
	buildlog_release(&l);
	l = parse("a.c:1: error: \x1b[31m\x01 red\n"
		  "a.c:99999999999999999999: error: far\n");
	assert_string_equal(l.errors[0].text, "?[31m? red");
	buildlog_release(&l);
}

/* ---- what the patch touches ---- */

static char *reason(const char *log, const struct strv *touched)
{
	struct buildlog l = parse(log);
	char *text;

	buildlog_touch(l.errors, l.n, touched);
	text = buildlog_reason(l.errors, l.n, touched, "otherwise");
	buildlog_release(&l);
	return text;
}

static void assert_reason(const char *log, const struct strv *touched,
			  const char *want)
{
	char *text = reason(log, touched);

	assert_string_equal(text, want);
	free(text);
}

static void test_reason(void **state)
{
	static const char log[] = "mm/vmscan.c:7:1: error: 'x' undeclared\n"
				  "mm/slub.c:8:1: error: 'y' undeclared\n";
	struct strv touched = STRV_INIT;

	(void)state;
	assert_reason("", NULL, "otherwise");
	assert_reason(log, NULL, "mm/vmscan.c:7: 'x' undeclared");
	assert_reason(log, &touched, "mm/vmscan.c:7: 'x' undeclared");
	strv_add(&touched, "mm/page_alloc.c");
	assert_reason(log, &touched,
		      "mm/vmscan.c:7: 'x' undeclared (in a file that the patch "
		      "does not touch)");
	strv_add(&touched, "mm/slub.c");
	assert_reason(log, &touched,
		      "mm/slub.c:8: 'y' undeclared (in a file that the patch "
		      "touches)");
	assert_reason("ld: vmlinux.o: in function `foo':\n"
		      "slub.c:(.text+0x12): undefined reference to `bar'\n",
		      &touched,
		      "mm/slub.c: undefined reference to 'bar' in 'foo' (in a "
		      "file that the patch touches)");
	assert_reason("ERROR: modpost: no\n", &touched, "modpost: no");
	strv_release(&touched);
}

/* ---- files ---- */

static void unpack(const char *path, struct str *text)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	char chunk[4096];
	la_ssize_t n;

	archive_read_support_format_raw(a);
	archive_read_support_filter_zstd(a);
	assert_int_equal(archive_read_open_filename(a, path, 4096), ARCHIVE_OK);
	assert_int_equal(archive_filter_code(a, 0), ARCHIVE_FILTER_ZSTD);
	assert_int_equal(archive_read_next_header(a, &entry), ARCHIVE_OK);
	while ((n = archive_read_data(a, chunk, sizeof(chunk))) > 0)
		str_add(text, chunk, (size_t)n);
	assert_int_equal(n, 0);
	archive_read_free(a);
}

static void test_pack(void **state)
{
	struct str text = STR_INIT, back = STR_INIT;
	struct err e;

	(void)state;
	for (int i = 0; i < 1000; i++)
		str_addf(&text, "line %d\n", i);
	assert_int_equal(buildlog_pack("log.zst", &text, &e), 0);
	unpack("log.zst", &back);
	assert_string_equal(back.buf, text.buf);
	str_release(&back);
	assert_true(buildlog_pack("/nonexistent/x", &text, &e) < 0);
	assert_int_equal(e.kind, ERR_LAB);
	str_release(&text);
}

static void test_middle_of_a_long_log_is_cut(void **state)
{
	const size_t half = BUILDLOG_CAP / 2;
	struct str text = STR_INIT;
	struct err e;
	char *big = xcalloc(1, BUILDLOG_CAP + 1000);

	(void)state;
	memset(big, 'm', BUILDLOG_CAP + 1000);
	memcpy(big, "first", 5);
	memcpy(big + BUILDLOG_CAP + 996, "last", 4);
	assert_int_equal(file_put("big", big, BUILDLOG_CAP + 1000, &e), 0);
	free(big);
	assert_int_equal(buildlog_read("big", &text, &e), 0);
	assert_true(str_starts(text.buf, "firstmmm"));
	assert_true(str_starts(text.buf + half,
			       "\n... 1000 bytes left out ...\nmmm"));
	assert_true(str_ends(text.buf, "mmmlast"));
	str_release(&text);
	assert_true(buildlog_read("absent", &text, &e) < 0);
	str_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compile_error),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_only_the_first_few_and_each_once),
		cmocka_unit_test(test_included_header),
		cmocka_unit_test(test_werror),
		cmocka_unit_test(test_assertions_are_told_where_they_are_made),
		cmocka_unit_test(test_lines_of_several_jobs),
		cmocka_unit_test(test_assembler),
		cmocka_unit_test(test_compilers_without_a_place),
		cmocka_unit_test(test_tools_have_folders_of_their_own),
		cmocka_unit_test(test_linker),
		cmocka_unit_test(test_lld),
		cmocka_unit_test(test_modpost_and_objtool),
		cmocka_unit_test(test_make_errors),
		cmocka_unit_test(test_kconfig),
		cmocka_unit_test(test_the_labs_fault),
		cmocka_unit_test(test_not_the_labs_fault),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_reason),
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_middle_of_a_long_log_is_cut),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
