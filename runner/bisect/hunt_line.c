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

static void add_question(const json_t *setup, struct str *out)
{
	const json_t *list = json_object_get(setup, "kernels");
	size_t n = json_array_size(list);
	struct criterion c;
	char *what = NULL;

	if (criterion_from_json(json_object_get(setup, "criterion"), &c)) {
		what = criterion_text(&c);
		criterion_release(&c);
	}
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
	} all[] = {{"found", "patch"},
		   {"range", "one of patches"},
		   {"no-step", "no single step; largest at patches"},
		   {"gave-up", "gave up; likely one of patches"}};
	const json_t *first = json_object_get(r, "first");
	const json_t *confirmed = json_object_get(
		json_object_get(r, "confirmation"), "confirmed");
	const char *a = text(first, "stage");
	const char *b = text(json_object_get(r, "last"), "stage");
	size_t i = 0;

	while (i < 3 && strcmp(all[i].verdict, text(r, "verdict")))
		i++;
	str_addf(out, "%s %s", all[i].words, a);
	if (strcmp(a, b))
		str_addf(out, " to %s", b);
	if (!i && *text(first, "subject"))
		str_addf(out, " (%s)", text(first, "subject"));
	if (confirmed)
		str_addf(out, ", %sconfirmed",
			 json_is_true(confirmed) ? "" : "not ");
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
		str_addf(out, ", likeliest patch %s", stage_of(list, first));
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
