/*
 * A bisect between two configs at one stage: which options make the difference?
 *
 * The options in which they differ become a chain of configs (kconfig_chain.h),
 * and the kernels of these are the candidates of a hunt (hunt.h), in which a
 * step of the chain takes the place of a patch.  What is found there was there
 * with all that came before it in the chain.  So it is put upon the good config
 * alone; where that is not enough, another hunt between the two finds what has
 * to be there as well, and so on, until the set is enough.
 */
#ifndef KLAB_BISECT_CONFIGS_H
#define KLAB_BISECT_CONFIGS_H

#include "bisect/hunt.h"

/* The study of the request is narrowed by study_between(), its two configs are
 * the ends; it gets the name of the hunt.  On success *result is the
 * caller's: the last line of the record.  Errors are those of hunt_run(); and
 * ERR_USER if the configs do not differ at that stage. */
int configs_hunt(const struct hunt_request *rq, json_t **result, struct err *e);

#endif
