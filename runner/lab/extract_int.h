/*
 * The sources of a metric's value, each in a file of its own; for extract*.c
 * alone.
 *
 * They give NULL and the value, or why there is none: half a sentence that the
 * caller frees.  What is not a finite number of zero or more is no value, and
 * neither is one of which only a part was kept.
 */
#ifndef KLAB_EXTRACT_INT_H
#define KLAB_EXTRACT_INT_H

#include "lab/extract.h"

void extract_add(struct collected *c, const json_t *metric, double value);
/* The whole of a text as a decimal number without sign: not "1,5", "nan",
 * "0x10" or "-1". */
bool extract_number(const char *text, size_t len, double *value);
/* What the metric's step wrote to where the metric looks: `file`, or `stream`,
 * which is stdout unless it says otherwise.  NULL, or why it cannot be used;
 * text is released by the caller. */
char *extract_text(const json_t *metric, const struct frames *f,
		   const char *step, struct str *text);

char *extract_regex(const json_t *metric, const char *text, double *value);
/* text is one JSON document, or one in each line, which count as a list. */
char *extract_json(const json_t *metric, const struct str *text, double *value);
char *extract_ktap(const json_t *metric, const char *text, double *value);
char *extract_monitor(const json_t *metric, const json_t *spec,
		      const struct frames *f, const char *step, double *value);
/* Adds its sample and the histograms itself. */
char *extract_cyclictest(const json_t *metric, const struct frames *f,
			 const char *step, struct collected *c);

#endif
