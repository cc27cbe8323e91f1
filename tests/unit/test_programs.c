/* Programs of a workload's own: compiled once for each input, and what does not
 * compile is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_folder.h"

#include "base/err.h"
#include "base/file.h"
#include "base/job.h"
#include "base/str.h"
#include "lab/programs.h"
#include "study/workload.h"

#include <string.h>
#include <sys/stat.h>

static void put(const char *path, const char *text)
{
	struct err e;

	assert_int_equal(file_put(path, text, strlen(text), &e), 0);
}

static int setup(void **state)
{
	struct err e;

	return enter_folder(state) || file_mkdirs("lab", &e) ||
	       file_mkdirs("src", &e) || file_mkdirs("elsewhere/src", &e);
}

/* What comes out of it: its path, to be freed, or NULL with an error. */
static char *build_with(const char *name, const char *source,
			const char *library, struct err *e)
{
	struct program p = {.name = (char *)name};
	char *path = (char *)"unset";
	int r;

	strv_add(&p.sources, source);
	if (library)
		strv_add(&p.libraries, library);
	r = program_build("lab", &p, &path, e);
	strv_release(&p.sources);
	strv_release(&p.libraries);
	if (r)
		assert_null(path);
	return path;
}

static char *build(const char *name, const char *source)
{
	struct err e;
	char *path = build_with(name, source, NULL, &e);

	if (!path)
		fail_msg("%s", e.text);
	return path;
}

static void assert_prints(const char *path, const char *want)
{
	const char *const argv[] = {path, NULL};
	struct job_spec spec = {.argv = argv, .deadline_ms = 20000};
	struct job_result result;
	struct err e;

	assert_int_equal(job_run(&spec, &result, &e), 0);
	assert_int_equal(result.exit, 0);
	assert_string_equal(result.out.buf, want);
	job_result_release(&result);
}

#define SAYS(what)                                                             \
	"#include <stdio.h>\nint main(void) { puts(" what "); return 0; }\n"

static void test_compiles_once(void **state)
{
	struct stat first, again;
	char *path, *same;

	(void)state;
	put("src/one.c", SAYS("\"one\""));
	path = build("one", "src/one.c");
	assert_true(str_starts(path, "lab/programs/"));
	assert_true(str_ends(path, "/one"));
	assert_prints(path, "one\n");
	assert_int_equal(stat(path, &first), 0);
	same = build("one", "src/one.c");
	assert_string_equal(same, path);
	assert_int_equal(stat(same, &again), 0);
	assert_int_equal(first.st_ino, again.st_ino);
	free(path);
	free(same);
}

static void test_is_static(void **state)
{
	char *path;
	struct str elf = STR_INIT;
	struct err e;

	(void)state;
	put("src/one.c", SAYS("\"one\""));
	path = build("one", "src/one.c");
	assert_int_equal(file_read(path, 16u << 20, &elf, &e), 0);
	/* A program that is not would name its loader. */
	assert_null(memmem(elf.buf, elf.len, "/ld-linux", 9));
	str_release(&elf);
	free(path);
}

/* Equal input gives equal bytes, wherever it lies. */
static void test_paths_do_not_count(void **state)
{
	char *here, *there, hex[SHA256_HEX], other[SHA256_HEX];
	struct err e;

	(void)state;
	put("src/path.c", SAYS("__FILE__"));
	put("elsewhere/src/path.c", SAYS("__FILE__"));
	here = build("path", "src/path.c");
	assert_int_equal(file_sha256(here, hex, &e), 0);
	assert_prints(here, "./path.c\n");
	assert_int_equal(file_remove("lab/programs", &e), 0);
	there = build("path", "elsewhere/src/path.c");
	assert_string_equal(here, there);
	assert_int_equal(file_sha256(there, other, &e), 0);
	assert_string_equal(hex, other);
	free(here);
	free(there);
}

static void test_input_counts(void **state)
{
	char *one, *two, *three, *four;
	struct err e;

	(void)state;
	put("src/h.c", "#include \"h.h\"\n" SAYS("H"));
	put("src/h.h", "#define H \"first\"\n");
	one = build("h", "src/h.c");
	assert_prints(one, "first\n");
	/* A header that changed. */
	put("src/h.h", "#define H \"second\"\n");
	two = build("h", "src/h.c");
	assert_string_not_equal(one, two);
	assert_prints(two, "second\n");
	assert_prints(one, "first\n");
	/* The source. */
	put("src/h.c", "#include \"h.h\"\n" SAYS("H \"!\""));
	three = build("h", "src/h.c");
	assert_prints(three, "second!\n");
	/* Libraries. */
	four = build_with("h", "src/h.c", "m", &e);
	assert_non_null(four);
	assert_string_not_equal(three, four);
	assert_prints(four, "second!\n");
	free(one);
	free(two);
	free(three);
	free(four);
	assert_int_equal(file_remove("src/h.h", &e), 0);
}

static void test_does_not_compile(void **state)
{
	static const struct {
		const char *text, *library, *want;
	} cases[] = {
		{"int main(void) { return nothing; }\n", NULL,
		 "bad.c:1:25: error: "},
		/* A warning is an error, too. */
		{"int main(void) { int unused; return 0; }\n", NULL,
		 "unused variable"},
		{"#include \"none.h\"\nint main(void) { return 0; }\n", NULL,
		 "none.h: No such file"},
		{"int main(void) { return 0; }\n", "nonesuch", "-lnonesuch"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err e;

		put("src/bad.c", cases[i].text);
		assert_null(
			build_with("bad", "src/bad.c", cases[i].library, &e));
		/* Exit status 2: the workload's author has to act. */
		assert_int_equal(e.kind, ERR_USER);
		if (!str_starts(e.text, "program 'bad' does not compile: ") ||
		    !strstr(e.text, cases[i].want))
			fail_msg("'%s' does not say '%s'", e.text,
				 cases[i].want);
		assert_null(strchr(e.text, '\n'));
	}
	/* Nothing is left that a later run could take for it. */
	put("src/bad.c", SAYS("\"good\""));
	free(build("bad", "src/bad.c"));
}

static void test_source_is_gone(void **state)
{
	struct err e;

	(void)state;
	assert_null(build_with("none", "src/none.c", NULL, &e));
	assert_non_null(strstr(e.text, "src/none.c"));
}

static bool has_clang(void)
{
	const char *const argv[] = {"clang", "--version", NULL};
	struct job_spec spec = {.argv = argv, .deadline_ms = 20000};
	struct job_result result;
	struct err e;
	bool ok;

	ok = !job_run(&spec, &result, &e) && !result.exit;
	job_result_release(&result);
	return ok;
}

static void test_bpf(void **state)
{
	struct str elf = STR_INIT;
	struct err e;
	char *path;

	(void)state;
	put("src/x.bpf.c",
	    "int answer(void) { return 42; }\n"
	    "char _license[] "
	    "__attribute__((section(\"license\"))) = \"GPL\";\n");
	path = build_with("x.bpf.o", "src/x.bpf.c", NULL, &e);
	if (!has_clang()) {
		assert_null(path);
		assert_int_equal(e.kind, ERR_LAB);
		assert_non_null(strstr(e.text, "there is no clang here"));
		skip();
	}
	if (!path)
		fail_msg("%s", e.text);
	assert_true(str_ends(path, "/x.bpf.o"));
	assert_int_equal(file_read(path, 1 << 20, &elf, &e), 0);
	/* e_machine of elf(5): EM_BPF. */
	assert_true(elf.len > 20 && !memcmp(elf.buf, "\177ELF", 4));
	assert_int_equal((unsigned char)elf.buf[18], 247);
	str_release(&elf);
	free(path);
	put("src/x.bpf.c", "int answer(void) { return nothing; }\n");
	assert_null(build_with("x.bpf.o", "src/x.bpf.c", NULL, &e));
	assert_int_equal(e.kind, ERR_USER);
	assert_non_null(strstr(e.text, "x.bpf.c:1:27: error: "));
}

/* A compiler that is not there is the lab's trouble, told with what to do. */
static void test_no_compiler(void **state)
{
	char *path = xstrdup(getenv("PATH")), *bin = getcwd(NULL, 0);
	struct err e;

	(void)state;
	put("src/one.c", SAYS("\"one\""));
	/* What every child is started with, alone. */
	assert_int_equal(symlink("/usr/bin/setpriv", "setpriv"), 0);
	setenv("PATH", bin, 1);
	assert_null(build_with("one", "src/one.c", NULL, &e));
	setenv("PATH", path, 1);
	free(path);
	free(bin);
	assert_int_equal(e.kind, ERR_LAB);
	assert_non_null(strstr(e.text, "there is no gcc here"));
	assert_non_null(strstr(e.text, "make setup"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compiles_once),
		cmocka_unit_test(test_is_static),
		cmocka_unit_test(test_paths_do_not_count),
		cmocka_unit_test(test_input_counts),
		cmocka_unit_test(test_does_not_compile),
		cmocka_unit_test(test_source_is_gone),
		cmocka_unit_test(test_bpf),
		cmocka_unit_test(test_no_compiler),
	};

	return cmocka_run_group_tests(tests, setup, leave_folder);
}
