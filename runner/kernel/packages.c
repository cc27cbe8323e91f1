#include "kernel/packages.h"

#include "base/err.h"
#include "base/str.h"

#include <errno.h>

#define MAX_HOPS 4
#define MAX_LISTED 8

static const char image_prefix[] = "linux-image-";
/* In the order in which one is to be had for the other. */
static const char *const image_prefixes[] = {image_prefix, "linux-binary-",
					     "linux-binary-unsigned-"};
enum { NPREFIXES = sizeof(image_prefixes) / sizeof(*image_prefixes) };

static void package_clear(struct package *p)
{
	free(p->name);
	free(p->version);
	free(p->arch);
	free(p->sha256);
	free(p->depends);
	*p = (struct package){0};
}

void packages_release(struct packages *p)
{
	for (size_t i = 0; i < p->n; i++)
		package_clear(&p->v[i]);
	free(p->v);
	*p = (struct packages){0};
}

static void set_field(struct package *p, const char *line, size_t len)
{
	const struct {
		const char *key;
		char **to;
	} fields[] = {
		{"Package: ", &p->name},      {"Version: ", &p->version},
		{"Architecture: ", &p->arch}, {"SHA256: ", &p->sha256},
		{"Depends: ", &p->depends},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		size_t n = strlen(fields[i].key);

		if (len < n || strncmp(line, fields[i].key, n))
			continue;
		free(*fields[i].to);
		*fields[i].to = xstrndup(line + n, len - n);
	}
}

static void keep(struct packages *p, struct package *one)
{
	if (!one->name || !one->version || !one->arch || !one->sha256) {
		package_clear(one);
		return;
	}
	if (!one->depends)
		one->depends = xstrdup("");
	p->v = xrealloc(p->v, (p->n + 1) * sizeof(*p->v));
	p->v[p->n++] = *one;
	*one = (struct package){0};
}

void packages_parse(struct packages *p, const char *text)
{
	struct package one = {0};

	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len)
			set_field(&one, text, len);
		else
			keep(p, &one);
		text += len + (text[len] == '\n');
	}
	keep(p, &one);
}

static struct package *lookup(const struct packages *p, const char *name,
			      const char *version)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->v[i].name, name) &&
		    (!version || !strcmp(p->v[i].version, version)))
			return &p->v[i];
	return NULL;
}

void packages_mark_candidates(struct packages *p, const char *text)
{
	struct packages marked = {0};

	packages_parse(&marked, text);
	for (size_t i = 0; i < marked.n; i++) {
		struct package *one =
			lookup(p, marked.v[i].name, marked.v[i].version);

		if (one)
			one->candidate = true;
	}
	packages_release(&marked);
}

/* That version; or apt's candidate, for of two suites the newer version may be
 * in one that apt uses only when told to (backports). */
static const struct package *find(const struct packages *p, const char *name,
				  const char *version)
{
	if (version)
		return lookup(p, name, version);
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].candidate && !strcmp(p->v[i].name, name))
			return &p->v[i];
	return lookup(p, name, NULL);
}

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
	if (str_ends(name, "-dbg"))
		return false;
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

bool package_is_kernel(const char *name)
{
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

/* Follows one dependency: 1 and *to if there is such, 0 if there is none. */
static int follow(const struct packages *p, const struct package *from,
		  bool (*wanted)(const char *), const struct package **to,
		  struct err *e)
{
	struct dependency d;
	const struct package *next;

	if (!pick_dependency(from->depends, wanted, &d))
		return 0;
	next = find(p, d.name, d.version);
	if (!next)
		err_lab(e,
			"'%s' %s needs '%s' %s, which the mirror does not "
			"have: try again later, or name another version",
			from->name, from->version, d.name,
			d.version ? d.version : "");
	free(d.name);
	free(d.version);
	if (!next)
		return -EIO;
	*to = next;
	return 1;
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
		m = find(p, name, image->version);
		free(name);
		return m;
	}
	return image;
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
		return err_user(e, "'%s' %s leads to no kernel image",
				start->name, start->version);
	c->config = c->image;
	r = follow(p, c->image, is_config, &c->config, e);
	c->modules = modules_of(p, c->image);
	return r < 0 ? r : 0;
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
	const struct package *one = find(p, name, version);

	for (int i = 1; !one && i < NPREFIXES; i++) {
		char *other;

		if (!part_name(name, image_prefix))
			break;
		other = xasprintf("%s%s", image_prefixes[i],
				  name + strlen(image_prefix));
		one = find(p, other, version);
		free(other);
	}
	return one ? one : by_release(p, name, version);
}

static int no_version(const struct packages *p, const char *name,
		      const char *version, struct err *e)
{
	struct strv there = STRV_INIT;
	char *list;

	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->v[i].name, name))
			strv_add(&there, p->v[i].version);
	list = strv_join(&there, ", ");
	err_user(e, "package '%s' has no version '%s', there is: %s", name,
		 version, list);
	free(list);
	strv_release(&there);
	return -EINVAL;
}

/* Names near to the one that is not there: spelt alike, or of the same start.
 */
static void near_names(const struct packages *p, const char *name,
		       struct strv *near)
{
	size_t n = strcspn(name + strlen(image_prefix), ".-");
	const char **names = xcalloc(p->n, sizeof(*names)), *best;

	for (size_t i = 0; i < p->n; i++)
		names[i] = p->v[i].name;
	best = str_nearest(name, names, p->n);
	free(names);
	if (best)
		strv_add(near, best);
	n += strlen(image_prefix);
	for (size_t i = 0; i < p->n && near->n < MAX_LISTED; i++)
		if (!strncmp(p->v[i].name, name, n) &&
		    !strv_has(near, p->v[i].name))
			strv_add(near, p->v[i].name);
}

static int no_package(const struct packages *p, const char *name, struct err *e)
{
	struct strv near = STRV_INIT;
	char *list;

	if (str_starts(name, image_prefix))
		near_names(p, name, &near);
	for (size_t i = 0; i < p->n && !near.n; i++)
		if (str_starts(p->v[i].name, image_prefix) &&
		    !is_image(p->v[i].name))
			strv_add(&near, p->v[i].name);
	list = strv_join(&near, ", ");
	err_user(e, "there is no kernel package '%s'%s%s", name,
		 near.n ? ", but for example: " : "", list);
	free(list);
	strv_release(&near);
	return -EINVAL;
}

int packages_choose(const struct packages *p, const char *name,
		    const char *version, struct choice *c, struct err *e)
{
	const struct package *start = start_of(p, name, version);

	*c = (struct choice){0};
	if (start)
		return complete(p, start, c, e);
	if (version && lookup(p, name, NULL))
		return no_version(p, name, version, e);
	return no_package(p, name, e);
}
