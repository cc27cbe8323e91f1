#include "lab/extract_int.h"

#include "lab/spec.h"

#include <ctype.h>
#include <math.h>

void extract_add(struct collected *c, const json_t *metric, double value)
{
	const json_t *per = json_object_get(metric, "per");
	struct sample *s;

	c->samples =
		xrealloc(c->samples, (c->nsamples + 1) * sizeof(*c->samples));
	s = &c->samples[c->nsamples++];
	s->metric = xstrdup(frame_text(metric, "name"));
	s->unit = xstrdup(frame_text(metric, "unit"));
	s->value = per ? value / json_number_value(per) : value;
}

bool extract_number(const char *text, size_t len, double *value)
{
	char *copy, *end;
	bool ok;

	if (!len || !isdigit((unsigned char)text[0]) ||
	    (len > 1 && (text[1] == 'x' || text[1] == 'X')))
		return false;
	copy = xstrndup(text, len);
	*value = strtod(copy, &end);
	ok = end == copy + len && isfinite(*value);
	free(copy);
	return ok;
}

/* ---- where it stands ---- */

/* The agent keeps no more of a stream than the step's cap. */
static bool was_cut(const struct frames *f, const char *step,
		    const char *stream, const struct str *text)
{
	const json_t *end = frames_last(f, "end", step);
	const char *key = !strcmp(stream, "err") ? "err_bytes" : "out_bytes";

	return frame_num(end, key) > (long long)text->len;
}

char *extract_text(const json_t *metric, const struct frames *f,
		   const char *step, struct str *text)
{
	const char *file = frame_text(metric, "file");
	const char *stream = frame_text(metric, "stream");

	if (*file) {
		frames_output(f, step, "file", file, text);
		return text->len ? NULL : xasprintf("'%s' is empty", file);
	}
	stream = *stream ? stream : "out";
	frames_output(f, step, stream, NULL, text);
	if (was_cut(f, step, stream, text))
		return xasprintf("its output is longer than the %zu bytes that "
				 "are kept of it",
				 text->len);
	return text->len ? NULL : xasprintf("it printed nothing");
}

static char *from_frame(const struct frames *f, const char *type,
			const char *step, const char *key, double *value)
{
	const json_t *n = json_object_get(frames_last(f, type, step), key);

	if (!json_is_integer(n) || json_integer_value(n) < 0)
		return xasprintf("the agent told no '%s'", key);
	*value = (double)json_integer_value(n);
	return NULL;
}

static char *from_text(const json_t *metric, const struct frames *f,
		       const char *step, double *value)
{
	const char *from = frame_text(metric, "from");
	struct str text = STR_INIT;
	char *why = extract_text(metric, f, step, &text);

	if (!why && !strcmp(from, "regex"))
		why = extract_regex(metric, text.buf, value);
	else if (!why && !strcmp(from, "json"))
		why = extract_json(metric, &text, value);
	else if (!why)
		why = extract_ktap(metric, text.buf, value);
	str_release(&text);
	return why;
}

/* ---- all of them ---- */

/* A sum, or what `per` divides, may have no end. */
static char *add_finite(struct collected *c, const json_t *metric, double value)
{
	const json_t *per = json_object_get(metric, "per");

	if (!isfinite(per ? value / json_number_value(per) : value))
		return xasprintf("its value is too large for a number");
	extract_add(c, metric, value);
	return NULL;
}

static char *extract_one(const json_t *metric, const json_t *spec,
			 const struct frames *f, const char *step,
			 struct collected *c)
{
	const char *from = frame_text(metric, "from");
	char *why;
	double value;

	if (!strcmp(from, "cyclictest-json"))
		return extract_cyclictest(metric, f, step, c);
	if (!strcmp(from, "elapsed"))
		why = from_frame(f, "end", step, "elapsed_ns", &value);
	else if (!strcmp(from, "hello"))
		why = from_frame(f, "hello", NULL, "ns", &value);
	else if (!strcmp(from, "rusage"))
		why = from_frame(f, "end", step, frame_text(metric, "field"),
				 &value);
	else if (str_starts(from, "monitor"))
		why = extract_monitor(metric, spec, f, step, &value);
	else
		why = from_text(metric, f, step, &value);
	return why ? why : add_finite(c, metric, value);
}

static void add_missing(struct collected *c, const json_t *metric, char *why)
{
	struct missing *m;

	c->missing =
		xrealloc(c->missing, (c->nmissing + 1) * sizeof(*c->missing));
	m = &c->missing[c->nmissing++];
	m->metric = xstrdup(frame_text(metric, "name"));
	m->why = why;
	str_plain(m->why);
}

bool extract_metrics(const json_t *spec, const struct frames *f,
		     struct collected *c, char **why)
{
	const json_t *steps = json_object_get(spec, "steps");
	const json_t *last = json_array_get(steps, json_array_size(steps) - 1);
	size_t i;
	json_t *metric;

	json_array_foreach(json_object_get(spec, "metrics"), i, metric)
	{
		const char *step = frame_text(metric, "step");
		char *reason;

		step = *step ? step : frame_text(last, "name");
		reason = extract_one(metric, spec, f, step, c);
		if (!reason)
			continue;
		if (!json_is_true(json_object_get(metric, "primary"))) {
			add_missing(c, metric, reason);
			continue;
		}
		*why = xasprintf("metric '%s': %s", frame_text(metric, "name"),
				 reason);
		free(reason);
		return false;
	}
	return true;
}
