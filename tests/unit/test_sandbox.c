/*
 * The sandbox of a build: hostile commands in a real one, and the same
 * environment with it and without.  Needs bubblewrap.
 * Links runner/build/sandbox.c and runner/base.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "a_folder.h"
#include "base/err.h"
#include "base/job.h"
#include "base/str.h"
#include "build/sandbox.h"

#define DEADLINE_MS 60000

static char *src, *obj, *cache;

static int enter(void **state)
{
	struct err e;

	if (enter_folder(state))
		return -1;
	src = xasprintf("%s/src", dir);
	obj = xasprintf("%s/obj", dir);
	cache = xasprintf("%s/cache", dir);
	return file_mkdirs(src, &e) || file_put("src/file", "x\n", 2, &e);
}

static int leave(void **state)
{
	free(src);
	free(obj);
	free(cache);
	return leave_folder(state);
}

static struct sandbox a_box(bool off)
{
	struct sandbox s = {.src = src, .obj = obj, .ccache = cache};
	struct err e;

	s.off = off;
	assert_int_equal(sandbox_prepare(&s, &e), 0);
	return s;
}

/* What a Makefile's line would do; its output must be expected. */
static void does_in(const struct sandbox *s, const char *line,
		    const char *expected)
{
	struct strv argv = STRV_INIT;
	struct job_spec spec = {.deadline_ms = DEADLINE_MS};
	struct job_result r;
	struct err e;

	sandbox_argv(s, &argv);
	strv_add(&argv, "sh");
	strv_add(&argv, "-c");
	strv_add(&argv, line);
	spec.argv = (const char *const *)argv.v;
	if (job_run(&spec, &r, &e))
		fail_msg("%s", e.text);
	if (r.exit || r.signal || strcmp(r.out.len ? r.out.buf : "", expected))
		fail_msg("%s\nsaid \"%s\" and \"%s\", code %d", line,
			 r.out.len ? r.out.buf : "", r.err.len ? r.err.buf : "",
			 r.exit);
	job_result_release(&r);
	strv_release(&argv);
}

static void does(const char *line, const char *expected)
{
	struct sandbox s = a_box(false);

	does_in(&s, line, expected);
}

static void test_it_works_here(void **state)
{
	struct err e;

	(void)state;
	if (sandbox_check(&e))
		fail_msg("%s", e.text);
}

static void test_objects_and_cache_are_writable(void **state)
{
	(void)state;
	does("pwd; echo 1 > one; echo 2 > /klab/ccache/two; cat /klab/src/file",
	     "/klab/obj\nx\n");
	assert_true(file_exists("obj/one"));
	assert_true(file_exists("cache/two"));
}

/* One build writes to the cache, the next one, perhaps without a sandbox, must
 * not run what the first has named there. */
static void test_no_configuration_in_the_cache(void **state)
{
	struct sandbox off = a_box(true);
	char *conf = xasprintf("prefix_command = %s/obj/evil\n", dir);
	struct err e;

	(void)state;
	does("echo '#!/bin/sh' > evil; echo 'touch $0.ran; exec \"$@\"' >> evil; "
	     "chmod +x evil; echo 'int i;' > a.c",
	     "");
	assert_int_equal(file_put("cache/ccache.conf", conf, strlen(conf), &e),
			 0);
	does_in(&off, "ccache gcc -c a.c -o a.o && ls evil*", "evil\n");
	assert_int_equal(file_remove("cache/ccache.conf", &e), 0);
	assert_int_equal(file_remove("obj", &e), 0);
	free(conf);
}

static void test_nothing_else_is_writable(void **state)
{
	(void)state;
	does("for f in /klab/src/file /klab/src/new /klab/new /new /usr/new "
	     "/etc/new /proc/sys/kernel/hostname /dev/../usr/bin/new; do "
	     "(: >> $f) 2>/dev/null && echo $f; done; true",
	     "");
	does("rm -rf /klab/src/file 2>/dev/null; cat /klab/src/file", "x\n");
	does("chmod 777 /klab/src 2>/dev/null || echo no", "no\n");
	does("mount -o remount,bind,rw /klab/src 2>/dev/null || echo no",
	     "no\n");
	assert_false(file_exists("src/new"));
}

static void test_no_capability(void **state)
{
	(void)state;
	does("grep CapEff /proc/self/status", "CapEff:\t0000000000000000\n");
	does("grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1\n");
}

/* A server of the host's own, which nothing but the sandbox keeps away. */
static void test_no_network(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sandbox without = a_box(true);
	char *line;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	line = xasprintf("perl -MIO::Socket::INET -e 'print IO::Socket::INET"
			 "->new(PeerAddr => \"127.0.0.1:%d\") "
			 "? \"open\" : \"closed\"'",
			 ntohs(a.sin_port));
	does_in(&without, line, "open");
	does(line, "closed");
	free(line);
	close(fd);
	does("grep -c : /proc/net/dev", "1\n"); /* lo alone */
}

static void test_no_home_and_no_neighbours(void **state)
{
	char *line = xasprintf("ls -d %s /home /root /srv /mnt /media /run "
			       "/var /sys 2>/dev/null; ls -A /tmp",
			       dir);

	(void)state;
	does(line, "");
	free(line);
	does("ls -A /klab | sort | tr '\\n' ' '", "ccache obj src ");
	does("set -- /proc/[0-9]*; [ $# -lt 4 ] && echo few", "few\n");
}

/* One that escapes from its process group, and holds a lock. */
static void test_it_leaves_nobody_behind(void **state)
{
	int fd;

	(void)state;
	does("setsid flock lock sh -c ': > held; exec sleep 1000' "
	     ">/dev/null 2>&1 & until [ -e held ]; do :; done",
	     "");
	fd = open("obj/lock", O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
}

static void test_the_environment_is_fixed(void **state)
{
	struct sandbox s = a_box(false), off = a_box(true);
	static const char line[] =
		"env | grep -v -e ^PWD -e ^_ -e ^SHLVL -e ^CCACHE -e ^HOME "
		"| sort";
	static const char expected[] =
		"KBUILD_BUILD_HOST=klab\n"
		"KBUILD_BUILD_TIMESTAMP=Wed Jan  1 00:00:00 UTC 2020\n"
		"KBUILD_BUILD_USER=klab\n"
		"KBUILD_BUILD_VERSION=1\n"
		"LANG=C\n"
		"LC_ALL=C\n"
		"LOCALVERSION=\n"
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
		"/sbin:/bin\n"
		"SOURCE_DATE_EPOCH=1577836800\n"
		"TZ=UTC\n";

	(void)state;
	setenv("KCFLAGS", "-O3", 1);
	setenv("CCACHE_SLOPPINESS", "system_headers", 1);
	does_in(&s, line, expected);
	does_in(&off, line, expected);
	unsetenv("KCFLAGS");
	does_in(&s, "echo $CCACHE_DIR $HOME; pwd",
		"/klab/ccache /klab/obj\n/klab/obj\n");
	does_in(&s, "echo $CCACHE_SLOPPINESS",
		"include_file_mtime,include_file_ctime\n");
	unsetenv("CCACHE_SLOPPINESS");
	setenv("CCACHE_MAXSIZE", "2.5G", 1);
	does_in(&s, "echo $CCACHE_MAXSIZE", "2.5G\n");
	setenv("CCACHE_MAXSIZE", "a b", 1);
	does_in(&s, "echo $CCACHE_MAXSIZE", "\n");
	unsetenv("CCACHE_MAXSIZE");
	does("date -d \"$KBUILD_BUILD_TIMESTAMP\" +%s", "1577836800\n");
}

static void test_without_it_paths_are_the_real_ones(void **state)
{
	struct sandbox off = a_box(true);
	char *expected = xasprintf("%s/cache %s\n%s\n", dir, obj, obj);

	(void)state;
	assert_string_equal(sandbox_src(&off), src);
	assert_string_equal(sandbox_obj(&off), obj);
	does_in(&off, "echo $CCACHE_DIR $HOME; pwd", expected);
	free(expected);
	off.ccache = NULL;
	does_in(&off, "echo $CCACHE_DIR $CCACHE_DISABLE", "1\n");
}

static void test_other_folders_can_be_shown(void **state)
{
	struct sandbox s = a_box(false);
	struct strv extra = STRV_INIT;
	char *folder = xasprintf("%s/gcc", dir), *line;
	struct err e;

	(void)state;
	assert_int_equal(file_mkdirs(folder, &e), 0);
	assert_int_equal(file_put("gcc/tool", "t\n", 2, &e), 0);
	strv_add(&extra, folder);
	s.extra = &extra;
	line = xasprintf("cat %s/tool; ls -A %s; touch %s/new 2>/dev/null || "
			 "echo no",
			 folder, dir, folder);
	does_in(&s, line, "t\ngcc\nno\n");
	s.extra = NULL;
	setenv("KLAB_BUILD_PATH", folder, 1);
	assert_string_equal(sandbox_path(), folder);
	unsetenv("KLAB_BUILD_PATH");
	strv_release(&extra);
	free(folder);
	free(line);
}

static void check_says(const char *words)
{
	struct err e = {0};

	assert_true(sandbox_check(&e) < 0);
	assert_int_equal(e.kind, ERR_LAB);
	assert_non_null(strstr(e.text, "--no-sandbox"));
	if (!strstr(e.text, words))
		fail_msg("\"%s\" does not say \"%s\"", e.text, words);
}

/* A bubblewrap that fails, as it does on some hosts. */
static void fake_bwrap(const char *says)
{
	char *text =
		xasprintf("#!/bin/sh\necho 'bwrap: %s' >&2\nexit 1\n", says);
	struct err e;

	assert_int_equal(file_put("bin/bwrap", text, strlen(text), &e), 0);
	assert_int_equal(chmod("bin/bwrap", 0755), 0);
	free(text);
}

static void test_it_says_why_it_does_not_work(void **state)
{
	char *path = xstrdup(getenv("PATH"));
	char *bin = xasprintf("%s/bin", dir);
	struct err e;

	(void)state;
	assert_int_equal(file_mkdirs("bin", &e), 0);
	assert_int_equal(symlink("/usr/bin/setpriv", "bin/setpriv"), 0);
	setenv("PATH", bin, 1);
	check_says("install package bubblewrap");
	fake_bwrap("No permissions to create new namespace, see README");
	check_says("kernel.unprivileged_userns_clone=1");
	fake_bwrap("Failed to make / slave: Invalid argument");
	check_says("exit status 1: bwrap: Failed to make / slave");
	setenv("PATH", path, 1);
	free(bin);
	free(path);
}

static void cache_is(const char *own, const char *xdg, const char *expected)
{
	char *found;

	own ? setenv("CCACHE_DIR", own, 1) : unsetenv("CCACHE_DIR");
	xdg ? setenv("XDG_CACHE_HOME", xdg, 1) : unsetenv("XDG_CACHE_HOME");
	found = sandbox_ccache();
	assert_string_equal(found, expected);
	free(found);
	unsetenv("CCACHE_DIR");
	unsetenv("XDG_CACHE_HOME");
}

static void test_where_the_cache_is(void **state)
{
	char *home = xstrdup(getenv("HOME") ? getenv("HOME") : "/");

	(void)state;
	setenv("HOME", "/home/me", 1);
	cache_is("/own", "/xdg", "/own/klab");
	cache_is("relative", "/xdg", "/xdg/klab/ccache");
	cache_is(NULL, "", "/home/me/.cache/klab/ccache");
	setenv("HOME", home, 1);
	free(home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_works_here),
		cmocka_unit_test(test_objects_and_cache_are_writable),
		cmocka_unit_test(test_no_configuration_in_the_cache),
		cmocka_unit_test(test_nothing_else_is_writable),
		cmocka_unit_test(test_no_capability),
		cmocka_unit_test(test_no_network),
		cmocka_unit_test(test_no_home_and_no_neighbours),
		cmocka_unit_test(test_it_leaves_nobody_behind),
		cmocka_unit_test(test_the_environment_is_fixed),
		cmocka_unit_test(test_without_it_paths_are_the_real_ones),
		cmocka_unit_test(test_other_folders_can_be_shown),
		cmocka_unit_test(test_it_says_why_it_does_not_work),
		cmocka_unit_test(test_where_the_cache_is),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
