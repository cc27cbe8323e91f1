/*
 * Writing a series folder.
 */
#include "series/series.h"

#include "base/err.h"
#include "base/file.h"
#include "series/files.h"

#include <dirent.h>
#include <errno.h>
#include <gmime/gmime.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLUG 52

void series_name_files(struct series *s)
{
	struct patch *lists[] = {s->patches, s->fixups};
	size_t counts[] = {s->n, s->nfixups};

	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < counts[k]; i++) {
			struct patch *p = &lists[k][i];
			char *slug = text_slug(p->subject, SLUG);

			free(p->file);
			p->file = xasprintf("%04zu-%s.patch", i + 1,
					    *slug ? slug : "patch");
			free(slug);
		}
	}
}

/* ---- one patch as a mail ---- */

static void add_date(struct str *s, const char *iso)
{
	GDateTime *date = g_date_time_new_from_iso8601(iso, NULL);
	char *rfc;

	if (!date)
		return;
	rfc = g_mime_utils_header_format_date(date);
	str_addf(s, "Date: %s\n", rfc);
	g_free(rfc);
	g_date_time_unref(date);
}

/* A name with what means something in a header goes into quotes. */
static void add_author(struct str *s, const char *author)
{
	const char *mark = strrchr(author, '<');
	size_t n = mark && mark > author ? (size_t)(mark - 1 - author)
					 : strlen(author);
	char *name = xstrndup(author, n);

	if (!name[strcspn(name, "\"(),.:;@[\\]=?")]) {
		str_adds(s, name);
	} else {
		str_adds(s, "\"");
		for (const char *p = name; *p; p++) {
			if (strchr("\"\\", *p))
				str_adds(s, "\\");
			str_add(s, p, 1);
		}
		str_adds(s, "\"");
	}
	str_addf(s, " %s\n", mark ? mark : "<unknown>");
	free(name);
}

static void add_from(struct str *s, const struct patch *p)
{
	str_adds(s, "From: ");
	add_author(s, p->author ? p->author : "unknown");
}

/* Would the first line of the message be read as a header of the patch? */
static bool looks_like_header(const char *message)
{
	static const char *const names[] = {"from", "date", "subject", ">from"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncasecmp(message, names[i], strlen(names[i])))
			return true;
	return false;
}

char *patch_text(const struct patch *p)
{
	struct str s = STR_INIT;

	add_from(&s, p);
	if (p->date)
		add_date(&s, p->date);
	str_addf(&s, "Subject: [PATCH] %s\n", p->subject);
	str_adds(&s, "MIME-Version: 1.0\n"
		     "Content-Type: text/plain; charset=UTF-8\n"
		     "Content-Transfer-Encoding: 8bit\n\n");
	if (looks_like_header(p->message)) {
		add_from(&s, p);
		str_adds(&s, "\n");
	}
	str_adds(&s, p->message);
	str_adds(&s, "---\n");
	str_adds(&s, p->diff);
	return str_detach(&s);
}

/* ---- the folder ---- */

static int put(const char *dir, const char *name, const char *text,
	       struct err *e)
{
	char *path = xasprintf("%s/%s", dir, name);
	int r = file_put(path, text, strlen(text), e);

	free(path);
	return r;
}

static int put_patches(const char *dir, const struct patch *p, size_t n,
		       struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		char *text = patch_text(&p[i]);

		r = put(dir, p[i].file, text, e);
		free(text);
	}
	return r;
}

static int put_fixups(const char *dir, const struct series *s, struct err *e)
{
	char *sub;
	int r;

	if (!s->nfixups)
		return 0;
	sub = xasprintf("%s/%s", dir, FIXUPS);
	r = file_mkdirs(sub, e);
	if (!r)
		r = put_patches(sub, s->fixups, s->nfixups, e);
	free(sub);
	return r;
}

static int put_series(const char *dir, const struct series *s, struct err *e)
{
	struct str text = STR_INIT;
	int r;

	for (size_t i = 0; i < s->n; i++) {
		str_adds(&text, s->patches[i].file);
		if (s->patches[i].strip != 1)
			str_addf(&text, " -p%d", s->patches[i].strip);
		str_adds(&text, "\n");
	}
	r = put(dir, "series", text.buf ? text.buf : "", e);
	str_release(&text);
	return r;
}

static int put_manifest(const char *dir, const struct series *s, struct err *e)
{
	json_t *manifest = manifest_make(s);
	char *text = json_dumps(manifest, JSON_INDENT(2));
	int r;

	BUG(!text);
	r = put(dir, MANIFEST, text, e);
	free(text);
	json_decref(manifest);
	return r;
}

static int fill(const char *dir, const struct series *s, struct err *e)
{
	int r = put_patches(dir, s->patches, s->n, e);

	r = r ? r : put_fixups(dir, s, e);
	r = r ? r : put_series(dir, s, e);
	return r ? r : put_manifest(dir, s, e);
}

static bool is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int n = 0;

	while (d && (entry = readdir(d)))
		n++;
	if (d)
		closedir(d);
	return d && n == 2;
}

static int check_free(const char *dir, struct err *e)
{
	struct stat st;

	if (lstat(dir, &st))
		return errno == ENOENT
			       ? 0
			       : err_sys(e, errno, "cannot look at '%s'", dir);
	if (S_ISDIR(st.st_mode) && is_empty(dir))
		return 0;
	return err_user(e,
			"'%s' is there already; name another folder or remove "
			"it",
			dir);
}

/* The folder that dir is to be in. */
static char *parent_of(const char *dir)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	while (n > 0 && dir[n - 1] != '/')
		n--;
	return n ? xstrndup(dir, n) : xstrdup("./");
}

/* Fills tmp/new, and gives it its name.  Nothing is synced: what a power cut
 * takes can be imported again, and syncing costs more than all the rest. */
static int fill_and_publish(const struct series *s, const char *tmp,
			    const char *dir, struct err *e)
{
	char *new = xasprintf("%s/new", tmp);
	int r = file_mkdirs(new, e);

	r = r ? r : fill(new, s, e);
	if (!r && rename(new, dir))
		r = err_sys(e, errno, "cannot make folder '%s'", dir);
	free(new);
	return r;
}

int series_write(const struct series *s, const char *dir, struct err *e)
{
	char *parent = parent_of(dir);
	char *tmp = xasprintf("%s.klab-series-XXXXXX", parent);
	struct err ignored;
	int r = check_free(dir, e);

	if (!r)
		r = file_mkdirs(parent, e);
	if (!r && !mkdtemp(tmp))
		r = err_sys(e, errno, "cannot make a folder in '%s'", parent);
	else if (!r) {
		r = fill_and_publish(s, tmp, dir, e);
		file_remove(tmp, &ignored);
	}
	free(tmp);
	free(parent);
	return r;
}
