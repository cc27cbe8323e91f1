#include "kernel/suites.h"

#include "base/err.h"
#include "base/str.h"

#include <errno.h>

static void add(struct archive_sources *s, const char *uri, const char *suite,
		bool optional)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].uri, uri) && !strcmp(s->v[i].suite, suite))
			return;
	s->v = xrealloc(s->v, (s->n + 1) * sizeof(*s->v));
	s->v[s->n++] =
		(struct archive_source){xstrdup(uri), xstrdup(suite), optional};
}

void sources_release(struct archive_sources *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].uri);
		free(s->v[i].suite);
	}
	free(s->v);
	*s = (struct archive_sources){0};
}

/* The last word of ".../debian-security/". */
static const char *last_word(const char *uri)
{
	const char *end = uri + strlen(uri);

	while (end > uri && end[-1] == '/')
		end--;
	while (end > uri && end[-1] != '/')
		end--;
	return end;
}

enum { ORIGIN, COMPONENT, RELEASE, URI, NFIELDS };

static void parse_line(struct archive_sources *s, char *line, bool guess)
{
	char *field[NFIELDS];

	for (int i = 0; i < NFIELDS; i++) {
		field[i] = strsep(&line, "|");
		if (!field[i])
			return;
	}
	if (strcmp(field[COMPONENT], "main"))
		return;
	if (guess ? strstr(field[URI], "/debian") != NULL
		  : !strcmp(field[ORIGIN], "Debian"))
		add(s, field[URI], field[RELEASE], false);
}

void sources_parse(struct archive_sources *s, const char *text, bool guess)
{
	char *copy = xstrdup(text), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")))
		parse_line(s, line, guess);
	free(copy);
}

static bool is_security(const char *suite)
{
	return str_ends(suite, "-security");
}

static const char *find_uri(const struct archive_sources *host, bool security)
{
	for (size_t i = 0; i < host->n; i++)
		if (is_security(host->v[i].suite) == security)
			return host->v[i].uri;
	return NULL;
}

/* The host's security archive, or the one that may stand beside its mirror. */
static char *security_uri(const struct archive_sources *host)
{
	const char *uri = find_uri(host, true);
	const char *mirror = find_uri(host, false);

	if (uri)
		return xstrdup(uri);
	if (!str_starts(mirror, "http") || strcmp(last_word(mirror), "debian/"))
		return NULL;
	return xasprintf("%.*sdebian-security/",
			 (int)(last_word(mirror) - mirror), mirror);
}

bool suite_is_valid(const char *suite)
{
	/* The last two are names of folders beside those of the suites. */
	return *suite && *suite != '-' && *suite != '.' && strlen(suite) < 64 &&
	       strcmp(suite, "host") && strcmp(suite, "debs") &&
	       suite[strspn(suite, "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789.-")] == '\0';
}

static bool stands_alone(const char *suite)
{
	static const char *const alone[] = {"sid", "unstable", "experimental",
					    "rc-buggy"};

	for (size_t i = 0; i < sizeof(alone) / sizeof(*alone); i++)
		if (!strcmp(suite, alone[i]))
			return true;
	return strchr(suite, '-');
}

static void add_base_suite(struct archive_sources *out, const char *mirror,
			   const char *security, const char *suite)
{
	char *name = xasprintf("%s-updates", suite);

	add(out, mirror, suite, false);
	add(out, mirror, name, true);
	free(name);
	if (!security)
		return;
	name = xasprintf("%s-security", suite);
	add(out, security, name, true);
	free(name);
}

int sources_expand(const struct archive_sources *host, const char *suite,
		   struct archive_sources *out, struct err *e)
{
	const char *mirror = find_uri(host, false);
	char *security;
	int r = 0;

	if (!mirror)
		return err_lab(e, "the host's apt has no Debian mirror in its "
				  "sources: add one");
	if (!suite) {
		for (size_t i = 0; i < host->n; i++)
			add(out, host->v[i].uri, host->v[i].suite, false);
		return 0;
	}
	BUG(!suite_is_valid(suite));
	security = security_uri(host);
	if (is_security(suite) && !security)
		r = err_lab(e, "the host's apt has no security archive in its "
			       "sources: add one");
	else if (is_security(suite))
		add(out, security, suite, false);
	else if (stands_alone(suite))
		add(out, mirror, suite, false);
	else
		add_base_suite(out, mirror, security, suite);
	free(security);
	return r;
}

bool sources_drop(struct archive_sources *s, const char *suite)
{
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->v[i].suite, suite) || !s->v[i].optional)
			continue;
		free(s->v[i].uri);
		free(s->v[i].suite);
		memmove(&s->v[i], &s->v[i + 1], (--s->n - i) * sizeof(*s->v));
		return true;
	}
	return false;
}

char *sources_list(const struct archive_sources *s, const char *keyring)
{
	struct str text = STR_INIT;

	for (size_t i = 0; i < s->n; i++)
		str_addf(&text, "deb [arch=amd64%s%s] %s %s main\n",
			 keyring ? " signed-by=" : "", keyring ? keyring : "",
			 s->v[i].uri, s->v[i].suite);
	return str_detach(&text);
}
