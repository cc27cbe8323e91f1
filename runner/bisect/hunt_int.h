/*
 * What the parts of a hunt share: hunt.c (from the request to the search),
 * hunt_open.c (which record), hunt_ends.c (kernels without which nothing can be
 * said), hunt_begin.c (the setup, or going on with a record), hunt_search.c,
 * hunt_confirm.c, hunt_undo.c, hunt_result.c (what came of it), hunt_explain.c
 * (why there is nothing to search).
 */
#ifndef KLAB_HUNT_INT_H
#define KLAB_HUNT_INT_H

#include "base/err.h"
#include "base/str.h"
#include "bisect/hunt.h"
#include "bisect/journal.h"
#include "lab/guided.h"
#include "study/study.h"

enum hunt_phase {
	HUNT_ENDS,  /* both are to be built */
	HUNT_PROBE, /* how is the bad one broken? */
	HUNT_BEGIN, /* setup */
	HUNT_SEARCH,
	HUNT_CONFIRM, /* on fresh boots */
	HUNT_DONE,
};

/* What a phase wants next. */
enum hunt_go {
	HUNT_WAIT,  /* until something has ended */
	HUNT_AGAIN, /* there is more to do at once */
};

/* What a hunt has cost: JSON objects whose keys are boots and kernels (their
 * requests), as further hunts may use them again. */
struct hunt_cost {
	json_t *boots, *fresh, *kernels;
	double wall_s; /* of the boots */
};

/* What is being compared on fresh boots, kernel 1 with kernel 0. */
enum hunt_pair {
	PAIR_NONE,    /* what was found with the one before it */
	PAIR_WITHOUT, /* the bad end with the same without what was found */
	PAIR_ALONE,   /* the good end and nothing but that with the good end */
};

struct hunt {
	struct hunt_request rq;
	struct study *s;
	struct criterion *c;
	struct run *run;
	struct journal j;
	enum hunt_phase phase;
	int n;       /* patches: the bad end's kernel */
	char *label; /* of the workload that the run is of; NULL: any */

	struct bisect_setup set;
	struct bisect_kernel *kernels;
	struct bisect *b;
	struct bisect_step step;
	bool has_step;      /* it is being done */
	bool *wanted;       /* by kernel: it was to be built */
	bool *told;         /* by kernel: the search knows its build */
	uint64_t *identity; /* by kernel; 0: not known */
	size_t workload;    /* index of the study's array */
	int seed;           /* of the boot that runs for the step; 0: none */
	int rounds;         /* of fresh boots that were asked for */
	bool early;   /* the good end was booted before the search began */
	size_t probe; /* boots that were tried to find how it is broken */
	json_t *confirmation; /* what the fresh boots say; NULL: none */
	json_t *undo; /* what the bad end without the patch says; NULL: none */
	json_t *more; /* of the result, where candidates are configs; or NULL */
	enum hunt_pair pair;    /* this is about that alone */
	struct hunt_cost *cost; /* of what was looked for besides; or NULL */
	json_t *result;
	struct err why; /* refused, or the lab's own error */
	bool refused;
};

/* Seeds of confirmations: no study asks for them. */
#define SEED_FRESH 300000

void hunt_say(struct hunt *h, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* "stage 18" or "stage 18 (mm: a subject)", "config 'a'", "config 'a' up to
 * CONFIG_X=y": freed by the caller. */
char *hunt_stage(const struct hunt *h, int kernel);
/* The same without the subject of a patch. */
char *hunt_short(const struct hunt *h, int kernel);
/* One of two words or sentences, by what the candidates are. */
const char *hunt_either(const struct hunt *h, const char *patches,
			const char *configs);
/* There is no result, and this is why: h->why is set. */
enum hunt_go hunt_refuse(struct hunt *h);
/* The lab failed. */
enum hunt_go hunt_fail(struct hunt *h, const struct err *e);
/* Index of the workload that tells, or is looked at first. */
size_t hunt_workload(const struct hunt *h);
/* Asks for these kernels, the first one first; -1 are passed over. */
void hunt_build(struct hunt *h, int k, int k2, int k3);
/* Writes the event, with what more says of it (may be NULL; taken over), and
 * tells the search. */
int hunt_event(struct hunt *h, const struct bisect_event *ev, json_t *more,
	       struct err *e);

enum hunt_go hunt_ends(struct hunt *h);
enum hunt_go hunt_probe(struct hunt *h);
enum hunt_go hunt_begin(struct hunt *h);
enum hunt_go hunt_search(struct hunt *h);
enum hunt_go hunt_confirm(struct hunt *h);

/* A name that tells what is looked for where: the same question has the same
 * record.  Freed by the caller. */
char *hunt_name(const struct hunt *h);
/* Opens its record, a new one if there is none to go on with. */
int hunt_open(struct hunt *h, struct err *e);
/* Goes on with a record that has a setup: replays its events. */
int hunt_resume(struct hunt *h, struct err *e);
/* After the run: the bad end without what was found, where it can be taken
 * back. */
int hunt_undo(struct hunt *h, struct err *e);
/* Compares the two stages of a study, which gets no other name, as fresh boots
 * do; the first one is without what the second one has.  *out is what they say,
 * or that there is no such kernel. */
int hunt_pair(struct hunt *h, struct study *s, enum hunt_pair pair,
	      json_t **out, struct err *e);
/* The search has nothing to search: why not, in h->why and in the record. */
int hunt_explain_ends(struct hunt *h, struct err *e);
/* Of the logs of a metric, what the bad end has more than the good one: that of
 * the step, or measured at the ends where there is no single step. */
double hunt_effect(const struct hunt *h);
/* Adds what a record has cost, or a kernel that is in none. */
void hunt_cost_add(struct hunt_cost *cost, const struct journal *j);
void hunt_cost_kernel(struct hunt_cost *cost, const char *request);
void hunt_cost_release(struct hunt_cost *cost);
/* Writes the result. */
int hunt_conclude(struct hunt *h, struct err *e);

/* hunt_print.c: a result whose words are plain, and words made so: a record may
 * be anybody's, and gives no orders to a terminal. */
void hunt_print_plain(const json_t *result);
json_t *hunt_plain(const json_t *o);

/* What is known before the search, into h->kernels and h->set. */
int hunt_weigh(struct hunt *h, struct err *e);
/* Of that, the weights of the patches. */
int hunt_suspect(struct hunt *h, struct err *e);

#endif
