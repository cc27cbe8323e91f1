#include "base/file.h"

#include "base/err.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sha2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

int file_read(const char *path, size_t cap, struct str *out, struct err *e)
{
	char chunk[65536];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "cannot open '%s'", path);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		if (out->len + (size_t)n > cap) {
			close(fd);
			err_lab(e, "'%s' is longer than %zu bytes", path, cap);
			return -EFBIG;
		}
		str_add(out, chunk, (size_t)n);
	}
	if (n < 0) {
		int errnum = errno;

		close(fd);
		return err_sys(e, errnum, "cannot read '%s'", path);
	}
	close(fd);
	str_add(out, "", 0);
	return 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_new(const char *path, const void *data, size_t len, bool sync)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, data, len);
	if (!r && sync && fsync(fd))
		r = -errno;
	if (close(fd) && !r)
		r = -errno;
	return r;
}

int file_put(const char *path, const void *data, size_t len, struct err *e)
{
	int r = write_new(path, data, len, false);

	return r ? err_sys(e, -r, "cannot write '%s'", path) : 0;
}

int file_write(const char *path, const void *data, size_t len, struct err *e)
{
	char *tmp = xasprintf("%s.tmp.%d", path, (int)getpid());
	int r = write_new(tmp, data, len, true);

	if (!r && rename(tmp, path))
		r = -errno;
	if (r) {
		unlink(tmp);
		err_sys(e, -r, "cannot write '%s'", path);
	}
	free(tmp);
	return r;
}

int file_mkdirs(const char *path, struct err *e)
{
	char *copy = xstrdup(path);
	int r = 0;

	for (char *p = copy + !!*copy; !r; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0777) && errno != EEXIST)
			r = err_sys(e, errno, "cannot make folder '%s'", copy);
		*p = c;
		if (!c)
			break;
	}
	free(copy);
	return r;
}

int file_remove(const char *path, struct err *e)
{
	char *const roots[] = {(char *)path, NULL};
	FTS *fts;
	FTSENT *f;
	int r = 0;

	if (!file_exists(path))
		return 0;
	fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	if (!fts)
		return err_sys(e, errno, "cannot open folder '%s'", path);
	while ((f = fts_read(fts))) {
		if (f->fts_info == FTS_D)
			continue;
		if (remove(f->fts_accpath) && errno != ENOENT && !r)
			r = err_sys(e, errno, "cannot remove '%s'",
				    f->fts_path);
	}
	fts_close(fts);
	return r;
}

static int sync_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd))
		r = -errno;
	close(fd);
	return r;
}

static int sync_tree(const char *path)
{
	char *const roots[] = {(char *)path, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *f;
	int r = fts ? 0 : -errno;

	while (!r && (f = fts_read(fts)))
		if (f->fts_info == FTS_F || f->fts_info == FTS_DP)
			r = sync_path(f->fts_accpath);
	if (fts)
		fts_close(fts);
	return r;
}

int file_publish(const char *from, const char *to, struct err *e)
{
	int r = sync_tree(from);

	if (!r && rename(from, to))
		r = -errno;
	if (r)
		return err_sys(e, -r, "cannot publish '%s' as '%s'", from, to);
	return 0;
}

bool file_exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

char *file_names(const char *dir, const char *suffix)
{
	struct strv names = STRV_INIT;
	struct dirent **list;
	int n = scandir(dir, &list, NULL, alphasort);
	char *text;

	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;

		if (str_ends(name, suffix))
			strv_addf(&names, "%.*s",
				  (int)(strlen(name) - strlen(suffix)), name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	text = strv_join(&names, ", ");
	strv_release(&names);
	return text;
}

uint64_t file_space(const char *path)
{
	struct statvfs v;

	if (statvfs(path, &v))
		return UINT64_MAX;
	return (uint64_t)v.f_bavail * v.f_frsize;
}

int file_sha256(const char *path, char hex[SHA256_HEX], struct err *e)
{
	if (!SHA256File(path, hex))
		return err_sys(e, errno, "cannot read '%s'", path);
	return 0;
}

void mem_sha256(const void *data, size_t len, char hex[SHA256_HEX])
{
	SHA256Data(data, len, hex);
}

uint64_t file_usage(const char *path)
{
	char *const roots[] = {(char *)path, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	uint64_t sum = 0;
	FTSENT *f;

	while (fts && (f = fts_read(fts)))
		if (f->fts_info == FTS_F)
			sum += (uint64_t)f->fts_statp->st_blocks * 512;
	if (fts)
		fts_close(fts);
	return sum;
}
