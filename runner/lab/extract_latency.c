#include "lab/extract_int.h"

#include <math.h>

#define CPUS_MAX 1024
#define CYCLES_MAX 1000000000000 /* of one thread */

/* All CPUs of a run together. */
struct latency {
	long long min, max, cycles, overflow, limit_us;
	double sum;
	long long *count; /* by microsecond, limit_us of them */
};

static bool add_counts(struct latency *l, const json_t *counts,
		       long long *total)
{
	const char *bucket;
	json_t *n;

	json_object_foreach((json_t *)counts, bucket, n)
	{
		long long us;

		if (!str_to_ll(bucket, 0, l->limit_us - 1, &us) ||
		    !json_is_integer(n) || json_integer_value(n) < 0 ||
		    json_integer_value(n) > CYCLES_MAX)
			return false;
		l->count[us] += json_integer_value(n);
		*total += json_integer_value(n);
	}
	return true;
}

/* False if there is one of that CPU already. */
static bool add_histogram(struct collected *c, const char *metric, int cpu,
			  const struct latency *l, const json_t *counts,
			  long long overflow)
{
	struct histogram *h;

	for (size_t i = 0; i < c->nhistograms; i++)
		if (c->histograms[i].cpu == cpu)
			return false;
	c->histograms =
		xrealloc(c->histograms, (c->nhistograms + 1) * sizeof(*h));
	h = &c->histograms[c->nhistograms++];
	h->metric = xstrdup(metric);
	h->cpu = cpu;
	h->limit_us = l->limit_us;
	h->counts = json_dumps(counts, JSON_COMPACT);
	h->overflow = overflow;
	return true;
}

/* One thread of the file. */
struct thread {
	json_t *counts;
	json_int_t cycles, min, max;
	double avg;
	int cpu;
};

static bool read_thread(const json_t *from, struct thread *t)
{
	return !json_unpack((json_t *)from, "{s:o, s:I, s:I, s:I, s:F, s:i}",
			    "histogram", &t->counts, "cycles", &t->cycles,
			    "min", &t->min, "max", &t->max, "avg", &t->avg,
			    "cpu", &t->cpu) &&
	       json_is_object(t->counts) && t->cycles >= 1 &&
	       t->cycles <= CYCLES_MAX && t->min >= 0 && t->max >= t->min &&
	       t->avg > (double)t->min - 1 && t->avg < (double)t->max + 1;
}

static bool add_thread(struct latency *l, const json_t *from, bool keep,
		       struct collected *c)
{
	struct thread t;
	long long total = 0;

	if (!read_thread(from, &t) || !add_counts(l, t.counts, &total) ||
	    total > t.cycles)
		return false;
	l->min = l->cycles && l->min < t.min ? l->min : t.min;
	l->max = l->max > t.max ? l->max : t.max;
	l->cycles += t.cycles;
	l->overflow += t.cycles - total;
	l->sum += t.avg * (double)t.cycles;
	return !keep || add_histogram(c, "latency", t.cpu, l, t.counts,
				      t.cycles - total);
}

/* The smallest latency that a share q of the samples does not exceed; false
 * where too few samples lie beyond it to say so with 95 % confidence, or where
 * it fell among the overflows. */
static bool quantile(const struct latency *l, double q, double *value)
{
	long long below = 0, want = (long long)ceil(q * (double)l->cycles);

	if (pow(q, (double)l->cycles) > 0.05)
		return false;
	for (long long us = 0; us < l->limit_us; us++) {
		below += l->count[us];
		if (below >= want) {
			*value = (double)us;
			return true;
		}
	}
	return false;
}

static bool latency_field(const struct latency *l, const char *field,
			  double *value)
{
	if (!strcmp(field, "p99"))
		return quantile(l, 0.99, value);
	if (!strcmp(field, "p999"))
		return quantile(l, 0.999, value);
	if (!strcmp(field, "min"))
		*value = (double)l->min;
	else if (!strcmp(field, "max"))
		*value = (double)l->max;
	else
		*value = l->sum / (double)l->cycles;
	return true;
}

static char *read_latency(const char *text, struct latency *l, bool keep,
			  struct collected *c)
{
	json_error_t why;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	json_t *threads = json_object_get(root, "thread"), *thread;
	const char *number;
	char *ret = NULL;

	if (!json_is_object(threads) || !json_object_size(threads) ||
	    json_object_size(threads) > CPUS_MAX)
		ret = xasprintf("cyclictest's JSON holds no threads%s%s",
				root ? "" : ": ", root ? "" : why.text);
	json_object_foreach(threads, number,
			    thread) if (!ret && !add_thread(l, thread, keep, c))
		ret = xasprintf("cyclictest's JSON of thread %.20s is "
				"damaged or contradicts itself",
				number);
	json_decref(root);
	return ret;
}

char *extract_cyclictest(const json_t *metric, const struct frames *f,
			 const char *step, struct collected *c)
{
	struct latency l = {.limit_us = frame_num(metric, "limit_us")};
	struct str text = STR_INIT;
	char *why;
	double value;

	l.count = xcalloc((size_t)l.limit_us, sizeof(*l.count));
	frames_output(f, step, "file", frame_text(metric, "file"), &text);
	why = read_latency(text.buf, &l, !c->nhistograms, c);
	if (!why && latency_field(&l, frame_text(metric, "field"), &value))
		extract_add(c, metric, value);
	free(l.count);
	str_release(&text);
	return why;
}
