/* A search over kernels whose truth is known. */
#ifndef A_BISECT_H
#define A_BISECT_H

#include "bisect/bisect.h"

#include <math.h>
#include <string.h>

#define MOST 5001

struct bench {
	struct bisect_kernel k[MOST];
	struct bisect_setup set;
	struct bisect *b;
	struct bisect_step step;
	int run[MOST]; /* how often each was run */
	uint64_t seed; /* of noise; 0: there is none */
};

static inline void bench_setup(struct bench *t, int n, enum bisect_kind kind,
			       enum bisect_mode mode)
{
	memset(t, 0, sizeof(*t));
	for (int k = 0; k <= n; k++)
		t->k[k] = (struct bisect_kernel){
			.weight = 1, .build_s = 10, .run_s = 10};
	t->set = (struct bisect_setup){
		.n = n, .kernels = t->k, .kind = kind, .mode = mode};
}

static inline void bench_begin(struct bench *t)
{
	struct err e;

	t->b = bisect_new(&t->set, &e);
	assert_non_null(t->b);
	bisect_next(t->b, &t->step);
}

static inline void bench_end(struct bench *t)
{
	bisect_free(t->b);
	t->b = NULL;
}

static inline void bench_tell(struct bench *t, struct bisect_event ev)
{
	struct err e;

	assert_int_equal(bisect_add(t->b, &ev, &e), 0);
	bisect_next(t->b, &t->step);
}

static inline void bench_value(struct bench *t, int k, double y)
{
	bench_tell(t, (struct bisect_event){
			      .kernel = k, .what = BISECT_VALUE, .value = y});
}

static inline void bench_what(struct bench *t, int k, enum bisect_what what)
{
	bench_tell(t, (struct bisect_event){.kernel = k, .what = what});
}

/* Normal, near enough: twelve numbers of a linear congruence, added up. */
static inline double bench_noise(struct bench *t)
{
	double sum = -6;

	if (!t->seed)
		return 0;
	for (int i = 0; i < 12; i++) {
		t->seed = t->seed * 6364136223846793005u + 1442695040888963407u;
		sum += (double)(t->seed >> 11) / 9007199254740992.0;
	}
	return sum;
}

/* Runs what it asks for until it is done; the culprit adds d. */
static inline void bench_search(struct bench *t, int culprit, double d)
{
	while (t->step.verdict == BISECT_RUN) {
		int k = t->step.kernel;

		assert_in_range(k, 0, t->set.n);
		t->run[k]++;
		if (t->set.kind == BISECT_METRIC)
			bench_value(t, k,
				    (k >= culprit ? d : 0) + bench_noise(t));
		else
			bench_what(t, k,
				   k >= culprit ? BISECT_BAD : BISECT_GOOD);
	}
}

#endif
