/*
 * osnoise_top PROGRAM...: runs `rtla osnoise top --quiet ...`, passes its table
 * on, and adds up the CPUs: how much of the time that its threads looked at
 * went elsewhere, and to what how often.
 *
 * A table whose share of CPU does not follow from its noise is refused.
 */
#define _GNU_SOURCE

#include "../common/child.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct row {
	int cpu;
	long long periods, runtime, noise;
	double available;
	long long max_noise, max_single, hw, nmi, irq, softirq, thread;
};

static bool read_row(const char *line, struct row *r)
{
	return sscanf(line,
		      "%d #%lld %lld %lld %lf %lld %lld %lld %lld %lld %lld "
		      "%lld",
		      &r->cpu, &r->periods, &r->runtime, &r->noise,
		      &r->available, &r->max_noise, &r->max_single, &r->hw,
		      &r->nmi, &r->irq, &r->softirq, &r->thread) == 12;
}

static bool sound(const struct row *r)
{
	double share;

	if (r->runtime <= 0 || r->noise < 0 || r->noise > r->runtime ||
	    r->max_noise < 0 || r->max_single < 0 || r->hw < 0 || r->nmi < 0 ||
	    r->irq < 0 || r->softirq < 0 || r->thread < 0)
		return false;
	share = 100.0 * (double)(r->runtime - r->noise) / (double)r->runtime;
	return share - r->available < 0.001 && r->available - share < 0.001;
}

static void add(struct row *all, const struct row *r)
{
	all->periods += r->periods;
	all->runtime += r->runtime;
	all->noise += r->noise;
	if (all->max_noise < r->max_noise)
		all->max_noise = r->max_noise;
	if (all->max_single < r->max_single)
		all->max_single = r->max_single;
	all->hw += r->hw;
	all->nmi += r->nmi;
	all->irq += r->irq;
	all->softirq += r->softirq;
	all->thread += r->thread;
}

static void print(const struct row *all, int cpus)
{
	printf("cpus %d\nperiods %lld\nruntime_us %lld\nnoise_us %lld\n", cpus,
	       all->periods, all->runtime, all->noise);
	printf("noise_ppm %.1f\n",
	       1e6 * (double)all->noise / (double)all->runtime);
	printf("max_noise_us %lld\nmax_single_us %lld\n", all->max_noise,
	       all->max_single);
	printf("hw %lld\nnmi %lld\nirq %lld\nsoftirq %lld\nthread %lld\n",
	       all->hw, all->nmi, all->irq, all->softirq, all->thread);
}

int main(int argc, char **argv)
{
	struct row all = {0}, r;
	struct child c;
	char *line;
	int cpus = 0;

	if (argc < 2)
		fail("usage", "osnoise_top PROGRAM...");
	child_start(&c, argv + 1);
	while ((line = child_line(&c))) {
		if (!read_row(line, &r))
			continue;
		if (!sound(&r))
			fail("rtla", "the table contradicts itself");
		add(&all, &r);
		cpus++;
	}
	child_end(&c);
	if (!cpus)
		fail("rtla", "there is no table, or not a whole one");
	print(&all, cpus);
	return 0;
}
