/*
 * What a bisect asks of a kernel: is it broken in this way, or what value has
 * this metric?
 */
#ifndef KLAB_CRITERION_H
#define KLAB_CRITERION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "bisect/bisect.h"

struct db;
struct err;
struct study;

enum criterion_kind {
	CRITERION_METRIC,
	CRITERION_ANY,   /* broken as the bad end is, see criterion_learn() */
	CRITERION_BUILD, /* does not build */
	CRITERION_BOOT,  /* does not come to its end: the next two, or never
			    heard of */
	CRITERION_PANIC,
	CRITERION_HANG,
	CRITERION_WORKLOAD,  /* boots, but the workload fails */
	CRITERION_SIGNATURE, /* says this on its console */
};

struct criterion {
	enum criterion_kind kind;
	char *signature; /* of SIGNATURE */
	char *workload;  /* its label; NULL: any, or none is needed */
	char *metric;    /* of METRIC, with: */
	char *unit;
	bool instructions; /* its times are of an exact clock */
	int direction;     /* 1: lower is better */
	double min_effect; /* 0.01 is 1 % */
};

/* What the options say: broken ("" or a kind or a signature) or metric
 * ("WORKLOAD/METRIC"), the other is NULL; min_effect ("1%") may be.  On success
 * the caller releases c. */
int criterion_parse(const char *broken, const char *metric,
		    const char *min_effect, const struct study *s,
		    struct criterion *c, struct err *e);
void criterion_release(struct criterion *c);

/* "panic", "hackbench/time, from 1 %": for people and as an identity; freed by
 * the caller. */
char *criterion_text(const struct criterion *c);
/* A value of a metric as people read it: "100.331 ms" of 1.00331e8 ns, and
 * "100.331 M instr" if these are instructions; freed by the caller. */
char *criterion_amount(double value, const char *unit, bool instructions);
json_t *criterion_json(const struct criterion *c);
/* False if the text is no such thing. */
bool criterion_from_json(const json_t *o, struct criterion *c);

/* What was seen of one boot that has ended. */
struct sight {
	enum bisect_what what; /* VALUE, GOOD, BAD or UNTESTABLE */
	double value;          /* of VALUE, as measured */
	char *says;            /* what it showed, or why it tells nothing; NULL:
				  nothing to say */
	bool ran;              /* to its end */
	double wall_s;
	enum criterion_kind kind; /* of ANY that is BAD: in which way, */
	char *signature;          /* with that */
};

/* Reads it from the database.  study is a row there: what is harmless to it is
 * not seen.  On success the caller releases out. */
int criterion_look(const struct criterion *c, struct db *db, long long study,
		   const char *boot, struct sight *out, struct err *e);
void sight_release(struct sight *s);
/* Of ANY: from now on it is what this kernel showed. */
void criterion_learn(struct criterion *c, const struct sight *s);

#endif
