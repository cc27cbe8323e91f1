/*
 * From the frames of a boot to the values of its metrics.
 */
#ifndef KLAB_EXTRACT_H
#define KLAB_EXTRACT_H

#include "lab/collect.h"
#include "lab/frames.h"

/* Adds a sample for each metric of the spec, and the histograms.  A metric
 * without a value is among the missing, with the reason; a latency quantile
 * that the number of samples cannot carry is just left out.  Where it is the
 * primary one, a sentence in *why, which the caller frees, and false. */
bool extract_metrics(const json_t *spec, const struct frames *f,
		     struct collected *c, char **why);

#endif
