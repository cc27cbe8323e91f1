/*
 * What the files that parse a build log share; for buildlog*.c alone.
 */
#ifndef KLAB_BUILDLOG_INT_H
#define KLAB_BUILDLOG_INT_H

#include "build/buildlog.h"

#define LOG_TEXT_CAP 300
#define LOG_FILE_CAP 200
#define LOG_TAIL_LINES 3

/* An error, with how sure its place is. */
enum log_guess {
	LOG_SURE,
	LOG_FROM_TARGET, /* only make will say, with the target that failed */
	LOG_IN_HEADER,   /* an assertion's: a note names the place that is meant
			  */
};

struct log_place {
	char *file;
	int line;
};

struct log_parser {
	const char *src, *obj;
	struct buildlog *out;
	enum log_guess guess[BUILDLOG_ERRORS];
	struct build_error *last; /* that the next lines may belong to */
	struct log_place inlined; /* of "inlined from ... at" */
	char *object, *function;  /* of the linker's "in function" */
	char *assembled;          /* of "Assembler messages" */
	char *perhaps;            /* trouble, if there are no errors */
	char *tail[LOG_TAIL_LINES];
};

/* A path as the patch names it, freed by the caller. */
char *log_tree_path(const struct log_parser *p, const char *path, size_t len);
/* "mm/slub.c" of "mm/slub.o"; NULL of what is linked from many.  Freed by the
 * caller. */
char *log_source_of(const struct log_parser *p, const char *object);
/* Splits "PATH:LINE:COLUMN: text"; returns the text, NULL if it is no such
 * line.  at->file is the caller's. */
const char *log_split_place(const struct log_parser *p, const char *line,
			    struct log_place *at);
/* The text of "error: text" and its like, or NULL. */
const char *log_error_text(const char *rest);
/* The text of "/usr/bin/x86_64-linux-gnu-NAME: text", or NULL. */
const char *log_program(const char *line, const char *name);
/* Adds an error, unless it is known or there are enough; takes file over. */
void log_add(struct log_parser *p, enum log_guess guess, char *file, int line,
	     const char *text);
/* Gives an error another place, and takes that over. */
void log_set_place(struct log_parser *p, struct build_error *b,
		   struct log_place *at);

/* ---- linker ---- */

struct log_place log_linker_place(const struct log_parser *p, const char *words,
				  size_t len);
/* Was it a line of the linker's? */
bool log_on_linker(struct log_parser *p, const char *line);
void log_on_lld_place(struct log_parser *p, const char *line);

/* ---- make ---- */

bool log_on_make(struct log_parser *p, const char *line);

#endif
