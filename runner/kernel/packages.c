#include "kernel/packages.h"

#include "base/str.h"

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

const struct package *packages_find(const struct packages *p, const char *name,
				    const char *version)
{
	if (version)
		return lookup(p, name, version);
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].candidate && !strcmp(p->v[i].name, name))
			return &p->v[i];
	return lookup(p, name, NULL);
}
