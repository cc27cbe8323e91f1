/* Results of a hunt as text for people, from their JSON alone. */
#include "bisect/hunt_int.h"

#include "bisect/said.h"

#include <stdio.h>

static void print_patch(const json_t *p)
{
	const char *subject = said(p, "subject");

	printf("%s%s%s", said(p, "stage"), *subject ? ": " : "", subject);
	if (*said(p, "commit"))
		printf(" (%.12s)", said(p, "commit"));
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
	if (said_is(o, "as", "range"))
		return "one of these: nothing between them can be tested";
	if (said_is(o, "as", "group"))
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
	bool exact = said_is(c, "clock", "exact");
	char *from =
		criterion_amount(said_number(o, good), said(c, "unit"), exact);
	char *to =
		criterion_amount(said_number(o, bad), said(c, "unit"), exact);

	printf("%+.2f %% (95 %%: %+.2f to %+.2f %%), %s to %s",
	       100 * said_number(o, "change"), 100 * said_number(o, "low"),
	       100 * said_number(o, "high"), from, to);
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
	       !(said_is(r, "axis", "config") &&
		 said_is(r, "verdict", "no-step") &&
		 said_is(r, "why", "drift"));
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
	if (said_is(r, "verdict", "found")) {
		printf("%s ", said_either(r, "patch", "option"));
		print_patch(first);
		return;
	}
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		answer = answers[i].text;
		if (said_is(r, "verdict", answers[i].verdict) &&
		    (!answers[i].why || said_is(r, "why", answers[i].why)))
			break;
	}
	printf(answer, said_either(r, "patches", "options"));
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

	if (!o || !said_is(c, "kind", "metric"))
		return;
	printf("%s: %s/%s ",
	       said_is(r, "verdict", "no-step") ? "the ends differ" : "effect",
	       said(c, "workload"), said(c, "metric"));
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
		       100 * said_number(o, "share"),
		       confirmed && partial ? ": it is not the only one" : "");
	putchar('\n');
}

static void print_boots(const json_t *o, const json_t *c)
{
	if (*said(o, "says"))
		printf("%s\n", said(o, "says"));
	else if (json_object_get(o, "change")) {
		print_change(o, "parent", "culprit", c);
		print_share(o);
	} else
		printf("%d and %d are broken\n", said_whole(o, "culprit_bad"),
		       said_whole(o, "parent_bad"));
}

/* Is it a comparison of which the boots were never asked for, but builds? */
static bool is_built(const json_t *o, const json_t *c)
{
	return json_object_get(o, "confirmed") && !*said(o, "says") &&
	       said_is(c, "kind", "build");
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
	if (said_whole(o, "useless"))
		printf(" (%d told nothing)", said_whole(o, "useless"));
	printf(": ");
}

/* Was the bad end itself seen broken on these boots? */
static bool can_tell(const json_t *o)
{
	const json_t *bad = json_object_get(o, "culprit_bad");

	return !*said(o, "says") && (!bad || json_integer_value(bad) > 0);
}

static void print_without(const json_t *o, const json_t *c)
{
	int n = said_whole(o, "boots");

	if (!o)
		return;
	if (json_is_false(json_object_get(o, "clean"))) {
		printf("it cannot be taken back from the bad end: %s\n",
		       said(o, "says"));
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
	int n = said_whole(o, "boots");

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

void hunt_print_plain(const json_t *r)
{
	print_answer(r);
	if (has_ends(r))
		printf("probability: %.1f %%, of %d %s%s\n",
		       100 * said_number(r, "probability"),
		       said_whole(r, "patches"),
		       said_either(r, "patch", "step"),
		       said_whole(r, "patches") == 1
			       ? ""
			       : said_either(r, "es", "s"));
	print_effect(r);
	print_confirmation(r);
	printf("cost: %d boots and %d fresh ones, %d kernels\n",
	       said_whole(r, "boots"), said_whole(r, "fresh_boots"),
	       said_whole(r, "kernels"));
	printf("record: %s\n", said(r, "record"));
}

/* A record may be anybody's: no word of it gives orders to a terminal. */
json_t *hunt_plain(const json_t *o)
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
			json_array_set_new(copy, i, hunt_plain(item));
	else if (json_is_object(copy))
		json_object_foreach((json_t *)o, key, item)
			json_object_set_new(copy, key, hunt_plain(item));
	return copy;
}

void hunt_print_result(const json_t *r)
{
	json_t *words = hunt_plain(r);

	hunt_print_plain(words);
	json_decref(words);
}
