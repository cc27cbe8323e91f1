#include "build/build_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

void build_obj_init(struct build_obj *o, const char *path)
{
	*o = (struct build_obj){.path = path,
				.log = xasprintf("%s.log", path),
				.marker = xasprintf("%s.building", path)};
}

void build_obj_release(struct build_obj *o)
{
	free(o->log);
	free(o->marker);
	*o = (struct build_obj){0};
}

/* ---- files in it ---- */

/* One component at a time, for a folder may be a link, too. */
static int open_in(const char *folder, const char *name)
{
	int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), next;

	while (at >= 0) {
		size_t n = strcspn(name, "/");
		char *part = xstrndup(name, n);

		next = openat(at, part,
			      name[n] ? O_PATH | O_DIRECTORY | O_NOFOLLOW |
						O_CLOEXEC
				      : O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
						O_CLOEXEC);
		free(part);
		close(at);
		if (!name[n])
			return next;
		at = next;
		name += n + 1;
	}
	return -1;
}

int build_obj_open(const struct build_obj *o, const char *name, int *fd,
		   struct err *e)
{
	struct stat st;

	*fd = open_in(o->path, name);
	if (*fd >= 0 && !fstat(*fd, &st) && S_ISREG(st.st_mode))
		return 0;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	err_kernel(e, "make has left no file '%s'", name);
	return -ENOENT;
}

static int copy_to(int in, const char *name, int out, const char *to,
		   uint64_t cap, struct err *e)
{
	char *chunk = xcalloc(1, 1 << 20);
	uint64_t total = 0;
	ssize_t n;
	int r = 0;

	while (!r && (n = read(in, chunk, 1 << 20)) > 0) {
		total += (uint64_t)n;
		if (total > cap)
			r = err_kernel(e, "'%s' is larger than %llu MiB", name,
				       (unsigned long long)cap >> 20);
		for (ssize_t done = 0, k; !r && done < n; done += k) {
			k = write(out, chunk + done, (size_t)(n - done));
			if (k < 0)
				r = err_sys(e, errno, "cannot write '%s'", to);
		}
	}
	if (!r && n < 0)
		r = err_sys(e, errno, "cannot read '%s'", name);
	free(chunk);
	return r;
}

int build_obj_copy(const struct build_obj *o, const char *name, const char *to,
		   uint64_t cap, struct err *e)
{
	int in, out, r = build_obj_open(o, name, &in, e);

	if (r)
		return r;
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (out < 0) {
		r = err_sys(e, errno, "cannot create '%s'", to);
	} else {
		r = copy_to(in, name, out, to, cap, e);
		if (close(out) && !r)
			r = err_sys(e, errno, "cannot write '%s'", to);
	}
	close(in);
	return r;
}

/* ---- the folder ---- */

static bool holds(const struct build_obj *o, const char *name,
		  const struct str *text)
{
	int fd = open_in(o->path, name);
	char chunk[65536];
	bool same = fd >= 0;
	size_t at = 0;
	ssize_t n;

	while (same && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		same = n > 0 && (size_t)n <= text->len - at &&
		       !memcmp(text->buf + at, chunk, (size_t)n);
		at += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
	return same && at == text->len;
}

/* Beside it and by rename, so that nothing is written through a link. */
static int put_config(const struct build_obj *o, const struct build_config *c,
		      struct err *e)
{
	char *tmp = xasprintf("%s.config", o->path);
	char *path = xasprintf("%s/.config", o->path);
	int r = 0;

	if (!holds(o, ".config", &c->text)) {
		r = file_put(tmp, c->text.buf, c->text.len, e);
		if (!r && rename(tmp, path))
			r = err_sys(e, errno, "cannot write '%s'", path);
	}
	free(path);
	free(tmp);
	return r;
}

static int put_away(const struct build_obj *o, struct err *e)
{
	int r = -EEXIST;

	if (!file_exists(o->path))
		return 0;
	for (int i = 0; r && i < 1000; i++) {
		char *old = xasprintf("%s.old.%d", o->path, i);

		if (!file_exists(old))
			r = rename(o->path, old) ? -errno : 0;
		free(old);
		if (r && r != -EEXIST && r != -ENOTEMPTY)
			break;
	}
	return r ? err_sys(e, -r, "cannot rename object folder '%s'", o->path)
		 : 0;
}

static int make_folder(struct build_obj *o, const struct build_config *c,
		       struct err *e)
{
	o->fresh = !mkdir(o->path, 0777);
	if (!o->fresh && errno != EEXIST)
		return err_sys(e, errno, "cannot make object folder '%s'",
			       o->path);
	return put_config(o, c, e);
}

int build_obj_prepare(struct build_obj *o, const struct build_config *c,
		      struct err *e)
{
	char *copy = xstrdup(o->path);
	int r = file_mkdirs(dirname(copy), e);

	free(copy);
	if (!r && file_exists(o->marker))
		r = put_away(o, e);
	if (!r)
		r = file_write(o->marker, "", 0, e);
	if (r)
		return r;
	if (unlink(o->log) && errno != ENOENT)
		return err_sys(e, errno, "cannot remove '%s'", o->log);
	r = make_folder(o, c, e);
	/* A build may leave a folder of that name, to spite us. */
	if (r && !o->fresh && !put_away(o, e))
		r = make_folder(o, c, e);
	return r;
}

void build_obj_clean(const struct build_obj *o)
{
	unlink(o->marker);
}

void build_obj_drop(const struct build_obj *o, const char *name)
{
	char *path = xasprintf("%s/%s", o->path, name);

	unlink(path);
	free(path);
}

bool build_obj_old(const struct build_obj *o, struct strv *argv)
{
	char *copy = xstrdup(o->path), *prefix;
	const char *base = strrchr(o->path, '/');
	const char *folder = dirname(copy);
	DIR *d = opendir(folder);
	struct dirent *f;
	bool any = false;

	prefix = xasprintf("%s.old.", base ? base + 1 : o->path);
	while (d && (f = readdir(d))) {
		if (!str_starts(f->d_name, prefix))
			continue;
		if (!any) {
			strv_add(argv, "rm");
			strv_add(argv, "-rf");
			strv_add(argv, "--");
		}
		strv_addf(argv, "%s/%s", folder, f->d_name);
		any = true;
	}
	if (d)
		closedir(d);
	free(prefix);
	free(copy);
	return any;
}
