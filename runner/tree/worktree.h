/*
 * What tree_stages() tells to the worktree of a source.
 *
 * lab/trees/<name>/
 *	src/    the files
 *	index   git's, beside them: there is no .git in src, so that the kernel's
 *	        setlocalversion finds none
 *	repo    path of the repository that has the objects
 *
 * git makes index.lock before it writes the first file and renames it to index
 * after the last, so index.lock is the mark of a switch that was cut short.
 */
#ifndef KLAB_WORKTREE_H
#define KLAB_WORKTREE_H

struct err;

/* Sets the repository that the worktree is of. */
int worktree_of(const char *lab, const char *name, const char *repo,
		struct err *e);

#endif
