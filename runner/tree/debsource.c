#include "tree/debsource.h"

#include "base/err.h"
#include "base/file.h"
#include "base/job.h"
#include "base/str.h"
#include "kernel/names.h"
#include "kernel/packages.h"

#include <ctype.h>
#include <errno.h>
#include <md5.h>
#include <sys/stat.h>

#define QUERY_MS 20000
#define LIST_CAP (1u << 20)

static const char stem[] = "linux-source";

bool debsource_is(const char *name)
{
	const char *rest = name + strlen(stem);

	if (!str_starts(name, stem) || strlen(name) > 100)
		return false;
	return !*rest ||
	       (*rest == '-' && isdigit((unsigned char)rest[1]) &&
		!rest[strspn(rest, "0123456789abcdefghijklmnopqrstuvwxyz.+-")]);
}

static int no_package(const struct packages *p, struct err *e)
{
	struct strv there = STRV_INIT;
	char *list;

	for (size_t i = 0; i < p->n; i++)
		if (debsource_is(p->v[i].name))
			strv_add_new(&there, p->v[i].name);
	list = strv_join(&there, ", ");
	err_user(e, "there is no such package%s%s", *list ? ", but: " : "",
		 list);
	free(list);
	strv_release(&there);
	return -EINVAL;
}

static int no_version(const struct packages *p, const char *name, struct err *e)
{
	char *list = names_versions(p, name);

	err_user(e, "there is no such version, but: %s", list);
	free(list);
	return -EINVAL;
}

/* Of "linux-source-6.1 (= 6.1.192-2)": the package. */
static const struct package *follow(const struct packages *p,
				    const struct package *from, struct err *e)
{
	const char *depends = from->depends;
	char *name = xstrndup(depends, strcspn(depends, " ,("));
	const struct package *to = packages_find(p, name, from->version);

	if (!debsource_is(name) || !to || !strcmp(name, stem)) {
		err_user(e, "it leads to no package with sources");
		to = NULL;
	}
	free(name);
	return to;
}

const struct package *debsource_find(const struct packages *p, const char *name,
				     const char *version, struct err *e)
{
	const struct package *one = packages_find(p, name, version);

	if (one)
		return strcmp(name, stem) ? one : follow(p, one, e);
	if (packages_find(p, name, NULL))
		no_version(p, name, e);
	else
		no_package(p, e);
	return NULL;
}

static bool has_md5(const char *path, const char *wanted, size_t len)
{
	char hex[MD5_DIGEST_STRING_LENGTH];

	return len == 32 && MD5File(path, hex) && !strncmp(hex, wanted, len);
}

char *debsource_whole(const char *md5sums, const char *root)
{
	struct str list = STR_INIT;
	struct err ignored;
	char *rest, *line, *path = NULL;
	struct stat st;

	if (file_read(md5sums, LIST_CAP, &list, &ignored)) {
		str_release(&list);
		return NULL;
	}
	for (rest = list.buf; !path && (line = strsep(&rest, "\n"));) {
		const char *name = strstr(line, "  ");

		if (!name || !str_starts(name + 2, "usr/src/linux-source-") ||
		    !strstr(name, ".tar.") || strstr(name, ".."))
			continue;
		path = xasprintf("%s/%s", root, name + 2);
		if (lstat(path, &st) || !S_ISREG(st.st_mode) ||
		    !has_md5(path, line, (size_t)(name - line))) {
			free(path);
			path = NULL;
		}
	}
	str_release(&list);
	return path;
}

/* The first line that dpkg-query prints; NULL if it fails, or is not there. */
static char *dpkg_query(const char *option, const char *name, const char *last)
{
	const char *argv[] = {"dpkg-query", option, name, last, NULL};
	const struct job_spec spec = {.argv = argv, .deadline_ms = QUERY_MS};
	struct job_result res;
	struct err ignored;
	char *line = NULL;

	if (job_run(&spec, &res, &ignored))
		return NULL;
	if (!res.exit && !res.signal && res.out.len)
		line = xstrndup(res.out.buf, strcspn(res.out.buf, "\n"));
	job_result_release(&res);
	return line;
}

char *debsource_installed(const char *name, const char *version)
{
	char *has =
		dpkg_query("-W", "-f=${db:Status-Status} ${Version}\n", name);
	char *wanted = xasprintf("installed %s", version);
	char *md5sums = NULL, *path = NULL;

	if (has && !strcmp(has, wanted))
		md5sums = dpkg_query("--control-path", name, "md5sums");
	if (md5sums)
		path = debsource_whole(md5sums, "");
	free(md5sums);
	free(wanted);
	free(has);
	return path;
}
