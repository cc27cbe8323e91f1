/* A truth for simulated searches, and its runs. */
#include "bisect.h"

#include <math.h>

/* ---- random numbers: Steele, Lea and Flood, OOPSLA 2014 ---- */

uint64_t random_state;

static uint64_t next_bits(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

double uniform(void)
{
	return ((double)(next_bits() >> 11) + 0.5) / 9007199254740992.0;
}

double gauss(void)
{
	return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static double level(const struct truth *t, int k)
{
	if (t->drift)
		return t->d * k / t->n;
	if (t->second)
		return t->d / 2 * ((k >= t->culprit) + (k >= t->second));
	return k >= t->culprit ? t->d : 0;
}

double value(const struct truth *t, int k)
{
	double y = level(t, k) + gauss();

	if (t->outliers > 0 && uniform() < t->outliers)
		y += uniform() < 0.5 ? -8 : 8;
	return y;
}

void draw(struct truth *t)
{
	t->culprit = 1 + (int)(uniform() * t->n);
	if (t->second) {
		t->second = 1 + (int)(uniform() * t->n);
		if (t->second < t->culprit) {
			int c = t->second;

			t->second = t->culprit;
			t->culprit = c;
		}
	}
	for (int k = 0; k <= t->n; k++)
		t->dead[k] = k && k < t->n && uniform() < t->untestable;
}

void note(struct count *c, const struct truth *t, int first, int last, int runs,
	  int kernels)
{
	c->searches++;
	c->runs += runs;
	c->kernels += kernels;
	if (first) {
		c->found++;
		c->right += first <= t->culprit && t->culprit <= last;
	}
}
