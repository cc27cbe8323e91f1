/* The diff that takes a commit back: see tree.h. */
#include "tree/tree.h"

#include "base/file.h"
#include "base/str.h"
#include "tree/git.h"

#include <string.h>

/* The repository that a worktree is of. */
static int repo_of(const char *lab, const char *name, char **dir, struct err *e)
{
	char *link = xasprintf("%s/trees/%s/repo", lab, name);
	struct str text = STR_INIT;
	int r = file_read(link, 4096, &text, e);

	if (!r)
		*dir = xstrndup(text.buf ? text.buf : "",
				text.buf ? strcspn(text.buf, "\n") : 0);
	str_release(&text);
	free(link);
	return r;
}

int tree_reverse(const char *lab, const char *name, const char *commit,
		 const char *parent, struct str *diff, struct err *e)
{
	const char *argv[] = {"diff-tree",    "-p",	 "--full-index",
			      "--no-renames", "--binary", commit,
			      parent,	      NULL};
	struct git_call c = {.argv = argv};
	char *dir = NULL;
	int r = repo_of(lab, name, &dir, e);

	c.dir = dir;
	if (!r)
		r = git_run(&c, diff, e);
	free(dir);
	return r;
}
