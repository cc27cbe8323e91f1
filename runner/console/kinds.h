/*
 * The kinds of findings, and the lines by which the kernel starts to report
 * one.
 */
#ifndef KLAB_CONSOLE_KINDS_H
#define KLAB_CONSOLE_KINDS_H

#include "console/console.h"
#include "console/line.h"

/* Where the function of a finding is looked for. */
enum kind_source {
	FROM_OPENER = 1, /* the line that says what it is */
	FROM_RIP = 2,    /* RIP, which goes before the frames above it */
	FROM_FRAMES = 4, /* the first frame that is not passed over */
	FROM_AT = 8,     /* "at: function" of a lock */
	FROM_OWNER = 16, /* "Allocated in function" */
};

struct kind {
	const char *name;
	unsigned sources;
	unsigned skip;     /* groups of functions, see blame.h */
	unsigned patience; /* lines that may follow its stack and are none of
			      it before it counts as over */
	bool bar;          /* a line of equal signs ends it */
};

enum opener_flag {
	OPENS = 0,
	CUT_HERE = 1, /* something follows, not known what */
	EXPECTS = 2,  /* a FAULT line follows that is part of it */
	FAULT = 4,
	DIES = 8, /* the kernel does not go on */
	ENDS = 16 /* the last line of its report */
};

struct opener {
	const char *prefix; /* at the start of the message */
	size_t length;      /* of prefix */
	const char *has;    /* and this somewhere behind it; or NULL */
	enum finding_kind kind;
	unsigned flags;
};

const struct kind *kind_get(enum finding_kind kind);
/* What a message starts, or NULL. */
const struct opener *opener_find(struct slice text);

#endif
