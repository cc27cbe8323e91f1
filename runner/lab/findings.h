/*
 * Findings: what a kernel says on its console when it is sick, from the console
 * watch (console/console.h) to the database.
 *
 * They belong to the boot and are the same for all studies that share it.  What
 * a study calls harmless is kept beside them: db.h's table harmless has, for
 * each study of the lab, those first lines that one of its patterns fits, and
 * is kept complete by the functions below.
 */
#ifndef KLAB_FINDINGS_H
#define KLAB_FINDINGS_H

#include <stddef.h>

#include "base/str.h"

/* Raised when the console watch would find other things: then older boots are
 * looked through again. */
#define FINDINGS_VERSION 1

struct console;
struct db;
struct err;
struct finding;

/* The findings of a whole console; freed by console_free(). */
struct console *findings_read(const char *text, size_t len);

/* Its first line with its detail, for a sentence; freed by the caller. */
char *finding_sentence(const struct finding *f);

/* Puts them in place of what the boot had.  The caller has a transaction open.
 */
int findings_store(struct db *db, const char *boot, const struct finding *list,
		   size_t n, struct err *e);
/* The same for the patterns of a study, of which each must compile. */
int findings_harmless(struct db *db, long long study,
		      const struct strv *patterns, struct err *e);

/* Looks through the consoles of boots that an older klab judged; lab is the
 * lab's folder. */
int findings_catch_up(struct db *db, const char *lab, struct err *e);

/* How many findings of a boot, NULL for all boots that were ok of the study,
 * are not harmless to it: findings of the one, boots of the other. */
int findings_alarming(struct db *db, long long study, const char *boot,
		      long long *n, struct err *e);

#endif
