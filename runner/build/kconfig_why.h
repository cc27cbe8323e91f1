/*
 * Why a wish did not come true, in one sentence, from what why/why.c found out
 * in the tree's Kconfig.
 */
#ifndef KLAB_KCONFIG_WHY_H
#define KLAB_KCONFIG_WHY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* A part of what an option, or its prompt, depends on. */
struct why_term {
	int value;    /* 0 n, 1 m, 2 y */
	bool hidden;  /* it has no prompt */
	bool nothing; /* and nothing in the tree switches it on */
	char *text;   /* "EXPERT=y" */
};

struct why_option {
	char *name;
	char *type;  /* "bool" ...; "unknown": the tree has none such */
	bool prompt; /* it can be wished for at all */
	struct why_term *terms;
	size_t nterms;
	struct strv by, could; /* options that select it, that would */
	char *winner;          /* of the choice that it is of */
	char *range;           /* "1 to 64" */
};

struct why {
	struct why_option *options;
	size_t n;
	struct strv names; /* of all options, if one was not found */
};

/* Lines that mean nothing are skipped: they come out of a sandbox. */
void why_parse(const char *text, struct why *out);
void why_release(struct why *w);

struct why_question {
	const char *option;
	const char *wanted, *is; /* as in a .config; "n": not set */
	bool present;            /* the option is in the .config */
	bool modules;            /* MODULES=y */
};

/* The sentence; freed by the caller.  w may be empty: then it says less.
 * *unknown: the tree has no such option. */
char *why_sentence(const struct why *w, const struct why_question *q,
		   bool *unknown);

#endif
