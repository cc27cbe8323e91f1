/*
 * What the search for the guilty patch is worth: simulated searches of known
 * truth, beside what others would have done of the same kernels.  Prints the
 * tables of docs/bisect.md.
 *
 *	bisect [SEARCHES [SECTION]]
 *
 * Sections are "found", "rivals" (with the others) and "hard".  Values have
 * a spread of 1, so the effect d is in spreads; a build takes half as long as a
 * run.
 * Seeds are fixed: the same number of searches gives the same tables.
 */
#include "bisect.h"
#include "bisect/bisect.h"
#include "bisect/confirm.h"

#include <math.h>
#include <time.h>

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- klab ---- */

/* Fresh runs of a side that may deny, as in the driver. */
#define FRESH_MAX 60

static void outcome(const struct truth *t, int k, enum bisect_kind kind,
		    struct bisect_event *ev)
{
	*ev = (struct bisect_event){.kernel = k};
	if (t->dead[k]) {
		ev->what = BISECT_UNTESTABLE;
	} else if (kind == BISECT_METRIC) {
		ev->what = BISECT_VALUE;
		ev->value = value(t, k);
	} else {
		double p = k >= t->culprit ? t->loud : t->quiet;

		ev->what = uniform() < p ? BISECT_BAD : BISECT_GOOD;
	}
}

/* Fresh runs of the culprit and its parent, as the driver has them: do they
 * agree?  If not they go into the record. */
static bool confirm(const struct truth *t, const struct bisect_setup *set,
		    struct bisect *b, const struct bisect_step *step,
		    int *fresh)
{
	struct bisect_event ev[2][FRESH_MAX];
	double y[2][FRESH_MAX];
	int bad[2] = {0}, n = confirm_runs(set, step);
	struct confirm c;
	struct err e;
	bool agrees;

	for (int i = 0; i < 2 * n; i++) {
		int side = i / n, k = side ? step->first - 1 : step->last;

		outcome(t, k, set->kind, &ev[side][i % n]);
		y[side][i % n] = ev[side][i % n].value;
		bad[side] += ev[side][i % n].what == BISECT_BAD;
	}
	if (set->kind == BISECT_METRIC) {
		confirm_values(set, step, y[0], n, y[1], n, &c);
		agrees = c.why == CONFIRM_AGREES;
	} else {
		agrees = confirm_breaks(step, bad[0], n, bad[1], n);
	}
	for (int i = 0; !agrees && i < 2 * n; i++)
		BUG(bisect_add(b, &ev[i / n][i % n], &e));
	*fresh += n;
	return agrees;
}

/* False: fresh runs denied what it found too often. */
static bool search(const struct truth *t, const struct bisect_setup *set,
		   struct bisect *b, bool confirmed, struct bisect_step *step,
		   int *fresh)
{
	struct bisect_event ev;
	struct err e;

	for (;;) {
		bisect_next(b, step);
		if (step->verdict == BISECT_RUN) {
			outcome(t, step->kernel, set->kind, &ev);
			BUG(bisect_add(b, &ev, &e));
			continue;
		}
		if (!confirmed || (step->verdict != BISECT_FOUND &&
				   step->verdict != BISECT_RANGE))
			return true;
		if (*fresh > FRESH_MAX)
			return false;
		if (confirm(t, set, b, step, fresh))
			return true;
	}
}

static void klab(const struct truth *t, enum bisect_kind kind,
		 enum bisect_mode mode, double min_effect, bool confirmed,
		 struct count *c)
{
	static struct bisect_kernel kernels[MAX_N + 1];
	struct bisect_setup set = {.n = t->n,
				   .kernels = kernels,
				   .kind = kind,
				   .mode = mode,
				   .min_effect = min_effect};
	struct bisect_step step;
	struct bisect *b;
	int fresh = 0;
	struct err e;
	bool found, agrees;

	for (int k = 0; k <= t->n; k++)
		kernels[k] = (struct bisect_kernel){
			.weight = 1, .build_s = 5, .run_s = 10};
	b = bisect_new(&set, &e);
	BUG(!b);
	agrees = search(t, &set, b, confirmed, &step, &fresh);
	found = step.verdict == BISECT_FOUND || step.verdict == BISECT_RANGE;
	note(c, t, found && agrees ? step.first : 0, step.last,
	     step.runs + (confirmed && found && agrees
				  ? 2 * confirm_runs(&set, &step)
				  : 0),
	     step.kernels);
	c->range += step.verdict == BISECT_RANGE;
	c->no_step += step.verdict == BISECT_NO_STEP;
	c->ends += step.verdict == BISECT_ENDS;
	c->gave_up += step.verdict == BISECT_GAVE_UP || !agrees;
	bisect_free(b);
}

/* ---- tables ---- */

static const int sizes[] = {35, 1000};
static const double effects[] = {1, 2, 5, 10};

static void seed(int n, double d, int other)
{
	random_state = 0x2545f4914f6cdd1du * (uint64_t)(n + 1000000 * other) +
		       (uint64_t)(d * 1000);
}

static double share(int of, int all)
{
	return all ? (double)of / all : 0;
}

static void row(const char *name, const struct truth *t, const struct count *c)
{
	printf("| %s | %d | %g | %.3f | %.3f | %.3f | %.3f | %.3f | %.1f | "
	       "%.1f | %.1f |\n",
	       name, t->n, t->d, share(c->right, c->searches),
	       share(c->found - c->right, c->searches),
	       share(c->no_step, c->searches), share(c->ends, c->searches),
	       share(c->gave_up, c->searches), c->runs / c->searches,
	       c->kernels / c->searches, c->cpu / c->searches * 1e3);
	fflush(stdout);
}

enum method { KLAB, GIT1, GIT3, PINPOINT, METHODS };
static const char *const names[METHODS] = {"klab", "git bisect, 1 run",
					   "git bisect, 3 runs", "Pinpoint"};

static void one(enum method m, const struct truth *t, struct count *c)
{
	switch (m) {
	case KLAB:
		klab(t, BISECT_METRIC, BISECT_NOISY, 0, false, c);
		break;
	case GIT1:
		git_bisect(t, 1, c);
		break;
	case GIT3:
		git_bisect(t, 3, c);
		break;
	default:
		pinpoint(t, c);
	}
}

static void found(int searches, bool rivals)
{
	printf("\n| method | patches | d | right | wrong | no single step | "
	       "ends do "
	       "not differ | gave up | runs | kernels | ms |"
	       "\n|---|---|---|---|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 4; j++) {
			struct truth t = {.n = sizes[i], .d = effects[j]};

			for (int m = 0; m < (rivals ? METHODS : 1); m++) {
				struct count c = {0};

				seed(t.n, t.d, 0);
				c.cpu = -cpu_s();
				for (int s = 0; s < searches; s++) {
					draw(&t);
					one((enum method)m, &t, &c);
				}
				c.cpu += cpu_s();
				row(names[m], &t, &c);
			}
			if (rivals)
				printf("| bound | %d | %g | 0.980 | 0.020 | "
				       "| | | %.1f | | |\n",
				       t.n, t.d, bound(t.n, t.d, 0.02));
		}
}

struct hard {
	const char *name;
	struct truth t;
	bool breaks, exact, confirm;
	double min_effect;
};

static const struct hard hard_ones[] = {
	{.name = "no difference", .t = {.n = 35}},
	{.name = "no difference, least effect 1",
	 .t = {.n = 35},
	 .min_effect = 1},
	{.name = "no difference, exact at first",
	 .t = {.n = 35},
	 .exact = true},
	{.name = "no difference", .t = {.n = 1000}},
	{.name = "drift", .t = {.n = 35, .d = 2, .drift = true}},
	{.name = "drift", .t = {.n = 35, .d = 5, .drift = true}},
	{.name = "drift", .t = {.n = 35, .d = 10, .drift = true}},
	{.name = "drift", .t = {.n = 1000, .d = 5, .drift = true}},
	{.name = "drift, exact at first",
	 .t = {.n = 35, .d = 10, .drift = true},
	 .exact = true},
	{.name = "drift, confirmed",
	 .t = {.n = 35, .d = 2, .drift = true},
	 .confirm = true},
	{.name = "drift, confirmed",
	 .t = {.n = 35, .d = 5, .drift = true},
	 .confirm = true},
	{.name = "drift, confirmed",
	 .t = {.n = 5, .d = 5, .drift = true},
	 .confirm = true},
	{.name = "one step, confirmed",
	 .t = {.n = 35, .d = 1},
	 .confirm = true},
	{.name = "one step, confirmed",
	 .t = {.n = 35, .d = 2},
	 .confirm = true},
	{.name = "one step, confirmed",
	 .t = {.n = 35, .d = 5},
	 .confirm = true},
	{.name = "two steps", .t = {.n = 35, .d = 5, .second = 1}},
	{.name = "two steps", .t = {.n = 35, .d = 10, .second = 1}},
	{.name = "two steps, confirmed",
	 .t = {.n = 35, .d = 5, .second = 1},
	 .confirm = true},
	{.name = "outliers 5 %", .t = {.n = 35, .d = 2, .outliers = 0.05}},
	{.name = "outliers 5 %", .t = {.n = 35, .d = 5, .outliers = 0.05}},
	{.name = "untestable 20 %", .t = {.n = 35, .d = 5, .untestable = 0.2}},
	{.name = "untestable 70 %", .t = {.n = 35, .d = 5, .untestable = 0.7}},
	{.name = "exact at first", .t = {.n = 35, .d = 5}, .exact = true},
	{.name = "exact at first", .t = {.n = 35, .d = 10}, .exact = true},
	{.name = "exact at first", .t = {.n = 35, .d = 100}, .exact = true},
	{.name = "break, always",
	 .t = {.n = 35, .loud = 1},
	 .breaks = true,
	 .exact = true},
	{.name = "break, always",
	 .t = {.n = 1000, .loud = 1},
	 .breaks = true,
	 .exact = true},
	{.name = "break, in 90 %, exact at first",
	 .t = {.n = 35, .loud = 0.9},
	 .breaks = true,
	 .exact = true},
	{.name = "break, in 90 %, exact at first, confirmed",
	 .t = {.n = 35, .loud = 0.9},
	 .breaks = true,
	 .exact = true,
	 .confirm = true},
	{.name = "break, in half", .t = {.n = 35, .loud = 0.5}, .breaks = true},
	{.name = "break, in half, 2 % elsewhere",
	 .t = {.n = 35, .quiet = 0.02, .loud = 0.5},
	 .breaks = true},
	{.name = "break, in 20 %", .t = {.n = 35, .loud = 0.2}, .breaks = true},
	{.name = "break, in none", .t = {.n = 35}, .breaks = true},
};

static void hard_row(const struct hard *h, int searches, int other)
{
	struct truth t = h->t;
	struct count c = {0};

	seed(t.n, t.d, other);
	c.cpu = -cpu_s();
	for (int s = 0; s < searches; s++) {
		draw(&t);
		klab(&t, h->breaks ? BISECT_BREAK : BISECT_METRIC,
		     h->exact ? BISECT_EXACT : BISECT_NOISY, h->min_effect,
		     h->confirm, &c);
	}
	c.cpu += cpu_s();
	printf("| %s | %d | %g | %.3f | %.3f | %.3f | %.3f | %.3f | %.3f | "
	       "%.1f | %.1f |\n",
	       h->name, t.n, t.d, share(c.right, searches),
	       share(c.found - c.right, searches), share(c.range, searches),
	       share(c.no_step, searches), share(c.ends, searches),
	       share(c.gave_up, searches), c.runs / searches,
	       c.kernels / searches);
	fflush(stdout);
}

static void hard(int searches)
{
	printf("\n| truth | patches | d | right | wrong | of these ranges | "
	       "no single step | ends do not differ | gave up | runs | "
	       "kernels |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < sizeof(hard_ones) / sizeof(*hard_ones); i++)
		hard_row(&hard_ones[i], searches, (int)i + 1);
}

int main(int argc, char **argv)
{
	int searches = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1000;
	const char *only = argc > 2 ? argv[2] : "";

	if (searches < 1) {
		fputs("usage: bisect [SEARCHES [SECTION]]\n", stderr);
		return 2;
	}
	if (!*only || !strcmp(only, "found") || !strcmp(only, "rivals"))
		found(searches, strcmp(only, "found") != 0);
	if (!*only || !strcmp(only, "hard"))
		hard(searches);
	return 0;
}
