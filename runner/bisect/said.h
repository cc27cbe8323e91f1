/* Reading what a record says, for those that print it: what is not there is ""
 * or 0. */
#ifndef KLAB_SAID_H
#define KLAB_SAID_H

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

static inline const char *said(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static inline double said_number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static inline int said_whole(const json_t *o, const char *key)
{
	return (int)json_integer_value(json_object_get(o, key));
}

static inline bool said_is(const json_t *o, const char *key, const char *value)
{
	return !strcmp(said(o, key), value);
}

/* Of a list. */
static inline const char *said_word(const json_t *o, const char *key, size_t at)
{
	const char *s =
		json_string_value(json_array_get(json_object_get(o, key), at));

	return s ? s : "";
}

/* The word of what is searched, or a sentence with it. */
static inline const char *said_either(const json_t *o, const char *patches,
				      const char *configs)
{
	return said_is(o, "axis", "config") ? configs : patches;
}

#endif
