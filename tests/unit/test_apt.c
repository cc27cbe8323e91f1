/*
 * The source `debian-image` as a whole, against an apt that is a few lines of
 * shell, and .deb files made here.
 * Links runner/kernel/{apt,aptconf,bzimage,choice,deb,debian,debs,elf,manifest,
 * modules,names,packages,pin,store,suites}.c and
 * runner/base/{err,file,job,str}.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/deb.h"
#include "kernel/debian.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#define PACKAGE "linux-image-6.9.1-amd64"

/* ---- a mirror in a folder ---- */

static la_ssize_t collect(struct archive *a, void *to, const void *data,
			  size_t n)
{
	(void)a;
	str_add(to, data, n);
	return (la_ssize_t)n;
}

static void add_member(struct archive *a, const char *path, const void *data,
		       size_t len)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)len);
	assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
	archive_write_data(a, data, len);
	archive_entry_free(entry);
}

static struct archive *start_tar(struct str *out)
{
	struct archive *a = archive_write_new();

	archive_write_set_format_gnutar(a);
	archive_write_add_filter_xz(a);
	archive_write_open(a, out, NULL, collect, NULL);
	return a;
}

static void finish_deb(struct archive *tar, struct str *data, struct str *deb)
{
	struct archive *a = archive_write_new();

	archive_write_free(tar);
	archive_write_set_format_ar_svr4(a);
	archive_write_set_bytes_per_block(a, 0);
	archive_write_open(a, deb, NULL, collect, NULL);
	add_member(a, "debian-binary", "2.0\n", 4);
	add_member(a, "control.tar.xz", "", 0);
	add_member(a, "data.tar.xz", data->buf, data->len);
	archive_write_free(a);
	str_release(data);
}

/* The least that is a bzImage: no payload, so nothing to unpack. */
static void make_image(char image[2048])
{
	memset(image, 0, 2048);
	image[0x1f1] = 2;
	image[0x1fe] = 0x55;
	image[0x1ff] = (char)0xaa;
	memcpy(image + 0x202, "HdrS", 4);
	image[0x206] = 0x0f;
	image[0x207] = 0x02;
	image[0x20f] = 0x02;
	memcpy(image + 0x400, "6.9.1-amd64 (x) #1", 19);
}

static void make_deb(struct str *deb, bool with_image)
{
	struct str data = STR_INIT;
	struct archive *tar = start_tar(&data);
	char image[2048], filling[4096];

	make_image(image);
	add_member(tar, "./boot/System.map-6.9.1-amd64", "stub\n", 5);
	add_member(tar, "./boot/config-6.9.1-amd64", "CONFIG_X=y\n", 11);
	if (with_image)
		add_member(tar, "./boot/vmlinuz-6.9.1-amd64", image,
			   sizeof(image));
	for (unsigned int i = 0, seed = 1; i < 200; i++) {
		for (size_t k = 0; k < sizeof(filling); k++)
			filling[k] = (char)rand_r(&seed);
		add_member(tar, "./lib/modules/6.9.1-amd64/kernel/x.ko",
			   filling, sizeof(filling));
	}
	add_member(tar, "./lib/modules/6.9.1-amd64/../../../evil", "x", 1);
	finish_deb(tar, &data, deb);
}

static const char apt_config[] = "#!/bin/sh\necho 'APT \"\";'\n";

/* What it is asked goes to a log; the files offline and hidden change what it
 * answers. */
static const char apt_get[] =
	"#!/bin/sh\n"
	"lab=$(dirname $0)/..\n"
	"echo \"$*\" >>$lab/log\n"
	"case \"$*\" in\n"
	"*indextargets*)\n"
	"	echo 'Debian|main|bookworm|http://mirror.example/debian/' ;;\n"
	"*update)\n"
	"	if test -e $lab/offline; then\n"
	"		echo 'W: something else' >&2\n"
	"		echo 'E: Failed to fetch http://x  no route' >&2\n"
	"		echo 'E: Some index files failed' >&2\n"
	"		exit 100\n"
	"	fi\n"
	"	for s in $(cat $lab/hidden); do\n"
	"		grep -q \" $s main\" $(dirname "
	"$APT_CONFIG)/sources.list ||\n"
	"			continue\n"
	"		echo \"E: The repository 'http://mirror.example/debian "
	"$s "
	"Release' does not have a Release file.\" >&2\n"
	"		exit 100\n"
	"	done ;;\n"
	"download*) cp $lab/mirror/*.deb . ;;\n"
	"esac\n";

static const char apt_cache[] =
	"#!/bin/sh\n"
	"lab=$(dirname $0)/..\n"
	"case $1 in\n"
	"pkgnames) echo " PACKAGE "; echo linux-doc ;;\n"
	"show) cat $lab/show ;;\n"
	"esac\n";

struct lab {
	char dir[32];
	char *path; /* PATH before */
};

static char *in_lab(const struct lab *l, const char *name)
{
	return xasprintf("%s/%s", l->dir, name);
}

static void put(const struct lab *l, const char *name, const void *data,
		size_t len)
{
	char *path = in_lab(l, name);
	struct err e;

	if (file_write(path, data, len, &e))
		fail_msg("%s", e.text);
	assert_int_equal(chmod(path, 0755), 0);
	free(path);
}

static bool lab_has(const struct lab *l, const char *name)
{
	char *path = in_lab(l, name);
	bool there = file_exists(path);

	free(path);
	return there;
}

/* How often apt-get was asked something with that word. */
static int asked(const struct lab *l, const char *word)
{
	char *path = in_lab(l, "log");
	struct str text = STR_INIT;
	struct err e;
	int n = 0;

	assert_int_equal(file_read(path, 1 << 20, &text, &e), 0);
	for (const char *at = text.buf; (at = strstr(at, word)); at++)
		n++;
	str_release(&text);
	free(path);
	return n;
}

static void put_mirror(const struct lab *l, bool with_image)
{
	struct str deb = STR_INIT;
	char hex[SHA256_HEX], *show;

	make_deb(&deb, with_image);
	mem_sha256(deb.buf, deb.len, hex);
	show = xasprintf("Package: " PACKAGE "\nVersion: 6.9.1-1\n"
			 "Architecture: amd64\nSHA256: %s\n",
			 hex);
	put(l, "mirror/" PACKAGE "_6.9.1-1_amd64.deb", deb.buf, deb.len);
	put(l, "show", show, strlen(show));
	free(show);
	str_release(&deb);
}

static int setup(void **state)
{
	static const char *const folders[] = {"bin", "mirror"};
	struct lab *l = xcalloc(1, sizeof(*l));
	struct err e;
	char *path;

	memcpy(l->dir, "/tmp/klab-test.XXXXXX", 22);
	if (!mkdtemp(l->dir))
		return -1;
	for (size_t i = 0; i < 2; i++) {
		path = in_lab(l, folders[i]);
		file_mkdirs(path, &e);
		free(path);
	}
	put(l, "bin/apt-config", apt_config, strlen(apt_config));
	put(l, "bin/apt-get", apt_get, strlen(apt_get));
	put(l, "bin/apt-cache", apt_cache, strlen(apt_cache));
	put(l, "hidden", "", 0);
	put_mirror(l, true);
	l->path = xstrdup(getenv("PATH"));
	path = xasprintf("%s/bin:%s", l->dir, l->path);
	setenv("PATH", path, 1);
	free(path);
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct lab *l = *state;
	struct err e;

	setenv("PATH", l->path, 1);
	file_remove(l->dir, &e);
	free(l->path);
	free(l);
	return 0;
}

/* ---- tests ---- */

static void get(const struct lab *l, const char *suite, struct kernel *k)
{
	struct debian_request rq = {.package = "linux-image-6.9-amd64",
				    .suite = suite};
	struct err e = {0};

	if (debian_kernel(l->dir, &rq, k, &e))
		fail_msg("%s", e.text);
}

static void get_error(const struct lab *l, const struct debian_request *rq,
		      enum err_kind kind, const char *words)
{
	struct kernel k = {0};
	struct err e = {0};

	assert_int_not_equal(debian_kernel(l->dir, rq, &k, &e), 0);
	assert_int_equal(e.kind, kind);
	if (!strstr(e.text, words))
		fail_msg("\"%s\" does not say \"%s\"", e.text, words);
}

static void test_kernel_and_pin(void **state)
{
	struct lab *l = *state;
	struct kernel k = {0}, again = {0};

	get(l, NULL, &k);
	assert_string_equal(k.release, "6.9.1-amd64");
	assert_string_equal(k.source, "debian-image");
	assert_string_equal(k.package, PACKAGE);
	assert_string_equal(k.version, "6.9.1-1");
	assert_null(k.suite);
	assert_false(k.pvh);
	assert_true(str_ends(k.boot_path, "/bzImage"));
	assert_true(file_exists(k.boot_path));
	assert_true(file_exists(k.config_path));
	assert_null(k.map_path);
	assert_true(lab_has(l, "apt/debs/" PACKAGE "_6.9.1-1_amd64.deb"));
	assert_int_equal(asked(l, "update"), 1);
	assert_int_equal(asked(l, "download"), 1);

	put(l, "log", "", 0);
	put(l, "offline", "", 0);
	get(l, NULL, &again);
	assert_string_equal(again.key, k.key);
	assert_int_equal(asked(l, "-"), 0);
	kernel_release(&k);
	kernel_release(&again);
}

/* The store was emptied: the package that is kept serves again. */
static void test_kept_package(void **state)
{
	struct lab *l = *state;
	struct kernel k = {0};
	struct err e;
	char *kernels = in_lab(l, "kernels");

	get(l, NULL, &k);
	kernel_release(&k);
	assert_int_equal(file_remove(kernels, &e), 0);
	get(l, NULL, &k);
	kernel_release(&k);
	assert_int_equal(asked(l, "update"), 1);
	assert_int_equal(asked(l, "download"), 1);

	/* But not if it has changed. */
	assert_int_equal(file_remove(kernels, &e), 0);
	put(l, "apt/debs/" PACKAGE "_6.9.1-1_amd64.deb", "!<arch>\n", 8);
	get(l, NULL, &k);
	kernel_release(&k);
	assert_int_equal(asked(l, "download"), 2);
	free(kernels);
}

static void test_refresh(void **state)
{
	struct lab *l = *state;
	struct debian_request rq = {.package = PACKAGE, .refresh = true};
	struct kernel k = {0};
	struct err e;

	for (int i = 1; i <= 2; i++) {
		assert_int_equal(debian_kernel(l->dir, &rq, &k, &e), 0);
		kernel_release(&k);
		assert_int_equal(asked(l, "update"), i);
	}
	put(l, "offline", "", 0);
	get_error(l, &rq, ERR_LAB, "no route");
}

static void test_suite_without_updates(void **state)
{
	static const char hidden[] = "trixie-updates\ntrixie-security\n";
	static const char want[] =
		"http://mirror.example/debian/ trixie main\n";
	struct lab *l = *state;
	char *path = in_lab(l, "apt/trixie/sources.list");
	struct str text = STR_INIT;
	struct kernel k = {0};
	struct err e;

	put(l, "hidden", hidden, strlen(hidden));
	get(l, "trixie", &k);
	assert_string_equal(k.suite, "trixie");
	assert_int_equal(file_read(path, 4096, &text, &e), 0);
	assert_true(str_ends(text.buf, want));
	assert_ptr_equal(strchr(text.buf, '\n'), text.buf + text.len - 1);
	kernel_release(&k);
	str_release(&text);
	free(path);
}

static void test_errors(void **state)
{
	struct lab *l = *state;
	struct debian_request rq = {.package = PACKAGE, .suite = "nosuch"};

	put(l, "hidden", "nosuch\n", 7);
	get_error(l, &rq, ERR_USER, "has no suite 'nosuch'");
	rq.suite = NULL;
	rq.version = "5";
	get_error(l, &rq, ERR_USER, "but: 6.9.1-1");
	rq.version = "-o";
	get_error(l, &rq, ERR_USER, "not the version");
	rq = (struct debian_request){.package = "linux-image-6.8-amd64"};
	get_error(l, &rq, ERR_USER, PACKAGE);
	rq.package = "../x";
	get_error(l, &rq, ERR_USER, "not the name of a package");
	rq = (struct debian_request){.package = PACKAGE, .suite = "a/b"};
	get_error(l, &rq, ERR_USER, "not the name of a suite");
	put(l, "offline", "", 0);
	rq.suite = "trixie";
	get_error(l, &rq, ERR_LAB,
		  "cannot fetch the package lists of suite 'trixie': Failed to "
		  "fetch http://x  no route: see to the network");
}

static void test_wrong_package(void **state)
{
	struct lab *l = *state;
	struct debian_request rq = {.package = PACKAGE};
	char *kernels;

	put(l, "mirror/" PACKAGE "_6.9.1-1_amd64.deb", "!<arch>\n", 8);
	get_error(l, &rq, ERR_LAB, "as announced");
	assert_false(lab_has(l, "apt/debs/" PACKAGE "_6.9.1-1_amd64.deb"));
	put_mirror(l, false);
	get_error(l, &rq, ERR_LAB, "no kernel image");
	/* Nothing is left of either attempt. */
	kernels = in_lab(l, "kernels");
	assert_int_equal(rmdir(kernels), 0);
	free(kernels);
}

/* Reading ends where all was found: what follows may even be missing. */
static void test_reads_no_further(void **state)
{
	static const char *const config[] = {"boot/config-*", NULL};
	static const char *const module[] = {"lib/modules/*/*/x.ko", NULL};
	static const char *const none[] = {"boot/none", NULL};
	struct lab *l = *state;
	struct deb_file files[] = {{config, "config", false}};
	char *path = in_lab(l, "cut.deb");
	struct str deb = STR_INIT;
	struct err e = {0};

	make_deb(&deb, true);
	put(l, "cut.deb", deb.buf, deb.len / 2);
	if (deb_take(path, files, 1, l->dir, &e))
		fail_msg("%s", e.text);
	assert_true(files[0].found);
	assert_true(lab_has(l, "config"));

	files[0] = (struct deb_file){none, "none", false};
	assert_int_not_equal(deb_take(path, files, 1, l->dir, &e), 0);
	put(l, "cut.deb", deb.buf, deb.len);
	assert_int_equal(deb_take(path, files, 1, l->dir, &e), 0);
	assert_false(files[0].found);
	files[0] = (struct deb_file){module, "x.ko", false};
	assert_int_equal(deb_take(path, files, 1, l->dir, &e), 0);
	assert_true(files[0].found);
	put(l, "cut.deb", "no archive", 10);
	files[0].found = false;
	assert_int_not_equal(deb_take(path, files, 1, l->dir, &e), 0);
	free(path);
	str_release(&deb);
}

static void test_unpack_stays_inside(void **state)
{
	struct lab *l = *state;
	char *root = in_lab(l, "root"), *path = in_lab(l, "x.deb");
	struct str deb = STR_INIT;
	struct err e = {0};

	make_deb(&deb, true);
	put(l, "x.deb", deb.buf, deb.len);
	if (deb_unpack_modules(path, "6.9.1-amd64", root, &e))
		fail_msg("%s", e.text);
	assert_true(lab_has(l, "root/lib/modules/6.9.1-amd64/kernel/x.ko"));
	assert_false(lab_has(l, "root/evil"));
	assert_false(lab_has(l, "root/boot"));
	free(root);
	free(path);
	str_release(&deb);
}

static void test_known_modules(void **state)
{
	struct lab *l = *state;
	struct strv names = STRV_INIT, paths = STRV_INIT;
	struct kernel k = {0};
	struct err e;
	char *dir;

	get(l, NULL, &k);
	dir = xasprintf("%s/modules", k.dir);
	assert_int_equal(file_mkdirs(dir, &e), 0);
	free(dir);
	dir = k.dir + strlen(l->dir) + 1;
	for (int i = 0; i < 2; i++) {
		char *list = xasprintf("%s/modules/%s.list", dir,
				       i ? "brd" : "ext4");

		put(l, list, i ? "brd.ko\n" : "crc16.ko\next4.ko\nbrd.ko\n",
		    i ? 7 : 24);
		free(list);
	}
	strv_add(&names, "ext4");
	strv_add(&names, "brd");
	assert_int_equal(debian_modules(l->dir, &k, &names, &paths, &e), 0);
	assert_int_equal(paths.n, 3);
	assert_true(str_starts(paths.v[0], k.dir));
	assert_true(str_ends(paths.v[0], "/modules/crc16.ko"));
	assert_true(str_ends(paths.v[2], "/modules/brd.ko"));
	strv_add(&names, "../brd");
	assert_int_not_equal(debian_modules(l->dir, &k, &names, &paths, &e), 0);
	assert_int_equal(e.kind, ERR_USER);
	assert_int_equal(paths.n, 3);
	strv_release(&names);
	strv_release(&paths);
	kernel_release(&k);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kernel_and_pin),   TEST(test_kept_package),
		TEST(test_refresh),          TEST(test_suite_without_updates),
		TEST(test_errors),           TEST(test_wrong_package),
		TEST(test_reads_no_further), TEST(test_unpack_stays_inside),
		TEST(test_known_modules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
