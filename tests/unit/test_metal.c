/* The parts of metal boots that need no box. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "a_folder.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/yml.h"
#include "lab/initramfs.h"
#include "machine/backend.h"
#include "metal/archive.h"
#include "metal/buildid.h"
#include "metal/conf.h"
#include "metal/console.h"

static char *in_folder(void **state, const char *name)
{
	char *cwd = getcwd(NULL, 0);
	char *path = xasprintf("%s/%s", cwd, name);

	(void)state;
	free(cwd);
	return path;
}

/* ---- build ids ---- */

static void add_note(struct str *s, unsigned type, const char *name,
		     const void *desc, size_t len)
{
	Elf64_Nhdr n = {.n_namesz = (Elf64_Word)strlen(name) + 1,
			.n_descsz = (Elf64_Word)len,
			.n_type = type};

	str_add(s, &n, sizeof(n));
	str_add(s, name, n.n_namesz);
	while (s->len % 4)
		str_add(s, "", 1);
	str_add(s, desc, len);
	while (s->len % 4)
		str_add(s, "", 1);
}

static void build_id_is_found_among_notes(void **state)
{
	struct str s = STR_INIT;
	char hex[BUILDID_HEX];

	(void)state;
	add_note(&s, 3, "Xen", "abc", 3);
	add_note(&s, NT_GNU_BUILD_ID, "GNU", "\x01\xab\xff", 3);
	assert_true(buildid_of_notes(s.buf, s.len, hex));
	assert_string_equal(hex, "01abff");
	str_release(&s);
}

static void notes_that_are_cut_or_lie_are_refused(void **state)
{
	struct str s = STR_INIT;
	char hex[BUILDID_HEX];

	(void)state;
	add_note(&s, NT_GNU_BUILD_ID, "GNU", "\x01\xab\xff\x00", 4);
	for (size_t n = 0; n < s.len; n++) {
		char *cut = xcalloc(1, n + 1);

		memcpy(cut, s.buf, n);
		assert_false(buildid_of_notes(cut, n, hex));
		free(cut);
	}
	((Elf64_Nhdr *)(void *)s.buf)->n_descsz = 0xfffffffe;
	assert_false(buildid_of_notes(s.buf, s.len, hex));
	((Elf64_Nhdr *)(void *)s.buf)->n_descsz = 0;
	assert_false(buildid_of_notes(s.buf, s.len, hex));
	str_release(&s);
}

static void a_long_build_id_does_not_overflow(void **state)
{
	struct str s = STR_INIT;
	char hex[BUILDID_HEX], long_id[256] = {1};

	(void)state;
	add_note(&s, NT_GNU_BUILD_ID, "GNU", long_id, sizeof(long_id));
	assert_false(buildid_of_notes(s.buf, s.len, hex));
	str_release(&s);
	add_note(&s, NT_GNU_BUILD_ID, "GNU", long_id, 64);
	assert_true(buildid_of_notes(s.buf, s.len, hex));
	assert_int_equal(strlen(hex), 128);
	str_release(&s);
}

/* What a box sent. */
static void notes_come_as_base64(void **state)
{
	char hex[BUILDID_HEX];

	(void)state;
	assert_true(buildid_of_base64(
		"BAAAABQAAAADAAAAR05VADtD+tUDSHRJBJJJXVUsCval+rI1", hex));
	assert_string_equal(hex, "3b43fad50348744904924"
				 "95d552c0af6a5fab235");
	assert_false(buildid_of_base64("", hex));
	assert_false(buildid_of_base64("%%%%", hex));
	assert_false(buildid_of_base64("BAAAABQAAAADAAAAR05VADtD", hex));
}

static void a_file_that_is_no_kernel_has_none(void **state)
{
	char *path = in_folder(state, "junk"), hex[BUILDID_HEX];
	struct err e;

	assert_int_equal(file_put(path,
				  "\x7f"
				  "ELF",
				  4, &e),
			 0);
	assert_int_not_equal(buildid_of_image(path, hex, &e), 0);
	assert_non_null(strstr(e.text, "no build id"));
	free(path);
}

/* ---- the archive ---- */

static void two_archives_become_one_tar(void **state)
{
	char *base = in_folder(state, "base.cpio");
	char *job = in_folder(state, "job.cpio");
	char *both = in_folder(state, "initramfs.cpio");
	struct strv none = STRV_INIT;
	struct archive *a = archive_read_new();
	struct archive_entry *en;
	struct str names = STR_INIT;
	struct err e;
	int fd;

	/* A program may hold what ends an archive. */
	assert_int_equal(initramfs_job(base, "TRAILER!!!\n", &none, &e), 0);
	assert_int_equal(initramfs_job(job, "second\n", &none, &e), 0);
	assert_int_equal(initramfs_join(base, job, both, &e), 0);
	assert_int_equal(archive_tar(both, job, &fd, &e), 0);
	assert_int_equal(archive_read_support_format_tar(a), ARCHIVE_OK);
	assert_int_equal(archive_read_open_fd(a, fd, 4096), ARCHIVE_OK);
	while (archive_read_next_header(a, &en) == ARCHIVE_OK) {
		char text[100] = "";

		if (archive_entry_size(en))
			archive_read_data(a, text, sizeof(text) - 1);
		str_addf(&names, "%s=%s;", archive_entry_pathname(en), text);
	}
	assert_string_equal(names.buf, "klab/=;klab/job=TRAILER!!!\n;"
				       "klab/=;klab/job=second\n;");
	archive_read_free(a);
	close(fd);
	assert_int_not_equal(archive_tar(job, both, &fd, &e), 0);
	str_release(&names);
	free(base);
	free(job);
	free(both);
}

/* ---- the console ---- */

#define OLD "old kernel\nkexec_core: Starting new kernel\n"
#define TEST "[    0.000000] Linux version 6.12.1-x (who)\r\nit runs\r\n"
#define HOME "SeaBIOS\n[    0.000000] Linux version 6.1.0-y (who)\nhome\n"

static char *cut(void **state, const char *all, size_t from, size_t to,
		 const char *release, const char *home)
{
	char *path = in_folder(state, "serial.log");
	struct str out = STR_INIT;
	struct err e;

	assert_int_equal(file_put(path, all, strlen(all), &e), 0);
	assert_int_equal(console_cut(path, from, to, release, home, &out, &e),
			 0);
	free(path);
	if (!out.buf)
		str_adds(&out, "");
	return str_detach(&out);
}

static void check_cut(void **state, const char *all, size_t from, size_t to,
		      const char *release, const char *want)
{
	char *text = cut(state, all, from, to, release, "6.1.0-y");

	assert_string_equal(text, want);
	free(text);
}

static void console_is_cut_where_the_box_is_home(void **state)
{
	size_t all = SIZE_MAX;

	check_cut(state, OLD TEST HOME, strlen(OLD), all, "6.12.1-x",
		  TEST "SeaBIOS\n");
	check_cut(state, OLD TEST, strlen(OLD), all, "6.12.1-x", TEST);
	/* It died without a word. */
	check_cut(state, OLD HOME, strlen(OLD), all, "6.12.1-x", "SeaBIOS\n");
	/* The kernel under test is the box's own. */
	check_cut(state, OLD HOME HOME, strlen(OLD), all, "6.1.0-y",
		  HOME "SeaBIOS\n");
	check_cut(state, TEST, 9999, all, "6.12.1-x", "");
	check_cut(state, TEST, 10, 5, "6.12.1-x", "");
}

static void a_longer_release_is_another(void **state)
{
	check_cut(state, TEST "Linux version 6.1.0-yy (who)\nmore\n", 0,
		  SIZE_MAX, "6.12.1-x",
		  TEST "Linux version 6.1.0-yy (who)\nmore\n");
}

static void banner_is_seen(void **state)
{
	char *path = in_folder(state, "serial.log");
	struct err e;

	assert_int_equal(file_put(path, OLD TEST, strlen(OLD TEST), &e), 0);
	assert_true(console_has_banner(path, 0, "6.12.1-x"));
	assert_false(console_has_banner(path, strlen(OLD) + 30, "6.12.1-x"));
	assert_false(console_has_banner(path, 0, "6.12.1"));
	assert_false(console_has_banner(path, 99999, "6.12.1-x"));
	free(path);
}

/* ---- machine files ---- */

static int load(void **state, const char *text, struct machine **m,
		struct err *e)
{
	char *path = in_folder(state, "box.yaml");
	char *all = xasprintf("machine: box\naccel: metal\n%s", text);
	int r = file_put(path, all, strlen(all), e);

	if (!r)
		r = machine_load(path, "/nonexistent", "/", m, e);
	free(all);
	free(path);
	return r;
}

static void machine_file_is_read(void **state)
{
	struct machine *m;
	struct err e;

	assert_int_equal(load(state,
			      "ssh: root@box\nssh_port: 2222\n"
			      "console: cat\nconsole_break: \"~B\"\n"
			      "ssh_options: [Ciphers=aes128-ctr]\n"
			      "quiesce: {thp: never, turbo: off}\n"
			      "initrd: auto\nstart: systemd-boot\n",
			      &m, &e),
			 0);
	assert_string_equal(m->clock, "wall");
	assert_int_equal(m->deadline_s, 7200);
	assert_string_equal(json_string_value(json_object_get(m->host, "ssh")),
			    "root@box");
	assert_null(json_object_get(m->host, "power_cycle"));
	assert_string_equal(
		json_string_value(json_object_get(
			json_object_get(m->own, "quiesce"), "turbo")),
		"off");
	machine_free(m);
}

static void wrong_machine_files_are_explained(void **state)
{
	static const char *const files[][2] = {
		{"vcpus: 1\n", "needs the key 'ssh'"},
		{"ssh: -oProxyCommand=x\n", "is no user@host"},
		{"ssh: a@b\nssh_identity: key\n", "starts with / or ~/"},
		{"ssh: a@b\nstart: lilo\n", "kexec, grub-reboot, systemd-boot"},
		{"ssh: a@b\ninitrd: yes please\n", "neither 'none' nor 'auto'"},
		{"ssh: a@b\nquiesce: {turbos: off}\n", "turbo"},
		{"ssh: a@b\nquiesce: {thp: \"x;y\"}\n", "is no setting"},
		{"ssh: a@b\nconsole_break: x\n", "no key 'console'"},
		{"ssh: a@b\npower: x\n", "power_cycle"},
	};
	struct machine *m;
	struct err e;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		assert_int_not_equal(load(state, files[i][0], &m, &e), 0);
		assert_int_equal(e.kind, ERR_USER);
		if (!strstr(e.text, files[i][1]))
			fail_msg("'%s' is not in: %s", files[i][1], e.text);
	}
}

/* ---- specs ---- */

#define SPEC                                                                   \
	"{\"machine\": {\"name\": \"box\", \"own\": {\"start\": \"kexec\", "   \
	"\"append\": \"\", \"initrd\": \"none\"}}, \"kernel\": {\"release\": " \
	"\"6.12\"}, \"steps\": [{\"deadline_ms\": 5000}, {\"deadline_ms\": "   \
	"7000}], \"host\": {\"ssh\": \"%s\", \"boot_timeout_s\": 1, "          \
	"\"ssh_timeout_s\": 1}, \"hang_s\": %d}"

static int load_spec(void **state, const char *ssh, int hang,
		     struct metal_conf *c, struct err *e)
{
	char *path = in_folder(state, "spec.json");
	char *text = xasprintf(SPEC, ssh, hang);
	int r = file_put(path, text, strlen(text), e);

	*strrchr(path, '/') = '\0';
	if (!r)
		r = metal_conf_load(path, c, e);
	free(text);
	free(path);
	return r;
}

static void spec_is_read(void **state)
{
	struct metal_conf c;
	struct err e;

	assert_int_equal(load_spec(state, "root@box", 9, &c, &e), 0);
	assert_string_equal(c.ssh, "root@box");
	assert_true(c.check_back);
	assert_int_equal(metal_job_ms(&c), 60000 + 12000);
	metal_conf_release(&c);
}

static void spec_that_is_no_metal_boots_is_refused(void **state)
{
	struct metal_conf c;
	struct err e;

	assert_int_not_equal(load_spec(state, "-oX=y", 9, &c, &e), 0);
	assert_int_not_equal(load_spec(state, "root@box", 0, &c, &e), 0);
	assert_int_not_equal(metal_conf_load("/nonexistent", &c, &e), 0);
	assert_int_equal(e.kind, ERR_LAB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(build_id_is_found_among_notes),
		cmocka_unit_test(notes_that_are_cut_or_lie_are_refused),
		cmocka_unit_test(a_long_build_id_does_not_overflow),
		cmocka_unit_test(notes_come_as_base64),
		cmocka_unit_test(a_file_that_is_no_kernel_has_none),
		cmocka_unit_test(two_archives_become_one_tar),
		cmocka_unit_test(console_is_cut_where_the_box_is_home),
		cmocka_unit_test(a_longer_release_is_another),
		cmocka_unit_test(banner_is_seen),
		cmocka_unit_test(machine_file_is_read),
		cmocka_unit_test(wrong_machine_files_are_explained),
		cmocka_unit_test(spec_is_read),
		cmocka_unit_test(spec_that_is_no_metal_boots_is_refused),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
