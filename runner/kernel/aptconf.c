#include "kernel/aptconf.h"

#include "base/str.h"

#include <stddef.h>

/* Taken over: how to reach the mirror, its logins, whom to trust. */
static const char *const taken[] = {
	"Acquire::",         "APT::Sandbox::User",
	"Dir::Etc::netrc",   "Dir::Etc::netrcparts",
	"Dir::Etc::trusted", "Dir::Etc::trustedparts",
};

/* Not taken over: what would fetch more than the lists, make them slow to read,
 * or trust less. */
static const char *const refused[] = {
	"Acquire::IndexTargets", "Acquire::Languages",   "Acquire::Allow",
	"Acquire::PDiffs",       "Acquire::GzipIndexes",
};

static bool starts_with_any(const char *line, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_starts(line, v[i]))
			return true;
	return false;
}

/* A line `Name "value";` whose value has no quote in it that would end it. */
static bool well_formed(const char *line)
{
	const char *open = strchr(line, '"');
	const char *close = open ? strchr(open + 1, '"') : NULL;

	return close && open > line && open[-1] == ' ' && !strcmp(close, "\";");
}

static void take_over(struct str *text, const char *dump)
{
	char *copy = xstrdup(dump), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")))
		if (starts_with_any(line, taken,
				    sizeof(taken) / sizeof(*taken)) &&
		    !starts_with_any(line, refused,
				     sizeof(refused) / sizeof(*refused)) &&
		    well_formed(line))
			str_addf(text, "%s\n", line);
	free(copy);
}

char *aptconf_text(const char *dir, const char *host_dump, bool as_root)
{
	struct str text = STR_INIT;

	str_adds(&text, "Dir::Etc::main \"/dev/null\";\n"
			"Dir::Etc::parts \"/dev/null\";\n");
	take_over(&text, host_dump);
	str_addf(&text,
		 "Dir::State \"%s\";\n"
		 "Dir::State::lists \"%s/lists\";\n"
		 "Dir::State::status \"%s/status\";\n"
		 "Dir::Cache \"%s/cache\";\n"
		 "Dir::Cache::srcpkgcache \"\";\n"
		 "Dir::Log \"%s\";\n"
		 "Dir::Etc::sourcelist \"%s/sources.list\";\n",
		 dir, dir, dir, dir, dir, dir);
	str_adds(&text, "Dir::Etc::sourceparts \"/dev/null\";\n"
			"Dir::Etc::preferences \"/dev/null\";\n"
			"Dir::Etc::preferencesparts \"/dev/null\";\n"
			"APT::Architecture \"amd64\";\n"
			"APT::Architectures { \"amd64\"; };\n"
			"APT::Update::Error-Mode \"any\";\n"
			"APT::Get::AllowUnauthenticated \"false\";\n"
			"Acquire::AllowInsecureRepositories \"false\";\n"
			"Acquire::AllowWeakRepositories \"false\";\n"
			"Acquire::AllowDowngradeToInsecureRepositories"
			" \"false\";\n"
			"Acquire::Languages \"none\";\n"
			"Acquire::PDiffs \"false\";\n");
	if (as_root)
		str_adds(&text, "APT::Sandbox::User \"root\";\n");
	return str_detach(&text);
}

char *aptconf_user(const char *host_dump)
{
	static const char key[] = "\nAPT::Sandbox::User \"";
	const char *at = strstr(host_dump, key);

	if (!at)
		return NULL;
	at += sizeof(key) - 1;
	return xstrndup(at, strcspn(at, "\"\n"));
}
