/*
 * What can be told of a diff by its text.  Pure; the text is untrusted.
 */
#ifndef KLAB_DIFFTEXT_H
#define KLAB_DIFFTEXT_H

#include "base/str.h"

/* Adds the files that a diff reads or writes, without their first `strip`
 * components; some may be no files at all, but none leads out of the tree. */
void diff_paths(const char *diff, int strip, struct strv *paths);
/* Adds the abbreviated ids of what the diff was made from. */
void diff_preimages(const char *diff, struct strv *ids);
/*
 * Says why `git apply` refused a diff, of what it printed to stderr:
 * "mm/slub.c: hunk @@ -2221,7 +2221,9 @@ static void f(void) does not fit: ' {'
 * |
 * '-	old'".  Freed by the caller.
 */
char *diff_rejection(const char *diff, int strip, const char *said);

#endif
