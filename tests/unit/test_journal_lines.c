/* The search's own structures as lines of a record, there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "bisect/journal.h"

#include <errno.h>
#include <math.h>

/* As it comes out of a file. */
static json_t *through_text(json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	json_t *again = json_loads(text, 0, NULL);

	assert_non_null(again);
	free(text);
	json_decref(line);
	return again;
}

static void round_trip(struct bisect_event ev)
{
	json_t *line = through_text(journal_put_event(&ev));
	struct bisect_event again;
	struct err e;

	assert_string_equal(json_string_value(json_object_get(line, "t")),
			    "event");
	assert_int_equal(journal_event(line, &again, &e), 0);
	assert_int_equal(again.kernel, ev.kernel);
	assert_int_equal(again.what, ev.what);
	assert_true(again.value == ev.value);
	assert_true(again.identity == ev.identity);
	json_decref(line);
}

static void test_events(void **state)
{
	(void)state;
	for (int what = BISECT_VALUE; what <= BISECT_INFRA; what++)
		round_trip((struct bisect_event){
			.kernel = 7, .what = (enum bisect_what)what});
	for (double value = 1e-300; value < 1e300; value *= 12345.678)
		round_trip((struct bisect_event){.what = BISECT_VALUE,
						 .value = -value});
	round_trip((struct bisect_event){.what = BISECT_VALUE,
					 .value = 18.420680743952367});
	round_trip((struct bisect_event){.kernel = INT32_MAX,
					 .what = BISECT_BUILT,
					 .identity = UINT64_MAX});
	round_trip((struct bisect_event){.what = BISECT_BUILT, .identity = 1});
}

static void refuse(const char *text, const char *why)
{
	json_t *line = json_loads(text, 0, NULL);
	struct bisect_event ev;
	struct err e = {0};

	assert_non_null(line);
	assert_int_equal(journal_event(line, &ev, &e), -EINVAL);
	assert_int_equal(e.kind, ERR_USER);
	assert_non_null(strstr(e.text, why));
	json_decref(line);
}

static void test_bad_events(void **state)
{
	(void)state;
	refuse("{}", "an event has no kernel");
	refuse("{\"what\":\"bad\"}", "an event has no kernel");
	refuse("{\"kernel\":\"1\",\"what\":\"bad\"}", "has no kernel");
	refuse("{\"kernel\":1.5,\"what\":\"bad\"}", "has no kernel");
	refuse("{\"kernel\":-1,\"what\":\"bad\"}", "has no kernel");
	refuse("{\"kernel\":4294967296,\"what\":\"bad\"}", "has no kernel");
	refuse("{\"kernel\":1}", "'' is nothing that is seen");
	refuse("{\"kernel\":1,\"what\":3}", "'' is nothing that is seen");
	refuse("{\"kernel\":1,\"what\":\"evil\"}", "'evil' is nothing");
}

/* ---- the setup ---- */

static const struct bisect_kernel kernels[] = {
	{.built = true, .identity = 0xfedcba9876543210u, .run_s = 0.1},
	{.weight = 5.5, .build_s = 7, .run_s = 12.25},
	{.weight = 0.05, .identity = 3}};

static json_t *put_setup(const struct bisect_setup *set)
{
	json_t *list = json_array();
	json_t *line = json_pack("{s:s, s:i, s:o}", "t", "setup", "version",
				 JOURNAL_VERSION, "kernels", list);

	for (int k = 0; k <= set->n; k++)
		json_array_append_new(list, json_object());
	journal_put_setup(line, set);
	return through_text(line);
}

static void test_setup(void **state)
{
	const struct bisect_setup set = {.n = 2,
					 .kernels = kernels,
					 .kind = BISECT_METRIC,
					 .mode = BISECT_NOISY,
					 .min_effect = 0.00995033085316808,
					 .direction = -1,
					 .spread = 0.1 / 3,
					 .spread_df = 9,
					 .stop = 0.987,
					 .max_runs = 70,
					 .max_s = 3600};
	json_t *line = put_setup(&set);
	struct bisect_kernel *again;
	struct bisect_setup got;
	struct err e;

	(void)state;
	assert_int_equal(journal_setup(line, &got, &again, &e), 0);
	assert_ptr_equal(got.kernels, again);
	for (int k = 0; k <= 2; k++) {
		assert_true(again[k].weight == kernels[k].weight);
		assert_true(again[k].identity == kernels[k].identity);
		assert_true(again[k].build_s == kernels[k].build_s);
		assert_true(again[k].run_s == kernels[k].run_s);
		assert_int_equal(again[k].built, kernels[k].built);
	}
	got.kernels = set.kernels;
	assert_int_equal(got.n, set.n);
	assert_int_equal(got.kind, set.kind);
	assert_int_equal(got.mode, set.mode);
	assert_true(got.min_effect == set.min_effect);
	assert_int_equal(got.direction, set.direction);
	assert_true(got.spread == set.spread && got.stop == set.stop);
	assert_int_equal(got.spread_df, set.spread_df);
	assert_int_equal(got.max_runs, set.max_runs);
	assert_true(got.max_s == set.max_s);
	free(again);
	json_decref(line);
}

static void test_bad_setups(void **state)
{
	static const struct {
		const char *path, *key, *text, *why;
	} all[] = {
		{NULL, "version", "2", "is of version 2, and this klab"},
		{NULL, "version", "\"1\"", "is of version 0"},
		{NULL, "kernels", "[]", "is not complete"},
		{NULL, "kernels", "[{}]", "is not complete"},
		{NULL, "kernels", "{}", "is not complete"},
		{NULL, "search", "7", "is not complete"},
		{"search", "kind", "\"other\"", "is not complete"},
		{"search", "kind", "null", "is not complete"},
		{"search", "mode", "\"other\"", "is not complete"},
		{"search", "mode", "1", "is not complete"},
	};
	const struct bisect_setup set = {.n = 2, .kernels = kernels};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		json_t *line = put_setup(&set);
		json_t *at =
			all[i].path ? json_object_get(line, all[i].path) : line;
		struct bisect_kernel *got = NULL;
		struct bisect_setup again;
		struct err e = {0};

		json_object_set_new(
			at, all[i].key,
			json_loads(all[i].text, JSON_DECODE_ANY, NULL));
		assert_int_equal(journal_setup(line, &again, &got, &e),
				 -EINVAL);
		assert_int_equal(e.kind, ERR_USER);
		assert_non_null(strstr(e.text, all[i].why));
		assert_null(got);
		json_decref(line);
	}
}

/* ---- steps ---- */

static void test_step(void **state)
{
	const double posterior[] = {0.5, 0, 0.00001, 0.49999};
	const struct bisect_step step = {.verdict = BISECT_RUN,
					 .why = BISECT_WHY_DOUBT,
					 .mode = BISECT_NOISY,
					 .kernel = 2,
					 .first = 1,
					 .last = 3,
					 .posterior = 1.0 / 3,
					 .effect = NAN,
					 .low = -INFINITY};
	json_t *o = through_text(journal_put_step(&step, posterior, 3));
	const char *why = json_string_value(json_object_get(o, "why"));

	(void)state;
	assert_string_equal(why, "doubt");
	assert_int_equal(json_integer_value(json_object_get(o, "kernel")), 2);
	assert_true(json_real_value(json_object_get(o, "probability")) ==
		    1.0 / 3);
	assert_null(json_object_get(o, "effect"));
	assert_null(json_object_get(o, "low"));
	assert_int_equal(json_array_size(json_object_get(o, "posterior")), 2);
	json_decref(o);
}

/* Every word is there, and none twice: a record tells them apart. */
static void test_words(void **state)
{
	(void)state;
	for (int a = BISECT_WHY_NONE; a <= BISECT_WHY_BUDGET; a++)
		for (int b = a + 1; b <= BISECT_WHY_BUDGET; b++)
			assert_string_not_equal(
				bisect_why_word((enum bisect_why)a),
				bisect_why_word((enum bisect_why)b));
	for (int a = BISECT_RUN; a <= BISECT_GAVE_UP; a++)
		for (int b = a + 1; b <= BISECT_GAVE_UP; b++)
			assert_string_not_equal(
				bisect_verdict_word((enum bisect_verdict)a),
				bisect_verdict_word((enum bisect_verdict)b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_bad_events),
		cmocka_unit_test(test_setup),
		cmocka_unit_test(test_bad_setups),
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
