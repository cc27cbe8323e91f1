/*
 * What each workload really printed in a guest, and what becomes of its metrics
 * where that is damaged: the value, or a reason, never another value.
 *
 * tests/data/workloads/<folder>/<name>.jsonl are the frames of a boot of an
 * entry of a study: <name> is what it is called there (tasks-fork), of which
 * the folder may be left out (fork).  missing.txt beside it has a line "NAME
 * METRIC reason" for each metric that has no value there by design.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_sample.h"

#include <ctype.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* ---- as they are ---- */

static const double *value_of(const struct collected *c, const char *metric)
{
	for (size_t i = 0; i < c->nsamples; i++)
		if (!strcmp(c->samples[i].metric, metric))
			return &c->samples[i].value;
	return NULL;
}

static const char *reason_of(const struct collected *c, const char *metric)
{
	for (size_t i = 0; i < c->nmissing; i++)
		if (!strcmp(c->missing[i].metric, metric))
			return c->missing[i].why;
	return NULL;
}

/* Has missing.txt a reason for it? */
static bool excused(const struct sample_file *s, const char *metric)
{
	char *want = xasprintf("%s %s ", s->name, metric);
	bool found = false;

	for (const char *at = s->missing.buf; *at && !found;) {
		found = str_starts(at, want) && at[strlen(want)] != '\n' &&
			at[strlen(want)];
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	free(want);
	return found;
}

static size_t wrong;

static void check_whole(struct sample_file *s)
{
	size_t i;
	json_t *m;

	json_array_foreach(json_object_get(s->spec, "metrics"), i, m)
	{
		const char *name = frame_text(m, "name");
		const char *why = reason_of(&s->whole, name);
		bool there = value_of(&s->whole, name);

		if (there != excused(s, name))
			continue;
		print_error("%s/%s: '%s' %s%s\n", s->folder, s->name, name,
			    there ? "has a value, and missing.txt says that it "
				    "cannot"
				  : "has no value: ",
			    there ? ""
			    : why ? why
				  : "too few samples");
		wrong++;
	}
}

static void test_whole(void **state)
{
	(void)state;
	assert_true(each_sample(check_whole) > 0);
	assert_int_equal(wrong, 0);
}

static void test_each_workload_has_one(void **state)
{
	struct strv folders = names_in("workloads"), lacking = STRV_INIT;
	char *text;
	size_t n;

	(void)state;
	for (size_t i = 0; i < folders.n; i++) {
		char *yaml =
			xasprintf("workloads/%s/workload.yaml", folders.v[i]);
		char *data = xasprintf(SAMPLES "/%s", folders.v[i]);
		struct strv files = names_in(data);
		bool has = false;

		for (size_t k = 0; k < files.n; k++)
			has |= str_ends(files.v[k], ".jsonl");
		if (file_exists(yaml) && !has)
			strv_add(&lacking, folders.v[i]);
		strv_release(&files);
		free(yaml);
		free(data);
	}
	n = lacking.n;
	text = strv_join(&lacking, ", ");
	if (n)
		print_error("without a sample in " SAMPLES ": %s\n", text);
	free(text);
	strv_release(&lacking);
	strv_release(&folders);
	assert_int_equal(n, 0);
}

/* ---- damage ---- */

typedef void damage_fn(const struct str *in, struct str *out);

/* The length of the decimal number there. */
static size_t number_at(const char *at)
{
	size_t n = strspn(at, "0123456789");

	if (n && at[n] == '.' && isdigit((unsigned char)at[n + 1]))
		n += 1 + strspn(at + n + 1, "0123456789");
	return n;
}

static void each_number(const struct str *in, struct str *out, bool nan)
{
	for (size_t i = 0; i < in->len;) {
		size_t n = number_at(in->buf + i);

		if (!n)
			str_add(out, in->buf + i++, 1);
		else if (nan)
			str_adds(out, "nan");
		else /* of zero, too */
			str_addf(out, "-1%.*s", (int)n, in->buf + i);
		i += n;
	}
}

static void to_nan(const struct str *in, struct str *out)
{
	each_number(in, out, true);
}

static void to_negative(const struct str *in, struct str *out)
{
	each_number(in, out, false);
}

static void to_commas(const struct str *in, struct str *out)
{
	for (size_t i = 0; i < in->len; i++) {
		bool point = in->buf[i] == '.' && i &&
			     isdigit((unsigned char)in->buf[i - 1]) &&
			     isdigit((unsigned char)in->buf[i + 1]);

		str_add(out, point ? "," : in->buf + i, 1);
	}
}

static void to_half(const struct str *in, struct str *out)
{
	str_add(out, in->buf, in->len / 2);
}

static void to_nothing(const struct str *in, struct str *out)
{
	(void)in;
	str_adds(out, "");
}

/* As the agent has it: a character below 256 for each byte. */
static json_t *text_of_bytes(const struct str *bytes)
{
	struct str utf8 = STR_INIT;
	json_t *text;

	str_adds(&utf8, "");
	for (size_t i = 0; i < bytes->len; i++) {
		unsigned char c = (unsigned char)bytes->buf[i];
		char two[2] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 63))};

		if (c < 128)
			str_add(&utf8, &bytes->buf[i], 1);
		else
			str_add(&utf8, two, 2);
	}
	text = json_stringn(utf8.buf, utf8.len);
	str_release(&utf8);
	return text;
}

static bool same_stream(const json_t *a, const json_t *b)
{
	return frame_is(b, "out") &&
	       !strcmp(frame_text(a, "step"), frame_text(b, "step")) &&
	       !strcmp(frame_text(a, "stream"), frame_text(b, "stream")) &&
	       !strcmp(frame_text(a, "path"), frame_text(b, "path"));
}

/* The first frame of each stream gets all of its text, damaged. */
static void damage_stream(json_t *list, size_t first, damage_fn *damage)
{
	const struct frames f = {.list = list};
	json_t *head = json_array_get(list, first);
	const json_t *path = json_object_get(head, "path");
	struct str whole = STR_INIT, damaged = STR_INIT;

	frames_output(&f, frame_text(head, "step"), frame_text(head, "stream"),
		      json_string_value(path), &whole);
	str_adds(&damaged, "");
	damage(&whole, &damaged);
	json_object_set_new(head, "data", text_of_bytes(&damaged));
	for (size_t i = json_array_size(list); --i > first;)
		if (same_stream(head, json_array_get(list, i)))
			json_array_remove(list, i);
	str_release(&whole);
	str_release(&damaged);
}

static json_t *damaged(const struct sample_file *s, damage_fn *damage)
{
	json_t *list = json_deep_copy(s->frames);

	for (size_t i = 0; i < json_array_size(list); i++)
		if (frame_is(json_array_get(list, i), "out"))
			damage_stream(list, i, damage);
	return list;
}

/* What the agent says of each stream is moved by so many bytes. */
static void move_bytes(json_t *list, long long by)
{
	static const char *const keys[] = {"out_bytes", "err_bytes"};
	size_t i;
	json_t *o;

	json_array_foreach(list, i, o) for (size_t k = 0; k < 2; k++)
	{
		if (!frame_is(o, "end"))
			continue;
		json_object_set_new(o, keys[k],
				    json_integer(frame_num(o, keys[k]) + by));
	}
}

static bool rests_on_text(const json_t *metric)
{
	static const char *const from[] = {"regex", "json", "ktap", "monitor",
					   "cyclictest-json"};

	for (size_t i = 0; i < COUNT(from); i++)
		if (!strcmp(frame_text(metric, "from"), from[i]))
			return true;
	return false;
}

/* What the agent tells the length of. */
static bool rests_on_stream(const json_t *metric)
{
	const char *from = frame_text(metric, "from");

	return (!strcmp(from, "regex") || !strcmp(from, "json") ||
		!strcmp(from, "ktap")) &&
	       !json_object_get(metric, "file");
}

/* One that counts lines cannot know of those that a program never wrote. */
static bool counts(const json_t *metric)
{
	const char *take = frame_text(metric, "take");

	return !strcmp(frame_text(metric, "from"), "regex") && *take &&
	       strcmp(take, "first");
}

typedef bool metric_fn(const json_t *metric);

/* Each metric has the value that it had, or none and a reason; those of `never`
 * have none. */
static void check_damaged(const struct sample_file *s, json_t *list,
			  const char *what, metric_fn *never, bool whole_lines)
{
	struct collected c;
	size_t i;
	json_t *m;

	extract_frames(s->spec, list, &c);
	json_array_foreach(json_object_get(s->spec, "metrics"), i, m)
	{
		const char *name = frame_text(m, "name");
		const double *was = value_of(&s->whole, name);
		const double *is = value_of(&c, name);
		const char *why = reason_of(&c, name);

		if (is && never && never(m))
			fail_msg("%s, %s: '%s' is %.17g", s->name, what, name,
				 *is);
		if (whole_lines && counts(m))
			continue;
		if (is && (!was || *is != *was))
			fail_msg("%s, %s: '%s' is %.17g, not %.17g", s->name,
				 what, name, *is, was ? *was : 0);
		if (was && !is && (!why || !*why))
			fail_msg("%s, %s: '%s' has no reason", s->name, what,
				 name);
		if (was && !is && !rests_on_text(m))
			fail_msg("%s, %s: '%s' is missing: %s", s->name, what,
				 name, why);
	}
	collected_release(&c);
	json_decref(list);
}

static void damage_sample(struct sample_file *s)
{
	json_t *list;

	check_damaged(s, damaged(s, to_nothing), "no output", rests_on_text,
		      false);
	check_damaged(s, damaged(s, to_nan), "nan", rests_on_text, false);
	check_damaged(s, damaged(s, to_negative), "negative", rests_on_text,
		      false);
	check_damaged(s, damaged(s, to_commas), "commas", NULL, false);
	check_damaged(s, damaged(s, to_half), "cut by the cap", rests_on_stream,
		      false);
	/* As if the program itself had stopped there. */
	list = damaged(s, to_half);
	move_bytes(list, -SAMPLE_CAP);
	check_damaged(s, list, "half", NULL, true);
	list = json_deep_copy(s->frames);
	move_bytes(list, 1);
	check_damaged(s, list, "a byte more", rests_on_stream, false);
}

static void test_damaged(void **state)
{
	(void)state;
	assert_true(each_sample(damage_sample) > 0);
}

/* What a sample is must be what comes out of a change that changes nothing. */
static void to_same(const struct str *in, struct str *out)
{
	str_add(out, in->buf, in->len);
}

static void check_same(struct sample_file *s)
{
	struct collected c;
	json_t *list = damaged(s, to_same);

	extract_frames(s->spec, list, &c);
	assert_int_equal(c.nsamples, s->whole.nsamples);
	for (size_t i = 0; i < c.nsamples; i++)
		assert_true(c.samples[i].value == s->whole.samples[i].value);
	collected_release(&c);
	json_decref(list);
}

static void test_undamaged(void **state)
{
	(void)state;
	assert_true(each_sample(check_same) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_each_workload_has_one),
		cmocka_unit_test(test_undamaged),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
