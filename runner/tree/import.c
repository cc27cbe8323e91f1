#include "tree/import.h"

#include "base/err.h"
#include "base/file.h"
#include "tree/repo.h"

#include <time.h>

#define KLAB "klab <klab@localhost> 946684800 +0000"

void import_path(struct str *s, const char *path)
{
	str_adds(s, "\"");
	for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
		if (*p < 32 || *p > 126 || *p == '"' || *p == '\\')
			str_addf(s, "\\%03o", *p);
		else
			str_add(s, p, 1);
	}
	str_adds(s, "\"");
}

void import_data(struct str *s, const void *data, size_t len)
{
	str_addf(s, "data %zu\n", len);
	str_add(s, data, len);
	str_adds(s, "\n");
}

/* The address of "Name <address>", which may be all there is. */
static void add_author(struct str *s, const char *author)
{
	const char *open = author ? strchr(author, '<') : NULL;
	size_t name = author ? strcspn(author, "<>\n\r") : 0;
	size_t len;

	while (name && author[name - 1] == ' ')
		name--;
	if (author)
		str_addf(s, "%.*s ", (int)name, author);
	else
		str_adds(s, "unknown ");
	len = open ? strcspn(open + 1, "<>\n\r") : 0;
	str_addf(s, "<%.*s>", (int)len, open ? open + 1 : "");
}

static void add_date(struct str *s, const char *date)
{
	struct tm tm = {0};
	long zone;
	time_t at;

	if (!date || (!strptime(date, "%Y-%m-%dT%H:%M:%S%z", &tm) &&
		      !strptime(date, "%Y-%m-%d %H:%M:%S %z", &tm))) {
		str_adds(s, " 946684800 +0000\n");
		return;
	}
	zone = tm.tm_gmtoff / 60;
	at = timegm(&tm) - zone * 60;
	if (at < 0)
		at = 0;
	str_addf(s, " %lld %c%02ld%02ld\n", (long long)at, zone < 0 ? '-' : '+',
		 labs(zone) / 60, labs(zone) % 60);
}

void import_commit_by(struct str *s, const char *ref, const char *author,
		      const char *date, const char *message, const char *from)
{
	str_addf(s, "commit %s\nauthor ", ref);
	add_author(s, author);
	add_date(s, date);
	str_addf(s, "committer %s\n", KLAB);
	import_data(s, message, strlen(message));
	if (from)
		str_addf(s, "from %s\n", from);
}

void import_commit(struct str *s, const char *ref, const char *message,
		   const char *from)
{
	str_addf(s, "commit %s\ncommitter %s\n", ref, KLAB);
	import_data(s, message, strlen(message));
	if (from)
		str_addf(s, "from %s\n", from);
}

int import_run(const struct repo *r, struct str *stream, struct err *e)
{
	static const char *const argv[] = {
		"fast-import", "--quiet",           "--done",
		"--force",     "--date-format=raw", NULL};
	char *path = repo_tmp(r, "stream");
	int ret;

	str_adds(stream, "done\n");
	ret = file_put(path, stream->buf, stream->len, e);
	if (!ret)
		ret = repo_git(r, argv, path, NULL, e);
	free(path);
	return ret;
}
