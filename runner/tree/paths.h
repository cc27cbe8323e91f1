/*
 * Names of files in a tree, from untrusted input.  Pure.
 */
#ifndef KLAB_PATHS_H
#define KLAB_PATHS_H

#include <stdbool.h>

#define TREE_PATH_MAX 4096

/* Is it a relative path that stays in the tree, without empty components, and
 * out of what git takes for its own? */
bool tree_path_ok(const char *path);
/* How deep a symbolic link leads at its highest point, where a file at the top
 * of the tree stands at 0; negative: out of the tree.  An absolute link is at
 * INT_MIN. */
int tree_link_depth(const char *path, const char *target);

#endif
