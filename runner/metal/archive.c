#include "metal/archive.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define INITRAMFS_CAP (512u << 20)

static int copy_data(struct archive *in, struct archive *out)
{
	char chunk[65536];
	la_ssize_t n;

	while ((n = archive_read_data(in, chunk, sizeof(chunk))) > 0)
		if (archive_write_data(out, chunk, (size_t)n) != n)
			return -EIO;
	return n < 0 ? -EIO : 0;
}

/* Copies the entries of one cpio archive. */
static int copy_part(struct archive *out, const void *data, size_t len,
		     struct err *e)
{
	struct archive *in = archive_read_new();
	struct archive_entry *en;
	int r = 0, next = ARCHIVE_EOF;

	if (archive_read_support_format_cpio(in) ||
	    archive_read_open_memory(in, data, len))
		r = -EIO;
	while (!r && (next = archive_read_next_header(in, &en)) == ARCHIVE_OK) {
		if (S_ISCHR(archive_entry_mode(en)) ||
		    S_ISBLK(archive_entry_mode(en)))
			continue;
		if (archive_write_header(out, en) || copy_data(in, out))
			r = -EIO;
	}
	if (r || next != ARCHIVE_EOF)
		r = err_lab(e, "cannot read the initramfs: %s",
			    archive_error_string(in));
	archive_read_free(in);
	return r;
}

static int write_tar(int fd, const struct str *both, size_t first,
		     struct err *e)
{
	struct archive *out = archive_write_new();
	int r = 0;

	if (archive_write_set_format_pax_restricted(out) ||
	    archive_write_open_fd(out, fd))
		r = err_lab(e, "cannot write a tar: %s",
			    archive_error_string(out));
	if (!r)
		r = copy_part(out, both->buf, first, e);
	if (!r)
		r = copy_part(out, both->buf + first, both->len - first, e);
	if (!r && archive_write_close(out))
		r = err_lab(e, "cannot write a tar: %s",
			    archive_error_string(out));
	archive_write_free(out);
	return r;
}

int archive_tar(const char *initramfs, const char *job, int *fd, struct err *e)
{
	struct str both = STR_INIT;
	struct stat st;
	int r = file_read(initramfs, INITRAMFS_CAP, &both, e);

	*fd = -1;
	if (!r && (stat(job, &st) || (uint64_t)st.st_size > both.len))
		r = err_lab(e, "'%s' is not the end of '%s'", job, initramfs);
	if (!r) {
		*fd = memfd_create("programs.tar", MFD_CLOEXEC);
		if (*fd < 0)
			r = err_sys(e, errno, "cannot make a file in memory");
	}
	if (!r)
		r = write_tar(*fd, &both, both.len - (size_t)st.st_size, e);
	if (!r && lseek(*fd, 0, SEEK_SET) < 0)
		r = err_sys(e, errno, "cannot read back a tar");
	if (r && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	str_release(&both);
	return r;
}
