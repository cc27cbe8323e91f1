#include "kernel/image.h"

#include "base/err.h"
#include "base/str.h"
#include "kernel/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int copy_range(int in, int out)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(in, chunk, sizeof(chunk))) > 0) {
		for (ssize_t done = 0, k; done < n; done += k) {
			k = write(out, chunk + done, (size_t)(n - done));
			if (k < 0)
				return -errno;
		}
	}
	return n < 0 ? -errno : 0;
}

static int open_source(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_user(e, "cannot open '%s': %s", path,
				strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_user(e, "'%s' is not a file", path);
	}
	return fd;
}

static int copy_in(const char *path, const char *stage, const char *name,
		   struct err *e)
{
	char *to;
	int in, out, r;

	in = open_source(path, e);
	if (in < 0)
		return in;
	to = xasprintf("%s/%s", stage, name);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	r = out < 0 ? -errno : copy_range(in, out);
	if (out >= 0 && close(out) && !r)
		r = -errno;
	if (r)
		err_sys(e, -r, "cannot copy '%s' to '%s'", path, to);
	close(in);
	free(to);
	return r;
}

static int fill(const char *stage, const struct image_request *rq,
		struct err *e)
{
	int r = copy_in(rq->path, stage, STAGE_IMAGE, e);

	if (!r && rq->config)
		r = copy_in(rq->config, stage, STAGE_CONFIG, e);
	if (!r && rq->map)
		r = copy_in(rq->map, stage, STAGE_MAP, e);
	return r;
}

int image_kernel(const char *lab, const struct image_request *rq,
		 struct kernel *k, struct err *e)
{
	const struct kernel_origin from = {.source = "image"};
	char *stage;
	int r = kernel_store_stage(lab, &stage, e);

	if (r)
		return r;
	r = fill(stage, rq, e);
	if (r) {
		kernel_store_drop(stage);
	} else {
		r = kernel_store_add(lab, stage, &from, k, e);
		if (r)
			err_prefix(e, "image '%s'", rq->path);
	}
	free(stage);
	return r;
}
