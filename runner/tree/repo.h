/*
 * The bare repositories of the lab's own, in lab/git/: `tarballs` for what was
 * unpacked, and one for each git source, which is either a clone of what is
 * needed from a URL, or empty but for the stages, with the objects of the
 * user's repository borrowed through alternates.
 *
 * They are apart so that a repository of the user's that goes away takes
 * nothing with it.
 */
#ifndef KLAB_REPO_H
#define KLAB_REPO_H

#include <stdbool.h>

#include "tree/git.h"

struct err;
struct str;

#define REPO_TARBALLS "tarballs"

struct repo {
	char *dir; /* absolute */
	char *tmp; /* a folder in it that is empty after repo_open() */
};

/* Opens lab/git/<id>, making it if need be, and sweeps away what a killed klab
 * left: locks, half written packs, temporary files. */
int repo_open(const char *lab, const char *id, struct repo *r, struct err *e);
/* A new one of no further use in r->tmp, for git commands that write objects
 * which may be in the user's repository as well: git would touch them there. */
int repo_scratch(const struct repo *r, struct repo *scratch, struct err *e);
void repo_release(struct repo *r);

/* Borrows the objects of this folder (absolute), and of no other. */
int repo_borrow(const struct repo *r, const char *objects, struct err *e);

/* git in the repository: a call with only argv and standard input. */
int repo_git(const struct repo *r, const char *const *argv, const char *in,
	     struct str *out, struct err *e);
/* The commit at a ref; 0, or -ENOENT without an error if there is none. */
int repo_ref(const struct repo *r, const char *ref, char commit[GIT_ID],
	     struct err *e);
/* A path in r->tmp; freed by the caller. */
char *repo_tmp(const struct repo *r, const char *name);

/* Small facts that are dear to find out, by key (a word): read to a string that
 * the caller frees, NULL if not there. */
char *repo_note(const struct repo *r, const char *kind, const char *key);
int repo_note_write(const struct repo *r, const char *kind, const char *key,
		    const char *text, struct err *e);

#endif
