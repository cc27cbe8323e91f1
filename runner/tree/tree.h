/*
 * Source trees: bare repositories of the lab's own in lab/git/, one for all
 * tarballs and one for each git source.
 *
 * Whatever a source is (a git repository, a tarball, Debian's linux-source),
 * its files become a commit there, and each stage of a series one more.  The
 * user's repository is read (its objects are borrowed through alternates), and
 * nothing is ever written to it: no ref, no worktree, no index, no lock.
 *
 * Stages are made in the object database alone, with a temporary index: no file
 * is checked out for it.  What was made is kept under refs/klab/, so that a
 * second run finds it with one git command.
 *
 * These run before the first build, and block.
 */
#ifndef KLAB_TREE_H
#define KLAB_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct series;

#define TREE_ID 65 /* hex of an object id and a NUL */

enum tree_kind { TREE_GIT, TREE_TARBALL, TREE_DEBIAN };

struct tree_request {
	enum tree_kind kind;
	const char *where;   /* repository or tarball: path or URL; package */
	const char *base;    /* git: revision, NULL: HEAD.  In A..B it is A */
	const char *to;      /* git: B of a range A..B, else NULL */
	const char *sha256;  /* tarball: must match, NULL only for a file */
	const char *suite;   /* Debian: NULL is the host's own */
	const char *version; /* Debian: NULL is the newest */
	bool refresh; /* ask a URL or the mirror again although it is there */
	/* Told what takes long ("unpacking ..."); may be NULL. */
	void (*note)(const char *text, void *arg);
	void *arg;
};

/* One state of the source: stage 0 is the base. */
struct tree_stage {
	char commit[TREE_ID];  /* in lab/git; empty if it could not be made */
	char tree[TREE_ID];    /* its tree object */
	char kconfig[TREE_ID]; /* equal only if Kconfig reads equal files */
	char *subject;         /* of the patch or commit; of the base: where it
				  is from */
	char *patch; /* the patch's file or abbreviated commit; NULL for the
			base */
	struct strv paths; /* files that differ from the stage before */
	struct err why;    /* set where commit is empty */
};

struct tree_stages {
	struct tree_stage *at;
	size_t n;
};

/*
 * The stages of a source: the base and one for each patch of the series (series
 * is NULL or empty: the base alone), or for each commit of the range, first
 * parents only.  Fails only if there is no base.  A patch that does not apply
 * leaves its stage and all after it without a commit: why says, as ERR_USER,
 * which stage, patch, file and hunk, or which earlier stage is to blame.
 */
int tree_stages(const char *lab, const struct tree_request *rq,
		const struct series *series, struct tree_stages *out,
		struct err *e);
void tree_stages_release(struct tree_stages *s);

/* Adds to diff what takes a commit's files back to those of another one, of the
 * source of that name in the lab. */
struct str;
int tree_reverse(const char *lab, const char *name, const char *commit,
		 const char *parent, struct str *diff, struct err *e);

/* Told of each commit (path is NULL), then of each file that it changes: how many
 * lines it adds and removes.  The commits are those after `from`, first parents
 * only, up to `to`. */
typedef void (*tree_lines_fn)(const char *commit, const char *path, long lines,
			      void *arg);
int tree_lines(const char *lab, const char *name, const char *from,
	       const char *to, tree_lines_fn fn, void *arg, struct err *e);

/* 16 hex digits that name the source: worktree and object folders of one source
 * are kept under it. */
void tree_name(const struct tree_request *rq, char name[17]);

/*
 * The source checked out: lab/trees/<name>/src, with its index beside it.  Only
 * files that differ are written when it is switched, so that make builds only
 * what they need.
 */
/* Switches to a commit of lab/git, making the worktree if need be; a tree that
 * a killed klab left half switched is put right. */
int worktree_switch(const char *lab, const char *name, const char *commit,
		    struct err *e);
/* lab/trees/<name>/src; freed by the caller. */
char *worktree_path(const char *lab, const char *name);
/* The repository that its worktree is of; NULL if nothing says so.  Freed by the
 * caller. */
char *worktree_repo(const char *lab, const char *name);
/* argv and environment of the one command that switches a worktree which is
 * sound, for the event loop, in whatever folder.  False, and nothing is added,
 * if it has to be worktree_switch(); it has to be as well where the command
 * fails, since somebody has written in the tree.  The command looks at the
 * files that it changes alone: begin with worktree_switch(). */
bool worktree_command(const char *lab, const char *name, const char *commit,
		      struct strv *argv, struct strv *env);

#endif
