#include "kernel/choice.h"

#include "base/err.h"
#include "base/str.h"
#include "kernel/names.h"
#include "kernel/packages.h"

#include <errno.h>

#define MAX_HOPS 4

static const char image_prefix[] = "linux-image-";
/* In the order in which one is to be had for the other. */
static const char *const image_prefixes[] = {image_prefix, "linux-binary-",
					     "linux-binary-unsigned-"};
enum { NPREFIXES = sizeof(image_prefixes) / sizeof(*image_prefixes) };

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool part_name(const char *name, const char *prefix)
{
	return str_starts(name, prefix) && digit(name[strlen(prefix)]);
}

static bool is_image(const char *name)
{
	for (int i = 0; i < NPREFIXES; i++)
		if (part_name(name, image_prefixes[i]))
			return true;
	return false;
}

static bool is_config(const char *name)
{
	return part_name(name, "linux-base-");
}

static bool is_modules(const char *name)
{
	return part_name(name, "linux-modules-");
}

bool choice_may_use(const char *name)
{
	if (str_ends(name, "-dbg") || str_ends(name, "-template"))
		return false;
	return str_starts(name, image_prefix) || is_image(name) ||
	       is_config(name) || is_modules(name);
}

struct dependency {
	char *name, *version; /* version: only of "(= version)" */
};

/* The first relation in a Depends field whose name is wanted. */
static bool pick_dependency(const char *depends, bool (*wanted)(const char *),
			    struct dependency *d)
{
	while (*depends) {
		const char *mark;
		size_t len, n;

		depends += strspn(depends, ", ");
		len = strcspn(depends, ",|");
		n = strcspn(depends, " ,|:(");
		d->name = xstrndup(depends, n);
		if (wanted(d->name)) {
			mark = memmem(depends, len, "(= ", 3);
			d->version = mark ? xstrndup(mark + 3,
						     strcspn(mark + 3, ")"))
					  : NULL;
			return true;
		}
		free(d->name);
		depends += strcspn(depends, ",");
	}
	return false;
}

/* Follows one dependency: 1 and *to if there is such, 0 if there is none, and
 * -ENOENT if the mirror does not have it. */
static int follow(const struct packages *p, const struct package *from,
		  bool (*wanted)(const char *), const struct package **to,
		  struct err *e)
{
	struct dependency d;
	const struct package *next;

	if (!pick_dependency(from->depends, wanted, &d))
		return 0;
	next = packages_find(p, d.name, d.version);
	if (!next)
		err_user(e,
			 "'%s' %s needs '%s' %s, which the mirror no longer "
			 "has: name another version",
			 from->name, from->version, d.name,
			 d.version ? d.version : "");
	free(d.name);
	free(d.version);
	if (!next)
		return -ENOENT;
	*to = next;
	return 1;
}

/* The package a part is in: the one with the image unless that says otherwise;
 * NULL if the mirror does not have it. */
static const struct package *part_of(const struct packages *p,
				     const struct package *image,
				     bool (*wanted)(const char *))
{
	const struct package *part = image;
	struct err ignored;

	return follow(p, image, wanted, &part, &ignored) < 0 ? NULL : part;
}

/* linux-binary-unsigned-X and linux-binary-X have their modules in
 * linux-modules-X, though they do not depend on it. */
static const struct package *modules_of(const struct packages *p,
					const struct package *image)
{
	for (int i = NPREFIXES - 1; i > 0; i--) {
		const struct package *m;
		char *name;

		if (!str_starts(image->name, image_prefixes[i]))
			continue;
		name = xasprintf("linux-modules-%s",
				 image->name + strlen(image_prefixes[i]));
		m = packages_find(p, name, image->version);
		free(name);
		return m;
	}
	return part_of(p, image, is_modules);
}

static int complete(const struct packages *p, const struct package *start,
		    struct choice *c, struct err *e)
{
	int r = 1;

	c->image = start;
	for (int hop = 0; r > 0 && hop < MAX_HOPS; hop++)
		r = follow(p, c->image, is_image, &c->image, e);
	if (r < 0)
		return r;
	if (r > 0 || !is_image(c->image->name))
		return err_user(e, "%s leads to no kernel image",
				start->version);
	c->config = part_of(p, c->image, is_config);
	c->modules = modules_of(p, c->image);
	return 0;
}

/* Of "linux-image-6.17.13+deb13-rt-amd64": is it a kernel of release `want`
 * ("6.17") and flavour ("rt-amd64")?  Gives the release. */
static char *release_if(const char *name, const char *prefix, const char *want,
			const char *flavour)
{
	size_t n = strlen(want), k;
	const char *rest;
	char *release;

	if (!part_name(name, prefix) || !str_ends(name, flavour))
		return NULL;
	rest = name + strlen(prefix);
	k = strlen(rest) - strlen(flavour);
	if (k <= n + 1 || rest[k - 1] != '-' || strncmp(rest, want, n) ||
	    digit(rest[n]))
		return NULL;
	release = xstrndup(rest, k - 1);
	/* A longer flavour ends the same: 6.17.13+deb13-rt is no release. */
	if (!str_ends(release, "-rt") && !str_ends(release, "-cloud"))
		return release;
	free(release);
	return NULL;
}

/* The newest kernel of a release that has no meta-package of its own. */
static const struct package *newest_of(const struct packages *p,
				       const char *want, const char *flavour,
				       const char *version)
{
	const struct package *best = NULL;
	char *best_release = NULL;

	for (int i = 0; i < NPREFIXES; i++)
		for (size_t j = 0; j < p->n; j++) {
			const struct package *one = &p->v[j];
			char *release = release_if(one->name, image_prefixes[i],
						   want, flavour);

			if (release &&
			    (!version || !strcmp(version, one->version)) &&
			    (!best || strverscmp(release, best_release) > 0)) {
				free(best_release);
				best_release = release;
				best = one;
			} else {
				free(release);
			}
		}
	free(best_release);
	return best;
}

static const struct package *by_release(const struct packages *p,
					const char *name, const char *version)
{
	const char *want = name + strlen(image_prefix), *dash;
	const struct package *best;
	char *release;

	if (!part_name(name, image_prefix))
		return NULL;
	dash = want + strspn(want, "0123456789.");
	if (*dash != '-')
		return NULL;
	release = xstrndup(want, (size_t)(dash - want));
	best = newest_of(p, release, dash + 1, version);
	free(release);
	return best;
}

/* The package asked for, or the one that stands in for it. */
static const struct package *start_of(const struct packages *p,
				      const char *name, const char *version)
{
	const struct package *one = packages_find(p, name, version);

	for (int i = 1; !one && i < NPREFIXES; i++) {
		char *other;

		if (!part_name(name, image_prefix))
			break;
		other = xasprintf("%s%s", image_prefixes[i],
				  name + strlen(image_prefix));
		one = packages_find(p, other, version);
		free(other);
	}
	return one ? one : by_release(p, name, version);
}

static int no_version(const struct packages *p, const char *name, struct err *e)
{
	char *list = names_versions(p, name);

	err_user(e, "there is no such version, but: %s", list);
	free(list);
	return -EINVAL;
}

static int no_package(const struct packages *p, const char *name, struct err *e)
{
	char *list = names_near(p, name);

	err_user(e, "there is no such kernel package%s%s",
		 *list ? ", but for example: " : "", list);
	free(list);
	return -EINVAL;
}

int choice_make(struct choice *c, const struct packages *p, const char *name,
		const char *version, struct err *e)
{
	const struct package *start = start_of(p, name, version);

	*c = (struct choice){0};
	if (start)
		return complete(p, start, c, e);
	if (version && packages_find(p, name, NULL))
		return no_version(p, name, e);
	return no_package(p, name, e);
}
