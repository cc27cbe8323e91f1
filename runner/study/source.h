/*
 * The source of a study: its kernels, one stage each.
 */
#ifndef KLAB_SOURCE_H
#define KLAB_SOURCE_H

#include <stddef.h>

struct err;
struct yml_node;

enum source_kind { SOURCE_DEBIAN_IMAGE, SOURCE_IMAGE };

/* The prebuilt kernels of a study are its stages, in order. */
struct stage {
	int idx;    /* number in the source, also where some are left out */
	char *name; /* for tables */
	int line;   /* in the study file */
	enum source_kind kind;
	/* debian-image */
	char *package, *suite, *version;
	/* image: absolute paths; config and map may be NULL */
	char *path, *config, *map;
};

/* Reads the key `source` of the study file `root`, which lies in dir.  *stages
 * and *n are set as far as it got, also after an error; the caller releases
 * each and frees the array. */
int source_read(struct yml_node *root, const char *dir, struct stage **stages,
		size_t *n, struct err *e);
void stage_release(struct stage *g);
/* What the stage asked for, as one line that is equal only for equal requests;
 * freed by the caller. */
char *stage_request(const struct stage *g);

#endif
