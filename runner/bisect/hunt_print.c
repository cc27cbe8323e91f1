/* Results and records of a hunt as text for people, from their JSON alone. */
#include "bisect/hunt.h"

#include "base/str.h"

#include <stdio.h>

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static int whole(const json_t *o, const char *key)
{
	return (int)json_integer_value(json_object_get(o, key));
}

static bool is(const json_t *o, const char *key, const char *value)
{
	return !strcmp(text(o, key), value);
}

/* Of a list. */
static const char *word(const json_t *o, const char *key, size_t at)
{
	const char *s =
		json_string_value(json_array_get(json_object_get(o, key), at));

	return s ? s : "";
}

/* The word of what is searched, or a sentence with it. */
static const char *either(const json_t *o, const char *patches,
			  const char *configs)
{
	return is(o, "axis", "config") ? configs : patches;
}

/* ---- the result ---- */

static void print_patch(const json_t *p)
{
	const char *subject = text(p, "subject");

	printf("%s%s%s", text(p, "stage"), *subject ? ": " : "", subject);
	if (*text(p, "commit"))
		printf(" (%.12s)", text(p, "commit"));
	putchar('\n');
}

/* Everything but the answer that is one patch; %s: the word for them. */
static const struct {
	const char *verdict, *why, *text;
} answers[] = {
	{"range", NULL,
	 "one of these %s, between which nothing can be tested\n"},
	{"no-step", "drift",
	 "no single step: the change is spread over the %s\n"},
	{"no-step", "two-steps",
	 "no single step: two %s, the likeliest of which are\n"},
	{"no-step", NULL, "no single step\n"},
	{"gave-up", "budget",
	 "gave up: so many boots do not tell; likely one "
	 "of these\n"},
	{"gave-up", "infra", "gave up: the lab failed too often\n"},
	{"gave-up", NULL, "gave up: the boots contradict a single step\n"},
};

static void print_lines(const json_t *list)
{
	const json_t *line;
	size_t i;

	json_array_foreach(list, i, line)
		printf("%s%s", i ? ", " : "", json_string_value(line));
}

/* Why several options are one. */
static const char *coupling(const json_t *o)
{
	if (is(o, "as", "range"))
		return "one of these: nothing between them can be tested";
	if (is(o, "as", "group"))
		return "not told apart";
	return "together, by Kconfig's dependencies";
}

/* What makes the difference between two configs. */
static void print_options(const json_t *r)
{
	const json_t *options = json_object_get(r, "options"), *o;
	const json_t *needs = json_object_get(r, "needs");
	size_t i;

	if (json_is_false(json_object_get(r, "enough")))
		printf("not all of it was found: ");
	printf("%s ", json_array_size(options) > 1 ? "options" : "option");
	json_array_foreach(options, i, o)
	{
		const json_t *lines = json_object_get(o, "lines");

		printf("%s", i ? " and " : "");
		print_lines(lines);
		if (json_array_size(lines) > 1)
			printf(" (%s)", coupling(o));
	}
	putchar('\n');
	if (json_array_size(needs)) {
		printf("  which needs ");
		print_lines(needs);
		putchar('\n');
	}
}

/* c: the criterion, which has the unit. */
static void print_change(const json_t *o, const char *good, const char *bad,
			 const json_t *c)
{
	bool exact = is(c, "clock", "exact");
	char *from = criterion_amount(number(o, good), text(c, "unit"), exact);
	char *to = criterion_amount(number(o, bad), text(c, "unit"), exact);

	printf("%+.2f %% (95 %%: %+.2f to %+.2f %%), %s to %s",
	       100 * number(o, "change"), 100 * number(o, "low"),
	       100 * number(o, "high"), from, to);
	free(from);
	free(to);
}

/* Of two steps, what each of them makes. */
static void print_step_of(const json_t *r, size_t i)
{
	const json_t *o = json_array_get(json_object_get(r, "steps"), i);

	if (!json_object_get(o, "change"))
		return;
	printf("         ");
	print_change(o, "good", "bad", json_object_get(r, "criterion"));
	putchar('\n');
}

/* What the levels of one step say of patches is a hint where to look; between
 * configs each option is searched for itself. */
static bool has_ends(const json_t *r)
{
	return json_object_get(r, "first") &&
	       !(is(r, "axis", "config") && is(r, "verdict", "no-step") &&
		 is(r, "why", "drift"));
}

static void print_answer(const json_t *r)
{
	const json_t *first = json_object_get(r, "first");
	const json_t *last = json_object_get(r, "last");
	const char *answer = "";

	if (json_object_get(r, "options")) {
		print_options(r);
		return;
	}
	if (is(r, "verdict", "found")) {
		printf("%s ", either(r, "patch", "option"));
		print_patch(first);
		return;
	}
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		answer = answers[i].text;
		if (is(r, "verdict", answers[i].verdict) &&
		    (!answers[i].why || is(r, "why", answers[i].why)))
			break;
	}
	printf(answer, either(r, "patches", "options"));
	if (!has_ends(r))
		return;
	printf("  first: ");
	print_patch(first);
	print_step_of(r, 0);
	printf("  last:  ");
	print_patch(last);
	print_step_of(r, 1);
}

static void print_effect(const json_t *r)
{
	const json_t *c = json_object_get(r, "criterion");
	const json_t *o = json_object_get(r, "effect");

	if (!o || !is(c, "kind", "metric"))
		return;
	printf("%s: %s/%s ",
	       is(r, "verdict", "no-step") ? "the ends differ" : "effect",
	       text(c, "workload"), text(c, "metric"));
	print_change(o, "good", "bad", c);
	putchar('\n');
}

/* How much of what the ends differ by is it? */
static void print_share(const json_t *o)
{
	bool confirmed = json_is_true(json_object_get(o, "confirmed"));
	bool partial = json_is_true(json_object_get(o, "partial"));

	if (json_object_get(o, "share"))
		printf("; %.0f %% of what the ends differ by%s",
		       100 * number(o, "share"),
		       confirmed && partial ? ": it is not the only one" : "");
	putchar('\n');
}

static void print_boots(const json_t *o, const json_t *c)
{
	if (*text(o, "says"))
		printf("%s\n", text(o, "says"));
	else if (json_object_get(o, "change")) {
		print_change(o, "parent", "culprit", c);
		print_share(o);
	} else
		printf("%d and %d are broken\n", whole(o, "culprit_bad"),
		       whole(o, "parent_bad"));
}

/* Is it a comparison of which the boots were never asked for, but builds? */
static bool is_built(const json_t *o, const json_t *c)
{
	return json_object_get(o, "confirmed") && !*text(o, "says") &&
	       is(c, "kind", "build");
}

/* A config upon the good one. */
static void print_pair(const json_t *o, const json_t *c)
{
	if (is_built(o, c)) {
		puts(json_is_true(json_object_get(o, "confirmed"))
			     ? "does not build"
			     : "builds");
		return;
	}
	if (json_object_get(o, "untold"))
		printf("cannot be tested: ");
	print_boots(o, c);
}

/* Of configs: the good one with what was found, and with each part of it. */
static void print_alone(const json_t *r, const json_t *c)
{
	const json_t *options = json_object_get(r, "options"), *o;
	size_t i;

	if (!options)
		return;
	printf("alone upon the good config: ");
	print_pair(json_object_get(r, "together"), c);
	json_array_foreach(options, i, o)
	{
		if (!json_object_get(o, "alone"))
			continue;
		printf("  ");
		print_lines(json_object_get(o, "lines"));
		printf(": ");
		print_pair(json_object_get(o, "alone"), c);
	}
	o = json_object_get(r, "without");
	if (is_built(o, c))
		printf("the bad end without it %s\n",
		       json_is_true(json_object_get(o, "confirmed"))
			       ? "builds"
			       : "does not build");
}

/* Of the boots at both sides, those that are not in what follows. */
static void print_useless(const json_t *o)
{
	if (whole(o, "useless"))
		printf(" (%d told nothing)", whole(o, "useless"));
	printf(": ");
}

/* Was the bad end itself seen broken on these boots? */
static bool can_tell(const json_t *o)
{
	const json_t *bad = json_object_get(o, "culprit_bad");

	return !*text(o, "says") && (!bad || json_integer_value(bad) > 0);
}

static void print_without(const json_t *o, const json_t *c)
{
	int n = whole(o, "boots");

	if (!o)
		return;
	if (json_is_false(json_object_get(o, "clean"))) {
		printf("it cannot be taken back from the bad end: %s\n",
		       text(o, "says"));
		return;
	}
	if (!can_tell(o))
		printf("whether the bad end without it is cured cannot be "
		       "told");
	else
		printf("the bad end without it is %s",
		       json_is_true(json_object_get(o, "confirmed"))
			       ? "cured"
			       : "not cured");
	printf(", %d boot%s with it and %d without", n, n > 1 ? "s" : "", n);
	print_useless(o);
	print_boots(o, c);
}

static void print_confirmation(const json_t *r)
{
	const json_t *o = json_object_get(r, "confirmation");
	const json_t *c = json_object_get(r, "criterion");
	int n = whole(o, "boots");

	if (o) {
		printf("%s on fresh boots, %d of it and %d of its parent",
		       json_is_true(json_object_get(o, "confirmed"))
			       ? "confirmed"
			       : "not confirmed",
		       n, n);
		print_useless(o);
		print_boots(o, c);
	}
	print_alone(r, c);
	o = json_object_get(r, "without");
	if (!is_built(o, c))
		print_without(o, c);
}

static void print_result(const json_t *r)
{
	print_answer(r);
	if (has_ends(r))
		printf("probability: %.1f %%, of %d %s%s\n",
		       100 * number(r, "probability"), whole(r, "patches"),
		       either(r, "patch", "step"),
		       whole(r, "patches") == 1 ? "" : either(r, "es", "s"));
	print_effect(r);
	print_confirmation(r);
	printf("cost: %d boots and %d fresh ones, %d kernels\n",
	       whole(r, "boots"), whole(r, "fresh_boots"), whole(r, "kernels"));
	printf("record: %s\n", text(r, "record"));
}

/* ---- the record ---- */

static void print_setup(const json_t *o)
{
	const json_t *c = json_object_get(o, "criterion");
	const json_t *kernels = json_object_get(o, "kernels");
	size_t n = json_array_size(kernels);

	if (is(o, "axis", "config"))
		printf("%s: %zu steps from config %s to config %s, stage %s, "
		       "machine %s: %s",
		       text(o, "name"), n - 1, word(o, "between", 0),
		       word(o, "between", 1), text(o, "at"), text(o, "machine"),
		       text(c, "kind"));
	else
		printf("%s: %zu patches, stage %s to stage %s, config %s, "
		       "machine %s: %s",
		       text(o, "name"), n - 1,
		       text(json_array_get(kernels, 0), "stage"),
		       text(json_array_get(kernels, n - 1), "stage"),
		       text(o, "config"), text(o, "machine"), text(c, "kind"));
	if (*text(c, "signature"))
		printf(" %s", text(c, "signature"));
	if (*text(c, "workload"))
		printf(" %s%s%s", text(c, "workload"),
		       *text(c, "metric") ? "/" : "", text(c, "metric"));
	putchar('\n');
}

/* Which kernel is it?  That of a comparison has a name of its own. */
static void print_kernel(const json_t *setup, const json_t *o)
{
	const json_t *kernels = json_object_get(setup, "kernels");
	bool fresh = is(o, "t", "confirm");
	bool found = is(o, "side", "culprit") || is(o, "side", "parent");
	const char *stage = text(o, "stage");
	size_t n = json_array_size(kernels);
	const char *end = "";

	if (n && is(json_array_get(kernels, 0), "stage", stage))
		end = word(setup, "ends", 0);
	else if (n && is(json_array_get(kernels, n - 1), "stage", stage))
		end = word(setup, "ends", 1);
	if (!is(setup, "axis", "config"))
		printf("stage %s", stage);
	else if (fresh && !found)
		printf("%s", stage);
	else if (*end)
		printf("%s", end);
	else
		printf("up to %s", stage);
}

static void print_seen(const json_t *setup, const json_t *o)
{
	const char *says = text(o, "says");

	print_kernel(setup, o);
	printf(": %s", is(o, "t", "weak") ? "weak" : text(o, "what"));
	if (json_object_get(o, "measured"))
		printf(" %.6g", number(o, "measured"));
	if (json_object_get(o, "seed"))
		printf(", seed %d, boot %s", whole(o, "seed"), text(o, "boot"));
	printf("%s%s\n", *says ? ": " : "", says);
}

static void print_step(const json_t *o, const char *word)
{
	if (is(o, "verdict", "run"))
		printf("  next: kernel %d (%s); %s %d to %d: %.1f %%\n",
		       whole(o, "kernel"), text(o, "why"), word,
		       whole(o, "first"), whole(o, "last"),
		       100 * number(o, "probability"));
	else
		printf("  %s %s\n", text(o, "verdict"), text(o, "why"));
}

/* A record may be anybody's: no word of it gives orders to a terminal. */
static json_t *plain(const json_t *o)
{
	json_t *copy, *item;
	const char *key;
	char *word;
	size_t i;

	if (json_is_string(o)) {
		word = xstrdup(json_string_value(o));
		str_plain(word);
		copy = json_string(word);
		free(word);
		return copy;
	}
	copy = json_copy((json_t *)o);
	if (json_is_array(copy))
		json_array_foreach((json_t *)o, i, item)
			json_array_set_new(copy, i, plain(item));
	else if (json_is_object(copy))
		json_object_foreach((json_t *)o, key, item)
			json_object_set_new(copy, key, plain(item));
	return copy;
}

void hunt_print_result(const json_t *r)
{
	json_t *words = plain(r);

	print_result(words);
	json_decref(words);
}

void hunt_print_record(const json_t *all)
{
	json_t *lines = plain(all);
	const json_t *setup = json_array_get(lines, 0);
	const char *patches = "patches";
	const json_t *o;
	size_t i;

	json_array_foreach(lines, i, o)
	{
		if (is(o, "t", "setup")) {
			patches = either(o, "patches", "steps");
			print_setup(o);
		} else if (is(o, "t", "event") || is(o, "t", "weak") ||
			   is(o, "t", "confirm")) {
			print_seen(setup, o);
		} else if (is(o, "t", "step")) {
			print_step(o, patches);
		} else if (is(o, "t", "refused")) {
			puts(text(o, "says"));
		} else if (is(o, "t", "result")) {
			print_result(o);
		}
	}
	json_decref(lines);
}
