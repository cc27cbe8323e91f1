/*
 * What workload.c (an entry of a study) and workload_read.c (a workload.yaml)
 * share.
 */
#ifndef KLAB_WORKLOAD_INT_H
#define KLAB_WORKLOAD_INT_H

#include "study/workload.h"

/* A workload.yaml while it is read. */
struct source {
	const char *share;
	struct yml_doc *doc;
	struct yml_node *root;
	char *dir;
	char *variant; /* after "folder-", or NULL */
	struct params params;
};

/* Name, needs, and what has to be in the guest. */
int workload_read_head(struct source *s, struct workload *w, struct err *e);
/* What has to be in the guest alone: of a load beside another workload, of
 * which it joins what is there already. */
int workload_read_contents(struct source *s, struct workload *w, struct err *e);
int workload_read_steps(struct source *s, struct workload *w, struct err *e);
int workload_read_metrics(struct source *s, struct workload *w, struct err *e);
void program_release(struct program *p);
/* Is there a key that nobody knows, or a parameter in `scale` that is none? */
int workload_check_keys(struct source *s, struct err *e);
/* Adds the monitors that a list names, each once. */
int workload_add_monitors(struct yml_node *map, const char *share,
			  struct workload *w, struct err *e);

#endif
