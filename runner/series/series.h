/*
 * A patch series: an ordered list of patches with what the mails said of them.
 *
 * series_import() reads a series from wherever people keep one; series_write()
 * puts it into a plain folder, which quilt, git am and series_import() read:
 *
 *	0001-mm-slub-first-subject.patch   From, Date and Subject, message, diff
 *	series                             the files' names in order
 *	manifest.json                      what is known of the whole
 *
 * All input is untrusted: patches that name a path outside the tree, or in
 * .git, are refused, as is anything that is not text.
 */
#ifndef KLAB_SERIES_H
#define KLAB_SERIES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct err;

struct patch {
	int number;    /* as the mail counts, NN of NN/MM; else the position */
	char *author;  /* "Name <address>"; the address as far as it is known */
	char *date;    /* ISO 8601 with zone, or NULL */
	char *subject; /* without [PATCH ...] */
	char *message; /* without subject and diffstat; may be empty */
	char *diff;    /* unified diff with its file headers, ends in \n */
	int strip;     /* leading path components that the diff has: -pN */
	char *file;    /* its name in a series folder */
	struct strv paths; /* files it touches, stripped */
	int fixes;     /* a fixup: number of the patch that it answers; or 0 */
	char *skipped; /* a fixup that is not put in: why; else NULL */
	char *where;   /* what a message names: file, and message or line */
};

struct series {
	struct patch *patches; /* in order of application */
	size_t n;
	struct patch *fixups; /* found in replies, not put in */
	size_t nfixups;
	char *title;       /* subject of the cover letter, or NULL */
	int version;       /* of the series; 1 if it does not say */
	char *base_commit; /* if the cover letter gives one, or NULL */
	struct strv notes; /* what was odd and is worth a line, for people */
};

enum series_form {
	SERIES_AUTO,   /* looked at, the four below; never a git range */
	SERIES_THREAD, /* text of a public archive's page */
	SERIES_MBOX,   /* mbox, also gzipped */
	SERIES_FOLDER, /* *.patch of git format-patch, one mail each */
	SERIES_QUILT,  /* a folder with a `series` file, or that file */
	SERIES_RANGE,  /* commits A..B of a git repository */
};

struct series_request {
	enum series_form form;
	const char *path;  /* file, folder, or (RANGE) the repository */
	const char *range; /* RANGE: "A..B", else NULL */
	int version; /* which version, if there are several; 0: the newest */
	bool fixups; /* put each fixup behind its patch, as a patch */
};

/*
 * Reads a series; s is released by the caller.  ERR_USER names file, message or
 * line, and what is wrong: patches missing or doubled, a diff that is cut off
 * or mangled, a path that leaves the tree, no patch at all.  *s is empty after
 * an error.
 */
int series_import(const struct series_request *rq, struct series *s,
		  struct err *e);
/* The same from memory, for THREAD and MBOX; name is what errors show. */
int series_parse(const char *name, enum series_form form, const char *data,
		 size_t len, const struct series_request *rq, struct series *s,
		 struct err *e);
void series_release(struct series *s);
/* Writes the folder, which must not exist or be empty, whole or not at all. */
int series_write(const struct series *s, const char *dir, struct err *e);
/* The text of one patch as a mail that `git am` reads; freed by the caller. */
char *patch_text(const struct patch *p);

#endif
