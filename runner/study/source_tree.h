/*
 * The part of source.c for sources that klab builds: the tree, the series, and
 * the stages that come of them.
 */
#ifndef KLAB_SOURCE_TREE_H
#define KLAB_SOURCE_TREE_H

#include "study/source.h"

/* As source_read(), for a source whose kind is known. */
int tree_read(struct yml_node *root, struct yml_node *source, const char *dir,
	      struct source *src, struct stage **stages, size_t *n,
	      struct err *e);

#endif
