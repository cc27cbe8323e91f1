/*
 * What a stage needs to know of its commit.
 */
#ifndef KLAB_DETAILS_H
#define KLAB_DETAILS_H

#include <stddef.h>

#include "tree/tree.h"

struct err;
struct repo;

/* Fills commit, tree and the title of stage 0, which is at base. */
int details_of_base(const struct repo *r, const char *base, const char *title,
		    struct tree_stage *at, struct err *e);
/* Fills commit, tree, subject, patch (the abbreviated id) and paths of n
 * stages, each against its first parent. */
int details_of(const struct repo *r, const struct strv *commits,
	       struct tree_stage *at, struct err *e);

/* Can Kconfig, or what it runs, read this file? */
bool kconfig_reads(const char *path);
/* Fills the kconfig id of n stages that follow one another; those without a
 * commit get none. */
int kconfig_ids(const struct repo *r, struct tree_stage *at, size_t n,
		struct err *e);

#endif
