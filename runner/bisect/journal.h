/*
 * The record of a bisect: lab/bisects/<name>/log.jsonl, a JSON object per line,
 * to which lines are only added.
 *
 *	{"t": "setup", ...}    the first: what is searched for, and where
 *	{"t": "event", ...}    what was seen of a kernel
 *	{"t": "weak", ...}     a boot that tells nothing yet: there is another
 *	{"t": "step", ...}     what the search made of it, and wants next
 *	{"t": "confirm", ...}  a fresh boot of what was found
 *	{"t": "refused", ...}  why there is nothing to search
 *	{"t": "result", ...}   the last
 *
 * Setup and events alone decide; steps are there for people, and to be compared
 * with in a replay.
 */
#ifndef KLAB_JOURNAL_H
#define KLAB_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>

#include "bisect/bisect.h"
#include "bisect/criterion.h"

struct err;

#define JOURNAL_VERSION 1 /* in the setup; another one is not read */

struct journal {
	char *path;
	json_t *lines; /* array: all that are in it */
	int fd;        /* -1: read only */
};

/* Reads a record; one whose last line was cut by a kill is as if that was not
 * there.  -ENOENT if there is none. */
int journal_read(const char *path, struct journal *j, struct err *e);
/* To go on with a record, or begin one (folders are made). */
int journal_open(const char *path, struct journal *j, struct err *e);
void journal_close(struct journal *j);
/* Adds a line, which is on the disk then, and takes over the reference. */
int journal_add(struct journal *j, json_t *line, struct err *e);
/* The same, unless that line is there since the last event: one who goes on
 * after a kill comes to the same steps again. */
int journal_add_new(struct journal *j, json_t *line, struct err *e);
/* Is it a line of that type? */
bool journal_is(const json_t *line, const char *type);
/* The only setup, or the last result; NULL if there is none. */
json_t *journal_find(const struct journal *j, const char *type);

/* The search that a setup line is of; patches are its kernels but the first.
 * *kernels is freed by the caller. */
int journal_setup(const json_t *line, struct bisect_setup *set,
		  struct bisect_kernel **kernels, struct err *e);
void journal_put_setup(json_t *line, const struct bisect_setup *set);
int journal_event(const json_t *line, struct bisect_event *ev, struct err *e);
json_t *journal_put_event(const struct bisect_event *ev);
/* What is compared in a replay. */
json_t *journal_put_step(const struct bisect_step *s, const double *posterior,
			 int n);

/* Words of the enums, as they are in the record. */
const char *bisect_verdict_word(enum bisect_verdict v);
const char *bisect_why_word(enum bisect_why w);
const char *bisect_what_word(enum bisect_what w);

#endif
