/*
 * The way from one .config to another, by way of configs that Kconfig agrees
 * with, so that what differs between two neighbours is as little as may be.
 *
 * Kconfig is asked and never understood: a change is tried, and it stands if
 * what comes out differs from the other end in less than before, and in nothing
 * that was alike.  What an option needs goes before it then, and what follows
 * from it goes with it; what can only come together is one step.
 */
#ifndef KLAB_KCONFIG_CHAIN_H
#define KLAB_KCONFIG_CHAIN_H

#include <stddef.h>

#include "base/str.h"
#include "build/kconfig_changes.h"

struct err;

struct chain_step {
	char *path;        /* of the .config after it */
	char *lead;        /* the option that was tried, without CONFIG_; NULL
			      of the first */
	struct strv lines; /* what changes: "CONFIG_X=y", "# CONFIG_Y is not
			      set" */
	size_t leads;      /* options that were tried at once */
};

struct chain {
	struct chain_step *at; /* the first is one end, the last the other */
	size_t n;              /* 1: they do not differ */
};

struct chain_request {
	const char *from, *to; /* paths of settled .config files */
	kconfig_settle_fn settle;
	/* Told now and then: options in which it differs from the end, of all;
	 * may be NULL. */
	void (*progress)(size_t left, size_t all, void *arg);
	void *arg;
	size_t few; /* from more options than this on, several are tried at
		       once */
};

/* On success the caller releases out. */
int kconfig_chain(const struct chain_request *rq, struct chain *out,
		  struct err *e);
void chain_release(struct chain *c);

#endif
