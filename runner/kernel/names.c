#include "kernel/names.h"

#include "base/str.h"
#include "kernel/packages.h"

#define MAX_LISTED 8

static const char image_prefix[] = "linux-image-";
static const char unsigned_prefix[] = "linux-binary-unsigned-";

char *names_versions(const struct packages *p, const char *name)
{
	struct strv there = STRV_INIT;
	char *list;

	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->v[i].name, name))
			strv_add(&there, p->v[i].version);
	list = strv_join(&there, ", ");
	strv_release(&there);
	return list;
}

/* Of "linux-image-6.17-rt-amd64": "rt-amd64". */
static const char *flavour_of(const char *name)
{
	const char *end = name + strlen(name), *flavour = end;

	while (flavour > name && flavour[-1] != '-')
		flavour--;
	for (const char *s = flavour - 1; s > name; s--) {
		if (s[-1] != '-')
			continue;
		if (str_starts(s, "rt-") || str_starts(s, "cloud-"))
			return s;
		break;
	}
	return flavour;
}

static int newest_first(const void *a, const void *b)
{
	return strverscmp(*(char *const *)b, *(char *const *)a);
}

/* The names that can be asked for, newest release first. */
static void image_names(const struct packages *p, struct strv *all)
{
	for (size_t i = 0; i < p->n; i++) {
		const char *s = p->v[i].name;
		char *name = NULL;

		if (str_starts(s, unsigned_prefix))
			name = xasprintf("%s%s", image_prefix,
					 s + strlen(unsigned_prefix));
		else if (str_starts(s, image_prefix) &&
			 !str_ends(s, "-unsigned"))
			name = xstrdup(s);
		if (name && !strv_has(all, name))
			strv_add(all, name);
		free(name);
	}
	if (all->n)
		qsort(all->v, all->n, sizeof(*all->v), newest_first);
}

/* What may have been meant: of the same flavour, if there is any. */
char *names_near(const struct packages *p, const char *name)
{
	const char *flavour = flavour_of(name);
	struct strv all = STRV_INIT, near = STRV_INIT;
	char *list;

	image_names(p, &all);
	for (int same = 1; same >= 0 && !near.n; same--)
		for (size_t i = 0; i < all.n && near.n < MAX_LISTED; i++)
			if (!same || !strcmp(flavour_of(all.v[i]), flavour))
				strv_add(&near, all.v[i]);
	list = strv_join(&near, ", ");
	strv_release(&near);
	strv_release(&all);
	return list;
}
