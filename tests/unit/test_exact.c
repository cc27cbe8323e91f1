/* The copy of a vmlinux that the exact clock boots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_folder.h"

#include "base/job.h"
#include "base/str.h"
#include "kernel/exact.h"

#include <elf.h>
#include <errno.h>

#define VARIABLE(name, words)                                                  \
	".type " name ", @object\n" name ":\n" words ".size " name             \
	", . - " name "\n.balign 8\n"
#define LOOPS VARIABLE("lapic_cal_loops", ".long -1\n")
#define T1 VARIABLE("lapic_cal_t1", ".quad 0\n")
#define PM2 VARIABLE("lapic_cal_pm2", ".long 0\n")

/* Links a vmlinux in small with these variables. */
static void vmlinux(const char *variables)
{
	char *text = xasprintf(".text\n.globl _start\n_start: ret\n"
			       ".section .init.data, \"aw\", @progbits\n"
			       ".balign 8\n.quad 0x1122334455667788\n%s"
			       ".bss\n.skip 64\n",
			       variables);
	const char *argv[] = {
		"gcc", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none",
		"-o",  "vmlinux",   "v.S",     NULL};
	struct job_spec spec = {.argv = argv};
	struct job_result r;
	struct err e;

	assert_int_equal(file_write("v.S", text, strlen(text), &e), 0);
	assert_int_equal(job_run(&spec, &r, &e), 0);
	assert_int_equal(r.exit, 0);
	job_result_release(&r);
	free(text);
	assert_int_equal(file_remove("copy", &e), 0);
}

static struct str content(const char *path)
{
	struct str s = STR_INIT;
	struct err e;

	assert_int_equal(file_read(path, 1 << 20, &s, &e), 0);
	return s;
}

/* Of a byte string in another, which has it once. */
static size_t at(const struct str *s, const void *what, size_t len)
{
	const char *found = memmem(s->buf, s->len, what, len);

	assert_non_null(found);
	return (size_t)(found - s->buf);
}

static uint64_t number(const struct str *s, size_t offset, size_t size)
{
	uint64_t v = 0;

	assert_true(offset + size <= s->len);
	memcpy(&v, s->buf + offset, size);
	return v;
}

static void test_presets(void **state)
{
	static const uint64_t mark = 0x1122334455667788;
	struct str was, is;
	size_t v;
	struct err e;
	Elf64_Ehdr h;

	(void)state;
	vmlinux(LOOPS T1 PM2);
	assert_int_equal(exact_copy("vmlinux", 250, "copy", &e), 0);
	was = content("vmlinux");
	is = content("copy");
	v = at(&is, &mark, sizeof(mark)) + sizeof(mark);
	assert_int_equal(number(&is, v, 4), 26);
	assert_int_equal(number(&is, v + 8, 8), 6250000);
	assert_int_equal(number(&is, v + 16, 4), 357954);
	/* Nothing else that is loaded differs, and nothing else is there. */
	assert_true(is.len < was.len);
	memcpy(&h, is.buf, sizeof(h));
	assert_int_equal(h.e_shnum, 0);
	memcpy(is.buf + v, was.buf + v, 20);
	memcpy(is.buf, was.buf, sizeof(h));
	assert_memory_equal(is.buf, was.buf, is.len);
	str_release(&was);
	str_release(&is);
}

static void test_no_pm_timer(void **state)
{
	struct err e;

	(void)state;
	vmlinux(LOOPS T1);
	assert_int_equal(exact_copy("vmlinux", 1000, "copy", &e), 0);
	assert_true(file_exists("copy"));
}

/* Another kernel may keep something else under these names. */
static void test_unknown_kernels(void **state)
{
	static const char *const others[] = {
		"",
		LOOPS,
		T1 PM2,
		LOOPS VARIABLE("lapic_cal_t1", ".quad 7\n"),
		VARIABLE("lapic_cal_loops", ".long 0\n") T1,
		LOOPS VARIABLE("lapic_cal_t1", ".byte 0\n"),
		LOOPS ".bss\n" T1};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		vmlinux(others[i]);
		assert_int_equal(exact_copy("vmlinux", 250, "copy", &e),
				 -ENOTSUP);
		assert_false(file_exists("copy"));
	}
}

/* However the file is cut, it is refused or copied, and never read beyond. */
static void test_cut_files(void **state)
{
	struct str whole;
	struct err e;

	(void)state;
	vmlinux(LOOPS T1 PM2);
	whole = content("vmlinux");
	for (size_t len = 0; len < whole.len; len += 37) {
		assert_int_equal(file_put("cut", whole.buf, len, &e), 0);
		assert_int_equal(file_remove("copy", &e), 0);
		assert_true(exact_copy("cut", 250, "copy", &e) <= 0);
	}
	str_release(&whole);
	assert_true(exact_copy("nowhere", 250, "copy", &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presets),
		cmocka_unit_test(test_no_pm_timer),
		cmocka_unit_test(test_unknown_kernels),
		cmocka_unit_test(test_cut_files),
	};

	return cmocka_run_group_tests_name("exact", tests, enter_folder,
					   leave_folder);
}
