/*
 * One kernel judged, for `git bisect run`: built, booted, good or bad.
 */
#ifndef KLAB_BISECT_JUDGE_H
#define KLAB_BISECT_JUDGE_H

#include "bisect/criterion.h"
#include "lab/run.h"

#define JUDGE_BOOTS_MAX 1000

struct judge_request {
	struct lab *lab;
	struct study *study; /* of one stage, see study_of_commit() */
	struct criterion *criterion;
	double limit; /* of a metric: what is worse than this is bad */
	int boots;    /* of each workload that is looked at */
	struct run_options run; /* guide and only are filled in */
	struct run_watch watch;
};

struct judgement {
	enum bisect_what what; /* GOOD, BAD or UNTESTABLE */
	char *why;             /* one line; the caller's to free */
};

/* 0, the lab's own error, or -EINTR. */
int judge_kernel(const struct judge_request *rq, struct judgement *out,
		 struct err *e);

#endif
