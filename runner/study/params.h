/*
 * Parameters of a workload, and the words of its commands that name them.
 */
#ifndef KLAB_PARAMS_H
#define KLAB_PARAMS_H

#include <stddef.h>

#include "base/str.h"

struct err;
struct yml_node;

/* Values by name; later entries win. */
struct params {
	struct strv names, values;
};

void params_release(struct params *p);
void params_set(struct params *p, const char *name, const char *value);
/* The value of the name that is len bytes long, or NULL. */
const char *params_get(const struct params *p, const char *name, size_t len);

/* Adds word to out with each {parameter} replaced, unless that leaves nothing
 * of it.  n is where an error is. */
int params_expand(const struct params *p, const struct yml_node *n,
		  const char *word, struct strv *out, struct err *e);
/* The list of words under an optional key; with p, expanded. */
int params_words(const struct params *p, struct yml_node *map, const char *key,
		 struct strv *out, struct err *e);

#endif
