/* One metric and what a guest left, for tests of lab/extract*.c. */
#ifndef A_EXTRACT_H
#define A_EXTRACT_H

#include "lab/extract.h"

#include "a_spec.h"

#include <math.h>

#define A_SECRET "0123456789abcdef0123456789abcdef"

/* A metric by which the boot is judged: without a value it fails. */
#define METRIC(from, more)                                                     \
	"{\"name\":\"m\",\"unit\":\"u\",\"primary\":true,\"from\":\"" from     \
	"\"" more "}"
#define END(more) "{\"t\":\"end\",\"step\":\"run\"," more "}"

/* What step `run` left; a NULL is not there. */
struct left {
	const char *out, *err;
	const char *file; /* collected as A_CYCLICTEST */
	const char *before, *after;
	const char *end;      /* a frame */
	const char *monitors; /* JSON for the spec */
};

/* In frames of at most 1000 bytes, at least one. */
static inline void a_stream(struct str *port, unsigned *seq, const char *stream,
			    const char *path, const char *data)
{
	size_t n = strlen(data), at = 0;

	do {
		size_t part = n - at < 1000 ? n - at : 1000;
		json_t *o = json_pack("{s:s, s:s, s:s, s:s%}", "t", "out",
				      "step", "run", "stream", stream, "data",
				      data + at, part);
		char *text;

		if (path)
			json_object_set_new(o, "path", json_string(path));
		text = json_dumps(o, JSON_ENSURE_ASCII);
		a_frame(port, A_SECRET, seq, text);
		free(text);
		json_decref(o);
		at += part;
	} while (at < n);
}

static inline void a_port(const struct left *l, struct str *port)
{
	unsigned seq = 0;

	str_adds(port, "");
	if (l->before)
		a_stream(port, &seq, "before", "/proc/x", l->before);
	if (l->after)
		a_stream(port, &seq, "after", "/proc/x", l->after);
	if (l->out)
		a_stream(port, &seq, "out", NULL, l->out);
	if (l->err)
		a_stream(port, &seq, "err", NULL, l->err);
	if (l->file)
		a_stream(port, &seq, "file", A_CYCLICTEST, l->file);
	if (l->end)
		a_frame(port, A_SECRET, &seq, l->end);
}

static inline bool a_extract(const char *metric, const struct left *l,
			     struct collected *c, char **why)
{
	json_t *m = json_loads(metric, 0, NULL);
	json_t *spec = json_pack("{s:[{s:s}, {s:s}], s:[o]}", "steps", "name",
				 "prepare", "name", "run", "metrics", m);
	struct str port = STR_INIT;
	struct frames f;
	bool ok;

	assert_non_null(spec);
	if (l->monitors)
		json_object_set_new(spec, "monitors",
				    json_loads(l->monitors, 0, NULL));
	a_port(l, &port);
	frames_read(&f, port.buf, port.len, A_SECRET);
	assert_int_equal(f.bad, 0);
	*c = (struct collected){0};
	*why = NULL;
	ok = extract_metrics(spec, &f, c, why);
	assert_int_equal(ok, !*why);
	frames_release(&f);
	str_release(&port);
	json_decref(spec);
	return ok;
}

static inline void assert_gives(const char *metric, const struct left *l,
				double want)
{
	struct collected c;
	char *why;

	if (!a_extract(metric, l, &c, &why))
		fail_msg("%s: %s", metric, why);
	assert_int_equal(c.nsamples, 1);
	assert_int_equal(c.nmissing, 0);
	assert_string_equal(c.samples[0].metric, "m");
	assert_string_equal(c.samples[0].unit, "u");
	if (fabs(c.samples[0].value - want) > 1e-9 * fabs(want))
		fail_msg("%s: %.17g is not %.17g", metric, c.samples[0].value,
			 want);
	collected_release(&c);
}

static inline void assert_gives_none(const char *metric, const struct left *l,
				     const char *want)
{
	struct collected c;
	char *why;

	if (a_extract(metric, l, &c, &why))
		fail_msg("%s has the value %.17g", metric,
			 c.nsamples ? c.samples[0].value : NAN);
	if (!str_starts(why, "metric 'm': ") || !strstr(why, want))
		fail_msg("'%s' does not say '%s'", why, want);
	free(why);
	assert_int_equal(c.nsamples, 0);
	collected_release(&c);
}

/* The same for one that has stdout, a file and an end alone. */
static inline bool extract(const char *metric, const char *out,
			   const char *file, const char *end,
			   struct collected *c, char **why)
{
	return a_extract(metric,
			 &(struct left){.out = out, .file = file, .end = end},
			 c, why);
}

static inline void assert_value(const char *metric, const char *out,
				const char *file, const char *end, double want)
{
	assert_gives(metric,
		     &(struct left){.out = out, .file = file, .end = end},
		     want);
}

static inline void assert_no_value(const char *metric, const char *out,
				   const char *file, const char *end,
				   const char *want)
{
	assert_gives_none(metric,
			  &(struct left){.out = out, .file = file, .end = end},
			  want);
}

#endif
