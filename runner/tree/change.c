/* What commits change: see tree.h. */
#include "tree/tree.h"

#include "base/err.h"
#include "base/str.h"
#include "tree/git.h"

#include <stdint.h>
#include <string.h>

static int repo_of(const char *lab, const char *name, char **dir, struct err *e)
{
	*dir = worktree_repo(lab, name);
	return *dir ? 0
		    : err_lab(e,
			      "nothing says which repository '%s/trees/%s' "
			      "is of",
			      lab, name);
}

int tree_reverse(const char *lab, const char *name, const char *commit,
		 const char *parent, struct str *diff, struct err *e)
{
	const char *argv[] = {"diff-tree",    "-p",       "--full-index",
			      "--no-renames", "--binary", commit,
			      parent,         NULL};
	struct git_call c = {.argv = argv};
	char *dir = NULL;
	int r = repo_of(lab, name, &dir, e);

	c.dir = dir;
	if (!r)
		r = git_run(&c, diff, e);
	free(dir);
	return r;
}

/* "12\t3\tmm/slub.c"; of a file that is no text "-\t-\t". */
static void take_line(char *line, const char *commit, tree_lines_fn fn,
		      void *arg)
{
	char *added = strsep(&line, "\t"), *removed = strsep(&line, "\t");
	long long a = 0, r = 0;

	if (!line)
		return;
	str_to_ll(added, 0, INT32_MAX, &a);
	str_to_ll(removed, 0, INT32_MAX, &r);
	fn(commit, line, (long)(a + r), arg);
}

int tree_lines(const char *lab, const char *name, const char *from,
	       const char *to, tree_lines_fn fn, void *arg, struct err *e)
{
	char *range = xasprintf("%s..%s", from, to), *dir = NULL, *at;
	const char *argv[] = {"log",
			      "--reverse",
			      "--first-parent",
			      "--diff-merges=first-parent",
			      "--no-renames",
			      "--numstat",
			      "--format=%H",
			      range,
			      "--",
			      NULL};
	struct git_call c = {.argv = argv};
	struct str out = STR_INIT;
	const char *commit = "";
	int r = repo_of(lab, name, &dir, e);

	c.dir = dir;
	if (!r)
		r = git_run(&c, &out, e);
	at = out.buf;
	while (!r && at && *at) {
		char *line = strsep(&at, "\n");

		if (git_is_id(line)) {
			commit = line;
			fn(commit, NULL, 0, arg);
		} else {
			take_line(line, commit, fn, arg);
		}
	}
	str_release(&out);
	free(dir);
	free(range);
	return r;
}
