/* What follows from setup and record alone: who has the code of whom, what was
 * run, what it cost. */
#include "bisect/bisect_int.h"
#include "base/str.h"

struct id {
	uint64_t identity;
	int kernel;
};

static int by_identity(const void *a, const void *b)
{
	const struct id *x = a, *y = b;

	if (x->identity != y->identity)
		return x->identity < y->identity ? -1 : 1;
	return (x->kernel > y->kernel) - (x->kernel < y->kernel);
}

/* A step cannot lie between two kernels with one code: whatever is in between
 * is acquitted, and those kernels are good or bad together. */
static void acquit(struct bisect *b, int first, int last)
{
	for (int c = first + 1; c <= last; c++) {
		b->weight[c] = 0;
		b->cell[c] = first;
	}
}

static void read_identities(struct bisect *b)
{
	size_t n = 0;
	struct id *ids = xcalloc((size_t)b->set.n + 1, sizeof(*ids));

	for (int k = 0; k <= b->set.n; k++) {
		b->same[k] = b->cell[k] = k;
		b->weight[k] = k ? b->k[k].weight : 0;
		if (b->k[k].identity)
			ids[n++] = (struct id){b->k[k].identity, k};
	}
	if (n > 1)
		qsort(ids, n, sizeof(*ids), by_identity);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i; j < n && ids[j].identity == ids[i].identity; j++)
			b->same[ids[j].kernel] = ids[i].kernel;
		acquit(b, ids[i].kernel, ids[j - 1].kernel);
	}
	for (int k = 1; k <= b->set.n; k++)
		if (b->cell[k] != k)
			b->cell[k] = b->cell[k - 1];
	free(ids);
}

static void normalise(struct bisect *b)
{
	double sum = 0;

	for (int c = 1; c <= b->set.n; c++)
		sum += b->weight[c];
	for (int c = 1; c <= b->set.n && sum > 0; c++)
		b->weight[c] /= sum;
}

static void count_event(struct bisect *b, const struct bisect_event *ev)
{
	struct bisect_kernel *k = &b->k[ev->kernel];
	bool first = !k->built;
	int rep = b->same[ev->kernel];

	if (ev->what == BISECT_INFRA) {
		b->infra[ev->kernel]++;
		b->infra_all++;
		b->infra_tail++;
		b->cost_s += k->run_s;
		return;
	}
	b->infra[ev->kernel] = 0;
	b->infra_tail = 0;
	if (first)
		b->cost_s += k->build_s;
	k->built = ev->what != BISECT_UNTESTABLE || k->built;
	b->untestable[rep] = ev->what == BISECT_UNTESTABLE ||
			     (ev->what == BISECT_BUILT && b->untestable[rep]);
	if (ev->what == BISECT_BUILT || ev->what == BISECT_UNTESTABLE)
		return;
	b->cost_s += k->run_s;
	b->runs++;
	b->spot_of[b->cell[ev->kernel]]++;
}

/* Values lie behind each other, by kernel and then in the record's order. */
static void lay_out(struct bisect *b)
{
	int at = 0;

	b->n_spots = 0;
	for (int k = 0; k <= b->set.n; k++) {
		int n = b->spot_of[k];

		b->spot_of[k] = -1;
		if (!n)
			continue;
		b->spot_of[k] = b->n_spots;
		b->spots[b->n_spots++] =
			(struct spot){.kernel = k, .y = b->values + at};
		at += n;
	}
}

static void fill(struct bisect *b)
{
	for (size_t i = 0; i < b->n_ev; i++) {
		const struct bisect_event *ev = &b->ev[i];
		struct spot *s;

		if (ev->what > BISECT_BAD)
			continue;
		s = &b->spots[b->spot_of[b->cell[ev->kernel]]];
		s->again = ev->kernel;
		if (ev->what == BISECT_VALUE)
			s->y[s->n] = ev->value;
		s->n++;
		s->good += ev->what == BISECT_GOOD;
		s->bad += ev->what == BISECT_BAD;
	}
	for (int i = 0; i < b->n_spots && b->set.kind == BISECT_METRIC; i++) {
		struct spot *s = &b->spots[i];

		s->middle = robust_middle(s->y, s->n);
	}
}

static void reset(struct bisect *b)
{
	size_t n = (size_t)b->set.n + 1;

	memset(b->untestable, 0, n * sizeof(*b->untestable));
	memset(b->infra, 0, n * sizeof(*b->infra));
	memset(b->spot_of, 0, n * sizeof(*b->spot_of));
	b->runs = b->kernels = b->infra_all = b->infra_tail = 0;
	b->cost_s = 0;
	memcpy(b->k, b->given, n * sizeof(*b->k));
	for (size_t i = 0; i < b->n_ev; i++)
		if (b->ev[i].what == BISECT_BUILT && b->ev[i].identity)
			b->k[b->ev[i].kernel].identity = b->ev[i].identity;
}

void record_read(struct bisect *b)
{
	reset(b);
	read_identities(b);
	normalise(b);
	for (size_t i = 0; i < b->n_ev; i++)
		count_event(b, &b->ev[i]);
	for (int k = 0; k <= b->set.n; k++) {
		b->kernels += b->spot_of[k] > 0;
		b->untestable[k] = b->untestable[b->same[k]];
	}
	lay_out(b);
	fill(b);
}

int bisect_runs_of(const struct bisect *b, int k)
{
	int spot = b->spot_of[b->cell[k]];

	return spot < 0 ? 0 : b->spots[spot].n;
}

double bisect_cost(const struct bisect *b, int k)
{
	const struct bisect_kernel *at = &b->k[k];
	double s = at->run_s + (at->built ? 0 : at->build_s);

	return s > 0 ? s : 1e-3;
}
