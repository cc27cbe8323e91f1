/*
 * A bisect that is carried out: the search (bisect.h) says what to run next,
 * a led run (lab/guided.h) builds and boots it, the record (journal.h) keeps
 * what was seen.
 *
 * hunt_new(), hunt_run(), hunt_result(), hunt_free().  A hunt that was killed
 * goes on from its record when it is run again; one that has ended says again
 * what it found.
 */
#ifndef KLAB_HUNT_H
#define KLAB_HUNT_H

#include <jansson.h>

#include "bisect/criterion.h"
#include "lab/run.h"

struct hunt;
struct study;
struct err;

/* Where candidates are configs of one stage and no patches: see configs.h. */
struct hunt_configs {
	const char *a, *b;      /* the study's configs that are asked about */
	const char *stage;      /* of which the kernels are */
	const char *good, *bad; /* what the ends of this hunt are called */
	const char *name;       /* of a part of another one; NULL: make one */
	/* Told when the search has ended; what it finds goes into *more, which
	 * becomes part of the result. */
	int (*found)(struct hunt *h, void *arg, json_t **more, struct err *e);
	void *arg;
};

struct hunt_request {
	struct lab *lab;
	struct study *study; /* narrowed; gets a name of its own */
	const struct hunt_configs *configs; /* NULL: patches */
	struct criterion *criterion;
	struct run_options run; /* guide and only are filled in */
	bool again;             /* put the record that there is aside */
	/* Told as it goes on; take builds and boots from watch. */
	void (*say)(const char *text, void *arg);
	struct run_watch watch;
	void *arg;
};

/* What the request points to must outlive the hunt. */
struct hunt *hunt_new(const struct hunt_request *rq);
void hunt_free(struct hunt *h);
/* 0: there is a result.  ERR_USER: there is nothing to search; ERR_KERNEL: a
 * kernel that must be there does not build or boot; -EINTR. */
int hunt_run(struct hunt *h, struct err *e);
/* The last line of the record, owned by the hunt. */
const json_t *hunt_result(const struct hunt *h);

/* lab/bisects/<name>/log.jsonl; freed by the caller. */
char *hunt_path(const char *lab, const char *name);

/* A result, or a whole record, as text for people. */
void hunt_print_result(const json_t *result);
void hunt_print_record(const json_t *lines);
/* A record in one line: what is searched, how far, what came of it; *open if
 * there is more to come.  Freed by the caller. */
char *hunt_line(const json_t *lines, bool *open);
/* Goes through a record without a kernel: does the search still come to the
 * same steps?  *differs is the number of the first line that is another, 0 if
 * there is none; say is told of each step. */
struct journal;
int hunt_replay(const struct journal *j, void (*say)(const char *, void *),
		void *arg, int *differs, struct err *e);
/* The exit code that a result stands for: 0 the patch is found, 1 there is none
 * to be blamed, 3 what is between the ends cannot be tested. */
int hunt_code(const json_t *result);

#endif
