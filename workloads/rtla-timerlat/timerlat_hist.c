/*
 * timerlat_hist FILE PROGRAM...: runs `rtla timerlat hist --nano ...`, passes
 * its table on, and says what the table comes to: quantiles in nanoseconds on
 * standard output, and in FILE the threads' histograms by whole microseconds,
 * as cyclictest writes them.
 *
 * A table whose buckets do not come to its counts is refused.
 */
#define _GNU_SOURCE

#include "../common/child.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 2048
#define ROWS_MAX 1000000

enum kind { IRQ, THREAD, USER, KINDS };

static const char *const prefixes[] = {"IRQ-", "Thr-", "Usr-"};
static const char *const names[] = {"irq", "thread", "user"};

struct column {
	enum kind kind;
	int cpu;
	long long over, count, min, avg, max;
};

struct row {
	long long ns;
	long long *n; /* one for each column */
};

struct table {
	bool nano;
	struct column columns[COLUMNS_MAX];
	size_t ncolumns;
	struct row *rows;
	size_t nrows;
	unsigned summary; /* bits: which of its five lines were there */
};

/* ---- reading ---- */

static bool read_header(struct table *t, char *line)
{
	char *save, *word = strtok_r(line, " \t", &save);

	while ((word = strtok_r(NULL, " \t", &save))) {
		struct column *c = &t->columns[t->ncolumns];
		int k = 0;

		while (k < KINDS && strncmp(word, prefixes[k], 4))
			k++;
		if (k == KINDS || t->ncolumns == COLUMNS_MAX)
			return false;
		c->kind = (enum kind)k;
		c->cpu = atoi(word + 4);
		t->ncolumns++;
	}
	return t->ncolumns > 0;
}

/* The numbers behind the first word, one for each column. */
static bool read_numbers(const struct table *t, char *save, long long *out)
{
	char *word, *end;

	for (size_t i = 0; i < t->ncolumns; i++) {
		word = strtok_r(NULL, " \t", &save);
		if (!word)
			return false;
		errno = 0;
		out[i] = strtoll(word, &end, 10);
		/* a column without samples has a dash for its least */
		if (!strcmp(word, "-"))
			out[i] = 0;
		else if (errno || *end || out[i] < 0)
			return false;
	}
	return !strtok_r(NULL, " \t", &save);
}

static bool read_row(struct table *t, const char *index, char *save)
{
	struct row *r;
	char *end;

	if (t->nrows % 1024 == 0)
		t->rows = realloc(t->rows, (t->nrows + 1024) * sizeof(*r));
	if (!t->rows || t->nrows == ROWS_MAX || !t->ncolumns || t->summary)
		return false;
	r = &t->rows[t->nrows];
	r->ns = strtoll(index, &end, 10);
	r->n = calloc(t->ncolumns, sizeof(*r->n));
	if (*end || !r->n || (t->nrows && r->ns <= r[-1].ns))
		return false;
	t->nrows++;
	return read_numbers(t, save, r->n);
}

static bool read_summary(struct table *t, int which, char *save)
{
	long long n[COLUMNS_MAX];

	if (!t->ncolumns || !read_numbers(t, save, n))
		return false;
	t->summary |= 1u << which;
	for (size_t i = 0; i < t->ncolumns; i++) {
		struct column *c = &t->columns[i];
		long long *const at[] = {&c->over, &c->count, &c->min, &c->avg,
					 &c->max};

		*at[which] = n[i];
	}
	return true;
}

static bool read_line(struct table *t, char *line)
{
	static const char *const lines[] = {
		"over:", "count:", "min:", "avg:", "max:"};
	char *save, *word;

	if (!strncmp(line, "Index", 5))
		return !t->ncolumns && read_header(t, line);
	if (strstr(line, "Time unit is nanoseconds"))
		t->nano = true;
	word = strtok_r(line, " \t", &save);
	if (!word || *word == '#')
		return true;
	for (int i = 0; i < 5; i++)
		if (!strcmp(word, lines[i]))
			return read_summary(t, i, save);
	return read_row(t, word, save);
}

static const char *problem(const struct table *t)
{
	if (!t->ncolumns || t->summary != 31)
		return "the table is not whole";
	if (!t->nano)
		return "the table is not in nanoseconds";
	for (size_t i = 0; i < t->ncolumns; i++) {
		const struct column *c = &t->columns[i];
		long long total = c->over;

		for (size_t k = 0; k < t->nrows; k++)
			total += t->rows[k].n[i];
		if (total != c->count || c->min > c->max)
			return "the table contradicts itself";
	}
	return NULL;
}

/* ---- what it comes to ---- */

/* The lower end of the bucket below which a share q lies. Nothing is printed
 * where too few samples lie beyond it to say so with 95 % confidence, or where
 * it fell among those that are in no bucket. */
static void print_quantile(const struct table *t, enum kind kind, double q,
			   const char *name, long long count)
{
	long long below = 0, want = (long long)ceil(q * (double)count);

	if (pow(q, (double)count) > 0.05)
		return;
	for (size_t k = 0; k < t->nrows; k++) {
		for (size_t i = 0; i < t->ncolumns; i++)
			if (t->columns[i].kind == kind)
				below += t->rows[k].n[i];
		if (below < want)
			continue;
		printf("%s %s_ns %lld\n", names[kind], name, t->rows[k].ns);
		return;
	}
}

static void print_kind(const struct table *t, enum kind kind)
{
	long long count = 0, over = 0, max = 0;
	double sum = 0;

	for (size_t i = 0; i < t->ncolumns; i++) {
		const struct column *c = &t->columns[i];

		if (c->kind != kind)
			continue;
		count += c->count;
		over += c->over;
		max = c->max > max ? c->max : max;
		sum += (double)c->avg * (double)c->count;
	}
	if (!count)
		return;
	printf("%s samples %lld\n%s over %lld\n%s avg_ns %.0f\n"
	       "%s max_ns %lld\n",
	       names[kind], count, names[kind], over, names[kind],
	       sum / (double)count, names[kind], max);
	print_quantile(t, kind, 0.5, "p50", count);
	print_quantile(t, kind, 0.99, "p99", count);
	print_quantile(t, kind, 0.999, "p999", count);
}

/* The buckets of one microsecond together. */
static void write_histogram(FILE *f, const struct table *t, size_t column)
{
	const char *comma = "";

	for (size_t k = 0; k < t->nrows;) {
		long long us = t->rows[k].ns / 1000, n = 0;

		for (; k < t->nrows && t->rows[k].ns / 1000 == us; k++)
			n += t->rows[k].n[column];
		if (!n)
			continue;
		fprintf(f, "%s\"%lld\": %lld", comma, us, n);
		comma = ", ";
	}
}

static void write_json(const struct table *t, const char *path)
{
	FILE *f = fopen(path, "we");
	const char *comma = "";

	if (!f)
		fail(path, strerror(errno));
	fprintf(f, "{\"thread\": {");
	for (size_t i = 0; i < t->ncolumns; i++) {
		const struct column *c = &t->columns[i];

		if (c->kind != THREAD || !c->count)
			continue;
		fprintf(f, "%s\n\"%d\": {\"cpu\": %d, \"cycles\": %lld, ",
			comma, c->cpu, c->cpu, c->count);
		fprintf(f, "\"min\": %lld, \"max\": %lld, \"avg\": %.3f, ",
			c->min / 1000, c->max / 1000, (double)c->avg / 1000);
		fprintf(f, "\"histogram\": {");
		write_histogram(f, t, i);
		fprintf(f, "}}");
		comma = ",";
	}
	fprintf(f, "\n}}\n");
	if (fclose(f))
		fail(path, strerror(errno));
}

int main(int argc, char **argv)
{
	static struct table t;
	struct child c;
	const char *why;
	char *line;
	bool ended = false;

	if (argc < 3)
		fail("usage", "timerlat_hist FILE PROGRAM...");
	child_start(&c, argv + 2);
	while ((line = child_line(&c))) {
		/* newer ones have the sum over the CPUs here */
		ended |= !strncmp(line, "ALL:", 4);
		if (!ended && !read_line(&t, line))
			fail("rtla", "has a line that is not understood");
	}
	child_end(&c);
	why = problem(&t);
	if (why)
		fail("rtla", why);
	print_kind(&t, IRQ);
	print_kind(&t, THREAD);
	write_json(&t, argv[1]);
	return 0;
}
