/*
 * What the output of a kernel's make says went wrong.
 *
 * Compilers, assembler, linker, modpost, objtool, Kconfig and make are
 * understood, with -j, where their lines are mixed.  The text is untrusted;
 * what comes out is printable ASCII and short.
 */
#ifndef KLAB_BUILDLOG_H
#define KLAB_BUILDLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "build/build.h"

struct err;

#define BUILDLOG_ERRORS 5
#define BUILDLOG_CAP (64u << 20) /* bytes kept of a log */

struct buildlog {
	struct build_error *errors; /* the first ones, in the log's order */
	size_t n;
	/* One sentence if it was not the kernel's fault: no memory, a full
	 * disk, a missing tool.  Else NULL. */
	char *trouble;
	char *tail;   /* the last lines, for want of anything better */
	bool damaged; /* an object file from before is not whole */
};

/* src and obj are what make called the tree and the object folder: files come
 * out relative to them. */
void buildlog_parse(const char *text, size_t len, const char *src,
		    const char *obj, struct buildlog *out);
void buildlog_release(struct buildlog *l);
void build_errors_release(struct build_error *errors, size_t n);

/* Marks the errors in touched files, and gives those of which only the last
 * part is known (the linker's "slub.c") their whole path, where a touched file
 * has that name. */
void buildlog_touch(struct build_error *errors, size_t n,
		    const struct strv *touched);
/* "mm/slub.c:123: 'foo' undeclared (in a file that the patch touches)", freed
 * by the caller; `otherwise` if there are no errors. */
char *buildlog_reason(const struct build_error *errors, size_t n,
		      const struct strv *touched, const char *otherwise);

/* Reads a log; of one longer than BUILDLOG_CAP, its two ends. */
int buildlog_read(const char *path, struct str *text, struct err *e);
/* Writes text as a .zst file. */
int buildlog_pack(const char *path, const struct str *text, struct err *e);

/* Of one line: the sentence for struct buildlog's trouble, freed by the caller,
 * or NULL.  One that is not sure (a tool is missing, but perhaps nobody needs
 * it) counts only if there are no errors. */
char *buildlog_trouble(const char *line, bool *sure);

#endif
