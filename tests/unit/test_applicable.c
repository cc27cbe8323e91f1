/* Where a workload can run: what it needs against a kernel and a machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_folder.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/kernel.h"
#include "lab/applicable.h"
#include "machine/machine.h"
#include "study/workload.h"

#include <string.h>

static const struct machine machine = {
	.name = (char *)"box", .vcpus = 2, .memory_mib = 512};

static struct kernel kernel = {.key = "0123456789abcdef",
			       .release = (char *)"6.12.90+deb12",
			       .dir = (char *)"kernel",
			       .config_path = (char *)"kernel/config"};

static void put(const char *path, const char *text)
{
	struct err e;

	assert_int_equal(file_put(path, text, strlen(text), &e), 0);
}

static int setup(void **state)
{
	struct err e;

	if (enter_folder(state) || file_mkdirs("kernel/kmods", &e))
		return -1;
	put("kernel/config", "CONFIG_YES=y\nCONFIG_MODULE=m\n");
	put("kernel/kmods/built.ko", "");
	put("kernel/kmods/broken.err", "it does not compile: x.c:1: error\n");
	return 0;
}

static void assert_why(const struct workload *w, const struct machine *m,
		       const struct kernel *k, bool own, const char *want)
{
	char *why = not_applicable(w, m, k, own);

	if (want ? !why || !strstr(why, want) : why != NULL)
		fail_msg("'%s' does not say '%s'", why ? why : "(nothing)",
			 want ? want : "(nothing)");
	free(why);
}

static void test_machine(void **state)
{
	struct workload w = {.needs = {.vcpus = 4}};

	(void)state;
	assert_why(&w, &machine, &kernel, false, "it needs 4 vCPUs");
	/* That is known before there is a kernel. */
	assert_why(&w, &machine, NULL, false, "it needs 4 vCPUs");
	w.needs.vcpus = 2;
	assert_why(&w, &machine, &kernel, false, NULL);
}

static void test_kernel(void **state)
{
	struct workload w = {0};

	(void)state;
	strv_add(&w.needs.kernel, ">= 6.18");
	assert_why(&w, &machine, &kernel, false, "it needs a kernel >= 6.18");
	assert_why(&w, &machine, NULL, false, NULL);
	strv_release(&w.needs.kernel);
	strv_add(&w.needs.options, "YES");
	strv_add(&w.needs.options, "MODULE=m");
	assert_why(&w, &machine, &kernel, false, NULL);
	strv_add(&w.needs.options, "OTHER");
	assert_why(&w, &machine, &kernel, false, "it needs CONFIG_OTHER");
	strv_release(&w.needs.options);
}

/* Nobody knows what a kernel without a config can do: it is tried. */
static void test_config_is_not_known(void **state)
{
	struct kernel none = kernel;
	struct workload w = {0};

	(void)state;
	strv_add(&w.needs.options, "OTHER");
	none.config_path = NULL;
	assert_why(&w, &machine, &none, false, NULL);
	none.config_path = (char *)"kernel/gone";
	assert_why(&w, &machine, &none, false, NULL);
	strv_release(&w.needs.options);
}

static void test_kmods(void **state)
{
	struct workload w = {.needs = {.own_kernel = true}};

	(void)state;
	strv_add(&w.kmods, "/x/built.c");
	assert_why(&w, &machine, &kernel, true, NULL);
	assert_true(kmods_known(&w, &kernel));
	assert_why(&w, &machine, &kernel, false,
		   "it needs a kernel that klab builds");
	strv_add(&w.kmods, "/x/broken.c");
	assert_why(&w, &machine, &kernel, true, "it does not compile: x.c:1");
	assert_true(kmods_known(&w, &kernel));
	strv_release(&w.kmods);
	/* Built before anybody asked for that module: it is to be built again,
	 * and says nothing yet. */
	strv_add(&w.kmods, "/x/later.c");
	assert_false(kmods_known(&w, &kernel));
	assert_why(&w, &machine, &kernel, true, NULL);
	strv_release(&w.kmods);
	assert_true(kmods_known(&w, &kernel));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_machine),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_config_is_not_known),
		cmocka_unit_test(test_kmods),
	};

	return cmocka_run_group_tests(tests, setup, leave_folder);
}
