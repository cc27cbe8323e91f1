/*
 * Mails, wherever they were kept: what the parts of runner/series/ hand to each
 * other.
 */
#ifndef KLAB_SERIES_MAIL_H
#define KLAB_SERIES_MAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "series/subject.h"
#include "series/text.h"

struct err;
struct patch;
struct series;
struct series_request;

#define MAILS_CAP 20000

/* Texts are UTF-8 on one line, but for the body. */
struct mail {
	struct place at; /* at.line is that of the body */
	char *file;      /* owns at.name, or NULL */
	char *subject;   /* as it stands, "[PATCH ...] ..."; may be empty */
	struct subject head;
	char *author;     /* "Name <address>", "Name" if that is all, or NULL */
	char *date;       /* ISO 8601, or NULL */
	long long time;   /* of date, for the order */
	char *id;         /* Message-ID without brackets, or NULL */
	struct strv refs; /* ids that it answers, the nearest last */
	struct str body;  /* bytes, decoded */
	char *charset;    /* of the body, or NULL */
	bool bare;        /* no mail: text that may have a diff */
	int strip; /* of its diff: STRIP_AUTO, or what a series file says */
};

struct mails {
	struct mail *at;
	size_t n;
	bool crlf; /* some came with CR LF line ends */
};

/* An empty mail at the end; valid until the next one is added.  NULL if there
 * are too many. */
struct mail *mails_add(struct mails *m, const char *name, struct err *e);
void mails_release(struct mails *m);

/* ---- readers: each adds what it finds ---- */

/* The text of an archive's page. */
int page_read(const char *name, const struct str *s, struct mails *m,
	      struct err *e);
bool page_is(const struct str *s);
/* An mbox, or one mail, or one patch without a mail around it. */
int mbox_read(const char *name, const struct str *s, struct mails *m,
	      struct err *e);
/* One mail, or a patch file of people who write `From:`, `Description:`, or
 * nothing above the diff. */
int mail_read(const char *name, const char *text, size_t len, struct mails *m,
	      struct err *e);
bool mail_is(const char *text, size_t len);
/* A date as mails and archives write it, as ISO 8601; NULL if it is none. */
char *mail_date(const char *text, long long *time);
/* "Name <address>" of a From line, NULL if it has none. */
char *mail_author(const char *text);

/* ---- from mails to a series ---- */

/* The patch in a mail: its text from line `first` on (from 1).  What the text
 * itself says of author, date and subject wins.  p is released by the caller
 * with patch_release(), after an error, too. */
int mail_patch(const struct mail *m, const char *text, size_t len, size_t first,
	       struct patch *p, size_t *blanks, size_t *crs, struct err *e);
/* A line that cuts a patch out of a reply. */
bool line_is_scissors(const struct line *l);
/* Where a diff of its own starts: the line, from 1; 0 if nowhere. */
size_t text_find_diff(const char *text, size_t len);

/* Finds the patches of the series among the mails, its cover letter, and the
 * fixups in replies. */
int thread_assemble(const char *name, const struct mails *m,
		    const struct series_request *rq, struct series *s,
		    struct err *e);
/* The fixups in the replies to the chosen series. */
void fixups_find(const struct mails *m, int version, int total,
		 struct series *s);
/* Says which fixups are replaced by later ones, and why (skipped). */
void fixups_choose(struct series *s);
/* Moves those that are not skipped behind the patches that they fix. */
void fixups_insert(struct series *s);

void patch_release(struct patch *p);
struct patch *patches_add(struct patch **at, size_t *n);
/* Names the files, "0001-subject.patch", by position. */
void series_name_files(struct series *s);
/* "base-commit: ..." of a text, or NULL. */
char *text_base_commit(const char *text, size_t len);

#endif
