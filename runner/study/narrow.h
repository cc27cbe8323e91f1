/*
 * A study cut down to one config, one machine and a part of its stages: what a
 * bisect works on.
 */
#ifndef KLAB_NARROW_H
#define KLAB_NARROW_H

#include <stddef.h>

struct err;
struct study;

/* What is kept; a config that is NULL is the only one, a machine the first, an
 * end the first or the last stage.  Stages are told by name or number, those of
 * a range by commit as well. */
struct narrow {
	const char *config, *machine, *good, *bad;
};

/* Fails, and says what there is, if the study has no such thing, or if the good
 * end is not before the bad one. */
int study_narrow(struct study *s, const struct narrow *n, struct err *e);
/* Two stages of a study with a series: the first is stage idx `tip` with the
 * patch of stage idx `guilty` taken back, of which diff is the reverse, the
 * second is the tip itself. */
int study_without(struct study *s, const struct narrow *n, int guilty, int tip,
		  const char *diff, struct err *e);
/* One stage (NULL: the last), and the configs a and b in this order.  They are
 * two, of kernels that are built. */
int study_between(struct study *s, const char *stage, const char *machine,
		  const char *a, const char *b, struct err *e);
/* A kernel that differs from others by its config alone. */
struct candidate {
	const char *name, *title; /* as in struct stage */
	const char *config;       /* path of a settled .config */
};
/* Then in place of that stage there are n with these configs, under the name of
 * the first config. */
void study_candidates(struct study *s, const struct candidate *at, size_t n);
/* Instead of its stages there is one: the commit that is checked out in the
 * repository at that folder. */
int study_of_commit(struct study *s, const struct narrow *n,
		    const char *repository, struct err *e);

#endif
