/* What a workload needs of kernel and machine, and where that is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/yml.h"
#include "machine/machine.h"
#include "study/needs.h"

#include <stdlib.h>
#include <string.h>

static int read_needs(const char *text, struct needs *n, struct err *e)
{
	struct yml_doc *doc;
	int r;

	*n = (struct needs){0};
	assert_int_equal(yml_parse("w.yaml", text, strlen(text), &doc, e), 0);
	r = needs_read(yml_root(doc), n, e);
	yml_free(doc);
	return r;
}

static struct needs needs(const char *text)
{
	struct needs n;
	struct err e;

	if (read_needs(text, &n, &e))
		fail_msg("%s", e.text);
	return n;
}

static void test_releases(void **state)
{
	static const struct {
		const char *text;
		int major, minor; /* 0.0: none */
	} cases[] = {
		{"5.14.0", 5, 14},     {"6.12.90+deb12-cloud-amd64", 6, 12},
		{"7.0-rc3", 7, 0},     {"7.0.0-rc3-00012-gabc", 7, 0},
		{"6.1", 6, 1},         {"6.18+", 6, 18},
		{"10.100.3", 10, 100}, {"", 0, 0},
		{"6", 0, 0},           {"6.", 0, 0},
		{".6.1", 0, 0},        {"v6.1", 0, 0},
		{"-6.1", 0, 0},        {" 6.1", 0, 0},
		{"linux", 0, 0},       {"6.x", 0, 0},
		{"6.-1", 0, 0},        {"6.+1", 0, 0},
		{"6. 1", 0, 0},        {"99999.1", 0, 0},
		{"6.99999", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int major = 0, minor = 0;
		bool is = needs_release_of(cases[i].text, &major, &minor);

		if (is != (cases[i].major > 0) ||
		    (is &&
		     (major != cases[i].major || minor != cases[i].minor)))
			fail_msg("'%s' is %d: %d.%d", cases[i].text, is, major,
				 minor);
	}
}

/* ---- the kernel ---- */

static bool meets(const char *condition, const char *release)
{
	char *text = xasprintf("needs: { kernel: '%s' }\n", condition);
	struct needs n = needs(text);
	char *why = needs_unmet_kernel(&n, release, NULL, false);
	bool ok = !why;

	if (why)
		assert_non_null(strstr(why, release));
	free(why);
	free(text);
	needs_release(&n);
	return ok;
}

static void test_kernel(void **state)
{
	(void)state;
	assert_true(meets(">= 6.18", "6.18.0"));
	assert_true(meets(">= 6.18", "6.18-rc1"));
	assert_true(meets(">= 6.18", "7.0"));
	assert_false(meets(">= 6.18", "6.17.99"));
	assert_false(meets(">= 6.18", "5.19"));
	/* Numbers, not text. */
	assert_true(meets(">= 6.2", "6.10.1"));
	assert_false(meets("< 6.2", "6.10.1"));
	assert_false(meets("> 6.18", "6.18.5"));
	assert_true(meets("> 6.18", "6.19"));
	assert_true(meets("<= 6.18", "6.18.5"));
	assert_false(meets("< 6.18", "6.18.5"));
	assert_true(meets(">=6.1,<7.0", "6.12.90+deb12"));
	assert_true(meets(">= 6.1, < 7.0", "6.1"));
	assert_false(meets(">= 6.1, < 7.0", "7.0-rc3"));
	assert_false(meets(">= 6.1, < 7.0", "5.14.0"));
	/* Of a release that cannot be read nothing is known. */
	assert_true(meets(">= 6.18", "linux-next"));
}

static void test_kernel_is_told(void **state)
{
	struct needs n = needs("needs: { kernel: '>= 6.1, < 6.6' }\n");
	char *why = needs_unmet_kernel(&n, "6.12.90+deb12", NULL, true);

	(void)state;
	assert_string_equal(why, "it needs a kernel < 6.6, and this is "
				 "6.12.90+deb12");
	free(why);
	needs_release(&n);
}

/* ---- options ---- */

static const char config[] = "CONFIG_AT_THE_BEGIN=y\n"
			     "# CONFIG_OFF is not set\n"
			     "CONFIG_YES=y\n"
			     "CONFIG_MODULE=m\n"
			     "CONFIG_YES_LONGER=m\n"
			     "CONFIG_TEXT=\"CONFIG_IN_TEXT=y\"\n"
			     "# CONFIG_IN_REMARK=y\n"
			     "CONFIG_NUMBER=250\n"
			     "CONFIG_LAST=y";

static void assert_option(const char *option, bool met)
{
	char *text = xasprintf("needs: { options: [%s] }\n", option), *want;
	struct needs n = needs(text);
	char *why = needs_unmet_kernel(&n, "6.1", config, false);

	if (!why != met)
		fail_msg("%s: %s", option, why ? why : "is met");
	want = xasprintf("it needs CONFIG_%s, which this kernel's config has "
			 "not",
			 option);
	if (why)
		assert_string_equal(why, want);
	free(want);
	free(why);
	/* A config that is not known is believed. */
	assert_null(needs_unmet_kernel(&n, "6.1", NULL, false));
	free(text);
	needs_release(&n);
}

static void test_options(void **state)
{
	(void)state;
	assert_option("YES", true);
	assert_option("YES=y", true);
	assert_option("YES=m", false);
	assert_option("YES=n", false);
	assert_option("MODULE", true);
	assert_option("MODULE=m", true);
	assert_option("MODULE=y", false);
	assert_option("MODULE=n", false);
	assert_option("OFF", false);
	assert_option("OFF=n", true);
	assert_option("NEVER_HEARD_OF", false);
	assert_option("NEVER_HEARD_OF=n", true);
	assert_option("AT_THE_BEGIN", true);
	assert_option("LAST=y", true);
	assert_option("YES_LONGER=m", true);
	assert_option("YES_", false);
	assert_option("LONGER", false);
	assert_option("IN_TEXT", false);
	assert_option("IN_REMARK", false);
	assert_option("NUMBER", true);
}

static void test_all_of_them_count(void **state)
{
	struct needs n = needs("needs: { options: [YES, MODULE, OFF=n, OFF] }");
	char *why = needs_unmet_kernel(&n, "6.1", config, false);

	(void)state;
	assert_string_equal(why, "it needs CONFIG_OFF, which this kernel's "
				 "config has not");
	free(why);
	why = needs_unmet_kernel(&n, "6.1", "", false);
	assert_non_null(strstr(why, "CONFIG_YES"));
	free(why);
	needs_release(&n);
}

static void test_own_kernel(void **state)
{
	struct needs n = needs("needs: { own_kernel: yes }");
	char *why = needs_unmet_kernel(&n, "6.1", config, false);

	(void)state;
	assert_non_null(strstr(why, "a kernel that klab builds"));
	free(why);
	assert_null(needs_unmet_kernel(&n, "6.1", config, true));
	needs_release(&n);
}

/* ---- the machine ---- */

static void test_machine(void **state)
{
	struct needs n = needs("needs: { vcpus: 2, memory_mib: 1024 }");
	struct machine m = {
		.name = (char *)"box", .vcpus = 2, .memory_mib = 1024};
	char *why;

	(void)state;
	assert_null(needs_unmet_machine(&n, &m));
	m.vcpus = 1;
	why = needs_unmet_machine(&n, &m);
	assert_string_equal(why, "it needs 2 vCPUs, and machine 'box' has 1");
	free(why);
	m.vcpus = 64;
	m.memory_mib = 1023;
	why = needs_unmet_machine(&n, &m);
	assert_string_equal(why, "it needs 1024 MiB of memory, and machine "
				 "'box' has 1023");
	free(why);
	needs_release(&n);
}

static void test_nothing_is_needed(void **state)
{
	struct needs n = needs("other: 1\n");
	const struct machine m = {.name = (char *)"box"};

	(void)state;
	assert_null(needs_unmet_machine(&n, &m));
	assert_null(needs_unmet_kernel(&n, "2.0", "", false));
	needs_release(&n);
	n = needs("needs: {}\n");
	assert_null(needs_unmet_machine(&n, &m));
	needs_release(&n);
}

static void test_join(void **state)
{
	struct needs n = needs("needs: { kernel: '>= 6.1', options: [A, B], "
			       "vcpus: 2 }");
	struct needs other = needs("needs: { kernel: '< 7.0', options: [B, C], "
				   "memory_mib: 99, own_kernel: yes }");
	char *text;

	(void)state;
	needs_join(&n, &other);
	needs_release(&other);
	text = strv_join(&n.options, "|");
	assert_string_equal(text, "A|B|C");
	free(text);
	text = strv_join(&n.kernel, "|");
	assert_string_equal(text, ">= 6.1|< 7.0");
	free(text);
	assert_int_equal(n.vcpus, 2);
	assert_int_equal(n.memory_mib, 99);
	assert_true(n.own_kernel);
	needs_release(&n);
}

/* ---- what is wrong in the file ---- */

static void test_bad(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"needs: 5", "key 'needs': expected a map"},
		{"needs: [MODULES]", "key 'needs': expected a map"},
		{"needs: { kernels: '>= 6.1' }", "did you mean 'kernel'?"},
		{"needs: { kernel: '6.18' }", "'6.18' is not like '>= 6.18'"},
		{"needs: { kernel: '= 6.18' }", "is not like"},
		{"needs: { kernel: '>= six' }", "is not like"},
		{"needs: { kernel: '>= 6' }", "is not like"},
		{"needs: { kernel: '>= 6.1, 7.0' }", "is not like"},
		{"needs: { kernel: '>= 6.1 < 7.0' }", "is not like"},
		{"needs: { kernel: '>= 6.1.5' }", "is not like"},
		{"needs: { kernel: '>= 6.18-rc3' }", "is not like"},
		{"needs: { kernel: '' }", "is not like"},
		{"needs: { kernel: ',' }", "is not like"},
		{"needs: { kernel: ['>= 6.1'] }", "expected a single value"},
		{"needs: { options: MODULES }", "expected a list"},
		{"needs: { options: [CONFIG_MODULES=x] }", "is not like"},
		{"needs: { options: [CONFIG_MODULES] }", "no CONFIG_ before"},
		{"needs: { options: [modules] }", "'modules' is not like"},
		{"needs: { options: [''] }", "'' is not like"},
		{"needs: { options: [A=] }", "'A=' is not like"},
		{"needs: { options: [A=yes] }", "'A=yes' is not like"},
		{"needs: { options: ['A B'] }", "'A B' is not like"},
		{"needs: { vcpus: 0 }", "key 'vcpus': '0' is not"},
		{"needs: { vcpus: two }", "key 'vcpus': 'two' is not"},
		{"needs: { vcpus: 1.5 }", "key 'vcpus': '1.5' is not"},
		{"needs: { memory_mib: -1 }", "key 'memory_mib': '-1' is not"},
		{"needs: { own_kernel: maybe }", "key 'own_kernel'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct needs n;
		struct err e = {.text = ""};

		if (!read_needs(cases[i].text, &n, &e))
			fail_msg("'%s' was taken", cases[i].text);
		assert_int_equal(e.kind, ERR_USER);
		if (!strstr(e.text, cases[i].want))
			fail_msg("'%s' does not say '%s'", e.text,
				 cases[i].want);
		needs_release(&n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_releases),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_kernel_is_told),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_all_of_them_count),
		cmocka_unit_test(test_own_kernel),
		cmocka_unit_test(test_machine),
		cmocka_unit_test(test_nothing_is_needed),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
