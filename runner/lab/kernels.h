/*
 * The kernels of a study, one for each stage and config, as far as they are
 * there without a build.
 */
#ifndef KLAB_KERNELS_H
#define KLAB_KERNELS_H

#include "base/err.h"
#include "lab/builds.h"
#include "lab/matrix.h"

enum variant_state {
	VARIANT_NONE,   /* cannot be had: error says why */
	VARIANT_TODO,   /* to be built */
	VARIANT_READY,  /* there is a kernel */
	VARIANT_BROKEN, /* it does not build */
};

/* One kernel of a study. */
struct variant {
	size_t stage, config; /* indices of the study's arrays */
	enum variant_state state;
	char *request;        /* equal only for equal requests */
	struct kernel kernel; /* of READY */
	struct kernel run;    /* what its boots run: the first in the lab with
				 the same code; set by variant_store() */
	struct err why;       /* of NONE */
};

/* Resolves a prebuilt kernel, which may fetch it; what cannot be had is told as
 * trouble.  The caller releases it. */
void variant_resolve(struct variant *v, struct matrix *m, size_t stage,
		     size_t config);
/* Takes over what builds knows of a kernel: there, broken or to be built. */
void variant_planned(struct variant *v, struct matrix *m, size_t stage,
		     size_t config);
/* Takes over what a build came to, which is BUILD_OK or BUILD_BROKEN. */
void variant_built(struct variant *v, struct matrix *m, size_t stage,
		   size_t config, const struct build_result *r);
void variant_release(struct variant *v);

/* Writes it to the database, with what its build came to (NULL: there was
 * none), and finds the kernel that its boots run. */
int variant_store(struct variant *v, struct matrix *m,
		  const struct build_result *built, struct err *e);

#endif
