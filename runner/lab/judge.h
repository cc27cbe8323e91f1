/*
 * The judgement of a boot: which of the seven outcomes it is, and why, from how
 * its process ended, its frames and its findings.
 */
#ifndef KLAB_JUDGE_H
#define KLAB_JUDGE_H

#include "lab/collect.h"
#include "lab/frames.h"

/* A boot as it is judged. */
struct trial {
	const json_t *spec;
	const struct frames *f;
	const struct str *port, *console;
	const struct ending *end;
	const char *flooded; /* the file that is longer than is read, or NULL */
	struct collected *c;
};

/* Fills state, outcome, detail, reason and excerpt of t->c, which has its
 * findings already, and of a boot that got through the samples. */
void judge_boot(const struct trial *t);

#endif
