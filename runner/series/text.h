/*
 * Text from outside: lines of it, where they stood, and what of it may be
 * shown.
 */
#ifndef KLAB_SERIES_TEXT_H
#define KLAB_SERIES_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct str;

#define TEXT_CAP (64u << 20) /* bytes of a file, unpacked */
#define TEXT_LINE_CAP 65536  /* bytes of a line */

/* A line without its newline; not NUL-terminated. */
struct line {
	const char *text;
	size_t len;
};

/* Lines of a text; number counts those that were read. */
struct lines {
	const char *at, *end;
	size_t number;
};

bool lines_next(struct lines *l, struct line *out);
/* The line that lines_next() would give. */
bool lines_peek(const struct lines *l, struct line *out);
bool line_is(const struct line *l, const char *text);
bool line_starts(const struct line *l, const char *prefix);
bool line_is_blank(const struct line *l);

/* Where a text is from.  Nothing is owned. */
struct place {
	const char *name; /* of the file */
	int message;      /* in the file, from 1; 0: the file is one message */
	size_t line; /* of the text's first line; 0: the text was decoded */
};

/* The line of the file that a line of the text is, as far as that is known. */
size_t place_line(const struct place *p, size_t line);
/* "FILE: message 3"; freed by the caller. */
char *place_text(const struct place *p);
/* A user error that starts with file, message and line; line counts from 1 in
 * the text, 0 is the text as a whole. */
int place_err(const struct place *p, size_t line, struct err *e,
	      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Refuses what is no text: NUL bytes and lines without end.  Where every line
 * ends in CR LF, each becomes LF and *crlf is set: a mail's transport. */
int text_prepare(const char *name, struct str *s, bool *crlf, struct err *e);
/* If every line ends in CR LF, makes each LF; else changes nothing. */
bool text_drop_crlf(struct str *s);
/* As UTF-8, from the charset (NULL: not known) unless it is that already, and
 * without control characters other than tab and newline; freed by the caller.
 */
char *text_utf8(const char *text, size_t len, const char *charset);
/* The same on one line, white space folded and trimmed. */
char *text_one_line(const char *text, size_t len, const char *charset);
/* Words of ASCII for a file name: at most max bytes, freed by the caller. */
char *text_slug(const char *text, size_t max);

#endif
