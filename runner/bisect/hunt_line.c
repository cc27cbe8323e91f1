/* A record in one line, for lists of what a lab has: see hunt.h. */
#include "bisect/hunt.h"

#include "base/str.h"
#include "bisect/journal.h"

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static const char *stage_of(const json_t *list, size_t k)
{
	return text(json_array_get(list, k), "stage");
}

static bool is_config(const json_t *o)
{
	return !strcmp(text(o, "axis"), "config");
}

static void add_question(const json_t *setup, struct str *out)
{
	const json_t *list = json_object_get(setup, "kernels");
	const json_t *between = json_object_get(setup, "between");
	const char *a = json_string_value(json_array_get(between, 0));
	const char *b = json_string_value(json_array_get(between, 1));
	size_t n = json_array_size(list);
	struct criterion c;
	char *what = NULL;

	if (criterion_from_json(json_object_get(setup, "criterion"), &c)) {
		what = criterion_text(&c);
		criterion_release(&c);
	}
	if (is_config(setup))
		str_addf(out,
			 "%s, %zu step%s from config %s to %s, stage %s, "
			 "machine %s: ",
			 what ? what : "broken", n - 1, n > 2 ? "s" : "",
			 a ? a : "", b ? b : "", text(setup, "at"),
			 text(setup, "machine"));
	else
		str_addf(out,
			 "%s, %zu patch%s from stage %s to %s, config %s, "
			 "machine %s: ",
			 what ? what : "broken", n - 1, n > 2 ? "es" : "",
			 stage_of(list, 0), stage_of(list, n - 1),
			 text(setup, "config"), text(setup, "machine"));
	free(what);
}

static void add_result(const json_t *r, struct str *out)
{
	static const struct {
		const char *verdict, *words;
	} all[] = {{"found", ""},
		   {"range", "one of "},
		   {"no-step", "no single step; largest at "},
		   {"gave-up", "gave up; likely one of "}};
	static const char *const words[2][2] = {{"patches", "patch"},
						{"options", "option"}};
	const json_t *first = json_object_get(r, "first");
	const json_t *confirmed = json_object_get(
		json_object_get(r, "confirmation"), "confirmed");
	const char *a = text(first, "stage");
	const char *b = text(json_object_get(r, "last"), "stage");
	size_t i = 0;

	while (i < 3 && strcmp(all[i].verdict, text(r, "verdict")))
		i++;
	str_addf(out, "%s%s %s", all[i].words, words[is_config(r)][!i], a);
	if (strcmp(a, b))
		str_addf(out, " to %s", b);
	if (!i && *text(first, "subject"))
		str_addf(out, " (%s)", text(first, "subject"));
	if (confirmed)
		str_addf(out, ", %sconfirmed",
			 json_is_true(confirmed) ? "" : "not ");
}

/* What was found between configs, by its first lines. */
static void add_options(const json_t *r, struct str *out)
{
	const json_t *options = json_object_get(r, "options"), *o;
	bool enough = json_is_true(json_object_get(r, "enough"));
	size_t i;

	json_array_foreach(options, i, o)
	{
		const char *line = json_string_value(
			json_array_get(json_object_get(o, "lines"), 0));

		str_addf(out, "%s%s", i ? " and " : "", line ? line : "");
	}
	str_adds(out, enough ? ", confirmed" : ", not all of it");
}

static void add_state(const json_t *setup, const json_t *step, int boots,
		      struct str *out)
{
	const json_t *list = json_object_get(setup, "kernels");
	size_t first =
		(size_t)json_integer_value(json_object_get(step, "first"));
	size_t last = (size_t)json_integer_value(json_object_get(step, "last"));

	str_addf(out, "%d boot%s so far", boots, boots == 1 ? "" : "s");
	if (first >= 1)
		str_addf(out, ", likeliest %s %s",
			 is_config(setup) ? "option" : "patch",
			 stage_of(list, first));
	if (first >= 1 && last > first)
		str_addf(out, " to %s", stage_of(list, last));
	if (first >= 1)
		str_addf(out, " (%.0f %%)",
			 100 * json_number_value(
				       json_object_get(step, "probability")));
}

char *hunt_line(const json_t *lines, bool *open)
{
	const json_t *setup = NULL, *step = NULL, *result = NULL, *line;
	struct str out = STR_INIT;
	int boots = 0;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		const char *t = text(line, "t");

		if (!strcmp(t, "setup"))
			setup = line;
		else if (!strcmp(t, "step"))
			step = line;
		else if (!strcmp(t, "result"))
			result = line;
		else if (!strcmp(t, "event") && json_object_get(line, "seed"))
			boots++;
	}
	add_question(setup, &out);
	*open = false;
	if (result) {
		if (json_object_get(result, "options"))
			add_options(result, &out);
		else
			add_result(result, &out);
	} else if (!strcmp(text(step, "verdict"), "ends")) {
		str_addf(&out, "nothing to search (%s)", text(step, "why"));
	} else {
		add_state(setup, step, boots, &out);
		*open = true;
	}
	str_plain(out.buf);
	return out.buf;
}
