/*
 * What the parts of a bisect between configs share: configs.c (chains and the
 * hunts along them), configs_set.c (from what was found to a set that is
 * enough), configs_compare.c (is it?).
 */
#ifndef KLAB_CONFIGS_INT_H
#define KLAB_CONFIGS_INT_H

#include "bisect/configs.h"
#include "bisect/hunt_int.h"
#include "build/kconfig_chain.h"
#include "lab/builds.h"
#include "study/narrow.h"

#define PARTS_MAX 8

enum enough {
	ENOUGH_NO,
	ENOUGH_YES,
	ENOUGH_UNTOLD, /* it does not build, or its boots tell nothing */
};

/* What one hunt found: a step of a chain. */
struct part {
	struct strv lines; /* "CONFIG_X=y", the one that was asked for first */
	const char *as;    /* of more than one: "step" if Kconfig couples them,
			      "range" if nothing between them can be tested,
			      "group" if they were not told apart */
	json_t *alone;     /* what the good config with this alone says */
};

struct configs {
	const struct hunt_request *rq;
	struct builds *b;           /* settles configs, builds nothing */
	char *scratch;              /* file for a text that is to be settled */
	const char *good, *bad;     /* paths of the ends' .config files */
	char *good_name, *bad_name; /* "config 'a'" */
	const char *stage, *machine;
	struct hunt_configs main;
	struct chain chain;

	/* configs_set.c */
	struct part parts[PARTS_MAX];
	size_t nparts;
	struct strv needs;   /* lines without which the parts do not take */
	char *together;      /* path of the good config with parts and needs */
	json_t *enough;      /* what that says, see configs_pair() */
	size_t before, last; /* the steps of the chain that it was found in */
	struct hunt_cost cost; /* of all hunts and comparisons */
	size_t hunts;          /* and comparisons within this one */
};

/* An end of a smaller hunt. */
struct end {
	const char *path, *name;
};

int configs_settle(const struct str *text, char **path, void *arg,
		   struct err *e);
int configs_chain(struct configs *c, const char *from, const char *to,
		  struct chain *out, struct err *e);
/* The study once more, with these candidates; freed by the caller. */
int configs_study(const struct configs *c, const char *name,
		  const struct candidate *at, size_t n, struct study **out,
		  struct err *e);
/* What a hunt came to, in steps of its chain. */
struct outcome {
	int first, last; /* found; 0: nothing */
	int mid;         /* where it is no single step: after this one there is
			    some of the difference on either side; or 0 */
};

void configs_outcome(const json_t *result, const struct journal *j,
		     struct outcome *out);
/* A hunt between two ends of this one's making, of which the caller may know
 * that they differ. */
int configs_hunt_part(struct configs *c, struct hunt *h, const struct end *from,
		      const struct end *to, bool differ, struct chain *chain,
		      struct outcome *out, struct err *e);
/* Kernels of two configs are compared; *says is as of hunt_pair(), with
 * "untold" where nothing was learnt, the caller's to release. */
int configs_pair(struct configs *c, struct hunt *h, const struct end *good,
		 const struct end *bad, enum hunt_pair pair, json_t **says,
		 struct err *e);
/* Adds what changes in a step, the line that was asked for first. */
void configs_lines(const struct chain_step *s, struct strv *out);
/* Adds the lines of all parts. */
void configs_parts(const struct configs *c, struct strv *lines);
/* The hook of the main hunt. */
int configs_found(struct hunt *h, void *arg, json_t **more, struct err *e);

/* Do the parts together, upon the good config, make the difference? */
int configs_enough(struct configs *c, struct hunt *h, enum enough *enough,
		   struct err *e);
/* Of more than one: what does each part make alone? */
int configs_each(struct configs *c, struct hunt *h, struct err *e);
/* Is the bad config cured without the parts?  *says stays NULL if just that was
 * compared before. */
int configs_without(struct configs *c, struct hunt *h, json_t **says,
		    struct err *e);

#endif
