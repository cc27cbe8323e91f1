/*
 * A study file, read and checked: what to measure on what.
 *
 * docs/study.md explains its keys.  study_load() reads nothing but files of
 * klab's own, the study, its series and the titles of its commits; it fetches,
 * builds and boots nothing.
 */
#ifndef KLAB_STUDY_H
#define KLAB_STUDY_H

#include <stdbool.h>
#include <stddef.h>

#include "machine/machine.h"
#include "study/configs.h"
#include "study/rules.h"
#include "study/source.h"
#include "study/workload.h"

struct study {
	char *name;
	char *path;
	char *text; /* the file as read */
	struct source source;
	struct stage *stages; /* those that are selected */
	size_t nstages;
	struct kconfig *configs; /* of prebuilt kernels one, as-shipped */
	size_t nconfigs;
	struct toolchain tools;
	struct machine **machines;
	size_t nmachines;
	struct workload **workloads;
	size_t nworkloads;
	struct rules rules; /* how many boots */
	int baseline;       /* idx of a stage */
	double min_effect;  /* 0.01 is 1 % */
	/* POSIX extended patterns for the first lines of findings that are no
	 * news.  How a boot is judged; no part of what it is. */
	struct strv harmless;
};

/* The configs of a prebuilt kernel: there is one, as it was shipped. */
#define CONFIG_AS_SHIPPED "as-shipped"

/* share is klab's own folder (workloads/, configs/).  A path without a slash
 * that is no file is looked up in configs/studies.  The caller frees it. */
int study_load(const char *path, const char *share, struct study **out,
	       struct err *e);
void study_free(struct study *s);

/* The boots that are planned from the start: of one cell of a stage, of one of
 * its kernels, of the whole matrix.  stage is an index of s->stages. */
size_t study_cell_boots(const struct study *s, size_t stage);
size_t study_kernel_boots(const struct study *s, size_t stage);
size_t study_boots(const struct study *s);
/* With all that may be added. */
size_t study_boots_max(const struct study *s);

#endif
