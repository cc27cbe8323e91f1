/*
 * A study file, read and checked: what to measure on what.
 *
 * docs/study.md explains its keys.  study_load() reads nothing but files of
 * klab's own and the study; it fetches, builds and boots nothing.
 */
#ifndef KLAB_STUDY_H
#define KLAB_STUDY_H

#include <stdbool.h>
#include <stddef.h>

#include "machine/machine.h"
#include "study/workload.h"

enum source_kind { SOURCE_DEBIAN_IMAGE, SOURCE_IMAGE };

/* The prebuilt kernels of a study are its stages, in order. */
struct stage {
	int idx;	      /* number in the source, also where some are left out */
	char *name;	      /* for tables */
	int line;	      /* in the study file */
	enum source_kind kind;
	/* debian-image */
	char *package, *suite, *version;
	/* image: absolute paths; config and map may be NULL */
	char *path, *config, *map;
};

struct study {
	char *name;
	char *path;
	char *text; /* the file as read */
	struct stage *stages;
	size_t nstages;
	struct machine **machines;
	size_t nmachines;
	struct workload **workloads;
	size_t nworkloads;
	int boots;	   /* per cell; seeds are 1..boots */
	int baseline;	   /* idx of a stage */
	double min_effect; /* 0.01 is 1 % */
};

/* The configs of a prebuilt kernel: there is one, as it was shipped. */
#define CONFIG_AS_SHIPPED "as-shipped"

/* share is klab's own folder (workloads/, configs/).  A path without a slash
 * that is no file is looked up in configs/studies.  The caller frees it. */
int study_load(const char *path, const char *share, struct study **out,
	       struct err *e);
void study_free(struct study *s);

/* Number of boots in the whole matrix. */
size_t study_boots(const struct study *s);
/* What the stage asked for, as one line that is equal only for equal requests;
 * freed by the caller. */
char *stage_request(const struct stage *g);

#endif
