/* Which kernel to run: the one that says most per second. */
#include "bisect/bisect_int.h"

#include <math.h>

#define SHUN 3 /* failures of the lab in a row at one kernel */
/* Of kernels that say as much but for rounding, the later one is run: it is
 * nearer to the bad end, which is built. */
#define ALIKE (1 - 1e-9)

static int best_of(const struct bisect *b, const struct gain *g, int lo, int hi,
		   bool fresh, bool shunned)
{
	double all = b->below[hi] - b->below[lo], best = 0;
	int found = -1;

	for (int k = lo + 1; k < hi && all > 0; k++) {
		double p = (b->below[k] - b->below[lo]) / all, worth;

		if (b->untestable[k] || bisect_is_end(b, k))
			continue;
		if ((fresh && b->k[k].built) ||
		    (!shunned && b->infra[k] >= SHUN))
			continue;
		worth = gain_at(g, p) / bisect_cost(b, k);
		if (worth > 0 && worth >= best * ALIKE) {
			best = fmax(best, worth);
			found = k;
		}
	}
	return found;
}

int choose_kernel(const struct bisect *b, const struct gain *g, int lo, int hi,
		  bool fresh)
{
	int k = best_of(b, g, lo, hi, fresh, false);

	return k >= 0 || fresh ? k : best_of(b, g, lo, hi, fresh, true);
}

void choose_ahead(const struct bisect *b, const struct gain *g,
		  struct bisect_step *out)
{
	int k = out->kernel, low, high, *ahead = out->ahead;
	bool bad;

	ahead[1] = -1;
	out->ahead_p = 1;
	if (bisect_is_end(b, k)) {
		ahead[0] = choose_kernel(b, g, 0, b->set.n, true);
		return;
	}
	bad = b->below[k] >= 0.5;
	out->ahead_p = bad ? b->below[k] : 1 - b->below[k];
	low = choose_kernel(b, g, 0, k, true);
	high = choose_kernel(b, g, k, b->set.n, true);
	ahead[0] = bad ? low : high;
	ahead[1] = bad ? high : low;
	if (ahead[0] < 0) {
		ahead[0] = ahead[1];
		ahead[1] = -1;
		out->ahead_p = 1 - out->ahead_p;
	}
}
