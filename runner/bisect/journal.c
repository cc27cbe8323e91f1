#include "bisect/journal.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL_MAX ((size_t)256 << 20)

/* ---- reading ---- */

static int parse(struct journal *j, const char *text, size_t len, size_t *good,
		 struct err *e)
{
	json_error_t why;
	int n = 0;

	*good = 0;
	while (*good < len) {
		const char *at = text + *good;
		const char *end = memchr(at, '\n', len - *good);
		json_t *line;

		if (!end) /* a kill */
			return 0;
		n++;
		line = json_loadb(at, (size_t)(end - at), 0, &why);
		if (!json_is_object(line)) {
			json_decref(line);
			return err_user(e,
					"%s:%d: is not a line of a bisect's "
					"record: %s",
					j->path, n,
					line ? "no object" : why.text);
		}
		json_array_append_new(j->lines, line);
		*good += (size_t)(end - at) + 1;
	}
	return 0;
}

static int load(const char *path, struct journal *j, size_t *good,
		struct err *e)
{
	struct str text = STR_INIT;
	struct stat st;
	int r;

	*j = (struct journal){
		.path = xstrdup(path), .lines = json_array(), .fd = -1};
	*good = 0;
	if (!file_exists(path)) {
		err_user(e, "there is no record '%s'", path);
		return -ENOENT;
	}
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return err_user(e, "'%s' is not a file", path);
	r = file_read(path, JOURNAL_MAX, &text, e);
	if (!r)
		r = parse(j, text.buf ? text.buf : "", text.len, good, e);
	str_release(&text);
	return r;
}

static int check(const struct journal *j, struct err *e)
{
	const json_t *first = json_array_get(j->lines, 0);
	const char *type = json_string_value(json_object_get(first, "t"));

	if (!first || (type && !strcmp(type, "setup")))
		return 0;
	return err_user(e, "%s:1: is not the setup of a bisect", j->path);
}

int journal_read(const char *path, struct journal *j, struct err *e)
{
	size_t good;
	int r = load(path, j, &good, e);

	if (!r && !json_array_size(j->lines))
		r = err_user(e, "%s: has no whole line of a bisect's record",
			     path);
	if (!r)
		r = check(j, e);
	if (r)
		journal_close(j);
	return r;
}

/* ---- writing ---- */

static int make_folder(const char *path, struct err *e)
{
	char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	int r = file_mkdirs(dir, e);

	free(dir);
	return r;
}

int journal_open(const char *path, struct journal *j, struct err *e)
{
	size_t good;
	int r = make_folder(path, e);

	if (r) {
		*j = (struct journal){.fd = -1};
		return r;
	}
	r = load(path, j, &good, e);
	if (r == -ENOENT)
		r = 0;
	if (!r)
		r = check(j, e);
	if (!r) {
		j->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
			     0666);
		if (j->fd < 0 || ftruncate(j->fd, (off_t)good))
			r = err_sys(e, errno, "cannot write '%s'", path);
	}
	if (r)
		journal_close(j);
	return r;
}

void journal_close(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	free(j->path);
	json_decref(j->lines);
	*j = (struct journal){.fd = -1};
}

int journal_add(struct journal *j, json_t *line, struct err *e)
{
	char *text = json_dumps(line, JSON_COMPACT);
	char *whole = xasprintf("%s\n", text);
	size_t len = strlen(whole);
	ssize_t done;
	int r = 0;

	done = write(j->fd, whole, len);
	if (done >= 0 && done < (ssize_t)len)
		r = err_sys(e, ENOSPC, "cannot write '%s'", j->path);
	else if (done < 0 || fdatasync(j->fd))
		r = err_sys(e, errno, "cannot write '%s'", j->path);
	json_array_append_new(j->lines, line);
	free(whole);
	free(text);
	return r;
}

int journal_add_new(struct journal *j, json_t *line, struct err *e)
{
	size_t i = json_array_size(j->lines);

	while (i--) {
		const json_t *o = json_array_get(j->lines, i);
		const char *t = json_string_value(json_object_get(o, "t"));

		if (t && !strcmp(t, "event"))
			break;
		if (json_equal(o, line)) {
			json_decref(line);
			return 0;
		}
	}
	return journal_add(j, line, e);
}

bool journal_is(const json_t *line, const char *type)
{
	const char *t = json_string_value(json_object_get(line, "t"));

	return t && !strcmp(t, type);
}

json_t *journal_find(const struct journal *j, const char *type)
{
	json_t *line, *found = NULL;
	size_t i;

	json_array_foreach(j->lines, i, line)
	{
		if (journal_is(line, type))
			found = line;
	}
	return found;
}
