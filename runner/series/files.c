#include "series/files.h"

#include "base/err.h"
#include "base/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define BLOCK 65536

/* ---- gzip ---- */

static int unpack_from(struct archive *a, const char *name, struct str *out,
		       struct err *e)
{
	struct archive_entry *entry;
	char block[BLOCK];
	la_ssize_t n;

	if (archive_read_next_header(a, &entry) != ARCHIVE_OK)
		return err_user(e, "%s: it cannot be unpacked: %s", name,
				archive_error_string(a));
	while ((n = archive_read_data(a, block, sizeof(block))) > 0) {
		if (out->len + (size_t)n > TEXT_CAP)
			return err_user(e,
					"%s: it is longer than %u MiB, "
					"unpacked",
					name, TEXT_CAP >> 20);
		str_add(out, block, (size_t)n);
	}
	if (n < 0)
		return err_user(e, "%s: it cannot be unpacked: %s", name,
				archive_error_string(a));
	return 0;
}

static int unpack(const char *name, const char *data, size_t len,
		  struct str *out, struct err *e)
{
	struct archive *a = archive_read_new();
	int r;

	archive_read_support_format_raw(a);
	archive_read_support_filter_gzip(a);
	if (archive_read_open_memory(a, data, len) != ARCHIVE_OK)
		r = err_user(e, "%s: it cannot be unpacked: %s", name,
			     archive_error_string(a));
	else
		r = unpack_from(a, name, out, e);
	archive_read_free(a);
	return r;
}

int series_unpack(const char *name, const char *data, size_t len,
		  struct str *out, bool *crlf, struct err *e)
{
	bool made_lf;
	int r = 0;

	if (len > 2 && !memcmp(data, "\x1f\x8b", 2))
		r = unpack(name, data, len, out, e);
	else
		str_add(out, data, len);
	if (!r)
		r = text_prepare(name, out, &made_lf, e);
	if (!r && made_lf)
		*crlf = true;
	return r;
}

int series_file_read(const char *path, struct str *out, bool *crlf,
		     struct err *e)
{
	struct str raw = STR_INIT;
	struct stat st;
	int r;

	if (stat(path, &st)) {
		r = errno;
		return err_user(e, "cannot read '%s': %s", path, strerror(r));
	}
	if (!S_ISREG(st.st_mode))
		return err_user(e, "'%s' is not a file", path);
	r = file_read(path, TEXT_CAP, &raw, e);
	if (r == -EFBIG)
		r = err_user(e, "'%s' is longer than %u MiB", path,
			     TEXT_CAP >> 20);
	if (!r)
		r = series_unpack(path, raw.buf, raw.len, out, crlf, e);
	str_release(&raw);
	return r;
}

/* ---- a folder ---- */

static int is_patch(const struct dirent *d)
{
	return *d->d_name != '.' &&
	       (str_ends(d->d_name, ".patch") || str_ends(d->d_name, ".eml"));
}

static int read_one(const char *dir, const char *name, struct mails *m,
		    struct err *e)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct str text = STR_INIT;
	size_t before = m->n;
	int r = series_file_read(path, &text, &m->crlf, e);

	if (!r)
		r = mail_read(path, text.buf, text.len, m, e);
	str_release(&text);
	if (m->n > before)
		m->at[before].file = path;
	else
		free(path);
	return r;
}

int folder_read(const char *dir, struct mails *m, struct err *e)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_patch, alphasort), r = 0;

	if (n < 0) {
		r = errno;
		return err_user(e, "cannot read '%s': %s", dir, strerror(r));
	}
	for (int i = 0; i < n; i++) {
		if (!r)
			r = read_one(dir, list[i]->d_name, m, e);
		free(list[i]);
	}
	free(list);
	if (!r && !m->n)
		r = err_user(e,
			     "folder '%s' has no *.patch file and no 'series'",
			     dir);
	return r;
}
