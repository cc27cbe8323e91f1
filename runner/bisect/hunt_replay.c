/* A record gone through again, without a kernel: see hunt.h. */
#include "bisect/hunt.h"

#include "base/err.h"
#include "base/str.h"
#include "bisect/journal.h"

#include <errno.h>
#include <math.h>

#define CLOSE 1e-6 /* another compiler rounds otherwise */

static bool same_number(const json_t *a, const json_t *b, const char *key)
{
	double x = json_number_value(json_object_get(a, key));
	double y = json_number_value(json_object_get(b, key));

	return fabs(x - y) <= CLOSE * (1 + fabs(x));
}

static bool same(const json_t *a, const json_t *b, const char *key)
{
	const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);

	return (!x && !y) || json_equal(x, y);
}

static bool same_step(const json_t *a, const json_t *b)
{
	return same(a, b, "verdict") && same(a, b, "why") &&
	       same(a, b, "kernel") && same_number(a, b, "first") &&
	       same_number(a, b, "last") && same_number(a, b, "probability");
}

static void tell(const struct bisect_step *s, void (*say)(const char *, void *),
		 void *arg)
{
	char *text = xasprintf("%d runs: %s%s%s; patches %d to %d: %.1f %%",
			       s->runs, bisect_verdict_word(s->verdict),
			       s->why ? ", " : "", bisect_why_word(s->why),
			       s->first, s->last, 100 * s->posterior);

	if (s->verdict == BISECT_RUN) {
		char *more = xasprintf("%s; next kernel %d", text, s->kernel);

		free(text);
		text = more;
	}
	say(text, arg);
	free(text);
}

static int one_line(struct bisect *b, int n, const json_t *line, bool *equal,
		    void (*say)(const char *, void *), void *arg, struct err *e)
{
	struct bisect_event ev;
	struct bisect_step step;
	json_t *again;

	if (journal_is(line, "event"))
		return journal_event(line, &ev, e) ? -EINVAL
						   : bisect_add(b, &ev, e);
	if (!journal_is(line, "step"))
		return 0;
	bisect_next(b, &step);
	tell(&step, say, arg);
	again = journal_put_step(&step, bisect_posterior(b), n);
	*equal = same_step(line, again);
	json_decref(again);
	return 0;
}

int hunt_replay(const struct journal *j, void (*say)(const char *, void *),
		void *arg, int *differs, struct err *e)
{
	struct bisect_kernel *kernels = NULL;
	struct bisect_setup set;
	struct bisect *b = NULL;
	const json_t *line;
	bool equal = true;
	size_t i;
	int r = journal_setup(json_array_get(j->lines, 0), &set, &kernels, e);

	*differs = 0;
	if (!r && !(b = bisect_new(&set, e)))
		r = -EINVAL;
	if (r)
		err_prefix(e, "%s:1", j->path);
	json_array_foreach(j->lines, i, line)
	{
		if (r || !equal)
			break;
		r = one_line(b, set.n, line, &equal, say, arg, e);
		if (r)
			err_prefix(e, "%s:%zu", j->path, i + 1);
		if (!equal)
			*differs = (int)i + 1;
	}
	bisect_free(b);
	free(kernels);
	return r;
}
