#include "kernel/deb.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <unistd.h>

#define BLOCK 65536
#define MODULE_CAP (256u << 20)

/* The outer archive, standing at data.tar, feeds the inner one. */
struct deb {
	struct archive *outer, *inner;
	char block[BLOCK];
};

/* Told about each member; 0: go on, 1: enough, negative: an error. */
typedef int (*deb_member_fn)(struct archive *a, struct archive_entry *entry,
			     const char *path, void *arg, struct err *e);

static la_ssize_t feed(struct archive *a, void *arg, const void **block)
{
	struct deb *d = arg;
	la_ssize_t n = archive_read_data(d->outer, d->block, BLOCK);

	if (n < 0)
		archive_set_error(a, EIO, "%s", archive_error_string(d->outer));
	*block = d->block;
	return n;
}

static void support_filters(struct archive *a)
{
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_gzip(a);
}

static int find_data(struct deb *d, const char *path, struct err *e)
{
	struct archive_entry *entry;

	archive_read_support_format_ar(d->outer);
	if (archive_read_open_filename(d->outer, path, BLOCK) != ARCHIVE_OK)
		return err_lab(e, "%s", archive_error_string(d->outer));
	while (archive_read_next_header(d->outer, &entry) == ARCHIVE_OK)
		if (str_starts(archive_entry_pathname(entry), "data.tar"))
			return 0;
	return err_lab(e, "not a Debian package: it has no data.tar");
}

static int walk_data(struct deb *d, deb_member_fn fn, void *arg, struct err *e)
{
	struct archive_entry *entry;
	int r = 0, status = ARCHIVE_OK;

	archive_read_support_format_tar(d->inner);
	support_filters(d->inner);
	if (archive_read_open(d->inner, d, NULL, feed, NULL) != ARCHIVE_OK)
		return err_lab(e, "%s", archive_error_string(d->inner));
	while (!r && (status = archive_read_next_header(d->inner, &entry)) ==
			     ARCHIVE_OK) {
		const char *path = archive_entry_pathname(entry);

		if (archive_entry_filetype(entry) != AE_IFREG || !path)
			continue;
		if (str_starts(path, "./"))
			path += 2;
		r = fn(d->inner, entry, path, arg, e);
	}
	if (!r && status != ARCHIVE_EOF)
		r = err_lab(e, "%s", archive_error_string(d->inner));
	return r < 0 ? r : 0;
}

static int walk(const char *path, deb_member_fn fn, void *arg, struct err *e)
{
	struct deb *d = xcalloc(1, sizeof(*d));
	int r;

	d->outer = archive_read_new();
	d->inner = archive_read_new();
	r = find_data(d, path, e);
	if (!r)
		r = walk_data(d, fn, arg, e);
	archive_read_free(d->inner);
	archive_read_free(d->outer);
	free(d);
	if (r)
		err_prefix(e, "package '%s'", path);
	return r;
}

static int write_member(struct archive *a, const char *to, struct err *e)
{
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int r = 0;

	if (fd < 0)
		return err_sys(e, errno, "cannot create '%s'", to);
	if (archive_read_data_into_fd(a, fd) != ARCHIVE_OK)
		r = err_lab(e, "cannot unpack '%s': %s", to,
			    archive_error_string(a));
	if (close(fd) && !r)
		r = err_sys(e, errno, "cannot write '%s'", to);
	return r;
}

struct taking {
	struct deb_file *files;
	size_t n;
	const char *dir;
};

static bool matches(const struct deb_file *f, const char *path)
{
	for (size_t i = 0; f->patterns[i]; i++)
		if (!fnmatch(f->patterns[i], path, FNM_PATHNAME))
			return true;
	return false;
}

static bool has_all(const struct taking *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (!t->files[i].found)
			return false;
	return true;
}

static int take_member(struct archive *a, struct archive_entry *entry,
		       const char *path, void *arg, struct err *e)
{
	struct taking *t = arg;

	(void)entry;
	for (size_t i = 0; i < t->n; i++) {
		struct deb_file *f = &t->files[i];
		char *to;
		int r;

		if (f->found || !matches(f, path))
			continue;
		to = xasprintf("%s/%s", t->dir, f->to);
		r = write_member(a, to, e);
		free(to);
		f->found = !r;
		return r ? r : has_all(t);
	}
	return 0;
}

int deb_take(const char *deb, struct deb_file *files, size_t n, const char *dir,
	     struct err *e)
{
	struct taking t = {files, n, dir};

	return has_all(&t) ? 0 : walk(deb, take_member, &t, e);
}

struct unpacking {
	char *prefix; /* lib/modules/<release>/ */
	const char *dir;
};

static int unpack_member(struct archive *a, struct archive_entry *entry,
			 const char *path, void *arg, struct err *e)
{
	struct unpacking *u = arg;
	char *to, *slash;
	int r;

	(void)entry;
	if (str_starts(path, "usr/"))
		path += 4;
	if (!str_starts(path, u->prefix) || strstr(path, "/../"))
		return 0;
	to = xasprintf("%s/%s", u->dir, path);
	slash = strrchr(to, '/');
	*slash = '\0';
	r = file_mkdirs(to, e);
	*slash = '/';
	if (!r)
		r = write_member(a, to, e);
	free(to);
	return r;
}

int deb_unpack_modules(const char *deb, const char *release, const char *dir,
		       struct err *e)
{
	struct unpacking u = {xasprintf("lib/modules/%s/", release), dir};
	int r = walk(deb, unpack_member, &u, e);

	free(u.prefix);
	return r;
}

static int read_all(struct archive *a, struct str *out, struct err *e)
{
	char block[BLOCK];
	la_ssize_t n;

	while ((n = archive_read_data(a, block, sizeof(block))) > 0) {
		if (out->len + (size_t)n > MODULE_CAP)
			return err_lab(e, "larger than %u bytes", MODULE_CAP);
		str_add(out, block, (size_t)n);
	}
	return n < 0 ? err_lab(e, "%s", archive_error_string(a)) : 0;
}

int deb_copy_module(const char *from, const char *to, struct err *e)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	struct str data = STR_INIT;
	int r;

	archive_read_support_format_raw(a);
	support_filters(a);
	if (archive_read_open_filename(a, from, BLOCK) != ARCHIVE_OK ||
	    archive_read_next_header(a, &entry) != ARCHIVE_OK)
		r = err_lab(e, "%s", archive_error_string(a));
	else
		r = read_all(a, &data, e);
	archive_read_free(a);
	if (r)
		err_prefix(e, "module '%s'", from);
	else
		r = file_write(to, data.buf, data.len, e);
	str_release(&data);
	return r;
}
