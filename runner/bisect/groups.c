/* Patches that no kernel can tell apart, since those between are untestable or
 * have one code, are one answer: a range. */
#include "bisect/bisect_int.h"

#define TAIL 0.025

void groups_sum(struct bisect *b)
{
	double sum = 0;

	b->below[0] = 0;
	for (int c = 1; c <= b->set.n; c++) {
		sum += b->post[c];
		b->below[c] = sum;
	}
	for (int c = 1; c <= b->set.n && sum > 0; c++)
		b->below[c] /= sum;
}

/* Without those that cannot be guilty at either side. */
static void narrow(const struct bisect *b, int *first, int *last)
{
	while (*first < *last && !(b->weight[*first] > 0))
		++*first;
	while (*last > *first && !(b->weight[*last] > 0))
		--*last;
}

void groups_best(const struct bisect *b, struct bisect_step *out)
{
	int lo = 0;

	out->posterior = -1;
	for (int k = 1; k <= b->set.n; k++) {
		double p;

		if (b->untestable[k])
			continue;
		p = (b->below[k] - b->below[lo]) * (1 - b->post[0]);
		if (p > out->posterior) {
			out->posterior = p;
			out->first = lo + 1;
			out->last = k;
		}
		lo = k;
	}
	narrow(b, &out->first, &out->last);
}

void groups_credible(const struct bisect *b, struct bisect_step *out)
{
	int first = 1, last = b->set.n;

	while (first < b->set.n && b->below[first] <= TAIL)
		first++;
	while (last > first && b->below[last - 1] >= 1 - TAIL)
		last--;
	out->first = first;
	out->last = last;
	out->posterior =
		(b->below[last] - b->below[first - 1]) * (1 - b->post[0]);
}
