#include "tree/origin.h"

#include "base/err.h"
#include "base/file.h"
#include "kernel/apt.h"
#include "kernel/deb.h"
#include "kernel/debs.h"
#include "kernel/packages.h"
#include "kernel/suites.h"
#include "tree/debsource.h"
#include "tree/tarball.h"

#include <errno.h>

#define VERSION_CHARS                                                          \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.:~"

static const char *const tarball_at[] = {"usr/src/linux-source-*.tar.*", NULL};

/* What a request came to. */
struct found {
	char *package, *version;
	char sha256[SHA256_HEX]; /* of the tarball */
};

static void found_release(struct found *f)
{
	free(f->package);
	free(f->version);
	f->package = f->version = NULL;
}

static int check(const struct tree_request *rq, struct err *e)
{
	const char *v = rq->version;

	if (!debsource_is(rq->where))
		return err_user(e, "it is not called linux-source-<version>");
	if (v && (!*v || *v == '-' || strlen(v) > 100 ||
		  v[strspn(v, VERSION_CHARS)]))
		return err_user(e, "'%s' is not the version of a package", v);
	if (rq->suite && !suite_is_valid(rq->suite))
		return err_user(e, "'%s' is not the name of a suite",
				rq->suite);
	return 0;
}

/* ---- pins: asked again, a request comes to the same ---- */

static void pin_key(const struct tree_request *rq, char key[SHA256_HEX])
{
	char *text = xasprintf("%s %s %s", rq->suite ? rq->suite : "",
			       rq->where, rq->version ? rq->version : "");

	mem_sha256(text, strlen(text), key);
	free(text);
}

static bool pin_read(const struct repo *r, const struct tree_request *rq,
		     struct found *f)
{
	char key[SHA256_HEX], *note, *rest, *sha;

	pin_key(rq, key);
	note = repo_note(r, "debian", key);
	if (!note)
		return false;
	rest = note;
	f->package = xstrdup(strsep(&rest, " "));
	f->version = xstrdup(rest ? strsep(&rest, " ") : "");
	sha = rest ? strsep(&rest, "\n") : NULL;
	snprintf(f->sha256, SHA256_HEX, "%s", sha ? sha : "");
	free(note);
	return debsource_is(f->package) && *f->version &&
	       strlen(f->sha256) == 64;
}

static int pin_write(const struct repo *r, const struct tree_request *rq,
		     const struct found *f, struct err *e)
{
	char key[SHA256_HEX];
	char *note = xasprintf("%s %s %s\n", f->package, f->version, f->sha256);
	int ret;

	pin_key(rq, key);
	ret = repo_note_write(r, "debian", key, note, e);
	free(note);
	return ret;
}

/* ---- from the package to the commit ---- */

static int import(const struct tree_request *rq, struct origin *o,
		  const char *path, struct found *f, struct err *e)
{
	struct tree_request file = *rq;

	file.sha256 = NULL;
	return tarball_import(&o->repo, &file, path, f->sha256, o->base, e);
}

/* 0 if the host has it, -ENOENT without an error if not. */
static int from_host(const struct tree_request *rq, struct origin *o,
		     struct found *f, struct err *e)
{
	char *path = debsource_installed(f->package, f->version);
	int r = path ? import(rq, o, path, f, e) : -ENOENT;

	free(path);
	return r;
}

static int from_deb(const struct tree_request *rq, struct origin *o,
		    const char *deb, struct found *f, struct err *e)
{
	struct deb_file file = {tarball_at, "tarball", false};
	char *path = repo_tmp(&o->repo, file.to);
	int r;

	origin_note(rq, "reading", deb);
	r = deb_take(deb, &file, 1, o->repo.tmp, e);
	if (!r && !file.found)
		r = err_lab(e, "package '%s' has no usr/src/linux-source-*",
			    deb);
	if (!r)
		r = import(rq, o, path, f, e);
	file_remove(path, &(struct err){0});
	free(path);
	return r;
}

static int from_mirror(const struct apt *a, const struct tree_request *rq,
		       struct origin *o, const struct package *p,
		       struct found *f, struct err *e)
{
	char *deb = debs_kept(a, p);
	int r = 0;

	if (!deb) {
		origin_note(rq, "fetching", p->name);
		r = debs_fetch(a, p, &deb, e);
	}
	if (!r)
		r = from_deb(rq, o, deb, f, e);
	free(deb);
	return r;
}

/* With the lists as they are. */
static int attempt(const struct apt *a, const struct tree_request *rq,
		   const char *version, struct origin *o, struct found *f,
		   struct err *e)
{
	struct packages all = {0};
	const struct package *p;
	int r = apt_packages_like(a, "linux-source", &all, e);

	if (r)
		return r;
	p = debsource_find(&all, rq->where, version, e);
	if (p) {
		found_release(f);
		f->package = xstrdup(p->name);
		f->version = xstrdup(p->version);
		r = from_host(rq, o, f, e);
		if (r == -ENOENT)
			r = from_mirror(a, rq, o, p, f, e);
	} else {
		r = -EINVAL;
	}
	packages_release(&all);
	return r;
}

static int resolve(struct apt *a, const struct tree_request *rq,
		   const char *version, struct origin *o, struct found *f,
		   struct err *e)
{
	int r;

	if (!rq->refresh && !apt_is_stale(a) &&
	    !attempt(a, rq, version, o, f, e))
		return 0;
	/* The mirror may have moved on since the lists were fetched. */
	origin_note(rq, "fetching the package lists of",
		    rq->suite ? rq->suite : "the host's suites");
	r = apt_update(a, e);
	return r ? r : attempt(a, rq, version, o, f, e);
}

static int ask_apt(const char *lab, const struct tree_request *rq,
		   const char *version, struct origin *o, struct found *f,
		   struct err *e)
{
	struct apt a;
	int r = apt_open(&a, lab, rq->suite, e);

	if (r)
		return r;
	r = resolve(&a, rq, version, o, f, e);
	apt_close(&a);
	return r;
}

/* A pinned version whose tarball is gone is got again, the same. */
static int get(const char *lab, const struct tree_request *rq, struct origin *o,
	       struct found *f, struct err *e)
{
	bool pinned = !rq->refresh && pin_read(&o->repo, rq, f);
	char *version = NULL, wanted[SHA256_HEX] = "";
	int r = -ENOENT;

	if (pinned) {
		r = tarball_find(&o->repo, f->sha256, o->base, e);
		memcpy(wanted, f->sha256, sizeof(wanted));
		version = xstrdup(f->version);
	} else if (rq->version) {
		version = xstrdup(rq->version);
		found_release(f);
		f->package = xstrdup(rq->where);
		f->version = xstrdup(version);
	}
	if (r == -ENOENT && version)
		r = from_host(rq, o, f, e);
	if (r == -ENOENT)
		r = ask_apt(lab, rq, version, o, f, e);
	if (!r && pinned && strcmp(wanted, f->sha256))
		r = err_lab(e, "version %s has another tarball than before",
			    version);
	free(version);
	return r;
}

int origin_debian(const char *lab, const struct tree_request *rq,
		  struct origin *o, struct err *e)
{
	struct found f = {0};
	int r = check(rq, e);

	if (!r)
		r = repo_open(lab, REPO_TARBALLS, &o->repo, e);
	if (!r)
		r = get(lab, rq, o, &f, e);
	if (!r)
		r = pin_write(&o->repo, rq, &f, e);
	if (r)
		err_prefix(e, "debian-source '%s'%s%s", rq->where,
			   rq->version ? " " : "",
			   rq->version ? rq->version : "");
	else
		o->title = xasprintf("%s %s", f.package, f.version);
	found_release(&f);
	return r;
}
