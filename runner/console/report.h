/*
 * One report of the kernel while it is being printed.
 */
#ifndef KLAB_CONSOLE_REPORT_H
#define KLAB_CONSOLE_REPORT_H

#include "base/str.h"
#include "console/blame.h"
#include "console/kinds.h"

#define FIRST_LINE_CAP 241
#define DETAIL_CAP 161

struct report {
	bool open;
	enum finding_kind kind; /* FINDING_KINDS: not known yet */
	/* printk's callers whose lines it takes; the second one is a CPU that
	 * was asked for its stack. */
	uint32_t caller, also;
	size_t line;
	int64_t us, last_us;
	char first_line[FIRST_LINE_CAP], detail[DETAIL_CAP];
	struct symbol function;
	bool settled;   /* function is not one to be passed over */
	bool by_opener; /* it stood in the opener */
	bool rip;       /* RIP was seen */
	bool stack;     /* "Call Trace:" was seen */
	bool foreign;   /* the stack that follows is not the culprit's */
	bool expects;   /* a FAULT line is part of it */
	bool fatal;
	unsigned lines, idle;
	unsigned locks;   /* lock lines seen */
	bool not_a_frame; /* the next line looks like one */
	struct str excerpt;
	size_t good;      /* of excerpt, up to the last line that is ours */
	size_t cap, left; /* of excerpt; lines that did not fit */
};

/* Starts one at its opener; before is a line in front of it that belongs to it,
 * or empty. */
void report_open(struct report *r, const struct opener *o,
		 const struct message *m, struct slice before,
		 const struct blame *b);
/* Is this opener a part of the report that is open? */
bool report_joins(const struct report *r, const struct opener *o,
		  const struct message *m);
void report_join(struct report *r, const struct opener *o,
		 const struct message *m, const struct blame *b);
/* A line while it is open.  Returns false if the report is over: with this line
 * or before it. */
bool report_add(struct report *r, const struct message *m,
		const struct blame *b);
/* The excerpt without what followed it; the caller frees it. */
char *report_excerpt(struct report *r);

#endif
