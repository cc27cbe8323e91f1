/* What others would have done of the same kernels. */
#include "bisect.h"

#include <math.h>

/* ---- git bisect run with a threshold half way between the ends ---- */

static double mean_of(const struct truth *t, int k, int runs)
{
	double sum = 0;

	for (int i = 0; i < runs; i++)
		sum += value(t, k);
	return sum / runs;
}

void git_bisect(const struct truth *t, int runs, struct count *c)
{
	double a = mean_of(t, 0, runs), b = mean_of(t, t->n, runs);
	int lo = 0, hi = t->n, kernels = 2;

	while (hi - lo > 1) {
		int k = lo + (hi - lo) / 2;
		double y = mean_of(t, k, runs);

		if ((y > (a + b) / 2) == (b > a))
			hi = k;
		else
			lo = k;
		kernels++;
	}
	note(c, t, hi, hi, kernels * runs, kernels);
}

/* ---- Pinpoint's rules (catapult, dashboard/pinpoint/models) ----
 * Ten runs of each kernel; two kernels differ if the smaller p of a
 * Mann-Whitney and a Kolmogorov-Smirnov test is at most 0.01, are alike if it
 * is beyond a second threshold, and otherwise the one with fewer runs gets ten
 * more.  The second threshold depends on the runs and on the magnitude, in
 * interquartile ranges: 99 in 100 pairs of samples that differ by so much have
 * a smaller p.  It is simulated here, as its authors did. */

#define PIN_MORE 10
#define PIN_RUNS 400
#define PIN_LOW 0.01
#define PIN_DRAWS 2000

struct sample {
	int n;
	double y[PIN_RUNS];
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double ks_tail(double lambda)
{
	double sum = 0, sign = 2;

	if (lambda < 0.2)
		return 1;
	for (int j = 1; j < 50; j++, sign = -sign)
		sum += sign * exp(-2.0 * j * j * lambda * lambda);
	return fmin(1, fmax(0, sum));
}

/* Both samples sorted. */
static double p_value(const double *a, int n, const double *b, int m)
{
	double u = 0, most = 0, z, en = sqrt((double)n * m / (n + m));

	for (int i = 0, j = 0; i < n; i++) {
		while (j < m && b[j] < a[i]) {
			j++;
			most = fmax(most, fabs((double)i / n - (double)j / m));
		}
		u += j;
		most = fmax(most, fabs((double)(i + 1) / n - (double)j / m));
	}
	z = (fabs(u - n * m / 2.0) - 0.5) / sqrt(n * m * (n + m + 1) / 12.0);
	return fmin(erfc(fmax(z, 0) / M_SQRT2),
		    ks_tail((en + 0.12 + 0.11 / en) * most));
}

static double p_of(struct sample *a, struct sample *b)
{
	qsort(a->y, (size_t)a->n, sizeof(double), by_value);
	qsort(b->y, (size_t)b->n, sizeof(double), by_value);
	return p_value(a->y, a->n, b->y, b->n);
}

/* For n runs of either kernel that differ by d spreads. */
static double pin_high(double d, int n)
{
	static double of[PIN_RUNS + 1], p[PIN_DRAWS], made_for = -1;
	static struct sample a, b;
	uint64_t kept = random_state;

	if (made_for != d)
		memset(of, 0, sizeof(of));
	made_for = d;
	if (of[n] > 0)
		return of[n];
	random_state = 1;
	for (int i = 0; i < PIN_DRAWS; i++) {
		a.n = b.n = n;
		for (int j = 0; j < n; j++) {
			a.y[j] = gauss();
			b.y[j] = gauss() + d;
		}
		p[i] = p_of(&a, &b);
	}
	random_state = kept;
	qsort(p, PIN_DRAWS, sizeof(*p), by_value);
	of[n] = fmax(p[PIN_DRAWS * 99 / 100], 1e-300);
	return of[n];
}

static void pin_run(const struct truth *t, int k, struct sample *s, int *runs)
{
	for (int i = 0; i < PIN_MORE && s->n < PIN_RUNS; i++, ++*runs)
		s->y[s->n++] = value(t, k);
}

/* The p value of kernels j and k, run until it is decided; 1: alike. */
static double pin_differ(const struct truth *t, int j, struct sample *a, int k,
			 struct sample *b, int *runs)
{
	for (;;) {
		double p = p_of(a, b);
		bool first = a->n <= b->n;

		if (p <= PIN_LOW)
			return p;
		if (p > pin_high(t->d, (a->n + b->n) / 2) ||
		    (first ? a : b)->n >= PIN_RUNS)
			return 1;
		pin_run(t, first ? j : k, first ? a : b, runs);
	}
}

void pinpoint(const struct truth *t, struct count *c)
{
	static struct sample s[3];
	struct sample *lo_s = &s[0], *hi_s = &s[1], *k_s = &s[2];
	int lo = 0, hi = t->n, kernels = 2, runs = 0;
	bool differ;

	s[0].n = s[1].n = 0;
	pin_run(t, lo, lo_s, &runs);
	pin_run(t, hi, hi_s, &runs);
	differ = pin_differ(t, lo, lo_s, hi, hi_s, &runs) <= PIN_LOW;
	while (differ && hi - lo > 1) {
		int k = lo + (hi - lo) / 2;
		struct sample *unused;
		double first, second;

		k_s->n = 0;
		pin_run(t, k, k_s, &runs);
		kernels++;
		/* It follows every pair that differs, here the clearest. */
		first = pin_differ(t, lo, lo_s, k, k_s, &runs);
		second = pin_differ(t, k, k_s, hi, hi_s, &runs);
		differ = fmin(first, second) <= PIN_LOW;
		if (first <= second) {
			hi = k;
			unused = hi_s;
			hi_s = k_s;
		} else {
			lo = k;
			unused = lo_s;
			lo_s = k_s;
		}
		k_s = unused;
	}
	note(c, t, differ ? hi : 0, hi, runs, kernels);
}

/* ---- the bound: known levels, feedback, error e (Burnashev, Problems of
 * Information Transmission 12, 1976) ---- */

static double capacity(double d)
{
	double bits = 0, step = 0.01;

	for (double y = -8; y < d + 8; y += step) {
		double a = exp(-y * y / 2), b = exp(-(y - d) * (y - d) / 2);
		double m = (a + b) / 2;

		if (a > 0)
			bits += a / 2 * log2(a / m);
		if (b > 0)
			bits += b / 2 * log2(b / m);
	}
	return bits * step / sqrt(2 * M_PI);
}

double bound(int n, double d, double error)
{
	return log2(n) / capacity(d) + log(1 / error) / (d * d / 2);
}
