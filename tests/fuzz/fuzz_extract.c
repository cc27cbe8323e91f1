/*
 * Feeds arbitrary text to klab as what a step printed, and as what a monitor
 * read, for metrics of each kind that rests on text.
 *
 * A line of '%' alone parts the input: the first part is stdout and a file, the
 * second what was read before, the third what was read after.
 */
#include "base/err.h"
#include "base/str.h"
#include "lab/extract.h"

#include <math.h>
#include <stdint.h>

#define METRIC(from, more)                                                     \
	"{\"name\":\"m\",\"unit\":\"u\",\"from\":\"" from "\"," more "}"
#define REGEX(take, re)                                                        \
	METRIC("regex", "\"take\":\"" take "\",\"pattern\":\"" re "\"")
#define CELL(take, row, column)                                                \
	METRIC("monitor", "\"monitor\":\"x\",\"take\":\"" take                 \
			  "\",\"row\":\"" row "\",\"column\":" column)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *const metrics[] = {
	REGEX("first", "^Time: ([0-9.]+)"),
	REGEX("last", "([^ ]*) ns$"),
	REGEX("sum", "a=(.*)"),
	REGEX("max", "^[Averagd ]+([1-9][0-9]*) op[eration]*s/sec"),
	METRIC("json", "\"path\":[\"jobs\",\"name=x\",\"read\",\"iops\"]"),
	METRIC("json", "\"path\":[\"1\",\"counter-value\"]"),
	METRIC("json", "\"path\":[\"a\"],\"per\":7.0,\"file\":\"/f\""),
	METRIC("ktap", "\"field\":\"pass\""),
	METRIC("ktap", "\"field\":\"skip\""),
	METRIC("cyclictest-json",
	       "\"file\":\"/f\",\"field\":\"max\",\"limit_us\":100"),
	CELL("delta", "pgfault", "1"),
	CELL("after", "&n->list_lock", "5"),
	CELL("before", "some", "4"),
};

static void add_out(json_t *list, const char *stream, const char *path,
		    const uint8_t *data, size_t len)
{
	struct str utf8 = STR_INIT;
	json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "t", "out", "step", "run",
			      "stream", stream, "path", path);

	str_adds(&utf8, "");
	/* As a frame has it: a character below 256 for each byte. */
	for (size_t i = 0; i < len; i++) {
		char two[2] = {(char)(0xc0 | data[i] >> 6),
			       (char)(0x80 | (data[i] & 63))};

		if (data[i] < 128)
			str_add(&utf8, &data[i], 1);
		else
			str_add(&utf8, two, 2);
	}
	json_object_set_new(o, "data", json_stringn(utf8.buf, utf8.len));
	json_array_append_new(list, o);
	str_release(&utf8);
}

/* The length of the first part, and where the next begins. */
static size_t part_of(const uint8_t *data, size_t len, size_t *next)
{
	const uint8_t *at = memmem(data, len, "\n%\n", 3);

	*next = at ? (size_t)(at - data) + 3 : len;
	return at ? (size_t)(at - data) + 1 : len;
}

static json_t *frames_of(const uint8_t *data, size_t len)
{
	static const char *const streams[] = {"out", "before", "after"};
	json_t *list = json_array();

	for (size_t i = 0; i < 3; i++) {
		size_t next, n = part_of(data, len, &next);

		if (!i)
			add_out(list, "file", "/f", data, n);
		add_out(list, streams[i], i ? "/proc/x" : "", data, n);
		data += next;
		len -= next;
	}
	return list;
}

static json_t *spec_of(void)
{
	json_t *list = json_array(), *m;

	for (size_t i = 0; i < sizeof(metrics) / sizeof(*metrics); i++) {
		m = json_loads(metrics[i], 0, NULL);
		BUG(!m);
		json_array_append_new(list, m);
	}
	return json_pack("{s:[{s:s}], s:o, s:[{s:s, s:[s]}]}", "steps", "name",
			 "run", "metrics", list, "monitors", "name", "x",
			 "read", "/proc/x");
}

static void check(const struct collected *c)
{
	BUG(c->nsamples + c->nmissing != sizeof(metrics) / sizeof(*metrics));
	for (size_t i = 0; i < c->nsamples; i++)
		BUG(!isfinite(c->samples[i].value) || c->samples[i].value < 0);
	for (size_t i = 0; i < c->nmissing; i++) {
		BUG(!*c->missing[i].why);
		for (const char *at = c->missing[i].why; *at; at++)
			BUG(*at < 32 || *at > 126);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static json_t *spec;
	struct frames f = {.list = frames_of(data, len)};
	struct collected c = {0};
	char *why = NULL;

	if (!spec)
		spec = spec_of();
	BUG(!extract_metrics(spec, &f, &c, &why));
	check(&c);
	collected_release(&c);
	json_decref(f.list);
	return 0;
}
