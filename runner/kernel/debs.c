#include "kernel/debs.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/apt.h"
#include "kernel/packages.h"

#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

/* As apt names the file. */
static char *deb_path(const char *dir, const struct package *p)
{
	struct str s = STR_INIT;

	str_addf(&s, "%s/%s_", dir, p->name);
	for (const char *v = p->version; *v; v++) {
		if (*v == ':')
			str_adds(&s, "%3a");
		else
			str_add(&s, v, 1);
	}
	str_addf(&s, "_%s.deb", p->arch);
	return str_detach(&s);
}

char *debs_kept(const struct apt *a, const struct package *p)
{
	char *path = deb_path(a->debs, p), hex[SHA256_HEX];
	struct err ignored;

	if (file_exists(path) && !file_sha256(path, hex, &ignored) &&
	    !strcmp(hex, p->sha256))
		return path;
	free(path);
	return NULL;
}

static int make_fetch_folder(const struct apt *a, char **dir, struct err *e)
{
	struct passwd *pw = a->user ? getpwnam(a->user) : NULL;

	*dir = xasprintf("%s/.fetch.XXXXXX", a->debs);
	if (!mkdtemp(*dir) || (pw && chown(*dir, pw->pw_uid, (gid_t)-1))) {
		err_sys(e, errno, "cannot make a folder in '%s'", a->debs);
		free(*dir);
		return -EIO;
	}
	return 0;
}

/* Moves what apt has put into the folder to where it is kept. */
static int keep_fetched(const struct apt *a, const struct package *p,
			const char *dir, char **path, struct err *e)
{
	char *from = deb_path(dir, p), *to = deb_path(a->debs, p);
	char hex[SHA256_HEX];
	int r = file_sha256(from, hex, e);

	if (!r && strcmp(hex, p->sha256))
		r = err_lab(e, "it has sha256 %s, and not %s as announced", hex,
			    p->sha256);
	if (!r && (chmod(from, 0644) || rename(from, to)))
		r = err_sys(e, errno, "cannot keep '%s'", to);
	free(from);
	if (r)
		free(to);
	else
		*path = to;
	return r;
}

static int download(const struct apt *a, const struct package *p,
		    const char *dir, struct err *e)
{
	char *spec = xasprintf("%s=%s", p->name, p->version);
	const char *argv[] = {"apt-get", "download", "-q", spec, NULL};
	int r = apt_run(a, argv, dir, NULL, e);

	free(spec);
	return r;
}

int debs_fetch(const struct apt *a, const struct package *p, char **path,
	       struct err *e)
{
	struct err ignored;
	char *dir;
	int r = make_fetch_folder(a, &dir, e);

	if (r)
		return r;
	r = download(a, p, dir, e);
	if (!r)
		r = keep_fetched(a, p, dir, path, e);
	file_remove(dir, &ignored);
	free(dir);
	if (r)
		err_prefix(e, "cannot fetch '%s' %s", p->name, p->version);
	return r;
}
