/*
 * What the analysis answers when it is asked for the boots of the next round
 * (`python3 -m analysis next`): a JSON object
 *
 *	{"boots": [{"stage": 3, "config": "nort", "machine": "icount-1cpu",
 *	            "workload": "hackbench", "role": "sample",
 *	            "first": 6, "last": 8}],
 *	 "why": "one sentence",
 *	 "verdicts": [{"stage": 3, "config": "nort", "machine": "icount-1cpu",
 *	               "workload": "hackbench", "metric": "time",
 *	               "verdict": "regressed", ...}]}
 *
 * The columns of the table verdict say what may be in a verdict; what is null
 * or not there is not known.  Stages are told by their numbers in the series,
 * seeds by what they are (confirmations start above SEED_CONFIRM).  Other keys
 * are let pass.
 */
#ifndef KLAB_ROUND_H
#define KLAB_ROUND_H

#include "lab/matrix.h"

struct json_t;

struct round {
	struct wish *wishes;
	size_t nwishes;
	const char *why; /* NULL: no reason given */
	struct db_verdict *verdicts;
	size_t nverdicts;
	struct json_t *json; /* has the strings */
};

/* A lab error if the text is no such answer, or speaks of what the study does
 * not have.  On success the caller releases *out. */
int round_parse(const char *text, size_t len, const struct study *s,
		struct round *out, struct err *e);
void round_release(struct round *r);

#endif
