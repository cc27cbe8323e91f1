/*
 * A record as git has it: `git bisect log` would print this text, and `git
 * bisect replay` reads it.
 */
#ifndef KLAB_GITLOG_H
#define KLAB_GITLOG_H

#include <stdbool.h>

struct journal;
struct str;
struct err;

/* Of a search in a range of commits; false if it was in none. */
bool gitlog_text(const struct journal *j, struct str *out);
/* Writes it beside the record as git-bisect.log, if there is one. */
int gitlog_write(const struct journal *j, struct err *e);

#endif
