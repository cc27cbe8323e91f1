#include "lab/lab.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <unistd.h>

static char *lock_path(const struct lab *lab)
{
	return xasprintf("%s/lock", lab->dir);
}

/* A lock of the process, which a child that was just forked has not, unlike
 * one of flock(): it goes when klab goes, even in the middle of a start. */
static struct flock whole_file(void)
{
	return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

/* The process that holds the lock, or 0. */
static int holder(int fd)
{
	struct flock lock = whole_file();

	if (fcntl(fd, F_GETLK, &lock) || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}

static int locked_by_other(int fd, const char *dir, struct err *e)
{
	return err_lab(e,
		       "lab '%s' is in use by another klab (process %d); "
		       "wait for it, or take another --lab",
		       dir, holder(fd));
}

static int take_lock(struct lab *lab, struct err *e)
{
	char *path = lock_path(lab);
	struct flock lock = whole_file();
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666), r = 0;

	if (fd < 0)
		r = err_sys(e, errno, "cannot open '%s'", path);
	else if (fcntl(fd, F_SETLK, &lock))
		r = errno == EAGAIN || errno == EACCES
			    ? locked_by_other(fd, lab->dir, e)
			    : err_sys(e, errno, "cannot lock '%s'", path);
	free(path);
	if (r && fd >= 0)
		close(fd);
	else
		lab->lock_fd = fd;
	return r;
}

bool lab_busy(const struct lab *lab)
{
	char *path = lock_path(lab);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool busy;

	free(path);
	if (fd < 0)
		return false;
	busy = holder(fd) != 0;
	close(fd);
	return busy;
}

/* What a killed klab left in the middle of. */
static int sweep(const struct lab *lab, struct err *e)
{
	char *flight = xasprintf("%s/flight", lab->dir);
	int r = file_remove(flight, e);

	if (!r)
		r = file_mkdirs(flight, e);
	free(flight);
	return r;
}

static int open_dir(struct lab *lab, const char *dir, enum lab_mode mode,
		    struct err *e)
{
	if (mode == LAB_WRITE && file_mkdirs(dir, e))
		return -EIO;
	lab->dir = realpath(dir, NULL);
	if (lab->dir && !str_is_utf8(lab->dir))
		return err_user(e,
				"lab '%s': the path is not UTF-8, which the "
				"lab's records are",
				lab->dir);
	if (lab->dir)
		return 0;
	if (errno == ENOENT) {
		err_user(e, "there is no lab '%s': 'klab run STUDY' makes one",
			 dir);
		return -ENOENT;
	}
	return err_sys(e, errno, "cannot open lab '%s'", dir);
}

int lab_open(const char *dir, const char *share, enum lab_mode mode,
	     struct lab *lab, struct err *e)
{
	int r;

	*lab = (struct lab){.lock_fd = -1};
	lab->share = xstrdup(share);
	lab->agent = xasprintf("%s/build/agent", share);
	r = open_dir(lab, dir, mode, e);
	if (!r && mode != LAB_READ)
		r = take_lock(lab, e);
	if (!r && mode != LAB_READ)
		r = sweep(lab, e);
	if (!r)
		r = db_open(lab->dir, mode == LAB_READ, &lab->db, e);
	if (!r && mode != LAB_READ)
		r = db_boots_interrupted(lab->db, e);
	if (r)
		lab_close(lab);
	return r;
}

void lab_close(struct lab *lab)
{
	if (!lab->share)
		return;
	db_close(lab->db);
	qemu_release(&lab->qemu);
	if (lab->lock_fd >= 0)
		close(lab->lock_fd);
	free(lab->dir);
	free(lab->share);
	free(lab->agent);
	*lab = (struct lab){.lock_fd = -1};
}

int lab_need_qemu(struct lab *lab, struct err *e)
{
	if (lab->qemu.path)
		return 0;
	if (!file_exists(lab->agent))
		return err_lab(e,
			       "the guest's agent '%s' is not built: run "
			       "make",
			       lab->agent);
	return qemu_find(&lab->qemu, e);
}

int lab_find_share(char **share, struct err *e)
{
	const char *home = getenv("KLAB_HOME");
	char self[PATH_MAX], *probe;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return err_sys(e, errno, "cannot tell where klab lies");
	self[n] = '\0';
	*share = xstrdup(home && *home ? home : dirname(self));
	probe = xasprintf("%s/workloads", *share);
	if (file_exists(probe)) {
		free(probe);
		return 0;
	}
	free(probe);
	err_lab(e,
		"klab's own files are not in '%s'; set KLAB_HOME to its "
		"source folder",
		*share);
	free(*share);
	*share = NULL;
	return -ENOENT;
}
