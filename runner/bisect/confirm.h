/*
 * What fresh runs of a patch and of its parent say of what a search found.
 * Pure, as the search is: how many runs it takes, and whether they agree.
 */
#ifndef KLAB_CONFIRM_H
#define KLAB_CONFIRM_H

#include "bisect/bisect.h"

enum confirm_why {
	CONFIRM_AGREES,
	CONFIRM_NONE,  /* no difference, or the other way round */
	CONFIRM_SMALL, /* far less than the ends differ, or than min_effect */
};

/* In the units of the values. */
struct confirm {
	enum confirm_why why;
	double culprit, parent;   /* means */
	double change, low, high; /* culprit less parent, 95 % */
	double share;             /* of the ends' difference */
	bool partial;             /* there is more than this patch */
};

/* Runs of each side. */
int confirm_runs(const struct bisect_setup *set, const struct bisect_step *s);
/* n runs of the culprit and m of its parent, two or more of each. */
void confirm_values(const struct bisect_setup *set, const struct bisect_step *s,
		    const double *culprit, int n, const double *parent, int m,
		    struct confirm *out);
/* Bad ones of n and of m runs. */
bool confirm_breaks(const struct bisect_step *s, int culprit, int n, int parent,
		    int m);

#endif
