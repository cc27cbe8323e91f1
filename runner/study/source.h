/*
 * The source of a study: where its kernels come from.
 *
 * Prebuilt kernels (debian-image, image) are one stage each.  Kernels that klab
 * builds come from a tree (git, tarball, debian-source): stage 0 is the tree as
 * it is, and each patch of the series, or each commit of a range, is one more.
 */
#ifndef KLAB_SOURCE_H
#define KLAB_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "series/series.h"

struct err;
struct yml_node;

enum source_kind {
	SOURCE_DEBIAN_IMAGE,
	SOURCE_IMAGE,
	SOURCE_GIT,
	SOURCE_TARBALL,
	SOURCE_DEBIAN_SOURCE,
};

/* A tree to build from; of prebuilt kernels only the kind is set. */
struct source {
	enum source_kind kind;
	int line;     /* in the study file */
	char *where;  /* repository or tarball: absolute path or URL; package */
	char *base;   /* git: revision or NULL; of a range its A */
	char *to;     /* git: B of a range A..B, or NULL */
	char *sha256; /* tarball; NULL if the study gives none */
	char *suite, *version; /* debian-source; may be NULL */
	struct series series;  /* empty if the study has none */
};

/* The stages of a study, in order. */
struct stage {
	int idx;     /* number in the source, also where some are left out */
	char *name;  /* a word for tables: of a patch its number */
	char *title; /* subject of the patch or commit, or NULL */
	int line;    /* in the study file */
	enum source_kind kind;
	/* debian-image */
	char *package, *suite, *version;
	/* image: absolute paths; config and map may be NULL */
	char *path, *config, *map;
	/* Of a tree, config is NULL, or a settled .config in place of those of
	 * the study; then `from` is the number in the source. */
	int from;
};

/* Reads the keys `source` and `series` of the study file `root`, which lies in
 * dir; the series, and the commits of a range, are read too.  *src, *stages and
 * *n are set as far as it got, also after an error; the caller releases each
 * and frees the array. */
int source_read(struct yml_node *root, const char *dir, struct source *src,
		struct stage **stages, size_t *n, struct err *e);
void source_release(struct source *src);
void stage_release(struct stage *g);
/* Are its kernels built by klab? */
bool source_is_built(const struct source *src);
/* "git", "debian-image", ... as in the study file. */
const char *source_word(enum source_kind kind);
/* What is asked for, as one line that is equal only for equal requests; of a
 * tree without its patches.  Freed by the caller. */
char *stage_request(const struct source *src, const struct stage *g);
/* An absolute path for what the study file calls path. */
char *source_path(const char *dir, const char *path);

#endif
