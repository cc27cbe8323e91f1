/* Initramfs archives, read back with libarchive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "lab/initramfs.h"
#include "study/workload.h"

#include <archive.h>
#include <archive_entry.h>
#include <jansson.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static char dir[] = "/tmp/klab-initramfs-XXXXXX";

static void put(const char *path, const char *text)
{
	struct err e;

	assert_int_equal(file_put(path, text, strlen(text), &e), 0);
}

static int setup(void **state)
{
	struct err e;
	char *path;

	(void)state;
	if (!mkdtemp(dir) || chdir(dir) || file_mkdirs("bin", &e) ||
	    file_mkdirs("lab", &e))
		return -1;
	put("agent", "the agent");
	put("bin/script", "#!/bin/sh\n");
	chmod("bin/script", 0755);
	put("bin/not-executable", "x");
	path = xasprintf("%s/bin:%s", dir, getenv("PATH"));
	setenv("PATH", path, 1);
	free(path);
	return 0;
}

static int teardown(void **state)
{
	struct err e;

	(void)state;
	return chdir("/") || file_remove(dir, &e);
}

/* Names of an archive's entries, each with a comma; with content, mode and
 * device of the one that is asked for. */
struct listing {
	struct str names, data;
	mode_t mode;
	dev_t dev;
};

static struct listing list(const char *path, const char *want)
{
	struct listing l = {0};
	struct archive *a = archive_read_new();
	struct archive_entry *en;
	char chunk[4096];
	la_ssize_t n;

	archive_read_support_format_cpio(a);
	assert_int_equal(archive_read_open_filename(a, path, 4096), 0);
	while (!archive_read_next_header(a, &en)) {
		str_addf(&l.names, "%s,", archive_entry_pathname(en));
		if (strcmp(archive_entry_pathname(en), want))
			continue;
		l.mode = archive_entry_mode(en);
		l.dev = archive_entry_rdev(en);
		while ((n = archive_read_data(a, chunk, sizeof(chunk))) > 0)
			str_add(&l.data, chunk, (size_t)n);
	}
	archive_read_free(a);
	return l;
}

static void listing_release(struct listing *l)
{
	str_release(&l->names);
	str_release(&l->data);
}

static int base(const char *const *programs, char sha256[SHA256_HEX],
		struct err *e)
{
	struct workload w = {0};
	int r;

	for (; *programs; programs++)
		strv_add(&w.binaries, *programs);
	strv_add(&w.packages, "coreutils");
	strv_add(&w.packages, "no-such-package");
	r = initramfs_base("lab", "agent", &w, sha256, e);
	strv_release(&w.binaries);
	strv_release(&w.packages);
	return r;
}

#define PROGRAMS(...) ((const char *const[]){__VA_ARGS__, NULL})

static char *path_of(const char *sha256, const char *suffix)
{
	return xasprintf("lab/initramfs/%s.%s", sha256, suffix);
}

static void test_base(void **state)
{
	char sha256[SHA256_HEX], *path;
	struct listing l;
	struct err e;

	(void)state;
	if (base(PROGRAMS("ls", "cat"), sha256, &e))
		fail_msg("%s", e.text);
	path = path_of(sha256, "cpio");
	l = list(path, "init");
	assert_string_equal(l.data.buf, "the agent");
	assert_int_equal(l.mode, S_IFREG | 0755);
	/* Folders come before what is in them, each once. */
	assert_true(str_starts(l.names.buf, "init,dev,dev/console,bin,bin/ls,"
					    "bin/cat,"));
	assert_non_null(strstr(l.names.buf, "/libc.so.6,"));
	assert_non_null(strstr(l.names.buf, "/ld-linux-x86-64.so.2,"));
	assert_null(strstr(strstr(l.names.buf, "/libc.so.6,") + 1,
			   "/libc.so.6,"));
	listing_release(&l);
	l = list(path, "dev/console");
	assert_int_equal(l.mode, S_IFCHR | 0600);
	assert_int_equal(l.dev, makedev(5, 1));
	listing_release(&l);
	free(path);
}

static void test_equal_input_equal_bytes(void **state)
{
	char one[SHA256_HEX], two[SHA256_HEX], other[SHA256_HEX], *path;
	char hex[SHA256_HEX];
	struct err e;

	(void)state;
	assert_int_equal(base(PROGRAMS("ls"), one, &e), 0);
	path = path_of(one, "cpio");
	assert_int_equal(file_sha256(path, hex, &e), 0);
	assert_string_equal(hex, one);
	assert_int_equal(file_remove("lab/initramfs", &e), 0);
	assert_int_equal(base(PROGRAMS("ls"), two, &e), 0);
	assert_string_equal(one, two);
	assert_int_equal(base(PROGRAMS("cat"), other, &e), 0);
	assert_string_not_equal(one, other);
	free(path);
}

static void test_what_is_in_it(void **state)
{
	char sha256[SHA256_HEX], hex[SHA256_HEX], *path;
	json_t *about, *packages;
	struct err e;

	(void)state;
	assert_int_equal(base(PROGRAMS("script"), sha256, &e), 0);
	path = path_of(sha256, "json");
	about = json_load_file(path, 0, NULL);
	mem_sha256("#!/bin/sh\n", 10, hex);
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(about, "programs"),
				    "script")), hex);
	mem_sha256("the agent", 9, hex);
	assert_string_equal(json_string_value(json_object_get(about, "agent")),
			    hex);
	packages = json_object_get(about, "packages");
	assert_int_equal(json_array_size(packages), 1);
	assert_true(str_starts(json_string_value(json_array_get(packages, 0)),
			       "coreutils "));
	json_decref(about);
	free(path);
}

static void assert_entry(const char *archive, const char *name,
			 const char *data, mode_t mode)
{
	struct listing l = list(archive, name);

	if (!l.data.buf)
		fail_msg("'%s' is not in %s", name, l.names.buf);
	if (data)
		assert_string_equal(l.data.buf, data);
	assert_int_equal(l.mode, mode);
	listing_release(&l);
}

/* What a workload brings itself. */
static void test_own_programs_and_files(void **state)
{
	struct program program = {.name = (char *)"own"};
	struct workload w = {.programs = &program, .nprograms = 1};
	char sha256[SHA256_HEX], *path, *fixed;
	json_t *about, *programs;
	struct err e;

	(void)state;
	put("own.c", "int main(void) { return 0; }\n");
	put("job.fio", "[global]\n");
	strv_add(&program.sources, "own.c");
	strv_add(&w.files, "./job.fio");
	/* A binary with a path stays where it is. */
	fixed = xasprintf("%s/bin/script", dir);
	strv_add(&w.binaries, fixed);
	if (initramfs_base("lab", "agent", &w, sha256, &e))
		fail_msg("%s", e.text);
	path = path_of(sha256, "cpio");
	assert_entry(path, "bin/own", NULL, S_IFREG | 0755);
	assert_entry(path, "klab/files/job.fio", "[global]\n",
		     S_IFREG | 0755);
	assert_entry(path, fixed + 1, "#!/bin/sh\n", S_IFREG | 0755);
	free(path);
	path = path_of(sha256, "json");
	about = json_load_file(path, 0, NULL);
	programs = json_object_get(about, "programs");
	assert_int_equal(json_object_size(programs), 3);
	assert_true(json_is_string(json_object_get(programs, "own")));
	json_decref(about);
	free(path);
	free(fixed);
	strv_release(&program.sources);
	strv_release(&w.files);
	strv_release(&w.binaries);
}

/* One that is not right leaves no archive. */
static void test_own_program_is_broken(void **state)
{
	struct program program = {.name = (char *)"bad"};
	struct workload w = {.programs = &program, .nprograms = 1};
	char sha256[SHA256_HEX];
	struct err e;

	(void)state;
	put("bad.c", "int main(void) { return nothing; }\n");
	strv_add(&program.sources, "bad.c");
	assert_true(initramfs_base("lab", "agent", &w, sha256, &e) < 0);
	assert_int_equal(e.kind, ERR_USER);
	assert_non_null(strstr(e.text, "program 'bad' does not compile"));
	strv_release(&program.sources);
	w.nprograms = 0;
	strv_add(&w.binaries, "/nonexistent/tool");
	assert_true(initramfs_base("lab", "agent", &w, sha256, &e) < 0);
	assert_int_equal(e.kind, ERR_LAB);
	assert_non_null(strstr(e.text, "'/nonexistent/tool' is not on this"));
	strv_release(&w.binaries);
	strv_add(&w.files, "none.fio");
	assert_true(initramfs_base("lab", "agent", &w, sha256, &e) < 0);
	assert_non_null(strstr(e.text, "none.fio"));
	strv_release(&w.files);
}

static void test_missing_program(void **state)
{
	char sha256[SHA256_HEX];
	struct err e;

	(void)state;
	assert_true(base(PROGRAMS("ls", "nonesuch"), sha256, &e) < 0);
	assert_int_equal(e.kind, ERR_LAB);
	assert_string_equal(e.text, "program 'nonesuch' is not on this host; "
				    "install it from package coreutils, "
				    "no-such-package (make setup)");
	assert_true(base(PROGRAMS("not-executable"), sha256, &e) < 0);
}

static void test_missing_agent(void **state)
{
	const struct workload none = {0};
	char sha256[SHA256_HEX];
	struct err e;

	(void)state;
	assert_true(initramfs_base("lab", "nowhere", &none, sha256, &e) < 0);
	assert_non_null(strstr(e.text, "'nowhere'"));
}

static void test_job(void **state)
{
	struct strv modules = STRV_INIT;
	struct listing l;
	struct stat st;
	struct err e;

	(void)state;
	put("brd.ko.xz", "module one");
	put("null_blk.ko", "module two");
	strv_add(&modules, "./brd.ko.xz");
	strv_add(&modules, "null_blk.ko");
	assert_int_equal(initramfs_job("job.cpio", "klab-job 1\nend\n",
				       &modules, &e), 0);
	l = list("job.cpio", "klab/job");
	assert_string_equal(l.names.buf, "klab,klab/job,klab/modules,"
					 "klab/modules/brd.ko.xz,"
					 "klab/modules/null_blk.ko,");
	assert_string_equal(l.data.buf, "klab-job 1\nend\n");
	/* It has the secret in it. */
	assert_int_equal(l.mode, S_IFREG | 0600);
	listing_release(&l);
	assert_int_equal(stat("job.cpio", &st), 0);
	assert_int_equal(st.st_size % 4, 0);
	strv_add(&modules, "none.ko");
	assert_true(initramfs_job("job.cpio", "x", &modules, &e) < 0);
	assert_non_null(strstr(e.text, "none.ko"));
	strv_release(&modules);
}

static void test_join(void **state)
{
	struct str text = STR_INIT;
	struct err e;

	(void)state;
	put("a", "1234");
	put("b", "5678");
	assert_int_equal(initramfs_join("a", "b", "c", &e), 0);
	assert_int_equal(file_read("c", 100, &text, &e), 0);
	assert_string_equal(text.buf, "12345678");
	str_release(&text);
	assert_true(initramfs_join("none", "b", "d", &e) < 0);
	assert_non_null(strstr(e.text, "'none'"));
	assert_true(initramfs_join("a", "none", "d", &e) < 0);
	assert_false(file_exists("d"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base),
		cmocka_unit_test(test_equal_input_equal_bytes),
		cmocka_unit_test(test_what_is_in_it),
		cmocka_unit_test(test_own_programs_and_files),
		cmocka_unit_test(test_own_program_is_broken),
		cmocka_unit_test(test_missing_program),
		cmocka_unit_test(test_missing_agent),
		cmocka_unit_test(test_job),
		cmocka_unit_test(test_join),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
