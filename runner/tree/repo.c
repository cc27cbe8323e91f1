#include "tree/repo.h"

#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <fts.h>
#include <unistd.h>

#define NOTE_CAP 4096
#define TMP "klab-tmp-"

/* Whatever .gitattributes a tree has, its files come out as they went in. */
static const char attributes[] =
	"* -text !eol -crlf -ident -filter -working-tree-encoding !merge "
	"!diff !export-subst !export-ignore\n";

static int put(const char *dir, const char *name, const char *text,
	       struct err *e)
{
	char *path = xasprintf("%s/%s", dir, name);
	char *slash = strrchr(path, '/');
	int r;

	*slash = '\0';
	r = file_mkdirs(path, e);
	*slash = '/';
	if (!r)
		r = file_put(path, text, strlen(text), e);
	free(path);
	return r;
}

static int init(const char *dir, struct err *e)
{
	const char *argv[] = {"init", "--quiet", "--bare", "--template=",
			      "-b",   "klab",    dir,      NULL};
	struct git_call c = {.argv = argv, .cwd = "/"};
	int r = git_run(&c, NULL, e);

	return r ? r : put(dir, "info/attributes", attributes, e);
}

static int make(const char *dir, struct err *e)
{
	char *stage = xasprintf("%s.new", dir);
	int r = file_remove(stage, e);

	if (!r)
		r = file_mkdirs(stage, e);
	if (!r)
		r = init(stage, e);
	if (!r)
		r = file_publish(stage, dir, e);
	free(stage);
	return r;
}

static bool is_left_over(const FTSENT *f)
{
	return str_ends(f->fts_name, ".lock") ||
	       str_starts(f->fts_name, "tmp_") ||
	       str_starts(f->fts_name, ".tmp-");
}

/* Objects that are not packed are many, and theirs do no harm. */
static bool is_loose_folder(const FTSENT *f)
{
	return f->fts_info == FTS_D && f->fts_level > 0 &&
	       f->fts_namelen == 2 &&
	       !strcmp(f->fts_parent->fts_name, "objects");
}

/* Each process has its own, since a git that a killed klab started may live for
 * another moment and write to it; so that it cannot be removed is no harm. */
static bool is_tmp(const FTSENT *f)
{
	return f->fts_info == FTS_D && f->fts_level == 1 &&
	       str_starts(f->fts_name, TMP);
}

static int sweep(const char *dir, struct err *e)
{
	struct err ignored;
	char *const roots[] = {(char *)dir, NULL};
	FTS *fts =
		fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	FTSENT *f;
	int r = 0;

	if (!fts)
		return err_sys(e, errno, "cannot open folder '%s'", dir);
	while (!r && (f = fts_read(fts))) {
		if (is_tmp(f))
			file_remove(f->fts_path, &ignored);
		if (is_tmp(f) || is_loose_folder(f))
			fts_set(fts, f, FTS_SKIP);
		else if (f->fts_info == FTS_D || f->fts_info == FTS_DP)
			continue;
		else if (is_left_over(f) ||
			 str_starts(f->fts_name, "fast_import_crash_"))
			r = file_remove(f->fts_path, e);
	}
	fts_close(fts);
	return r;
}

static int absolute(const char *lab, char **path, struct err *e)
{
	int r = file_mkdirs(lab, e);

	if (r)
		return r;
	*path = realpath(lab, NULL);
	return *path ? 0 : err_sys(e, errno, "cannot resolve '%s'", lab);
}

int repo_open(const char *lab, const char *id, struct repo *r, struct err *e)
{
	char *root, *folder;
	int ret;

	BUG(!word_ok(id));
	*r = (struct repo){0};
	ret = absolute(lab, &root, e);
	if (ret)
		return ret;
	folder = xasprintf("%s/git", root);
	r->dir = xasprintf("%s/%s", folder, id);
	r->tmp = xasprintf("%s/" TMP "%d", r->dir, (int)getpid());
	ret = file_mkdirs(folder, e);
	if (!ret && !file_exists(r->dir))
		ret = make(r->dir, e);
	if (!ret)
		ret = sweep(r->dir, e);
	if (!ret)
		ret = file_mkdirs(r->tmp, e);
	free(folder);
	free(root);
	if (ret)
		repo_release(r);
	return ret;
}

int repo_scratch(const struct repo *r, struct repo *scratch, struct err *e)
{
	int ret;

	*scratch = (struct repo){.dir = repo_tmp(r, "scratch")};
	scratch->tmp = xasprintf("%s/" TMP "0", scratch->dir);
	ret = file_remove(scratch->dir, e);
	if (!ret)
		ret = file_mkdirs(scratch->dir, e);
	if (!ret)
		ret = init(scratch->dir, e);
	if (!ret)
		ret = file_mkdirs(scratch->tmp, e);
	if (ret)
		repo_release(scratch);
	return ret;
}

void repo_release(struct repo *r)
{
	struct err ignored;

	if (r->tmp)
		file_remove(r->tmp, &ignored);
	free(r->dir);
	free(r->tmp);
	*r = (struct repo){0};
}

int repo_borrow(const struct repo *r, const char *objects, struct err *e)
{
	struct str old = STR_INIT;
	struct err ignored;
	char *path, *line;
	int ret = 0;

	if (objects[0] != '/' || strchr(objects, '\n'))
		return err_user(e, "git cannot borrow objects from '%s'",
				objects);
	path = xasprintf("%s/objects/info/alternates", r->dir);
	line = xasprintf("%s\n", objects);
	if (!file_exists(path) || file_read(path, NOTE_CAP, &old, &ignored) ||
	    strcmp(old.buf, line))
		ret = file_write(path, line, strlen(line), e);
	str_release(&old);
	free(line);
	free(path);
	return ret;
}

int repo_git(const struct repo *r, const char *const *argv, const char *in,
	     struct str *out, struct err *e)
{
	const struct git_call c = {.argv = argv, .dir = r->dir, .in = in};

	return git_run(&c, out, e);
}

int repo_ref(const struct repo *r, const char *ref, char commit[GIT_ID],
	     struct err *e)
{
	const char *argv[] = {"for-each-ref", "--format=%(objectname)", ref,
			      NULL};
	struct str out = STR_INIT;
	int ret = repo_git(r, argv, NULL, &out, e);

	if (!ret) {
		out.buf[strcspn(out.buf, "\n")] = '\0';
		if (git_is_id(out.buf))
			snprintf(commit, GIT_ID, "%s", out.buf);
		else
			ret = -ENOENT;
	}
	str_release(&out);
	return ret;
}

char *repo_tmp(const struct repo *r, const char *name)
{
	return xasprintf("%s/%s", r->tmp, name);
}

static char *note_path(const struct repo *r, const char *kind, const char *key)
{
	BUG(!word_ok(kind) || !word_ok(key));
	return xasprintf("%s/klab-%s/%s", r->dir, kind, key);
}

char *repo_note(const struct repo *r, const char *kind, const char *key)
{
	char *path = note_path(r, kind, key);
	struct str text = STR_INIT;
	struct err ignored;

	if (!file_exists(path) || file_read(path, NOTE_CAP, &text, &ignored))
		str_release(&text);
	free(path);
	return text.buf ? str_detach(&text) : NULL;
}

int repo_note_write(const struct repo *r, const char *kind, const char *key,
		    const char *text, struct err *e)
{
	char *path = note_path(r, kind, key);
	char *slash = strrchr(path, '/');
	int ret;

	*slash = '\0';
	ret = file_mkdirs(path, e);
	*slash = '/';
	if (!ret)
		ret = file_write(path, text, strlen(text), e);
	free(path);
	return ret;
}
