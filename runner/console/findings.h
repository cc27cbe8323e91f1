/*
 * The findings of one console: grouped by signature, in order of appearance.
 */
#ifndef KLAB_CONSOLE_FINDINGS_H
#define KLAB_CONSOLE_FINDINGS_H

#include "console/console.h"
#include "console/report.h"

struct findings;

int findings_new(const struct console_options *o, struct findings **out,
		 struct err *e);
void findings_free(struct findings *f);
/* Takes over what the report has learnt; its excerpt is gone afterwards. */
void findings_add(struct findings *f, struct report *r);
size_t findings_list(const struct findings *f, const struct finding **list);
size_t findings_dropped(const struct findings *f);

#endif
