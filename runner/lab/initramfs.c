#include "lab/initramfs.h"

#include "base/err.h"
#include "base/job.h"
#include "lab/programs.h"
#include "study/workload.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_CAP (256u << 20)

/* ---- one cpio archive, in memory ---- */

struct cpio {
	struct archive *a;
	struct str data;
	int64_t next_ino;
	struct strv dirs; /* made already */
};

static ssize_t append(struct archive *a, void *arg, const void *data,
		      size_t len)
{
	(void)a;
	str_add(arg, data, len);
	return (ssize_t)len;
}

static void cpio_open(struct cpio *c)
{
	*c = (struct cpio){.next_ino = 1};
	c->a = archive_write_new();
	BUG(!c->a || archive_write_set_format_cpio_newc(c->a));
	archive_write_set_bytes_per_block(c->a, 0);
	BUG(archive_write_open(c->a, &c->data, NULL, append, NULL));
}

static struct archive_entry *cpio_entry(struct cpio *c, const char *path,
					mode_t mode, size_t size)
{
	struct archive_entry *en = archive_entry_new();

	archive_entry_set_pathname(en, path);
	archive_entry_set_mode(en, mode);
	archive_entry_set_size(en, (int64_t)size);
	archive_entry_set_ino(en, c->next_ino++);
	archive_entry_set_nlink(en, 1);
	archive_entry_set_mtime(en, 0, 0);
	archive_entry_set_uid(en, 0);
	archive_entry_set_gid(en, 0);
	return en;
}

static int cpio_write(struct cpio *c, struct archive_entry *en,
		      const void *data, size_t len, struct err *e)
{
	int r = 0;

	if (archive_write_header(c->a, en) ||
	    (len && archive_write_data(c->a, data, len) != (ssize_t)len))
		r = err_lab(e, "cannot write '%s' to the initramfs: %s",
			    archive_entry_pathname(en),
			    archive_error_string(c->a));
	archive_entry_free(en);
	return r;
}

/* "lib/x86_64-linux-gnu/libc.so.6" needs lib and lib/x86_64-linux-gnu. */
static int cpio_parents(struct cpio *c, const char *path, struct err *e)
{
	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		char *dir = xstrndup(path, (size_t)(p - path));
		int r = 0;

		if (!strv_has(&c->dirs, dir)) {
			strv_add(&c->dirs, dir);
			r = cpio_write(c, cpio_entry(c, dir, S_IFDIR | 0755, 0),
				       NULL, 0, e);
		}
		free(dir);
		if (r)
			return r;
	}
	return 0;
}

static int cpio_file(struct cpio *c, const char *path, mode_t mode,
		     const void *data, size_t len, struct err *e)
{
	int r = cpio_parents(c, path, e);

	if (r)
		return r;
	return cpio_write(c, cpio_entry(c, path, S_IFREG | mode, len), data,
			  len, e);
}

static int cpio_copy(struct cpio *c, const char *from, const char *path,
		     struct err *e)
{
	struct str data = STR_INIT;
	int r = file_read(from, FILE_CAP, &data, e);

	if (!r)
		r = cpio_file(c, path, 0755, data.buf, data.len, e);
	str_release(&data);
	return r;
}

/* The agent's stdin, stdout and stderr, before it has mounted anything. */
static int cpio_console(struct cpio *c, struct err *e)
{
	struct archive_entry *en;
	int r = cpio_parents(c, "dev/console", e);

	if (r)
		return r;
	en = cpio_entry(c, "dev/console", S_IFCHR | 0600, 0);
	archive_entry_set_rdevmajor(en, 5);
	archive_entry_set_rdevminor(en, 1);
	return cpio_write(c, en, NULL, 0, e);
}

static int cpio_close(struct cpio *c, struct err *e)
{
	if (archive_write_close(c->a))
		return err_lab(e, "cannot end the initramfs: %s",
			       archive_error_string(c->a));
	/* The kernel wants the next archive to start at a multiple of four. */
	while (c->data.len % 4)
		str_add(&c->data, "", 1);
	return 0;
}

static void cpio_release(struct cpio *c)
{
	archive_write_free(c->a);
	str_release(&c->data);
	strv_release(&c->dirs);
}

/* ---- programs and their libraries ---- */

/* Where root would find it, too: the guest is root's. */
static char *look_up(const char *name)
{
	const char *own = getenv("PATH");
	char *path =
		xasprintf("%s:/usr/sbin:/sbin", own ? own : "/usr/bin:/bin");
	struct str s = STR_INIT;
	bool found = false;

	for (const char *at = path; *at && !found;) {
		size_t n = strcspn(at, ":");

		str_release(&s);
		str_add(&s, at, n);
		str_addf(&s, "/%s", name);
		found = n && !access(s.buf, X_OK);
		at += n + (at[n] == ':');
	}
	free(path);
	if (found)
		return str_detach(&s);
	str_release(&s);
	return NULL;
}

/* ldd's lines: "libc.so.6 => /lib/.../libc.so.6 (0x...)", or for the loader
 * "/lib64/ld-linux-x86-64.so.2 (0x...)". */
static void take_libraries(char *text, struct strv *libs)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *at = strchr(line, '/'), *end;

		if (!at || !(end = strstr(at, " (")))
			continue;
		*end = '\0';
		if (!strv_has(libs, at))
			strv_add(libs, at);
	}
}

static int libraries(const char *program, struct strv *libs, struct err *e)
{
	struct job_spec spec = {.deadline_ms = 20000};
	struct job_result r;
	int ret;

	spec.argv = (const char *const[]){"ldd", program, NULL};
	ret = job_run(&spec, &r, e);
	/* ldd also fails, with these words, on a static program. */
	if (!ret && r.exit &&
	    !strstr(r.err.buf ? r.err.buf : "", "not a dynamic executable"))
		ret = err_lab(e, "ldd cannot tell the libraries of '%s': %s",
			      program, r.err.buf ? r.err.buf : "no message");
	if (!ret && r.out.buf && strstr(r.out.buf, "not found"))
		ret = err_lab(e,
			      "'%s' lacks a library on this host; see `ldd "
			      "%s`",
			      program, program);
	if (!ret && !r.exit)
		take_libraries(r.out.buf, libs);
	job_result_release(&r);
	return ret;
}

/* "rt-tests 2.4-1", or nothing if dpkg does not know the file. */
static void add_package(json_t *entry, const struct strv *packages)
{
	json_t *list = json_array();

	for (size_t i = 0; i < packages->n; i++) {
		struct job_spec spec = {.deadline_ms = 20000};
		struct job_result r;
		struct err ignored;

		spec.argv = (const char *const[]){
			"dpkg-query",   "-W", "-f", "${Package} ${Version}",
			packages->v[i], NULL};
		if (!job_run(&spec, &r, &ignored) && !r.exit && r.out.buf)
			json_array_append_new(list, json_string(r.out.buf));
		job_result_release(&r);
	}
	json_object_set_new(entry, "packages", list);
}

/* A host's file at a path of the guest. */
static int add_file(struct cpio *c, const char *from, const char *to,
		    json_t *contents, const char *name, struct err *e)
{
	struct str data = STR_INIT;
	char hex[SHA256_HEX];
	int r = file_read(from, FILE_CAP, &data, e);

	if (!r)
		r = cpio_file(c, to, 0755, data.buf, data.len, e);
	if (!r) {
		mem_sha256(data.buf, data.len, hex);
		json_object_set_new(contents, name, json_string(hex));
	}
	str_release(&data);
	return r;
}

/* By name to /bin; one with a path stays at that. */
static int add_program(struct cpio *c, const char *name,
		       const struct strv *packages, json_t *contents,
		       struct strv *libs, struct err *e)
{
	bool fixed = name[0] == '/';
	char *from = fixed ? xstrdup(name) : look_up(name), *to;
	int r;

	if (!from || !file_exists(from)) {
		char *list = strv_join(packages, ", ");

		r = err_lab(e,
			    "program '%s' is not on this host; install it "
			    "from package %s (make setup)",
			    name, list);
		free(list);
		free(from);
		return r;
	}
	to = fixed ? xstrdup(name + 1) : xasprintf("bin/%s", name);
	r = libraries(from, libs, e);
	if (!r)
		r = add_file(c, from, to, contents, name, e);
	free(from);
	free(to);
	return r;
}

static int add_own_programs(struct cpio *c, const char *lab,
			    const struct workload *w, json_t *contents,
			    struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < w->nprograms; i++) {
		const struct program *p = &w->programs[i];
		char *from, *to = xasprintf("bin/%s", p->name);

		r = program_build(lab, p, &from, e);
		if (!r) {
			r = add_file(c, from, to, contents, p->name, e);
			free(from);
		}
		free(to);
	}
	return r;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int add_files(struct cpio *c, const struct workload *w, json_t *contents,
		     struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < w->files.n; i++) {
		const char *from = w->files.v[i];
		char *to = xasprintf("klab/files/%s", base_name(from));

		r = add_file(c, from, to, contents, to, e);
		free(to);
	}
	return r;
}

static int fill_base(struct cpio *c, const char *lab, const char *agent,
		     const struct workload *w, json_t *contents, struct err *e)
{
	struct strv libs = STRV_INIT;
	json_t *programs = json_object();
	int r = add_file(c, agent, "init", contents, "agent", e);

	if (!r)
		r = cpio_console(c, e);
	for (size_t i = 0; !r && i < w->binaries.n; i++)
		r = add_program(c, w->binaries.v[i], &w->packages, programs,
				&libs, e);
	for (size_t i = 0; !r && i < libs.n; i++)
		r = cpio_copy(c, libs.v[i], libs.v[i] + 1, e);
	if (!r)
		r = add_own_programs(c, lab, w, programs, e);
	if (!r)
		r = add_files(c, w, programs, e);
	json_object_set_new(contents, "programs", programs);
	strv_release(&libs);
	return r;
}

static int keep_base(const char *lab, const struct cpio *c, json_t *contents,
		     const char *sha256, struct err *e)
{
	char *dir = xasprintf("%s/initramfs", lab);
	char *path = xasprintf("%s/%s.cpio", dir, sha256);
	char *about = xasprintf("%s/%s.json", dir, sha256);
	char *text = json_dumps(contents, JSON_INDENT(1) | JSON_SORT_KEYS);
	int r = file_mkdirs(dir, e);

	if (!r && !file_exists(about))
		r = file_write(about, text, strlen(text), e);
	if (!r && !file_exists(path))
		r = file_write(path, c->data.buf, c->data.len, e);
	free(text);
	free(about);
	free(path);
	free(dir);
	return r;
}

int initramfs_base(const char *lab, const char *agent, const struct workload *w,
		   char sha256[SHA256_HEX], struct err *e)
{
	json_t *contents = json_object();
	struct cpio c;
	int r;

	cpio_open(&c);
	r = fill_base(&c, lab, agent, w, contents, e);
	if (!r)
		r = cpio_close(&c, e);
	if (!r) {
		add_package(contents, &w->packages);
		mem_sha256(c.data.buf, c.data.len, sha256);
		r = keep_base(lab, &c, contents, sha256, e);
	}
	cpio_release(&c);
	json_decref(contents);
	return r;
}

int initramfs_job(const char *path, const char *job, const struct strv *modules,
		  struct err *e)
{
	struct cpio c;
	int r;

	cpio_open(&c);
	r = cpio_file(&c, "klab/job", 0600, job, strlen(job), e);
	for (size_t i = 0; !r && i < modules->n; i++) {
		char *to =
			xasprintf("klab/modules/%s", base_name(modules->v[i]));

		r = cpio_copy(&c, modules->v[i], to, e);
		free(to);
	}
	if (!r)
		r = cpio_close(&c, e);
	if (!r)
		r = file_put(path, c.data.buf, c.data.len, e);
	cpio_release(&c);
	return r;
}

int initramfs_join(const char *base, const char *job, const char *out,
		   struct err *e)
{
	struct str data = STR_INIT;
	int r = file_read(base, FILE_CAP, &data, e);

	if (!r)
		r = file_read(job, FILE_CAP, &data, e);
	if (!r)
		r = file_put(out, data.buf, data.len, e);
	str_release(&data);
	return r;
}
