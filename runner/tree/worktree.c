#include "tree/worktree.h"

#include "base/err.h"
#include "base/file.h"
#include "tree/git.h"
#include "tree/tree.h"

#include <errno.h>
#include <limits.h>

#define SWITCH_MS (30 * 60 * 1000)

/* Paths of one worktree; absolute, as git changes folder. */
struct worktree {
	char *dir, *src, *index, *lock;
	char *repo; /* NULL: not told yet */
};

static void worktree_release(struct worktree *w)
{
	free(w->dir);
	free(w->src);
	free(w->index);
	free(w->lock);
	free(w->repo);
	*w = (struct worktree){0};
}

static char *read_line(const char *path)
{
	struct str text = STR_INIT;
	struct err ignored;

	if (!file_exists(path) || file_read(path, PATH_MAX, &text, &ignored)) {
		str_release(&text);
		return NULL;
	}
	text.buf[strcspn(text.buf, "\n")] = '\0';
	return str_detach(&text);
}

static void worktree_init(struct worktree *w, const char *lab, const char *name)
{
	char *root = realpath(lab, NULL), *path;

	BUG(!word_ok(name));
	w->dir = xasprintf("%s/trees/%s", root ? root : lab, name);
	w->src = xasprintf("%s/src", w->dir);
	w->index = xasprintf("%s/index", w->dir);
	w->lock = xasprintf("%s/index.lock", w->dir);
	path = xasprintf("%s/repo", w->dir);
	w->repo = read_line(path);
	free(path);
	free(root);
}

char *worktree_repo(const char *lab, const char *name)
{
	char *path = xasprintf("%s/trees/%s/repo", lab, name);
	char *repo = read_line(path);

	free(path);
	return repo;
}

char *worktree_path(const char *lab, const char *name)
{
	return xasprintf("%s/trees/%s/src", lab, name);
}

int worktree_of(const char *lab, const char *name, const char *repo,
		struct err *e)
{
	struct worktree w = {0};
	char *path, *line;
	int r;

	worktree_init(&w, lab, name);
	path = xasprintf("%s/repo", w.dir);
	line = xasprintf("%s\n", repo);
	r = file_mkdirs(w.dir, e);
	if (!r && (!w.repo || strcmp(w.repo, repo)))
		r = file_write(path, line, strlen(line), e);
	free(line);
	free(path);
	worktree_release(&w);
	return r;
}

static struct git_call call(const struct worktree *w, const char *const *argv)
{
	return (struct git_call){
		.argv = argv,
		.dir = w->repo,
		.cwd = w->src,
		.index = w->index,
		.work = w->src,
		.deadline_ms = SWITCH_MS,
	};
}

static int run(const struct worktree *w, const char *const *argv, struct err *e)
{
	const struct git_call c = call(w, argv);

	return git_run(&c, NULL, e);
}

/* Everything as the commit has it: git looks at each file's status, and what
 * is not in the commit goes. */
static int put_right(const struct worktree *w, const char *commit,
		     struct err *e)
{
	const char *reset[] = {"read-tree", "--reset", "-u", commit, NULL};
	static const char *const clean[] = {"clean", "-ffdxq", NULL};
	int r = file_remove(w->lock, e);

	if (!r)
		r = run(w, reset, e);
	return r ? r : run(w, clean, e);
}

static int check_out_anew(const struct worktree *w, const char *commit,
			  struct err *e)
{
	int r = file_remove(w->src, e);

	if (!r)
		r = file_remove(w->index, e);
	if (!r)
		r = file_mkdirs(w->src, e);
	return r ? r : put_right(w, commit, e);
}

int worktree_switch(const char *lab, const char *name, const char *commit,
		    struct err *e)
{
	struct worktree w = {0};
	struct err first;
	int r;

	BUG(!git_is_id(commit));
	worktree_init(&w, lab, name);
	if (!w.repo)
		r = err_lab(e, "nothing says which repository it is of");
	else if (!file_exists(w.index) || !file_exists(w.src))
		r = check_out_anew(&w, commit, e);
	else if ((r = put_right(&w, commit, &first)))
		r = check_out_anew(&w, commit, e);
	if (r)
		err_prefix(e, "cannot check out %.12s in '%s'", commit, w.dir);
	worktree_release(&w);
	return r;
}

bool worktree_command(const char *lab, const char *name, const char *commit,
		      struct strv *argv, struct strv *env)
{
	const char *switch_to[] = {"read-tree", "-m", "-u", commit, NULL};
	struct worktree w = {0};
	bool sound;

	BUG(!git_is_id(commit));
	worktree_init(&w, lab, name);
	sound = w.repo && file_exists(w.index) && file_exists(w.src) &&
		!file_exists(w.lock);
	if (sound) {
		const struct git_call c = call(&w, switch_to);

		git_prepare(&c, argv, env);
	}
	worktree_release(&w);
	return sound;
}
