#include "kernel/debian.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/apt.h"
#include "kernel/choice.h"
#include "kernel/deb.h"
#include "kernel/debs.h"
#include "kernel/packages.h"
#include "kernel/pin.h"
#include "kernel/store.h"
#include "kernel/suites.h"

#include <errno.h>

static const char *const image_at[] = {
	"boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz",
	"usr/lib/modules/*/vmlinuz.unsigned", NULL};
static const char *const config_at[] = {"boot/config-*",
					"usr/lib/modules/*/config", NULL};
static const char *const map_at[] = {"boot/System.map-*",
				     "usr/lib/modules/*/System.map", NULL};

static void note(const struct debian_request *rq, const char *what,
		 const char *name)
{
	char *text;

	if (!rq->note)
		return;
	text = xasprintf("%s %s", what, name);
	rq->note(text, rq->arg);
	free(text);
}

static int get_deb(const struct apt *a, const struct debian_request *rq,
		   const struct package *p, char **path, struct err *e)
{
	*path = debs_kept(a, p);
	if (*path)
		return 0;
	note(rq, "fetching", p->name);
	return debs_fetch(a, p, path, e);
}

static int take_files(const struct apt *a, const struct debian_request *rq,
		      const struct package *p, struct deb_file *files, size_t n,
		      const char *stage, struct err *e)
{
	char *deb;
	int r = get_deb(a, rq, p, &deb, e);

	if (r)
		return r;
	r = deb_take(deb, files, n, stage, e);
	free(deb);
	return r;
}

/* Reading a package for what is in another would read it to its end.  Where the
 * mirror has dropped the one with the config, the image's may have it as well,
 * as in 6.18. */
static int fill_stage(const struct apt *a, const struct debian_request *rq,
		      const struct choice *c, const char *stage, struct err *e)
{
	struct deb_file files[] = {{image_at, STAGE_IMAGE, false},
				   {config_at, STAGE_CONFIG, false},
				   {map_at, STAGE_MAP, false}};
	bool together = !c->config || c->config == c->image;
	int r = take_files(a, rq, c->image, files, together ? 3 : 1, stage, e);

	if (!r && !files[0].found)
		r = err_lab(e,
			    "package '%s' %s has no kernel image where klab "
			    "looks for it",
			    c->image->name, c->image->version);
	if (!r && !together && c->config)
		r = take_files(a, rq, c->config, files, 3, stage, e);
	return r;
}

static struct kernel_deb part_of(const char *part, const struct package *p)
{
	return (struct kernel_deb){(char *)part, p->name, p->version, p->arch,
				   p->sha256};
}

static int store(const char *lab, const struct debian_request *rq,
		 const struct choice *c, const char *stage, struct kernel *k,
		 struct err *e)
{
	struct kernel_deb debs[3] = {part_of("image", c->image)};
	struct kernel_origin from = {
		.source = "debian-image",
		.requested = rq->package,
		.package = c->image->name,
		.version = c->image->version,
		.suite = rq->suite,
		.debs = debs,
		.ndebs = 1,
	};

	if (c->config)
		debs[from.ndebs++] = part_of("config", c->config);
	if (c->modules)
		debs[from.ndebs++] = part_of("modules", c->modules);
	return kernel_store_add(lab, stage, &from, k, e);
}

static int take(const char *lab, const struct apt *a,
		const struct debian_request *rq, const struct choice *c,
		struct kernel *k, struct err *e)
{
	char *stage;
	int r = kernel_store_stage(lab, &stage, e);

	if (r)
		return r;
	r = fill_stage(a, rq, c, stage, e);
	if (r)
		kernel_store_drop(stage);
	else
		r = store(lab, rq, c, stage, k, e);
	free(stage);
	return r;
}

/* With the lists as they are. */
static int attempt(const char *lab, const struct apt *a,
		   const struct debian_request *rq, struct kernel *k,
		   struct err *e)
{
	struct packages all = {0};
	struct choice c;
	int r = apt_packages(a, &all, e);

	if (!r)
		r = choice_make(&c, &all, rq->package, rq->version, e);
	if (!r)
		r = take(lab, a, rq, &c, k, e);
	packages_release(&all);
	return r;
}

static int resolve(const char *lab, struct apt *a,
		   const struct debian_request *rq, struct kernel *k,
		   struct err *e)
{
	bool fresh = !rq->refresh && !apt_is_stale(a);
	int r;

	if (fresh) {
		r = attempt(lab, a, rq, k, e);
		if (!r)
			return 0;
	}
	/* The mirror may have moved on since the lists were fetched. */
	note(rq, "fetching the package lists of",
	     rq->suite ? rq->suite : "the host's suites");
	r = apt_update(a, e);
	return r ? r : attempt(lab, a, rq, k, e);
}

/* They become arguments of apt and names of files. */
static bool is_word(const char *s, const char *chars)
{
	return ((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9')) &&
	       strlen(s) < 100 && s[strspn(s, chars)] == '\0';
}

static int check(const struct debian_request *rq, struct err *e)
{
	if (!is_word(rq->package, "abcdefghijklmnopqrstuvwxyz0123456789+-."))
		return err_user(e, "'%s' is not the name of a package",
				rq->package);
	if (rq->version &&
	    !is_word(rq->version, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				  "+-.:~"))
		return err_user(e, "'%s' is not the version of a package",
				rq->version);
	if (rq->suite && !suite_is_valid(rq->suite))
		return err_user(e, "'%s' is not the name of a suite",
				rq->suite);
	return 0;
}

static void explain(const struct debian_request *rq, struct err *e)
{
	err_prefix(e, "package '%s'%s%s%s%s", rq->package,
		   rq->version ? " " : "", rq->version ? rq->version : "",
		   rq->suite ? " from " : "", rq->suite ? rq->suite : "");
}

int debian_kernel(const char *lab, const struct debian_request *rq,
		  struct kernel *k, struct err *e)
{
	struct apt a;
	int r = check(rq, e);

	if (r)
		return r;
	if (!rq->refresh && pin_find(lab, rq, k))
		return 0;
	r = apt_open(&a, lab, rq->suite, e);
	if (!r) {
		/* Another klab may have found it while this one waited. */
		if (rq->refresh || !pin_find(lab, rq, k))
			r = resolve(lab, &a, rq, k, e);
		if (!r)
			r = pin_write(lab, rq, k, e);
		apt_close(&a);
	}
	if (r)
		explain(rq, e);
	return r;
}
