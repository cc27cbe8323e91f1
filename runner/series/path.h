/*
 * Names of files in a diff: quoted as git does it, and never to be trusted.
 */
#ifndef KLAB_SERIES_PATH_H
#define KLAB_SERIES_PATH_H

#include <stddef.h>

/* Reads a C string in double quotes; *used is its length with them.  NULL if
 * it is not one; freed by the caller. */
char *path_unquote(const char *text, size_t len, size_t *used);
/* The path without its first n components, or NULL if it has no more. */
const char *path_strip(const char *path, int n);
/* What is wrong with a path in a tree, or NULL: it must be relative, must stay
 * below the tree and out of .git, and be UTF-8 without control characters. */
const char *path_problem(const char *path);
/* What is wrong with the target of a symbolic link at that path, or NULL. */
const char *path_link_problem(const char *path, const char *target);

#endif
