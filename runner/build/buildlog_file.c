#include "build/buildlog.h"

#include "base/err.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_part(int fd, const char *path, uint64_t at, uint64_t len,
		     struct str *text, struct err *e)
{
	char chunk[65536];

	while (len) {
		size_t want = len < sizeof(chunk) ? len : sizeof(chunk);
		ssize_t n = pread(fd, chunk, want, (off_t)at);

		if (n < 0)
			return err_sys(e, errno, "cannot read '%s'", path);
		if (!n)
			break;
		str_add(text, chunk, (size_t)n);
		at += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

int buildlog_read(const char *path, struct str *text, struct err *e)
{
	const uint64_t half = BUILDLOG_CAP / 2;
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;
	struct stat st;
	uint64_t size;

	if (fd < 0)
		return err_sys(e, errno, "cannot open '%s'", path);
	if (fstat(fd, &st)) {
		r = err_sys(e, errno, "cannot read '%s'", path);
		goto out;
	}
	size = (uint64_t)st.st_size;
	if (size <= BUILDLOG_CAP) {
		r = read_part(fd, path, 0, size, text, e);
		goto out;
	}
	r = read_part(fd, path, 0, half, text, e);
	str_addf(text, "\n... %llu bytes left out ...\n",
		 (unsigned long long)(size - 2 * half));
	if (!r)
		r = read_part(fd, path, size - half, half, text, e);
out:
	close(fd);
	str_add(text, "", 0);
	return r;
}

static int write_zst(struct archive *a, const char *path,
		     const struct str *text)
{
	struct archive_entry *entry = archive_entry_new();
	bool ok;

	archive_entry_set_pathname(entry, "build.log");
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_size(entry, (la_int64_t)text->len);
	ok = archive_write_set_format_raw(a) == ARCHIVE_OK &&
	     archive_write_add_filter_zstd(a) == ARCHIVE_OK &&
	     archive_write_open_filename(a, path) == ARCHIVE_OK &&
	     archive_write_header(a, entry) == ARCHIVE_OK &&
	     archive_write_data(a, text->buf, text->len) ==
		     (la_ssize_t)text->len &&
	     archive_write_close(a) == ARCHIVE_OK;
	archive_entry_free(entry);
	return ok ? 0 : -EIO;
}

int buildlog_pack(const char *path, const struct str *text, struct err *e)
{
	struct archive *a = archive_write_new();
	int r = write_zst(a, path, text);

	if (r)
		err_lab(e, "cannot write '%s': %s", path,
			archive_error_string(a) ? archive_error_string(a)
						: "no zstd in libarchive");
	archive_write_free(a);
	return r;
}
