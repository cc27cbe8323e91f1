/* Records of hunts as text for people, from their JSON alone. */
#include "bisect/hunt_int.h"

#include "bisect/said.h"

#include <stdio.h>

static void print_setup(const json_t *o)
{
	const json_t *c = json_object_get(o, "criterion");
	const json_t *kernels = json_object_get(o, "kernels");
	size_t n = json_array_size(kernels);

	if (said_is(o, "axis", "config"))
		printf("%s: %zu steps from config %s to config %s, stage %s, "
		       "machine %s: %s",
		       said(o, "name"), n - 1, said_word(o, "between", 0),
		       said_word(o, "between", 1), said(o, "at"),
		       said(o, "machine"), said(c, "kind"));
	else
		printf("%s: %zu patches, stage %s to stage %s, config %s, "
		       "machine %s: %s",
		       said(o, "name"), n - 1,
		       said(json_array_get(kernels, 0), "stage"),
		       said(json_array_get(kernels, n - 1), "stage"),
		       said(o, "config"), said(o, "machine"), said(c, "kind"));
	if (*said(c, "signature"))
		printf(" %s", said(c, "signature"));
	if (*said(c, "workload"))
		printf(" %s%s%s", said(c, "workload"),
		       *said(c, "metric") ? "/" : "", said(c, "metric"));
	putchar('\n');
}

/* Which kernel is it?  That of a comparison has a name of its own. */
static void print_kernel(const json_t *setup, const json_t *o)
{
	const json_t *kernels = json_object_get(setup, "kernels");
	bool fresh = said_is(o, "t", "confirm");
	bool found =
		said_is(o, "side", "culprit") || said_is(o, "side", "parent");
	const char *stage = said(o, "stage");
	size_t n = json_array_size(kernels);
	const char *end = "";

	if (n && said_is(json_array_get(kernels, 0), "stage", stage))
		end = said_word(setup, "ends", 0);
	else if (n && said_is(json_array_get(kernels, n - 1), "stage", stage))
		end = said_word(setup, "ends", 1);
	if (!said_is(setup, "axis", "config"))
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
	const char *says = said(o, "says");

	print_kernel(setup, o);
	printf(": %s", said_is(o, "t", "weak") ? "weak" : said(o, "what"));
	if (json_object_get(o, "measured"))
		printf(" %.6g", said_number(o, "measured"));
	if (json_object_get(o, "seed"))
		printf(", seed %d, boot %s", said_whole(o, "seed"),
		       said(o, "boot"));
	printf("%s%s\n", *says ? ": " : "", says);
}

static void print_step(const json_t *o, const char *word)
{
	if (said_is(o, "verdict", "run"))
		printf("  next: kernel %d (%s); %s %d to %d: %.1f %%\n",
		       said_whole(o, "kernel"), said(o, "why"), word,
		       said_whole(o, "first"), said_whole(o, "last"),
		       100 * said_number(o, "probability"));
	else
		printf("  %s %s\n", said(o, "verdict"), said(o, "why"));
}

void hunt_print_record(const json_t *all)
{
	json_t *lines = hunt_plain(all);
	const json_t *setup = json_array_get(lines, 0);
	const char *patches = "patches";
	const json_t *o;
	size_t i;

	json_array_foreach(lines, i, o)
	{
		if (said_is(o, "t", "setup")) {
			patches = said_either(o, "patches", "steps");
			print_setup(o);
		} else if (said_is(o, "t", "event") ||
			   said_is(o, "t", "weak") ||
			   said_is(o, "t", "confirm")) {
			print_seen(setup, o);
		} else if (said_is(o, "t", "step")) {
			print_step(o, patches);
		} else if (said_is(o, "t", "refused")) {
			puts(said(o, "says"));
		} else if (said_is(o, "t", "result")) {
			hunt_print_plain(o);
		}
	}
	json_decref(lines);
}
