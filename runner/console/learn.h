/*
 * What a report says: the function it points at, and a detail.
 */
#ifndef KLAB_CONSOLE_LEARN_H
#define KLAB_CONSOLE_LEARN_H

#include "console/report.h"

/* From the line that says what it is. */
void learn_opener(struct report *r, struct slice text, const struct blame *b);
/* From a frame of a stack. */
void learn_frame(struct report *r, const struct symbol *f,
		 const struct blame *b);
/* From any other line. */
void learn_line(struct report *r, struct slice text, const struct blame *b);
/* The detail, if text has it. */
void learn_detail(struct report *r, struct slice text);

#endif
